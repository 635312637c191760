"""The alerts of a desk over its life: kept before they are told, and after a kill as if there had been none."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest
from killed.alerts import FIRST, PAIR, RULES, T0, trades
from msgspec.structs import replace

from bethna.core.alerts import (
    AlertRule,
    Doubt,
    Outcome,
    Phase,
    PriceCrosses,
    PriceIs,
    PriceMoves,
    Repeat,
    Side,
    SpreadIs,
    Step,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap, State
from bethna.core.errors import (
    AlertChanged,
    ConfigError,
    ConnectError,
    LimitReached,
    NoDataYet,
    StoreError,
    UnknownAlert,
    VenueAnswer,
    VenueError,
)
from bethna.core.market import UNNUMBERED, InstrumentId, Trade
from bethna.core.status import GapFound, GapMarked
from bethna.logic.alerts.alert_watch import AlertWatch
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock
from bethna.services.alerting import Alerting, ears, service
from bethna.store.alerts.facts import Fired
from bethna.store.alerts.journal import Journal

UP = AlertRule(PriceCrosses(PAIR, Way.UP, 100.5), Repeat.EVERY)


class Past:
    """The venue's history of trades; `until`: it has no later ones."""

    def __init__(self, known: Sequence[Trade], *, until: int = 2**62) -> None:
        self.known = {trade.trade_id: trade for trade in known}
        self.until = until
        self.asked: list[tuple[int, int]] = []
        self.fails = False
        self.refusals: list[VenueError] = []
        """What it answers first; the second time after a trade."""
        self.by_time = False

    def goes_by_time(self, instrument: InstrumentId) -> bool:
        return self.by_time

    async def trades(
        self, instrument: InstrumentId, first_id: int, last_id: int, since: int
    ) -> AsyncIterator[Sequence[Trade]]:
        if self.by_time:
            first_id = next(
                each.trade_id for each in self.known.values() if each.ts_event >= since - NS_PER_S
            )
        elif first_id > 1:  # else a window is filled again, and asks for more than it needs
            assert since <= self.known[first_id].ts_event
        self.asked.append((first_id, last_id))
        if self.fails:
            raise ConnectError("binance", "no host answers")
        if self.refusals:
            refused = self.refusals.pop()
            if len(self.refusals) == 1:
                yield [self.known[first_id]]
            raise refused
        numbers = [each for each in range(first_id, last_id + 1) if each in self.known and each <= self.until]
        yield [self.known[number] for number in numbers]


class Desk:
    """Alerts over a bus, with what they said. Another one on the same folder: this one has been killed."""

    alive: ClassVar[dict[Path, Desk]] = {}

    def __init__(
        self,
        folder: Path,
        past: Past | None = None,
        *,
        repeats: bool = False,
        allow: Callable[[Sequence[AlertRule], Sequence[AlertRule]], None] = lambda _armed, _new: None,
        recent: Callable[[InstrumentId], Sequence[Trade]] = lambda _: (),
    ) -> None:
        if (before := self.alive.pop(folder, None)) is not None and before.alerts._journal is not None:
            before.alerts._journal._let_go()  # as the end of a process does
        self.alive[folder] = self
        self.changed: list[str] = []
        self.news = asyncio.Event()
        self.clock = ManualClock(T0)
        self.bus = Bus(self.clock)
        self.codes: list[str] = []
        self.fired: list[tuple[Fired, Step]] = []
        self.alerts: Alerting = Alerting(
            folder, self.bus, self.clock, self._say,
            self._told, past=past, repeats=repeats, allow=allow, recent=recent,
        )  # fmt: skip

    def _say(self, _level: str, code: str, _subject: str, _said: str) -> None:
        self.codes.append(code)
        self.news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.news.clear()
            await self.news.wait()

    def _told(self, fired: Sequence[tuple[Fired, Step, AlertRule]], changed: frozenset[str]) -> None:
        self.fired += [(each, step) for each, step, _rule in fired]
        self.changed += sorted(changed)
        self.news.set()

    def hear(self, *told: Trade) -> None:
        for trade in told:
            self.bus.channel("trades", trade.instrument).publish(trade)

    async def caught_up(self) -> None:
        """All that waits for the past has been judged."""
        await self.alerts.ears.caught_up()

    def ids(self) -> list[int | None]:
        return [step.moment.trade_id for _, step in self.fired]


