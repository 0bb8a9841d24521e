"""Campaigns over HTTP: submitted, looked at, steered, taken home; the account, its credits and their log."""

import csv
import io

import pytest

from engine import suppressions
from engine.plans import Plan
from tests.factories import a_campaign, a_plan, addresses, an_account, send_all
from tests.web.conftest import problem
from web.documents import (
    AccountGiven,
    CampaignGiven,
    Campaigns,
    Forecast,
    Log,
    OutlookGiven,
    Plans,
    Recipients,
    Submitted,
    WalletGiven,
)
from web.documents_mailbox import Suppressions

pytestmark = pytest.mark.redis

ORDER = {"name": "Nurses", "subject": "Hi {{ first_name }}", "body": "A role for you, {{ first_name }}."}
PEOPLE = [{"email": f"p{i}@example.org", "first_name": f"N{i}"} for i in range(3)]


def test_the_account_its_plan_its_credits_and_their_log_are_told(acme):
    told = AccountGiven.model_validate(acme.get("/v1/account").json())
    assert (told.account, told.wallet.available, told.open_contacts) == ("acme", 1_000, 0)
    assert WalletGiven.model_validate(acme.get("/v1/credits").json()).granted == 1_000
    plans = Plans.model_validate(acme.get("/v1/plans").json())
    assert [plan.plan for plan in plans.items][:2] == ["basic", "business"]
    first = Log.model_validate(acme.get("/v1/credits/log", params={"limit": 1}).json())
    assert ([entry.kind for entry in first.items], first.next) == (["open"], 1)
    rest = Log.model_validate(acme.get("/v1/credits/log", params={"after": first.next}).json())
    assert ([entry.kind for entry in rest.items], rest.next) == (["grant"], None)


def test_the_outlook_of_the_keys_account_is_told_to_who_may_read_credits(acme, api):
    told = OutlookGiven.model_validate(acme.get("/v1/credits/outlook").json())
    assert (told.available, told.empties_at_ms, told.next_grant_at_ms) == (1_000, None, None)
    an_account(api.store, "uni", plan=a_plan(slug="p", credits_a_month=10, balance_cap_months=1))
    told = OutlookGiven.model_validate(api.caller("uni", scopes=["credits:read"]).get("/v1/credits/outlook").json())
    assert (told.next_grant_credits, told.expiring_credits, told.days_observed) == (10, 10, 1)
    problem(api.caller("uni", scopes=["account:read"]).get("/v1/credits/outlook"), 403, "no_scope")


def test_a_campaign_is_submitted_in_json_and_shown(acme, api):
    people = [*PEOPLE, {"email": "no address", "first_name": "X"}]
    answer = acme.post("/v1/campaigns", json=ORDER | {"recipients": people})
    assert answer.status_code == 201
    told = Submitted.model_validate(answer.json())
    assert (told.campaign, told.accepted, told.rejected, told.rejects[0].line) == ("acme.1", 3, 1, 4)
    assert answer.headers["Location"] == "/v1/campaigns/acme.1"
    send_all(api.store, "acme.1")
    shown = CampaignGiven.model_validate(acme.get(answer.headers["Location"]).json())
    assert (shown.state, shown.counts["sent"], shown.name) == ("sent", 3, "Nurses")


def test_fields_are_read_from_other_columns_by_map_and_cells_of_every_kind(acme, api):
    people = [{"Work mail": "a@example.org", "years": 7, "open": True, "skills": ["x", "y"], "city": None}]
    order = {"subject": "{{ years }} {{ skills }}", "body": "{{ open }}{{ city }}", "map": {"email": "Work mail"}}
    assert acme.post("/v1/campaigns", json=order | {"recipients": people}).status_code == 201
    (only,) = Recipients.model_validate(acme.get("/v1/campaigns/acme.1/recipients").json()).items
    assert only.fields == {"email": "a@example.org", "years": "7", "open": "TRUE", "skills": "x; y", "city": ""}


def test_a_dry_run_foretells_and_changes_nothing(acme, api):
    before = {key: api.store.client.dump(key) for key in api.store.client.scan_iter("inmail:{acme}*")}
    answer = acme.post("/v1/campaigns?dry_run=true", json=ORDER | {"recipients": PEOPLE})
    told = Forecast.model_validate(answer.json())
    assert (answer.status_code, told.accepted, told.credits_needed, told.messages[0].subject) == (200, 3, 3, "Hi N0")
    assert {key: api.store.client.dump(key) for key in api.store.client.scan_iter("inmail:{acme}*")} == before


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"subject": "{{ nope }}"}, "bad_template", 422),
        ({"subject": "{% raw"}, "bad_template", 422),
        ({"channel": "pigeon"}, "unknown_channel", 422),
        ({"name": "a\nb"}, "bad_name", 422),
        ({"start_at_ms": 2**52}, "bad_start", 422),
        ({"recipients": []}, "bad_request_fields", 422),
        ({"recipients": [{"first_name": "A"}]}, "no_address_column", 422),
        ({"recipients": [{"email": "nobody", "first_name": "A"}]}, "nobody", 422),
        ({"recipients": [{"email": {"a": "b"}}]}, "bad_request_fields", 422),
        ({"map": {"email": "Nowhere"}}, "bad_mapping", 422),
        ({"map": {"E Mail": "email"}}, "bad_mapping", 422),
        ({"strict": True, "recipients": [*PEOPLE, {"email": "x"}]}, "strict", 422),
        ({"strict": "yes"}, "bad_request_fields", 422),
        ({"body": ""}, "bad_request_fields", 422),
    ],
)
def test_an_order_that_cannot_be_is_refused_saying_why_and_nothing_is_left(acme, api, change, code, status):
    document = problem(acme.post("/v1/campaigns", json=ORDER | {"recipients": PEOPLE} | change), status, code)
    assert "--" not in document["detail"], "nobody here has a command line"
    assert acme.get("/v1/campaigns").json()["items"] == []
    if code == "nobody":
        assert document["rejects"][0]["reason"] == "bad_address"


