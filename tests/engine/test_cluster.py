"""Account data on a Redis Cluster: one slot a call, nothing half done while a slot moves, errors as of one server."""

import pytest
from dramatiq import Message
from dramatiq.errors import ConnectionClosed
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException

import engine.cluster
import engine.store
from benchmarks.redis_cluster import own_cluster
from engine import (
    acceptance,
    accounts,
    agenda,
    answers,
    api_keys,
    campaigns,
    choices,
    contacts,
    conversations,
    credits,
    idempotency,
    leadership,
    refunds,
    seats,
    subscriptions,
    uploads,
)
from engine.audit import audit, audited_accounts
from engine.cluster import ClusterClient, plain
from engine.directory import store as directory
from engine.directory.profile import Profile
from engine.errors import Refused
from engine.identity import digest
from engine.mailbox_entries import deliver, entries, holds, size
from engine.offer import Offer
from engine.store import RedisTrouble, Store, open_client
from tests.conftest import DAY_MS, NOON_MS
from tests.engine.test_scripts_and_keys import SCRIPTS
from tests.factories import a_campaign, addresses, an_account, claim, letters, release, reply, send, send_all, wallet
from workers.wiring import bare_broker

ANA = "ana@example.org"


@pytest.fixture
def on_cluster(cluster):
    """A store on the session's cluster, audited at the end."""
    cluster.flush()
    made = Store(open_client(cluster.url), at_ms=NOON_MS)
    yield made
    for account in accounts.account_ids(made):
        assert audit(made, account).drift == []
    made.client.close()


@pytest.fixture
def impatient(monkeypatch):
    """Calls that are refused for now are not made again."""
    monkeypatch.setattr(engine.cluster, "PAUSES_S", ())


def elsewhere(cluster, slot):
    return next(node for node in cluster.nodes if node is not cluster.owners[slot])


def live_a_little(store):
    """Whatever calls a script, once."""
    an_account(store, credits_=9)
    campaign = a_campaign(store, to=5, pack_size=2)
    release(store, campaign)
    send(store, campaign, 0)
    reply(store, f"{campaign}.0", address="p0@example.org", accept=True)
    store.at_ms += 8 * DAY_MS
    refunds.refund(store, campaign, 0)
    late = campaigns.recipients(store, campaign, state="refunded")
    for recipient in late:
        reply(store, f"{campaign}.{recipient.index}", address=recipient.fields["email"], accept=True)
        break
    contacts.tidy(store, "acme")
    answers.undo(store, f"{campaign}.{recipient.index}", address=recipient.fields["email"])
    conversations.say(store, f"{campaign}.0", text="When?", account="acme")
    choices.stop_sender(store, "p1@example.org", "acme")
    directory.put_many(store, [Profile(id=f"c{i}", address=f"p{i}@example.org") for i in range(2)])
    choices.erase(store, "p0@example.org")
    assert directory.remove_many(store, ["c0", "c1"]) == 1
    seats.add(store, "acme", "ben", name="Ben", email="ben@example.org", cap=5)
    key = api_keys.create(store, "acme")
    assert api_keys.admit(store, key, api_keys.Pace(rate=10, burst=3))
    api_keys.rotate(store, key.partition(".")[0], overlap_ms=1000)
    idempotency.begin(store, "r", fingerprint="f", token="t")
    idempotency.finish(store, "r", "t", status=200, headers="{}", body=b"")
    uploads.begin(store, "up_1", "acme", token="t", fingerprint="f", bytes_total=9)
    uploads.note(store, "up_1", "t", rows=1)
    for verb in ("pause", "resume", "cancel"):
        campaigns.steer(store, campaign, verb)
    with pytest.raises(Refused, match="no row can be accepted"):
        a_campaign(store, to=["not an address"])
    acceptance.accept(store, "acme")
    subscriptions.cancel(store, Offer(), "acme")
    leader = leadership.Leadership(store, "me")
    assert leader.hold()
    leader.resign()
    agenda.rest(store, "acme", store.at_ms)
    assert audit(store, "acme").drift == []


