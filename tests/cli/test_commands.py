"""The command line in this process, on a real Redis: what an operator asks, and that the docs name all of it."""

import json

from engine.store import Store, open_client
from tests.cli.conftest import SUBMIT, as_json


def test_the_audit_exits_with_4_when_anything_drifts(acme, redis_url):
    acme(*SUBMIT)
    store = Store(open_client(redis_url))
    store.client.hincrby(store.keys.wallet("acme"), "available", 1)
    store.client.close()
    code, out, _ = acme("audit", "--json")

    assert code == 4
    assert json.loads(out)["clean"] is False


def test_one_of_a_kind_is_told_in_the_singular(acme):
    acme(*SUBMIT)
    assert acme("audit")[1] == "acme: clean: 3 log entries, 1 campaign, 0 InMails\n"


def test_the_doctor_names_what_is_wrong_and_how_to_mend_it(cli, redis_url):
    items = as_json(cli("doctor", "--json"))["items"]
    found = {item["subject"]: (item["level"], item["mend"]) for item in items}

    assert found["redis persistence"][0] == "warning"
    assert "appendonly yes" in found["redis persistence"][1]
    assert found["redis eviction"][0] == "ok"
    assert found["workers"][0] == "warning"

    client = open_client(redis_url)
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        code, out, _ = cli("doctor")
    finally:
        client.config_set("maxmemory-policy", "noeviction")
        client.close()
    assert code == 1
    assert "set maxmemory-policy noeviction" in out


def test_every_command_stands_in_the_docs():
    from pathlib import Path

    from cli.commands import COMMANDS, load

    docs = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    for noun in COMMANDS:
        assert f"inmail {noun}" in docs
        for verb in getattr(load(noun), "commands", {}):
            assert verb in docs, f"{noun} {verb}"
