"""The file in which all processes of one user keep one address's quota; what stands in it is `logic.quota_ledger`'s.

Rules
  1. It lies in the user's runtime folder: that of the session, else a private one in the temporary folder. Folder and
     file are the owner's alone; a folder or file of somebody else, or a link, is refused.
  2. Whoever reads or writes holds an operating-system lock, for some sixty microseconds; it dies with its process. A
     lock that is held is tried again a few times and then left: the caller comes back, nobody stands still.
  3. The record is one line that says what it is, how long and its checksum, and then the ledger. Another format is
     never written over; a record of ours that is broken is (`mend`), by somebody who has waited a minute.
  4. A file that was removed meanwhile is left for the new one. A process that was forked opens its own.
  5. Files that nobody has touched for KEPT_S are removed. The last one out removes its own where the address is of
     this machine: simulated venues take a new port each time.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import msgspec

from bethna.core.errors import StoreError
from bethna.logic.quota_ledger import Ledger

MAGIC = b"bethna quota 1"
MOST_BYTES = 1 << 20
KEPT_S = 4 * 86_400.0
_TRIES, _TRY_S = 5, 0.0002
_HINT = "the quota is not shared meanwhile; remove it, or set XDG_RUNTIME_DIR to a folder of yours"

T = TypeVar("T")


class QuotaBusy(Exception):
    """Somebody else has the lock: come back in a moment."""


class QuotaBroken(StoreError):
    """A record of ours that was not written whole."""


class QuotaFile:
    """The ledger of one address. It is opened when it is first used.

    Args:
        folder: made when it is missing. address: such as `binance-api.binance.com`, any characters.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.path = folder / (re.sub(r"[^A-Za-z0-9.-]", "_", address)[:120] + ".quota")
        self._file: int | None = None
        self._pid = 0
        self._decoder = msgspec.json.Decoder(Ledger)
        self._encoder = msgspec.json.Encoder()

    def visit(self, begin: Ledger, act: Callable[[Ledger], T], *, mend: bool = False) -> T:
        """What `act` makes of the ledger, which it may change; `begin` is used where there is none.

        Raises:
            QuotaBusy: somebody else has it just now (rule 2).
            StoreError: the file is not ours, or cannot be read or written; QuotaBroken: see rule 3.
        """
        try:
            with self._locked() as file:
                raw = os.read(file, min(MOST_BYTES, max(1, os.fstat(file).st_size)))
                ledger = self._ledger(raw, mend=mend) or begin
                answer = act(ledger)
                body = self._encoder.encode(ledger)
                record = b"%b %d %08x\n%b" % (MAGIC, len(body), crc32(body), body)
                if record != raw[: len(record)]:
                    os.lseek(file, 0, os.SEEK_SET)
                    if os.write(file, record) != len(record):
                        raise StoreError(f"expected room for {self.path}, found none", hint=_HINT)
                return answer
        except OSError as error:
            self.close()
            raise StoreError(
                f"expected to keep the quota in {self.path}, found: {error.strerror}", hint=_HINT
            ) from error

    def close(self, *, remove: bool = False) -> None:
        """Let go of the file; with `remove`, of its name, too."""
        if self._file is None:
            return
        file, self._file = self._file, None
        with suppress(OSError):
            os.close(file)
        if remove:
            with suppress(OSError):
                self.path.unlink()

    def _ledger(self, raw: bytes, *, mend: bool) -> Ledger | None:
        """Rule 3."""
        if not raw:
            return None
        line, _, rest = raw.partition(b"\n")
        if not line.startswith(MAGIC + b" "):
            raise StoreError(f"expected a quota of ours in {self.path}, found something else", hint=_HINT)
        broken = QuotaBroken(f"expected a whole quota in {self.path}, found a broken one", hint=_HINT)
        try:
            length, checksum = line.removeprefix(MAGIC).split()
            body = rest[: int(length)]
            whole = len(body) == int(length) and crc32(body) == int(checksum, 16)
            ledger = self._decoder.decode(body) if whole else None
        except ValueError as error:  # msgspec's are, too
            if mend:
                return None
            raise broken from error
        if ledger is None and not mend:
            raise broken
        return ledger

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = self._opened()
        if not any(_take(file) or threading.Event().wait(_TRY_S) for _ in range(_TRIES)):
            raise QuotaBusy
        try:
            os.lseek(file, 0, os.SEEK_SET)
            yield file
        finally:
            with suppress(OSError):
                _let_go(file)

    def _opened(self) -> int:
        """Rule 4."""
        if self._file is not None:
            if self._pid == os.getpid() and os.fstat(self._file).st_nlink:
                return self._file
            self.close()
        check_private_folder(self.path.parent)
        if self._pid != os.getpid():
            _sweep(self.path.parent)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        file = os.open(self.path, flags, 0o600)
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or not _is_ours(found):
            os.close(file)
            raise StoreError(f"expected a file of yours at {self.path}, found another's", hint=_HINT)
        self._file, self._pid = file, os.getpid()
        return file


def runtime_folder() -> Path:
    """Where this user's processes meet (rule 1); it need not be there yet."""
    if sys.platform == "win32":
        from platformdirs import user_runtime_path

        return user_runtime_path("bethna", appauthor=False)
    user = os.geteuid()
    for place in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{user}"):
        if place.startswith("/"):
            with suppress(OSError):
                found = os.lstat(place)
                if stat.S_ISDIR(found.st_mode) and found.st_uid == user and not found.st_mode & 0o077:
                    return Path(place) / "bethna"
    return Path(tempfile.gettempdir()) / f"bethna-{user}"


def check_private_folder(folder: Path) -> None:
    """Make it, or see that it is ours alone (rule 1). Raises StoreError; OSError when it cannot be made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or not _is_ours(found, mode=0):
        raise StoreError(f"expected a folder of yours at {folder}, found another's, or a link", hint=_HINT)
    if sys.platform != "win32" and found.st_mode & 0o077:
        folder.chmod(0o700)


def process_lives(pid: int) -> bool:
    """Whether a process is there. Where the system does not say without harm, it is taken to be."""
    if sys.platform == "win32" or pid <= 0:
        return pid > 0
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _is_ours(found: os.stat_result, mode: int = 0o077) -> bool:
    return sys.platform == "win32" or (found.st_uid == os.geteuid() and not found.st_mode & mode)


def _sweep(folder: Path) -> None:
    """Rule 5. Who still has one of them open notices by rule 4."""
    with suppress(OSError):
        files = [(path, path.stat().st_mtime) for path in folder.glob("*.quota")]
        newest = max((at for _, at in files), default=0.0)
        for path, at in files:
            if newest - at > KEPT_S:
                path.unlink(missing_ok=True)


if sys.platform == "win32":
    import msvcrt

    # Locks there bar others from the bytes themselves: far behind the record.
    _FAR = 1 << 30

    def _take(file: int) -> bool:
        os.lseek(file, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _let_go(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _let_go(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
