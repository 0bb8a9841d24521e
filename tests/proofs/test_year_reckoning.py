"""The year's reckoning against stories worked out by hand: every number comes from the rules, none from the code."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from tests.proofs.year_reckoning import Reckoning
from tests.proofs.year_terms import DAY_MS, PLANS, a_plan, days_and_left, half_up, month_start_ms, tax_of


def ms(text: str) -> int:
    """'2026-04-01' or '2026-04-01 10:30' in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def story(*events: tuple, **terms: object) -> Reckoning:
    """An account to which these events happened; each is (when, kind, ...)."""
    account = Reckoning(**terms)
    for when, *event in events:
        account.apply(ms(when), tuple(event))
    return account


def wallet(account: Reckoning) -> tuple[int, int, int, int, int]:
    totals = account.totals()
    return tuple(totals[name] for name in ("granted", "expired", "available", "held", "spent"))


def bill(account: Reckoning, n: int, *names: str) -> tuple:
    invoice = account.totals()["invoices"][n - 1]
    return tuple(invoice[name] for name in names)


JOINED = ("2026-04-01", "subscribe", "business", False)
PAID = ("2026-04-02", "pay", 1)


def test_half_is_rounded_away_from_zero_on_both_sides():
    assert [half_up(n, 2) for n in (-3, -1, 0, 1, 3)] == [-2, -1, 0, 1, 2]
    assert (half_up(4, 3), half_up(5, 3), half_up(-4, 3), half_up(-5, 3)) == (1, 2, -1, -2)
    assert tax_of(2495, "19") == 474  # 474.05
    assert (tax_of(50, "7"), tax_of(-50, "7")) == (4, -4)  # 3.5
    assert tax_of(1000, "8.25") == 83  # 82.5


@pytest.mark.parametrize(
    ("anchor", "zone", "starts"),
    [
        ("2026-01-31 10:00", "UTC", ["2026-02-28 10:00", "2026-03-31 10:00", "2026-04-30 10:00", "2026-05-31 10:00"]),
        ("2027-12-30 23:59", "UTC", ["2028-01-30 23:59", "2028-02-29 23:59", "2028-03-30 23:59"]),
        # 02:30 in Berlin: 28 Feb is still winter; on 29 Mar the clock goes from 2 to 3, half an hour on is 3:30 summer
        ("2026-01-29 01:30", "Europe/Berlin", ["2026-02-28 01:30", "2026-03-29 01:30", "2026-04-29 00:30"]),
        # 02:30 summer; on 25 Oct it comes twice, the first counts; then winter
        ("2026-09-25 00:30", "Europe/Berlin", ["2026-10-25 00:30", "2026-11-25 01:30"]),
        # begun in the second 02:30 of 25 Oct 2026 (winter): month 0 is then, the others go by the wall clock
        ("2026-10-25 01:30", "Europe/Berlin", ["2026-11-25 01:30", "2026-12-25 01:30"]),
        # 22:00 on 30 Jan in New York is the 31st in UTC: the day of the account's zone counts
        ("2026-01-31 03:00", "America/New_York", ["2026-03-01 03:00", "2026-03-31 02:00"]),
    ],
)
def test_a_month_begins_on_the_anchor_s_day_and_wall_clock(anchor, zone, starts):
    assert [month_start_ms(ms(anchor), zone, k + 1) for k in range(len(starts))] == [ms(start) for start in starts]
    assert month_start_ms(ms(anchor), zone, 0) == ms(anchor)


def test_days_of_a_period_are_whole_although_an_hour_is_missing():
    # 1 Mar to 1 Apr in Berlin: 31 days less an hour, counted as 31
    start, end = ms("2026-02-28 23:00"), ms("2026-03-31 22:00")
    assert days_and_left(start, end, start) == (31, 31)
    assert days_and_left(start, end, end - DAY_MS) == (31, 1)
    assert days_and_left(start, end, end - DAY_MS - 1) == (31, 2)
    assert days_and_left(start, end, end - 1) == (31, 1)
    # 1 Oct to 1 Nov there: 31 days and an hour; at its start ceil says 32, but never more than there are
    assert days_and_left(ms("2026-09-30 22:00"), ms("2026-10-31 23:00"), ms("2026-09-30 22:00")) == (31, 31)


