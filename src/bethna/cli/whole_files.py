"""Files that are there whole or not at all; it writes nothing itself.

Rules
  1. A file is written beside its name, under one that nobody else has, and takes its name when it is whole.
  2. What is there by then, also since a moment ago, is replaced only if that was asked.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bethna.core.errors import StoreError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def whole_file(output: Path, *, force: bool) -> Iterator[Path]:
    """An empty file to be written, which is `output` when the block ends well and gone when it does not.

    Raises:
        StoreError: `output` is there already, or cannot be written.
    """
    check_free(output, force=force)
    unfinished: Path | None = None
    try:
        number, name = tempfile.mkstemp(".part", f".{output.name}.", output.parent)
        os.close(number)
        unfinished = Path(name)
        yield unfinished
        _name(unfinished, output, force=force)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        hint = (
            "make room, or write elsewhere" if error.errno in _FULL else "write elsewhere, or mend that place"
        )
        raise StoreError(f"cannot write {output}: {reason}", hint=hint) from error
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)


def check_free(output: Path, *, force: bool) -> None:
    """Raises StoreError where `output` is there, and is not to be replaced."""
    if output.exists() and not force:
        raise StoreError(f"{output} is there already", hint="name another file, or replace it with --force")


def _name(unfinished: Path, output: Path, *, force: bool) -> None:
    """Rule 2."""
    unfinished.chmod(0o666 & ~_umask())
    if force:
        unfinished.replace(output)
        return
    try:
        output.hardlink_to(unfinished)
    except OSError:  # it is there, or the file system has no links
        check_free(output, force=False)
        unfinished.replace(output)


def _umask() -> int:
    """What new files may not be; asking changes it for a moment."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
