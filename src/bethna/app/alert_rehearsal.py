"""Rehearsals of a desk: the trades or bars of before, judged in a thread as they would be live; it arms nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from bethna.app.alert_past import Known, VenuePast, bars_for, of_bars, of_tape
from bethna.app.alert_ports import Ground
from bethna.core.alert_views import Rehearsed
from bethna.core.alerts import AlertRule, VolumeIs
from bethna.core.clock import NS_PER_S, iso_utc
from bethna.core.errors import BethnaError, ConfigError, NoDataYet, UnknownInstrument
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId, Trade
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.rehearsal import Advice, Rehearsal, advise, rehearse
from bethna.logic.alerts.rules import BY_TRADES, watched_by
from bethna.logic.alerts.saying import say
from bethna.logic.feed import FeedSettings

SCALE = 10**8
MOST_RECENT = 1_000_000
MOST_POINTS = 600
"""Points of the plot."""
DAY_NS = Interval.D1.ns
TAPE_PREFIX = "tape:"


class Rehearser:
    """Rehearsals over what one desk can have of the past."""

    def __init__(self, desk: Ground, past: VenuePast, feed: FeedSettings) -> None:
        self._desk = desk
        self._past = past
        self._feed = feed

    async def rehearse(
        self, rule: AlertRule, over: str, span_ns: int | None, per_day: float | None
    ) -> Rehearsed:
        """See `AlertsDesk.rehearse`."""
        if per_day is not None and not per_day > 0.0:
            raise ConfigError("per_day", f"expected a number above 0, found {per_day!r}")
        if span_ns is not None and span_ns <= 0:
            raise ConfigError("span", "expected a length above 0")
        wanted = {InstrumentId(watched_by(part).about) for part in parts_of(rule.condition)}
        kinds = {watched_by(part).kind for part in parts_of(rule.condition)} - BY_TRADES
        if kinds:
            raise ConfigError(
                "condition",
                f"expected conditions of prices and volume, found one of {', '.join(sorted(kinds))}",
                hint="a rehearsal needs trades or bars of before; other figures are not kept",
            )
        known = await (
            self._trades(wanted, span_ns) if over == "trades" else self._bars(rule, wanted, span_ns)
        )
        if not known.trades:
            what = "the past" if over == "trades" else "closed bars"
            raise NoDataYet(f"{what} of {', '.join(sorted(wanted))}", hint="rehearse it later")
        _check_windows(rule, known)
        found, advice = await asyncio.to_thread(_judge, rule, known.trades, per_day)
        return _rehearsed(rule, over, known, found, per_day, advice)

    def price_at(self, instrument: InstrumentId, at: int) -> float | None:
        """The last price at an event time, where the desk has the trade at hand; None where it has not."""
        try:
            recent = self._desk.feeds.feed(instrument).recent_trades(MOST_RECENT)
        except UnknownInstrument:
            return None
        found = next((each for each in reversed(recent) if each.ts_event <= at), None)
        return None if found is None else found.price

    async def around(
        self, instrument: InstrumentId, number: int | None, at: int, count: int
    ) -> tuple[list[Trade], str]:
        """Trades around one (or around an event time), `count` a side; and why they are not all, "" else."""
        try:
            recent = list(self._desk.feeds.feed(instrument).recent_trades(MOST_RECENT))
        except UnknownInstrument:
            return [], "it is not followed any more"
        found = _around(recent, number, at, count)
        if number is None:
            return found, "" if found else "none is at hand"
        if any(each.trade_id == number for each in found):
            return _of_then(found, number, at)
        if self._desk.source() == "tape":
            known = await self._of_tape(frozenset({instrument}))
            return _of_then(_around(known.trades, number, at, count), number, at)
        try:
            asked = self._past.trades(instrument, max(1, number - count), number + count, at - 60 * NS_PER_S)
            return _of_then([trade async for page in asked for trade in page], number, at)
        except BethnaError as error:
            return [], f"they are not at hand any more, and the venue says: {error.message}"

    async def _trades(self, wanted: set[InstrumentId], span_ns: int | None) -> Known:
        if self._desk.source() == "tape":
            known = await self._of_tape(frozenset(wanted))
            if span_ns is None or not known.trades:
                return known
            start = known.trades[-1].ts_event - span_ns
            newer = [each for each in known.trades if each.ts_event >= start]
            return Known(newer, len(newer), known.unknown, start)
        since = None if span_ns is None else self._desk.clock.now_ns() - span_ns
        found = [await self._past.before_now(each, since) for each in sorted(wanted)]
        begins = max((each.trades[0].ts_event for each in found if each.trades), default=0)
        trades = [trade for each in found for trade in each.trades if trade.ts_event >= begins]
        trades.sort(key=_by_time)
        unknown = tuple(span for each in found for span in each.unknown if span[1] > begins)
        return Known(trades, len(trades), unknown, since)

    async def _of_tape(self, wanted: frozenset[InstrumentId]) -> Known:
        path = Path(self._desk.settings.source.removeprefix(TAPE_PREFIX))
        return await of_tape(path, self._desk.settings, self._feed, wanted)

    async def _bars(self, rule: AlertRule, wanted: set[InstrumentId], span_ns: int | None) -> Known:
        if any(isinstance(part, VolumeIs) for part in parts_of(rule.condition)):
            raise ConfigError("over", "expected conditions of prices over bars, found one of volume")
        if len(wanted) > 1:
            raise ConfigError(
                "over", "expected one instrument over bars, found several", hint="rehearse over trades"
            )
        interval, count = bars_for(7 * DAY_NS if span_ns is None else span_ns)
        series = await self._desk.bars(next(iter(wanted)), interval, count)
        asked = None if span_ns is None else self._desk.clock.now_ns() - span_ns
        return structs.replace(of_bars(series.bars), asked_from=asked)


def _check_windows(rule: AlertRule, known: Known) -> None:
    """Raises ConfigError: a window is longer than all that is known."""
    passed = known.trades[-1].ts_event - known.trades[0].ts_event
    longest = max(watched_by(part).window_ns for part in parts_of(rule.condition))
    if longest > passed:
        raise ConfigError(
            "window",
            f"expected a window within what is known of before, {passed / NS_PER_S:,.0f} s, found "
            f"{longest / NS_PER_S:,.0f} s",
            hint="rehearse over bars, or farther back",
        )


def _judge(
    rule: AlertRule, trades: Sequence[Trade], per_day: float | None
) -> tuple[Rehearsal, Advice | None]:
    return rehearse(rule, trades, SCALE), None if per_day is None else advise(rule, trades, per_day, SCALE)


def _rehearsed(
    rule: AlertRule, over: str, known: Known, found: Rehearsal, per_day: float | None, advice: Advice | None
) -> Rehearsed:
    return Rehearsed(
        over, say(rule), found.start, found.end, known.count, known.unknown, found.fired,
        {str(outcome): count for outcome, count in found.swallowed.items()}, found.clusters, found.per_day,
        per_day, None if advice is None else advice.enough, None if advice is None else advice.cooldown_ns,
        None if advice is None else advice.rearm, _thinned(known.trades), known.asked_from,
    )  # fmt: skip


def _thinned(trades: Sequence[Trade]) -> tuple[tuple[int, float], ...]:
    """The first trade of the first instrument, its extremes and its last in each of equal stretches of time."""
    own = [each for each in trades if each.instrument == trades[0].instrument]
    start, end = own[0].ts_event, own[-1].ts_event
    step = max(1, (end - start) // (MOST_POINTS // 2) + 1)
    points: dict[int, list[Trade]] = {}
    for trade in own:
        points.setdefault((trade.ts_event - start) // step, []).append(trade)
    found: dict[int, float] = {}
    for stretch in points.values():
        for each in (min(stretch, key=_price), max(stretch, key=_price), stretch[-1]):
            found[each.ts_event] = each.price
    return tuple(sorted(found.items()))


def _around(trades: Sequence[Trade], number: int | None, at: int, count: int) -> list[Trade]:
    index = -1
    for position, each in enumerate(trades):
        if each.trade_id == number if number is not None else each.ts_event <= at:
            index = position
    return [] if index < 0 else list(trades[max(0, index - count) : index + count + 1])


def _of_then(trades: list[Trade], number: int, at: int) -> tuple[list[Trade], str]:
    """These, unless the trade of that number is another one by now: venues count anew, and simulations begin anew."""
    same = next((each for each in trades if each.trade_id == number), None)
    if same is None or abs(same.ts_event - at) < NS_PER_S:  # a request may tell fewer digits than the stream
        return trades, ""
    return [], f"trade {number} is another one by now, of {iso_utc(same.ts_event)}"


def _by_time(trade: Trade) -> tuple[int, str, int]:
    return trade.ts_event, trade.instrument, trade.trade_id


def _price(trade: Trade) -> float:
    return trade.price
