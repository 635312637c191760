"""Hears the trades that alerts are judged by, those that were missed before those that come; it judges none.

Rules
  1. At the start the trades since an instrument's cursor are judged first, in their order and `late`; what comes live
     meanwhile waits, for CATCH_UP_S. Then it goes on, and those that still come are judged late, up to LATEST_S; so
     long a venue that cannot answer is asked again.
  2. A recording says again what it said: what a cursor says was judged is passed over, and what comes after it is
     judged as it comes.
  3. No rule is armed by the trades of an ear that is not open. How far it has judged is kept all the same, with what
     came of it: who is killed on the way goes on from there.
  4. Windows are filled first, with the trades up to the cursor: those of the recording, or MOST_SEEDED of the venue's.
     What is longer than they reach is not full, and says nothing until it is.
  5. What was given up and had not come when the desk ended is asked for with what was judged behind it, MOST_RECALLED
     trades at most, and judged as if the desk had gone on; what cannot be had is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from bethna.core.alerts import AlertRule
from bethna.core.clock import Clock
from bethna.core.coverage import Gap
from bethna.core.errors import BethnaError, NoDataYet, RateLimited, VenueAnswer, VenueError
from bethna.core.market import UNNUMBERED, InstrumentId, Trade
from bethna.core.status import EventLevel, GapFound, GapMarked, Healed
from bethna.logic.access import about_request
from bethna.logic.alerts.alert_watch import AlertWatch
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.rules import watched_by
from bethna.logic.feed_ports import TradeStreamItem
from bethna.runtime.bus import Bus, Subscription
from bethna.store.alerts.facts import Cursor

if TYPE_CHECKING:
    from bethna.services.alerting.kept import SinceGaps

CATCH_UP_S = 30.0
LATEST_S = 600.0
RETRY_S, MAX_RETRY_S = 1.0, 30.0
SEEDED_AT_ONCE, MOST_SEEDED = 1_000, 20_000
MOST_RECALLED = 50_000
SUBJECT = "alerts"
Tell = Callable[[EventLevel, str, str, str], None]


class PastTrades(Protocol):
    """Trades that the desk did not hear."""

    def trades(
        self, instrument: InstrumentId, first_id: int, last_id: int, since: int
    ) -> AsyncIterator[Sequence[Trade]]:
        """Those of the ids, inclusive, ascending, page by page, as far as they can be had.

        Args:
            since: when the trade before the first was, ns UTC by the venue's clock; or from when on they are needed.

        Raises:
            VenueError, UnknownInstrument: nothing more can be had.
        """
        ...

    def goes_by_time(self, instrument: InstrumentId) -> bool:
        """Whether its venue is asked from a time on: then what comes begins there, whichever id was asked for."""
        ...


class Ear:
    """Hears one instrument's trades; those that come before the past is judged wait (rule 1)."""

    def __init__(self, instrument: InstrumentId, cursor: Cursor | None) -> None:
        self.instrument = instrument
        self.cursor = cursor
        self.waiting: list[TradeStreamItem] = []
        self.subscription: Subscription | None = None
        self.is_open = False


