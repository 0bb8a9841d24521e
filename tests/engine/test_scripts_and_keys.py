"""The house rules of scripts and keys, held by tests rather than by memory."""

import re
from pathlib import Path

import pytest

import engine
from engine import rows
from engine.identity import digest
from engine.keys import Keys
from engine.letters import LETTERS, MOVES
from engine.store import STANDALONE, script_source

ROOT = Path(engine.__file__).parent
SCRIPTS = sorted(path.stem for path in (ROOT / "lua").glob("*.lua") if not path.stem.startswith("_"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_says_what_it_does_and_what_it_returns(name):
    head = [line for line in (ROOT / "lua" / f"{name}.lua").read_text().splitlines() if line.startswith("--")]
    text = "\n".join(head)

    assert head[0].startswith(f"-- {name}: ")
    assert "ARGV" in text
    assert "Returns:" in text


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_run_from_exactly_one_place(name):
    source = "\n".join(path.read_text() for path in ROOT.rglob("*.py"))
    called = rf'run(?:_bare)?\(\s*"{name}"|\("{name}", keys|return "{name}", store'
    assert len(re.findall(called, source)) == 1


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_looks_over_the_whole_database_or_joins_a_float(name):
    body = script_source(name)
    if name != "snapshot":  # the auditor's, which has to see all of an account
        assert not re.search(r"call\('(KEYS|SCAN|FLUSH\w*|SMEMBERS|HGETALL)'", body)
    if name not in STANDALONE:
        assert "Nothing fails below" in body, name


def test_an_unknown_script_is_a_key_error():
    for name in ("nothing", "_keys", "../store"):
        with pytest.raises(KeyError):
            script_source(name)


def test_all_keys_of_an_account_share_its_hash_tag():
    keys = Keys()
    every = [*keys.of_account("acme"), *keys.of_campaign("acme.7"), keys.staged("acme.7", "t")]

    assert {re.search(r"\{(.*?)\}", key)[1] for key in every} == {"acme"}
    assert len(set(every)) == len(keys.of_campaign("acme.7")) + 1
    assert keys.letters("acme.7") == "inmail:{acme}:c7:letters"


def test_mailboxes_lie_in_sixteen_shards_and_older_mail_beside_them():
    keys, people = Keys(), [digest(f"p{i}@example.org") for i in range(500)]

    assert {keys.mailboxes(person) for person in people} == {f"inmail:{{mailboxes:{i:x}}}" for i in range(16)}
    assert {keys.older_mail(person).partition("}")[0] for person in people} == {
        f"inmail:{{mailboxes:{i:x}" for i in range(16)
    }
    assert len({keys.older_mail(person) for person in people}) == 500


def test_each_named_key_is_the_one_its_name_says():
    keys = Keys("ns")
    for name in (
        "account",
        "wallet",
        "log",
        "campaigns",
        "active",
        "sending",
        "drafts",
        "open",
        "suppressed",
        "subscription",
        "invoices",
        "seats",
    ):
        assert getattr(keys, name)("acme") == f"ns:{{acme}}:{name}"
    for name in ("letters", "sent", "rows", "leases", "again", "replies", "failures", "digests"):
        assert getattr(keys, name)("acme.7") == f"ns:{{acme}}:c7:{name}"
    assert keys.renewals == "ns:{sched}:renewals"
    assert keys.campaign_due("acme.7") == "ns:{acme}:c7:due"
    assert keys.campaign("acme.7") == "ns:{acme}:c7"


def test_the_states_page_shows_every_letter_and_every_move():
    page = (ROOT.parent / "docs" / "states.md").read_text()
    for letter in LETTERS.values():
        assert f"| {letter.code} | {letter.word} | {letter.credit} | {letter.meaning} |" in page
    drawn = {a + b for a, b in re.findall(r"^    ([A-Z]) --> ([A-Z]):", page, re.MULTILINE)}
    assert drawn == MOVES


@pytest.mark.parametrize("n", [1, 2, 500, 1000])
def test_rows_come_back_as_they_were_packed(n):
    made = [[f"p{i}@example.org", "Zoë 🦄", "", "a\nb\t\"c'"] for i in range(n)]
    assert list(map(list, zip(*rows.unpack(rows.pack(made)), strict=True))) == made
