"""The processes of a peer, each the head of a group of its own: ended by that group, whatever they have started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
STOP_S_MAX = 3.0


class Ended(Exception):
    """A process ended that was to run on; the text has the last it said."""


class Family:
    """Processes started together, and their output in files of a folder."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = os.environ | environment | {"PYTHONPATH": str(REPOSITORY)}
        self.members: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        said = self.folder / f"{len(self.members)}.txt"
        with said.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.members.append((process, said))
        return process

    def watch(self) -> None:
        """Raise Ended when one has ended, other than well and with nothing left to do."""
        for process, said in self.members:
            if process.poll():
                raise Ended(f"{Path(process.args[0]).name} ended with {process.returncode}: {_last_line(said)}")

    def stop(self) -> None:
        """Ask all groups to end, and kill what has not after ``STOP_S_MAX`` seconds, or what outlived its head."""
        for process, _ in self.members:
            _signal(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S_MAX
        for process, _ in self.members:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _signal(process.pid, signal.SIGKILL)
            process.wait(STOP_S_MAX)
            if process.stdin:
                process.stdin.close()


@contextmanager
def family(folder: Path, environment: dict[str, str]) -> Iterator[Family]:
    """A family for the length of the block: none of it outlives the block."""
    started = Family(folder, environment)
    try:
        yield started
    finally:
        started.stop()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _last_line(said: Path) -> str:
    lines = said.read_text(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "nothing said"
