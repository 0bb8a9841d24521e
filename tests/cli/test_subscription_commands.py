"""``inmail plan``, ``inmail subscribe`` and ``inmail subscription``: what is said, what changed, what is refused."""

import pytest

from config.settings import get_settings
from engine.store import Store, open_client
from tests.cli.conftest import as_json, snapshot

UNSURE = "inmail: error: there is nobody to ask: say so with --yes, or look first with --dry-run"


@pytest.fixture
def basic(cli):
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme")
    return cli


@pytest.fixture
def business(basic):
    basic("subscribe", "acme", "business")
    return basic


def own_plans(tmp_path, monkeypatch, text):
    (tmp_path / "own.toml").write_text(text)
    monkeypatch.setenv("INMAIL_PLANS_FILE", "own.toml")
    get_settings.cache_clear()


def test_the_catalogue_tells_fees_in_money_the_saving_of_a_year_and_what_each_plan_allows(cli):
    code, out, _ = cli("plan", "list")
    assert code == 0
    assert "business_plus  1  49.95 USD  479.00 USD   20 %       50  150" in out
    assert "Business Plus: 100 contacts, 500 profiles, refunds unanswered after 7 d" in out
    assert "free" in out
    found = {plan["plan"]: plan for plan in as_json(cli("plan", "list", "--json"))["items"]}
    assert found["business"]["annual_saving_percent"] == 20
    assert found["business"]["balance_cap"] == 45
    assert (found["basic"]["annual_saving_percent"], found["basic"]["can_send"]) == (None, False)


def test_every_version_ever_sold_is_listed_with_the_terms_it_had(business, tmp_path, monkeypatch):
    own_plans(tmp_path, monkeypatch, "[plans.business]\nversion = 2\nfee_monthly = 3000\n")
    assert business("subscription", "change", "acme", "business", "--yes")[0] == 0
    sold = as_json(business("plan", "list", "--sold", "--json"))["items"]
    assert [(it["plan"], it["version"], it["fee_monthly"]) for it in sold] == [
        ("business", 1, 2495),
        ("business", 2, 3000),
    ]
    assert as_json(business("subscription", "show", "acme", "--json"))["version"] == 2


def test_nothing_was_sold_yet_is_said_and_what_is_free_is_not_sold(cli):
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "basic")
    assert cli("plan", "list", "--sold")[:2] == (0, "no plan was sold yet\n")


def test_a_subscription_begins_with_an_invoice_and_the_first_months_credits_and_twice_is_once(basic):
    code, out, _ = basic("subscribe", "acme", "business")
    assert code == 0
    assert "account acme is on business, paid by the month" in out
    assert "invoice acme-0001: 24.95 USD due" in out
    assert "15 credits available" in out
    assert "nothing to change" in basic("subscribe", "acme", "business")[1]
    again = as_json(basic("subscribe", "acme", "business", "--json"))
    assert (again["changed"], again["invoice"], again["subscription"]["state"]) == (False, None, "active")


def test_a_dry_run_of_each_says_what_it_comes_to_and_changes_nothing(business, redis_url):
    before = snapshot(redis_url)
    told = as_json(business("subscription", "change", "acme", "executive", "--dry-run", "--json"))
    assert (told["kind"], told["subtotal_minor"], told["credits_granted"]) == ("at_once", 7500, 135)
    assert "135 credits" in business("subscription", "change", "acme", "executive", "--dry-run")[1]
    assert as_json(business("subscription", "cancel", "acme", "--dry-run", "--json"))["credits_expiring"] == 15
    assert "expiring then, as things stand: 15 credits" in business("subscription", "cancel", "acme", "--dry-run")[1]
    assert as_json(business("subscribe", "acme", "business", "--dry-run", "--json"))["kind"] == "nothing"
    assert "already" in business("subscribe", "acme", "business", "--dry-run")[1]
    assert snapshot(redis_url) == before


def test_the_show_tells_what_is_bought_what_comes_next_and_what_is_used(business):
    code, out, _ = business("subscription", "show", "acme")
    assert code == 0
    for words in ("business (Business, version 1), paid by the month", "next charge", "24.95 USD on", "15 credits on"):
        assert words in out
    assert "acme-0001: 24.95 USD, due" in out
    assert "simultaneous contacts" in out
    told = as_json(business("subscription", "show", "acme", "--json"))
    assert told["next_charge"] == {"at_ms": told["period_end_ms"], "due_minor": 2495, "currency": "USD"}
    assert told["next_grant"] == {"at_ms": told["month_end_ms"], "credits": 15}
    assert [one["name"] for one in told["entitlements"]][:2] == ["sending", "credits"]
    assert told["unpaid"][0]["number"] == "acme-0001"