def test_a_plan_that_cannot_send_is_told_which_can(api):
    an_account(api.store, "free", plan=Plan("basic", "Basic", can_send=False))
    caller = api.caller("free")
    document = problem(caller.post("/v1/campaigns", json=ORDER | {"recipients": PEOPLE}), 403, "cannot_send")
    assert document["plans"] == ["business", "business_plus", "executive"]
    problem(caller.post("/v1/campaigns?dry_run=true", json=ORDER | {"recipients": PEOPLE}), 403, "cannot_send")


def test_campaigns_and_recipients_come_in_pages(acme, api):
    for i in range(5):
        a_campaign(api.store, to=addresses(3, 10 * i), pack_size=2)
    seen, cursor = [], None
    while True:
        page = Campaigns.model_validate(
            acme.get("/v1/campaigns", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        )
        seen += [it.campaign for it in page.items]
        if (cursor := page.next) is None:
            break
    assert seen == [f"acme.{i}" for i in range(1, 6)]
    send_all(api.store, "acme.2")
    first = Recipients.model_validate(acme.get("/v1/campaigns/acme.2/recipients?limit=2&state=sent").json())
    rest = Recipients.model_validate(
        acme.get("/v1/campaigns/acme.2/recipients", params={"limit": 2, "cursor": first.next}).json()
    )
    assert [it.inmail for it in [*first.items, *rest.items]] == ["acme.2.0", "acme.2.1", "acme.2.2"]
    assert rest.next is None
    assert acme.get("/v1/campaigns/acme.2/recipients?state=queued").json()["items"] == []
    problem(acme.get("/v1/campaigns/acme.2/recipients?state=asleep"), 422, "unknown_state")


def test_steering_says_the_state_after_and_a_refusal_which_moves_are_possible(acme, api):
    a_campaign(api.store)
    for verb, state in (("pause", "paused"), ("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert acme.post(f"/v1/campaigns/acme.1/{verb}").json() == {"campaign": "acme.1", "state": state}
    document = problem(acme.post("/v1/campaigns/acme.1/resume"), 409, "wrong_state")
    assert document["allowed"] == []
    assert acme.get("/v1/campaigns/acme.1").json()["counts"]["cancelled"] == 3


def test_every_move_a_refusal_names_is_possible_and_no_other(acme, api):
    from web.routes_campaigns import _MOVES

    for n, (state, way) in enumerate(
        [("running", []), ("paused", ["pause"]), ("cancelled", ["cancel"]), ("closed", None)], start=1
    ):
        for verb in ("pause", "resume", "cancel"):
            campaign = a_campaign(api.store, to=addresses(1, 100 * n + len(verb)))
            if way is None:  # suppressed, so that nothing is sent and nothing is left to answer
                suppressions.suppress(api.store, "acme", f"p{100 * n + len(verb)}@example.org")
                send_all(api.store, campaign)
            for step in way or []:
                acme.post(f"/v1/campaigns/{campaign}/{step}")
            assert acme.get(f"/v1/campaigns/{campaign}").json()["state"] == state
            answer = acme.post(f"/v1/campaigns/{campaign}/{verb}")
            named = verb in _MOVES.get(state, [])
            changed = answer.status_code == 200 and answer.json()["state"] != state
            assert named == changed, (state, verb)


def test_an_export_is_csv_and_what_a_spreadsheet_would_run_is_inert(acme, api):
    people = [{"email": f"p{i}@example.org", "first_name": "=1+1" if i == 1 else "Zoë"} for i in range(1_200)]
    acme.post("/v1/campaigns", json=ORDER | {"recipients": people})
    answer = acme.get("/v1/campaigns/acme.1/export")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="acme.1.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 1_200
    assert (rows[1]["first_name"], rows[0]["first_name"], rows[1]["inmail"]) == ("'=1+1", "Zoë", "acme.1.1")


def test_suppressions_are_added_listed_in_pages_and_removed(acme, api):
    for i in range(5):
        answer = acme.post("/v1/suppressions", json={"address": f"P{i}@EXAMPLE.org"})
        assert (answer.status_code, answer.json()["changed"]) == (201, True)
    again = acme.post("/v1/suppressions", json={"address": "p1@example.org"}).json()
    assert again["changed"] is False
    first = Suppressions.model_validate(acme.get("/v1/suppressions?limit=3").json())
    rest = Suppressions.model_validate(acme.get("/v1/suppressions", params={"cursor": first.next}).json())
    assert [*first.items, *rest.items] == sorted(again["address"].replace("1", str(i)) for i in range(5))
    assert rest.next is None
    for changed in (True, False):
        told = acme.delete(f"/v1/suppressions/{first.items[0]}").json()
        assert told == {"address": first.items[0], "suppressed": False, "changed": changed}
    problem(acme.post("/v1/suppressions", json={"address": "nobody"}), 422, "bad_address")
    problem(acme.delete("/v1/suppressions/nobody"), 422, "bad_address")


def test_the_window_of_the_plan_is_the_campaigns(api):
    an_account(api.store, "uni", credits_=5, plan=a_plan(slug="p", refund_after_ms=60_000, refund_when="answered"))
    caller = api.caller("uni")
    caller.post("/v1/campaigns", json=ORDER | {"recipients": PEOPLE})
    shown = caller.get("/v1/campaigns/uni.1").json()
    assert (shown["refund_after_ms"], shown["refund_when"]) == (60_000, "answered")