def test_subscribing_bills_the_full_fee_and_grants_the_first_month():
    account = story(JOINED, tax_percent="19")
    assert wallet(account) == (15, 0, 15, 0, 0)
    assert bill(account, 1, "number", "lines", "subtotal_minor", "tax_minor", "total_minor", "due_minor", "state") == (
        ("acme-0001", (("business", 2495),), 2495, 474, 2969, 2969, "open")
    )
    assert bill(account, 1, "issued_at_ms", "due_at_ms") == (ms("2026-04-01"), ms("2026-04-15"))
    assert (account.label, account.state, account.next_at_ms) == ("s1.0", "active", ms("2026-04-15"))
    account.apply(ms("2026-04-02"), ("pay", 1))
    assert account.next_at_ms == ms("2026-05-01")


def test_a_free_plan_has_no_invoices():
    free = {"trial": a_plan("trial", 0, 0, 5, 0, 0)}
    account = story(("2026-04-01", "subscribe", "trial", False), ("2026-06-10", "process"), plans=free)
    assert account.totals()["invoices"] == []
    assert (account.label, wallet(account)) == ("s1.2", (15, 0, 15, 0, 0))


def test_three_missed_months_are_granted_each_capped_as_it_would_have_been():
    # 15 a month, cap 45. Nobody looks from 3 April to 2 July; 20 are sent on 10 June.
    account = story(
        JOINED,
        PAID,
        ("2026-04-03", "manual_grant", 20),
        ("2026-06-10", "send", 20),
        ("2026-07-02", "process"),
    )
    # May: B 35, 5 expire, 10 stay. June: B 35 + 10, all 15 expire. July: B 15 + 10, 15 stay.
    assert wallet(account) == (15 + 20 + 45, 20, 15 + 10 + 15, 20, 0)
    assert account.label == "s1.3"
    assert [bill(account, n, "issued_at_ms", "due_at_ms") for n in (2, 3, 4)] == [
        (ms("2026-07-02"), ms("2026-07-16"))
    ] * 3


def test_what_is_sent_after_a_month_began_does_not_make_room_in_its_cap():
    account = story(JOINED, PAID, ("2026-04-03", "manual_grant", 30))  # 45 available
    account.apply(ms("2026-05-01 10:00"), ("send", 25))  # the scheduler is late; May began at midnight with 45
    account.apply(ms("2026-05-02"), ("process",))
    assert wallet(account) == (60, 15, 20, 25, 0)


def test_a_refund_and_a_manual_grant_go_over_the_cap():
    account = story(
        JOINED, PAID, ("2026-04-03", "send", 10), ("2026-04-04", "manual_grant", 100), ("2026-04-10", "settle", 4, 6)
    )
    assert wallet(account) == (115, 0, 111, 0, 4)
    account.apply(ms("2026-05-01"), ("process",))
    assert wallet(account) == (130, 15, 111, 0, 4)


def test_an_upgrade_on_day_10_of_30_costs_20_thirtieths_of_the_difference():
    account = story(JOINED, PAID, ("2026-04-11", "change", "business_plus", None))
    # 4995 * 20 / 30 = 3330; 2495 * 20 / 30 = 1663.33; credits (50 - 15) * 20 / 30 = 23.33
    assert bill(account, 2, "lines", "total_minor", "due_at_ms") == (
        (("business_plus", 3330), ("business", -1663)),
        1667,
        ms("2026-04-25"),
    )
    assert wallet(account) == (38, 0, 38, 0, 0)
    account.apply(ms("2026-04-12"), ("pay", 2))
    account.apply(ms("2026-05-01"), ("process",))
    assert bill(account, 3, "lines") == ((("business_plus", 4995),),)
    assert (wallet(account), account.label) == ((88, 0, 88, 0, 0), "s1.1")


