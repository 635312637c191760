"""One writer a source: a second one is told who and where, a dead one's lock is taken over."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bethna.core.errors import StoreError, TapeError
from bethna.store.folder import (
    LOCK_FILE,
    RUNNING_FILE,
    DataFolder,
    data_root,
    running,
    running_desks,
    source_folder,
)
from bethna.store.tapes import TapeWriter

NOW = 1_723_161_253_937_085_768
URL = "http://127.0.0.1:8701"

CHILD = """
import sys
from pathlib import Path
from bethna.store.folder import DataFolder
folder = DataFolder(Path(sys.argv[1]), "live", 5_000)
folder.open()
folder.announce(sys.argv[2])
print("open", flush=True)
sys.stdin.read()
"""


def writer_elsewhere(root: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(root), URL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def test_a_second_writer_is_refused_and_told_how_to_attach(tmp_path: Path) -> None:
    with writer_elsewhere(tmp_path) as process:
        with pytest.raises(StoreError) as caught, DataFolder(tmp_path, "live", NOW):
            pass
        assert caught.value.code == "store_unusable"
        assert f"in use by process {process.pid} at {URL}" in caught.value.message
        assert f"open {URL}" in caught.value.hint
        assert "BETHNA_DATA_DIR" in caught.value.hint
        (desk,) = running_desks(tmp_path)
        assert (desk.pid, desk.source, desk.started, desk.url) == (process.pid, "live", 5, URL)
        process.communicate()
    assert running_desks(tmp_path) == ()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")
def test_the_lock_of_a_killed_writer_is_taken_over(tmp_path: Path) -> None:
    with writer_elsewhere(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert (tmp_path / "live" / RUNNING_FILE).exists()
    assert running_desks(tmp_path) == ()
    with DataFolder(tmp_path, "live", NOW) as folder:
        assert not (tmp_path / "live" / RUNNING_FILE).exists()
        (desk,) = running_desks(tmp_path)
        assert (desk.pid, desk.url) == (os.getpid(), None)
        folder.announce(URL)
        assert [found.url for found in running_desks(tmp_path)] == [URL]


def test_a_second_writer_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    with DataFolder(tmp_path, "live", NOW):
        with (
            pytest.raises(StoreError, match=f"in use by process {os.getpid()}$"),
            DataFolder(tmp_path, "live", NOW),
        ):
            pass
        (tmp_path / "live" / LOCK_FILE).write_bytes(b"not ours")
        with pytest.raises(StoreError, match="in use by another process"), DataFolder(tmp_path, "live", NOW):
            pass
    with DataFolder(tmp_path, "live", NOW):
        pass


def test_looking_does_not_keep_a_writer_out(tmp_path: Path) -> None:
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            running(tmp_path / "live")

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(200):
            with DataFolder(tmp_path, "live", NOW):
                assert running(tmp_path / "live") is not None
    finally:
        stop.set()
        looker.join()


def test_sources_do_not_share_a_folder(tmp_path: Path) -> None:
    tapes = []
    for name, raw in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        tapes.append(tmp_path / name / "my tape.jsonl.zst")
        with TapeWriter(tapes[-1]) as writer:
            writer.received(0, raw, 1)
    names = [source_folder(f"tape:{path}") for path in tapes]
    assert names[0] == names[1]  # the same tape, wherever it lies
    assert len({*names, source_folder("live")}) == 3
    assert names[0].startswith("tape-my_tape-")
    root = tmp_path / "data"
    with DataFolder(root, "live", NOW), DataFolder(root, f"tape:{tapes[0]}", NOW) as one:
        assert one.path == root / names[0]
        assert [desk.source for desk in running_desks(root)] == ["live", f"tape:{tapes[0]}"]
    with pytest.raises(TapeError):
        source_folder(f"tape:{tmp_path}/gone.jsonl")


def test_each_simulation_has_a_folder_of_its_own_and_leaves_none_that_is_empty(tmp_path: Path) -> None:
    with DataFolder(tmp_path, "twin:7", NOW) as one, DataFolder(tmp_path, "twin:8", NOW):
        assert one.path == tmp_path / "twin-7"
        assert [desk.source for desk in running_desks(tmp_path)] == ["twin:7", "twin:8"]
        with pytest.raises(StoreError, match="in use by process"), DataFolder(tmp_path, "twin:7", NOW):
            pass
        one.announce(URL)
        (tmp_path / "twin-8" / "kept").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["twin-8"]
    with DataFolder(tmp_path, "live", NOW):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live", "twin-8"]


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="expected a data folder that can be written") as caught:
        DataFolder(tmp_path / "file", "live", NOW).open()
    assert "BETHNA_DATA_DIR" in caught.value.hint
    closed = DataFolder(tmp_path, "live", NOW)
    closed.close()
    with pytest.raises(StoreError, match="found a closed one"):
        closed.announce(URL)


def test_the_root_is_the_setting_or_the_platforms(tmp_path: Path) -> None:
    assert data_root(str(tmp_path)) == tmp_path
    assert data_root("~/x") == Path.home() / "x"
    assert data_root().name == "bethna"
    assert running_desks(tmp_path / "nothing") == ()


def test_what_a_killed_simulation_left_goes_with_the_next_one(tmp_path: Path) -> None:
    for seed, kept in ((1, False), (2, True)):
        killed = tmp_path / f"twin-{seed}"
        killed.mkdir()
        (killed / LOCK_FILE).touch()
        (killed / RUNNING_FILE).write_text("{}")
        if kept:
            (killed / "kept").touch()
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / LOCK_FILE).touch()
    with DataFolder(tmp_path, "twin:3", NOW), DataFolder(tmp_path, "twin:4", NOW):
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["live", "twin-2", "twin-3", "twin-4"], (
            "what was kept, what runs and what is no simulation stays"
        )
