"""Plans and settings: data, checked; what is wrong is named so that it can be mended."""

from pathlib import Path

import pytest

import config
from config.settings import BadSettings, Settings, get_settings
from engine.errors import Invalid
from engine.plans import WEIGHT_MAX, find_plan, load_plans

BUILT_IN = Path(config.__file__).parent / "plans.toml"


def test_the_built_in_catalogue_is_the_one_the_docs_show():
    plans = load_plans(BUILT_IN)
    shown = {
        slug: (p.credits_a_month, p.profiles_per_search, p.simultaneous_contacts, p.fee_monthly, p.fee_annual)
        for slug, p in plans.items()
    }
    assert shown == {
        "basic": (0, 100, 0, 0, 0),
        "business": (15, 300, 25, 2495, 23900),
        "business_plus": (50, 500, 100, 4995, 47900),
        "executive": (150, 700, 500, 9995, 95900),
    }
    assert [slug for slug, p in plans.items() if not p.can_send] == ["basic"]
    assert plans["business"].refund_after_ms == 7 * 86_400_000


def test_a_host_adds_plans_with_defaults_for_what_it_leaves_out(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('[plans.alumni]\ncredits_a_month = 200\nrefund = { when = "answered", after = "P90D" }\n')
    plan = find_plan(load_plans(BUILT_IN, own), "Alumni")

    assert (plan.name, plan.credits_a_month, plan.simultaneous_contacts) == ("Alumni", 200, 0)
    assert (plan.refund_when, plan.refund_after_ms) == ("answered", 90 * 86_400_000)
    assert plan.weight == 1


@pytest.mark.parametrize("weight", [1, 7, WEIGHT_MAX])
def test_a_plan_may_have_a_weight_of_its_own(tmp_path, weight):
    own = tmp_path / "own.toml"
    own.write_text(f"[plans.alumni]\nweight = {weight}\n")
    assert find_plan(load_plans(BUILT_IN, own), "alumni").weight == weight


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[plans.x]\ncredits_a_month = -1\n", "line 2: plan 'x': credits_a_month must be"),
        ("[plans.x]\nname = 'X'\ncolour = 'red'\n", "line 3: plan 'x': unknown field 'colour'"),
        ("[plans.x]\ncurrency = 'euro'\n", "line 2: plan 'x': currency must be"),
        ("[plans.x]\ncurrency = 'XYZ'\n", "line 2: plan 'x': currency must be a code of ISO 4217"),
        ("[plans.x]\nrefund = { when = 'never' }\n", "refund.when must be"),
        ("[plans.x]\nrefund = { after = '7' }\n", "line 2: plan 'x': refund.after must be an ISO 8601"),
        ("\n[plans.'Bad Slug']\n", "a plan's slug is"),
        ("[plans.x]\ncredits_a_month = true\n", "line 2"),
        ("[plans.x]\nname = 'X'\nweight = 0\n", "line 3: plan 'x': weight must be a whole number from 1 to 100, not 0"),
        ("[plans.x]\nweight = 101\n", "line 2: plan 'x': weight must be a whole number from 1 to 100, not 101"),
        ("[plans.x]\nweight = 1.5\n", "line 2: plan 'x': weight must be"),
        ("[plans.x]\nweight = '3'\n", "line 2: plan 'x': weight must be"),
        ("[plans.x]\nweight = true\n", "line 2: plan 'x': weight must be"),
        ("[plans.x\n", "at line 1"),
        ("[other]\n", "expected tables"),
    ],
)
def test_a_wrong_plan_is_named_with_its_line(tmp_path, text, told):
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(Invalid) as caught:
        load_plans(BUILT_IN, own)
    assert told in str(caught.value)


def test_an_unknown_plan_lists_the_ones_there_are():
    with pytest.raises(Invalid, match="basic, business, business_plus, executive"):
        find_plan(load_plans(BUILT_IN), "gold")


@pytest.fixture
def fresh_settings(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    yield monkeypatch
    get_settings.cache_clear()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INMAIL_PACK_SIZE", "0"),
        ("INMAIL_PACK_SIZE", "many"),
        ("INMAIL_REFUND_AFTER", "7"),
        ("INMAIL_REFUND_AFTER", "PT0S"),
        ("INMAIL_LEASE", "forever"),
        ("INMAIL_REDIS_URL", "localhost:6379"),
        ("INMAIL_PLANS_FILE", "/nowhere/plans.toml"),
        ("INMAIL_NAMESPACE", "a b"),
        ("INMAIL_LOG_LEVEL", "loud"),
        ("INMAIL_WEB_PORT", "0"),
        ("INMAIL_WEB_HOST", "a b"),
        ("INMAIL_API_RATE", "0"),
        ("INMAIL_API_UPLOAD_BYTES_MAX", "1 GB"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line_that_names_it(fresh_settings, name, value):
    fresh_settings.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        get_settings()
    assert str(caught.value).startswith(f"{name}=")
    assert "\n" not in str(caught.value)


def test_every_setting_stands_in_the_docs_and_in_the_example_file():
    root = Path(config.__file__).parent.parent
    docs = (root / "docs" / "settings.md").read_text()
    missing = [name for name in Settings.model_fields if f"`INMAIL_{name.upper()}`" not in docs]
    assert missing == []


def test_durations_are_iso_8601(fresh_settings):
    fresh_settings.setenv("INMAIL_REFUND_AFTER", "P7D")
    assert get_settings().refund_after_ms == 7 * 86_400_000


def test_a_refused_address_is_quoted_without_its_password(monkeypatch):
    monkeypatch.setenv("INMAIL_REDIS_URL", "rediss://user:s3cret@host:x/0")
    with pytest.raises(BadSettings) as caught:
        get_settings.__wrapped__()
    assert "user:***@host" in str(caught.value)
    assert "s3cret" not in str(caught.value)
