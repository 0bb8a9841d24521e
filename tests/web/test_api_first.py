from tests.web.conftest import problem
from tests.factories import a_campaign, send_all


def test_it(acme, api):
    print(acme.get("/v1/account").text)
    c = acme.post(
        "/v1/campaigns",
        json={
            "name": "x",
            "subject": "Hi {{ first_name }}",
            "body": "Hello",
            "recipients": [{"email": "a@example.org", "first_name": "A"}, {"email": "nope", "first_name": "B"}],
        },
    )
    print(c.status_code, c.text, c.headers)
    send_all(api.store, "acme.1")
    for p in (
        "/v1/plans",
        "/v1/credits",
        "/v1/credits/log",
        "/v1/campaigns",
        "/v1/campaigns/acme.1",
        "/v1/campaigns/acme.1/recipients",
        "/v1/campaigns/acme.1/export",
        "/v1/inbox",
        "/v1/conversations?folder=awaiting",
        "/v1/conversations/unread",
        "/v1/inmails/acme.1.0",
        "/v1/suppressions",
        "/healthz",
        "/readyz",
        "/problems/no_key",
        "/openapi.json",
        "/v1/nothing",
        "/v1/campaigns/x",
        "/v1/campaigns?limt=2",
    ):
        r = acme.get(p)
        print(p, r.status_code, r.text[:300])
    for v in ("pause", "resume", "cancel", "pause"):
        r = acme.post(f"/v1/campaigns/acme.1/{v}", headers={"Idempotency-Key": v})
        print(v, r.status_code, r.text, r.headers)
    assert 0
