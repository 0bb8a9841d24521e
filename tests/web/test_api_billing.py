"""The subscription, what it allows and its invoices over HTTP: begun, previewed, changed, cancelled, taken home."""

import base64
import csv
import hashlib
import io
import re

import pytest

from config.settings import Settings
from engine import credits, opening, payments, seats
from engine.plans import find_plan
from tests.conftest import DAY_MS
from tests.factories import a_campaign, an_account, send_all
from tests.web.conftest import opened, problem
from web.documents import AccountGiven, Plans
from web.documents_billing import Done, Entitlements, InvoiceGiven, Invoices, PreviewGiven, SubscriptionGiven

pytestmark = pytest.mark.redis

TERMS = Settings(
    api_rate=100_000, api_burst=1_000_000, tax_percent="7.7", timezone="Europe/Berlin", seller="Network Ltd; 1 Mail St"
)


@pytest.fixture
def api(stage, redis_url):
    yield from opened(stage, redis_url, TERMS)


@pytest.fixture
def free(api):
    """A caller for acme, which has no subscription."""
    opening.open_account(
        api.store, "acme", email="acme@example.org", name="=Acme", plan=find_plan(offer(api).plans, "basic")
    )
    return api.caller("acme")


@pytest.fixture
def business(free):
    assert free.post("/v1/subscription", json={"plan": "business"}).status_code == 201
    return free


def offer(api):
    return api.app.state.services.offer


def whole(api):
    """All there is of acme's, but for its keys, which count requests."""
    return {key: api.store.client.dump(key) for key in api.store.client.scan_iter("inmail:{acme}*")}


def pay(api, number):
    payments.record_paid(api.store, offer(api), "acme", number)


def test_the_plans_tell_their_version_their_limits_and_what_a_year_saves(free):
    plans = {plan.plan: plan for plan in Plans.model_validate(free.get("/v1/plans").json()).items}
    business = plans["business"]
    assert (business.version, business.annual_saving_percent, business.balance_cap) == (1, 20, 45)
    assert business.credits_after_end == "expire"


def test_a_subscription_begins_with_an_invoice_and_twice_is_once(free):
    problem(free.get("/v1/subscription"), 404, "no_subscription")
    answer = free.post("/v1/subscription", json={"plan": "business"})
    done = Done.model_validate(answer.json())
    assert (answer.status_code, done.changed, done.subscription.state) == (201, True, "active")
    assert (done.invoice.number, done.invoice.due_minor, done.invoice.tax_percent) == ("acme-0001", 2687, "7.7")
    again = Done.model_validate(free.post("/v1/subscription", json={"plan": "business"}).json())
    assert (again.changed, again.invoice) == (False, None)
    told = SubscriptionGiven.model_validate(free.get("/v1/subscription").json())
    assert told == done.subscription
    assert told.next_charge.at_ms == told.period_end_ms
    assert (told.next_grant.credits, told.unpaid[0].number) == (15, "acme-0001")
    assert AccountGiven.model_validate(free.get("/v1/account").json()).month == "s1.0"


def test_with_an_idempotency_key_a_change_is_made_once_and_answered_the_same(business):
    key = {"Idempotency-Key": "up-1"}
    first = business.post("/v1/subscription/change", json={"plan": "executive"}, headers=key)
    second = business.post("/v1/subscription/change", json={"plan": "executive"}, headers=key)
    assert (second.headers["Idempotent-Replayed"], second.content) == ("true", first.content)
    assert Done.model_validate(first.json()).invoice.number == "acme-0002"
    problem(business.post("/v1/subscription/change", json={"plan": "business"}, headers=key), 422, "key_reused")


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"plan": "executive"}, "at_once"),
        ({"plan": "executive", "annual": True}, "at_once"),
        ({"plan": "business", "annual": True}, "at_once"),
        ({"plan": "business", "annual": None}, "nothing"),
    ],
)
def test_what_is_previewed_is_what_the_change_does_and_previewing_changes_nothing(business, api, asked, kind):
    before = whole(api)
    foretold = PreviewGiven.model_validate(business.post("/v1/subscription/preview", json=asked).json())
    assert foretold.kind == kind
    assert whole(api) == before
    had = credits.wallet(api.store, "acme")
    done = Done.model_validate(business.post("/v1/subscription/change", json=asked).json())
    has = credits.wallet(api.store, "acme")
    assert done.changed == (kind != "nothing")
    assert foretold.lines == (done.invoice.lines if done.invoice else [])
    assert foretold.due_minor == (done.invoice.due_minor if done.invoice else 0)
    assert foretold.credits_granted == has.granted - had.granted
    assert foretold.credits_expiring == has.expired - had.expired


