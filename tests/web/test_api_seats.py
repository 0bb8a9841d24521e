"""Seats over HTTP: people on the account's credits, each with a key that submits campaigns of their own."""

import pytest

from engine import api_keys, seats
from engine.campaigns import get_campaign
from tests.factories import an_account
from tests.waiting import wait_until
from tests.web.conftest import problem
from web.documents import CampaignGiven, Campaigns, Forecast
from web.documents_seats import SeatGiven, SeatRemoved, Seats

pytestmark = pytest.mark.redis

BEN = {"seat": "ben", "name": "Ben", "email": "ben@example.org", "cap_credits": 5}
ORDER = {"name": "n", "subject": "s", "body": "b"}


def people(n, start=0):
    return [{"email": f"p{i}@example.org"} for i in range(start, start + n)]


@pytest.fixture
def his(acme, api):
    """A caller with Ben's key."""
    acme.post("/v1/seats", json=BEN).raise_for_status()
    return api.caller("acme", seat="ben")


def test_seats_are_added_listed_in_pages_changed_and_taken_away(acme, api):
    answer = acme.post("/v1/seats", json=BEN)
    assert answer.status_code == 201
    ben = SeatGiven.model_validate(answer.json())
    assert (ben.seat, ben.cap_credits, ben.used_credits, ben.month) == ("ben", 5, 0, "s1.0")
    assert acme.post("/v1/seats", json=BEN).json() == answer.json(), "twice is once"
    for seat in ("ada", "eve", "zoe"):
        acme.post("/v1/seats", json={"seat": seat, "name": seat, "email": f"{seat}@example.org"}).raise_for_status()
    first = Seats.model_validate(acme.get("/v1/seats?limit=3").json())
    rest = Seats.model_validate(acme.get("/v1/seats", params={"cursor": first.next}).json())
    assert ([one.seat for one in first.items], [one.seat for one in rest.items]) == (["ada", "ben", "eve"], ["zoe"])
    assert rest.next is None
    for cap in (0, 9, None):
        changed = SeatGiven.model_validate(acme.patch("/v1/seats/ben", json={"cap_credits": cap}).json())
        assert changed.cap_credits == cap
    api_keys.create(api.store, "acme", seat="ben")
    gone = SeatRemoved.model_validate(acme.delete("/v1/seats/ben").json())
    assert (gone.seat, gone.keys_revoked) == ("ben", 1)
    problem(acme.delete("/v1/seats/ben"), 404, "no_seat")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"seat": "Ben"}, 422, "bad_request_fields"),
        ({"cap_credits": -1}, 422, "bad_request_fields"),
        ({"cap_credits": "5"}, 422, "bad_request_fields"),
        ({"account": "globex"}, 422, "bad_request_fields"),
        ({"email": "nobody"}, 422, "bad_address"),
        ({"name": "\u202e"}, 422, "bad_name"),
        ({"name": "Benno"}, 409, "seat_exists"),
        ({"cap_credits": 6}, 409, "seat_exists"),
    ],
)
def test_what_cannot_be_is_refused_by_code(acme, his, changes, status, code):
    problem(acme.post("/v1/seats", json=BEN | changes), status, code)
    assert len(acme.get("/v1/seats").json()["items"]) == 1


def test_a_seat_that_has_another_cap_is_told_how_to_change_it_over_http(acme, his):
    detail = problem(acme.post("/v1/seats", json=BEN | {"cap_credits": 6}), 409, "seat_exists")["detail"]
    assert detail == "seat 'ben' has a cap of 5; change it with PATCH /v1/seats/ben"


def test_there_are_so_many_of_an_account(acme, his, monkeypatch):
    monkeypatch.setattr(seats, "SEATS_MAX", 1)
    problem(acme.post("/v1/seats", json=BEN | {"seat": "ada"}), 409, "too_many_seats")
    problem(acme.patch("/v1/seats/ada", json={"cap_credits": 1}), 404, "no_seat")
    problem(acme.patch("/v1/seats/ben", json={}), 422, "bad_request_fields")


