"""Spans of time as people write them: `30d`, a date, an instant with its zone; it asks no clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

from bethna.core.clock import NS_PER_S

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


class Instant(click.ParamType[int]):
    """`2026-11-01` or `2026-11-01T12:00+02:00`, in ns UTC; without a zone it is UTC."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        text = str(value).strip()
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"expected a date or an instant such as 2026-11-01 or 2026-11-01T12:00+02:00, found {text[:40]!r}",
                param,
                ctx,
            )
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return round(found.timestamp()) * NS_PER_S


class Length(click.ParamType[int]):
    """`30d`, `12h`, `4w`, in ns."""

    name = "length"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds."""
        found = re.fullmatch(r"(\d{1,6})([smhdw])", str(value).strip(), re.ASCII)
        if found is None or not int(found[1]):
            self.fail(f"expected a length such as 90m, 12h, 30d or 4w, found {str(value)[:40]!r}", param, ctx)
        return int(found[1]) * _UNITS[found[2]] * NS_PER_S
