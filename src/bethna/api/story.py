"""Where a number that the desk shows comes from, in plain words; all of it from what the desk can be asked.

It computes no figure anew and says nothing that it cannot read off the desk.

Rules, cited by the code:

1. The value is the one that the other routes show at this moment; before there is one it is null, and `how` says what
   is missing.
2. What is healed, incomplete, stale, simulated or replayed is said, each in a sentence of its own.
3. Every input has the id, or the time, by which it can be found again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from bethna.api.answers import age_ms, coverage_card, micros, micros_or_none
from bethna.api.protocol import CoverageCard
from bethna.api.reader import DeskReader
from bethna.core.clock import NS_PER_S, iso_utc
from bethna.core.coverage import Coverage, Gap, Provenance, State
from bethna.core.errors import BethnaError
from bethna.core.instrument import Instrument, split_id
from bethna.core.intervals import Interval
from bethna.core.market import BookView, Candle, InstrumentId, Level, PriceView, Trade
from bethna.core.money import format_fixed
from bethna.core.reference import IndexView
from bethna.core.status import Trust

Figure = Literal["price", "bid", "ask", "spread", "change_24h", "book", "trades", "candle"]


class StoryInput(Struct, frozen=True, gc=False):
    """Something that a figure was made of; `value` as a person would write it."""

    what: str
    id: str | None
    value: str
    ts_event: int | None
    ts_recv: int | None


class StoryAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/story: one figure, what it is made of, and how."""

    figure: Figure
    instrument: str
    value: float | None
    unit: str
    source: str
    ts_event: int | None
    ts_recv: int | None
    age_ms: int | None
    coverage: CoverageCard
    how: str
    inputs: list[StoryInput]


_QUOTE_TIME = "The time of reception is that of the newest message of this instrument"


class NoStory(BethnaError):
    """There is no such candle, or it was not said which one is meant."""

    code = "not_found"


class _Told(Struct, frozen=True, gc=False):
    """One figure before what is common to all of them."""

    value: float | None
    unit: str
    ts_event: int | None
    ts_recv: int | None
    coverage: Coverage
    how: str
    inputs: list[StoryInput]


