"""The state of an upload: one reader at a time under a lease; a dead reader's shows as interrupted."""

import pytest

from engine import uploads
from engine.errors import NotFound
from engine.uploads import LEASE_MS, begin, get, note


def begun(store, token="a", fingerprint="f"):
    return begin(store, "up_1", "acme", token=token, fingerprint=fingerprint, bytes_total=9)


def test_an_upload_is_read_noted_and_told_to_its_account_only(store):
    assert begun(store) == "go"
    assert note(store, "up_1", "a", rows=5, bytes_read=4)
    it = get(store, "up_1", account="acme")
    assert (it.state, it.rows, it.bytes_read, it.bytes_total) == ("reading", 5, 4, 9)
    rejects = [{"line": 2, "reason": "bad_address", "detail": "é"}]
    assert note(store, "up_1", "a", over=True, state="submitted", campaign="acme.1", rejects=rejects)
    it = get(store, "up_1", account="acme")
    assert (it.state, it.campaign, it.rejects) == ("submitted", "acme.1", rejects)
    for upload, account in (("up_1", "globex"), ("up_2", "acme")):
        with pytest.raises(NotFound) as missing:
            get(store, upload, account=account)
        assert missing.value.code == "no_upload"


def test_one_whose_reader_died_shows_as_interrupted_and_may_be_sent_again(store):
    begun(store)
    assert begun(store, "b") == "reading"
    store.at_ms += LEASE_MS
    assert get(store, "up_1", account="acme").state == "interrupted"
    assert begun(store, "b", fingerprint="other") == "reused"
    assert begun(store, "b") == "go"
    assert get(store, "up_1", account="acme").state == "reading"
    assert not note(store, "up_1", "a", rows=3), "the dead one is not heard any more"


def test_one_given_up_in_good_order_is_interrupted_at_once(store):
    begun(store)
    assert note(store, "up_1", "a", over=True)
    assert get(store, "up_1", account="acme").state == "interrupted"


def test_the_same_try_repeated_after_a_lost_reply_goes_on(store):
    assert begun(store) == begun(store) == "go"


def test_what_is_done_is_told_again_and_what_failed_may_come_mended(store):
    begun(store)
    note(store, "up_1", "a", over=True, state="failed", code="no_rows", detail="…")
    assert begun(store, "b", fingerprint="mended") == "go"
    assert get(store, "up_1", account="acme").code == "", "nothing of the one that failed is left"
    note(store, "up_1", "b", over=True, state="submitted")
    assert begun(store, "c", fingerprint="mended") == "submitted"
    assert begun(store, "c", fingerprint="another") == "reused"
    assert 0 < store.client.pttl(store.keys.upload("up_1")) <= uploads.KEPT_MS
