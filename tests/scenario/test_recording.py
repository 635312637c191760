"""A recording meets the world: killed in the middle of a write, a full disk, a disk that is too slow."""

import os
import signal
import subprocess
import sys
import threading
from itertools import count, islice
from pathlib import Path

import pytest

from bethna.core.errors import StoreError, TapeError
from bethna.store.tapes import TapeReader, TapeWriter

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX systems")

COMMON = """
import sys
from pathlib import Path
from bethna.store.tapes import TapeWriter

def frame(n):
    return b'{"n":%d,"text":"%b"}' % (n, b"%d " % (n * n) * 50)

def writer(**options):
    found = TapeWriter(Path(sys.argv[1]), flush_bytes=20_000, max_pending_bytes=1 << 40, **options)
    found.start()
    return found
"""


def frame(n: int) -> bytes:
    return b'{"n":%d,"text":"%b"}' % (n, b"%d " % (n * n) * 50)


def child(source: str, path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", COMMON + source, str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )


def read(path: Path) -> tuple[list[bytes], TapeError | None]:
    found: list[bytes] = []
    reader = iter(TapeReader(path))
    try:
        while entry := next(reader, None):
            found.append(entry.raw)
    except TapeError as error:
        return found, error
    return found, None


KILLED = """
from itertools import count
tape = writer(rotate_bytes=ROTATE)
for n in count():
    tape.received(0, frame(n), n)
    if n % 500 == 499:
        assert tape.flush()
        print(n + 1, flush=True)
"""


@posix
@pytest.mark.parametrize("rotate_bytes", [None, 30_000])
def test_killed_in_the_middle_everything_flushed_is_there(tmp_path: Path, rotate_bytes: int | None) -> None:
    path = tmp_path / "x.jsonl.zst"
    with child(KILLED.replace("ROTATE", str(rotate_bytes)), path) as process:
        assert process.stdout is not None
        flushed = [int(line) for line in islice(process.stdout, 4)]
        process.send_signal(signal.SIGKILL)
        flushed += [int(line) for line in process.stdout]
    assert process.returncode == -signal.SIGKILL
    found, damage = read(path if rotate_bytes is None else tmp_path)
    assert len(found) >= flushed[-1] >= 2000
    assert found == [frame(n) for n in range(len(found))]
    if damage is not None:  # the write that was cut
        assert f"line {damage.line}" in damage.message


FULL = """
import resource, threading
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
told = threading.Event()
def on_stop(error):
    print(error.code, error.message, error.hint, sep="|", flush=True)
    told.set()
tape = writer(on_stop=on_stop)
n = 0
while not told.is_set():
    tape.received(0, frame(n), n)
    n += 1
tape.received(0, b"late", n)
tape.closed(0, "late", n)
assert not tape.flush(0.1)
tape.close()
print(tape.recorded().entries, tape.recorded().bytes, "the desk goes on", sep="|")
"""


@posix
def test_on_a_full_disk_the_recording_stops_and_the_process_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.zst"
    with child(FULL, path) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    told, summary = output.splitlines()
    code, message, hint = told.split("|")
    assert code == "store_unusable"
    assert message == f"recording x stopped: {os.strerror(27)}"  # EFBIG: the limit's way to say full
    assert "entries were written and are whole" in hint
    entries, size, last = summary.split("|")
    assert last == "the desk goes on"
    assert path.stat().st_size == int(size)
    found, damage = read(path)
    assert damage is None
    assert len(found) == int(entries) > 100
    assert found == [frame(n) for n in range(len(found))]


def test_a_disk_that_is_too_slow_stops_the_recording(tmp_path: Path) -> None:
    told: list[StoreError] = []
    heard = threading.Event()

    def on_stop(error: StoreError) -> None:
        told.append(error)
        heard.set()

    path = tmp_path / "x.jsonl.zst"
    writer = TapeWriter(path, flush_s=3600, flush_bytes=1 << 20, max_pending_bytes=3 << 20, on_stop=on_stop)
    writer.start()
    frames = [b"a" * (1 << 19)] * 5 + [b"b" * (5 << 20)]
    for n, raw in zip(count(), frames, strict=False):  # the last one is more than may wait
        writer.received(0, raw, n)
    writer.received(0, b"late", 9)
    assert heard.wait(30)
    writer.close()
    assert [error.code for error in told] == ["store_unusable"]
    assert "expected at most 3 MiB waiting for the disk, found more" in told[0].message
    assert writer.error is told[0]
    assert [entry.raw for entry in TapeReader(path)] == frames


def test_a_folder_that_cannot_be_written_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="recording x did not start"):
        TapeWriter(tmp_path / "file" / "x.jsonl.zst").start()


def test_what_was_said_reaches_the_file_by_itself(tmp_path: Path) -> None:
    """Without a flush of ours: the timer does it."""
    path = tmp_path / "x.jsonl.zst"
    with TapeWriter(path, flush_s=0.01) as writer:
        writer.received(0, b"x", 1)
        deadline = threading.Event()
        for _ in range(1000):
            if writer.recorded().entries or deadline.wait(0.01):
                break
        assert [entry.raw for entry in TapeReader(path)] == [b"x"]