class _Teller:
    """Tells the figures of one instrument."""

    def __init__(self, desk: DeskReader, instrument: InstrumentId) -> None:
        self._desk = desk
        self._id = instrument
        self._found = _instrument(desk, instrument)
        self._decimals = desk.decimals(instrument)

    def price(self) -> _Told:
        """The newest trade's price; of an index its figure."""
        view = self._desk.price(self._id)
        if self._found.is_index:
            return self._figure(view)
        trade = self._last_trade()
        if trade is None or view.price is None:
            return self._nothing(self._found.quote, view.coverage, "no trade has come yet")
        how = f"price of trade {trade.trade_id}, the newest that this desk has"
        if trade.count > 1:
            how += f"; the venue sums {trade.count} executions in it"
        return _Told(
            view.price, self._found.quote, view.ts_event, view.ts_recv, view.coverage, how,
            [self._trade_input("trade", trade)],
        )  # fmt: skip

    def _figure(self, view: PriceView) -> _Told:
        """An index."""
        index = self._desk.reference("indices", self._id)
        unit = index.unit if isinstance(index, IndexView) else self._found.quote
        if view.price is None:
            return self._nothing(unit, view.coverage, "the venue has not said it yet")
        how = "the venue's own figure, which nobody trades; this desk cannot check it"
        said = StoryInput(
            "index",
            None,
            self._price(view.price),
            micros_or_none(view.ts_event),
            micros_or_none(view.ts_recv),
        )
        return _Told(view.price, unit, view.ts_event, view.ts_recv, view.coverage, how, [said])

    def bid(self) -> _Told:
        """The quoted best bid."""
        return self._quoted("bid", lambda view: view.bid, lambda book: book.bids)

    def ask(self) -> _Told:
        """The quoted best ask."""
        return self._quoted("ask", lambda view: view.ask, lambda book: book.asks)

    def _quoted(
        self,
        side: Literal["bid", "ask"],
        quoted: Callable[[PriceView], float | None],
        levels: Callable[[BookView], Sequence[Level]],
    ) -> _Told:
        view, book = self._desk.price(self._id), self._desk.book(self._id, 1)
        value = quoted(view)
        if value is None:
            return self._nothing(self._found.quote, view.coverage, "no quote has come yet")
        how = f"best {side} of the venue's quote stream"
        inputs = [StoryInput("quote", None, self._price(value), None, None)]
        best = next(iter(levels(book)), None)
        if best is None:
            how += "; there is no rebuilt book beside it now"
        else:
            same = (
                "the same" if best[0] == value else f"{self._price(best[0])}: the two come apart for a moment"
            )
            how += f"; the rebuilt book at update {book.update_id} shows {same}"
            inputs.append(self._book_input(book))
        how += f". {_QUOTE_TIME}"
        coverage = _checked(view, book, bid=side == "bid", ask=side == "ask")
        return _Told(value, self._found.quote, None, view.last_message, coverage, how, inputs)

    def spread(self) -> _Told:
        """Best ask less best bid."""
        view = self._desk.price(self._id)
        if view.bid is None or view.ask is None:
            return self._nothing(self._found.quote, view.coverage, "no quote has come yet")
        inputs = [
            StoryInput("ask", None, self._price(view.ask), None, None),
            StoryInput("bid", None, self._price(view.bid), None, None),
        ]
        value = round(view.ask - view.bid, self._decimals[0])
        how = f"best ask less best bid, both of the venue's quote stream. {_QUOTE_TIME}"
        coverage = _checked(view, self._desk.book(self._id, 1), bid=True, ask=True)
        return _Told(value, self._found.quote, None, view.last_message, coverage, how, inputs)

    def change_24h(self) -> _Told:
        """The venue's own word on the last 24 hours."""
        view = self._desk.price(self._id)
        if view.change_24h_pct is None:
            return self._nothing("%", view.coverage, "the venue has not said it yet, or does not stream it")
        how = "the venue's own figure for the last 24 hours; this desk did not watch them all and cannot check it"
        said = StoryInput("ticker", None, f"{view.change_24h_pct:+g} %", None, None)
        return _Told(view.change_24h_pct, "%", None, None, _unverified(view), how, [said])

    def book(self) -> _Told:
        """The rebuilt book: the value is its certified depth."""
        book = self._desk.book(self._id, 1)
        if book.update_id is None:
            return self._nothing("levels a side", book.coverage, f"there is no book: it is {book.trust}")
        how = (
            f"rebuilt from the venue's snapshot and every change since, up to update {book.update_id}; "
            f"{_trust(book.trust)}; certified to {book.certified_depth} levels a side, and shown no deeper"
        )
        health = self._desk.instrument_health(self._id)
        if health.book_compared is not None:
            how += (
                f"; a snapshot that was asked of the venue agreed with it in {health.book_compared_levels} levels at "
                f"{iso_utc(health.book_compared)}"
            )
        return _Told(
            float(book.certified_depth), "levels a side", book.ts_event, book.ts_recv, book.coverage, how,
            [self._book_input(book)],
        )  # fmt: skip

    def trades(self) -> _Told:
        """The trades as they are listed: the value is how many came since the feed began."""
        health, newest = self._desk.instrument_health(self._id), self._last_trade()
        if newest is None:
            return self._nothing("trades", self._desk.price(self._id).coverage, "no trade has come yet")
        how = (
            f"every trade that the venue published since this desk began to watch, in the order of their ids, the "
            f"newest is {newest.trade_id}; gaps found {health.trade_gaps}, healed from history {health.heals}"
        )
        return _Told(
            float(health.trades), "trades", newest.ts_event, newest.ts_recv, health.coverage, how,
            [self._trade_input("newest trade", newest)],
        )  # fmt: skip

    def candle(self, interval: Interval, open_time_ns: int) -> _Told:
        """One candle: the value is its close."""
        found = self._desk.candles(self._id, interval, 1, open_time_ns + 1)
        candle = found[-1] if found else None
        if candle is None or candle.open_time != open_time_ns:
            raise NoStory(
                f"this desk has no {interval} candle of {self._id} that opens at {iso_utc(open_time_ns)}",
                hint=f"/api/v1/candles?instrument={self._id}&interval={interval} lists those it has",
            )
        if candle.first_id is None or candle.last_id is None:
            how = "no trade fell into it: the previous close stands for all four prices"
        else:
            how = (
                f"built by this desk from the {candle.trades} executions with trade ids {candle.first_id} to "
                f"{candle.last_id}; volume {format_fixed(candle.volume, self._decimals[1])} {self._found.base}"
            )
        how += "" if candle.closed else "; it is still open"
        inputs = [*self._ends_of(candle)]
        return _Told(candle.close, self._found.quote, None, None, candle.coverage, how, inputs)

    # what inputs are made of --------------------------------------------------------------------------------------

    def _ends_of(self, candle: Candle) -> Iterator[StoryInput]:
        """First and last trade; what the desk still keeps of them."""
        if candle.first_id is None or candle.last_id is None:
            return
        kept = {trade.trade_id: trade for trade in self._desk.trades(self._id, 1000)}
        ends = (
            ("first trade", candle.first_id, candle.open),
            ("last trade", candle.last_id, candle.close),
        )
        for what, trade_id, price in ends:
            trade = kept.get(trade_id)
            if trade is not None:
                yield self._trade_input(what, trade)
            else:
                yield StoryInput(what, str(trade_id), self._price(price), None, None)

    def _last_trade(self) -> Trade | None:
        newest = self._desk.trades(self._id, 1)
        return newest[-1] if newest else None

    def _trade_input(self, what: str, trade: Trade) -> StoryInput:
        size = format_fixed(trade.quantity, self._decimals[1])
        value = f"{trade.side} {self._price(trade.price)} x {size}"
        return StoryInput(what, str(trade.trade_id), value, micros(trade.ts_event), micros(trade.ts_recv))

    def _book_input(self, book: BookView) -> StoryInput:
        sides = [
            f"{self._price(side[0][0])} x {format_fixed(side[0][1], self._decimals[1])}" if side else "empty"
            for side in (book.bids, book.asks)
        ]
        return StoryInput(
            "book", str(book.update_id), " / ".join(sides), micros_or_none(book.ts_event),
            micros_or_none(book.ts_recv),
        )  # fmt: skip

    def _price(self, price: float) -> str:
        return format_fixed(price, self._decimals[0])

    def _nothing(self, unit: str, coverage: Coverage, why: str) -> _Told:
        """Rule 1."""
        health = self._desk.instrument_health(self._id)
        said = f"{why}; {health.message}" if health.message else why
        return _Told(None, unit, None, None, coverage, said, [])


