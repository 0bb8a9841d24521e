"""Which provider the settings name, and the one that charges nothing."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from config.settings import BadSettings, Settings, get_settings
from engine.errors import Refused
from tests.workers.payments.conftest import KEY, SECRET, an_order
from workers.payments.choose import provider_of
from workers.payments.provider import NoCard, PaymentProvider

STRIPE = {"INMAIL_PAYMENTS": "stripe", "INMAIL_STRIPE_KEY": KEY, "INMAIL_STRIPE_WEBHOOK_SECRET": SECRET}


@pytest.fixture
def settings(monkeypatch, tmp_path):
    """Reads the settings with these variables set."""
    monkeypatch.chdir(tmp_path)

    def read(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return get_settings.__wrapped__()

    return read


def test_by_default_nothing_is_charged(settings, store):
    manual: PaymentProvider = provider_of(settings(), store)
    assert (manual.name, manual.charges) == ("manual", False)
    assert manual.checkout(an_order()) is None
    assert manual.charge(an_order(), 1) == NoCard()
    assert manual.portal("acme", "https://mail.example.org/") is None


def test_nobodys_word_counts_as_a_payment_where_nothing_is_charged(settings, store):
    with pytest.raises(Refused) as caught:
        provider_of(settings(), store).event(b"{}", "t=1,v1=x")
    assert caught.value.code == "bad_signature"


def test_stripe_is_chosen_by_its_name_and_reached_where_the_setting_says(settings, store, stand_in):
    stripe: PaymentProvider = provider_of(settings(**STRIPE, INMAIL_STRIPE_API=stand_in.url + "/"), store)
    assert (stripe.name, stripe.charges) == ("stripe", True)
    assert stripe.checkout(an_order()) is not None


def test_stripes_library_is_not_loaded_where_it_is_not_used():
    code = "import sys, workers.payments.choose; sys.exit('stripe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("missing", ["INMAIL_STRIPE_KEY", "INMAIL_STRIPE_WEBHOOK_SECRET"])
def test_stripe_without_a_key_or_a_secret_is_refused_in_one_line(settings, missing):
    given = {name: value for name, value in STRIPE.items() if name != missing}
    with pytest.raises(BadSettings) as caught:
        settings(**given)
    assert str(caught.value) == f"{missing}=: must be set where INMAIL_PAYMENTS=stripe"


def test_keys_may_stand_there_while_nothing_is_charged(settings):
    assert settings(**(STRIPE | {"INMAIL_PAYMENTS": "manual"})).payments == "manual"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INMAIL_STRIPE_KEY", "pk_test_thisoneispublishable"),
        ("INMAIL_STRIPE_KEY", "sk_test_broken\nover two lines"),
        ("INMAIL_STRIPE_WEBHOOK_SECRET", "sk_test_thisoneisnosecret"),
    ],
)
def test_a_secret_of_the_wrong_kind_is_refused_without_being_quoted(settings, name, value):
    with pytest.raises(BadSettings) as caught:
        settings(**(STRIPE | {name: value}))
    assert str(caught.value).startswith(f"{name}=***: must be ")
    assert value[8:] not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "http://example.org",
        "ftp://127.0.0.1",
        "https://",
        "https://u:p@example.org",
        "https://example.org/?a=b",
        "https://h:x",
        "api.stripe.com",
        "http://127.0.0.1.example.org",
    ],
)
def test_a_key_is_never_sent_where_it_could_be_read_on_the_way(settings, value):
    with pytest.raises(BadSettings, match="INMAIL_STRIPE_API="):
        settings(INMAIL_STRIPE_API=value)


def test_the_settings_show_no_secret():
    shown = Settings(_env_file=None, payments="stripe", stripe_key=KEY, stripe_webhook_secret=SECRET)
    assert KEY not in repr(shown) + str(shown.model_dump())
    with pytest.raises(ValidationError):
        Settings(_env_file=None, payments="stripe")
