"""Writes what the wire said to a tape while it happens; it never waits for the disk and never slows the desk.

1. The caller's thread only appends to a queue; one store thread of our own escapes, compresses and writes.
2. Everything that waited is written as one independent zstd frame with a checksum, at least every `flush_s` or
   `flush_bytes`: after a crash the file is whole up to the last frame.
3. The queue is bounded by `max_pending_bytes`. When it is full, or the disk is, or a write fails, recording stops:
   the file is cut back to its last whole frame, `on_stop` is told once, and everything later is ignored.
4. Nothing existing is overwritten; a recording that would do so does not start.
5. Secrets are blacked out before anything is written (tapeline.py).
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import zstandard
from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.core.errors import StoreError
from bethna.store.tapeline import Kind, encode_line, redact_body, redact_text, redact_url

_Said = (
    tuple[int, int | None, Kind, str | None, bytes]
    | tuple[int, int | None, Kind, str | None, bytes, str | None]
)
_Item = _Said | threading.Event
_COST = 100  # bytes that a waiting entry takes besides its raw text, roughly
_CLOSE_TIMEOUT_S = 10.0
_LOOK_S = 0.05  # how often a waiting flush looks whether the store thread is still there
SUFFIX = ".jsonl.zst"


class Recorded(Struct, frozen=True, gc=False):
    """What has reached the disk so far.

    Attributes:
        files: in order. entries, bytes: written, bytes as compressed. pending_bytes: waiting for the store thread.
    """

    files: tuple[Path, ...]
    entries: int
    bytes: int
    pending_bytes: int


class TapeWriter:
    """A recording. All methods but `flush` and `close` return at once; call them from one thread.

    Args:
        path: the file to write, `NAME.jsonl.zst`. With a rotation it names the recording: `NAME.0001.jsonl.zst`, ...
        rotate_bytes, rotate_s: a segment ends when it holds that many bytes, or spans that many seconds by its
            entries' own times; None means never.
        on_stop: told once, in the store thread, when recording stops by itself (rule 3).
    """

    def __init__(
        self,
        path: Path,
        *,
        rotate_bytes: int | None = None,
        rotate_s: float | None = None,
        flush_s: float = 1.0,
        flush_bytes: int = 256 << 10,
        max_pending_bytes: int = 64 << 20,
        level: int = 3,
        on_stop: Callable[[StoreError], None] | None = None,
    ) -> None:
        self._segments = _Segments(path, rotate_bytes, rotate_s, frame=flush_bytes, level=level)
        self._flush_s = flush_s
        self._flush_bytes = flush_bytes
        self._max_pending_bytes = max_pending_bytes
        self._on_stop = on_stop
        self._queue: deque[_Item] = deque()
        # Two counters with one writer each, so that neither thread needs a lock.
        self._queued_bytes = 0
        self._taken_bytes = 0
        self._wake_at = flush_bytes
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tape", daemon=True)
        self._taking = False
        self._closing = False
        self._overflowed = False
        self.error: StoreError | None = None

    # --- life

    def start(self) -> None:
        """Create the first file and begin. Raises StoreError when that cannot be done."""
        try:
            self._segments.open_next()
        except OSError as error:
            raise StoreError(
                f"recording {self._segments.name} did not start: {error.strerror}",
                hint="nothing existing is overwritten; name another file, or make room for it",
            ) from error
        self._taking = True
        self._thread.start()

    def __enter__(self) -> TapeWriter:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def flush(self, timeout_s: float = _CLOSE_TIMEOUT_S) -> bool:
        """Wait until everything said so far is in the file; False when recording stopped or it took too long."""
        done = threading.Event()
        self._queue.append(done)
        self._wake.set()
        for _ in range(max(1, round(timeout_s / _LOOK_S))):
            if done.wait(_LOOK_S) or not self._thread.is_alive():
                break
        return done.is_set()

    def close(self, timeout_s: float = _CLOSE_TIMEOUT_S) -> None:
        """Write what waits and end; blocks, so call it from a thread that may wait. Raises StoreError on a timeout."""
        self._taking = False
        self._closing = True
        self._wake.set()
        if self._thread.ident is None:
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise StoreError(
                f"expected the end of the recording within {timeout_s:g} s, found the disk still busy",
                hint="the tape is whole up to its last second or so",
            )

    def recorded(self) -> Recorded:
        """What has reached the disk."""
        segments = self._segments
        return Recorded(
            tuple(segments.files),
            segments.entries,
            segments.total_bytes,
            self._queued_bytes - self._taken_bytes,
        )

    # --- the tap: what happens on the wire

    def opened(self, conn: int, url: str, ts: int, wire: str | None = None) -> None:
        """A socket was opened, on which this language is spoken."""
        self._append((ts, conn, "open", redact_url(url), b"", wire))

    def received(self, conn: int, raw: bytes, ts: int) -> None:
        """A socket said something; the hot path."""
        if not self._taking:
            return
        self._queue.append((ts, conn, "rx", None, raw))
        self._queued_bytes += len(raw) + _COST
        if self._queued_bytes >= self._wake_at:
            self._hurry()

    def sent(self, conn: int, text: str, ts: int) -> None:
        """We said something."""
        self._append((ts, conn, "tx", None, redact_text(text).encode("utf-8", "surrogatepass")))

    def http(self, url: str, raw: bytes, ts: int, wire: str | None = None) -> None:
        """A REST call was answered, in this language."""
        self._append((ts, None, "http", redact_url(url), redact_body(raw), wire))

    def closed(self, conn: int, reason: str, ts: int) -> None:
        """A socket ended."""
        self._append((ts, conn, "close", None, reason.encode("utf-8", "surrogatepass")))

    def _append(self, item: _Said) -> None:
        if self._taking:
            self._queue.append(item)
            self._queued_bytes += len(item[4]) + _COST
            if self._queued_bytes >= self._wake_at:
                self._hurry()

    def _hurry(self) -> None:
        """Enough waits for a frame: wake the store thread, or stop when it is too far behind (rule 3)."""
        self._wake_at = self._queued_bytes + self._flush_bytes
        if self._queued_bytes - self._taken_bytes > self._max_pending_bytes:
            self._taking = False
            self._overflowed = True
        self._wake.set()

    # --- the store thread

    def _run(self) -> None:
        try:
            self._write_until_closed()
            self._segments.close()
            if self._overflowed:
                self.error = self._too_slow()
        except (OSError, zstandard.ZstdError) as error:
            self._segments.cut_back()
            self.error = _stopped(self._segments, error)
        finally:
            self._end()

    def _end(self) -> None:
        """Also after a bug of ours, which then goes on to the thread's own hook."""
        self._taking = False
        if self.error is None and not self._closing:
            self.error = _stopped(self._segments, RuntimeError("an error of ours, see the log"))
        if self.error is not None and self._on_stop is not None:
            self._on_stop(self.error)

    def _write_until_closed(self) -> None:
        while True:
            self._wake.wait(self._flush_s)
            self._wake.clear()
            last = self._closing or self._overflowed
            for _ in range(len(self._queue)):
                item = self._queue.popleft()
                if isinstance(item, threading.Event):
                    self._segments.flush()
                    item.set()
                else:
                    self._segments.add(item[0], encode_line(*item))
                    self._taken_bytes += len(item[4]) + _COST
            self._segments.flush()
            if last:
                return

    def _too_slow(self) -> StoreError:
        return StoreError(
            f"recording {self._segments.name} stopped: expected at most {self._max_pending_bytes >> 20} MiB waiting "
            "for the disk, found more",
            hint="the disk is too slow for this stream; what was written so far is whole",
        )


