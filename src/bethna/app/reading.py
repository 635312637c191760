"""The settings of a program: the file, then the variables, then what it says itself; as the command line reads them.

It opens nothing but the settings file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog
from msgspec.structs import replace

from bethna.config import DEFAULT_ORIGIN, Settings, load
from bethna.config.values import Given, read
from bethna.core.errors import ConfigError
from bethna.runtime.log_lines import to_stderr
from bethna.venues.registry import INDEX, VENUES, check_choices


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """File and variables. Raises ConfigError for an unknown name or a value that does not fit."""
    found = os.environ if environment is None else environment
    path = _settings_file(found.get("BETHNA_CONFIG"))
    settings = load(
        "" if path is None else _text(path),
        found,
        file_name="bethna.toml" if path is None else str(path),
        venues=tuple(VENUES),
        hosted=(INDEX,),
    )
    check_choices(settings.trade_stream, settings.wire)  # now, before anything is opened
    return settings


def with_arguments(settings: Settings, symbols: Sequence[str], source: str | None) -> Settings:
    """The settings with what a call says on top. Raises ConfigError for a value that does not fit."""
    given = {"symbols": tuple(symbols) or None, "source": source}
    values = {
        name: read(name, Given(value, f"argument {name}", text=False))
        for name, value in given.items()
        if value is not None
    }
    origins = {**settings.origins, **{name: f"argument {name}" for name in values}}
    return replace(settings, **values, origins=origins)


def log_quietly(settings: Settings) -> None:
    """Log lines go to stderr, warnings alone unless the settings say otherwise; a program that has set its own log up
    keeps it. Without this they would go to stdout, among the program's own words.
    """
    if structlog.is_configured():
        return
    named = settings.log_level if settings.origin("log_level") != DEFAULT_ORIGIN else "warning"
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[named.upper()]),
        logger_factory=to_stderr,
    )


def _settings_file(named: str | None) -> Path | None:
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise ConfigError(
                "config",
                f"variable BETHNA_CONFIG: expected a settings file, found none at {path}",
                origin="variable BETHNA_CONFIG",
            )
        return path
    from platformdirs import user_config_path

    usual = user_config_path("bethna", appauthor=False) / "bethna.toml"
    return usual if usual.is_file() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "config", f"{path}: expected a readable text file, found: {error}", origin=str(path)
        ) from error
