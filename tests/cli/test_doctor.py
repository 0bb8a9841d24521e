"""``inmail doctor``: every look on its own, and the whole on a real Redis."""

import json
from types import SimpleNamespace

import pytest
from redis.exceptions import NoPermissionError

from cli import doctor_engine, doctor_redis
from config.settings import get_settings
from engine import agenda
from engine.accounts import get_account
from engine.leadership import Leadership
from engine.plans import Plan
from engine.store import open_client
from tests.factories import a_campaign, an_account, send
from workers.broker import pause
from workers.wiring import bare_broker


@pytest.mark.parametrize(
    ("server", "level", "found", "mend"),
    [
        ({"redis_version": "6.0.16"}, "error", "Redis 6.0.16", "6.2 or newer"),
        ({"redis_version": "6.2.19"}, "warning", "Redis 6.2.19", "closed in 6.2.20"),
        ({"redis_version": "6.2.20"}, "warning", "Redis 6.2.20", "no longer maintained"),
        ({"redis_version": "7.0.15"}, "warning", "Redis 7.0.15", "no longer maintained"),
        ({"redis_version": "7.4.8"}, "warning", "Redis 7.4.8", "closed in 7.4.9"),
        ({"redis_version": "8.6.3"}, "ok", "Redis 8.6.3", ""),
        ({"redis_version": "9.1.0"}, "ok", "Redis 9.1.0", ""),
        (
            {"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "8.1.6"},
            "warning",
            "Valkey 8.1.6",
            "8.1.7",
        ),
        ({"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "9.0.4"}, "ok", "Valkey 9.0.4", ""),
        ({"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "7.2.11"}, "ok", "Valkey 7.2.11", ""),
    ],
)
def test_a_version_is_held_against_the_newest_of_its_own_line(server, level, found, mend):
    finding = doctor_redis.version(server, "redis")
    assert (finding.level, finding.subject, finding.found) == (level, "redis version", found)
    assert mend in finding.mend
    assert bool(finding.mend) == bool(mend)


@pytest.mark.parametrize(
    ("info", "appendfsync", "level", "found"),
    [
        ({"aof_enabled": 0}, "everysec", "warning", "no append-only file"),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, "always", "error", "append-only file on"),
        ({"aof_enabled": 1}, "no", "warning", "when the system likes"),
        ({"aof_enabled": 1}, "everysec", "ok", "loses up to 2 s"),
        ({"aof_enabled": 1}, "always", "ok", "loses nothing"),
        ({"aof_enabled": 1}, "", "ok", "is not known"),
    ],
)
def test_persistence_says_what_a_power_cut_costs(info, appendfsync, level, found):
    finding = doctor_redis.persistence(info, appendfsync, "redis")
    assert finding.level == level
    assert found in finding.found
    assert bool(finding.mend) == (level != "ok")


@pytest.mark.parametrize(
    ("memory", "level", "found"),
    [
        ({"maxmemory": 0, "used_memory": 10**9}, "ok", "953.7 MiB used"),
        ({"maxmemory": 1000, "used_memory": 800}, "ok", "MiB used"),
        ({"maxmemory": 1000, "used_memory": 900}, "warning", "90% of maxmemory"),
        ({"maxmemory": 1000, "used_memory": 1010}, "error", "full: claims are refused; answers and refunds go through"),
        ({"maxmemory": 1000, "used_memory": 1010, "mem_not_counted_for_evict": 20}, "warning", "101% of maxmemory"),
    ],
)
def test_memory_is_warned_of_before_it_is_full_and_an_error_then(memory, level, found):
    finding = doctor_redis.room(memory, "redis")
    assert finding.level == level
    assert found in finding.found


def test_a_full_redis_of_the_queues_hinders_something_else():
    assert "no message can be queued" in doctor_redis.room({"maxmemory": 1, "used_memory": 2}, "broker").found


def test_a_setting_an_acl_hides_is_not_known():
    def refuse(_name):
        raise NoPermissionError("this user has no permissions to run the 'config|get' command")

    assert doctor_redis._appendfsync(SimpleNamespace(config_get=refuse)) == ""


def told(findings):
    return [(each.level, each.subject, each.found, each.mend) for each in findings]


def test_processes_are_those_heard_of_lately_and_the_leader_is_named(store):
    lately = "heard of within the last 12 s"
    assert [each.found for each in doctor_engine.processes(store)] == [f"none {lately}", f"none {lately}"]

    for who in ("scheduler:host:1", "scheduler:host:2", "worker:host:3"):
        agenda.be_present(store, who)
    (scheduler, worker) = doctor_engine.processes(store)
    assert (scheduler.level, scheduler.found) == ("warning", f"2 {lately}, nobody leads")
    assert (worker.level, worker.found) == ("ok", f"1 {lately}")

    assert Leadership(store, "scheduler:host:2").hold()
    (scheduler, _) = doctor_engine.processes(store)
    assert (scheduler.level, scheduler.found) == ("ok", f"2 {lately}, scheduler:host:2 leads")


def test_refunds_that_nobody_makes_are_told_after_two_minutes(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=2, refund_after_ms=1_000)
    send(store, campaign)
    agenda.expect_refund(store, campaign, store.now_ms() + 1_000)
    store.at_ms += 1_000 + doctor_engine.REFUND_LATE_MS
    assert told(doctor_engine.late_refunds(store)) == [("ok", "refunds", "none is late", "")]

    store.at_ms += 60_000
    assert told(doctor_engine.late_refunds(store)) == [
        ("warning", "refunds", "refunds are 180 s late", "are workers running?")
    ]


@pytest.mark.drifts
def test_stopped_accounts_are_named_up_to_five(store):
    for n in range(7):
        an_account(store, f"a{n}")
    assert told(doctor_engine.stopped(store)) == [("ok", "accounts", "none stopped; looked at 7", "")]

    for n in range(7):
        store.client.hset(store.keys.account(f"a{n}"), "stopped", "log entry 4 was seen, the log ends at 3")
    *named, more = doctor_engine.stopped(store)
    account = named[0].found.partition(":")[0]
    assert len(named) == 5
    assert named[0].level == "warning"
    assert named[0].found == f"{account}: log went back: log entry 4 was seen, the log ends at 3"
    assert named[0].mend.endswith(f"inmail audit {account} --accept")
    assert more.found == "2 more whose log went back"


def test_of_very_many_accounts_the_first_are_looked_at_and_that_is_said(store, monkeypatch):
    monkeypatch.setattr(doctor_engine, "ACCOUNTS_MAX", 3)
    for n in range(4):
        an_account(store, f"a{n}")
    (finding,) = doctor_engine.stopped(store)
    assert finding.found == "none stopped; looked at the first 3; there are more, not looked at"


@pytest.mark.drifts
def test_plans_that_are_not_sold_any_more_are_named_with_the_first_few_on_them(store, monkeypatch):
    for n in range(7):
        an_account(store, f"a{n}")
    sold = {get_account(store, "a0").plan: Plan("x", "X")}
    assert told(doctor_engine.plans_not_sold(store, sold)) == []
    for n in range(1, 7):
        store.client.hset(store.keys.account(f"a{n}"), "plan", "gold")
    store.client.hset(store.keys.subscription("a0"), "next_plan", Plan("silver", "Silver").to_terms())
    gold, silver = doctor_engine.plans_not_sold(store, sold)
    assert (gold.level, gold.subject) == ("warning", "plans")
    assert gold.found == "6 accounts are on a plan that is not sold, gold: a1, a2, a3, a4, a5, …"
    assert silver.found == "1 account is changing to a plan that is not sold, silver: a0"
    monkeypatch.setattr(doctor_engine, "ACCOUNTS_MAX", 0)
    assert told(doctor_engine.plans_not_sold(store, sold)) == []


def by_subject(found):
    code, out, err = found
    assert err == []
    return code, {item["subject"]: item for item in json.loads(out)["items"]}


def test_paused_queues_and_dead_letters_are_warnings(cli, redis_url):
    broker = bare_broker(redis_url, "inmail")
    pause(broker, "send", expected=True)
    broker.client.zadd(f"{broker.namespace}:send.XQ", {"id": 1})
    broker.close()

    code, found = by_subject(cli("doctor", "--json"))
    assert code == 0
    assert found["queues"] == {
        "level": "warning",
        "subject": "queues",
        "found": "send is paused: nothing of it is handed out",
        "mend": "resume: inmail queue resume send",
    }
    assert (found["dead letters"]["level"], found["dead letters"]["found"]) == ("warning", "1 dead letter")
    assert found["dead letters"]["mend"] == "inmail dead list"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("variable", "others"), [("INMAIL_REDIS_URL", set()), ("INMAIL_BROKER_URL", {"redis role", "workers", "accounts"})]
)
def test_a_redis_that_is_away_is_one_error_that_names_its_variable(cli, monkeypatch, variable, others):
    monkeypatch.setenv(variable, "redis://127.0.0.1:1/0")
    get_settings.cache_clear()
    code, found = by_subject(cli("doctor", "--json"))

    (error,) = (item for item in found.values() if item["level"] == "error")
    assert code == 1
    assert error["mend"].startswith(
        f"check that it runs there, and that {variable} is right (host, port, password, database); unset, "
    )
    assert others <= set(found)


def test_a_full_redis_and_a_replica_are_looked_at_to_the_end(cli, redis_url):
    client = open_client(redis_url)
    try:
        client.config_set("maxmemory", "100kb")
        code, found = by_subject(cli("doctor", "--json"))
        assert (code, found["redis memory"]["level"]) == (1, "error")
        assert found["dead letters"]["level"] == "ok"

        client.config_set("maxmemory", "0")
        client.config_set("replica-serve-stale-data", "yes")
        client.replicaof("127.0.0.1", 1)
        code, found = by_subject(cli("doctor", "--json"))
        assert code == 1
        assert (found["redis role"]["level"], found["redis role"]["found"]) == ("error", "read-only replica")
        assert found["redis role"]["mend"] == "name the master (127.0.0.1:1)"
        assert found["dead letters"]["level"] == "ok"
    finally:
        client.replicaof("NO", "ONE")
        client.config_set("maxmemory", "0")
        client.close()


def test_what_an_append_only_file_is_worth_is_asked_of_redis(cli, redis_url):
    client = open_client(redis_url)
    before = client.config_get("append*")
    try:
        client.config_set("appendfsync", "no")
        client.config_set("appendonly", "yes")
        _, found = by_subject(cli("doctor", "--json"))
        assert found["redis persistence"]["mend"].endswith("set appendfsync everysec")
        client.config_set("appendfsync", "everysec")
        _, found = by_subject(cli("doctor", "--json"))
        assert found["redis persistence"]["level"] == "ok"
    finally:
        client.config_set("appendonly", before["appendonly"])
        client.config_set("appendfsync", before["appendfsync"])
        client.close()


def test_looking_who_is_there_writes_nothing(store):
    agenda.be_present(store, "worker:host:1")
    store.at_ms += 7_200_000
    assert agenda.present(store) == {}
    assert store.client.zcard(store.keys.presence) == 1
    agenda.be_present(store, "worker:host:2")
    assert store.client.zrange(store.keys.presence, 0, -1) == [b"worker:host:2"]