def test_a_seats_campaigns_are_its_own_and_its_key_cannot_raise_its_cap(acme, his, api):
    mine = his.post("/v1/campaigns", json=ORDER | {"recipients": people(2)}).json()["campaign"]
    ours = acme.post("/v1/campaigns", json=ORDER | {"recipients": people(2, 10)}).json()["campaign"]
    assert CampaignGiven.model_validate(acme.get(f"/v1/campaigns/{mine}").json()).seat == "ben"
    assert CampaignGiven.model_validate(acme.get(f"/v1/campaigns/{ours}").json()).seat is None
    listed = Campaigns.model_validate(his.get("/v1/campaigns").json())
    assert [one.seat for one in listed.items] == ["ben", None]
    problem(his.patch("/v1/seats/ben", json={"cap_credits": None}), 403, "no_scope")
    assert his.get("/v1/seats").status_code == 200


def test_an_uploaded_list_is_the_seats_too_and_a_dry_run_knows_the_cap(his, api):
    rows = "email\n" + "".join(f"p{i}@example.org\n" for i in range(7))
    files = {"file": ("l.csv", rows.encode())}
    foretold = Forecast.model_validate(
        his.post("/v1/campaigns?dry_run=true", json=ORDER | {"recipients": people(7)}).json()
    )
    assert (foretold.sent_at_once, foretold.waiting_for, foretold.waves_if_nobody_answers) == (5, "seat", None)
    for query, state in (("?dry_run=true", "checked"), ("", "submitted")):
        place = his.post(f"/v1/campaigns{query}", data=ORDER, files=files).headers["Location"]
        wait_until(lambda place=place, state=state: his.get(place).json()["state"] == state)
    found = his.get(place).json()
    assert get_campaign(api.store, found["campaign"]).seat == "ben"


def test_two_seats_may_not_share_an_idempotency_key(acme, his, api):
    acme.post("/v1/seats", json=BEN | {"seat": "ada", "name": "Ada"}).raise_for_status()
    hers, headers = api.caller("acme", seat="ada"), {"Idempotency-Key": "k"}
    body = ORDER | {"recipients": people(1)}
    first = his.post("/v1/campaigns", json=body, headers=headers)
    assert first.status_code == 201
    assert his.post("/v1/campaigns", json=body, headers=headers).json() == first.json()
    problem(hers.post("/v1/campaigns", json=body, headers=headers), 422, "key_reused")
    files = {"file": ("l.csv", b"email\na@example.org\n")}
    headers = {"Idempotency-Key": "l"}
    assert his.post("/v1/campaigns", data=ORDER, files=files, headers=headers).status_code == 202
    problem(hers.post("/v1/campaigns", data=ORDER, files=files, headers=headers), 422, "key_reused")


def test_a_key_of_a_removed_seat_is_not_in_force_and_an_order_on_its_way_is_refused(acme, his, api, monkeypatch):
    # The seat goes away between the look at the key and the order.
    real = api_keys.admit

    def admit_then_remove(store, presented, pace):
        found = real(store, presented, pace)
        if found is not None and found.seat:
            seats.remove(store, "acme", "ben")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(api_keys, "admit", admit_then_remove)
        problem(his.post("/v1/campaigns", json=ORDER | {"recipients": people(1)}), 404, "no_seat")
    problem(his.get("/v1/credits"), 401, "no_key")
    assert acme.get("/v1/campaigns").json()["items"] == []


def test_a_seat_of_another_account_is_nobodys_here(acme, his, api):
    an_account(api.store, "globex")
    other = api.caller("globex")
    assert other.get("/v1/seats").json() == {"items": [], "next": None}
    problem(other.patch("/v1/seats/ben", json={"cap_credits": 1}), 404, "no_seat")
    problem(other.delete("/v1/seats/ben"), 404, "no_seat")
    assert seats.get(api.store, "acme", "ben").cap_credits == 5
