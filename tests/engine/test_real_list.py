"""A real list, where there is one beside the project: every person gets exactly one InMail, from CSV and XLSX alike."""

from pathlib import Path

import pytest

from engine import campaigns, mailbox, submitting
from engine.intake.lists import open_list
from engine.message import parse_message
from tests.factories import an_account, send_all

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no folder of real lists beside the project")


@pytest.mark.parametrize("name", ["candidates.csv", "candidates.xlsx"])
def test_each_of_537_people_gets_exactly_one_inmail_of_their_own(store, name):
    an_account(store, credits_=537)
    with open_list(DATA / name) as listed:
        message = parse_message("To {{ first_name }} {{ last_name }}", "{{ location }}", columns=listed.columns)
        done = submitting.submit(store, "acme", listed, message, submitting.Order("real", 100, 1000))
    send_all(store, done.campaign)

    assert (done.tally.accepted, done.tally.rejected_total) == (537, 0)
    people = list(campaigns.recipients(store, done.campaign))
    assert len({person.fields["email"] for person in people}) == 537
    for person in people:
        (item,) = mailbox.inbox(store, person.fields["email"])[0]
        assert item.subject == f"To {person.fields['first_name']} {person.fields['last_name']}"


def test_linkedins_own_export_is_read_below_its_note(store):
    an_account(store)
    with open_list(DATA / "Connections.csv") as listed:
        message = parse_message("To {{ first_name }}", "{{ title }}", columns=listed.columns)
        done = submitting.submit(store, "acme", listed, message, submitting.Order("real", 500, 1000))

    assert (done.tally.accepted, dict(done.tally.rejected)) == (358, {"no_address": 179})
