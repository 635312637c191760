"""How a desk is, as lines for people, from what it said of itself; it asks nothing and judges nothing."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from bethna.api.listings import ConnectionRow
from bethna.api.protocol import CoverageCard, HealthAnswer, InstrumentCard, InstrumentRow, VenueCard
from bethna.cli.cells import SIMULATED, clock_time, lasted, source_words
from bethna.cli.grid import MISSING, Column, Grid, plain
from bethna.core.clock import NS_PER_MS, NS_PER_US, until_utc
from bethna.core.coverage import Provenance, State


class Standing(Struct, frozen=True):
    """A running desk and what it says.

    Attributes:
        pid, started: of the desk's process, us UTC; None for one of another machine.
        instruments: what is followed; how quantities are counted is known of these.
    """

    url: str
    health: HealthAnswer
    connections: Sequence[ConnectionRow] = ()
    pid: int | None = None
    started: int | None = None
    instruments: Sequence[InstrumentRow] = ()


def lines_of(standing: Standing) -> list[str]:
    """All of it."""
    health = standing.health
    lines = [f"BethNa {plain(health.version)} at {plain(standing.url)}: {health.status}"]
    lines += [f"  source   {plain(_source(health))}", f"  time     {clock_time(health.now * NS_PER_US)} UTC"]
    if standing.started is not None:
        up = lasted((health.now - standing.started) * NS_PER_US) if health.source != "tape" else ""
        began = f"since {clock_time(standing.started * NS_PER_US)} UTC"
        lines.append(f"  running  {f'{up}, ' if up else ''}{began}, process {standing.pid}")
    lines += ["", *_venues(health)]
    if standing.connections:
        lines += ["", *_connections(standing.connections)]
    lines += ["", *_instruments(standing)]
    if health.notices:
        lines += ["", "Notices", *(f"  {plain(notice)}" for notice in health.notices)]
    return lines


def _source(health: HealthAnswer) -> str:
    simulation, tape = health.simulation, health.tape
    words = source_words(
        health.source, None if simulation is None else simulation.seed, simulated=simulation is not None
    )
    if simulation is not None:
        words += f" ({simulation.reason})"
        words += "; the live market can be reached by now" if simulation.live_reachable else ""
    if tape is not None:
        words += f" {tape.name}" + (", at its end" if tape.ended else "")
        words += f", damaged: {tape.damage}" if tape.damage else ""
    return words


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    grid = Grid(columns)
    for row in rows:
        grid.measure(row)
    return [grid.head(), *(grid.line(row) for row in rows)]


def _venues(health: HealthAnswer) -> list[str]:
    columns = [Column("VENUE", side="left"), Column("STATE", side="left")]
    columns += [Column(title) for title in ("SOCKETS", "RECONNECTS", "MESSAGES", "BAD", "QUOTA")]
    columns += [Column("OF PROCESSES", side="left"), Column("CLOCK")]
    columns.append(Column("MESSAGE", side="left"))
    rows = []
    for name, venue in health.venues.items():
        offset = MISSING if venue.clock_offset_ms is None else f"{venue.clock_offset_ms / 1000:+.3f} s"
        counts = (venue.connections, venue.reconnects, venue.messages, venue.wire_errors)
        numbers = [str(each) for each in counts]
        numbers += [_quota(venue, health.now), _sharing(venue)]
        rows.append([plain(name), venue.status, *numbers, offset, plain(venue.message)])
    return _table(columns, rows)


def _quota(venue: VenueCard, now_us: int) -> str:
    """What is used of it, `250/6000`, or until when the venue answers nothing at all."""
    if (until := venue.banned_until) is not None:
        return f"banned until {until_utc(until * NS_PER_US, (until - now_us) * NS_PER_US)}"
    limit = MISSING if venue.quota_limit is None else str(venue.quota_limit)
    return f"{venue.quota_used}/{limit}"


def _sharing(venue: VenueCard) -> str:
    """How many processes of ours share the quota and what each side used of it: `3: own 250, others 100, foreign 6`."""
    others = max(0, venue.quota_used - venue.quota_own - venue.quota_foreign)
    shares = [("own", venue.quota_own), ("others", others), ("foreign", venue.quota_foreign)]
    told = [f"{name} {weight}" for name, weight in shares if weight or name == "own"]
    return f"{venue.quota_processes}: {', '.join(told)}"


def _connections(connections: Sequence[ConnectionRow]) -> list[str]:
    columns = [Column("SOCKET", side="left"), Column("HOST", side="left"), Column("STATE", side="left")]
    columns += [Column(title) for title in ("STREAMS", "LAG", "SILENT")]
    rows = []
    for each in connections:
        lag = MISSING if each.lag_ms is None else f"{each.lag_ms:.0f} ms"
        silent = MISSING if each.age_ms is None else lasted(each.age_ms * NS_PER_MS)
        name = f"{each.venue} {each.number}"
        rows.append([plain(name), plain(each.host), each.status, str(each.streams), lag, silent])
    return _table(columns, rows)


def _instruments(standing: Standing) -> list[str]:
    columns = [
        Column("INSTRUMENT", side="left"),
        Column("KIND", side="left"),
        Column("COUNTED IN", side="left"),
    ]
    columns += [Column("STATE", side="left"), Column("BOOK", side="left")]
    columns += [Column(title) for title in ("TRADES", "GAPS", "HEALED", "BOOK GAPS", "AGE")]
    columns += [Column(title, side="left") for title in ("COVERAGE", "BOOK AGREED", "MESSAGE")]
    rows = {row.instrument: row for row in standing.instruments}
    health = standing.health
    told = [_instrument(name, card, rows.get(name), health.now) for name, card in health.instruments.items()]
    return _table(columns, told)


def _instrument(name: str, card: InstrumentCard, row: InstrumentRow | None, now_us: int) -> list[str]:
    kind, unit = (MISSING, None) if row is None else (row.kind, row.quantity_unit)
    counts = (card.trades, card.trade_gaps, card.heals, card.book_gaps)
    silent = MISSING if card.age_ms is None else lasted(card.age_ms * NS_PER_MS)
    numbers = [str(each) for each in counts]
    return [
        plain(name),
        kind,
        MISSING if unit is None else plain(unit),
        card.status,
        card.book,
        *numbers,
        silent,
        _complete(card.coverage),
        _compared(card, now_us),
        plain(card.message),
    ]


def _compared(card: InstrumentCard, now_us: int) -> str:
    """When a snapshot of the venue last agreed with a book that no stream proves: `200 levels, 12.3 s ago`."""
    if card.book_compared is None:
        return MISSING
    ago = lasted((now_us - card.book_compared) * NS_PER_US)
    return f"{card.book_compared_levels} levels, {ago} ago"


def _complete(card: CoverageCard) -> str:
    """As `cells.completeness` has it of a certificate."""
    words = str(card.state)
    open_gaps = sum(not gap.healed for gap in card.gaps)
    if card.state is State.INCOMPLETE and open_gaps:
        words += f": {open_gaps} gap" + ("s" if open_gaps > 1 else "")
    return f"{words}, {SIMULATED}" if card.provenance is Provenance.SYNTHETIC else words
