"""Progress as server-sent events: in order, gone on with after a break, and nobody who waits holds a thread."""

import socket
import threading

import httpx
import orjson
import pytest

from engine import api_keys, campaigns
from engine.store import Store, open_client
from tests.conftest import NOON_MS
from tests.factories import a_campaign, addresses, an_account, send, send_all
from tests.waiting import wait_until
from tests.web.conftest import FREE, Api, problem
from tests.web.stage import started
from web import events, routes_events
from web.app import create_app

pytestmark = pytest.mark.redis


class Listener:
    """Reads a stream in a thread of its own, until it is told to leave."""

    def __init__(self, api, caller, campaign="acme.1", last=None):
        headers = dict(caller.headers) | ({} if last is None else {"Last-Event-ID": str(last)})
        self._client = api.client(headers)
        self.status, self.raw, self.over = None, b"", False
        self._thread = threading.Thread(target=self._listen, args=(campaign,), daemon=True)
        self._thread.start()
        wait_until(lambda: b"\n\n" in self.raw or self.over)

    def _listen(self, campaign):
        try:
            with self._client.stream("GET", f"/v1/campaigns/{campaign}/events") as answer:
                self.status, self.headers = answer.status_code, answer.headers
                self._socket = answer.extensions["network_stream"].get_extra_info("socket")
                for chunk in answer.iter_raw():
                    self.raw += chunk
        except httpx.HTTPError:
            pass
        self.over = True

    def events(self, kind="log"):
        """(id, document) of each event of a kind so far."""
        found = []
        for block in self.raw.decode().split("\n\n")[:-1]:
            lines = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
            if lines.get("event") == kind:
                found.append((int(lines["id"]), orjson.loads(lines["data"])))
        return found

    def leave(self):
        """Close the connection, as a browser's tab does."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)


def test_a_campaign_is_shown_and_then_every_entry_of_its_log_in_order(acme, api):
    a_campaign(api.store, to=addresses(6), pack_size=2)
    other = a_campaign(api.store, to=addresses(2, 50))
    listener = Listener(api, acme)
    assert listener.headers["content-type"].startswith("text/event-stream")
    (seq, shown), *_ = listener.events("campaign")
    assert (shown["campaign"], shown["state"]) == ("acme.1", "running")
    send_all(api.store, "acme.1")
    send_all(api.store, other)
    campaigns_log = [entry for entry in acme.get("/v1/credits/log?limit=500").json()["items"] if entry["seq"] > seq]
    wanted = [entry for entry in campaigns_log if entry["campaign"] == "acme.1"]
    wait_until(lambda: len(listener.events()) >= len(wanted))
    assert [document for _, document in listener.events()] == wanted
    assert [seq for seq, _ in listener.events()] == [entry["seq"] for entry in wanted]
    wait_until(lambda: listener.events("campaign")[-1][1]["counts"]["sent"] == 6)
    listener.leave()


def test_it_goes_on_after_the_last_event_seen_and_misses_none(acme, api, monkeypatch):
    monkeypatch.setattr(events, "_STEP", 2)
    a_campaign(api.store, to=addresses(10), pack_size=1)
    before = acme.get("/v1/credits/log").json()["items"][-1]["seq"]
    for pack in range(5):
        send(api.store, "acme.1", pack)
    listener = Listener(api, acme, last=before)
    for pack in range(5, 10):
        send(api.store, "acme.1", pack)
    log = acme.get("/v1/credits/log", params={"after": before, "limit": 500}).json()["items"]
    wait_until(lambda: len(listener.events()) == len(log))
    assert [document for _, document in listener.events()] == log
    middle = listener.events()[7][0]
    again = Listener(api, acme, last=middle)
    wait_until(lambda: len(again.events()) == len(log) - 8)
    assert [seq for seq, _ in again.events()] == [entry["seq"] for entry in log[8:]]
    listener.leave()
    again.leave()


def test_somebody_who_fell_behind_what_is_at_hand_reads_the_rest_from_the_log(acme, api, monkeypatch):
    monkeypatch.setattr(events, "_RING", 3)
    a_campaign(api.store, to=addresses(20), pack_size=1)
    holds = Listener(api, acme)  # the shared reader runs, its ring is short
    (seq, _), *_ = holds.events("campaign")
    for pack in range(20):
        send(api.store, "acme.1", pack)
    wait_until(lambda: len(holds.events()) >= 40)
    late = Listener(api, acme, last=seq)
    wait_until(lambda: len(late.events()) >= 40)
    assert late.events() == holds.events()
    holds.leave()
    late.leave()


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 17, "\u0663"])
def test_a_last_event_id_that_is_none_is_refused(acme, api, last):
    a_campaign(api.store)
    answer = acme.get("/v1/campaigns/acme.1/events", headers={"Last-Event-ID": last.encode()})
    assert answer.status_code == 422, answer.text


def test_one_that_is_ahead_of_the_log_goes_on_from_now(acme, api):
    a_campaign(api.store)
    listener = Listener(api, acme, last=10**9)
    send(api.store, "acme.1")
    wait_until(listener.events)
    listener.leave()


def test_silence_is_broken_by_a_comment(acme, api, monkeypatch):
    monkeypatch.setattr(routes_events, "HEARTBEAT_S", 0.05)
    a_campaign(api.store)
    listener = Listener(api, acme)
    wait_until(lambda: listener.raw.count(b": heartbeat\n\n") >= 3)
    listener.leave()


def test_a_revoked_keys_stream_ends(acme, api, monkeypatch):
    monkeypatch.setattr(routes_events, "HEARTBEAT_S", 0.05)
    a_campaign(api.store)
    listener = Listener(api, acme)
    wait_until(lambda: b": heartbeat" in listener.raw)
    api_keys.revoke(api.store, acme.headers["Authorization"].removeprefix("Bearer ").partition(".")[0])
    wait_until(lambda: listener.over)


def test_a_hundred_listeners_hold_no_thread_and_are_let_go_when_they_leave(acme, api):
    a_campaign(api.store)
    logs = api.app.state.services.logs
    listeners = [Listener(api, acme) for _ in range(events.STREAMS_MAX)]
    ours = sum(not thread.name.startswith("Thread-") for thread in threading.enumerate())
    assert ours < 60, "the pool of short calls, not one thread for each"
    document = problem(acme.get("/v1/campaigns/acme.1/events"), 429, "too_many_streams")
    assert (document["used"], document["limit"]) == (events.STREAMS_MAX, events.STREAMS_MAX)
    assert acme.get("/v1/credits").status_code == 200
    send(api.store, "acme.1")
    wait_until(lambda: all(listener.events() for listener in listeners))
    for listener in listeners:
        listener.leave()
    wait_until(lambda: not logs._followed)
    wait_until(logs._task.done)


def test_what_is_another_accounts_or_not_there_has_no_stream(acme, api):
    an_account(api.store, "globex", credits_=5)
    a_campaign(api.store, "globex")
    for campaign in ("globex.1", "acme.9", "nonsense"):
        problem(acme.get(f"/v1/campaigns/{campaign}/events"), 404, "no_campaign")


def test_a_server_that_stops_ends_its_streams(redis_url):
    store = Store(open_client(redis_url), at_ms=NOON_MS)
    store.client.flushdb()
    an_account(store, "acme", credits_=10)
    a_campaign(store)
    server, thread, url = started(app := create_app(FREE, store=store))
    api = Api(store, url, app)
    listener = Listener(api, api.caller("acme"))
    server.handle_exit(15, None)
    wait_until(lambda: listener.over)
    thread.join(20)
    assert not thread.is_alive()
    for client in (*api.clients, store.client):
        client.close()


def test_a_poll_that_redis_leaves_unanswered_is_made_again(acme, api, monkeypatch):
    from redis.exceptions import ConnectionError as RedisConnectionError

    real, failed = events._logs, []

    def away(*args):
        if len(failed) < 3:
            failed.append(1)
            raise RedisConnectionError("away")
        return real(*args)

    monkeypatch.setattr(events, "_logs", away)
    a_campaign(api.store)
    listener = Listener(api, acme)
    campaigns.steer(api.store, "acme.1", "pause")
    wait_until(listener.events)
    assert listener.events()[0][1]["kind"] == "pause"
    listener.leave()
