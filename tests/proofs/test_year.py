"""A year of many accounts: the engine on a simulated clock comes to what plain Python reckons from the rules alone."""

from decimal import Decimal

import pytest

from engine.audit import audit
from engine.store import Store, open_client
from tests.conftest import NOON_MS
from tests.proofs.year_engine import Year, invoices_differ


def live(redis_url: str, seed: int, accounts: int, tax: str) -> None:
    client = open_client(redis_url)
    client.flushdb()
    store = Store(client, at_ms=NOON_MS)
    year = Year(store, seed, range(accounts), NOON_MS, tax_percent=Decimal(tax))
    year.run()

    differences = year.compare()
    for account, reckoning in year.reckonings.items():
        differences += invoices_differ(store, account, reckoning)
    assert differences == []
    assert [line for account in year.reckonings for line in audit(store, account).drift] == []
    assert len(year.reckonings) == accounts
    client.close()


@pytest.mark.redis
@pytest.mark.parametrize(("seed", "tax"), [(1, "0"), (2, "8.1")])
def test_a_year_of_a_few_accounts_comes_to_what_was_reckoned(redis_url, seed, tax):
    live(redis_url, seed, 12, tax)


@pytest.mark.redis
@pytest.mark.proof
@pytest.mark.parametrize("seed", range(10, 14))
@pytest.mark.timeout(600)
def test_years_of_many_accounts_come_to_what_was_reckoned(redis_url, seed):
    live(redis_url, seed, 75, "7.7")