async def test_what_fires_is_kept_before_it_is_told_and_told_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.alerts.start()
    running = asyncio.create_task(desk.alerts.run())
    assert await desk.alerts.add([UP, AlertRule(PriceIs(PAIR, Side.BELOW, 99.5))]) == ["a1", "a2"]
    told = list(trades(1, 400))
    desk.hear(*told)
    assert not desk.fired
    firings = await desk.alerts.firings(limit=10**6)
    assert [each for each, _ in desk.fired] == firings
    assert len({(each.rule, each.firing) for each in firings}) == len(firings) > 15
    assert [step.number for step in await desk.alerts.why("a1", limit=3)] == [
        step.number for step in await desk.alerts.why("a1", limit=10**6)
    ][-3:]
    states = {each.name: each for each in desk.alerts.rules()}
    assert states["a2"].state.phase is Phase.DONE
    assert not states["a1"].unknown
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    with Journal(tmp_path) as journal:
        assert journal.cursors()[PAIR].trade_id == told[-1].trade_id
        assert journal.firings(limit=10**6) == firings


@pytest.mark.parametrize("seed", range(12))
async def test_after_a_kill_it_goes_on_as_if_there_had_been_none(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    told = list(trades(seed, 600))
    past = Past(told)
    at, fired, lives = 0, list[tuple[Fired, Step]](), 0
    while at < len(told):
        desk = Desk(tmp_path, past)
        await desk.alerts.start()
        if not lives:
            await desk.alerts.add(RULES.values())
        else:
            at = min(len(told) - 1, at + rng.randrange(60))  # nobody was there
        for trade in told[at : (at := at + rng.randrange(1, 200))]:
            desk.hear(trade)
            if rng.random() < 0.1:
                await desk.caught_up()
            if rng.random() < 0.1:
                await desk.alerts.keep()
        if at >= len(told):
            await desk.caught_up()
            await desk.alerts.keep()
        fired += desk.fired
        lives += 1
    whole: list[Step] = []
    watch = AlertWatch(whole.append, lambda where, error: pytest.fail(f"{where}: {error!r}"), 10**8)
    for number, rule in enumerate(RULES.values(), 1):
        watch.arm(f"a{number}", rule)
    hear = watch.listen(PAIR)
    for trade in told:
        hear(trade)
    expected = sorted((step.rule, step.number, step.fired) for step in whole if step.outcome is Outcome.FIRED)
    Desk(tmp_path)
    with Journal(tmp_path) as journal:
        kept = journal.firings(limit=10**6)
        assert sorted((each.rule, each.number, each.fired) for each in kept) == expected, lives
        assert {(each.rule, each.firing) for each, _ in fired} <= {(each.rule, each.firing) for each in kept}
    assert len({(each.rule, each.firing) for each, _ in fired}) == len(fired)
    assert lives > 1


async def life(folder: Path, past: Past | None, *told: Trade) -> Desk:
    """A desk that goes on from what is kept, hears these and ends without a word."""
    desk = Desk(folder, past)
    await desk.alerts.start()
    desk.hear(*told)
    await desk.caught_up()
    await desk.alerts.keep()
    return desk


def priced(number: int, price: float, instrument: InstrumentId = PAIR) -> Trade:
    ts = T0 + (number if number > 0 else 10**6) * 10**9
    return Trade(instrument, price, 1.0, "buy", number, ts, ts + 1)


async def armed(folder: Path, *told: Trade, rule: AlertRule = UP) -> None:
    desk = Desk(folder)
    await desk.alerts.start()
    await desk.alerts.add([rule])
    desk.hear(*told)
    await desk.alerts.keep()


async def test_what_fired_while_nobody_was_there_is_told_late(tmp_path: Path) -> None:
    await armed(tmp_path, priced(1, 99))
    past = Past([priced(2, 101), priced(3, 99)])
    desk = await life(tmp_path, past, priced(4, 99), priced(5, 101))
    assert past.asked == [(2, 3)]
    assert [(step.moment.trade_id, step.moment.late) for _, step in desk.fired] == [(2, True), (5, False)]


@pytest.mark.parametrize("fails", [True, False])
async def test_what_cannot_be_had_is_a_gap_that_says_so(
    tmp_path: Path, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "LATEST_S", 0.01)
    await armed(tmp_path, priced(1, 99))
    past = Past([priced(number, 99) for number in (2, 3, 4)], until=2)
    past.fails = fails
    desk = await life(tmp_path, past, priced(5, 101))
    ((_, step),) = desk.fired
    assert step.moment.after_gap
    assert desk.codes == [*(["alerts_delayed", "alerts_cut_off"] if fails else []), "alerts_missed"]
    nobody = await life(tmp_path, None, priced(9, 99), priced(10, 101))
    assert nobody.ids() == [10]


@pytest.mark.parametrize("number", [1, UNNUMBERED])
async def test_a_venue_that_counts_anew_or_not_at_all_is_a_gap(tmp_path: Path, number: int) -> None:
    await armed(tmp_path, priced(7, 99))
    desk = await life(tmp_path, Past([]), priced(number, 101))
    ((_, step),) = desk.fired
    assert step.moment.after_gap


def give_up(desk: Desk, first: int, last: int) -> None:
    gap = Gap("trades", first, last, T0 + (first - 1) * 10**9, T0 + (last + 1) * 10**9)
    desk.bus.channel("trades", PAIR).publish(GapFound(PAIR, gap, T0))
    desk.bus.channel("trades", PAIR).publish(GapMarked(PAIR, gap, T0))


async def given_up(folder: Path, *behind: Trade) -> Desk:
    """A desk that has given up the trades 2 and 3, and is killed before they come."""
    desk = Desk(folder)
    await desk.alerts.start()
    await desk.alerts.add([UP])
    desk.hear(priced(1, 99))
    give_up(desk, 2, 3)
    desk.hear(*behind)
    await desk.alerts.keep()
    return desk


async def test_what_was_given_up_when_the_desk_was_killed_is_told_by_the_next(tmp_path: Path) -> None:
    await given_up(tmp_path, priced(4, 99), priced(5, 99))
    past = Past([priced(2, 101), priced(3, 99), priced(4, 99), priced(5, 99), priced(6, 99)])
    desk = await life(tmp_path, past, priced(7, 101))
    assert past.asked == [(6, 6), (2, 5)]
    assert [(step.moment.trade_id, step.moment.late) for _, step in desk.fired] == [(7, False), (2, True)]
    again = await life(tmp_path, past, priced(8, 99))
    assert past.asked == [(6, 6), (2, 5)]  # it is settled
    assert again.ids() == []


async def test_an_alert_behind_what_was_given_up_is_dated_by_the_next(tmp_path: Path) -> None:
    first = await given_up(tmp_path, priced(4, 101))
    assert first.ids() == [4]
    desk = await life(tmp_path, Past([priced(2, 99), priced(3, 101), priced(4, 101)]), priced(5, 101))
    assert desk.ids() == []
    line = (await desk.alerts.why("a1"))[-1]
    assert (line.outcome, line.moment.trade_id, line.fired) == (Outcome.DATED, 3, T0 + 4 * 10**9)
    assert (await life(tmp_path, None, priced(6, 101))).codes == []


@pytest.mark.parametrize("has", ["nobody", "nothing", "a part"])
async def test_what_was_given_up_and_cannot_be_had_is_told(
    tmp_path: Path, has: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "LATEST_S", 0.01)
    await given_up(tmp_path, priced(4, 99))
    past = Past([priced(number, 101) for number in (2, 3, 4)], until=2)
    past.fails = has == "nothing"
    desk = await life(tmp_path, None if has == "nobody" else past, priced(5, 99))
    assert desk.codes == [*(["alerts_delayed"] if past.fails else []), "alerts_missed"]
    assert desk.ids() == []
    desk.hear(priced(2, 101), priced(3, 99))
    await desk.alerts.keep()
    assert desk.ids() == []
    assert (await life(tmp_path, past, priced(6, 99))).codes == []


async def test_who_is_armed_anew_was_not_at_what_had_been_given_up(tmp_path: Path) -> None:
    desk = await given_up(tmp_path, priced(4, 99))
    await desk.alerts.edit("a1", replace(UP, condition=PriceCrosses(PAIR, Way.UP, 100.7)), 1)
    await desk.alerts.pause("a1", paused=True)
    await desk.alerts.pause("a1", paused=False)
    desk.hear(priced(2, 101), priced(3, 99))
    await desk.alerts.keep()
    assert desk.ids() == []


async def test_a_recording_tells_again_what_it_had_given_up(tmp_path: Path) -> None:
    await given_up(tmp_path, priced(4, 99))
    desk = Desk(tmp_path, repeats=True)
    await desk.alerts.start()
    desk.hear(priced(1, 99))
    give_up(desk, 2, 3)
    desk.hear(*(priced(number, 99) for number in (4, 5)), priced(2, 101), priced(3, 99), priced(6, 99))
    await desk.alerts.keep()
    assert desk.ids() == [2]


@pytest.mark.parametrize("seed", range(10))
async def test_kills_and_gaps_together_lose_nothing(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    told = list(trades(seed, 500))
    past, at, lives = Past(told), 0, 0
    while at < len(told):
        desk = Desk(tmp_path, past)
        await desk.alerts.start()
        if not lives:
            await desk.alerts.add(RULES.values())
        else:
            at = min(len(told) - 1, at + rng.randrange(40))
        desk.hear(told[at])
        await desk.caught_up()
        await desk.alerts.keep()
        end, owed = min(len(told), at + rng.randrange(20, 150)), list[Trade]()
        at += 1
        while at < end:
            if rng.random() < 0.05 and at + 8 < end:
                lost = told[at : (at := at + rng.randrange(1, 8))]
                gap = Gap(
                    "trades", lost[0].trade_id, lost[-1].trade_id, told[at - len(lost) - 1].ts_event, None
                )
                desk.bus.channel("trades", PAIR).publish(GapMarked(PAIR, gap, T0))
                owed += lost
            desk.hear(told[at])
            at += 1
            if owed and rng.random() < 0.1:
                rng.shuffle(owed)
                desk.hear(*(owed.pop() for _ in range(rng.randint(1, len(owed)))))
            if rng.random() < 0.1:
                await desk.alerts.keep()
        lives += 1
        if at >= len(told):
            await desk.alerts.keep()
    last = Desk(tmp_path, past)
    await last.alerts.start()
    last.hear(replace(told[-1], trade_id=told[-1].trade_id + 1))
    await last.caught_up()
    await last.alerts.keep()
    assert "alerts_missed" not in last.codes
    whole: list[Step] = []
    watch = AlertWatch(whole.append, lambda where, error: pytest.fail(f"{where}: {error!r}"), 10**8)
    for number, rule in enumerate(RULES.values(), 1):
        watch.arm(f"a{number}", rule)
    hear = watch.listen(PAIR)
    for trade in told:
        hear(trade)
    for name in {step.rule for step in whole}:
        lines = await last.alerts.why(name, limit=10**6)
        kept = Counter(step.fired for step in lines if step.outcome is Outcome.FIRED)
        kept += Counter(step.moment.ts_event for step in lines if step.outcome is Outcome.DATED)
        wanted = Counter(step.fired for step in whole if step.rule == name and step.outcome is Outcome.FIRED)
        assert not wanted - kept, (name, wanted - kept)
    assert lives > 1


async def test_a_rule_is_not_judged_by_trades_from_before_it_was_armed(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    await first.alerts.start()
    await first.alerts.add([UP])
    first.hear(priced(1, 99))
    await first.alerts.keep()
    first.hear(priced(2, 101), priced(3, 99))
    await first.alerts.add([UP])  # and the desk is killed
    past = Past([priced(2, 101), priced(3, 99)])
    desk = await life(tmp_path, past, priced(4, 101))
    assert past.asked == []
    assert sorted((each.rule, step.moment.trade_id) for each, step in [*first.fired, *desk.fired]) == [
        ("a1", 2),
        ("a1", 4),
        ("a2", 4),
    ]


@pytest.mark.parametrize(
    "refused", [ConnectError("binance", "no host answers"), VenueAnswer("binance", 503, "busy")]
)
async def test_a_venue_that_cannot_answer_yet_is_asked_again(
    tmp_path: Path, refused: VenueError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "RETRY_S", 0.001)
    await armed(tmp_path, priced(1, 99))
    past = Past([priced(2, 101), priced(3, 99), priced(4, 101), priced(5, 99)])
    past.refusals = [refused, refused, refused]
    desk = await life(tmp_path, past, priced(6, 99))
    assert past.asked == [(2, 5), (2, 5), (3, 5), (3, 5)]
    assert [(step.moment.trade_id, step.moment.late) for _, step in desk.fired] == [(2, True), (4, True)]
    assert desk.codes == ["alerts_delayed", "alerts_delayed"]


async def test_a_venue_that_says_no_for_good_is_not_asked_again(tmp_path: Path) -> None:
    await armed(tmp_path, priced(1, 99))
    past = Past([priced(2, 101)])
    past.refusals = [VenueAnswer("binance", 400, "no such trade")]
    desk = await life(tmp_path, past, priced(3, 99))
    assert past.asked == [(2, 2)]
    assert desk.codes == ["alerts_cut_off", "alerts_missed"]


async def test_what_waits_for_the_past_comes_in_its_order(tmp_path: Path) -> None:
    await armed(tmp_path, priced(1, 99))
    desk = Desk(tmp_path, Past([priced(2, 99)]))
    await desk.alerts.start()
    gap = Gap("trades", 5, 5, T0, T0)
    desk.hear(priced(3, 99), priced(4, 101))
    desk.bus.channel("trades", PAIR).publish(GapFound(PAIR, gap, T0))
    assert not desk.alerts.rules()[0].unknown
    await desk.caught_up()
    assert desk.alerts.rules()[0].unknown
    await desk.alerts.keep()
    assert desk.ids() == [4]


async def test_no_rule_is_armed_between_trades_that_are_still_to_be_judged(tmp_path: Path) -> None:
    await armed(tmp_path, priced(1, 99))
    desk = Desk(tmp_path, Past([priced(2, 101), priced(3, 99)]))
    await desk.alerts.start()
    with pytest.raises(NoDataYet, match="since the desk was here last come first"):
        await desk.alerts.add([UP])
    desk.hear(priced(4, 99))
    with pytest.raises(NoDataYet):
        await desk.alerts.add([UP])
    await desk.caught_up()
    assert await desk.alerts.add([UP]) == ["a2"]
    desk.hear(priced(5, 101))
    await desk.alerts.keep()
    assert sorted((fired.rule, step.moment.trade_id) for fired, step in desk.fired) == [
        ("a1", 2),
        ("a1", 5),
        ("a2", 5),
    ]


async def test_a_hold_ends_when_time_is_known_to_have_passed(tmp_path: Path) -> None:
    rule = AlertRule(PriceIs(PAIR, Side.ABOVE, 100.5), hold_ns=5 * 10**9)
    await armed(tmp_path, priced(1, 99), priced(2, 101), rule=rule)
    desk = Desk(tmp_path)
    await desk.alerts.start()
    desk.alerts.pass_time(PAIR, T0 + 60 * 10**9)  # nothing is judged before the past is
    desk.hear(priced(3, 101))
    await desk.caught_up()
    desk.alerts.pass_time(PAIR, T0 + 60 * 10**9)
    desk.alerts.pass_time(InstrumentId("ETH-USDT@binance"), T0)
    await desk.alerts.keep()
    ((fired, _),) = desk.fired
    assert fired.fired == T0 + 7 * 10**9


async def test_who_is_cancelled_while_it_is_kept_loses_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.alerts.start()
    await desk.alerts.add([UP])
    free = threading.Event()
    busy = asyncio.create_task(desk.alerts.in_thread(free.wait))
    desk.hear(priced(1, 99), priced(2, 101))
    tasks = [
        asyncio.create_task(desk.alerts.keep()),
        asyncio.create_task(desk.alerts.add([AlertRule(PriceIs(PAIR, Side.BELOW, 50.0))])),
    ]
    for _ in range(10):
        await asyncio.sleep(0)  # house: sleep - a turn for the others, no time
    for each in tasks:
        each.cancel()
    assert [type(each) for each in await asyncio.gather(*tasks, return_exceptions=True)] == [
        asyncio.CancelledError,
        asyncio.CancelledError,
    ]
    free.set()
    await busy
    await desk.alerts.close()
    with Journal(tmp_path) as journal:
        assert [each.rule for each in journal.firings()] == ["a1"]
        assert [each.name for each in journal.rules()] == ["a1", "a2"]


async def test_a_disk_that_refuses_is_told_once_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    await desk.alerts.start()
    await desk.alerts.add([UP])
    real = Journal._write

    def refuses(*_: object) -> list[Fired]:
        raise StoreError("expected room, found none", hint="make room")

    monkeypatch.setattr(Journal, "_write", refuses)
    desk.hear(priced(1, 99), priced(2, 101))
    await desk.alerts.keep()
    desk.hear(priced(3, 99), priced(4, 101))
    await desk.alerts.keep()
    assert (desk.codes, desk.fired) == (["alerts_not_kept"], [])
    with pytest.raises(StoreError, match="found none"):
        await desk.alerts.add([UP])
    assert [each.name for each in desk.alerts.rules()] == ["a1"]
    monkeypatch.setattr(Journal, "_write", real)
    await desk.alerts.keep()
    assert (desk.codes, desk.ids()) == (["alerts_not_kept", "alerts_kept_again"], [2, 4])
    assert await desk.alerts.add([UP]) == ["a2"]


async def test_more_than_can_wait_stops_the_judging_and_the_next_start_has_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await armed(tmp_path, priced(1, 99))
    desk = await life(tmp_path, None, priced(2, 99))
    monkeypatch.setattr(service, "MOST_STEPS", 1)
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "_write", lambda *_: (_ for _ in ()).throw(StoreError("no room")))
        desk.hear(priced(3, 101), priced(4, 99))
        await desk.alerts.keep()
        assert desk.codes == ["alerts_not_kept", "alerts_stopped"]
    desk.hear(priced(5, 101))
    await desk.alerts.keep()
    assert desk.fired == []
    past = Past([priced(3, 101), priced(4, 99), priced(5, 101)])
    assert (await life(tmp_path, past, priced(6, 99))).ids() == [3, 5]


async def test_a_rule_that_is_removed_says_no_more_and_keeps_its_journal(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.alerts.start()
    await desk.alerts.add([UP, UP])
    desk.hear(priced(1, 99), priced(2, 101))
    await desk.alerts.remove("a1")
    assert desk.ids() == [2, 2]
    desk.hear(priced(3, 99), priced(4, 101))
    await desk.alerts.keep()
    assert [each.rule for each, _ in desk.fired] == ["a1", "a2", "a2"]
    assert [step.moment.trade_id for step in await desk.alerts.why("a1")] == [1, 2]
    with pytest.raises(UnknownAlert, match="found 'a1'"):
        await desk.alerts.remove("a1")
    again = await life(tmp_path, None, priced(5, 99))
    assert [each.name for each in again.alerts.rules()] == ["a2"]
    assert await again.alerts.add([UP, UP]) == ["a3", "a4"]  # a name is never used again
    with pytest.raises(UnknownAlert, match="found 'a1'"):
        await again.alerts.remove("a2", "a1")
    await again.alerts.remove("a2", "a4", "a4")
    assert [each.name for each in again.alerts.rules()] == ["a3"]
    await again.alerts.close()
    assert [each.name for each in (await life(tmp_path, None, priced(6, 99))).alerts.rules()] == ["a3"]


async def test_what_makes_no_sense_arms_nothing_and_other_figures_are_taken(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with pytest.raises(StoreError, match="found it closed"):
        await desk.alerts.add([UP])
    await desk.alerts.start()
    with pytest.raises(ConfigError, match="above 0"):
        await desk.alerts.add([UP, AlertRule(PriceIs(PAIR, Side.ABOVE, 0.0))])
    assert desk.alerts.rules() == []
    await desk.alerts.add([AlertRule(SpreadIs(PAIR, 5.0))])
    assert desk.alerts.rules()[0].unknown


async def test_a_damaged_journal_and_an_error_of_ours_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "alerts.sqlite").write_bytes(b"this is no database" * 500)
    desk = Desk(tmp_path)
    await desk.alerts.start()
    assert desk.codes == ["alerts_set_aside"]
    await desk.alerts.add([UP])
    monkeypatch.setattr("bethna.logic.alerts.trade_watch.TradeWatch._look", lambda *_: 1 / 0)
    desk.hear(priced(FIRST, 99), priced(FIRST + 1, 101))
    assert desk.codes == ["alerts_set_aside", "alerts_broken"]


# --- rules that change


async def begun(folder: Path, **given: Any) -> Desk:
    desk = Desk(folder, **given)
    await desk.alerts.start()
    return desk


async def test_an_edited_rule_is_armed_at_the_last_price_and_goes_on_counting(tmp_path: Path) -> None:
    desk = await begun(tmp_path)
    await desk.alerts.add([UP])
    desk.hear(priced(1, 99), priced(2, 101))
    await desk.alerts.keep()
    higher = replace(UP, condition=PriceCrosses(PAIR, Way.UP, 101.5))
    await desk.alerts.edit("a1", higher, 1)
    assert (desk.alerts.rule("a1").version, desk.alerts.rule("a1").rule) == (2, higher)
    desk.hear(priced(3, 102))
    await desk.alerts.keep()
    assert [(fired.firing, step.moment.trade_id) for fired, step in desk.fired] == [(1, 2), (2, 3)]
    outcomes = [step.outcome for step in await desk.alerts.why("a1")]
    assert outcomes == [Outcome.NOTED, Outcome.FIRED, Outcome.EDITED, Outcome.NOTED, Outcome.FIRED]
    again = await begun(tmp_path)
    assert (again.alerts.rule("a1").version, again.alerts.rule("a1").state.firings) == (2, 2)


async def test_the_second_of_two_who_edit_is_told(tmp_path: Path) -> None:
    desk = await begun(tmp_path)
    await desk.alerts.add([UP])
    found = await asyncio.gather(
        desk.alerts.edit("a1", replace(UP, note="mine"), 1),
        desk.alerts.edit("a1", replace(UP, note="yours"), 1),
        return_exceptions=True,
    )
    assert found[0] is None
    assert isinstance(found[1], AlertChanged)
    assert (found[1].version, desk.alerts.rule("a1").rule.note) == (2, "mine")
    with pytest.raises(UnknownAlert):
        await desk.alerts.edit("a9", UP, 1)


async def test_a_paused_rule_is_not_judged_and_one_taken_up_again_waits_for_an_edge(tmp_path: Path) -> None:
    desk = await begun(tmp_path)
    await desk.alerts.add([AlertRule(PriceIs(PAIR, Side.ABOVE, 100.5), Repeat.EVERY)])
    desk.hear(priced(1, 99))
    await desk.alerts.pause("a1", paused=True)
    await desk.alerts.pause("a1", paused=True)
    desk.hear(priced(2, 101))
    assert desk.alerts.rule("a1").state.phase is Phase.PAUSED
    again = await begun(tmp_path, past=Past([priced(2, 101)]))
    again.hear(priced(3, 101))
    await again.caught_up()
    await again.alerts.pause("a1", paused=False)
    again.hear(priced(4, 102), priced(5, 99), priced(6, 101))
    await again.alerts.keep()
    assert again.ids() == [6]
    outcomes = [step.outcome for step in await again.alerts.why("a1")]
    assert outcomes[-4:] == [Outcome.RESUMED, Outcome.ALREADY, Outcome.OVER, Outcome.FIRED]


async def test_a_change_that_the_disk_refuses_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await begun(tmp_path)
    await desk.alerts.add([UP])
    desk.hear(priced(1, 99))
    await desk.alerts.keep()
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "_write", lambda *_: (_ for _ in ()).throw(StoreError("no room")))
        for change in (
            desk.alerts.edit("a1", replace(UP, note="x"), 1),
            desk.alerts.pause("a1", paused=True),
        ):
            with pytest.raises(StoreError, match="no room"):
                await change
    assert (desk.alerts.rule("a1").version, desk.alerts.rule("a1").state.phase) == (1, Phase.ACTIVE)
    desk.hear(priced(2, 101))
    await desk.alerts.keep()
    assert desk.ids() == [2]


async def test_no_more_than_are_allowed_are_armed(tmp_path: Path) -> None:
    def allow(armed: Sequence[AlertRule], new: Sequence[AlertRule]) -> None:
        if len(armed) + len(new) > 2:
            raise LimitReached("alert_price_rules", f"found {len(armed)} and {len(new)}")

    desk = await begun(tmp_path, allow=allow)
    with pytest.raises(LimitReached, match="found 0 and 3"):
        await desk.alerts.add([UP, UP, UP])
    assert desk.alerts.rules() == []
    await desk.alerts.add([UP, UP])
    with pytest.raises(LimitReached):
        await desk.alerts.add([UP])
    await desk.alerts.edit("a1", replace(UP, note="one for one"), 1)
    await desk.alerts.pause("a2", paused=True)
    await desk.alerts.add([UP])
    with pytest.raises(LimitReached):
        await desk.alerts.pause("a2", paused=False)


async def test_a_rule_is_armed_at_the_last_price_that_the_desk_has(tmp_path: Path) -> None:
    desk = await begun(tmp_path, recent=lambda _: [priced(1, 99)])
    await desk.alerts.add([UP])
    desk.hear(priced(2, 101))
    await desk.alerts.keep()
    assert desk.ids() == [2]


async def test_a_rule_armed_today_is_not_judged_by_an_old_cursor(tmp_path: Path) -> None:
    await armed(tmp_path, priced(1, 99))
    desk = await begun(tmp_path)
    await desk.alerts.remove("a1")
    later = await begun(tmp_path, past=(past := Past([priced(2, 101), priced(3, 99)])))
    await later.alerts.add([UP])
    later.hear(priced(4, 99), priced(5, 101))
    await later.caught_up()
    await later.alerts.keep()
    assert (later.ids(), past.asked) == ([5], [])


async def test_a_recording_that_ended_begins_anew_and_one_that_was_killed_goes_on(tmp_path: Path) -> None:
    tape = [priced(1, 99), priced(2, 101), priced(3, 99), priced(4, 101)]
    once = AlertRule(PriceIs(PAIR, Side.ABOVE, 100.5))
    desk = await begun(tmp_path, repeats=True)
    await desk.alerts.add([UP, once])
    desk.hear(*tape[:2])
    await desk.alerts.keep()
    killed = await begun(tmp_path, repeats=True)
    killed.hear(*tape)
    await killed.alerts.keep()
    assert [(each.rule, each.firing) for each in await killed.alerts.firings()] == [
        ("a1", 1), ("a2", 1), ("a1", 2),
    ]  # fmt: skip
    await killed.alerts.pause("a1", paused=True)
    name = killed.alerts.journal_name
    await killed.alerts.close()
    anew = await begun(tmp_path, repeats=True)
    assert [each.state.phase for each in anew.alerts.rules()] == [Phase.PAUSED, Phase.ACTIVE]
    anew.hear(*tape)
    await anew.alerts.keep()
    assert [(fired.rule, fired.firing) for fired, _ in anew.fired] == [("a2", 1)]
    assert anew.alerts.journal_name not in ("", name)


async def test_that_nobody_can_know_is_an_alert_where_it_is_asked_for(tmp_path: Path) -> None:
    desk = await begun(tmp_path)
    await desk.alerts.add([replace(UP, doubt=Doubt.TELL)])
    desk.hear(priced(1, 99))
    desk.bus.channel("trades", PAIR).publish(GapFound(PAIR, Gap("trades", 2, 3, T0, T0), T0))
    desk.alerts.tell_unknown("a1", T0)
    await desk.alerts.keep()
    ((fired, step),) = desk.fired
    assert (fired.firing, step.outcome, step.moment.state) == (1, Outcome.UNKNOWN, State.INCOMPLETE)
    desk.hear(priced(2, 99), priced(3, 101))
    await desk.alerts.keep()
    assert [fired.firing for fired, _ in desk.fired] == [1, 2]


async def test_nothing_is_written_before_there_is_a_rule_and_one_desk_alone_writes(tmp_path: Path) -> None:
    folder = tmp_path / "alerts"
    desk = await begun(folder)
    await desk.alerts.close()
    assert not folder.exists()
    first = await begun(folder)
    await first.alerts.add([UP])
    second = Alerting(folder, first.bus, first.clock, lambda *_: None, lambda *_: None)
    with pytest.raises(StoreError, match="found another desk"):
        await second.start()
    await first.alerts.close()
    with pytest.raises(StoreError, match="found it closed"):
        await first.alerts.add([UP])


async def test_what_takes_long_is_judged_late_behind_what_comes_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await armed(tmp_path, priced(1, 99))
    past, gate = Past([]), asyncio.Event()

    async def trades(*_: object) -> AsyncIterator[Sequence[Trade]]:
        yield [priced(2, 101)]
        await gate.wait()
        yield [priced(3, 99), priced(4, 101), priced(5, 99)]

    monkeypatch.setattr(past, "trades", trades)
    monkeypatch.setattr(ears, "CATCH_UP_S", 0.01)
    desk = await begun(tmp_path, past=past)
    behind = asyncio.create_task(desk.alerts.run())
    desk.hear(priced(6, 99))
    await desk.until(lambda: "alerts_behind" in desk.codes)
    desk.hear(priced(7, 101))
    await desk.alerts.keep()
    assert desk.ids() == [2, 7]
    gate.set()
    await desk.until(lambda: len(desk.fired) == 3)
    assert [(step.moment.trade_id, step.moment.late) for _, step in desk.fired] == [
        (2, True), (7, False), (4, True),
    ]  # fmt: skip
    behind.cancel()
    with suppress(asyncio.CancelledError):
        await behind


async def test_who_is_killed_while_it_catches_up_goes_on_from_there(tmp_path: Path) -> None:
    """What came of the trades so far, and how far they were judged, are one; else they would be judged twice."""
    await armed(tmp_path, priced(1, 99))
    past = Past([priced(number, 99 if number % 2 else 101) for number in range(2, 13)])
    half, never = asyncio.Event(), asyncio.Event()

    class Slow(Past):
        async def trades(self, *given: Any) -> AsyncIterator[Sequence[Trade]]:
            async for page in past.trades(*given):
                yield page[:4]
                half.set()
                await never.wait()

    desk = await begun(tmp_path, past=Slow([]))
    desk.hear(priced(12, 99))
    behind = asyncio.create_task(desk.caught_up())
    await half.wait()
    await desk.alerts.keep()
    assert desk.ids() == [2, 4]
    again = await life(tmp_path, past, priced(13, 101))  # it is killed here
    behind.cancel()
    assert past.asked[-1] == (6, 12)
    assert again.ids() == [6, 8, 10, 12]


MOVES = AlertRule(PriceMoves(PAIR, Way.UP, 5.0, 10 * 10**9), Repeat.EVERY)


@pytest.mark.parametrize("by_time", [False, True])
async def test_a_window_is_full_again_at_once_after_a_restart(tmp_path: Path, *, by_time: bool) -> None:
    told = [priced(number, 100) for number in range(1, 31)]
    await armed(tmp_path, *told, rule=MOVES)
    past = Past(told)
    past.by_time = by_time
    again = await life(tmp_path, past, priced(31, 106))
    assert (again.ids(), again.codes) == ([31], [])


@pytest.mark.parametrize("by_time", [False, True])
async def test_a_window_that_cannot_be_filled_again_says_so(tmp_path: Path, *, by_time: bool) -> None:
    told = [priced(number, 100) for number in range(1, 31)]
    await armed(tmp_path, *told, rule=MOVES)
    past = Past(told, until=29)
    past.by_time = by_time
    again = await life(tmp_path, past, priced(31, 106))
    assert (again.ids(), again.codes) == ([], ["alerts_windows"])
    assert again.alerts.rule("a1").unknown
    past = Past([*(each for each in told if each.trade_id != 25), priced(31, 106)])
    past.by_time = by_time
    again = await life(tmp_path, past, priced(32, 106))  # nobody knows how it was before the hole
    assert (again.ids(), again.codes) == ([], ["alerts_windows"])


async def test_a_journal_that_found_the_disk_full_is_made_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await begun(tmp_path)
    note = Journal._note
    with monkeypatch.context() as full:

        def no_room(*_: object) -> None:
            raise StoreError("found the disk full")

        full.setattr(Journal, "_note", no_room)
        with pytest.raises(StoreError, match="disk full"):
            await desk.alerts.add([UP])
    assert Journal._note is note
    assert await desk.alerts.add([UP]) == ["a1"]
