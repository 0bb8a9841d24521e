"""The simulation: days of one account on the engine itself, worked out by hand, and how they are drawn."""

import re
from dataclasses import replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from cli.plot import HEIGHT, draw, nice_step, span_of
from cli.simulated_days import grouped
from cli.simulation import Scenario, Simulation
from cli.simulation_start import read_present
from engine import campaigns, credits, payments, subscriptions
from tests.conftest import DAY_MS, NOON_MS
from tests.factories import a_campaign, a_plan, addresses, reply, send_all, wallet
from tests.subscribing import BUSINESS, EXECUTIVE, OFFER, PLUS, at, subscribed

NEW_YEAR_MS = 1_798_761_600_000  # 1 January 2027, midnight UTC
FAST = a_plan(slug="fast", name="Fast", credits_a_month=10, refund_after_ms=3_600_000)


def simulated(days, **what):
    """The rows of a scenario the auditor had nothing against."""
    run = Simulation(Scenario(OFFER, days, what.pop("start_ms", NEW_YEAR_MS), **what))
    rows = list(run.rows())
    assert run.drift == []
    assert all(w.granted == w.available + w.held + w.spent + w.expired for w in (row.wallet for row in rows))
    return rows


def events(rows, *kinds):
    """By day, the events of those kinds, as a person reads them."""
    found = {n: [event.text for event in row.events if event.kind in kinds] for n, row in enumerate(rows)}
    return {day: told for day, told in found.items() if told}


def test_nobody_answers_and_every_credit_comes_home_after_seven_days():
    rows = simulated(12, plan=BUSINESS, a_day=Fraction(1), answered_percent=0)
    assert [row.wallet.held for row in rows] == [1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7]
    assert [row.wallet.available for row in rows][-1] == 8
    assert [row.day for row in rows][:: len(rows) - 1] == [date(2027, 1, 1), date(2027, 1, 12)]
    assert events(rows, "fell due") == {day: ["1 fell due"] for day in range(7, 12)}


def test_everybody_answers_within_five_days_and_the_credits_are_spent():
    rows = simulated(60, plan=BUSINESS, a_day=Fraction(1), answered_percent=100)
    assert events(rows, "fell due") == {}
    assert rows[30].wallet == credits.Wallet(0, 0, 15, 15, 0)  # the fifteenth went on day 14
    assert events(rows, "grant") == {0: ["+15 month 1 of Business"], 31: ["+15 month 2 of Business"]} | {
        59: ["+15 month 3 of Business"]
    }
    assert rows[58].wallet.spent == 30


def test_half_an_inmail_a_day_is_one_every_other_day():
    rows = simulated(10, plan=BUSINESS, a_day=Fraction(1, 2), answered_percent=0)
    assert list(events(rows, "sent")) == [1, 3, 5, 7, 9]


def test_over_a_hundred_days_several_days_go_out_together_and_as_many_in_all():
    rows = simulated(150, plan=EXECUTIVE, a_day=Fraction(3, 2), answered_percent=50)
    sent = sum(event.n for row in rows for event in row.events if event.kind == "sent")
    assert (sent, list(events(rows, "sent"))[:3]) == (225, [0, 2, 4])


def test_what_goes_over_the_cap_expires_and_is_told():
    rows = simulated(150, plan=BUSINESS)
    assert [row.wallet.available for row in rows][::31] == [15, 30, 45, 45, 45]
    assert events(rows, "expire") == {90: ["15 expired, over the cap of 45"], 120: ["15 expired, over the cap of 45"]}
    assert {row.cap for row in rows} == {45}


def test_waiting_inmails_go_out_when_credits_come_and_nothing_more_is_asked_meanwhile():
    rows = simulated(40, plan=BUSINESS, a_day=Fraction(20), answered_percent=100)
    assert events(rows, "sent") == {0: ["15 sent"], 31: ["5 sent"], 32: ["10 sent"]}