def story_answer(
    desk: DeskReader,
    figure: Figure,
    instrument: InstrumentId,
    *,
    interval: Interval | None = None,
    open_time_ns: int | None = None,
) -> StoryAnswer:
    """The story of one figure.

    Raises:
        NoStory: the desk has no such candle. UnknownInstrument: it is not followed.
    """
    teller, now_ns = _Teller(desk, instrument), desk.clock.now_ns()
    if figure == "candle":
        assert interval is not None
        assert open_time_ns is not None
        told = teller.candle(interval, open_time_ns)
    else:
        told = _PLAIN[figure](teller)
    sentences = [told.how, *_circumstances(desk, instrument, told.coverage, now_ns)]
    return StoryAnswer(
        figure,
        instrument,
        told.value,
        told.unit,
        _source(desk, split_id(instrument)[1]),
        micros_or_none(told.ts_event),
        micros_or_none(told.ts_recv),
        age_ms(now_ns, told.ts_recv),
        coverage_card(told.coverage),
        ". ".join(f"{sentence[:1].upper()}{sentence[1:]}" for sentence in sentences),
        told.inputs,
    )


_PLAIN: dict[Figure, Callable[[_Teller], _Told]] = {
    "price": _Teller.price,
    "bid": _Teller.bid,
    "ask": _Teller.ask,
    "spread": _Teller.spread,
    "change_24h": _Teller.change_24h,
    "book": _Teller.book,
    "trades": _Teller.trades,
}


