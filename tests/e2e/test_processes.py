"""Real processes on the embedded Redis: the commands a person types, Ctrl-C, kill -9."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from benchmarks.people import COLUMNS, people
from config.settings import get_settings
from engine import campaigns
from workers.embedded_redis import running
from workers.runtime import open_store

pytestmark = pytest.mark.redis


class World:
    """A data directory of its own, and the commands run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("INMAIL_")}
        self.env |= {"INMAIL_DATA_DIR": str(folder / "data"), "INMAIL_LEASE": "PT2S", "COLUMNS": "200"}
        self.started: list[subprocess.Popen[str]] = []

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli.start", *words]
        return subprocess.run(
            command, env=self.env | env, capture_output=True, text=True, timeout=60, check=False, cwd=self.folder
        )

    def json(self, *words: str, **env: str) -> dict:
        done = self.run(*words, "--json", **env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        log = (self.folder / f"log{len(self.started)}.txt").open("w")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli.start", *words],
                env=self.env | env,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=self.folder,
            )
        self.started.append(process)
        return process

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("log*.txt")))

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 45) -> None:
        deadline, pause = time.monotonic() + seconds, threading.Event()
        while not condition():
            assert time.monotonic() < deadline, f"gave up waiting for {what}\n{self.logs()}"
            pause.wait(0.2)

    def alive(self) -> list[str]:
        """Command lines of processes that speak of this data directory."""
        found = []
        for process in psutil.process_iter():
            try:
                inherited = process.environ().get("INMAIL_DATA_DIR") == self.env["INMAIL_DATA_DIR"]
                if inherited or any(str(self.folder) in part for part in process.cmdline()):
                    found.append(f"{process.pid} {' '.join(process.cmdline())[:150]}")
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def a_list(self, n: int) -> Path:
        path = self.folder / "list.csv"
        path.write_text("\n".join([",".join(COLUMNS), *(",".join(row) for row in people(n))]) + "\n")
        (self.folder / "body.txt").write_text("Hello {{ first_name }}")
        return path

    def counts(self, campaign: str) -> Mapping[str, int]:
        """The counts of `campaign show`, without a process for each look; nothing while no Redis runs."""
        server = running(self.folder / "data")
        if server is None:
            return Counter()
        store = open_store(server.url, get_settings())
        try:
            return campaigns.describe(store, campaign)["counts"]
        finally:
            store.client.close()

    def submit(self, n: int, **env: str) -> str:
        words = ("campaign", "submit", "acme", str(self.a_list(n)), "--subject", "Hi", "--body", "body.txt")
        found = self.json(*words, **env)
        assert found["accepted"] == n
        return found["campaign"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.env["PYTHONPATH"] = str(Path(__file__).parents[2])
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
            process.wait(10)
    made.wait(lambda: made.alive() == [], "every process to be gone: " + "; ".join(made.alive()))


def answers(url: str | urllib.request.Request) -> dict | None:
    """What a server of ours says at that address, None while none does."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except OSError:
        return None


def test_up_serves_the_http_api_and_stops_it_with_the_rest(world):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    up = world.start("up", "--workers", "1", "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    world.wait(lambda: (answers(f"{url}/readyz") or {}).get("status") == "ready", "the server to be ready")
    open_account(world, 150)
    key = world.json("key", "create", "acme")["key"]
    asked = urllib.request.Request(f"{url}/v1/credits", headers={"Authorization": f"Bearer {key}"})
    assert answers(asked)["available"] == 150
    up.send_signal(signal.SIGINT)
    assert up.wait(40) == 0
    world.wait(lambda: world.alive() == [], "every process to be gone")
    assert "ended with code" not in world.logs()


def open_account(world: World, credits_: int) -> None:
    world.run("account", "open", "acme", "--email", "a@example.org", "--name", "A", "--plan", "executive")
    if credits_ > 150:
        world.run("credits", "grant", "acme", str(credits_ - 150), "--reason", "test")


@pytest.mark.slow
def test_a_small_balance_carries_a_list_through_several_waves_of_real_refunds(world):
    up = world.start("up", "--no-web", "--workers", "1")
    open_account(world, 150)
    campaign = world.submit(320, INMAIL_REFUND_AFTER="PT2S")
    world.wait(lambda: world.counts(campaign)["refunded"] == 320, "three waves to come home")

    assert world.json("campaign", "show", campaign)["state"] == "closed"
    purse = world.json("credits", "show", "acme")
    assert purse == {"available": 150, "held": 0, "spent": 0, "granted": 150, "expired": 0}
    assert world.run("audit").returncode == 0

    up.send_signal(signal.SIGINT)
    assert up.wait(30) == 0
    assert "Traceback" not in world.logs()


def test_a_second_up_in_the_same_directory_says_so(world):
    world.start("up", "--no-web", "--workers", "1")
    world.wait(lambda: "running;" in world.logs(), "up to run")
    second = world.run("up", "--no-web")

    assert second.returncode == 3
    assert "already running here" in second.stderr


@pytest.mark.slow
def test_killed_workers_lose_nothing_and_nobody_is_written_to_twice(world):
    open_account(world, 30_000)
    plans = world.folder / "plans.toml"
    plans.write_text("[plans.free]\nname = 'Free'\n")
    world.env["INMAIL_PLANS_FILE"] = str(plans)
    world.run("account", "open", "big", "--email", "a@example.org", "--name", "A", "--plan", "free")
    world.run("credits", "grant", "big", "30000", "--reason", "test")
    world.start("up", "--no-web", "--workers", "1", INMAIL_IN_FLIGHT="500")
    words = ("campaign", "submit", "big", str(world.a_list(30_000)), "--subject", "Hi", "--body", "body.txt")
    campaign = world.json(*words, INMAIL_PACK_SIZE="50")["campaign"]

    def sent() -> int:
        return world.counts(campaign)["sent"]

    for share in (1_000, 6_000):
        world.wait(lambda share=share: sent() > share, "some to be sent")
        for process in psutil.process_iter():
            try:
                command = process.cmdline()
                ours = process.environ().get("INMAIL_DATA_DIR") == world.env["INMAIL_DATA_DIR"]
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if ours and "dramatiq" in " ".join(command):
                process.kill()
    world.wait(lambda: sent() == 30_000, "all to be sent")

    assert world.run("audit").returncode == 0
    items = world.json("inbox", next(iter(people(1)))[2])["items"]
    assert [item["campaign"] for item in items] == [campaign]


def test_up_killed_with_sigkill_leaves_no_process_nothing_in_hand_and_no_lost_credit(world):
    up = world.start("up", "--no-web", "--workers", "1", INMAIL_IN_FLIGHT="20")
    open_account(world, 150)
    campaign = world.submit(150, INMAIL_PACK_SIZE="1")
    world.wait(lambda: "scheduler.leads" in world.logs(), "up to run")
    up.kill()
    up.wait(10)
    world.wait(lambda: world.alive() == [], "every process to be gone")

    assert "ign off" not in world.logs(), "Redis was there until all had ended"
    assert world.json("campaign", "show", campaign)["counts"]["claimed"] == 0
    assert world.run("audit").returncode == 0


def test_workers_do_not_outlive_a_killed_master(world):
    world.start("up", "--no-web", "--workers", "1")
    world.wait(lambda: "running;" in world.logs(), "up to run")
    world.wait(lambda: len(workers_of(world)) >= 2, "the master and its worker")
    before = workers_of(world)
    min(before, key=lambda process: process.create_time()).kill()

    world.wait(lambda: not any(is_alive(process) for process in before), "the old workers to be gone")
    world.wait(lambda: len(workers_of(world)) >= 2, "new ones to be there")


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; one that has ended and was not reaped yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def workers_of(world: World) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("INMAIL_DATA_DIR") == world.env["INMAIL_DATA_DIR"]
            if ours and "dramatiq" in " ".join(process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def test_a_campaign_submitted_with_nothing_running_waits_for_up(world):
    open_account(world, 150)
    campaign = world.submit(10)
    assert "inmail up" in world.run("doctor").stdout
    world.start("up", "--no-web", "--workers", "1")
    world.wait(lambda: world.counts(campaign)["sent"] == 10, "all to be sent")


@pytest.mark.slow
def test_a_pause_takes_effect_within_a_second(world):
    plans = world.folder / "plans.toml"
    plans.write_text("[plans.free]\nname = 'Free'\n")
    world.env["INMAIL_PLANS_FILE"] = str(plans)
    world.run("account", "open", "acme", "--email", "a@example.org", "--name", "A", "--plan", "free")
    world.run("credits", "grant", "acme", "20000", "--reason", "test")
    world.start("up", "--no-web", "--workers", "1", INMAIL_IN_FLIGHT="100")
    campaign = world.submit(20_000, INMAIL_PACK_SIZE="10")
    show = ("campaign", "show", campaign)
    world.wait(lambda: world.counts(campaign)["sent"] > 200, "some to be sent")
    assert world.json("campaign", "pause", campaign)["state"] == "paused"
    log = world.json("credits", "log", "acme", "--most", "100000")["items"]
    paused_at = next(entry["at_ms"] for entry in log if entry["kind"] == "pause")
    world.wait(lambda: world.counts(campaign)["claimed"] == 0, "what is in hand to be finished")
    log = world.json("credits", "log", "acme", "--most", "100000")["items"]

    assert max(entry["at_ms"] for entry in log if entry["kind"] == "claim") <= paused_at
    assert max(entry["at_ms"] for entry in log if entry["kind"] == "settle") <= paused_at + 1000
    assert world.json("campaign", "cancel", campaign)["state"] == "cancelled"
    counts = world.json(*show)["counts"]
    assert counts["sent"] + counts["cancelled"] == 20_000
    assert world.run("audit").returncode == 0
