"""Time zones at the edge: how an instant without an offset is read, and how one is shown; inside there is UTC alone.

Rules
  1. A zone is `UTC`, `local` (the machine's), an offset such as `+02:00`, or a name such as `Europe/Berlin`.
  2. An instant that a zone's clocks skip, or show twice, is none: it is said which offsets tell it apart.
  3. What is shown has its offset beside it, but in UTC, which the column's title says.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from difflib import get_close_matches

import click
from click.shell_completion import CompletionItem
from msgspec import Struct

from bethna.client.spans import datetime_ns
from bethna.core.clock import NS_PER_MS, NS_PER_S

_OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):?([0-5]\d)", re.ASCII)
_MOST_NEAR = 3


class Zone(Struct, frozen=True):
    """How a person's clock goes. `tz` None is the machine's own."""

    name: str
    tz: tzinfo | None

    def clock(self, ts: int) -> str:
        """An instant (ns UTC) to the millisecond (rule 3)."""
        moment = datetime.fromtimestamp(ts // NS_PER_S, UTC).astimezone(self.tz)
        said = f"{moment:%Y-%m-%d %H:%M:%S}.{ts % NS_PER_S // NS_PER_MS:03d}"
        return said if self.tz is UTC else f"{said} {_offset(moment)}"

    def said(self, ts: int) -> str:
        """The same in a sentence, where no title says UTC."""
        return f"{self.clock(ts)} UTC" if self.tz is UTC else self.clock(ts)

    def read(self, when: datetime) -> int:
        """ns UTC; what has an offset keeps it. Raises ValueError (rule 2)."""
        if when.tzinfo is not None:
            return datetime_ns(when)
        try:
            found = {each for fold in (0, 1) if (each := self._as(when, fold)) is not None}
        except (OverflowError, OSError, ValueError):  # the first and last day of the calendar
            found = {when.replace(tzinfo=UTC)}
        if not found:
            raise ValueError(
                f"expected a time that {self.name} has, found {when}: its clocks are set forward over it"
            )
        if len(found) > 1:
            both = " and ".join(
                f"{when.isoformat()}{_offset(each.astimezone(self.tz))}" for each in sorted(found)
            )
            raise ValueError(f"{when} is twice in {self.name}: expected one of {both}")
        return datetime_ns(found.pop())

    def _as(self, when: datetime, fold: int) -> datetime | None:
        """In UTC; None where it is not the same when it comes back."""
        here = when.replace(fold=fold) if self.tz is None else when.replace(tzinfo=self.tz, fold=fold)
        moment = here.astimezone(UTC)
        return moment if moment.astimezone(self.tz).replace(tzinfo=None) == when else None


UTC_ZONE = Zone("UTC", UTC)


def zone_of(text: str) -> Zone:
    """Rule 1. Raises ValueError for what is none, with the nearest names."""
    from zoneinfo import ZoneInfo

    said = text.strip()
    if said.upper() in ("UTC", "Z"):
        return UTC_ZONE
    if said.lower() == "local":
        return Zone("local", None)
    if found := _OFFSET.fullmatch(said):
        length = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return Zone(said, timezone(-length if found[1] == "-" else length))
    try:
        return Zone(said, ZoneInfo(said))
    except (OSError, ValueError, LookupError):
        return _known(said)


def _known(said: str) -> Zone:
    """One that is spelled otherwise, or why there is none."""
    from zoneinfo import ZoneInfo

    names = _names()
    if not names:
        raise ValueError(
            f"this machine has no list of time zones, so none is known as {said[:40]!r}: expected UTC, local or an"
            " offset such as +02:00; `pip install tzdata` brings the list"
        )
    spelled = said.lower().replace(" ", "_")
    full = {name.lower(): name for name in sorted(names)}
    if spelled in full:
        return Zone(full[spelled], ZoneInfo(full[spelled]))
    towns = {name.rpartition("/")[2].lower(): name for name in sorted(names) if "/" in name}
    near = [towns[spelled]] if spelled in towns else []
    near += [full[each] for each in get_close_matches(spelled, full, n=_MOST_NEAR, cutoff=0.7)]
    near += [towns[each] for each in get_close_matches(spelled, towns, n=_MOST_NEAR, cutoff=0.7)]
    nearest = ", ".join(list(dict.fromkeys(near))[:_MOST_NEAR])
    raise ValueError(
        f"expected a time zone such as Europe/Berlin, UTC, local or +02:00, found {said[:40]!r}"
        + (f"; nearest: {nearest}" if nearest else "")
    )


def _names() -> set[str]:
    """All that this machine knows; none on one without any."""
    from zoneinfo import available_timezones

    return available_timezones()


def _offset(moment: datetime) -> str:
    return moment.isoformat()[len(moment.replace(tzinfo=None).isoformat()) :]


class ZoneName(click.ParamType[Zone]):
    """The name of a zone on the command line."""

    name = "zone"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Zone:
        """The zone."""
        if isinstance(value, Zone):
            return value
        try:
            return zone_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that begin so."""
        del ctx, param
        found = sorted(
            each for each in ("UTC", "local", *_names()) if each.lower().startswith(incomplete.lower())
        )
        return [CompletionItem(each) for each in dict.fromkeys(found)]
