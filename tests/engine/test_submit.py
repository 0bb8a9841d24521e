"""Submitting: one pass over the list, then a campaign or nothing."""

import io

import pytest

from engine import campaigns, credits, preflight, submitting, suppressions
from engine.errors import Invalid, NotFound, Refused
from engine.intake.lists import open_list
from engine.intake.rejects import RejectsFile
from engine.message import parse_message
from tests.factories import a_campaign, a_plan, addresses, an_account, letters, release, send_all, wallet

GOOD = "first_name,email\nAna,ana@example.org\nBen,ben@example.org\n"
MIXED = GOOD + "Cy,not-an-address\nAna,ANA@example.org\nDee,\n" + f"{'E' * 300},eve@example.org\n"


def submit(store, text=GOOD, tmp_path=None, subject="Hi {{ first_name }}", body="Text", **order):
    values = {"name": "test", "pack_size": 500, "refund_after_ms": 1000, **order}
    rejects = RejectsFile(tmp_path / "rejects.csv", ("first_name", "email")) if tmp_path else None
    with open_list("-", stdin=io.BytesIO(text.encode())) as listed:
        message = parse_message(subject, body, columns=listed.columns)
        if rejects is None:
            return submitting.submit(store, "acme", listed, message, submitting.Order(**values))
        with rejects:
            return submitting.submit(store, "acme", listed, message, submitting.Order(**values), rejects)


def nothing_left(store):
    keys = {key.decode() for key in store.client.keys("*") if b"}:c1" in key}
    return keys == set() and store.client.zcard(store.keys.drafts("acme")) == 0


def test_a_list_becomes_a_campaign_with_a_letter_for_each_accepted_row(store):
    an_account(store, credits_=1)
    done = submit(store)

    assert (done.campaign, done.state, done.tally.accepted) == ("acme.1", "running", 2)
    assert letters(store, "acme.1") == "QQ"
    assert [r.fields["email"] for r in campaigns.recipients(store, "acme.1")] == ["ana@example.org", "ben@example.org"]


@pytest.mark.parametrize(
    ("credits_", "contacts", "waiting_for"), [(0, 0, "credits"), (0, 1, "credits"), (3, 2, "contacts")]
)
def test_a_list_submitted_where_nothing_may_be_sent_waits_from_the_first_and_says_for_what(
    store, credits_, contacts, waiting_for
):
    an_account(store, credits_=credits_, plan=a_plan(simultaneous_contacts=contacts))
    if credits_:
        send_all(store, a_campaign(store, to=addresses(contacts, start=10)))
    done = submit(store, name="second", key="k")
    again = submit(store, name="second", key="k")
    found = campaigns.get_campaign(store, done.campaign)

    assert (done.state, again.state, found.state, found.waiting_for) == ("waiting",) * 3 + (waiting_for,)
    credits.grant(store, "acme", 1, reason="more")
    assert release(store, done.campaign).state == ("running" if waiting_for == "credits" else "waiting")


def test_a_list_for_later_waits_for_its_time_and_not_for_credits(store):
    an_account(store)
    assert submit(store, start_at_ms=store.at_ms + 1).state == "scheduled"


def test_rejected_rows_go_to_the_rejects_file_with_line_and_reason(store, tmp_path):
    an_account(store)
    done = submit(store, MIXED, tmp_path)

    assert done.tally.accepted == 2
    assert dict(done.tally.rejected) == {"bad_address": 1, "duplicate": 1, "no_address": 1, "message": 1}
    lines = (tmp_path / "rejects.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["4", "bad_address"],
        ["5", "duplicate"],
        ["6", "no_address"],
        ["7", "message"],
    ]
    assert "line 2" in lines[2]


def test_strict_refuses_the_list_at_its_first_bad_row_and_leaves_nothing(store):
    an_account(store)
    with pytest.raises(Refused, match=r"line 4: .*nothing was submitted"):
        submit(store, MIXED, strict=True)
    assert nothing_left(store)


