"""The HTTP API while a long campaign is sent: how long reads and answers take, and a 100,000-row upload.

``python -m benchmarks.http [--recipients N] [--per-s N] [--seconds N] [--upload-rows N]``

One server process. Reads and answers come at a steady rate, each timed from when it was due (so that one held up by
another counts as late); the same again when nothing is sent. An upload is timed to its 202, and to its campaign. Ends
with an audit.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import itertools
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.report import machine, outcome, table
from benchmarks.stage import Stage, a_list, stage, wait
from cli.up import child_env
from engine import api_keys, credits

THREADS = 16
PEOPLE = 20_000
READS = ("/v1/account", "/v1/campaigns/{campaign}", "/v1/campaigns/{campaign}/recipients?limit=20", "/v1/inbox")
READS += ("/v1/inmails/{campaign}.7", "/v1/credits/log?limit=20", "/v1/conversations?folder=accepted&limit=20")

WARM_UP_S = 3.0
"""Asked before anything is timed: threads, connections and caches of the server come to be in it."""


def main() -> int:
    """Run it and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--per-s", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=20, help="the longest each part is measured")
    parser.add_argument("--upload-rows", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-http-") as folder, stage() as it, served(it) as url:
        bench = Bench(it, url, Path(folder))
        bench.measure(options.per_s, WARM_UP_S, None)
        gc.freeze()  # nor should the caller's own collections count
        rows = [["nothing is sent", *row] for row in bench.measure(options.per_s, options.seconds, None)]
        long = bench.start(options.recipients)
        sent = f"{options.recipients:,} are sent meanwhile"
        rows += [[sent, *row] for row in bench.measure(options.per_s, options.seconds, long)]
        still = bench.state(long)
        upload = bench.upload(options.upload_rows)
        drift = it.drift()
        server = f"Redis {it.info.version}"
    title = f"HTTP, half reads and half answers, {options.per_s:.0f} a second, one server process, {machine(server)}"
    table(title, ["", "", "calls", "p50, ms", "p95, ms", "p99, ms", "longest, ms"], rows)
    print(f"the campaign was {still} when the measurement ended")
    print(
        f"{options.upload_rows:,} rows uploaded: answered after {upload[0]:.2f} s, a campaign after {upload[1]:.2f} s"
    )
    return outcome(drift)


class Bench:
    """The accounts, the clients, and what is asked."""

    def __init__(self, it: Stage, url: str, folder: Path) -> None:
        self.it, self.url, self.folder = it, url, folder
        self.early, self.late = it.account("early"), it.account("late")
        self.campaign = it.submit(self.early, a_list(folder / "early.csv", PEOPLE, start=10**8))
        it.send(self.early, self.campaign, PEOPLE)
        self.headers = {"Authorization": f"Bearer {api_keys.create(it.store, self.early)}"}
        self.people = itertools.count()
        # Answers come from accounts: a handful of readers, each with one address after the other.
        self.readers = [it.account(f"reader{i}") for i in range(THREADS)]
        self.keys = [{"Authorization": f"Bearer {api_keys.create(it.store, reader)}"} for reader in self.readers]
        self.own = threading.local()
        self.seats = itertools.count()
        self.addresses = [recipient["fields"]["email"] for recipient in self._recipients()]

    def _recipients(self) -> Iterator[dict[str, dict[str, str]]]:
        cursor: dict[str, str] = {}
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=60) as client:
            while True:
                path = f"/v1/campaigns/{self.campaign}/recipients"
                page = client.get(path, params={"limit": 200} | cursor).raise_for_status().json()
                yield from page["items"]
                if page["next"] is None:
                    return
                cursor = {"cursor": page["next"]}

    def start(self, recipients: int) -> str:
        """A long campaign that has begun to be sent."""
        long = self.it.submit(self.late, a_list(self.folder / "long.csv", recipients))
        self.it.until(long, "waiting")
        credits.grant(self.it.store, self.late, recipients, reason="bench")
        self.it.until(long, "running")
        return long

    def state(self, campaign: str) -> str:
        return str(self.it.store.client.hget(self.it.store.keys.campaign(campaign), "state").decode())

    def measure(self, per_s: float, seconds: float, while_sending: str | None) -> list[list[str]]:
        """Ask at that rate until the time is over, or the campaign is sent; a row for reads and one for answers."""
        took: dict[str, list[float]] = {"reads": [], "answers": []}
        wrong: list[str] = []
        began = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            given = []
            for place in range(int(per_s * seconds)):
                if while_sending and place % 20 == 0 and self.state(while_sending) != "running":
                    break
                due = began + place / per_s
                time.sleep(max(0.0, due - time.perf_counter()))
                ask = self._read if place % 2 else self._answer
                given.append(pool.submit(self._timed, ask, place, due, took, wrong))
            for each in given:
                each.result()
        if wrong:
            sys.exit(f"{len(wrong)} calls were not answered as they should be: {wrong[:3]}")
        return [[kind, *_row(found)] for kind, found in took.items()]

    def _timed(self, ask: object, place: int, due: float, took: dict[str, list[float]], wrong: list[str]) -> None:
        assert callable(ask)
        if not hasattr(self.own, "line"):
            self.own.seat = next(self.seats) % THREADS
            # As lean as can be: client and server share the cores.
            self.own.line = http.client.HTTPConnection(self.url.partition("://")[2], timeout=60)
        status, body = ask(place)
        took["reads" if place % 2 else "answers"].append((time.perf_counter() - due) * 1000)
        if status != 200:
            wrong.append(body.decode())

    def _read(self, place: int) -> tuple[int, bytes]:
        path = READS[place // 2 % len(READS)].format(campaign=self.campaign)
        return self._ask("GET", path, None, self.headers)

    def _answer(self, place: int) -> tuple[int, bytes]:
        index, seat = next(self.people), self.own.seat
        self.it.store.client.hset(self.it.store.keys.account(self.readers[seat]), "email", self.addresses[index])
        said = b'{"answer": "decline"}' if index % 3 else b'{"answer": "accept"}'
        headers = {"Idempotency-Key": f"bench-{index}", "Content-Type": "application/json"}
        return self._ask("POST", f"/v1/inmails/{self.campaign}.{index}/answer", said, self.keys[seat] | headers)

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        self.own.line.request(method, path, body=body, headers=headers)
        answer = self.own.line.getresponse()
        return answer.status, answer.read()

    def upload(self, rows: int) -> tuple[float, float]:
        """Seconds to the 202, and to the campaign."""
        source = a_list(self.folder / "upload.csv", rows, start=2 * 10**8)
        fields = {"subject": "Hello {{ first_name }}", "body": "Would {{ company }} spare you?"}
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=60) as client, source.open("rb") as file:
            began = time.perf_counter()
            answer = client.post("/v1/campaigns", data=fields, files={"file": ("list.csv", file)}).raise_for_status()
            answered = time.perf_counter() - began
            where = answer.headers["Location"]
            wait(lambda: client.get(where).json()["state"] != "reading", "the upload to be read", 0.02)
            read = time.perf_counter() - began
            if client.get(where).json()["accepted"] != rows:
                sys.exit(f"not all rows were accepted: {client.get(where).text[:500]}")
        return answered, read


@contextmanager
def served(it: Stage) -> Iterator[str]:
    """A server process of its own on the stage's Redis; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pace = {"INMAIL_API_RATE": "100000", "INMAIL_API_BURST": "100000", "INMAIL_LOG_LEVEL": "warning"}
    env = os.environ | child_env(it.info.url, it.info.url) | pace
    server = subprocess.Popen([sys.executable, "-m", "web", f"--port={port}"], env=env)
    url = f"http://127.0.0.1:{port}"
    try:
        wait(lambda: _ready(url), "the server to be ready", 0.05)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.HTTPError:
        return False


def _row(took: list[float]) -> list[str]:
    cuts = statistics.quantiles(took, n=100)
    return [f"{len(took):,}", *(f"{each:.1f}" for each in (cuts[49], cuts[94], cuts[98], max(took)))]


if __name__ == "__main__":
    sys.exit(main())
