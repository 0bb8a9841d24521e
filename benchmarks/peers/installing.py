"""Each peer in a folder of its own below a cache, never in the project's environment.

One environment for all would hold some of them back: arq, for one, wants an older redis-py than the others.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.roster import Peer

INSTALL_S_MAX = 600


class NotAvailable(Exception):
    """The peer cannot be run here; the text says why."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A peer that can be run: the folder of its programs, and its version."""

    programs: Path
    version: str


def install(peer: Peer, cache: Path) -> Installed:
    """Install a peer below the cache, unless it is there already; raises NotAvailable."""
    if not peer.packages:
        return Installed(Path(sys.executable).parent, version(peer.name))
    folder, done = cache / peer.name, cache / peer.name / "installed"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _install_node(peer, folder) if peer.node else _install_python(peer, folder)
        done.touch()
    if peer.node:
        described = json.loads((folder / "node_modules" / peer.packages[0] / "package.json").read_text())
        return Installed(folder, described["version"])
    programs = folder / "bin"
    asked = f"from importlib.metadata import version; print(version({peer.packages[0]!r}))"
    return Installed(programs, _run([str(programs / "python"), "-c", asked], folder).strip())


def _install_python(peer: Peer, folder: Path) -> None:
    _run([sys.executable, "-m", "venv", str(folder)], folder)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, *peer.packages], folder)


def _install_node(peer: Peer, folder: Path) -> None:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NotAvailable(f"no {program} on PATH")
    _run(["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *peer.packages], folder)


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=True)
    except subprocess.TimeoutExpired:
        raise NotAvailable(f"installing took more than {INSTALL_S_MAX} s") from None
    except subprocess.CalledProcessError as failed:
        lines = [line for line in failed.stderr.splitlines() if "ERR" in line.upper()] or ["no reason given"]
        raise NotAvailable(lines[-1][:100]) from None
    return done.stdout
