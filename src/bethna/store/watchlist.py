"""The watchlist of a user: which symbols the desk followed last, in one small file; it knows no market.

Rules
  1. The file is replaced whole or not at all: a crash leaves the old list.
  2. A file that cannot be read, or is of another version, is told and left alone; the next change keeps it as
     `watchlist.json.old` beside the new one.
  3. It is no market data: every source but a tape shares it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from bethna.core.errors import StoreError

VERSION = 1
FILE = "watchlist.json"
_MOST_BYTES = 256 * 1024


class _Kept(Struct, frozen=True):
    version: int
    symbols: tuple[str, ...]


class WatchlistFile:
    """The file in a data root."""

    def __init__(self, root: Path) -> None:
        self.path = root / FILE
        self._doubtful = False

    def read(self) -> tuple[str, ...]:
        """The symbols as they were kept, none where nothing was.

        Raises:
            StoreError: rule 2.
        """
        try:
            with self.path.open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._doubt(f"a file that can be read, found: {error.strerror}") from error
        if len(text) > _MOST_BYTES:
            raise self._doubt(f"at most {_MOST_BYTES} bytes, found more")
        try:
            kept = msgspec.json.decode(text, type=_Kept)
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._doubt(f"what a desk writes, found: {error}") from error
        if kept.version != VERSION:
            raise self._doubt(f"version {VERSION}, found version {kept.version}")
        return kept.symbols

    def write(self, symbols: Sequence[str]) -> None:
        """Keep these (rule 1). Raises StoreError when that is not possible."""
        draft = self.path.with_suffix(f".{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._doubtful:  # rule 2
                self.path.replace(self.path.with_suffix(".json.old"))
                self._doubtful = False
            with draft.open("wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(_Kept(VERSION, tuple(symbols)))) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise StoreError(
                f"the watchlist could not be kept at {self.path}: {error.strerror}",
                hint="it lasts as long as this desk; make room, or set BETHNA_DATA_DIR to a folder of yours",
            ) from error

    def _doubt(self, said: str) -> StoreError:
        self._doubtful = self.path.exists()
        return StoreError(
            f"{self.path}: expected {said}",
            hint="the symbols of the settings are followed instead; the file is kept as it is until the list changes",
        )
