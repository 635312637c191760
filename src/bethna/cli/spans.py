"""Spans of time as options: `30d`, a date, an instant with its zone or without; it asks no clock."""

from __future__ import annotations

from datetime import datetime

import click

from bethna.client.spans import length_ns, written_instant


class Instant(click.ParamType[datetime]):
    """`2026-11-01` or `2026-11-01T12:00+02:00`; where it says no zone, `--zone` says it (`cli/zones`)."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """As it is written."""
        if isinstance(value, datetime):
            return value
        try:
            return written_instant(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Length(click.ParamType[int]):
    """`30d`, `12h`, `4w`, in ns."""

    name = "length"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds."""
        try:
            return length_ns(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
