"""What an audit says of a recording: counts, oracles, gaps and candles as one JSON object; it plays nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from bethna.api.answers import candle_row, coverage_card, gap_row
from bethna.api.protocol import CandleRow, CoverageCard, GapRow
from bethna.core.clock import NS_PER_US, iso_utc
from bethna.core.coverage import Gap, State, weakest
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.core.money import decimals_of, format_fixed
from bethna.core.status import Trust
from bethna.logic.feed import InstrumentFeed
from bethna.services.tapecheck import TapeFault

BookState = Literal["stands", "lost", "never", "absent"]
"""What became of a book: it can be believed at the end, it could once, it never could, nothing of it is on the tape."""

BOOK_WORDS: dict[BookState, str] = {
    "lost": "no book at the end: what was missing in it did not come any more",
    "never": "no book: it never stood, for no snapshot came that its updates join",
    "absent": "no book: nothing of one is on the tape",
}


class SymbolAudit(Struct, frozen=True, gc=False):
    """One instrument's part. Counts are integers, None where the venue offers no such oracle.

    Attributes:
        trade_gaps, book_gaps: gaps of ids in which something did not come by itself.
        duplicates: frames that said again what was said before.
        book: what became of the book. book_updates: applied to it. unapplied: updates with which nothing could be done:
            before a snapshot, of a connection that the book does not stand on, let go.
        checksums_ok, checksums_failed: updates that the venue's checksum confirmed, and books that it contradicted.
        quote_checks_ok, quote_checks_failed: best levels of the rebuilt book against a quote of the same update id.
    """

    trades: int
    trade_gaps: int
    duplicates: int
    book: BookState
    book_updates: int
    unapplied: int
    book_gaps: int
    resyncs: int
    quotes: int
    quote_checks_ok: int | None
    quote_checks_failed: int | None
    checksums_ok: int | None
    checksums_failed: int | None
    best_bid: float | None
    best_ask: float | None
    coverage: CoverageCard
    gaps: list[GapRow] | UnsetType = UNSET
    candles: list[CandleRow] | UnsetType = UNSET


class FaultRow(Struct, frozen=True, gc=False):
    """A fault of the tape; `grave` when it takes something from what the figures may claim."""

    code: str
    line: int
    times: int
    message: str
    grave: bool


class Audit(Struct, frozen=True, gc=False):
    """The whole recording.

    Attributes:
        venue: of several, all of them with a comma between. span_s: last minus first receive time.
        clock_offset_s: the venue's clock minus the host's, None where it is of several.
        faults: what says that the tape is not one recording as it was made.
        damage: why it could not be read to its end.
    """

    venue: str | None
    span_s: float
    frames: int
    unknown_messages: int
    wire_errors: int
    clock_offset_s: float | None
    state_hash: str
    symbols: dict[InstrumentId, SymbolAudit]
    faults: list[FaultRow]
    damage: str | None = None

    @property
    def unread(self) -> bool:
        """Hardly anything of it could be read: it may be whole, of another language."""
        return not self.symbols and self.unknown_messages + self.wire_errors > self.frames // 2

    @property
    def damaged(self) -> bool:
        """It is not, or not wholly, a recording as it was made."""
        return self.damage is not None or self.unread or any(fault.grave for fault in self.faults)

    @property
    def bookless(self) -> bool:
        """Of some instrument there are updates, and none of them ever made a book."""
        return any(symbol.book == "never" for symbol in self.symbols.values())


def fault_rows(faults: Iterable[TapeFault]) -> list[FaultRow]:
    """What is wrong with the tape, for the wire."""
    return [
        FaultRow(each.code, each.line, each.times, each.message, grave=each.most is not None)
        for each in faults
    ]


def audit_symbol(
    feed: InstrumentFeed,
    interval: Interval | None,
    *,
    list_gaps: bool,
    updates: int = 0,
    faults: Sequence[TapeFault] = (),
) -> SymbolAudit:
    """One feed's part of the audit.

    Args:
        updates: how many changes of its book are on the tape.
        faults: of the tape; no figure claims more than they allow.
    """
    most = weakest([State.COMPLETE, *(fault.most for fault in faults if fault.most is not None)])
    became = _book_state(feed, updates)
    trades, book, quotes = feed.sequence.log, feed.booksync.log, feed.quotes
    view = feed.book_view(1)
    numbered = quotes.latest is not None and quotes.latest.update_id is not None
    summed = feed.pushed if feed.pushed is not None and feed.pushed.proven else None
    rows: list[CandleRow] | UnsetType = UNSET
    if interval is not None:
        rows = [_no_more_than(most, candle_row(each)) for each in feed.candles(interval, 1_000_000, None)]
    return SymbolAudit(
        trades=feed.trades,
        trade_gaps=trades.lost,
        duplicates=trades.duplicates + book.duplicates + quotes.duplicates,
        book=became,
        book_updates=feed.booksync.applied,
        unapplied=max(0, updates - feed.booksync.applied - book.duplicates - book.overlaps),
        book_gaps=book.lost,
        resyncs=feed.booksync.resyncs,
        quotes=quotes.quotes,
        quote_checks_ok=quotes.ok if numbered else None,
        quote_checks_failed=quotes.failed if numbered else None,
        checksums_ok=summed.proved if summed is not None else None,
        checksums_failed=summed.doubts if summed is not None else None,
        best_bid=view.bids[0][0] if view.bids else None,
        best_ask=view.asks[0][0] if view.asks else None,
        coverage=_card(feed, most, became),
        gaps=[gap_row(gap) for gap in named_gaps(feed)] if list_gaps else UNSET,
        candles=rows,
    )


def _book_state(feed: InstrumentFeed, updates: int) -> BookState:
    sync = feed.booksync
    if sync.trust is Trust.TRUSTED:
        return "stands"
    if sync.stood:
        return "lost"
    return "never" if updates or sync.book is not None else "absent"


def _card(feed: InstrumentFeed, most: State, became: BookState) -> CoverageCard:
    """Updates that made no book were seen, and are missing in it: that is not `unknown`."""
    card = coverage_card(feed.coverage())
    return replace(card, state=State.INCOMPLETE if became == "never" else weakest((card.state, most)))


def _no_more_than(most: State, row: CandleRow) -> CandleRow:
    return replace(row, coverage=replace(row.coverage, state=weakest((row.coverage.state, most))))


def named_gaps(feed: InstrumentFeed) -> Iterator[Gap]:
    """Every loss, reordering and duplicate of a feed, stream by stream, in order of discovery."""
    trades, book = feed.sequence.log, feed.booksync.log
    return chain(trades.gaps(), trades.doubles, book.gaps(), book.doubles, feed.quotes.irregular)


def audit_lines(audit: Audit) -> Iterable[str]:
    """The audit for a person."""
    yield f"{audit.venue or 'no venue'}: {audit.frames:,} frames in {audit.span_s:,.1f} s"
    yield f"  not understood: {audit.unknown_messages:,} unknown kinds, {audit.wire_errors:,} bad frames"
    if audit.clock_offset_s is not None:
        yield f"  venue clock minus recorder clock: {audit.clock_offset_s:+.3f} s"
    for name, symbol in audit.symbols.items():
        yield f"{name}: coverage {symbol.coverage.state}"
        yield f"  trades {symbol.trades:,}, gaps {symbol.trade_gaps:,}, duplicates {symbol.duplicates:,}"
        yield (
            f"  book updates {symbol.book_updates:,}, unapplied {symbol.unapplied:,},"
            f" gaps {symbol.book_gaps:,}, resyncs {symbol.resyncs:,}"
        )
        if symbol.book in BOOK_WORDS:
            yield f"  {BOOK_WORDS[symbol.book]}"
        if symbol.quote_checks_ok is not None:
            yield f"  quote checks right {symbol.quote_checks_ok:,}, wrong {symbol.quote_checks_failed:,}"
        if symbol.checksums_ok is not None:
            yield f"  checksums right {symbol.checksums_ok:,}, wrong {symbol.checksums_failed:,}"
        if symbol.best_bid is not None or symbol.best_ask is not None:
            yield f"  {_side('bid', symbol.best_bid)}, {_side('ask', symbol.best_ask)}"
        for gap in symbol.gaps or ():
            ids = f"{gap.first_id} to {gap.last_id}"
            yield f"  {gap.stream} {ids}: {gap.reason}{', healed' if gap.healed else ''}"
        for candle in symbol.candles or ():
            yield f"  {_candle(candle)}"
    yield f"state hash {audit.state_hash}"
    for fault in audit.faults:
        yield f"{'not one recording' if fault.grave else 'note'}: {fault.message}"
    if audit.unread:
        yield f"not read: these frames are not of {audit.venue}; see the settings `hosts` and `wire`"
    if audit.damage:
        yield f"damaged: {audit.damage}"


def _side(name: str, price: float | None) -> str:
    """A book may have one side alone."""
    return f"no {name}" if price is None else f"best {name} {_plain(price)}"


def _plain(value: float) -> str:
    """Every digit and no exponent."""
    return format_fixed(value, decimals_of(value))


def _candle(candle: CandleRow) -> str:
    """One candle in a line: opening time, OHLC, volume, trades, and what there is to know of its completeness."""
    figures = " ".join(_plain(value) for value in (candle.open, candle.high, candle.low, candle.close))
    marks = "" if candle.closed else ", open"
    marks += "" if candle.coverage.state == State.COMPLETE else f", {candle.coverage.state}"
    opened = iso_utc(candle.open_time * NS_PER_US).replace(".000", "")
    return f"{opened}  {figures}  volume {_plain(candle.volume)}, {candle.trades:,} trades{marks}"