class _Segments:
    """The files of one recording, and the lines of the frame to come; used by one thread at a time."""

    def __init__(
        self, path: Path, rotate_bytes: int | None, rotate_s: float | None, *, frame: int, level: int
    ) -> None:
        if not path.name.endswith(SUFFIX) or path.name == SUFFIX:
            raise StoreError(f"expected a recording's name to end in {SUFFIX}, found {path.name}")
        self.name = path.name.removesuffix(SUFFIX)
        self._folder = path.parent
        self._rotate_bytes = rotate_bytes
        self._rotate_ns = None if rotate_s is None else round(rotate_s * NS_PER_S)
        self._rotates = rotate_bytes is not None or rotate_s is not None
        self._zstd = zstandard.ZstdCompressor(level=level, write_checksum=True)
        self._frame_bytes = frame
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self._file: int | None = None
        self._bytes = 0
        self._first_ts: int | None = None
        self.files: list[Path] = []
        self.entries = 0
        self.total_bytes = 0

    def open_next(self) -> None:
        number = f".{len(self.files) + 1:04d}" if self._rotates else ""
        path = self._folder / f"{self.name}{number}{SUFFIX}"
        self._folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)  # rule 4
        self._file = os.open(path, flags, 0o600)
        self.files.append(path)
        self._bytes = 0
        self._first_ts = None

    def add(self, ts: int, line: bytes) -> None:
        """One line, into the next file when this one is full."""
        if self._first_ts is None:
            self._first_ts = ts
        elif self._full(ts - self._first_ts):
            self.flush()
            self.close()
            self.open_next()
            self._first_ts = ts
        self._lines.append(line)
        self._waiting_bytes += len(line)
        if self._waiting_bytes >= self._frame_bytes:
            self.flush()

    def _full(self, span_ns: int) -> bool:
        too_large = self._rotate_bytes is not None and self._bytes >= self._rotate_bytes
        return too_large or (self._rotate_ns is not None and span_ns >= self._rotate_ns)

    def flush(self) -> None:
        """Write the lines that wait as one frame."""
        if not self._lines:
            return
        assert self._file is not None
        frame = self._zstd.compress(b"".join(self._lines))
        unwritten = memoryview(frame)
        while unwritten:
            unwritten = unwritten[os.write(self._file, unwritten) :]
        self._bytes += len(frame)
        self.total_bytes += len(frame)
        self.entries += len(self._lines)
        self._lines = []
        self._waiting_bytes = 0

    def close(self) -> None:
        """End the current file."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                os.fsync(file)
            finally:
                os.close(file)

    def cut_back(self) -> None:
        """After a failed write: leave the file whole."""
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            os.ftruncate(file, self._bytes)
        except OSError:
            pass  # a reader stops at the torn frame by itself
        finally:
            os.close(file)


def _stopped(segments: _Segments, error: Exception) -> StoreError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return StoreError(
        f"recording {segments.name} stopped: {reason}",
        hint=f"{segments.entries} entries were written and are whole; make room or name another place, then start anew",
    )
