"""Wrong input gets one line and its exit code, and changes nothing."""

import pytest

from config.settings import get_settings
from tests.cli.conftest import SUBMIT, as_json, snapshot

WRONG = [
    # words → exit code, what the one line says
    (("campaign", "submit", "acme", "nowhere.csv", *SUBMIT[4:]), 2, "nowhere.csv"),
    (("campaign", "submit", "acme", "empty.csv", *SUBMIT[4:]), 3, "empty"),
    (("campaign", "submit", "acme", "header.csv", *SUBMIT[4:]), 3, "no rows"),
    (("campaign", "submit", "acme", "noaddress.csv", *SUBMIT[4:]), 3, "--map email="),
    (("campaign", "submit", "acme", "junk.bin", *SUBMIT[4:]), 3, "not a CSV, XLSX or JSONL"),
    (("campaign", "submit", "acme", "long.csv", *SUBMIT[4:]), 3, "1 MiB"),
    (("campaign", "submit", "nobody", *SUBMIT[3:]), 3, "no account 'nobody'"),
    ((*SUBMIT[:4], "--subject", "{{ ''.__class__ }}", "--body", "body.txt"), 3, "subject line 1"),
    ((*SUBMIT[:4], "--subject", "{% for x in y %}{% endfor %}", "--body", "body.txt"), 3, "loop"),
    ((*SUBMIT[:4], "--subject", "Hi {{ fist_name }}", "--body", "body.txt"), 3, "first_name"),
    ((*SUBMIT[:4], "--subject", "Hi", "--body", "nowhere.txt"), 2, "nowhere.txt"),
    (("campaign", "submit", "acme", "-", "--subject", "Hi", "--body", "-"), 2, "cannot both be read from stdin"),
    ((*SUBMIT, "--map", "email"), 2, "field=column"),
    ((*SUBMIT, "--map", "email=Nothing"), 2, "there is no such column"),
    ((*SUBMIT, "--start-at", "yesterday"), 2, "--start-at"),
    ((*SUBMIT, "--start-at", "2001-01-01"), 2, "in the past"),
    ((*SUBMIT, "--channel", "pigeon"), 2, "mailbox"),
    ((*SUBMIT, "--strict"), 3, "line 4"),
    ((*SUBMIT, "--rejects", "."), 2, "is a folder"),
    ((*SUBMIT, "--rejects", "nowhere/r.csv"), 2, "no such folder"),
    ((*SUBMIT, "--rejects", "list.csv"), 2, "that is the list itself"),
    ((*SUBMIT, "--json", "--watch"), 2, "do not go together"),
    (("account", "show", "\udcff"), 2, "not UTF-8"),
    (("account", "open", "acme2", "--email", "a@example.org", "--name", "A", "--plan", "gold"), 2, "business"),
    (("account", "open", "acme2", "--email", "nope", "--name", "A"), 2, "nope"),
    (("account", "open", "Ac Me", "--email", "a@example.org", "--name", "A"), 2, "a-z"),
    (("account", "show", "nobody"), 3, "no account"),
    (("account", "weigh", "acme", 0), 2, "from 1 to 100"),
    (("account", "weigh", "acme", -5), 2, "from 1 to 100"),
    (("account", "weigh", "acme", 101), 2, "from 1 to 100"),
    (("account", "weigh", "acme", "1.5"), 2, "give a whole number from 1 to 100;"),
    (("account", "weigh", "acme", "ten"), 2, "give a whole number from 1 to 100;"),
    (("account", "weigh", "acme"), 2, "Missing"),
    (("account", "weigh", "nobody", 3), 3, "no account"),
    (("credits", "grant", "acme", -5, "--reason", "r"), 2, "from 1 to"),
    (("credits", "grant", "acme", 0, "--reason", "r"), 2, "from 1 to"),
    (("credits", "grant", "acme", 10**30, "--reason", "r"), 2, "from 1 to"),
    (("credits", "grant", "acme", "1.5", "--reason", "r"), 2, "give a whole number from 1 to 1,000,000,000;"),
    (("credits", "log", "acme", "--after", -1), 2, "give a whole number from 0 to 9,007,199,254,740,992;"),
    (("credits", "log", "acme", "--after", "9" * 20), 2, "give a whole number from 0 to 9,007,199,254,740,992;"),
    (("campaign", "list", "acme", "--after", "9" * 20), 2, "give a whole number from 0 to 9,007,199,254,740,992;"),
    (("campaign", "list", "acme", "--most", 501), 2, "give a whole number from 1 to 500;"),
    (("campaign", "list", "acme", "--most", "x"), 2, "give a whole number from 1 to 500;"),
    (("credits", "show", "nobody"), 3, "no account"),
    (("campaign", "show", "acme.99"), 3, "no campaign"),
    (("campaign", "show", "nonsense"), 3, "no campaign"),
    (("campaign", "pause", "acme.99"), 3, "list them with: inmail campaign list acme"),
    (("campaign", "recipients", "acme.99", "--state", "odd"), 2, "no state"),
    (("inbox", "not an address"), 2, "address"),
    (("reply", "acme.1.0", "--as", "a@example.org"), 2, "one of --accept, --decline"),
    (("audit", "nobody"), 3, "no account"),
    (("frobnicate",), 2, "frobnicate"),
    (("credits", "grant"), 2, "Missing"),
]


