"""A server process killed in the middle of an upload: its state says so, and the same key sends it again once."""

import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from engine import api_keys
from engine.audit import audit
from engine.store import Store, open_client
from tests.factories import an_account
from tests.waiting import wait_until

pytestmark = [pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(180)]

ORDER = {"name": "Nurses", "subject": "Hi {{ first_name }}", "body": "A role for you."}
ROWS = 300_000


class Process:
    """``inmail web`` as it runs in production."""

    def __init__(self, redis_url, folder):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        env = {name: value for name, value in os.environ.items() if not name.startswith("INMAIL_")}
        env |= {"INMAIL_REDIS_URL": redis_url, "INMAIL_DATA_DIR": str(folder), "INMAIL_LOG_LEVEL": "error"}
        command = [sys.executable, "-m", "cli.start", "web", "--port", self.url.rpartition(":")[2]]
        self.process = subprocess.Popen(command, env=env)
        wait_until(self.ready, 30)

    def ready(self):
        try:
            return httpx.get(f"{self.url}/readyz").is_success
        except httpx.HTTPError:
            return False

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(30)


def test_a_server_killed_while_it_reads_leaves_an_interrupted_upload_and_the_same_key_makes_one_campaign(
    redis_url, tmp_path
):
    store = Store(open_client(redis_url))
    store.client.flushdb()
    an_account(store, "acme", credits_=10)
    headers = {"Authorization": f"Bearer {api_keys.create(store, 'acme')}", "Idempotency-Key": "k"}
    rows = b"first_name,email\n" + b"".join(b"N%d,p%d@example.org\n" % (i, i) for i in range(ROWS))

    def upload(server):
        answer = httpx.post(
            f"{server.url}/v1/campaigns", data=ORDER, files={"file": ("l.csv", rows)}, headers=headers, timeout=60
        )
        assert answer.status_code == 202, answer.text
        return answer

    def told(server, where):
        return httpx.get(server.url + where, headers=headers, timeout=60).json()

    first = Process(redis_url, tmp_path)
    where = upload(first).headers["Location"]
    wait_until(lambda: told(first, where)["rows"] > 0, 30)
    first.end(signal.SIGKILL)
    second = Process(redis_url, tmp_path)
    try:
        assert told(second, where)["state"] == "reading", "the lease runs"
        wait_until(lambda: told(second, where)["state"] == "interrupted", 30)
        again = upload(second)
        assert again.headers["Location"] == where
        wait_until(lambda: told(second, where)["state"] != "reading", 60)
        done = told(second, where)
        assert (done["state"], done["campaign"], done["accepted"]) == ("submitted", "acme.1", ROWS)
        assert len(httpx.get(f"{second.url}/v1/campaigns", headers=headers).json()["items"]) == 1
        assert audit(store, "acme").drift == []
    finally:
        second.end()
        store.client.close()
