"""Reads a recording back, entry by entry in constant memory; it gives the bytes no meaning.

A tape is one file (`.jsonl` or `.jsonl.zst`), or the numbered segments of one recording (`NAME.0001.jsonl.zst`, ...)
named by their folder, by one of them (it plays from there on), by `NAME`, or by `NAME.jsonl.zst` as it was recorded to.

1. Whatever can be read before a damage is yielded, then TapeError says where and what.
2. A zstd frame that says its size and fits into HELD_BYTES is yielded only when its checksum was right, so a flipped
   bit gives no wrong price; larger ones (foreign tapes) stream, their checksum is known at their end.
3. A frame that the file's end cuts off (a crash mid-write) is yielded as far as it goes, whole lines only.
4. Time may step back and blank lines are skipped; both are not damage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO

import zstandard

from bethna.core.errors import TapeError
from bethna.store.recorder import TapeWriter
from bethna.store.tapeline import Kind, TapeEntry, decode_line

__all__ = ["Kind", "TapeEntry", "TapeReader", "TapeWriter"]

HELD_BYTES = 8 << 20
MAX_LINE_BYTES = 64 << 20
_READ_BYTES = 16 << 10  # small: a frame may unpack to a thousand times as much
_LARGEST_FRAME_HEADER = 18

SUFFIXES = (".jsonl.zst", ".jsonl")
_SEGMENT = re.compile(r"(?P<name>.+)\.(?P<number>\d{4,})(?P<suffix>\.jsonl(?:\.zst)?)")


class TapeReader:
    """Iterates a tape; every iteration starts anew at its beginning.

    Attributes:
        name: the recording's name without suffix and segment number.
        files: its files in the order of reading.

    Raises:
        TapeError: on construction with line 0 when there is no such tape; while iterating at a damage, with the
            segment's path and the 1-based line within it.
    """

    def __init__(self, path: Path | str) -> None:
        self.name, self.files, self._missing = find_tape(Path(path))

    def __iter__(self) -> Iterator[TapeEntry]:
        number = 0
        for path in self.files:
            before = number
            batches = _line_batches(path)
            while True:
                try:
                    lines = next(batches, None)
                except (DamagedError, OSError) as error:
                    raise _damage(path, number - before + 1, str(error)) from error
                if lines is None:
                    break
                for text in lines:
                    number += 1
                    try:
                        entry = decode_line(text, number)
                    except ValueError as error:
                        if not text or text.isspace():  # rule 4
                            continue
                        raise _damage(
                            path, number - before, f"a line that is no tape entry: {error}"
                        ) from error
                    yield entry
        if self._missing is not None:
            raise _damage(self._missing, 0, "later segments but not this one")


def _damage(path: Path, line: int, found: str) -> TapeError:
    return TapeError(
        str(path),
        line,
        f"{path.name}, line {line}: expected a tape entry, found {found}",
        hint="everything before this line was read; the rest of the recording is lost",
    )


# --- which files are the tape


def find_tape(path: Path) -> tuple[str, tuple[Path, ...], Path | None]:
    """(name, files, the first missing segment or None) of the tape that `path` names; `~` is the home folder."""
    path = path.expanduser()
    if path.is_dir():
        return _segments_in(path)
    segment = _SEGMENT.fullmatch(path.name)
    if segment and path.exists():
        return _chain(path.parent, segment["name"], int(segment["number"]))
    if path.exists():
        return tape_name(path), (path,), None
    if path.parent.is_dir():
        recordings = _recordings(path.parent)
        for name in (path.name, *(path.name.removesuffix(suffix) for suffix in SUFFIXES)):
            if name in recordings:
                return _chain(path.parent, name, 0)
    raise TapeError(
        str(path),
        0,
        f"expected a recording, found nothing at {path}",
        hint="name a .jsonl or .jsonl.zst file, a folder with the segments of one recording, or its first segment",
    )


def tape_name(path: Path) -> str:
    """A tape's name for people and folders: its file name without suffix and segment number."""
    segment = _SEGMENT.fullmatch(path.name)
    if segment:
        return segment["name"]
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    return path.stem


