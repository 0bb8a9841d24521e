"""What only the tests of the pages need."""

from __future__ import annotations

import io

from engine import submitting
from engine.intake.lists import open_list
from engine.message import parse_message
from engine.store import Store
from tests.factories import send_all

LETTER = """Hello {{ first_name }},

your work on keeping {{ company }} up caught our eye. We are a team of nine who build the booking system \
most Baltic harbours run on, and we are looking for somebody to own how it is deployed and watched.

It would be four days a week if you like, from {{ location }} or from home.

Would you be open to a short call next week? A plain yes or no is welcome.

Kind regards
Alma Lindqvist, Harbour Talent"""


def a_rich_campaign(store: Store, account: str = "acme") -> str:
    """An InMail to somebody the list says a lot of; returns its id."""
    head = "First Name,Email,Current Title,Company,Location,Vacancy\n"
    row = 'Kavita,kavita@example.org,Site Reliability Engineer,Northwind,Berlin,"Staff Engineer, Platform"\n'
    with open_list("-", stdin=io.BytesIO((head + row).encode())) as listed:
        message = parse_message("Keeping harbours online, {{ first_name }}", LETTER, columns=listed.columns)
        order = submitting.Order(name="test", pack_size=500, refund_after_ms=7 * 86_400_000)
        campaign = submitting.submit(store, account, listed, message, order).campaign
    send_all(store, campaign)
    return f"{campaign}.0"
