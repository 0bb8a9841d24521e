"""A data folder that a command had to make is told of: whoever forgot INMAIL_DATA_DIR would find nothing there."""

import pytest

from config.settings import get_settings

pytestmark = pytest.mark.redis

OPEN = ("account", "open", "acme", "--email", "a@example.org", "--name", "A")


@pytest.fixture
def elsewhere(cli, monkeypatch):
    """The command line without a Redis that is named, in an empty folder."""
    monkeypatch.delenv("INMAIL_REDIS_URL")
    monkeypatch.delenv("INMAIL_DATA_DIR", raising=False)
    get_settings.cache_clear()
    return cli


def test_a_command_that_looks_for_data_tells_of_the_folder_it_made_and_only_the_first_time(elsewhere, tmp_path):
    code, out, err = elsewhere("account", "show", "acme")
    assert (code, out, len(err)) == (3, "", 2)
    assert err[0] == (
        f"inmail: warning: made a new data folder {tmp_path}/.inmail: what was kept in another one is not here; "
        "see INMAIL_DATA_DIR"
    )
    assert err[1].startswith("inmail: error: no account 'acme'")
    assert len(elsewhere("account", "show", "acme")[2]) == 1


def test_opening_an_account_may_begin_a_folder_without_a_word(elsewhere, tmp_path):
    assert elsewhere(*OPEN)[::2] == (0, [])
    assert (tmp_path / ".inmail").is_dir()