def test_every_call_of_a_script_names_keys_of_one_slot_and_one_that_never_is(store, monkeypatch):
    called, named = set(), []
    digest_of = engine.store.script_digest
    monkeypatch.setattr(engine.store, "script_digest", lambda name: called.add(name) or digest_of(name))

    class Watched(Store):
        def _named_keys(self, keys):
            named.append(super()._named_keys(keys))
            return named[-1]

    watched = Watched(store.client, at_ms=NOON_MS)
    watched.spread = True
    live_a_little(watched)

    assert called == set(SCRIPTS)
    assert [keys for keys in named if len({key_slot(key.encode()) for key in keys}) != 1] == []
    assert {store.client.exists(keys[-1]) for keys in named} == {0}


@pytest.mark.redis
def test_a_mailbox_is_not_doubled_while_its_slot_moves(on_cluster, cluster, impatient):
    store, n = on_cluster, 120
    for i in range(n):
        deliver(store, "acme.1", i, [digest(ANA)])
    slot, refused = key_slot(store.keys.mailboxes(digest(ANA)).encode()), []

    def again():
        for i in (0, n - 1):
            with pytest.raises(RedisTrouble) as caught:
                deliver(store, "acme.1", i, [digest(ANA)])
            refused.append(str(caught.value))

    cluster.move(slot, elsewhere(cluster, slot), again, keys=1)
    before = entries(store, ANA, most=n)
    for i in range(n):
        deliver(store, "acme.1", i, [digest(ANA)])

    assert len(refused) == 6  # before the first key has moved, after it, and after the second
    assert entries(store, ANA, most=n) == before
    assert size(store, ANA) == n
    assert {holds(store, "acme.1", i, [digest(ANA)])[0] for i in range(n)} == {1}


@pytest.mark.redis
def test_nothing_of_an_account_is_done_while_its_slot_moves_and_all_of_it_can_be_read(on_cluster, cluster, impatient):
    store = on_cluster
    an_account(store, credits_=9)
    campaign = a_campaign(store, to=4, pack_size=2)
    send(store, campaign, 0)
    slot, steps = key_slot(store.keys.wallet("acme").encode()), []

    def work():
        steps.append(letters(store, campaign))
        with pytest.raises(RedisTrouble):
            claim(store, campaign, 1)
        assert campaigns.describe(store, campaign)["counts"]["sent"] == 2
        assert wallet(store)["held"] == 2

    cluster.move(slot, elsewhere(cluster, slot), work, keys=1)

    assert len(steps) > 10
    assert set(steps) == {"SSQQ"}
    send_all(store, campaign)
    assert letters(store, campaign) == "SSSS"


@pytest.mark.redis
def test_a_call_waits_for_a_slot_that_arrives_soon(on_cluster, cluster, monkeypatch):
    store = on_cluster
    an_account(store, credits_=9)
    campaign = a_campaign(store, to=4, pack_size=2)
    slot, waits = key_slot(store.keys.wallet("acme").encode()), []
    source, target = cluster.owners[slot], elsewhere(cluster, slot)

    def arrive(_):
        waits.append(1)
        cluster.owners[slot] = source
        if len(waits) == 1:
            finish()

    def finish():
        monkeypatch.undo()
        cluster.move(slot, target)

    source.admin.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", target.id)
    target.admin.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", source.id)
    monkeypatch.setattr(engine.cluster.time, "sleep", arrive)

    assert claim(store, campaign).positions == [0, 1]
    assert waits


@pytest.mark.redis
def test_no_message_is_lost_or_left_behind_while_the_slot_of_the_queues_moves(cluster, impatient):
    cluster.flush()
    broker = bare_broker(cluster.url, "inmail")
    slot = key_slot(b"inmail:{dramatiq}")
    broker.lua.run("size", "q")
    ids, refused = [], []

    def put():
        message = Message(queue_name="q", actor_name="a", args=(), kwargs={}, options={})
        try:
            ids.append(broker.enqueue(message).message_id)
        except ConnectionClosed as error:
            refused.append(error)

    put()
    cluster.move(slot, elsewhere(cluster, slot), put, keys=1)
    put()

    assert len(ids) == 2
    assert len(refused) >= 2
    assert broker.do_qsize("q") == 2
    broker.close()


