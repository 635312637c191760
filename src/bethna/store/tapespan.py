"""A quick look at a tape: when it begins and ends and what it talks to, without playing it; a look, not a check.

The end is found by walking zstd's frame and block headers (RFC 8878, sections 3.1.1.1 and 3.1.1.2) to the last frame,
so a day's recording takes a moment. A foreign tape that is a single frame is unpacked whole.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Self

import zstandard
from msgspec import Struct

from bethna.core.errors import TapeError
from bethna.store.tapeline import TapeEntry, decode_line
from bethna.store.tapes import DamagedError, TapeReader, unpack

HEAD_ENTRIES = 2000
_TAIL_BYTES = 1 << 20


class TapeSpan(Struct, frozen=True, gc=False):
    """What a quick look told.

    Attributes:
        name: the recording's name. files: in the order of reading.
        start, end: ns UTC by the recorder's clock, of the first and the last entry; None when the tape is empty or
            that end of it cannot be read.
        urls: where sockets and REST calls went, in order, once each. sent: messages we sent. Both from the first
            HEAD_ENTRIES entries.
        head: those entries. empty: there is none at all, and nothing damaged either.
    """

    name: str
    files: tuple[Path, ...]
    start: int | None
    end: int | None
    urls: tuple[str, ...]
    sent: tuple[bytes, ...]
    head: tuple[TapeEntry, ...]
    empty: bool = False

    def checked(self) -> Self:
        """This one. Raises TapeError: there is nothing on it to play."""
        if self.empty:
            raise TapeError(
                self.name,
                1,
                "expected a recording, found no frame in it",
                hint="bethna record --help makes one",
            )
        return self


def scan(path: Path | str) -> TapeSpan:
    """Look at a tape. Raises TapeError only when there is none; damage shows as a missing start or end."""
    reader = TapeReader(path)
    head: list[TapeEntry] = []
    damaged = True
    with suppress(TapeError):  # whoever plays it is told where
        head.extend(islice(reader, HEAD_ENTRIES))
        damaged = False
    return TapeSpan(
        name=reader.name,
        files=reader.files,
        start=head[0].ts if head else None,
        end=_last_ts(reader.files),
        urls=tuple(dict.fromkeys(entry.url for entry in head if entry.url is not None)),
        sent=tuple(entry.raw for entry in head if entry.kind == "tx"),
        head=tuple(head),
        empty=not head and not damaged,
    )


def _last_ts(files: tuple[Path, ...]) -> int | None:
    """The time of the last entry of the last file that has one."""
    for path in reversed(files):
        try:
            with path.open("rb") as file:
                found = _last_of_frames(file) if path.name.endswith(".zst") else _last_of_text(file)
        except OSError:
            return None
        if found is not None:
            return found
    return None


def _last_of_text(file: BinaryIO) -> int | None:
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL_BYTES))
    return _last_of(file.read())


def _last_of_frames(file: BinaryIO) -> int | None:
    """From the last few frames, or the last few blocks of a single large one."""
    starts = _frame_starts(file)
    tail = b""
    while starts and len(tail) < _TAIL_BYTES:
        file.seek(starts[-1])
        blocks: deque[bytes] = deque(maxlen=64)
        try:
            blocks.extend(unpack(file, frames=1))
            text = b"".join(blocks)
        except DamagedError:  # what came before it will do, as far as its lines are whole
            text = b"".join(blocks)
            text = text[: text.rfind(b"\n") + 1]
        tail = text + tail
        found = _last_of(tail)
        if found is not None:
            return found
        starts.pop()
    return None


def _last_of(tail: bytes) -> int | None:
    for line in reversed(tail.split(b"\n")):
        if line.strip():
            with suppress(ValueError):  # cut off at its begin or its end
                return decode_line(line, 0).ts
    return None


def _frame_starts(file: BinaryIO) -> list[int]:
    """Where frames begin, up to the first thing that is none."""
    starts: list[int] = []
    size = file.seek(0, 2)
    at = 0
    while at < size:
        starts.append(at)
        end = _frame_end(file, at)
        if end is None or end > size:
            break
        at = end
    return starts


def _frame_end(file: BinaryIO, start: int) -> int | None:
    file.seek(start)
    head = file.read(18)
    if len(head) >= 8 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:  # a skippable frame
        return start + 8 + int.from_bytes(head[4:8], "little")
    try:
        at = start + zstandard.frame_header_size(head)
    except zstandard.ZstdError:
        return None
    last = False
    while not last:
        file.seek(at)
        three = file.read(3)
        if len(three) < 3:
            return None
        header = int.from_bytes(three, "little")
        last = bool(header & 1)
        run_length = (header >> 1) & 3 == 1
        at += 3 + (1 if run_length else header >> 3)
    return at + (4 if head[4] & 4 else 0)
