"""Take the guards out of the scripts one at a time: each time the test named for it must go red.

python -m tests.proofs.guards            try all, print the table (exit 1 when one survives)
python -m tests.proofs.guards --find     find a test for guards that name none
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("guards.toml")
SCRIPTS = Path("engine/lua")
COPIES = 2
"""How many guards are tried at a time, each in a copy of its own."""
_WHERE_TO_FIND = ("tests/engine", "tests/workers/test_scheduler.py", "tests/workers/test_leadership.py")


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard: its words in a script, what they become without it, and the test that notices."""

    name: str
    script: str
    was: str
    becomes: str
    test: str


def guards() -> list[Guard]:
    """The list, in order."""
    return [Guard(**entry) for entry in tomllib.loads(LIST.read_text())["guard"]]


class Copy:
    """A copy of the tree, where a script may be broken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("config", "engine", "workers", "cli", "tests", "benchmarks", "examples", "docs"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, folder / name)

    def run(self, *tests: str) -> tuple[bool, str]:
        """Run tests until the first fails; whether one did, and what pytest said last."""
        options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-m", "not slow and not proof"]
        command = [sys.executable, "-m", "pytest", *options, *tests]
        env = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, check=False, cwd=self.folder, env=env, capture_output=True, text=True, timeout=300
        )
        if done.returncode not in (0, 1):
            raise RuntimeError(f"pytest ended with {done.returncode}: {done.stdout[-800:]} {done.stderr[-400:]}")
        return done.returncode == 1, done.stdout

    def without(self, guard: Guard, *tests: str) -> tuple[bool, str]:
        """Run tests with one guard taken out; it is back afterwards."""
        script = self.folder / SCRIPTS / guard.script
        whole = script.read_text()
        script.write_text(whole.replace(guard.was, guard.becomes))
        try:
            return self.run(*tests)
        finally:
            script.write_text(whole)


def main() -> int:
    parser = argparse.ArgumentParser(description="take the guards out of the scripts one at a time")
    parser.add_argument("--find", action="store_true", help="find a test for guards that name none")
    parser.add_argument("--only", default="", metavar="WORD", help="guards with this in their name or script's")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inmail-guards-") as folder:
        copies = [Copy(Path(folder) / str(number)) for number in range(1 if asked.find else COPIES)]
        return find(copies[0]) if asked.find else try_all(copies, asked.only)


def try_all(copies: list[Copy], only: str = "") -> int:
    """Every named test is green with all guards and red without its own; prints the table."""
    listed = [guard for guard in guards() if only in guard.name or only in guard.script]
    red, told = copies[0].run(*sorted({guard.test for guard in listed}))
    if red:
        print(told)
        return 1
    survivors = 0
    print("| guard | script | test that goes red without it |\n| --- | --- | --- |")
    free: Queue[Copy] = Queue()
    for copy in copies:
        free.put(copy)

    def caught_without(guard: Guard) -> bool:
        copy = free.get()
        try:
            return copy.without(guard, guard.test)[0]
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        found = list(pool.map(caught_without, listed))
    for guard, caught in zip(listed, found, strict=True):
        survivors += not caught
        shown = guard.test if caught else f"**survives** {guard.test}"
        print(f"| {guard.name} | `{guard.script}` | `{shown.removeprefix('tests/')}` |", flush=True)
    print(f"\n{len(listed)} guards taken out, {len(listed) - survivors} noticed")
    return 1 if survivors else 0


def find(copy: Copy) -> int:
    """For each guard without a test, the first of the everyday suite that goes red."""
    missing = [guard for guard in guards() if not guard.test]
    for guard in missing:
        caught, told = copy.without(guard, *_WHERE_TO_FIND)
        failed = [line.split(" ")[1] for line in told.splitlines() if line.startswith(("FAILED", "ERROR"))]
        print(f"{guard.name}\t{failed[0] if caught and failed else 'SURVIVES'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
