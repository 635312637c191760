"""The data folder: a subfolder a source, one writer each, and a note where its desk listens; it stores nothing else.

1. A writer holds an operating-system lock on `writer.lock` for its life; a second one is refused and told how to
   attach. The lock dies with its process, however that ends: what a dead one left behind is taken over.
2. `running.json` says where the desk listens. It counts only while the lock is held.
3. State per source: live, each tape by its content and each simulation by its seed, so nothing replayed or simulated
   reaches what is live.
4. The token that a desk demands is noted only where nobody else can read it: file and folder are the owner's alone.
5. A simulation's folder in which nothing was kept goes with its writer: seeds are fresh, their folders would pile up.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from bethna.core.clock import NS_PER_US
from bethna.core.errors import StoreError
from bethna.store.tapes import find_tape

LOCK_FILE = "writer.lock"
RUNNING_FILE = "running.json"
CANDLES, ALERTS = "candles", "alerts"
"""Where a source's candles, and its alerts, are kept, below its folder; those of hosts that are not the venue's own lie
beside them."""
_TAPE_PREFIX, _TWIN_PREFIX = "tape:", "twin:"
_RECORD_BYTES = 1024  # the lock's record is written whole, at a fixed size, so that nobody reads half of one
_FINGERPRINT_BYTES = 1 << 20
_LOOKS, _LOOK_S = 3, 0.02


class Running(Struct, frozen=True, gc=False):
    """Who uses a source's folder.

    Attributes:
        url: where it listens, None before it does. started: us UTC.
        token: what it demands; None where it demands none, or where it could not be noted (rule 4).
    """

    pid: int
    source: str
    started: int
    url: str | None = None
    token: str | None = None

    def __repr__(self) -> str:
        """Without the token."""
        return f"Running(pid={self.pid}, source={self.source!r}, started={self.started}, url={self.url!r})"


def data_root(data_dir: str = "") -> Path:
    """The folder of the setting, or the platform's user-data folder."""
    if data_dir:
        return Path(data_dir).expanduser()
    from platformdirs import user_data_path

    return user_data_path("bethna", appauthor=False)


def source_folder(source: str) -> str:
    """The subfolder's name for a source: `live`, `twin-7` of `twin:7`, `tape-NAME-1a2b3c4d`. Raises TapeError."""
    if source.startswith(_TWIN_PREFIX):
        return f"twin-{int(source.removeprefix(_TWIN_PREFIX))}"
    if not source.startswith(_TAPE_PREFIX):
        return source
    name, files, _ = find_tape(Path(source.removeprefix(_TAPE_PREFIX)))
    found = hashlib.blake2b(digest_size=4)
    found.update(str(sum(path.stat().st_size for path in files)).encode())
    with files[0].open("rb") as file:
        found.update(file.read(_FINGERPRINT_BYTES))
    return f"tape-{re.sub(r'[^A-Za-z0-9._-]', '_', name)[:80]}-{found.hexdigest()}"