def test_a_day_begun_counts_as_left():
    account = story(JOINED, PAID, ("2026-04-11 23:59", "change", "executive", False))
    # 19 days and a minute: 20. 9995 * 20 / 30 = 6663.33, less 1663; credits 135 * 20 / 30 = 90
    assert bill(account, 2, "lines") == ((("executive", 6663), ("business", -1663)),)
    later = story(JOINED, PAID, ("2026-04-12", "change", "executive", False))
    # 19 days: 6330.17 and 1580.17; credits 85.5, so 86
    assert bill(later, 2, "lines") == ((("executive", 6330), ("business", -1580)),)
    assert (wallet(account)[0], wallet(later)[0]) == (105, 101)


def test_an_upgrade_of_an_annual_plan_goes_by_the_year_and_its_credits_by_the_month():
    account = story(("2026-04-01", "subscribe", "business", True), PAID, ("2026-08-16", "change", "executive", None))
    # 16 Aug to 1 Apr: 228 of 365 days: 95900 * 228 / 365 = 59904.66, 23900 * 228 / 365 = 14929.32
    assert bill(account, 2, "lines", "total_minor") == ((("executive", 59905), ("business", -14929)), 44976)
    # April to August: 75 granted, of which 30 expire (cap 45); then 135 * 16 / 31 = 69.68, B = 45, cap 600
    assert wallet(account) == (145, 30, 115, 0, 0)
    assert account.totals()["invoices"][0]["lines"] == (("business", 23900),)


def test_an_upgrade_s_credits_are_capped_by_the_new_plan():
    account = story(JOINED, PAID, ("2026-04-03", "manual_grant", 120), ("2026-04-11", "change", "business_plus", None))
    # 135 there, 23 more, cap 150: 8 expire
    assert wallet(account) == (158, 8, 150, 0, 0)


@pytest.mark.parametrize("annual", [False, True])
def test_a_dearer_plan_with_fewer_credits_takes_none_away(annual):
    club = a_plan("club", 20000, 200000, 4, 3, 0)
    joined = ("2026-04-01", "subscribe", "executive", False)
    account = story(joined, PAID, ("2026-04-02", "change", "club", annual), plans=PLANS | {"club": club})
    assert (account.plan["slug"], wallet(account)) == ("club", (150, 0, 150, 0, 0))


def test_monthly_to_annual_begins_anew_and_takes_off_what_is_left():
    account = story(JOINED, PAID, ("2026-04-11 12:00", "change", "business", True))
    # 19.5 days: 20 left. 23900 - 1663; credits 15 - half_up(15 * 20 / 30) = 5
    assert bill(account, 2, "lines", "total_minor") == ((("business", 23900), ("business", -1663)), 22237)
    assert (account.label, wallet(account)) == ("s2.0", (20, 0, 20, 0, 0))
    account.apply(ms("2026-04-20"), ("pay", 2))
    assert account.next_at_ms == ms("2026-05-11 12:00")
    account.apply(ms("2027-04-11 11:59"), ("process",))
    assert (account.label, len(account.books.invoices)) == ("s2.11", 2)
    account.apply(ms("2027-04-11 12:00"), ("process",))
    assert (account.label, bill(account, 3, "lines")) == ("s2.12", ((("business", 23900),),))


def test_annual_to_a_dearer_monthly_plan_leaves_a_balance_that_later_invoices_use():
    account = story(
        ("2026-04-01", "subscribe", "business", True),
        PAID,
        ("2026-05-01", "change", "business_plus", False),
        tax_percent="10",
    )
    # 335 of 365 days left: 23900 * 335 / 365 = 21935.62. 4995 - 21936 = -16941, tax -1694.1
    names = ("subtotal_minor", "tax_minor", "total_minor", "balance_used_minor", "due_minor", "state")
    assert bill(account, 2, *names) == (-16941, -1694, -18635, 0, 0, "paid")
    assert (account.label, account.totals()["balance_minor"]) == ("s2.0", 18635)
    # May was granted just before; 50 - half_up(15 * 31 / 31) = 35
    assert wallet(account) == (65, 0, 65, 0, 0)
    account.apply(ms("2026-09-01"), ("process",))
    # 4995 + 499.5 -> 5495 each: June, July, August from the balance; 18635 - 3 * 5495 = 2150 for September
    assert [bill(account, n, *names) for n in (3, 4, 5)] == [(4995, 500, 5495, 5495, 0, "paid")] * 3
    assert bill(account, 6, *names) == (4995, 500, 5495, 2150, 3345, "open")
    assert account.totals()["balance_minor"] == 0


