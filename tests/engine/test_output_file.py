"""A file that is named is written as what it is: a regular one is replaced whole, anything else is written through."""

import os
import stat
import threading
from pathlib import Path

import pytest

from engine.intake.rejects import RejectsFile
from engine.intake.rows import Reject
from engine.output_file import OutputFile


def write(path, text="new\n"):
    file = OutputFile(path)
    file.text.write(text)
    file.close()


def test_a_regular_file_is_replaced_whole_and_keeps_its_mode(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("old")
    target.chmod(0o640)
    file = OutputFile(target)
    file.text.write("new\n")
    assert target.read_text() == "old"
    file.close()
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("new\n", 0o640)
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_given_up_leaves_what_was_there(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("old")
    file = OutputFile(target)
    file.text.write("half")
    file.discard()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("there", [True, False])
def test_a_symlink_stays_one_and_what_it_leads_to_is_written(tmp_path, there):
    folder = tmp_path / "far"
    folder.mkdir()
    if there:
        (folder / "real.csv").write_text("old")
    link = tmp_path / "link.csv"
    link.symlink_to(folder / "real.csv")
    write(link)
    assert link.is_symlink()
    assert (folder / "real.csv").read_text() == "new\n"
    assert [path.name for path in folder.iterdir()] == ["real.csv"]


def reading(fifo):
    """A reader of a pipe, and what it read."""
    found = []
    thread = threading.Thread(target=lambda: found.append(fifo.read_text()), daemon=True)
    thread.start()
    return thread, found


def test_a_pipe_is_written_through_and_stays_a_pipe(tmp_path):
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    thread, found = reading(fifo)
    write(fifo)
    thread.join(10)
    assert found == ["new\n"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert list(tmp_path.iterdir()) == [fifo]


def test_a_device_is_written_to_and_never_replaced(tmp_path, monkeypatch):
    device = tmp_path / "device"
    device.write_text("")
    node, real = device.stat().st_ino, Path.stat

    def stat_of(path, **how):
        found = real(path, **how)
        return os.stat_result((stat.S_IFCHR | 0o666, *found[1:])) if path == device else found

    monkeypatch.setattr(Path, "stat", stat_of)
    write(device)
    monkeypatch.undo()
    assert (device.stat().st_ino, device.read_text()) == (node, "new\n")
    assert list(tmp_path.iterdir()) == [device]


def test_rejected_rows_go_through_a_pipe_too(tmp_path):
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    thread, found = reading(fifo)
    with RejectsFile(fifo, ("Email",)) as rejects:
        rejects.add([Reject(2, "bad_address", "no address", ("x",))])
    thread.join(10)
    assert found == ["line,reason,detail,Email\n2,bad_address,no address,x\n"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_a_folder_and_a_way_that_leads_nowhere_are_errors(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (tmp_path, loop, tmp_path / "none" / "out.csv"):
        with pytest.raises(OSError, match=str(tmp_path)):
            OutputFile(path)
    assert list(tmp_path.iterdir()) == [loop]
