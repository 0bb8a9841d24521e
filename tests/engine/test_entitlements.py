"""What a plan allows, how much of it is used, and when more of it is there by itself."""

import pytest

from engine.entitlements import entitlements, next_grant_ms
from engine.subscription import read
from tests.conftest import DAY_MS, NOON_MS
from tests.factories import a_campaign, a_plan, an_account, send_all


@pytest.mark.parametrize("rule", ["unanswered", "answered"])
def test_credits_come_home_by_a_day_only_under_the_rule_that_gives_back_what_nobody_answered(store, rule):
    an_account(store, plan=a_plan(refund_when=rule), credits_=10)
    send_all(store, a_campaign(store, to=3, refund_after_ms=7 * DAY_MS, refund_when=rule))

    found = {one.name: one for one in entitlements(store, "acme")}

    falls_due, grant = NOON_MS + 7 * DAY_MS, next_grant_ms(read(store, "acme"))
    assert (found["credits"].used, found["credits"].limit) == (3, 10)
    assert found["credits"].lifts_at_ms == (falls_due if rule == "unanswered" else grant)
    assert found["simultaneous_contacts"].lifts_at_ms == falls_due  # the contact ends either way