def test_a_refund_window_of_an_hour_is_over_by_the_next_day():
    rows = simulated(3, plan=FAST, a_day=Fraction(4), answered_percent=50)
    assert [row.wallet.spent for row in rows] == [2, 4, 6]
    assert [row.wallet.held for row in rows] == [2, 2, 2]


def test_changes_and_a_cancellation_take_effect_as_they_do():
    rows = simulated(120, plan=BUSINESS, changes={10: (EXECUTIVE, None), 40: (PLUS, None)}, cancel_day=100)
    plans = [row.plan for row in rows]
    assert (plans[9], plans[10], plans[58], plans[59], plans[119]) == (
        *("business", "executive", "executive", "business_plus"),
        "business_plus",
    )
    assert events(rows, "cancel", "end") == {100: ["cancel: ends with the period"]}
    rows = simulated(125, plan=BUSINESS, cancel_day=100)
    assert (rows[119].state, rows[120].state, rows[120].plan) == ("active", "ended", "basic")
    assert rows[120].wallet.available == 0


def test_what_is_refused_is_told_and_the_days_go_on():
    rows = simulated(5, plan=BUSINESS, cancel_day=1, changes={2: (EXECUTIVE, None)})
    assert list(events(rows, "refused")) == [2]
    assert "was cancelled" in events(rows, "refused")[2][0]


@pytest.mark.parametrize(
    ("how", "states"),
    [
        ({"pay_late_days": 3}, {13: "active", 14: "past_due", 16: "past_due", 17: "active"}),
        ({"pay_late_days": 9}, {20: "past_due", 21: "lapsed", 22: "lapsed", 23: "active"}),
        ({"fail_day": 0}, {0: "past_due", 7: "lapsed", 36: "lapsed", 37: "ended"}),
        ({"fail_day": 5}, {30: "active", 31: "past_due", 38: "lapsed"}),
        ({"fail_day": 5, "pay_late_days": 2}, {31: "past_due", 32: "past_due", 33: "active", 39: "active"}),
    ],
)
def test_payments_that_come_late_or_fail_hold_the_subscription_up(how, states):
    rows = simulated(40, plan=BUSINESS, **how)
    assert {day: rows[day].state for day in states} == states


def test_an_annual_plan_is_billed_once_and_granted_every_month():
    rows = simulated(370, plan=BUSINESS, annual=True)
    assert list(events(rows, "paid")) == [0, 365]
    assert len(events(rows, "grant")) == 13


def test_a_basic_account_has_nothing_and_does_nothing():
    rows = simulated(3, plan=OFFER.basic, a_day=Fraction(5))
    assert {(row.state, row.wallet) for row in rows} == {("none", credits.Wallet(0, 0, 0, 0, 0))}


def test_a_year_is_the_same_every_time():
    first, second = (simulated(90, plan=PLUS, a_day=Fraction(2)) for _ in range(2))
    assert first == second


def real(store):
    """An account in its second month, with credits, an open campaign, an invoice to pay and a change to come."""
    subscribed(store, PLUS)
    payments.record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=33)
    subscriptions.change(store, OFFER, "acme", BUSINESS)
    campaign = a_campaign(store, to=addresses(14))
    send_all(store, campaign)
    for n in range(4):
        reply(store, f"{campaign}.{n}", address=f"p{n}@example.org", accept=True)
    return campaign


