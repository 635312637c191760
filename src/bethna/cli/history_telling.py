"""Asks a desk for the bars of a span, part after part, and writes them as they come.

Rules
  1. A file is there whole or not at all (`whole_files`).
  2. What could not be had is told on stderr, each stretch once, with its source's reason; then how many bars of which
     kind. Where nothing at all is known, that is an error, and no file is left.
  3. On a terminal stderr tells how far it is, on a line of its own.
  4. Indicators go along all parts, and begin as many bars earlier as they need (`logic/indicators/shown`).
"""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bethna.api.bars import bar_row
from bethna.app.past import past_of
from bethna.cli.cells import Digits, completeness, lasted
from bethna.cli.grid import MISSING, Column, Grid, plain
from bethna.cli.history import DEFAULT_LIMIT, MOST_BARS
from bethna.cli.history_indicators import Part, Readings, csv_cells, grid_cells, json_object
from bethna.cli.output import Output
from bethna.cli.whole_files import check_free, whole_file
from bethna.cli.zones import UTC_ZONE, Zone
from bethna.client.spans import Span, first_before, said_instant, span_of
from bethna.core.bars import Bar, BarKind
from bethna.core.clock import iso_utc
from bethna.core.errors import FeatureOff, NoHistory
from bethna.core.instrument import ALIASES, AS_WRITTEN, Instrument, split_id
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.indicators.registry import Indicator, parse_all
from bethna.logic.indicators.shown import MOST_SHOWN, Shown, bars_before, joined
from bethna.logic.openings import Openings, day_start, day_start_text

if TYPE_CHECKING:
    from bethna.app.trading import RealTimeTrading
    from bethna.cli.attach import Choice

PART = 1000
"""Bars of one question: who waits sees that it goes on."""
READY_S = 10.0
COLUMNS = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "trades",
    "kind",
    "source",
    "coverage",
    "provenance",
)
_GRID = (
    Column("OPEN", 10), Column("HIGH", 10), Column("LOW", 10), Column("CLOSE", 10),
    Column("VOLUME", 10), Column("TRADES", 6), Column("KIND", 7, "left"), Column("SOURCE", 8, "left"),
    Column("COVERAGE", 8, "left"),
)  # fmt: skip


class Asked(Struct, frozen=True):
    """What is to be told; instants ns UTC, `start` None where `limit` counts."""

    symbol: str
    interval: Interval
    last_ns: int | None
    start: int | None
    end: int | None
    limit: int | None
    form: str
    output: Path | None
    indicators: tuple[Indicator, ...] = ()
    also: tuple[str, ...] = ()
    day_starts: int = 0
    zone: Zone = UTC_ZONE
    force: bool = False

    @property
    def openings(self) -> Openings:
        """When its bars open."""
        return Openings(self.interval, self.day_starts)


def asked_of(options: dict[str, Any]) -> Asked:
    """The options, as far as they agree. Raises UsageError where they do not, StoreError for a file that is there."""
    last, limit, zone = options["last_ns"], options["limit"], options["zone"] or UTC_ZONE
    start, end = (_instant(zone, options[name]) for name in ("start", "end"))
    form = options["form"] or ("json" if options["as_json"] else _form_of(options["output"]))
    if options["as_json"] and form != "json":
        raise click.UsageError(f"--json and --format {form} contradict each other: give the one")
    if sum(each is not None for each in (last, start, limit)) > 1:
        raise click.UsageError("--last, --from and --limit each say where to begin: give one")
    if start is not None and end is not None and start >= end:
        raise click.UsageError(
            f"--from is {said_instant(start)} and --to {said_instant(end)}: expected a span, found one that ends before"
            " it begins"
        )
    output = None if options["output"] is None else Path(options["output"])
    if form == "parquet" and output is None:
        raise click.UsageError("--format parquet needs --output FILE")
    if output is not None and form == "table" and options["form"] is None:
        raise click.UsageError(
            f"{output} says no format: end it with .csv, .json or .parquet, or give --format"
        )
    if output is not None:
        check_free(output, force=options["force"])
    interval = Interval(options["interval"])
    indicators = tuple(parse_all(options["indicators"], MOST_SHOWN, interval))
    return Asked(
        options["symbol"], interval, last, start, end, limit, form, output, indicators, options["also"],
        day_start(options["day_starts"], interval), zone, options["force"],
    )  # fmt: skip