def test_a_downgrade_waits_for_the_period_s_end_and_can_be_taken_back():
    joined = ("2026-04-01", "subscribe", "executive", False)
    account = story(joined, PAID, ("2026-04-10", "change", "business", None))
    assert (account.plan["slug"], len(account.books.invoices)) == ("executive", 1)
    account.apply(ms("2026-05-01"), ("process",))
    # 150 there; cap 45: all 15 expire, nothing else does
    assert (account.plan["slug"], bill(account, 2, "lines")) == ("business", ((("business", 2495),),))
    assert wallet(account) == (165, 15, 150, 0, 0)
    kept = story(joined, PAID, ("2026-04-10", "change", "business", None))
    assert kept.apply(ms("2026-04-11"), ("change", "executive", None)) == "done"
    assert kept.apply(ms("2026-04-11"), ("change", "executive", None)) == "nothing"
    kept.apply(ms("2026-05-01"), ("process",))
    assert bill(kept, 2, "lines") == ((("executive", 9995),),)


def test_an_upgrade_drops_a_pending_change():
    account = story(
        ("2026-04-01", "subscribe", "business_plus", False),
        PAID,
        ("2026-04-10", "change", "business", None),
        ("2026-04-11", "change", "executive", None),
        ("2026-04-12", "pay", 2),
        ("2026-05-01", "process"),
    )
    assert (account.plan["slug"], bill(account, 3, "lines")) == ("executive", ((("executive", 9995),),))


def test_annual_to_monthly_waits_for_the_year_s_end_and_keeps_the_anchor():
    account = story(("2026-01-31", "subscribe", "business", True), ("2026-02-01", "pay", 1))
    account.apply(ms("2026-03-15"), ("change", "business", False))
    account.apply(ms("2027-03-01"), ("process",))
    assert account.label == "s1.13"
    # month 12 on 31 Jan, month 13 on 28 Feb
    assert [bill(account, n, "lines") for n in (2, 3)] == [((("business", 2495),),)] * 2
    account.apply(ms("2027-03-02"), ("pay", 2))
    account.apply(ms("2027-03-02"), ("pay", 3))
    assert account.next_at_ms == ms("2027-03-31")


def test_a_year_ordered_in_the_middle_is_a_whole_year_from_the_month_it_took_effect():
    """A4: executive monthly to business annual, pending, takes effect at month 2 and is billed again at month 14."""
    account = story(("2026-04-01", "subscribe", "executive", False), PAID, ("2026-05-01", "process"))
    account.apply(ms("2026-05-02"), ("pay", 2))
    account.apply(ms("2026-05-03"), ("change", "business", True))
    account.apply(ms("2026-06-01"), ("process",))
    assert (account.label, bill(account, 3, "lines")) == ("s1.2", ((("business", 23900),),))
    account.apply(ms("2026-06-02"), ("pay", 3))
    account.apply(ms("2027-05-31"), ("process",))
    assert (account.label, len(account.books.invoices)) == ("s1.13", 3)
    account.apply(ms("2027-06-01"), ("process",))
    assert (account.label, len(account.books.invoices)) == ("s1.14", 4)


def test_overdue_is_past_due_and_everything_but_the_months_goes_on():
    account = story(JOINED, ("2026-04-15", "process"))
    assert (account.state, account.next_at_ms, account.sends_until_ms) == ("past_due", *[ms("2026-04-22")] * 2)
    assert account.apply(ms("2026-04-16"), ("send", 5)) == 5
    account.apply(ms("2026-04-16"), ("pay", 1))
    assert (account.state, account.next_at_ms, account.sends_until_ms) == ("active", ms("2026-05-01"), 0)