@pytest.mark.parametrize(("words", "code", "told"), WRONG, ids=[" ".join(map(str, w[0]))[:60] for w in WRONG])
def test_bad_input_gets_one_line_and_its_exit_code_and_changes_nothing(acme, tmp_path, redis_url, words, code, told):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("first_name,email\n")
    (tmp_path / "noaddress.csv").write_text("first_name,town\nAna,Lima\n")
    (tmp_path / "junk.bin").write_bytes(bytes(range(256)) * 50)
    (tmp_path / "long.csv").write_text("first_name,email\n" + "x" * 3_000_000)
    before = as_json(acme("credits", "show", "acme", "--json"))
    found, out, err = acme(*words)

    assert (found, out) == (code, "")
    assert len(err) == 1, err
    assert err[0].startswith("inmail: error: ")
    assert told in err[0]
    assert as_json(acme("credits", "show", "acme", "--json")) == before
    assert as_json(acme("campaign", "list", "acme", "--json"))["items"] == []
    assert not [key for key in snapshot(redis_url) if b":c1" in key]


def test_a_wrong_setting_is_one_line_and_exit_code_2(cli, monkeypatch):
    monkeypatch.setenv("INMAIL_PACK_SIZE", "lots")
    get_settings.cache_clear()
    code, _, err = cli("account", "show", "acme")

    assert (code, len(err)) == (2, 1)
    assert "INMAIL_PACK_SIZE" in err[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("campain", "list", "acme"), "No such command 'campain'. Did you mean 'campaign'? See: inmail --help"),
        (("account", "opne"), "No such command 'opne'. Did you mean 'open'? See: inmail account --help"),
        (("help", "campain"), "No such command 'campain'. Did you mean 'campaign'? See: inmail --help"),
        (("frobnicate",), "No such command 'frobnicate'; see: inmail --help"),
    ],
)
def test_a_mistyped_word_is_told_with_the_one_that_is_like_it(cli, words, told):
    assert cli(*words) == (2, "", [f"inmail: error: {told}"])


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (("-h",), "Usage: inmail [OPTIONS]"),
        (("help",), "Usage: inmail [OPTIONS]"),
        (("campaign", "-h"), "Usage: inmail campaign [OPTIONS]"),
        (("help", "campaign", "submit"), "Usage: inmail campaign submit [OPTIONS]"),
    ],
)
def test_help_may_be_asked_for_as_other_commands_have_it(cli, words, usage):
    code, out, err = cli(*words)
    assert (code, err) == (0, [])
    assert out.startswith(usage)


def test_a_query_that_leaves_somebody_out_is_not_a_wish_for_help(acme):
    code, out, _ = acme("candidates", "search", "acme", "-hr")
    assert code == 0
    assert "Usage" not in out