class DataFolder:
    """One source's folder, held by this process while open.

    Args:
        now: ns UTC, for the note when the desk began.
    """

    def __init__(self, root: Path, source: str, now: int) -> None:
        self.path = root / source_folder(source)
        self._holder = Running(os.getpid(), source, now // NS_PER_US)
        self._lock: int | None = None

    def open(self) -> None:
        """Make the folder and take its lock. Raises StoreError when another writer has it, or it cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                taken = take_patiently(lock)
                if taken:
                    (self.path / RUNNING_FILE).unlink(missing_ok=True)  # of a writer that died
            except OSError:
                os.close(lock)
                raise
        except OSError as error:
            raise StoreError(
                f"expected a data folder that can be written and locked, found at {self.path}: {error.strerror}",
                hint="set BETHNA_DATA_DIR to a folder of yours on a local disk, or make room",
            ) from error
        if not taken:
            os.close(lock)
            raise _in_use(self.path, _read(self.path / LOCK_FILE))
        self._lock = lock
        self._note(self._holder)
        if self._holder.source.startswith(_TWIN_PREFIX):
            _clear_after_the_killed(self.path)

    def announce(self, url: str, token: str = "") -> None:
        """Say where the desk listens, and what it demands (rule 4). Raises StoreError when that cannot be written."""
        if self._lock is None:
            raise StoreError("expected an open data folder, found a closed one")
        self._holder = msgspec.structs.replace(self._holder, url=url)
        self._note(self._holder)
        draft = self.path / f"{RUNNING_FILE}.{os.getpid()}"
        try:
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                told = token if token and _is_private(self.path, draft) else None
                file.write(msgspec.json.encode(msgspec.structs.replace(self._holder, token=told)))
            draft.replace(self.path / RUNNING_FILE)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise StoreError(f"expected to write {RUNNING_FILE}, found: {error.strerror}") from error

    def close(self) -> None:
        """Let the next writer in."""
        if self._lock is None:
            return
        lock, self._lock = self._lock, None
        with suppress(OSError):
            (self.path / RUNNING_FILE).unlink(missing_ok=True)
            os.ftruncate(lock, 0)
        if self._holder.source.startswith(_TWIN_PREFIX):
            _clear_away(self.path)
        os.close(lock)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _note(self, holder: Running) -> None:
        assert self._lock is not None
        with suppress(OSError):  # a full disk: the lock itself holds, only the refusal will say less
            os.lseek(self._lock, 0, os.SEEK_SET)
            os.write(self._lock, msgspec.json.encode(holder).ljust(_RECORD_BYTES))


def _clear_away(path: Path) -> None:
    """Rule 5; while the lock is held. Where the system does not let go of an open file, the folder stays."""
    with suppress(OSError):
        if [found.name for found in path.iterdir()] == [LOCK_FILE]:
            (path / LOCK_FILE).unlink()
            path.rmdir()


def _clear_after_the_killed(own: Path) -> None:
    """Rule 5 for simulations whose writer had no time for it."""
    for path in own.parent.glob(f"{source_folder(f'{_TWIN_PREFIX}0')[:-1]}*"):
        if path == own:
            continue
        with suppress(OSError):
            lock = os.open(path / LOCK_FILE, os.O_RDWR)
            try:
                if _take(lock):
                    (path / RUNNING_FILE).unlink(missing_ok=True)
                    _clear_away(path)
            finally:
                os.close(lock)


def running(folder: Path) -> Running | None:
    """Who uses a source's folder now; None when nobody does."""
    found = _read(folder / RUNNING_FILE) or _read(folder / LOCK_FILE)
    if found is None or not _lives(found.pid) or not _is_held(folder / LOCK_FILE):
        return None
    if found.token is not None and not _is_private(folder, folder / RUNNING_FILE):
        return msgspec.structs.replace(found, token=None)  # others could have put it there
    return found


def running_desks(root: Path) -> tuple[Running, ...]:
    """Every desk that writes below `root` now."""
    if not root.is_dir():
        return ()
    found = (running(path) for path in sorted(root.iterdir()) if path.is_dir())
    return tuple(desk for desk in found if desk is not None)


def _in_use(path: Path, holder: Running | None) -> StoreError:
    if holder is None:
        return StoreError(
            f"expected {path} to be free, found it in use by another process",
            hint="stop that process, or set BETHNA_DATA_DIR to another folder",
        )
    where = f" at {holder.url}" if holder.url else ""
    attach = f"open {holder.url} to use that desk, " if holder.url else ""
    return StoreError(
        f"expected {path} to be free, found it in use by process {holder.pid}{where}",
        hint=f"{attach}stop process {holder.pid}, or set BETHNA_DATA_DIR to another folder",
    )


def _read(path: Path) -> Running | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_RECORD_BYTES), type=Running)
    except (OSError, ValueError):
        return None


def _is_private(folder: Path, file: Path) -> bool:
    """Whether both are ours, and nobody else may read or write them (rule 4). On Windows modes say nothing of that."""
    if sys.platform == "win32":
        return False
    try:
        found = [path.stat(follow_symlinks=False) for path in (folder, file)]
    except OSError:
        return False
    return all(each.st_uid == os.geteuid() and not each.st_mode & 0o077 for each in found)


def _is_held(path: Path) -> bool:
    """Whether a writer has the lock: taken for a moment to see, and let go."""
    try:
        lock = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _take(lock)
    finally:
        os.close(lock)


def take_patiently(lock: int) -> bool:
    """Somebody who only looks whether the lock is held holds it for a moment: try again before giving up."""
    return any(_take(lock) or threading.Event().wait(_LOOK_S) for _ in range(_LOOKS))


if sys.platform == "win32":
    import msvcrt

    # Locks there bar others from the bytes themselves: far behind the record that they want to read.
    _FAR = 1 << 30

    def _lives(pid: int) -> bool:
        return pid > 0  # the lock will tell

    def _take(lock: int) -> bool:
        os.lseek(lock, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lives(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except OSError as error:
            return error.errno == errno.EPERM  # somebody else's
        return True

    def _take(lock: int) -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise
        return True