def test_lapse_then_paid_as_before():
    account = story(JOINED)
    assert account.apply(ms("2026-04-21 23:59"), ("send", 4)) == 4
    account.apply(ms("2026-04-22"), ("process",))
    assert (account.state, account.next_at_ms) == ("lapsed", ms("2026-05-22"))
    assert account.apply(ms("2026-04-22"), ("send", 5)) == 0
    account.apply(ms("2026-05-02"), ("process",))
    assert (account.label, wallet(account)) == ("s1.0", (15, 0, 11, 4, 0))
    account.apply(ms("2026-05-03"), ("pay", 1))
    # May waited and begins now, with its invoice
    assert (account.state, account.label, wallet(account)) == ("active", "s1.1", (30, 0, 26, 4, 0))
    assert bill(account, 2, "issued_at_ms", "due_at_ms") == (ms("2026-05-03"), ms("2026-05-17"))
    assert account.apply(ms("2026-05-03"), ("send", 5)) == 5
    account.apply(ms("2026-05-04"), ("pay", 2))
    assert account.next_at_ms == ms("2026-06-01")


def test_a_month_that_waited_is_capped_by_the_balance_at_its_calendar_start():
    """A1: the cap of 600 is full on 1 May, 200 are sent within the grace; paid on 3 May: nothing of May's 150 fits."""
    account = story(JOINED, PAID, ("2026-04-14", "manual_grant", 30), ("2026-04-25", "change", "executive", None))
    # 6 of 30 days left: 135 * 6 / 30 = 27 more: 72. Invoice 2 is due on 9 May; reported failed on 28 April
    account.apply(ms("2026-04-26"), ("manual_grant", 528))  # 600, the cap
    account.apply(ms("2026-04-28"), ("pay_failed", 2))
    assert account.apply(ms("2026-05-02"), ("send", 200)) == 200
    account.apply(ms("2026-05-03"), ("pay", 2))
    assert wallet(account) == (600 + 150, 150, 400, 200, 0)


def test_a_failed_payment_begins_the_grace_and_a_second_report_does_not_prolong_it():
    account = story(JOINED, ("2026-04-03", "pay_failed", 1))
    assert (account.state, account.next_at_ms) == ("past_due", ms("2026-04-10"))
    assert account.apply(ms("2026-04-05"), ("pay_failed", 1)) == "nothing"
    account.apply(ms("2026-04-10"), ("process",))
    assert account.state == "lapsed"
    account.apply(ms("2026-04-11"), ("pay", 1))
    assert (account.state, account.next_at_ms) == ("active", ms("2026-05-01"))


def test_active_again_only_when_every_overdue_or_failed_invoice_is_paid():
    account = story(JOINED, ("2026-04-11", "change", "business_plus", None))  # due 15 and 25 April
    account.apply(ms("2026-04-16"), ("pay_failed", 2))
    account.apply(ms("2026-04-17"), ("pay", 1))
    assert (account.state, account.next_at_ms) == ("past_due", ms("2026-04-22"))
    account.apply(ms("2026-04-18"), ("pay", 2))
    assert account.state == "active"
    other = story(JOINED, ("2026-04-11", "change", "business_plus", None), ("2026-04-17", "pay", 1))
    assert (other.state, other.next_at_ms) == ("active", ms("2026-04-25"))  # the second is open but not overdue


def test_never_paid_ends_thirty_days_after_lapsing():
    account = story(JOINED, ("2026-04-20", "send", 6), ("2026-05-22", "process"))
    assert (account.state, account.ended_reason, account.next_at_ms) == ("ended", "unpaid", 0)
    assert bill(account, 1, "state") == ("uncollectible",)
    assert wallet(account) == (15, 9, 0, 6, 0)
    account.apply(ms("2026-05-23"), ("settle", 2, 4))
    assert wallet(account) == (15, 9, 4, 0, 2)
    assert account.apply(ms("2026-05-24"), ("send", 1)) == 0