def test_times_are_told_in_the_time_zone_of_the_subscription(basic, monkeypatch):
    monkeypatch.setenv("INMAIL_TIMEZONE", "Asia/Kathmandu")
    get_settings.cache_clear()
    assert "Asia/Kathmandu" in basic("subscribe", "acme", "business", "--annual")[1]
    told = as_json(basic("subscription", "show", "acme", "--json"))
    assert (told["timezone"], told["months_of_period"]) == ("Asia/Kathmandu", 12)
    assert "1, 1 of 12 in this period" in basic("subscription", "show", "acme")[1]
    assert "times in Asia/Kathmandu" in basic("subscription", "history", "acme")[1]


def test_a_change_is_shown_and_asked_for_on_a_terminal(business, somebody):
    asked = somebody(False)
    code, out, _ = business("subscription", "change", "acme", "executive")
    assert (code, asked) == (0, ["change it?"])
    assert "to pay" in out
    assert out.endswith("nothing was changed\n")
    assert as_json(business("subscription", "show", "acme", "--json"))["plan"] == "business"
    somebody(True)
    assert "on executive" in business("subscription", "change", "acme", "executive")[1]
    assert as_json(business("subscription", "show", "acme", "--json"))["plan"] == "executive"


@pytest.mark.parametrize("command", [("change", "acme", "executive"), ("cancel", "acme")])
def test_without_a_terminal_nothing_is_changed_unless_yes_is_said(business, redis_url, command, somebody):
    before = snapshot(redis_url)
    assert business("subscription", *command) == (2, "", [UNSURE])
    somebody(True)
    told = "inmail: error: --json does not ask: say so with --yes, or look first with --dry-run"
    assert business("subscription", *command, "--json") == (2, "", [told])
    assert snapshot(redis_url) == before


def test_a_downgrade_waits_for_the_end_of_the_period_and_is_taken_back_by_the_present_plan(business):
    told = as_json(business("subscription", "change", "acme", "executive", "--yes", "--json"))
    assert (told["changed"], told["invoice"]["number"]) == (True, "acme-0002")
    assert (
        "it changes to business, version 1, paid by the year"
        in business("subscription", "change", "acme", "business", "--annual", "--yes")[1]
    )
    told = as_json(business("subscription", "show", "acme", "--json"))
    assert told["pending"] == {"plan": "business", "version": 1, "cycle": "annual", "at_ms": told["period_end_ms"]}
    assert "changes to      business, version 1, paid by the year" in business("subscription", "show", "acme")[1]
    business("subscription", "change", "acme", "executive", "--monthly", "--yes")
    assert as_json(business("subscription", "show", "acme", "--json"))["pending"] is None


def test_a_cancellation_is_shown_asked_for_and_taken_back(business, somebody):
    asked = somebody(True)
    out = business("subscription", "cancel", "acme")[1]
    assert asked == ["cancel it?"]
    assert "no campaign would wait" in out
    assert "everything stays until then" in out
    assert as_json(business("subscription", "show", "acme", "--json"))["next_charge"] is None
    assert "cancelled already" in business("subscription", "cancel", "acme")[1]
    assert business("subscription", "change", "acme", "executive", "--dry-run")[0] == 3
    told = as_json(business("subscribe", "acme", "business", "--dry-run", "--json"))
    assert told["takes_back_cancellation"] is True
    assert "the cancellation would be taken back\n" in business("subscribe", "acme", "business", "--dry-run")[1]
    code, out, _ = business("subscribe", "acme", "business")
    assert (code, "the cancellation is taken back\n" in out) == (0, True)
    assert as_json(business("subscription", "show", "acme", "--json"))["ends_at_ms"] is None
    assert "taken back" not in business("subscribe", "acme", "business")[1]


def test_a_change_to_another_version_of_the_same_plan_says_which(business, tmp_path, monkeypatch):
    own_plans(tmp_path, monkeypatch, "[plans.business]\nversion = 2\nfee_monthly = 2000\ncredits_a_month = 15\n")
    out = business("subscription", "change", "acme", "business", "--yes")[1]
    assert "it changes to business, version 2, paid by the month" in out
    assert "changes to      business, version 2, paid by the month" in business("subscription", "show", "acme")[1]


def test_a_plan_that_is_not_sold_any_more_is_told_where_it_stands_and_where_it_is_to_come(
    business, tmp_path, monkeypatch
):
    own_plans(tmp_path, monkeypatch, "[plans.cheap]\nfee_monthly = 100\ncredits_a_month = 5\n")
    business("subscription", "change", "acme", "cheap", "--yes")
    assert "not sold" not in business("subscription", "show", "acme")[1]
    own_plans(tmp_path, monkeypatch, "[plans.other]\nfee_monthly = 100\n")
    shown = business("subscription", "show", "acme")[1]
    assert "changes to      cheap, version 1, paid by the month, on" in shown
    assert shown.count("not sold any more") == 1
    assert "is changing to a plan that is not sold, cheap: acme" in business("doctor")[1]


def test_where_an_operator_says_what_is_paid_there_is_no_page_and_that_is_said(business):
    for words in (("invoice", "checkout", "acme-0001"), ("subscription", "portal", "acme")):
        code, _, errors = business(*words)
        assert code == 3
        assert "INMAIL_PAYMENTS is manual" in errors[0]
    assert "inmail invoice paid acme-0001" in business("invoice", "checkout", "acme-0001")[2][0]