def _instant(zone: Zone, when: datetime | None) -> int | None:
    try:
        return None if when is None else zone.read(when)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _form_of(output: str | None) -> str:
    """By the name of the file."""
    ending = "" if output is None else Path(output).suffix.lower()
    return {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}.get(ending, "table")


async def tell_history(choice: Choice, asked: Asked) -> None:
    """Find the desk and tell."""
    from bethna.cli.attach import chosen_desk, follow
    from bethna.cli.desk_time import DeskTime

    if asked.form == "parquet":
        _need_polars()
    async with chosen_desk(choice, (asked.symbol,), ("trades", "candles"), keep_candles=True) as desk:
        instrument, described = await follow(desk, asked.symbol, choice.settings)
        known = await past_of(desk, instrument, READY_S)
        if known is not None and not known.tradable:
            click.echo(plain(f"{instrument} is listed, but is not traded now"), err=True)
        if words := _renamed(asked, instrument):
            click.echo(plain(words), err=True)
        clock = DeskTime(desk)
        span = _span(asked, clock.now_ns())
        readings = Readings(asked.indicators)
        parts = _parts(desk, instrument, asked, (span.start, span.end or clock.now_ns() + 1), readings)
        told = Told(sys.stderr.isatty(), span.count, asked)
        if asked.output is None:
            await _to_terminal(parts, asked, told, described, readings)
        else:
            await _to_file(parts, asked, told, asked.output, readings)
        told.summary(clock.now_ns())
        told.check(asked.symbol)


def _renamed(asked: Asked, instrument: InstrumentId) -> str:
    """Where the rest of its past is, of what was renamed: neither is spliced to the other; empty for what was not."""
    symbol, venue = split_id(instrument)
    base, _, quote = symbol.partition("-")
    if (alias := ALIASES.get(base)) is not None:
        return f"{alias.notice}: {alias.new}-{quote} goes on under its own name"
    for alias in ALIASES.values():
        if alias.new == base and alias.old in asked.symbol.upper():
            before = f"{AS_WRITTEN}{alias.old}-{quote}@{venue}"
            return f"what was traded as {alias.old} has a past of its own: bethna candles {before} {asked.interval}"
    return ""


def _span(asked: Asked, now: int) -> Span:
    """From the first opening to the end, exclusive. Raises ConfigError."""
    said = asked.last_ns, asked.start, asked.limit
    limit = DEFAULT_LIMIT if said == (None, None, None) else asked.limit
    return span_of(
        asked.openings, now, last=asked.last_ns, start=asked.start, end=asked.end, limit=limit, most=MOST_BARS
    )


async def _parts(
    desk: RealTimeTrading, instrument: str, asked: Asked, span: tuple[int, int], readings: Readings
) -> AsyncIterator[Part]:
    """Bars, ascending, part after part (rule 4)."""
    openings, (start, end) = asked.openings, span
    at = first_before(openings, start, bars_before(asked.indicators, asked.interval))
    while at < end:
        until, count = at, 0
        while until < end and count < PART:
            until, count = openings.close_time(until), count + 1
        table = await desk.candles.history(
            instrument, asked.interval, limit=count, end=min(until, end), also=asked.also,
            day_starts=day_start_text(asked.day_starts),
        )  # fmt: skip
        bars = [bar for bar in table if at <= bar.open_time < end]
        part = readings.part(bars, start, table.refusals)
        yield replace(part, built_from=table.built_from, as_of=table.as_of, notes=table.notes)
        at = until