def test_a_long_outage_does_not_move_what_fell_due_in_it():
    # due 15 April, lapsed 22 April, ended 22 May: May never began, although nobody looked before June
    account = story(JOINED, ("2026-06-10", "process"))
    assert (account.state, account.label, wallet(account)) == ("ended", "s1.0", (15, 15, 0, 0, 0))
    # paid in the outage, by a call that looks first
    other = story(JOINED, ("2026-04-28", "pay", 1), ("2026-06-10", "process"))
    assert (other.state, other.label) == ("active", "s1.2")
    assert [bill(other, n, "issued_at_ms") for n in (2, 3)] == [(ms("2026-06-10"),)] * 2


def test_cancel_on_an_annual_plan_grants_until_the_year_s_end():
    account = story(("2026-04-01", "subscribe", "business", True), PAID, ("2026-06-15", "cancel"))
    assert (account.state, account.ends_at_ms, account.sends_until_ms) == ("active", *[ms("2027-04-01")] * 2)
    account.apply(ms("2027-03-31 23:59"), ("process",))
    assert (account.label, wallet(account)) == ("s1.11", (180, 135, 45, 0, 0))
    assert account.apply(ms("2027-04-01"), ("send", 5)) == 0  # not looked at yet, but over
    account.apply(ms("2027-04-03"), ("process",))
    assert (account.state, account.ended_reason, wallet(account)) == ("ended", "cancelled", (180, 180, 0, 0, 0))
    assert len(account.books.invoices) == 1


def test_a_plan_may_keep_its_credits_after_the_end():
    keeps = {"business": PLANS["business"] | {"credits_after_end": "keep"}}
    account = story(JOINED, PAID, ("2026-04-10", "cancel"), ("2026-05-01", "process"), plans=keeps)
    assert (account.state, wallet(account)) == ("ended", (15, 0, 15, 0, 0))


def test_a_cancel_is_taken_back_by_subscribing_to_the_same():
    account = story(JOINED, PAID, ("2026-04-10", "cancel"))
    assert account.apply(ms("2026-04-11"), ("subscribe", "executive", False)) == "refused use_change"
    assert account.apply(ms("2026-04-11"), ("change", "executive", False)) == "refused"
    assert account.apply(ms("2026-04-12"), ("subscribe", "business", False)) == "done"
    account.apply(ms("2026-05-01"), ("process",))
    assert (account.state, account.label, len(account.books.invoices)) == ("active", "s1.1", 2)


def test_cancel_while_past_due_ends_at_once():
    account = story(JOINED, ("2026-04-16", "cancel"))
    assert (account.state, account.ended_reason, wallet(account)) == ("ended", "cancelled", (15, 15, 0, 0, 0))
    assert bill(account, 1, "state") == ("uncollectible",)
    assert account.apply(ms("2026-04-17"), ("subscribe", "business", False)) == "refused unpaid"
    assert account.apply(ms("2026-04-18"), ("pay", 1)) == "done"
    assert account.books.balance_minor == 0
    assert account.apply(ms("2026-04-19"), ("subscribe", "business", False)) == "done"


def test_cancelled_then_past_due_still_ends_with_its_period():
    """A5: the invoice of an upgrade on 20 April is due after the end on 1 May, but is reported failed before it."""
    account = story(JOINED, PAID, ("2026-04-20", "change", "executive", None), ("2026-04-26", "cancel"))
    account.apply(ms("2026-04-28"), ("pay_failed", 2))
    assert (account.state, account.next_at_ms, account.sends_until_ms) == ("past_due", *[ms("2026-05-01")] * 2)
    account.apply(ms("2026-05-02"), ("process",))
    assert (account.state, account.ended_reason, *bill(account, 2, "state")) == ("ended", "cancelled", "uncollectible")


def test_an_invoice_not_yet_due_at_the_end_stays_open_and_is_paid_before_anything_new():
    """A6, A20."""
    account = story(JOINED, PAID, ("2026-04-20", "change", "executive", None), ("2026-04-26", "cancel"))
    assert account.apply(ms("2026-05-02"), ("subscribe", "business", False)) == "refused unpaid"
    assert bill(account, 2, "state") == ("open",)
    assert account.apply(ms("2026-05-03"), ("pay", 2)) == "done"
    assert account.apply(ms("2026-05-04"), ("subscribe", "business", False)) == "done"
    assert account.label == "s2.0"


