"""Redis away, Redis full: the API says so, does nothing by halves, and goes on by itself."""

import pytest

from config.settings import Settings
from engine import api_keys
from engine.store import Store, open_client
from tests.conftest import real_server
from tests.engine.private_redis import private_redis
from tests.factories import a_campaign, an_account, send_all
from tests.waiting import wait_until
from tests.web.conftest import FREE, Api, problem
from tests.web.stage import started
from web.app import create_app

pytestmark = pytest.mark.redis


@pytest.fixture
def alone(tmp_path):
    """A server whose Redis is its own, named by the settings as in production; acme and globex wrote to each other."""
    program = real_server()
    if program is None:
        pytest.skip("no Redis server")
    with private_redis(program) as redis:
        settings = Settings(
            redis_url=redis.url, data_dir=tmp_path, **FREE.model_dump(include={"api_rate", "api_burst"})
        )
        store = Store(open_client(redis.url))
        for account, other in (("acme", "globex"), ("globex", "acme")):
            an_account(store, account, credits_=10)
            send_all(store, a_campaign(store, account, to=[f"{other}@example.org"]))
        server, thread, url = started(app := create_app(settings))
        api = Api(store, url, app)
        yield redis, api.client({"Authorization": f"Bearer {api_keys.create(store, 'acme')}"})
        for client in api.clients:
            client.close()
        server.handle_exit(15, None)
        thread.join(30)
        store.client.close()


def test_while_redis_is_away_every_call_says_so_and_afterwards_it_goes_on(alone):
    redis, acme = alone
    assert acme.get("/readyz").json() == {"status": "ready", "checks": {"redis": "ok", "broker": "ok"}}
    redis.kill()
    answer = acme.get("/v1/account")
    document = problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert "sock" not in document["detail"], "where Redis is, is nobody's business"
    problem(acme.post("/v1/suppressions", json={"address": "a@example.org"}), 503, "unavailable")
    assert acme.get("/healthz").status_code == 200
    wait_until(lambda: acme.get("/readyz").status_code == 503)
    document = problem(acme.get("/readyz"), 503, "not_ready")
    assert set(document["checks"]) == {"redis", "broker"}
    redis.start()
    wait_until(lambda: acme.get("/readyz").status_code == 200)
    assert acme.get("/v1/account").json()["account"] == "acme"


def test_an_answer_goes_through_with_memory_full_and_what_adds_is_refused_whole(alone):
    redis, acme = alone
    redis.fill()
    said = {"answer": "accept", "text": "yes"}
    answer = acme.post("/v1/inmails/globex.1.0/answer", json=said, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 200, answer.text
    again = acme.post("/v1/inmails/globex.1.0/answer", json=said, headers={"Idempotency-Key": "k"})
    assert (again.content, again.headers["Idempotent-Replayed"]) == (answer.content, "true")
    order = {"name": "n", "subject": "s", "body": "b", "recipients": [{"email": "new@example.org"}]}
    problem(acme.post("/v1/campaigns", json=order, headers={"Idempotency-Key": "c"}), 503, "unavailable")
    redis.empty()
    assert acme.post("/v1/campaigns", json=order, headers={"Idempotency-Key": "c"}).json()["campaign"] == "acme.2"
    assert len(acme.get("/v1/campaigns").json()["items"]) == 2


@pytest.mark.drifts
def test_damaged_state_is_a_500_that_says_nothing_of_it(acme, api):
    a_campaign(api.store)
    api.store.client.delete(api.store.keys.rows("acme.1"))
    document = problem(acme.get("/v1/campaigns/acme.1/recipients"), 500, "corrupt")
    assert "acme.1" not in document["detail"]


def test_what_nobody_foresaw_is_a_500_without_a_traceback(acme, api, monkeypatch):
    from web import routes_account

    def broken(*_):
        raise RuntimeError("secret words")

    monkeypatch.setattr(routes_account, "get_account", broken)
    answer = acme.get("/v1/account")
    assert problem(answer, 500, "error")["request_id"]
    assert "secret" not in answer.text