def test_a_real_account_goes_on_from_where_it_stands_and_is_not_touched(store):
    campaign = real(store)
    before = {key: store.client.dump(key) for key in store.client.keys("*")}
    present = read_present(store, "acme")
    assert (present.wallet, present.a_day) == (credits.Wallet(86, 10, 4, 100, 0), Fraction(14, 28))

    rows = simulated(40, start_ms=present.now_ms, present=present, answered_percent=0, pay_late_days=0)
    assert {key: store.client.dump(key) for key in store.client.keys("*")} == before
    assert (rows[0].wallet.available, rows[0].wallet.held) == (86, 10)
    assert (rows[6].wallet.held, rows[7].wallet.held, rows[7].wallet.available) == (10, 0, 96)
    # Month 2 begins on 15 March, day 26 from here; the second invoice is due on 1 March and paid on that day.
    assert [row.plan for row in rows][25:27] == ["business_plus", "business"]
    assert events(rows, "grant", "expire") == {26: ["+15 month 3 of Business", "15 expired, over the cap of 45"]}

    at(store, day=33 + 26)
    payments.record_paid(store, OFFER, "acme", "acme-0002")
    assert campaigns.get_campaign(store, campaign).sent == 10
    assert subscriptions.advance(store, OFFER, "acme").plan == BUSINESS


@pytest.mark.parametrize("state", ["basic", "ended", "lapsed"])
def test_an_account_that_is_not_subscribed_begins_anew_where_a_plan_is_given(store, state):
    subscribed(store, OFFER.basic if state == "basic" else BUSINESS)
    if state != "basic":
        at(store, day=22 if state == "lapsed" else 100)
        assert subscriptions.advance(store, OFFER, "acme").state == state
    present = read_present(store, "acme")
    as_it_is = simulated(3, start_ms=present.now_ms, present=present, fail_day=0)
    assert as_it_is[0].state == {"basic": "ended", "ended": "ended", "lapsed": "lapsed"}[state]
    unpaid = simulated(3, start_ms=present.now_ms, present=present, plan=EXECUTIVE, fail_day=0)
    assert (state == "lapsed") == ("is not paid" in str(events(unpaid, "refused")))
    anew = simulated(3, start_ms=present.now_ms, present=present, plan=EXECUTIVE)
    assert anew[0].state == "active"
    assert (anew[0].plan, anew[0].wallet.available >= 150) == ("executive", state != "lapsed")
    assert wallet(store)["available"] == present.wallet.available


def test_a_change_of_the_plan_on_the_first_day_is_told(store):
    subscribed(store, BUSINESS)
    present = read_present(store, "acme")
    rows = simulated(2, start_ms=present.now_ms, present=present, plan=EXECUTIVE)
    assert events(rows, "change") == {0: ["change: from business monthly to executive monthly"]}


def test_rows_are_those_of_days_of_seven_days_or_of_months():
    rows = simulated(40, plan=BUSINESS, a_day=Fraction(1), answered_percent=0)
    assert list(grouped(rows, "day")) == rows
    weeks = list(grouped(rows, "week"))
    assert [row.day.day for row in weeks] == [7, 14, 21, 28, 4, 9]
    assert [event.text for event in weeks[1].events] == ["7 fell due", "7 sent"]
    months = list(grouped(rows, "month"))
    assert [(row.day, row.wallet) for row in months] == [(rows[n].day, rows[n].wallet) for n in (30, 39)]


def test_what_happened_in_a_row_is_told_in_the_order_it_happened():
    rows = simulated(60, plan=BUSINESS, a_day=Fraction(1), changes={20: (EXECUTIVE, None), 21: (BUSINESS, None)})
    (first, *_) = grouped(rows, "month")
    kinds = [event.kind for event in first.events]
    assert kinds[:3] == ["grant", "paid", "sent"]
    assert kinds.index("sent") < kinds.index("fell due") < kinds.index("change")
    after = kinds[kinds.index("change") :]
    assert [kind for kind in after if kind in ("change", "grant", "paid")] == ["change", "grant", "paid", "change"]
    assert first.as_dict()["events"][0]["kind"] == "grant"
    assert kinds.count("sent") == 1


def test_what_is_refused_comes_after_what_was_due_that_day():
    (row,) = simulated(32, plan=BUSINESS, cancel_day=3, changes={31: (EXECUTIVE, None), 5: (EXECUTIVE, None)})[5:6]
    assert [event.kind for event in row.events] == ["refused"]


