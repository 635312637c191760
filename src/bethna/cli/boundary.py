"""Where every error of the command line ends: as plain text or JSON, and as an exit code; it repairs nothing."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from bethna.core.errors import (
    AddressUnusable,
    AlertChanged,
    BethnaError,
    CannotFollow,
    ConfigError,
    DeskRefused,
    DeskUnreachable,
    FeatureOff,
    LimitReached,
    NoDataYet,
    NoHistory,
    StoreError,
    TapeError,
    UnknownAlert,
    UnknownChannel,
    UnknownInstrument,
    VenueError,
    WireError,
)

DONE, CHECK_FAILED, USAGE, UNAVAILABLE, DAMAGED, INTERRUPTED = 0, 1, 2, 3, 4, 130


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line. The exit code is returned: the entry point hands it to sys.exit."""
    _hold_standard_streams()
    try:
        code = _run(list(sys.argv[1:] if args is None else args))
        if sys.stdout is not None:  # None: it was closed before we began
            sys.stdout.flush()
    except BrokenPipeError:
        stop_writing()
        return DONE
    except OSError as error:
        if not _is_full(error):
            raise
        stop_writing()
        reason = os.strerror(error.errno or 0)
        full = StoreError(f"cannot write to stdout: {reason}", hint="make room, or write elsewhere")
        return _say(full, as_json=False)  # JSON would go to where nothing can be written
    return code


def _hold_standard_streams() -> None:
    """Whoever closed stdin, stdout or stderr before us left their numbers free: no socket may get one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if (
        sys.stderr is None
    ):  # what is said there is for whoever listens; stdout, where the answer goes, is needed
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process


def _run(words: Sequence[str]) -> int:
    from bethna.cli.group import bethna

    as_json = "--json" in words
    try:
        result = bethna.main(words, prog_name="bethna", standalone_mode=False)
    except BethnaError as error:
        return _say(error, as_json)
    except BaseExceptionGroup as group:
        found = first_of(group)
        if found is None:
            raise
        if isinstance(found, OSError):
            raise found from None
        return INTERRUPTED if isinstance(found, KeyboardInterrupt) else _say(found, as_json)
    except click.ClickException as error:
        return _say_usage(error, as_json)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return result if isinstance(result, int) else DONE


def _is_full(error: OSError) -> bool:
    """Whether it is about what we write to: a stream of ours has no file name, other files' errors are their rooms'."""
    return error.filename is None and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EIO,
        errno.EPIPE,
    )


def exit_code(error: BethnaError) -> int:
    """Which of the exit codes an error means."""
    match error:
        case ConfigError() | UnknownInstrument() | CannotFollow() | FeatureOff():
            return USAGE
        case UnknownAlert() | UnknownChannel() | AlertChanged() | LimitReached():
            return USAGE
        case DeskRefused(code="token_required" | "token_wrong" | "unknown_instrument" | "cannot_follow"):
            return USAGE
        case AddressUnusable():
            return UNAVAILABLE if error.errno == errno.EADDRINUSE else USAGE
        case TapeError():
            return DAMAGED if error.line else USAGE  # line 0: there is no such tape
        case WireError():
            return DAMAGED
        case StoreError() | VenueError() | DeskUnreachable() | DeskRefused() | NoDataYet() | NoHistory():
            return UNAVAILABLE
        case _:
            return CHECK_FAILED


def first_of(group: BaseExceptionGroup[BaseException]) -> BethnaError | KeyboardInterrupt | OSError | None:
    """The first error in a group that a person can be told; None when a bug is among them."""
    found: BethnaError | KeyboardInterrupt | OSError | None = None
    for error in group.exceptions:
        inner = first_of(error) if isinstance(error, BaseExceptionGroup) else error
        if not isinstance(inner, BethnaError | KeyboardInterrupt | OSError):
            return None
        if isinstance(inner, OSError) and not _is_full(inner):
            return None
        found = found or inner
    return found


def _say(error: BethnaError, as_json: bool) -> int:
    _tell(error.code, error.message, error.hint, as_json)
    return exit_code(error)


def _say_usage(error: click.ClickException, as_json: bool) -> int:
    if as_json:
        _tell("usage", error.format_message(), "bethna --help lists what there is", as_json)
    else:
        error.show(sys.stderr)
    return USAGE


def _tell(code: str, message: str, hint: str, as_json: bool) -> None:
    if as_json:
        body = {"error": {"code": code, "message": message, "hint": hint}}
        click.echo(msgspec.json.encode(body).decode())
    else:
        click.echo(f"bethna: {message}" + (f"\n  {hint}" if hint else ""), err=True)


def stop_writing() -> None:
    """Nothing can be written any more: point stdout at nothing, so that Python's last flush does not complain."""
    if sys.stdout is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