class Told:
    """What was written and what was not (rules 2 and 3)."""

    def __init__(self, terminal: bool, wanted: int, asked: Asked | None = None) -> None:
        self._terminal = terminal
        self._asked = asked
        self._zone = UTC_ZONE if asked is None else asked.zone
        self._built_from: Interval | None = None
        self._as_of: int | None = None
        self._wanted = wanted
        self._kinds: Counter[BarKind] = Counter()
        self._reasons: dict[str, None] = {}
        self._refused: dict[tuple[str, str], tuple[int, int]] = {}
        self._notes: dict[str, None] = {}

    def note(self, part: Part) -> None:
        """One part."""
        bars, refusals = part.bars, part.refusals
        self._built_from = part.built_from or self._built_from
        self._as_of = part.as_of
        self._notes.update(dict.fromkeys(part.notes))
        self._kinds.update(bar.kind for bar in bars)
        unknown = (gap.reason for bar in bars if bar.kind is BarKind.UNKNOWN for gap in bar.coverage.gaps)
        self._reasons.update(dict.fromkeys(unknown))
        for each in refusals:
            before = self._refused.get((each.source, each.reason))
            low, high = before or (each.start, each.end)
            self._refused[each.source, each.reason] = (min(low, each.start), max(high, each.end))
        if self._terminal and self._wanted > PART:
            done = sum(self._kinds.values())
            click.echo(f"\r{done:,} of about {self._wanted:,} bars", nl=False, err=True)

    def check(self, instrument: str) -> None:
        """Raises NoHistory where nothing is known of any bar, with what its sources said (rule 2)."""
        if set(self._kinds) <= {BarKind.UNKNOWN}:
            nobody = [("its venue", ", ".join(self._reasons) or "nothing is known of that time")]
            raise NoHistory(instrument, list(self._refused) or nobody)

    def summary(self, now: int) -> None:
        """How it went; `now` by the desk's clock, ns UTC."""
        if self._terminal and self._wanted > PART:
            click.echo(err=True)
        for (source, reason), (start, end) in self._refused.items():
            said = f"{source}: {reason} ({self._zone.said(start)} to {self._zone.said(end)})"
            click.echo(plain(said), err=True)
        self._made_of()
        for each in self._notes:
            click.echo(plain(each), err=True)
        if self._as_of is not None:
            source, reason = list(self._refused)[-1] if self._refused else ("its venue", "no answer")
            said = f"as of {self._zone.said(self._as_of)}, {lasted(now - self._as_of)} old: nothing newer could be had"
            click.echo(plain(f"{said} ({source}: {reason})"), err=True)
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self._kinds.items()))
        total = sum(self._kinds.values())
        why = f" ({', '.join(self._reasons)})" if self._reasons else ""
        click.echo(f"{total:,} bar{'' if total == 1 else 's'}: {kinds or 'none'}{why}", err=True)

    def _made_of(self) -> None:
        """Of which shorter ones, where the venue does not have them as they are."""
        if self._built_from is None or self._asked is None:
            return
        starts, interval = self._asked.day_starts, self._asked.interval
        said = (
            f"days that begin at {day_start_text(starts)} UTC"
            if starts
            else f"its venue has no bars of {interval}: they"
        )
        click.echo(f"{said} are merged of bars of {self._built_from}", err=True)


async def _to_terminal(
    parts: AsyncIterator[Part],
    asked: Asked,
    told: Told,
    described: Instrument | None,
    readings: Readings,
) -> None:
    out = Output()
    write = _writer(asked.form, described, readings, asked.zone)
    begun = False
    async for part in parts:
        text = write(part, begun)
        begun = begun or bool(part.bars)
        if text:
            await out.write(text)
        told.note(part)
    await out.drained()


async def _to_file(
    parts: AsyncIterator[Part], asked: Asked, told: Told, output: Path, readings: Readings
) -> None:
    """Rule 1."""
    kept: list[Part] = []
    with whole_file(output, force=asked.force) as unfinished:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            write = _writer("csv" if asked.form == "table" else asked.form, None, readings)
            begun = False
            async for part in parts:
                if asked.form == "parquet":
                    kept.append(part)
                else:
                    file.write(write(part, begun))
                begun = begun or bool(part.bars)
                told.note(part)
        if asked.form == "parquet":
            _save_parquet(kept, unfinished)
        told.check(asked.symbol)