def _recordings(folder: Path) -> dict[str, dict[int, Path]]:
    found: dict[str, dict[int, Path]] = {}
    for path in folder.iterdir():
        if segment := _SEGMENT.fullmatch(path.name):
            found.setdefault(segment["name"], {})[int(segment["number"])] = path
    return found


def _segments_in(folder: Path) -> tuple[str, tuple[Path, ...], Path | None]:
    recordings = _recordings(folder)
    if len(recordings) == 1:
        return _chain(folder, next(iter(recordings)), 0)
    raise TapeError(
        str(folder),
        0,
        f"expected the segments of one recording in {folder}, found {len(recordings)} recordings",
        hint="name one of them: " + ", ".join(sorted(recordings)) if recordings else "name a tape file",
    )


def _chain(folder: Path, name: str, start: int) -> tuple[str, tuple[Path, ...], Path | None]:
    """The segments from `start` (0: the first there is) up to the last, or up to a missing one."""
    segments = {number: path for number, path in _recordings(folder)[name].items() if number >= start}
    first = min(segments)
    files: list[Path] = []
    for number in range(first, max(segments) + 1):
        if number not in segments:
            suffix = segments[first].name.removeprefix(f"{name}.").partition(".")[2]
            return name, tuple(files), folder / f"{name}.{number:04d}.{suffix}"
        files.append(segments[number])
    return name, tuple(files), None


# --- from bytes to lines


class DamagedError(Exception):
    """What was found instead of the next bytes of a tape."""


def _line_batches(path: Path) -> Iterator[list[bytes]]:
    """Lines without their newline, some at a time; raises DamagedError where the bytes end before their end."""
    rest = b""
    with path.open("rb", buffering=0) as file:
        for block in unpack(file) if path.name.endswith(".zst") else _plain(file):
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            yield lines
            if len(rest) > MAX_LINE_BYTES:
                raise DamagedError(f"a line longer than {MAX_LINE_BYTES >> 20} MiB")
    if rest:
        yield [rest]


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_READ_BYTES << 4):
        yield block


def unpack(file: BinaryIO, frames: int | None = None) -> Iterator[bytes]:
    """The contents of a file of zstd frames (or of so many) from its position on. Raises DamagedError."""
    zstd = zstandard.ZstdDecompressor()
    unread = b""
    for _ in count() if frames is None else range(frames):
        while len(unread) < _LARGEST_FRAME_HEADER and (more := file.read(_READ_BYTES)):
            unread += more
        if not unread:
            return
        frame = _Frame(zstd, unread)
        while not frame.ended():
            if not unread:
                yield from frame.held  # rule 3
                raise DamagedError("the end of the file inside a compressed block")
            yield from frame.feed(unread)
            unread = frame.unused if frame.ended() else file.read(_READ_BYTES)


class _Frame:
    """One zstd frame on its way through; `held` keeps what rule 2 does not let out yet."""

    def __init__(self, zstd: zstandard.ZstdDecompressor, head: bytes) -> None:
        try:
            size = zstandard.frame_content_size(head)
        except zstandard.ZstdError as error:
            what = (
                "the end of the file inside a frame header"
                if len(head) < _LARGEST_FRAME_HEADER
                else "no zstd frame"
            )
            raise DamagedError(what) from error
        self._hold = 0 <= size <= HELD_BYTES
        self._unpack = zstd.decompressobj()
        self.held: list[bytes] = []

    def ended(self) -> bool:
        return self._unpack.eof

    @property
    def unused(self) -> bytes:
        """What followed the frame in the bytes fed last."""
        return self._unpack.unused_data

    def feed(self, data: bytes) -> list[bytes]:
        """What may be yielded now."""
        try:
            block = self._unpack.decompress(data)
        except zstandard.ZstdError as error:
            raise DamagedError(f"a damaged compressed block ({error})") from error
        if block:
            self.held.append(block)
        if self._hold and not self.ended():
            return []
        out, self.held = self.held, []
        return out
