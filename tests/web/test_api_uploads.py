"""Lists uploaded over HTTP: taken in at once, read behind it, told as they go; a process that dies loses nothing."""

import threading
import time

import httpx
import orjson
import pytest

from engine import api_keys, submitting, uploads
from engine.plans import Plan
from engine.store import Store, open_client
from tests.engine.intake.workbooks import row, write_workbook
from tests.factories import an_account
from tests.waiting import wait_until
from tests.web.conftest import FREE, problem
from tests.web.stage import started
from web import uploading
from web.app import create_app
from web.documents import UploadGiven

pytestmark = pytest.mark.redis

ORDER = {"name": "Nurses", "subject": "Hi {{ first_name }}", "body": "A role for you."}
LIST = b"first_name,email\nAna,ana@example.org\nBen,ben@example.org\nNobody,nowhere\n"
KEY = {"Idempotency-Key": "u-1"}


def upload(caller, content=LIST, name="list.csv", query="", headers=None, **order):
    fields = {key: str(value) for key, value in (ORDER | order).items()}
    return caller.post(f"/v1/campaigns{query}", data=fields, files={"file": (name, content)}, headers=headers)


def ended(caller, answer):
    """The upload once it is not read any more."""
    assert answer.status_code == 202, answer.text
    where = answer.headers["Location"]
    wait_until(lambda: caller.get(where).json()["state"] != "reading", 60)
    return UploadGiven.model_validate(caller.get(where).json())


def test_a_file_is_taken_in_and_becomes_a_campaign(acme):
    answer = upload(acme)
    assert UploadGiven.model_validate(answer.json()).state in ("reading", "submitted")
    it = ended(acme, answer)
    assert (it.state, it.campaign, it.accepted, it.rejected) == ("submitted", "acme.1", 2, 1)
    assert (it.rejects[0].line, it.rejects[0].reason, it.rejected_by_reason) == (4, "bad_address", {"bad_address": 1})
    assert (it.bytes_total, it.rows) == (len(LIST), 3)
    assert acme.get("/v1/campaigns/acme.1").json()["name"] == "Nurses"


def test_ndjson_begins_with_the_order(acme):
    people = [{"email": f"p{i}@example.org", "first_name": "N"} for i in range(3_000)]
    lines = b"\n".join(map(orjson.dumps, [ORDER, *people]))
    answer = acme.post("/v1/campaigns", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert (ended(acme, answer).accepted, acme.get("/v1/campaigns/acme.1").json()["recipients"]) == (3_000, 3_000)


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx", "list.jsonl"])
def test_every_kind_of_list_is_read_and_a_campaign_without_a_name_has_the_files(acme, name, tmp_path):
    made = {
        "list.csv": lambda: LIST,
        "list.jsonl": lambda: b'{"email": "a@example.org", "first_name": "A"}\n',
        "list.xlsx": lambda: write_workbook(
            tmp_path / "l.xlsx", row(1, "email", "first_name") + row(2, "a@example.org", "A")
        ).read_bytes(),
    }
    answer = acme.post(
        "/v1/campaigns",
        data={"subject": "Hi {{ first_name }}", "body": "b"},
        files={"file": (f"C:\\folder\\{name}", made[name]())},
    )
    assert ended(acme, answer).state == "submitted"
    assert acme.get("/v1/campaigns/acme.1").json()["name"] == name


def test_a_dry_run_of_a_file_is_a_forecast_and_changes_nothing(acme):
    it = ended(acme, upload(acme, query="?dry_run=true"))
    assert (it.state, it.campaign, it.forecast.accepted, it.forecast.credits_needed) == ("checked", None, 2, 2)
    assert acme.get("/v1/campaigns").json()["items"] == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_list"),
        (b"first_name\nAna\n", "no_address_column"),
        (b"first_name,email\n", "no_rows"),
        (b"first_name,email\nAna,nowhere\n", "nobody"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "not_a_list"),
    ],
)
def test_a_list_that_cannot_be_read_says_so_and_may_be_sent_mended_under_the_same_key(acme, content, code):
    it = ended(acme, upload(acme, content, headers=KEY))
    assert (it.state, it.problem.code, bool(it.mend)) == ("failed", code, True)
    assert "--" not in it.problem.detail
    assert acme.get("/v1/campaigns").json()["items"] == []
    assert ended(acme, upload(acme, headers=KEY)).campaign is not None


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"subject": "{{ "}, "bad_template"),
        ({"channel": "pigeon"}, "unknown_channel"),
        ({"subjct": "x"}, "bad_request_fields"),
        ({"strict": "perhaps"}, "bad_request_fields"),
        ({"start_at_ms": "soon"}, "bad_request_fields"),
        ({"start_at_ms": "9" * 30}, "bad_request_fields"),
        ({"map": "{"}, "bad_request_fields"),
        ({"map": '{"E": "x"}'}, "bad_mapping"),
    ],
)
def test_a_wrong_order_is_refused_before_the_list_is_read(acme, order, code):
    problem(upload(acme, **order), 422, code)


