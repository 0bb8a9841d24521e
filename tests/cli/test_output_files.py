"""What is exported goes where it is said, over nothing that is there; a closed stdout ends a command quietly."""

import csv
import os
import stat
import subprocess
import sys
import threading

import pytest

from tests.cli.conftest import SUBMIT, as_json

pytestmark = pytest.mark.redis

PEOPLE = "id,email,name\nc1,ana@example.org,Ana\n"


@pytest.fixture
def full(acme, tmp_path):
    """acme with an invoice, a campaign of two recipients, and a directory of one candidate."""
    acme(*SUBMIT)
    (tmp_path / "people.csv").write_text(PEOPLE)
    assert acme("candidates", "import", "people.csv")[0] == 0
    return acme


EXPORTS = [
    (("invoice", "export"), "inmail: 1 invoice written to"),
    (("campaign", "export", "acme.1"), "inmail: 2 recipients written to"),
    (("candidates", "export"), "inmail: 1 candidate written to"),
    (("invoice", "print", "acme-0001"), None),
    (("simulate", "--plan", "business", "--days", 2, "--plot"), None),
]


def to(words, name):
    return (*words, name) if words[-1] == "--plot" else (*words, "-o", name)


@pytest.mark.parametrize(("words", "says"), EXPORTS)
def test_a_file_that_is_there_is_written_over_only_with_force(full, tmp_path, words, says):
    target = tmp_path / "out.svg"
    target.write_text("mine")
    assert full(*to(words, "out.svg")) == (
        *(3, "", ["inmail: error: out.svg is there already; to write over it: --force"]),
    )
    assert target.read_text() == "mine"
    code, out, err = full(*to(words, "out.svg"), "--force")
    assert (code, err) == (0, [f"{says} out.svg"] if says else [])
    assert (out == "") == bool(says)
    assert target.read_text() not in ("", "mine")


@pytest.mark.parametrize(("words", "says"), EXPORTS)
def test_a_hyphen_is_stdout_and_nothing_is_said_beside_it(full, tmp_path, words, says):
    code, out, err = full(*to(words, "-"))
    assert (code, err) == (0, [])
    assert full(*to(words, "out.svg"))[0] == 0
    assert out.replace("\r\n", "\n") == (tmp_path / "out.svg").read_text()
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize(("words", "says"), EXPORTS)
def test_a_pipe_is_written_through_and_a_symlink_stays_one(full, tmp_path, words, says):
    os.mkfifo(fifo := tmp_path / "pipe.svg")
    found = []
    thread = threading.Thread(target=lambda: found.append(fifo.read_text()), daemon=True)
    thread.start()
    assert full(*to(words, "pipe.svg"))[0] == 0
    thread.join(10)
    assert found[0]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    (tmp_path / "link.svg").symlink_to("real.svg")
    assert full(*to(words, "link.svg"))[0] == 0
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "real.svg").read_text() == found[0]
    assert not list(tmp_path.glob(".*.part"))


def test_a_plot_and_json_are_not_both_written_to_stdout(full):
    code, out, err = full("simulate", "--plan", "business", "--days", 2, "--plot", "-", "--json")
    assert (code, out) == (2, "")
    assert "name a file for the plot" in err[0]


def test_an_export_can_be_read_again(full, tmp_path):
    full("campaign", "export", "acme.1", "--out", "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [row["email"] for row in rows] == ["ana@example.org", "ben@example.org"]
    assert as_json(full("campaign", "show", "acme.1", "--json"))["recipients"] == 2


def inmail(shell, *words):
    """A command line of its own, as a shell redirects it: exit code and stderr."""
    command = [sys.executable, "-m", "cli.start", *words]
    done = subprocess.run(
        ["bash", "-c", shell, "bash", *command], check=False, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr


def test_a_closed_stdout_is_one_line(full):
    assert inmail('"$@" >&-', "plan", "list") == (
        *(1, "inmail: error: stdout is closed: there is nowhere to write to\n"),
    )
    assert inmail('"$@" >&- 2>&-', "plan", "list") == (1, "")
    assert inmail('"$@" 2>&- <&-', "plan", "list") == (0, "")


@pytest.mark.parametrize(
    "words", [("plan", "list"), ("plan", "list", "--json"), ("invoice", "export"), ("campaign", "list", "--help")]
)
@pytest.mark.parametrize("shell", ['"$@" >/dev/full', 'PYTHONUNBUFFERED=1 "$@" >/dev/full'])
def test_a_stdout_on_a_full_disk_is_named(full, shell, words):
    assert inmail(shell, *words) == (1, "inmail: error: stdout: no space left on device\n")


@pytest.mark.parametrize(
    "words",
    [
        ("invoice", "export"),
        ("plan", "list"),
        ("simulate", "--plan", "business", "--days", "400", "--every", "day"),
        ("simulate", "--plan", "business", "--days", "400", "--every", "day", "--json"),
    ],
)
def test_a_reader_that_has_seen_enough_ends_it_with_0(full, words):
    # Nobody reads at all by the time something is written.
    gone = 'set -o pipefail; { sleep 0.2; "$@"; } | true'
    assert inmail(gone, *words) == (0, "")
