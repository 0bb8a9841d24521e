"""Requests with an idempotency key: carried out once, answered ever after; a dead process's is taken up again."""

from engine import idempotency
from engine.idempotency import LEASE_MS, begin, finish, forget, record_of

RECORD = record_of("acme", "POST", "/v1/x", "k1")


def test_a_request_is_begun_once_and_answered_from_its_record_afterwards(store):
    assert begin(store, RECORD, fingerprint="f", token="a").verdict == "go"
    assert finish(store, RECORD, "a", status=201, headers="{}", body=b'{"x":"\xc3\xa9"}')
    again = begin(store, RECORD, fingerprint="f", token="b")
    assert (again.verdict, again.status, again.body) == ("done", 201, b'{"x":"\xc3\xa9"}')


def test_the_same_try_repeated_after_a_lost_reply_goes_on(store):
    begin(store, RECORD, fingerprint="f", token="a")
    assert begin(store, RECORD, fingerprint="f", token="a").verdict == "go"
    assert finish(store, RECORD, "a", status=200, headers="{}", body=b"")
    assert finish(store, RECORD, "a", status=200, headers="{}", body=b"")


def test_another_body_is_refused_whether_it_runs_or_is_done(store):
    begin(store, RECORD, fingerprint="f", token="a")
    assert begin(store, RECORD, fingerprint="g", token="b").verdict == "reused"
    finish(store, RECORD, "a", status=200, headers="{}", body=b"")
    assert begin(store, RECORD, fingerprint="g", token="b").verdict == "reused"


def test_one_that_is_being_carried_out_is_told_for_how_long_at_most(store):
    begin(store, RECORD, fingerprint="f", token="a")
    store.at_ms += 1_000
    waits = begin(store, RECORD, fingerprint="f", token="b")
    assert (waits.verdict, waits.wait_ms) == ("running", LEASE_MS - 1_000)


def test_one_whose_process_died_is_taken_up_and_the_dead_one_can_end_nothing(store):
    begin(store, RECORD, fingerprint="f", token="a")
    store.at_ms += LEASE_MS
    assert begin(store, RECORD, fingerprint="f", token="b").verdict == "go"
    assert not finish(store, RECORD, "a", status=200, headers="{}", body=b"a")
    assert not forget(store, RECORD, "a")
    assert finish(store, RECORD, "b", status=200, headers="{}", body=b"b")
    assert begin(store, RECORD, fingerprint="f", token="c").body == b"b"


def test_a_refused_one_is_forgotten_and_may_come_again_with_any_body(store):
    begin(store, RECORD, fingerprint="f", token="a")
    assert forget(store, RECORD, "a")
    assert begin(store, RECORD, fingerprint="g", token="b").verdict == "go"


def test_records_are_forgotten_after_a_day(store):
    begin(store, RECORD, fingerprint="f", token="a")
    finish(store, RECORD, "a", status=200, headers="{}", body=b"")
    assert 0 < store.client.pttl(store.keys.request(RECORD)) <= idempotency.KEPT_MS


def test_account_method_path_and_key_all_name_a_request():
    names = {
        record_of("acme", "POST", "/v1/x", "k"),
        record_of("globex", "POST", "/v1/x", "k"),
        record_of("acme", "PUT", "/v1/x", "k"),
        record_of("acme", "POST", "/v1/y", "k"),
        record_of("acme", "POST", "/v1/x", "l"),
    }
    assert len(names) == 5