def test_a_form_that_is_none_and_one_without_a_file_are_refused(acme, api):
    answer = acme.post("/v1/campaigns", content=b"x", headers={"Content-Type": "multipart/form-data"})
    problem(answer, 400, "bad_body")
    answer = acme.post("/v1/campaigns", content=b"x", headers={"Content-Type": "multipart/form-data; boundary=b"})
    problem(answer, 400, "bad_body")
    problem(acme.post("/v1/campaigns", data=ORDER, files={"list": ("l.csv", LIST)}), 422, "bad_request_fields")
    problem(acme.post("/v1/campaigns", data=ORDER, files=[("file", ("l", LIST))] * 2), 400, "bad_body")
    for text in (b"", b"{}", b"[\n", b"x" * 300_000, b'{"subject": "s"}\n'):
        answer = acme.post("/v1/campaigns", content=text, headers={"Content-Type": "application/x-ndjson"})
        assert answer.status_code in (400, 422), answer.text


def test_a_plan_that_cannot_send_uploads_nothing(api):
    an_account(api.store, "free", plan=Plan("basic", "Basic", can_send=False))
    problem(upload(api.caller("free")), 403, "cannot_send")


def test_the_same_key_sent_again_is_the_same_upload_and_campaign(acme):
    first = upload(acme, headers=KEY)
    assert ended(acme, first).campaign == "acme.1"
    again = upload(acme, headers=KEY)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert again.headers["Location"] == first.headers["Location"]
    assert again.json()["campaign"] == "acme.1"
    problem(upload(acme, LIST + b"Eve,eve@example.org\n", headers=KEY), 422, "key_reused")
    problem(upload(acme, name="list.csv", headers=KEY, body="Another."), 422, "key_reused")
    assert len(acme.get("/v1/campaigns").json()["items"]) == 1


PEOPLE = [{"first_name": "Ana", "email": "ana@example.org"}, {"first_name": "Ben", "email": "ben@example.org"}]


def as_ndjson(caller, people, headers):
    lines = b"\n".join(map(orjson.dumps, [ORDER, *people]))
    return caller.post("/v1/campaigns", content=lines, headers={"Content-Type": "application/x-ndjson", **headers})


def test_a_key_used_in_json_first_is_refused_at_once_for_a_list(acme):
    assert acme.post("/v1/campaigns", json=ORDER | {"recipients": PEOPLE}, headers=KEY).status_code == 201
    problem(upload(acme, LIST + b"Eve,eve@example.org\n", headers=KEY), 422, "key_reused")
    problem(upload(acme, headers=KEY), 422, "key_reused")
    problem(as_ndjson(acme, PEOPLE[:1], KEY), 422, "key_reused")
    problem(as_ndjson(acme, PEOPLE, KEY), 422, "key_reused")
    assert len(acme.get("/v1/campaigns").json()["items"]) == 1


def test_a_key_whose_json_was_refused_is_free_for_a_list(acme):
    asked = ORDER | {"recipients": [{"first_name": "No", "email": "nowhere"}]}
    problem(acme.post("/v1/campaigns", json=asked, headers=KEY), 422, "nobody")
    assert ended(acme, upload(acme, headers=KEY)).campaign == "acme.1"


def test_a_list_sent_again_is_answered_as_before_though_json_came_between(acme):
    first = as_ndjson(acme, PEOPLE, KEY)
    assert ended(acme, first).campaign == "acme.1"
    asked = ORDER | {"recipients": PEOPLE}
    problem(acme.post("/v1/campaigns", json=asked | {"recipients": PEOPLE[:1]}, headers=KEY), 422, "key_reused")
    assert acme.post("/v1/campaigns", json=asked, headers=KEY).json()["campaign"] == "acme.1"
    again = as_ndjson(acme, PEOPLE, KEY)
    assert (again.status_code, again.headers["Location"]) == (202, first.headers["Location"])
    assert len(acme.get("/v1/campaigns").json()["items"]) == 1


