"""``inmail doctor`` and the other commands on a Redis Cluster."""

import json

import pytest
from redis.crc import key_slot

from benchmarks.redis_cluster import own_cluster
from cli import doctor_cluster
from config.settings import get_settings

pytestmark = pytest.mark.redis


@pytest.fixture
def on_cluster(cli, cluster, monkeypatch):
    """The command line with its data on the session's cluster."""
    cluster.flush()
    monkeypatch.setenv("INMAIL_REDIS_URL", cluster.url)
    get_settings.cache_clear()
    return cli


def by_subject(answer):
    code, out, _ = answer
    found = {}
    for finding in json.loads(out)["items"]:
        found.setdefault(finding["subject"], finding)
    return code, found


def test_every_master_is_looked_at_and_the_slots_are_counted(on_cluster, cluster):
    code, found = by_subject(on_cluster("doctor", "--json"))

    assert (code, found["redis slots"]["level"]) == (0, "ok")
    assert found["redis slots"]["found"] == "16,384 of 16,384 are served by 3 masters"
    for node in cluster.nodes:
        for what in ("version", "role", "persistence", "eviction", "memory"):
            assert f"redis 127.0.0.1:{node.port} {what}" in found
    assert found["redis replicas"]["level"] == "warning"
    assert found["broker"]["found"] == "queues live in the same Redis"
    assert found["dead letters"]["level"] == "ok"


def test_a_slot_on_its_way_is_told(on_cluster, cluster):
    slot = key_slot(b"inmail:{acme}:wallet")
    source = cluster.owners[slot]
    target = next(node for node in cluster.nodes if node is not source)
    told = []
    cluster.move(slot, target, lambda: told.append(on_cluster("doctor", "--json")[1]))
    cluster.move(slot, source)

    found = [each["found"] for each in json.loads(told[0])["items"] if each["subject"] == "redis slots"]
    assert found[1:] == [f"1 slot is on the way from 127.0.0.1:{source.port} to another master"]


@pytest.mark.parametrize(
    ("info", "level", "found"),
    [
        ({"cluster_slots_ok": "16384", "cluster_state": "ok"}, "ok", "16,384 of 16,384 are served by 3 masters"),
        ({"cluster_slots_ok": "16383", "cluster_state": "fail"}, "error", "16,383 of 16,384"),
        ({"cluster_slots_ok": "16384", "cluster_state": "fail"}, "error", "but h:1 finds the cluster down"),
    ],
)
def test_slots_nobody_serves_are_an_error(info, level, found):
    finding = doctor_cluster.slots(info, 3, "redis slots", "h:1")
    assert finding.level == level
    assert found in finding.found
    assert bool(finding.mend) == (level == "error")


def test_a_campaign_is_submitted_shown_and_audited(on_cluster):
    opened = on_cluster("account", "open", "acme", "--email", "a@example.org", "--name", "A", "--plan", "executive")
    words = ("campaign", "submit", "acme", "list.csv", "--subject", "Hi", "--body", "body.txt", "--json")
    code, out, _ = on_cluster(*words)
    assert (opened[0], code, json.loads(out)["accepted"]) == (0, 0, 2)
    for words in (
        ("campaign", "show", "acme.1"),
        ("audit",),
        ("queue", "list"),
        ("repair",),
        ("credits", "log", "acme"),
    ):
        assert on_cluster(*words)[0] == 0


def test_a_master_that_is_away_is_named_and_a_cluster_that_is_away_is_one_line(cli, cluster, monkeypatch):
    with own_cluster(2, "--cluster-node-timeout", "1000") as own:
        monkeypatch.setenv("INMAIL_REDIS_URL", own.url)
        get_settings.cache_clear()
        own.nodes[1].kill()
        code, found = by_subject(cli("doctor", "--json"))
        away = f"redis 127.0.0.1:{own.nodes[1].port}"
        assert (code, found[away]["level"]) == (1, "error")
        assert "start it, or have its replica take over" in found[away]["mend"]
        assert f"redis 127.0.0.1:{own.nodes[0].port} memory" in found
        own.nodes[0].kill()
        code, out, err = cli("credits", "show", "acme")
    assert (code, out, len(err)) == (1, "", 1)
    assert err[0].startswith("inmail: error: Redis (INMAIL_REDIS_URL, the cluster at 127.0.0.1:")
    assert "cannot be reached: no node of the cluster answers: " in err[0]