@pytest.mark.parametrize(("highest", "step"), [(1, 1), (4, 1), (9, 2), (15, 5), (21, 5), (45, 10), (1000, 200)])
def test_ticks_are_at_whole_round_numbers(highest, step):
    assert nice_step(highest, 5) == step


def drawn(rows):
    """The drawing, parsed: text by text, and the paths by class."""
    svg = draw(rows, title="<Credits> & more", subtitle='"quoted"')
    root = ET.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    texts = ["".join(found.itertext()) for found in root.iter(f"{space}text")]
    return svg, texts, [found.get("class") for found in root.iter() if found.get("class")]


def test_a_drawing_has_its_axes_its_legend_its_dates_and_the_days_it_was_unpaid():
    rows = simulated(120, plan=BUSINESS, a_day=Fraction(1), fail_day=40, changes={20: (EXECUTIVE, None)})
    svg, texts, classes = drawn(rows)
    assert {"<Credits> & more", '"quoted"', "credits at hand", "credits so far"} <= set(texts)
    assert {"available", "held", "cap", "granted", "spent", "expired", "past due", "lapsed", "Executive"} <= set(texts)
    assert {"1 Jan", "1 Feb", "1 Mar", "1 Apr", "2027"} <= set(texts)
    assert {"past_due", "lapsed", "ended"} <= set(classes)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|<script|href", svg), "it needs nothing else"
    assert span_of(rows) == "1 Jan 2027 – 30 Apr 2027"


def test_a_long_subtitle_is_drawn_whole_and_what_is_below_makes_room():
    rows = simulated(3, plan=BUSINESS)
    words = [f"word{n}" for n in range(60)]
    root = ET.fromstring(draw(rows, title="t", subtitle=" ".join(words)))
    lines = [found for found in root if found.tag.endswith("text")][1:]
    assert " ".join(str(found.text) for found in lines).split() == words
    more = 16 * (len(lines) - 1)
    assert (len(lines) > 1, root.get("height"), root[-1].get("transform")) == (
        *(True, str(HEIGHT + more), f"translate(0 {more})"),
    )


def test_no_line_of_a_mark_crosses_the_label_of_one_before():
    rows = simulated(120, plan=BUSINESS, a_day=Fraction(1), fail_day=40, changes={20: (EXECUTIVE, None)})
    svg, _, _ = drawn(rows)
    tops = [(float(x), int(top)) for x, top in re.findall(r'class="mark" d="M([\d.]+) (\d+)V', svg)]
    labels = re.findall(r'class="told" x="([\d.]+)" y="(\d+)" text-anchor="start">([^<]+)<', svg)
    assert {"past due", "lapsed"} <= {what for _, _, what in labels}
    for from_left, top in tops:
        for x, y, what in labels:
            if float(x) < from_left < float(x) + 6.2 * len(what):
                assert top > int(y), (what, from_left)


@pytest.mark.parametrize("days", [1, 2, 3, 15, 32, 95, 800, 3_660])
def test_any_number_of_days_is_drawn_with_dates_that_do_not_run_into_each_other(days):
    (row,) = simulated(1, plan=BUSINESS)
    rows = [replace(row, day=date.fromordinal(row.day.toordinal() + n)) for n in range(days)]
    svg, _, _ = drawn(rows)
    at_px = [float(found) for found in re.findall(r'd="M([\d.]+) 520v5"', svg)]
    assert at_px
    assert min((b - a for a, b in pairwise(at_px)), default=99) >= 50


def test_days_where_nothing_was_ever_there_are_drawn_as_well():
    drawn(simulated(5, plan=OFFER.basic))


def test_the_clock_is_that_of_the_simulation():
    assert simulated(1, plan=BUSINESS, start_ms=NOON_MS + DAY_MS)[0].day == date(2027, 1, 16)