def test_while_it_is_read_it_is_told_how_far_and_a_repeat_waits_with_it(acme, api, monkeypatch):
    reached, go_on = threading.Event(), threading.Event()
    real = submitting.submit

    def slow(*args):
        args[-1](40, 2)
        reached.set()
        assert go_on.wait(30)
        return real(*args)

    monkeypatch.setattr(uploading.submitting, "submit", slow)
    answer = upload(acme, headers=KEY)
    assert reached.wait(20)
    where = answer.headers["Location"]
    wait_until(lambda: acme.get(where).json()["rows"] == 2)
    told = acme.get(where).json()
    assert (told["state"], told["bytes_read"], told["bytes_total"]) == ("reading", 40, len(LIST))
    again = upload(acme, headers=KEY)
    assert (again.headers["Location"], again.headers["Idempotent-Replayed"]) == (where, "true")
    # However long it takes, it is kept alive.
    api.store.at_ms += uploads.LEASE_MS - 1
    upload_id = where.rpartition("/")[2]
    key = api.store.keys.upload(upload_id)
    wait_until(lambda: int(api.store.client.hget(key, "until_ms")) == api.store.at_ms + uploads.LEASE_MS)
    go_on.set()
    assert ended(acme, answer).campaign == "acme.1"


def test_so_many_at_a_time_are_read_of_one_account_and_no_more(acme, monkeypatch):
    go_on, real = threading.Event(), submitting.submit
    monkeypatch.setattr(uploading.submitting, "submit", lambda *args: go_on.wait(30) and real(*args))
    for _ in range(uploading.UPLOADS_MAX):
        assert upload(acme).status_code == 202
    document = problem(upload(acme), 429, "too_many_uploads")
    assert (document["used"], document["limit"]) == (uploading.UPLOADS_MAX, uploading.UPLOADS_MAX)
    go_on.set()


def died(api, upload_id):
    """What a reader leaves that was killed in the middle: the state it noted last, and nobody who keeps it."""
    reading = next(iter(api.app.state.services.uploads._held.values()))
    reading.lost = True
    api.app.state.services.uploads._held.clear()
    api.store.at_ms += uploads.LEASE_MS


def test_a_killed_readers_upload_is_interrupted_and_sent_again_is_one_campaign(acme, api, monkeypatch):
    reached, go_on = threading.Event(), threading.Event()
    real = submitting.submit

    def killed(*args):
        done = real(*args)  # after its last effect, before anything of it was told
        reached.set()
        go_on.wait(30)
        return done

    monkeypatch.setattr(uploading.submitting, "submit", killed)
    answer = upload(acme, headers=KEY)
    assert reached.wait(20)
    where = answer.headers["Location"]
    died(api, where)
    told = acme.get(where).json()
    assert (told["state"], told["campaign"]) == ("interrupted", None)
    assert "again" in told["mend"]
    monkeypatch.undo()
    it = ended(acme, upload(acme, headers=KEY))
    assert (it.state, it.campaign) == ("submitted", "acme.1")
    go_on.set()
    assert len(acme.get("/v1/campaigns").json()["items"]) == 1
    assert acme.get(where).json()["state"] == "submitted", "the dead one's end is not heard any more"


def test_a_server_that_is_asked_to_stop_leaves_its_uploads_interrupted_at_once(redis_url, monkeypatch):
    store = Store(open_client(redis_url))
    store.client.flushdb()
    an_account(store, "acme", credits_=10)
    app = create_app(FREE, store=store)
    server, thread, url = started(app)
    key = api_keys.create(store, "acme")
    reached, paused = threading.Event(), threading.Event()

    def endless(*args):
        reached.set()
        while True:
            args[-1](1, 1)
            paused.wait(0.005)

    monkeypatch.setattr(uploading.submitting, "submit", endless)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as caller:
        where = upload(caller).headers["Location"]
        assert reached.wait(20)
    server.handle_exit(15, None)
    thread.join(20)
    assert uploads.get(store, where.rpartition("/")[2], account="acme").state == "interrupted"
    assert store.client.zcard(store.keys.drafts("acme")) == 0
    store.client.close()


def test_what_could_not_be_noted_for_redis_sake_is_noted_later(acme, api, monkeypatch):
    from redis.exceptions import ConnectionError as RedisConnectionError

    real, tries = uploads.note, []

    def away(*args, **values):
        if "state" in values and len(tries) < 3:
            tries.append(1)
            raise RedisConnectionError("away")
        return real(*args, **values)

    monkeypatch.setattr(uploading.uploads, "note", away)
    assert ended(acme, upload(acme)).state == "submitted"
    assert len(tries) == 3


def test_a_hundred_thousand_rows_are_answered_within_two_seconds(acme):
    rows = b"".join(b"N%d,p%d@example.org\n" % (i, i) for i in range(100_000))
    began = time.monotonic()
    answer = upload(acme, b"first_name,email\n" + rows)
    took = time.monotonic() - began
    assert ended(acme, answer).accepted == 100_000
    assert took < 2
    assert acme.get("/v1/campaigns/acme.1").json()["recipients"] == 100_000