@pytest.mark.redis
def test_a_pipeline_over_all_slots_answers_in_order_and_tells_errors_in_their_place(on_cluster, cluster):
    store = on_cluster
    names = [f"{{{i}}}" for i in range(60)]
    pipe = store.client.pipeline(transaction=False)
    for name in names:
        pipe.set(name, name)
    assert pipe.execute() == [True] * 60
    for name in names[:10]:  # the client knows nothing of it yet
        # All to one: two masters that are given slots at once may claim them under one epoch, and argue for a while.
        cluster.move(key_slot(name.encode()), cluster.nodes[0])
    for name in names:
        pipe.get(name)
    pipe.hget(names[0], "x")
    *texts, wrong = pipe.execute(raise_on_error=False)
    assert texts == [name.encode() for name in names]
    assert "WRONGTYPE" in str(wrong)
    assert pipe.execute() == []
    pipe.hget(names[0], "x")
    with pytest.raises(RedisTrouble, match="WRONGTYPE"):
        pipe.execute()


@pytest.mark.redis
def test_forgotten_scripts_are_sent_again_to_the_master_that_forgot(on_cluster, cluster):
    store = on_cluster
    an_account(store, credits_=5)
    for node in cluster.nodes:
        node.admin.script_flush()
    credits.grant(store, "acme", 1, reason="more")
    people = [digest(address) for address in addresses(100)]
    for node in cluster.nodes:
        node.admin.script_flush()
    assert deliver(store, "acme.1", 0, people) == frozenset()
    assert audited_accounts(store) == ["acme"]


@pytest.mark.redis
def test_the_time_is_that_of_the_master_asked(on_cluster, cluster):
    store = on_cluster
    store.at_ms = None
    for node in cluster.nodes:
        node.admin.config_resetstat()
    for _ in range(3):
        store.now_ms(store.keys.wallet("acme"))
    asked = {node: "cmdstat_time" in node.admin.info("commandstats") for node in cluster.nodes}
    assert [node for node, was in asked.items() if was] == [cluster.owner(store.keys.wallet("acme"))]
    store.at_ms = NOON_MS


@pytest.mark.redis
def test_a_process_may_start_before_its_cluster_and_outlives_its_outage(cluster, impatient):
    with own_cluster(1, "--appendonly", "yes", "--appendfsync", "always") as own:
        (node,) = own.nodes
        node.kill()
        store = Store(open_client(own.url), at_ms=NOON_MS)
        store.client.register_script("return 1")
        bare_broker(own.url, "inmail").close()
        with pytest.raises(RedisTrouble, match="no node of the cluster answers"):
            store.hash("x")
        node.start()
        own.wait()
        an_account(store, credits_=3)
        node.kill()
        for call in (lambda: wallet(store), lambda: agenda.present(store), lambda: credits.grant(store, "acme", 1)):
            with pytest.raises((RedisTrouble, TypeError)):
                call()
        node.start()
        own.wait()
        assert wallet(store)["available"] == 3
        store.client.close()


def test_every_error_of_a_cluster_is_one_of_redis_in_one_line():
    told = {
        "Redis Cluster cannot be connected. Provide at least one reachable node: Error 111": "answers: Error 111",
        'Slot "7" not covered by the cluster. "require_full_coverage=False"': 'Slot "7" not covered by the cluster',
        "No way to dispatch this command.\nCommand: ('SET', 'ana@example.org')": "No way to dispatch this command.",
        "": "RedisClusterException",
    }
    for text, shown in told.items():
        found = plain(RedisClusterException(text))
        assert isinstance(found, RedisConnectionError)
        assert str(found).endswith(shown)


def test_a_client_nobody_used_has_connected_to_nobody_and_closes():
    client = open_client("redis+cluster://127.0.0.1:1,127.0.0.1:2?socket_timeout=3")
    assert isinstance(client, ClusterClient)
    assert client.get_connection_kwargs()["socket_timeout"] == 3
    assert not hasattr(client, "connection_pool")
    client.close()