def test_a_first_subscription_is_previewed_too(free, api):
    before = whole(api)
    told = PreviewGiven.model_validate(free.post("/v1/subscription/preview", json={"plan": "business"}).json())
    assert (told.kind, told.due_minor, told.credits_granted) == ("at_once", 2687, 15)
    assert whole(api) == before


def test_a_downgrade_waits_for_the_end_of_the_period(business, api):
    business.post("/v1/subscription/change", json={"plan": "executive"})
    done = Done.model_validate(business.post("/v1/subscription/change", json={"plan": "business"}).json())
    assert (done.subscription.plan, done.subscription.pending.plan) == ("executive", "business")
    for number in ("acme-0001", "acme-0002"):
        pay(api, number)
    api.store.at_ms += 32 * DAY_MS
    told = SubscriptionGiven.model_validate(business.get("/v1/subscription").json())
    assert (told.plan, told.pending, told.month) == ("business", None, 1), "whoever asks sees what is due by now"


def test_a_cancelled_subscription_stays_until_the_end_of_the_period_and_is_taken_back(business, api):
    done = Done.model_validate(business.post("/v1/subscription/cancel").json())
    assert (done.changed, done.subscription.state) == (True, "active")
    assert done.subscription.ends_at_ms == done.subscription.period_end_ms
    assert done.subscription.next_charge is None
    assert business.post("/v1/subscription/cancel").json()["changed"] is False
    document = problem(business.post("/v1/subscription/change", json={"plan": "executive"}), 409, "cancelled")
    assert document["ends_at_ms"] == done.subscription.ends_at_ms
    assert "POST /v1/subscription " in document["detail"]
    assert business.post("/v1/subscription", json={"plan": "business"}).json()["subscription"]["ends_at_ms"] is None
    business.post("/v1/subscription/cancel")
    pay(api, "acme-0001")
    api.store.at_ms = done.subscription.period_end_ms
    ended = SubscriptionGiven.model_validate(business.get("/v1/subscription").json())
    assert (ended.state, ended.ended_reason) == ("ended", "cancelled")


def test_entitlements_tell_what_is_used_of_what_and_when_more_is_there(business, api):
    send_all(api.store, a_campaign(api.store, "acme", to=3))
    found = {one.name: one for one in Entitlements.model_validate(business.get("/v1/entitlements").json()).items}
    assert (found["simultaneous_contacts"].used, found["simultaneous_contacts"].limit) == (3, 25)
    assert (found["credits"].used, found["credits"].limit) == (3, 15)
    assert found["credits"].lifts_at_ms == api.store.at_ms + 7 * DAY_MS
    assert found["recipients_per_campaign"].limit is None


def test_an_account_that_cannot_send_may_have_no_contact_at_all_rather_than_any_number(free):
    found = {one.name: one for one in Entitlements.model_validate(free.get("/v1/entitlements").json()).items}
    assert (found["simultaneous_contacts"].limit, found["recipients_per_campaign"].limit) == (0, 0)
    assert found["sending"].limit == 0


def test_an_account_that_may_not_send_is_told_what_is_used_the_limit_and_how_to_begin(free):
    order = {"subject": "Hi", "body": "Hello", "recipients": [{"email": "a@example.org"}]}
    document = problem(free.post("/v1/campaigns", json=order), 403, "cannot_send")
    assert (document["used"], document["limit"], document["lifts_at_ms"]) == (0, 0, None)
    assert "business" in document["plans"]
    assert "Begin one with POST /v1/subscription" in document["detail"]
    assert "inmail" not in document["detail"]


def test_invoices_are_listed_in_pages_shown_and_never_anothers(business, api):
    business.post("/v1/subscription/change", json={"plan": "executive"})
    first = Invoices.model_validate(business.get("/v1/invoices", params={"limit": 1}).json())
    rest = Invoices.model_validate(business.get("/v1/invoices", params={"after": first.next}).json())
    assert [it.number for it in [*first.items, *rest.items]] == ["acme-0001", "acme-0002"]
    assert rest.next is None
    shown = InvoiceGiven.model_validate(business.get("/v1/invoices/acme-0002").json())
    assert shown == rest.items[0]
    assert [line.amount_minor for line in shown.lines] == [9995, -2495]
    an_account(api.store, "globex")
    globex = api.caller("globex")
    for path in ("/v1/invoices/acme-0001", "/v1/invoices/acme-0001/print", "/v1/invoices/nonsense"):
        problem(globex.get(path), 404, "no_invoice")
    problem(globex.get("/v1/invoices", params={"after": "acme-0001"}), 422, "bad_invoice")
    assert globex.get("/v1/invoices").json() == {"items": [], "next": None}
    problem(business.get("/v1/invoices", params={"after": "acme-1"}), 422, "bad_invoice")


def test_an_invoice_cannot_be_marked_as_paid_over_a_key(business):
    for path in ("/v1/invoices/acme-0001/paid", "/v1/invoices/acme-0001/pay"):
        assert business.post(path).status_code == 404
    assert business.post("/v1/invoices/acme-0001", json={"state": "paid"}).status_code == 405
    assert business.get("/v1/invoices/acme-0001").json()["state"] == "open"