def test_a_list_without_an_acceptable_row_is_refused_and_leaves_nothing(store):
    an_account(store)
    with pytest.raises(Refused, match="no row can be accepted"):
        submit(store, "email\nx\ny\n", subject="Hi", body="Text")
    assert nothing_left(store)


def test_whatever_interrupts_the_upload_leaves_nothing(store):
    an_account(store)

    def stop(read, rows):
        raise KeyboardInterrupt

    message = parse_message("Hi", "Text")
    with open_list("-", stdin=io.BytesIO(GOOD.encode())) as listed, pytest.raises(KeyboardInterrupt):
        submitting.submit(store, "acme", listed, message, submitting.Order("n", 1, 1000), progress=stop)
    assert nothing_left(store)


def test_a_basic_account_cannot_send(store):
    an_account(store, plan=a_plan(slug="basic", can_send=False))
    with pytest.raises(Refused, match="cannot send"):
        submit(store)
    assert nothing_left(store)


def test_an_unknown_account_is_not_found(store):
    with pytest.raises(NotFound):
        submit(store)


@pytest.mark.parametrize(
    "order",
    [{"channel": "pigeon"}, {"name": ""}, {"name": "x" * 121}, {"key": ""}, {"start_at_ms": 2**45}],
)
def test_a_bad_order_is_invalid_and_leaves_nothing(store, order):
    an_account(store)
    with pytest.raises(Invalid):
        submit(store, **order)
    assert nothing_left(store)


def test_submitting_twice_with_a_key_is_once(store):
    an_account(store, credits_=2)
    first = submit(store, key="k")
    send_all(store, first.campaign)
    again = submit(store, key="k")

    assert (again.campaign, again.repeated) == (first.campaign, True)
    assert letters(store, first.campaign) == "SS"
    assert campaigns.campaign_ids(store, "acme") == [first.campaign]


def test_a_repeat_under_another_pack_size_is_still_a_repeat(store):
    an_account(store)
    assert submit(store, key="k", pack_size=1).campaign == submit(store, key="k", pack_size=500).campaign


@pytest.mark.parametrize(
    "change",
    [
        {"text": GOOD + "Cy,cy@example.org\n"},
        {"body": "Other text"},
        {"text": GOOD.replace("first_name", "last_name"), "subject": "Hi {{ last_name }}"},
    ],
)
def test_a_key_used_for_another_list_or_message_is_refused_and_the_first_stays_whole(store, change):
    an_account(store)
    first = submit(store, key="k")
    with pytest.raises(Refused, match="used for another order"):
        submit(store, key="k", **change)
    assert [r.fields["first_name"] for r in campaigns.recipients(store, first.campaign)] == ["Ana", "Ben"]


def test_an_abandoned_draft_is_cleared_away_after_an_hour(store):
    an_account(store)
    store.run("draft", store.keys.of_account("acme"), "call:x", "x")
    store.client.hset(store.keys.staged("acme.1", "x"), "0", b"half an upload")
    assert submitting.discard_abandoned(store, "acme") == []
    store.at_ms += submitting.DRAFT_KEPT_MS

    assert submitting.discard_abandoned(store, "acme") == ["acme.1"]
    assert nothing_left(store)


def test_a_submitted_campaign_is_never_discarded(store):
    an_account(store)
    done = submit(store)
    submitting.discard(store, done.campaign, "any")
    assert letters(store, done.campaign) == "QQ"
    assert [r.fields["first_name"] for r in campaigns.recipients(store, done.campaign)] == ["Ana", "Ben"]


