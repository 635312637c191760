"""What the command line reads of its surroundings: the settings file, the variables, the log; nothing of the market."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bethna.core.errors import ConfigError

if TYPE_CHECKING:
    from bethna.config import Settings


def read_settings(**options: object) -> Settings:
    """The settings of this run; `options` by setting name, None where not given. Raises ConfigError."""
    from bethna.config import load
    from bethna.venues.registry import INDEX, VENUES, check_choices

    path = settings_file()
    settings = load(
        "" if path is None else _read(path),
        os.environ,
        options,
        file_name="bethna.toml" if path is None else str(path),
        venues=tuple(VENUES),
        hosted=(INDEX,),
    )
    try:
        check_choices(settings.trade_stream, settings.wire)
    except ConfigError as error:  # now, before anything is opened
        origin = settings.origin(error.key)
        raise ConfigError(error.key, f"{error.message} ({origin})", origin=origin, hint=error.hint) from error
    return settings


def settings_file() -> Path | None:
    """The file that settings are read from; None when there is none. One that was named must be there."""
    context = click.get_current_context(silent=True)
    option = context.find_root().obj if context is not None else None
    named = option or os.environ.get("BETHNA_CONFIG")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            origin = "option --config" if option else "variable BETHNA_CONFIG"
            raise ConfigError(
                "config", f"{origin}: expected a settings file, found none at {path}", origin=origin
            )
        return path
    usual = usual_settings_file()
    return usual if usual.is_file() else None


def usual_settings_file() -> Path:
    """Where the settings file is looked for when none is named."""
    from platformdirs import user_config_path

    return user_config_path("bethna", appauthor=False) / "bethna.toml"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "config", f"{path}: expected a readable text file, found: {error}", origin=str(path)
        ) from error


_OUR_END = "timeout graceful shutdown exceeded"


class _Libraries(logging.Handler):
    """What libraries say (`Invalid HTTP request received.`), one line each in the form of our own."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass it on without its stack trace: the last line of one says what it was."""
        import structlog

        lines = [line.strip() for line in record.getMessage().splitlines() if line.strip()]
        said = {"library": record.name, "said": (lines or [""])[-1]}
        if record.exc_info and record.exc_info[1] is not None:
            said["error"] = " ".join(repr(record.exc_info[1]).split())[:200]
        ours = any(
            _OUR_END in str(words) for words in said.values()
        )  # whom we cut off when we end is no error
        structlog.get_logger().log(logging.INFO if ours else record.levelno, "library_spoke", **said)


def log_to_stderr(settings: Settings, *, quiet: bool = False) -> None:
    """Structured log lines to stderr: for a person on a terminal, else JSON; `quiet`: what a person should look at,
    unless the settings say a level.
    """
    import structlog

    from bethna.config import DEFAULT_ORIGIN
    from bethna.runtime.log_lines import to_stderr

    text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    unasked = quiet and settings.origin("log_level") == DEFAULT_ORIGIN
    level = logging.getLevelNamesMapping()["WARNING" if unasked else settings.log_level.upper()]
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[_Libraries()], force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *(() if text else (structlog.processors.format_exc_info,)),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
            if text
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=to_stderr,
        cache_logger_on_first_use=True,
    )