def test_invoices_are_taken_home_as_csv_by_days_of_the_subscriptions_time_zone(business, api):
    answer = business.get("/v1/invoices.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["number"], row["subtotal"], row["tax"], row["total"]) == ("acme-0001", "24.95", "1.92", "26.87")
    day = row["issued_at"][:10]
    assert len(business.get("/v1/invoices.csv", params={"since": day, "until": day}).text.splitlines()) == 2
    assert len(business.get("/v1/invoices.csv", params={"since": "2099-01-01"}).text.splitlines()) == 1
    for wrong in ({"since": "soon"}, {"until": "2026-13-01"}, {"since": "2026-02-02", "until": "2026-02-01"}):
        problem(business.get("/v1/invoices.csv", params=wrong), 422, "bad_day")


def test_the_printed_invoice_runs_nothing_and_its_policy_names_its_style(business):
    answer = business.get("/v1/invoices/acme-0001/print")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    named = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"style-src 'sha256-{named}'" in policy
    assert "default-src 'none'" in policy
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert "Network Ltd" in answer.text


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/subscription", {"plan": "gold"}, 422, "unknown_plan"),
        ("/v1/subscription", {"plan": "basic"}, 409, "free_plan"),
        ("/v1/subscription", {"plan": "executive"}, 409, "use_change"),
        ("/v1/subscription", {"plan": ""}, 422, "bad_request_fields"),
        ("/v1/subscription", {}, 422, "bad_request_fields"),
        ("/v1/subscription", {"plan": "business", "annual": "yes"}, 422, "bad_request_fields"),
        ("/v1/subscription", {"plan": "business", "account": "globex"}, 422, "bad_request_fields"),
        ("/v1/subscription/change", {"plan": "basic"}, 409, "free_plan"),
        ("/v1/subscription/change", {"plan": "gold"}, 422, "unknown_plan"),
        ("/v1/subscription/preview", {"plan": "basic"}, 409, "free_plan"),
        ("/v1/subscription/preview", {"plan": "x" * 61}, 422, "bad_request_fields"),
    ],
)
def test_what_cannot_be_is_refused_in_the_words_of_this_side_and_changes_nothing(
    business, api, path, body, status, code
):
    before = whole(api)
    document = problem(business.post(path, json=body), status, code)
    assert "inmail " not in document["detail"]
    assert whole(api) == before


def test_what_is_not_paid_holds_up_changes_and_names_the_invoice(business, api):
    payments.record_failed(api.store, offer(api), "acme", "acme-0001", reason="card declined")
    for path in ("/v1/subscription", "/v1/subscription/change", "/v1/subscription/preview"):
        document = problem(business.post(path, json={"plan": "executive"}), 402, "unpaid")
        assert document["invoice"] == "acme-0001"
    told = SubscriptionGiven.model_validate(business.get("/v1/subscription").json())
    assert (told.state, told.unpaid[0].failed) == ("past_due", True)
    assert told.grace_until_ms == api.store.at_ms + 7 * DAY_MS


def test_without_a_subscription_there_is_nothing_to_change_or_cancel(free):
    problem(free.post("/v1/subscription/change", json={"plan": "business"}), 404, "no_subscription")
    document = problem(free.post("/v1/subscription/cancel"), 404, "no_subscription")
    assert document["detail"] == "account 'acme' has no subscription; begin one with POST /v1/subscription"


def test_reading_needs_a_key_that_may_read_and_changing_one_that_may_change(business, api):
    reader, other = api.caller("acme", scopes=["billing:read"]), api.caller("acme", scopes=["account:read"])
    assert reader.get("/v1/subscription").status_code == 200
    assert reader.post("/v1/subscription/preview", json={"plan": "executive"}).status_code == 200
    for path in ("/v1/subscription", "/v1/subscription/change", "/v1/subscription/cancel"):
        problem(reader.post(path, json={"plan": "executive"}), 403, "no_scope")
    for path in ("/v1/subscription", "/v1/entitlements", "/v1/invoices", "/v1/invoices/acme-0001", "/v1/invoices.csv"):
        problem(other.get(path), 403, "no_scope")


def test_a_seats_key_does_not_change_the_subscription_of_all_unless_that_is_named(business, api):
    seats.add(api.store, "acme", "ben", name="Ben", email="ben@example.org")
    ben, boss = api.caller("acme", seat="ben"), api.caller("acme", seat="ben", scopes=["billing:write"])
    assert ben.get("/v1/subscription").status_code == 200
    problem(ben.post("/v1/subscription/cancel"), 403, "no_scope")
    assert boss.post("/v1/subscription/cancel").status_code == 200
