"""Candles: those that a desk builds as they come, and the bars of any span of the past; it holds no data of its own.

Its streams keep the rules of `client/nouns`. `get` without a span is the latest; with one it is awaited, and is the
same as `history`.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypedDict, Unpack, overload

from bethna.client.backend import Want
from bethna.client.nouns import (
    MOST_CANDLES,
    PENDING,
    Anew,
    CandleEvent,
    Key,
    Noun,
    check_count,
    either,
    interval_of,
)
from bethna.client.past import bars_of_span
from bethna.client.spans import DEFAULT_LIMIT, MOST_BARS, Length, When, instant_ns, last_ns, span_of, texts_of
from bethna.client.streams import Callback, Ear, Stream, Subscription
from bethna.client.tables import Table, joined
from bethna.core.bars import Bar
from bethna.core.clock import NS_PER_US
from bethna.core.errors import Closed
from bethna.core.instrument import split_id
from bethna.core.market import Candle
from bethna.core.status import Dropped
from bethna.logic.indicators.registry import parse_all
from bethna.logic.indicators.shown import MOST_SHOWN, IndicatedSeries
from bethna.logic.openings import Openings, day_start
from bethna.runtime.mailbox import Latest


class Besides(TypedDict, total=False):
    """What a question for the past may say besides its span; see `Candles.history`."""

    indicators: Sequence[str]
    also: Sequence[str]
    day_starts: str | None


class Candles(Noun[Candle]):
    """Candles as the desk builds them."""

    kind = "candles"
    name = "candle"

    def __getitem__(self, key: str | tuple[str, str]) -> Candle:
        """The open one of a symbol, or of (symbol, interval). Raises NoDataYet, UnknownInstrument, ConfigError."""
        symbol, interval = (key, "1m") if isinstance(key, str) else key
        backend = self._open()
        instrument = backend.resolve(symbol)
        return self._present(backend, instrument, backend.last_candle(instrument, interval_of(interval)))

    @overload
    def get(self, symbol: str, interval: str = "1m") -> Candle | None: ...
    @overload
    def get(
        self,
        symbol: str,
        interval: str = "1m",
        *,
        last: Length,
        end: When | None = None,
        **more: Unpack[Besides],
    ) -> Coroutine[Any, Any, Table[Bar]]: ...
    @overload
    def get(
        self,
        symbol: str,
        interval: str = "1m",
        *,
        start: When,
        end: When | None = None,
        **more: Unpack[Besides],
    ) -> Coroutine[Any, Any, Table[Bar]]: ...
    @overload
    def get(
        self,
        symbol: str,
        interval: str = "1m",
        *,
        limit: int,
        end: When | None = None,
        **more: Unpack[Besides],
    ) -> Coroutine[Any, Any, Table[Bar]]: ...
    def get(
        self,
        symbol: str,
        interval: str = "1m",
        *,
        limit: int | None = None,
        end: When | None = None,
        last: Length | None = None,
        start: When | None = None,
        **more: Unpack[Besides],
    ) -> Candle | Coroutine[Any, Any, Table[Bar]] | None:
        """The open one, None before there is one; with `last`, `start` or `limit` the past, to be awaited: `history`.

        Raises UnknownInstrument, ConfigError for an interval.
        """
        if last is None and start is None and limit is None and end is None and not more:
            backend = self._open()
            return backend.last_candle(backend.resolve(symbol), interval_of(interval))
        return self.history(symbol, interval, limit, end, last=last, start=start, **more)

    @overload
    def stream(self, symbol: str, interval: str = "1m") -> Stream[Candle]: ...
    @overload
    def stream(self, symbol: str, interval: str = "1m", *, history: int) -> Stream[Bar]: ...
    def stream(
        self, symbol: str, interval: str = "1m", *, history: int | None = None
    ) -> Stream[Candle] | Stream[Bar]:
        """Candles as they change; with `history` one row of `Bar`s without hole or double: so many past, the open
        one, each once closed, and what becomes known later with a greater revision."""
        if history is None:
            return Stream(self._hear(symbol, interval), Anew(Candle))
        check_count("history", history, MOST_BARS)
        backend, length = self._open(), interval_of(interval)
        box: Latest[Any] = Latest(Key(lambda bar: bar.open_time), MOST_BARS + PENDING)
        want = Want("bars", backend.resolve(symbol), length, count=history)
        return Stream(self._ear(box, want), _bar)

    def events(self, symbol: str, interval: str = "1m") -> Stream[CandleEvent]:
        """The same, with the turns of the streams in order."""
        anew = Anew(Candle)
        return Stream(self._hear(symbol, interval), lambda event: either(event, Candle, anew))

    def on(self, symbol: str, callback: Callback[Candle], interval: str = "1m") -> Subscription[Candle]:
        """Call back with each."""
        return self._call(self.stream(symbol, interval), callback)

    async def fetch(
        self, symbol: str, interval: str = "1m", limit: int = 500, end: int | None = None
    ) -> Table[Candle]:
        """The newest `limit` that open before `end` (ns UTC, exclusive), ascending, the open one last."""
        check_count("limit", limit, MOST_CANDLES)
        backend, length = self._open(), interval_of(interval)
        found = await backend.fetch("candles", backend.resolve(symbol), limit=limit, interval=length, end=end)
        return Table(Candle, [row for row in found.rows if isinstance(row, Candle)], found.coverage)

    def _hear(self, symbol: str, interval: str) -> Ear:
        backend, length = self._open(), interval_of(interval)
        instrument = backend.resolve(symbol)
        box: Latest[Any] = Latest(Key(lambda candle: candle.open_time))
        if (now := backend.last_candle(instrument, length)) is not None:
            box.offer(now)
        return self._ear(box, Want("candles", instrument, length))

    async def history(
        self,
        symbol: str,
        interval: str = "1m",
        limit: int | None = None,
        end: When | None = None,
        indicators: Sequence[str] = (),
        also: Sequence[str] = (),
        *,
        last: Length | None = None,
        start: When | None = None,
        day_starts: str | None = None,
    ) -> Table[Bar]:
        """The bars of a span, history and live as one: one for each interval, ascending, the open one last.

        The table's `refusals` say what could not be had, `as_of` up to when it is known where nobody can be asked for
        more, `built_from` what the bars are merged of.

        Args:
            limit: so many that open before `end`; 500 where no span is said, one million at most.
            last, start: where it begins instead: so far before its end (`"30d"`, a timedelta), or there.
            start, end: a datetime, a date, `"2026-11-01T12:00+02:00"`, or ns UTC; UTC unless it says a zone. `end` is
                exclusive, and by default now.
            indicators: such as `["ema(20)", "rsi(14)"]`, at most 8: the table's `indicators`, and further columns.
            also: venues, such as `["coinbase"]`, whose bars of the same pair are lent where its own has none: under
                their name, and never better than unverified. What must be said beside an index is in `notes`.
            day_starts: when days begin, such as `"08:00"` (UTC), of `1d` and `1w`.

        Raises:
            ConfigError: there is no such interval, indicator or span; names it. UnknownInstrument: it is not followed.
        """
        backend, length = self._open(), interval_of(interval)
        openings = Openings(length, day_start(day_starts, length))
        wanted = parse_all(texts_of("indicators", indicators), MOST_SHOWN, length)
        instrument = backend.resolve(symbol)
        until = None if end is None else instant_ns("end", end)
        now = backend.health().now * NS_PER_US
        span = span_of(
            openings, now, last=None if last is None else last_ns(last),
            start=None if start is None else instant_ns("start", start), end=until, limit=limit,
        )  # fmt: skip
        venues = texts_of("also", also)
        if last is None and start is None and (limit or DEFAULT_LIMIT) <= MOST_BARS:
            found = await backend.fetch_indicated(
                instrument, length, limit or DEFAULT_LIMIT, until, wanted, venues, openings.starts
            )
        else:
            found = await bars_of_span(backend, instrument, openings, span, now, wanted, venues)
        return _table(found)


def _table(found: IndicatedSeries) -> Table[Bar]:
    series = found.series
    coverage = joined((bar.coverage for bar in series.bars), split_id(series.instrument)[1])
    return Table(
        Bar,
        series.bars,
        coverage,
        series.refusals,
        found.shown,
        built_from=series.built_from,
        as_of=series.as_of,
        notes=series.notes,
    )


def _bar(event: object) -> Bar | None:
    if isinstance(event, Dropped):  # a row has no hole
        raise Closed(f"this reader lost {event.count} bars: it is too slow", hint="open another stream")
    return event if isinstance(event, Bar) else None