def test_the_history_tells_what_happened_in_pages_and_nothing_else(business):
    business("subscription", "change", "acme", "executive", "--yes")
    business("account", "open", "other", "--email", "o@example.org", "--name", "O")
    whole = as_json(business("subscription", "history", "acme", "--json"))
    assert [it["kind"] for it in whole["items"]] == ["subscribe", "grant", "change", "grant"]
    assert (whole["items"][1]["n"], whole["items"][1]["month"], whole["next"]) == (15, "s1.0", None)
    first = as_json(business("subscription", "history", "acme", "--most", 3, "--json"))
    rest = as_json(business("subscription", "history", "acme", "--after", first["next"], "--json"))
    assert first["items"] + rest["items"] == whole["items"]
    assert "more: --after" in business("subscription", "history", "acme", "--most", 1)[1]
    assert "from business monthly to executive monthly" in business("subscription", "history", "acme")[1]
    assert "nothing has happened" in business("subscription", "history", "other")[1]


def test_opening_an_account_on_a_plan_bears_the_terms_of_the_settings(cli, monkeypatch):
    monkeypatch.setenv("INMAIL_TAX_PERCENT", "19")
    get_settings.cache_clear()
    words = ("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "business", "--annual")
    code, out, _ = cli(*words)
    assert (code, out.splitlines()[1][:34]) == (0, "invoice acme-0001: 284.41 USD due ")
    assert as_json(cli(*words, "--json"))["invoice"] is None, "it was open already"
    assert as_json(cli("invoice", "show", "acme-0001", "--json"))["total_minor"] == 28441
    assert as_json(cli("account", "show", "acme", "--json"))["subscription"] == "active"
    assert "active; see: inmail subscription show acme" in cli("account", "show", "acme")[1]


def test_time_that_went_by_is_caught_up_with_when_somebody_looks(business, redis_url):
    store = Store(open_client(redis_url))
    for field in ("month_end_ms", "period_end_ms", "next_at_ms"):
        store.client.hincrby(store.keys.subscription("acme"), field, -40 * 86_400_000)
    store.client.close()
    assert as_json(business("subscription", "show", "acme", "--json"))["month"] == 1
    assert len(as_json(business("invoice", "list", "acme", "--json"))["items"]) == 2


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("subscribe", "acme", "gold"), 2, "no plan 'gold'; there are: basic, business"),
        (("subscribe", "nobody", "business"), 3, "no account 'nobody'"),
        (("subscribe", "acme", "basic"), 3, "without a subscription"),
        (("subscribe", "acme", "executive"), 3, "inmail subscription change acme executive"),
        (("subscribe", "acme", "executive", "--dry-run"), 3, "inmail subscription change acme executive"),
        (("subscribe", "acme"), 2, "Missing argument 'PLAN'"),
        (("subscription", "show", "nobody"), 3, "no account 'nobody'"),
        (("subscription", "show", "other"), 3, "account 'other' has no subscription"),
        (("subscription", "change", "acme", "gold", "--yes"), 2, "no plan 'gold'"),
        (("subscription", "change", "acme", "basic", "--yes"), 3, "cancel the subscription"),
        (("subscription", "change", "other", "business", "--yes"), 3, "account 'other' has no subscription"),
        (("subscription", "change", "nobody", "business", "--dry-run"), 3, "no account 'nobody'"),
        (("subscription", "cancel", "other", "--yes"), 3, "account 'other' has no subscription"),
        (("subscription", "cancel", "other", "--dry-run"), 3, "account 'other' has no subscription"),
        (("subscription", "history", "nobody"), 3, "no account 'nobody'"),
        (("subscription", "history", "acme", "--after", "x"), 2, "give a whole number"),
        (("subscription", "history", "acme", "--after", "9" * 20), 2, "from 0 to 9,007,199,254,740,992"),
        (("subscribe", "acme", "\udcff"), 2, "an argument is not UTF-8 text"),
        (("subscription", "change", "acme", "\udcff", "--yes"), 2, "an argument is not UTF-8 text"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_changes_nothing(business, redis_url, words, code, says):
    business("account", "open", "other", "--email", "o@example.org", "--name", "O")
    before = snapshot(redis_url)
    found, out, errors = business(*words)
    assert (found, out, len(errors)) == (code, "", 1)
    assert says in errors[0]
    assert snapshot(redis_url) == before


def test_a_version_that_stands_for_other_terms_is_not_sold(business, tmp_path, monkeypatch):
    own_plans(tmp_path, monkeypatch, "[plans.business]\nfee_monthly = 3000\n")
    for words in (("subscribe", "acme", "business"), ("subscription", "change", "acme", "business", "--dry-run")):
        code, _, errors = business(*words)
        assert code == 3
        assert "version = 2" in errors[0]