def _circumstances(
    desk: DeskReader, instrument: InstrumentId, coverage: Coverage, now_ns: int
) -> Iterator[str]:
    """Rule 2."""
    for healed in (True, False):
        gaps = [gap for gap in coverage.gaps if gap.healed is healed]
        if gaps:
            more = f", and {len(gaps) - 1} more" if len(gaps) > 1 else ""
            word = "Healed from the venue's history" if healed else "Missing"
            yield f"{word}: {_gap(gaps[-1])}{more}"
    health = desk.instrument_health(instrument)
    if health.state not in ("live", "waiting"):
        silent = ""
        if health.last_message is not None:
            since_s = max(0, now_ns - health.last_message) // NS_PER_S
            silent = f": the last message came {since_s} s ago, at {iso_utc(health.last_message)}"
        why = f" ({health.message})" if health.message else ""
        yield f"The instrument is {health.state}{why}{silent}"
    simulation, tape = desk.simulation(), desk.tape()
    if simulation is not None or coverage.provenance is Provenance.SYNTHETIC:
        seed = "" if simulation is None or simulation.seed is None else f" with seed {simulation.seed}"
        yield f"The market is simulated{seed}: no price here was ever traded"
    if tape is not None:
        yield f"Replayed from the recording {tape.name}; times are those of the recording"


def _checked(view: PriceView, book: BookView, *, bid: bool, ask: bool) -> Coverage:
    """The certificate of quoted prices: that of a trusted book which shows the same, else nothing proves them."""
    sides = [(view.bid, book.bids)] if bid else []
    sides += [(view.ask, book.asks)] if ask else []
    same = all(levels and levels[0][0] == quoted for quoted, levels in sides)
    return book.coverage if same and book.trust == Trust.TRUSTED else _unverified(view)


def _unverified(view: PriceView) -> Coverage:
    """The certificate of what the venue says and nothing here can check."""
    return Coverage(view.coverage.provenance, State.UNVERIFIED, (), view.coverage.sources)


def _gap(gap: Gap) -> str:
    """Which ids of which stream, or which time, and why."""
    if gap.first_id is not None:
        one = gap.last_id is None or gap.last_id == gap.first_id
        where = f"{gap.stream} {gap.first_id}" if one else f"{gap.stream} {gap.first_id} to {gap.last_id}"
    elif gap.start is not None and gap.end is not None:
        where = f"{gap.stream} from {iso_utc(gap.start)} to {iso_utc(gap.end)}"
    else:
        where = gap.stream
    return f"{where} ({gap.reason.replace('_', ' ')})"


def _trust(trust: str) -> str:
    """A book's trust in words."""
    match trust:
        case Trust.TRUSTED:
            return (
                "trusted: no update is missing since that snapshot, and no quote of the venue contradicts it"
            )
        case Trust.UNTRUSTED:
            return "not trusted: updates are missing or a quote of the venue contradicts it"
        case _:
            return f"it is {trust}"


def _source(desk: DeskReader, venue: str) -> str:
    word = {"live": "live", "twin": "simulated", "tape": "recorded"}[desk.source()]
    return f"{venue} {word}"


def _instrument(desk: DeskReader, instrument: InstrumentId) -> Instrument:
    """The followed instrument itself."""
    desk.instrument_health(instrument)  # UnknownInstrument where it is not followed
    return next(found for found in desk.instruments() if found.id == instrument)