class Ears:
    """The ears of one desk.

    Args:
        past: where missed trades come from; None where nobody has them.
        last: the newest trade of an instrument, where the desk has one: what is armed is armed at it.
        repeats: the source says again what it said (rule 2).

    Attributes:
        since_gaps: of the cursors that will be heard from (rule 5).
    """

    def __init__(
        self,
        bus: Bus,
        watch: AlertWatch,
        clock: Clock,
        tell: Tell,
        past: PastTrades | None,
        *,
        last: Callable[[InstrumentId], Trade | None],
        repeats: bool,
    ) -> None:
        self._bus = bus
        self._watch = watch
        self._clock = clock
        self._tell = tell
        self._past = past
        self._last = last
        self._repeats = repeats
        self.since_gaps: SinceGaps = {}
        self._stopped = False
        self._ears: dict[InstrumentId, Ear] = {}
        self._behind: asyncio.Queue[Ear] = asyncio.Queue()

    def hear(self, instrument: InstrumentId, cursor: Cursor | None) -> None:
        """Hear an instrument's trades, from its cursor on, or from now on; fine if it is heard already."""
        if instrument in self._ears:
            return
        ear = self._ears[instrument] = Ear(instrument, cursor)
        gaps = () if cursor is None else cursor.gaps
        for gap, lines in zip(gaps, self.since_gaps.get(instrument, ()) if gaps else (), strict=True):
            self._watch.watch(instrument).restore(gap, lines)
        if cursor is None:
            self._open(ear)
            self._watch.watch(instrument).last = self._last(instrument)
        else:
            ear.subscription = self._channel(
                ear, partial(self._pass_over if self._repeats else self._wait, ear)
            )

    def open(self) -> Iterator[InstrumentId]:
        """The instruments whose trades are judged as they come."""
        return (name for name, ear in self._ears.items() if ear.is_open)

    def check_caught_up(self, rule: AlertRule) -> None:
        """Raises NoDataYet: trades of one of its instruments from before are still to be judged (rule 3)."""
        for part in parts_of(rule.condition):
            ear = self._ears.get(InstrumentId(watched_by(part).about))
            if ear is not None and not ear.is_open and not self._repeats:
                raise NoDataYet(
                    f"trades of {ear.instrument}",
                    "those since the desk was here last come first",
                    hint="arm it again when its first trade has come",
                )

    def cursors(self, kept: Mapping[InstrumentId, Cursor]) -> dict[InstrumentId, Cursor]:
        """How far has been judged, where that is farther than what is kept (rule 3)."""
        found = {}
        for instrument in () if self._stopped else self._ears:
            last = self._watch.watch(instrument).last
            if last is not None:
                cursor = Cursor(last.trade_id, last.ts_event, self._watch.watch(instrument).gaps())
                if cursor != kept.get(instrument):
                    found[instrument] = cursor
        return found

    def stop(self) -> None:
        """Hear nothing more, and judge nothing: what was judged and is not kept is as if it had not been."""
        self._stopped = True
        for ear in self._ears.values():
            if ear.subscription is not None:
                ear.subscription.close()
            ear.is_open = False

    def close(self) -> None:
        """Hear nothing more; what was judged stands."""
        for ear in self._ears.values():
            if ear.subscription is not None:
                ear.subscription.close()

    async def run(self) -> None:
        """Catch up with each instrument that is behind, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._catch_up(await self._behind.get()))

    async def caught_up(self) -> None:
        """Catch up with all that wait, for who has no `run`."""
        while not self._behind.empty():
            await self._catch_up(self._behind.get_nowait())

    # --- before it is open

    def _wait(self, ear: Ear, item: TradeStreamItem) -> None:
        """Rule 1: the first trade shows what was missed."""
        begun = any(isinstance(each, Trade) for each in ear.waiting)
        ear.waiting.append(item)
        if isinstance(item, Trade) and not begun:
            self._behind.put_nowait(ear)

    def _pass_over(self, ear: Ear, item: TradeStreamItem) -> None:
        """Rule 2."""
        assert ear.cursor is not None
        if not isinstance(item, Trade):
            return
        if item.trade_id == UNNUMBERED:
            passed = item.ts_event <= ear.cursor.ts_event
        else:
            passed = item.trade_id <= ear.cursor.trade_id
        if passed:
            watch = self._watch.watch(ear.instrument)
            watch.seed(item)  # it fills windows, and is judged no more
            watch.recall(item)
        else:
            self._open(ear)(item)

    def _open(self, ear: Ear) -> Callable[[TradeStreamItem], None]:
        if ear.subscription is not None:
            ear.subscription.close()
        ear.is_open = True
        hear = self._watch.listen(ear.instrument)
        ear.subscription = self._channel(ear, hear)
        return hear

    def _channel(self, ear: Ear, hear: Callable[[TradeStreamItem], None]) -> Subscription:
        return self._bus.channel("trades", ear.instrument).subscribe(hear, SUBJECT)

    # --- what was missed

    async def _catch_up(self, ear: Ear) -> None:
        """Rule 1."""
        cursor, first = ear.cursor, next(each for each in ear.waiting if isinstance(each, Trade))
        assert cursor is not None
        hear, instrument, now = self._watch.listen(ear.instrument), ear.instrument, self._clock.now_ns()
        missing = range(cursor.trade_id + 1, first.trade_id)
        if UNNUMBERED in (first.trade_id, cursor.trade_id):
            hear(GapMarked(instrument, Gap("trades", None, None, cursor.ts_event, first.ts_event), now))
        elif first.trade_id <= cursor.trade_id:
            at = cursor.trade_id + 1
            again = Gap("trades", at, at, cursor.ts_event, first.ts_event, "renumbered")
            hear(GapMarked(instrument, again, now))
        else:
            await self._fill_windows(ear, cursor)
            if missing:
                await self._judge_missing(ear, cursor, first, missing)
            else:
                self._go_on(ear, hear)
            if cursor.gaps:
                await self._recall(instrument, cursor)
            return
        self._go_on(ear, hear)

    async def _fill_windows(self, ear: Ear, cursor: Cursor) -> None:
        """Rule 4."""
        watch = self._watch.watch(ear.instrument)
        since, found, at = cursor.ts_event - watch.longest(), list[Trade](), cursor.trade_id
        if self._past is None or not watch.longest():
            return
        try:
            async with asyncio.timeout(CATCH_UP_S):
                by_time = self._past.goes_by_time(ear.instrument)
                at_once = MOST_SEEDED if by_time else SEEDED_AT_ONCE
                while len(found) < MOST_SEEDED and at > 0 and (not found or found[0].ts_event > since):
                    before = max(1, at - at_once + 1)
                    pages = self._past.trades(ear.instrument, before, at, since)
                    asked = [trade async for page in pages for trade in page]
                    whole = _unbroken(asked, at)
                    found = [*whole, *found]
                    if len(whole) < at - before + 1:
                        if not (by_time and whole) or len(whole) < len(asked):  # else it has told all since
                            self._begin_anew(ear, f"trade {at - len(whole)} is not there")
                        break
                    at = before - 1
        except (BethnaError, TimeoutError) as error:
            self._begin_anew(ear, str(error) or "in time")
        for trade in found:
            watch.seed(trade)

    def _begin_anew(self, ear: Ear, why: str) -> None:
        said = f"windows begin anew, for the trades before could not be had: {why}"
        self._tell("warning", "alerts_windows", ear.instrument, said)

    def _go_on(self, ear: Ear, hear: Callable[[TradeStreamItem], None]) -> None:
        """What came meanwhile, and from here on what comes."""
        for item in ear.waiting:
            hear(item)
        ear.waiting.clear()
        self._open(ear)

    async def _judge_missing(self, ear: Ear, cursor: Cursor, first: Trade, missing: range) -> None:
        """Rule 1. What takes longer is judged behind what comes live, as trades of a gap that come after all."""
        instrument, hear, now = ear.instrument, self._watch.listen(ear.instrument), self._clock.now_ns()
        gap = Gap("trades", missing[0], missing[-1], cursor.ts_event, first.ts_event)
        hear(GapFound(instrument, gap, now))
        found, pages = 0, asyncio.Queue[Sequence[Trade] | None]()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._fetch(ear, cursor, missing, pages))
            is_late = False
            until = asyncio.get_running_loop().time() + CATCH_UP_S
            while found < len(missing):
                try:
                    async with asyncio.timeout_at(None if is_late else until):
                        page = await pages.get()
                except TimeoutError:
                    is_late = True
                    said = f"of {len(missing):,} trades since the desk was here last {found:,} are judged"
                    self._tell(
                        "warning", "alerts_behind", instrument, f"{said}; what comes now goes before the rest"
                    )
                    self._give_up(ear, cursor, first, missing[found:])
                    continue
                if page is None:
                    break
                for trade in page:
                    if not is_late and trade.trade_id != missing[found]:
                        self._give_up(ear, cursor, first, missing[found:])
                        is_late = True
                    hear(trade)
                    found += 1
        if found < len(missing) and self._past is not None:
            said = f"{len(missing) - found:,} of {len(missing):,} trades since the desk was here last could not be had"
            self._tell("warning", "alerts_missed", instrument, said)
        if is_late:
            self._watch.watch(instrument).settle(missing[0], missing[-1])
        elif found == len(missing):
            hear(Healed(instrument, gap, found, now))
            self._go_on(ear, hear)
        else:
            self._give_up(ear, cursor, first, missing[found:])

    async def _recall(self, instrument: InstrumentId, cursor: Cursor) -> None:
        """Rule 5."""
        watch, first, last = self._watch.watch(instrument), cursor.gaps[0].first_id, cursor.gaps[-1].last_id
        wanted, found = range(first, cursor.trade_id + 1), list[Trade]()
        why = "nobody has them"
        try:
            if self._past is not None and len(wanted) <= MOST_RECALLED:
                async with asyncio.timeout(LATEST_S):
                    asked = self._ask(self._past, instrument, wanted, cursor.gaps[0].since)
                    found = [trade async for page in asked for trade in page]
                why = "the venue has not all of them"
        except (BethnaError, TimeoutError) as error:
            why = str(error) or f"they are too many for {LATEST_S:g} s"
        lacking = set(wanted) - {trade.trade_id for trade in found}
        in_gaps = sum(gap.first_id <= number <= gap.last_id for number in lacking for gap in cursor.gaps)
        if found and in_gaps == len(lacking):  # with a hole behind them nobody could judge them
            for trade in found:
                watch.recall(trade)
            watch.settle(first, last)
            return
        watch.forget(first, last)
        lost = sum(gap.last_id - gap.first_id + 1 for gap in cursor.gaps)
        said = f"{lost:,} trades had been given up before the desk ended, and alerts never saw them: {why}"
        self._tell("warning", "alerts_missed", instrument, said)

    def _give_up(self, ear: Ear, cursor: Cursor, first: Trade, left: range) -> None:
        """These are a gap, and what came meanwhile is judged behind it."""
        hear = self._watch.listen(ear.instrument)
        gap = Gap("trades", left[0], left[-1], cursor.ts_event, first.ts_event, "heal_failed")
        hear(GapMarked(ear.instrument, gap, self._clock.now_ns()))
        self._go_on(ear, hear)

    async def _ask(
        self, past: PastTrades, instrument: InstrumentId, wanted: range, since: int
    ) -> AsyncIterator[Sequence[Trade]]:
        """Page by page; a venue that cannot answer now is asked again from there on. Raises BethnaError."""
        at, delay_s = wanted[0], RETRY_S
        while True:
            try:
                async for page in past.trades(instrument, at, wanted[-1], since):
                    at, delay_s = page[-1].trade_id + 1 if page else at, RETRY_S
                    yield page
            except VenueError as error:
                if isinstance(error, VenueAnswer) and about_request(error.status):
                    raise  # it would say the same again
                said = f"the venue's past trades: {error.message}; it is asked again"
                if delay_s == RETRY_S:
                    self._tell("warning", "alerts_delayed", instrument, said)
                wait_s = max(delay_s, error.retry_after_s if isinstance(error, RateLimited) else 0.0)
            else:
                return
            await asyncio.sleep(wait_s)
            delay_s = min(MAX_RETRY_S, 2 * delay_s)

    async def _fetch(
        self, ear: Ear, cursor: Cursor, missing: range, pages: asyncio.Queue[Sequence[Trade] | None]
    ) -> None:
        """The missing trades, page by page, and None behind them."""
        try:
            if self._past is not None:
                async with asyncio.timeout(LATEST_S):
                    async for page in self._ask(self._past, ear.instrument, missing, cursor.ts_event):
                        pages.put_nowait(page)
        except (BethnaError, TimeoutError) as error:
            why = str(error) or f"they are too many for {LATEST_S:g} s"
            self._tell("warning", "alerts_cut_off", ear.instrument, f"the venue's past trades: {why}")
        pages.put_nowait(None)


def _unbroken(trades: Sequence[Trade], last_id: int) -> list[Trade]:
    """The newest of these up to an id without a hole; what lies farther back has one before it."""
    begin = len(trades)
    while begin and trades[begin - 1].trade_id == last_id - (len(trades) - begin):
        begin -= 1
    return list(trades[begin:])