def test_subscribing_again_after_the_end_is_a_new_subscription():
    account = story(JOINED, PAID, ("2026-04-05", "send", 10), ("2026-04-10", "cancel"))
    account.apply(ms("2026-05-04"), ("settle", 1, 9))  # these nine came home after the end, whenever it is looked at
    account.apply(ms("2026-05-05 08:00"), ("subscribe", "business_plus", False))
    assert (account.label, account.next_at_ms) == ("s2.0", ms("2026-05-19 08:00"))
    assert wallet(account) == (65, 5, 59, 0, 1)
    assert bill(account, 2, "number", "lines") == ("acme-0002", (("business_plus", 4995),))


def test_what_is_refused():
    account = story(JOINED, PAID, ("2026-04-03", "manual_grant", 1))
    before = account.totals()
    for event, answer in [
        (("subscribe", "business", False), "nothing"),
        (("subscribe", "business", True), "refused use_change"),
        (("change", "basic", None), "refused"),
        (("change", "business", None), "nothing"),
        (("pay", 1), "nothing"),
        (("pay_failed", 1), "nothing"),
    ]:
        assert account.apply(ms("2026-04-04"), event) == answer
    assert account.totals() == before
    euros = {"business": PLANS["business"], "club": PLANS["executive"] | {"slug": "club", "currency": "EUR"}}
    assert story(JOINED, plans=euros).apply(ms("2026-04-03"), ("change", "club", None)) == "refused currency"
    unpaid = story(JOINED)
    assert unpaid.apply(ms("2026-04-16"), ("subscribe", "business", False)) == "refused unpaid"
    assert unpaid.apply(ms("2026-04-16"), ("change", "executive", None)) == "refused"
    assert unpaid.apply(ms("2026-04-23"), ("subscribe", "executive", True)) == "refused unpaid"


def test_sends_keep_within_the_plan_s_simultaneous_contacts():
    account = story(JOINED, PAID, ("2026-04-03", "manual_grant", 100))
    assert account.apply(ms("2026-04-04"), ("send", 60)) == 25
    assert account.apply(ms("2026-04-05"), ("send", 60)) == 0
    account.apply(ms("2026-04-06"), ("settle", 3, 0))
    assert account.apply(ms("2026-04-06"), ("send", 60)) == 3
    down = story(("2026-04-01", "subscribe", "executive", False), PAID, ("2026-04-28", "send", 100))
    down.apply(ms("2026-04-29"), ("change", "business", None))
    down.apply(ms("2026-05-01"), ("process",))
    assert down.apply(ms("2026-05-02"), ("send", 10)) == 0  # 100 open, 25 allowed: nothing is cancelled, nothing goes
    down.apply(ms("2026-05-05"), ("settle", 20, 60))
    assert down.apply(ms("2026-05-05"), ("send", 10)) == 5


@pytest.mark.parametrize("seed", range(40))
def test_a_plan_without_a_fee_comes_to_the_same_whether_looked_at_daily_or_once_a_year(seed):
    rng, plans = random.Random(seed), {"trial": a_plan("trial", 0, 0, 15, 8, 0)}
    daily, late = (Reckoning(zone="Europe/Berlin", plans=plans) for _ in range(2))
    for account in (daily, late):
        account.apply(ms("2026-01-30 01:30"), ("subscribe", "trial", False))
    for day in range(1, 366):
        at_ms = ms("2026-01-30 12:00") + day * DAY_MS
        daily.apply(at_ms, ("process",))
        if day % 7 == 3:
            sent = late.apply(at_ms, ("send", rng.randint(0, 20)))  # what the late one has, the daily one has too
            assert daily.apply(at_ms, ("send", sent)) == sent
            answered = rng.randint(0, sent // 2)
            event = rng.choice((("manual_grant", rng.randint(1, 60)), ("settle", answered, sent - answered)))
            assert daily.apply(at_ms + 1, event) == late.apply(at_ms + 1, event)
    late.apply(daily.now_ms, ("process",))
    assert late.totals() == daily.totals()
    assert late.label == "s1.12"