def test_two_uploads_under_one_key_at_the_same_time_never_mix(store):
    an_account(store)
    other = GOOD.replace("Ana", "Eve").replace("ana@", "eve@")
    inner = []

    def meanwhile(read, rows):
        if not inner:
            inner.append(submit(store, other, key="k", pack_size=1).campaign)

    with open_list("-", stdin=io.BytesIO(GOOD.encode())) as listed:
        message = parse_message("Hi {{ first_name }}", "Text", columns=listed.columns)
        order = submitting.Order("test", 1, 1000, key="k")
        with pytest.raises(Refused, match="used for another order"):
            submitting.submit(store, "acme", listed, message, order, progress=meanwhile)

    assert [r.fields["first_name"] for r in campaigns.recipients(store, inner[0])] == ["Eve", "Ben"]
    assert not [key for key in store.client.scan_iter() if b"staged" in key]
    assert store.client.zcard(store.keys.drafts("acme")) == 0


def test_an_upload_given_up_meanwhile_is_refused_and_may_be_repeated(store):
    an_account(store)

    def give_up(read, rows):
        store.client.delete(*[key for key in store.client.scan_iter() if b"staged" in key] or ["-"])

    with open_list("-", stdin=io.BytesIO(GOOD.encode())) as listed:
        message = parse_message("Hi {{ first_name }}", "Text", columns=listed.columns)
        order = submitting.Order("test", 500, 1000)
        stage_finish = submitting.Stage.finish
        submitting.Stage.finish = lambda self: (stage_finish(self), give_up(0, 0))
        try:
            with pytest.raises(Refused, match="submit the list again"):
                submitting.submit(store, "acme", listed, message, order)
        finally:
            submitting.Stage.finish = stage_finish
    assert nothing_left(store)


@pytest.mark.parametrize(
    ("recipients", "available", "held", "limit", "expected"),
    [
        (10, 10, 0, 0, 1),
        (11, 10, 0, 0, 2),
        (100, 10, 0, 5, 20),
        (5, 0, 0, 0, None),
        (0, 5, 0, 0, 0),
        (5, 0, 5, 0, 1),  # nothing is free now; one wave when what is out comes home
        (9, 4, 5, 0, 2),
        (37, 37, 500, 500, 1),
        (37, 37, 490, 500, 2),
    ],
)
def test_waves_are_how_often_the_balance_must_come_home(recipients, available, held, limit, expected):
    purse = credits.Wallet(available, held, 0, available + held, 0)
    assert preflight.waves(recipients, purse, limit) == expected


@pytest.mark.parametrize(
    ("recipients", "available", "held", "limit", "expected"),
    [
        (10, 10, 0, 0, 1),
        (11, 10, 0, 0, None),  # silence spends: nothing comes home for the eleventh
        (10, 10, 5, 5, 2),  # no contact is free; the five that are out are spent when due, then five and five
        (0, 0, 5, 0, 0),
        (1, 0, 5, 0, None),
        (7, 10, 0, 5, 2),
    ],
)
def test_where_answers_are_paid_back_waves_are_bound_by_what_is_available(recipients, available, held, limit, expected):
    purse = credits.Wallet(available, held, 0, available + held, 0)
    assert preflight.waves(recipients, purse, limit, refund_when="answered") == expected


def test_a_preflight_counts_whom_a_claim_would_pass_over(store):
    an_account(store, credits_=1)
    send_all(store, a_campaign(store, to=["busy@example.org"]))
    suppressions.suppress(store, "acme", "out@example.org")
    skipped = preflight.Skipped()
    free = skipped.look(store, "acme", ["busy@example.org", "out@example.org", "free@example.org"])

    assert free == [False, False, True]
    assert (skipped.suppressed, skipped.pair_locked) == (1, 1)
    assert wallet(store)["held"] == 1


def test_three_thousand_rows_in_packs_of_seven_are_all_there_in_order(store):
    an_account(store)
    text = "email,n\n" + "".join(f"p{i}@example.org,{i}\n" for i in range(3000))
    done = submit(store, text, subject="Hi", body="Text", pack_size=7)

    assert done.tally.accepted == 3000
    assert [r.fields["n"] for r in campaigns.recipients(store, done.campaign, after=2990)] == [
        str(i) for i in range(2991, 3000)
    ]
