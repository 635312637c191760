"""Opens a database of the desk, brings its tables up to date, and says in words what is wrong with it; it reads none.

Rules
  1. A damaged database is set aside under a name that says so, beside the new one; nothing is overwritten.
  2. One that another program holds is left alone: that is said, and tried again later.
  3. One that a newer version of this program made is left alone, too.
  4. What was committed is on the disk: write-ahead log, flushed at each commit.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec import Struct
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from bethna.core.errors import StoreError

BUSY_S = 5.0
_BUSY, _LOCKED, _CORRUPT, _FULL, _NOT_ONE = 5, 6, 11, 13, 26
_DAMAGED = (_CORRUPT, _NOT_ONE)


class DatabaseDamaged(Exception):
    """What is in the file is no database of ours any more."""


class Purpose(Struct, frozen=True):
    """What a database is for.

    Attributes:
        package: whose `migrations` make its tables. name: `the store of candles`. verb: what cannot be done without it.
        meanwhile: what the desk does until it can be used.
    """

    package: str
    name: str
    verb: str
    meanwhile: str


def connect(path: Path, purpose: Purpose) -> Connection:
    """A connection to the database, its tables up to date.

    Raises:
        DatabaseDamaged: rule 1 is due. StoreError: it is held by others, newer than we are, or cannot be opened.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_S}, poolclass=NullPool)
    event.listen(engine, "connect", _settle)
    connection: Connection | None = None
    try:
        connection = engine.connect()
        _check(connection)
        _bring_up_to_date(connection, path, purpose)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, DBAPIError):
            raise explained(error, path, purpose) from error
        raise
    return connection


def explained(error: DBAPIError, path: Path, purpose: Purpose) -> Exception:
    """What to raise for it: in words, with what to do next."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    what = str(error.orig)
    if code in _DAMAGED:
        return DatabaseDamaged(what)
    if code in (_BUSY, _LOCKED):
        return StoreError(
            f"expected {purpose.name}, found it locked by another program: {path}",
            hint=f"close what has that file open; {purpose.meanwhile} until then",
        )
    if code == _FULL:
        return StoreError(
            f"expected to {purpose.verb}, found the disk full: {path}",
            hint=f"make room; {purpose.meanwhile} until then",
        )
    hint = "make room, or look whether the folder can be written"
    return StoreError(f"expected to use {purpose.name} at {path}, found: {what}", hint=hint)


def set_aside(path: Path) -> Path:
    """Give a damaged file a name that says so, and what belongs to it, too; the new name. Raises OSError."""
    number = next(n for n in range(1, 10_000) if not path.with_name(f"{path.name}.damaged-{n}").exists())
    aside = path.with_name(f"{path.name}.damaged-{number}")
    path.rename(aside)
    for ending in ("-wal", "-shm"):
        beside = path.with_name(path.name + ending)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + ending))
    return aside


def _settle(raw: SqliteConnection, _record: Any) -> None:
    """Rule 4."""
    cursor = raw.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _check(connection: Connection) -> None:
    """Raises DatabaseDamaged (rule 1)."""
    found = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    connection.rollback()
    if found != "ok":
        raise DatabaseDamaged(str(found))


def _bring_up_to_date(connection: Connection, path: Path, purpose: Purpose) -> None:
    with as_file(files(purpose.package) / "migrations") as steps:
        config = Config()
        config.set_main_option("script_location", str(steps).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        heads = MigrationContext.configure(connection).get_current_heads()
        connection.rollback()
        known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
        if not known.issuperset(heads):
            raise StoreError(  # rule 3
                f"expected {purpose.name} as this version knows it, found one of a newer version: {path}",
                hint="update bethna, or set BETHNA_DATA_DIR to another folder",
            )
        command.upgrade(config, "head")
        connection.commit()