def _writer(
    form: str, described: Instrument | None, readings: Readings, zone: Zone = UTC_ZONE
) -> Callable[[Part, bool], str]:
    """What makes text of bars; its second argument is whether there was some before."""
    if form == "json":
        return lambda part, _begun: "".join(f"{_line(part, place)}\n" for place in range(len(part.bars)))
    if form == "csv":
        return lambda part, begun: _csv(part, () if begun else (*COLUMNS, *readings.csv_names))
    return _Table(described, readings, zone)


def _line(part: Part, place: int) -> str:
    bar = part.bars[place]
    symbol, venue = split_id(bar.instrument)
    whose = {
        "type": "bar",
        "instrument": bar.instrument,
        "venue": venue,
        "symbol": symbol,
        "interval": bar.interval,
    }
    said = {"indicators": json_object(part, place)} if part.shown else {}
    return msgspec.json.encode({**whose, **msgspec.to_builtins(bar_row(bar)), **said}).decode()


def _csv(part: Part, head: Sequence[str]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    if head and part.bars:
        rows.writerow(head)
    for place, bar in enumerate(part.bars):
        figures = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades)
        opened = iso_utc(bar.open_time).removesuffix(" UTC").replace(" ", "T") + "Z"
        rows.writerow(
            (
                opened,
                *("" if each is None else each for each in figures),
                bar.kind,
                bar.source,
                bar.coverage.state,
                bar.coverage.provenance,
                *csv_cells(part, place),
            )
        )
    return text.getvalue()


class _Table:
    """Lines under a head."""

    def __init__(self, described: Instrument | None, readings: Readings, zone: Zone) -> None:
        self._zone = zone
        known = described if described is not None and described.verified else None
        self._price = Digits(None if known is None else known.tick_size)
        self._quantity = Digits(None if known is None else known.lot_size)
        opens = Column(f"OPENS ({zone.name})", 23 if zone is UTC_ZONE else 30, "left")
        self._grid = Grid([opens, *_GRID[:-3], *readings.columns, *_GRID[-3:]])

    def __call__(self, part: Part, begun: bool) -> str:
        rows, bars = [], part.bars
        for bar in bars:
            self._price.see((bar.open, bar.high, bar.low, bar.close))
            self._quantity.see((bar.volume,))
        for place, bar in enumerate(bars):
            rows.append(self._cells(bar, grid_cells(part, place, self._price)))
            self._grid.measure(rows[-1])
        head = "" if begun or not bars else f"{self._grid.head()}\n"
        return head + "".join(f"{self._grid.line(row)}\n" for row in rows)

    def _cells(self, bar: Bar, said: list[str]) -> list[str]:
        trades = MISSING if bar.trades is None else str(bar.trades)
        kind = bar.kind.value if bar.closed else f"{bar.kind.value}, open"
        prices = (bar.open, bar.high, bar.low, bar.close)
        return [
            self._zone.clock(bar.open_time), *map(self._price.write, prices),
            self._quantity.write(bar.volume), trades, *said, kind, bar.source or MISSING, completeness(bar.coverage),
        ]  # fmt: skip


def _need_polars() -> None:
    """Said before anything is asked for."""
    if find_spec("polars") is None:
        raise FeatureOff(
            "polars",
            "polars is not installed: it writes Parquet",
            hint="pip install 'bethna[polars]', or --format csv",
        )


def _save_parquet(parts: Sequence[Part], path: Path) -> None:
    from bethna.client.tables import Table
    from bethna.core.coverage import unknown

    bars = [bar for part in parts for bar in part.bars]
    shown: tuple[Shown, ...] = tuple(map(joined, zip(*(part.shown for part in parts), strict=True)))
    whole = io.BytesIO()  # who writes to a full disk by itself has an error of its own for it
    Table(Bar, bars, unknown(), (), shown).to_polars().write_parquet(whole)
    path.write_bytes(whole.getbuffer())
