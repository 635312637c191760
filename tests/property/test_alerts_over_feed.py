"""Alerts behind the machine that orders trades: whatever the wire and the venue's history do, each firing is kept once.

BETHNA_TEST_SEED=7 pytest tests/property/test_alerts_over_feed.py
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import NoReturn

import pytest
from conftest import Campaign
from msgspec.structs import replace

from bethna.core.alerts import AlertRule, Outcome, PriceCrosses, PriceIs, Repeat, Side, Step, Way
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap
from bethna.core.market import InstrumentId, Trade
from bethna.core.status import GapFound, GapMarked, Healed
from bethna.logic.alerts.alert_watch import AlertWatch
from bethna.logic.alerts.trade_watch import QUIET_NS
from bethna.logic.trades import TradeSequence

PAIR = InstrumentId("BTC-USDT@binance")
T0 = 1_700_000_000 * NS_PER_S
FIRST = 100
RULES = {
    "up": AlertRule(PriceCrosses(PAIR, Way.UP, 100.0), Repeat.EVERY),
    "either": AlertRule(PriceCrosses(PAIR, Way.EITHER, 100.5), Repeat.EVERY),
    "again": AlertRule(PriceCrosses(PAIR, Way.DOWN, 100.0, 101.0), Repeat.EVERY),
    "hold": AlertRule(PriceIs(PAIR, Side.ABOVE, 100.0), Repeat.EVERY, hold_ns=2 * NS_PER_S),
    "cooldown": AlertRule(PriceIs(PAIR, Side.ABOVE, 100.0), Repeat.EVERY, cooldown_ns=3 * NS_PER_S),
}


def broke(instrument: InstrumentId, error: Exception) -> NoReturn:
    raise AssertionError(instrument) from error


class World:
    """A market, a wire that drops, delays and doubles, a history that answers in parts or not, and the alerts."""

    def __init__(self, rng: Random, count: int) -> None:
        self.rng = rng
        self.steps: list[Step] = []
        self.log: list[str] = []
        self.now = T0
        self.newest = 0
        self.trades = list(self._market(count))
        self._wanted: tuple[int, int] | None = None
        self._owed: list[tuple[int, int]] = []
        self._watch = AlertWatch(self.steps.append, broke, 10**8)
        for name, rule in RULES.items():
            self._watch.arm(name, rule)
        self._hear = self._watch.listen(PAIR)
        self._sequence = TradeSequence(
            self._say, self, patience_ns=5 * NS_PER_S, max_held=rng.choice((4, 1_000))
        )

    def _market(self, count: int) -> Sequence[Trade]:
        price, found = 100.0, []
        for number in range(count):
            price = min(103.0, max(97.0, price + self.rng.choice((-2, -1, -0.5, 0, 0.5, 1, 2))))
            ts = T0 + number * NS_PER_S
            found.append(Trade(PAIR, price, 1.0, "buy", FIRST + number, ts, ts))
        return found

    # what the machine tells, told on as a feed does

    def _say(self, trade: Trade) -> None:
        self.newest = max(self.newest, trade.trade_id)
        self.log.append(f"{trade.trade_id}: {trade.price}")
        self._hear(trade)

    def late(self, trade: Trade) -> None:
        self.newest = max(self.newest, trade.trade_id)
        self.log.append(f"late {trade.trade_id}: {trade.price}")
        self._hear(trade)

    def gap_found(self, gap: Gap, ts: int) -> None:
        self.log.append(f"found {gap}")
        self._wanted = _ids(gap)
        self._hear(GapFound(PAIR, gap, ts))

    def gap_healed(self, gap: Gap, found: int, ts: int) -> None:
        self.log.append(f"healed {gap}")
        self._hear(Healed(PAIR, gap, found, ts))

    def gap_marked(self, gap: Gap, ts: int) -> None:
        self.log.append(f"marked {gap}")
        self._owed.append(_ids(gap))
        self._hear(GapMarked(PAIR, gap, ts))

    # what happens

    def run(self) -> None:
        answers = self.rng.random() < 0.5
        for ts, trade in self._wire():
            self.now = max(self.now, ts)
            self._sequence.apply(replace(trade, ts_recv=self.now))
            if self.rng.random() < 0.1:
                answers = not answers
            if answers:
                self._heal()
            self._pass()
        self._sequence.finish(self.now)
        self._answer_all()
        for _ in range(2):
            self.now += 2 * QUIET_NS
            self._watch.pass_time(PAIR, T0, self.now)

    def _wire(self) -> list[tuple[int, Trade]]:
        wire, drops = [(T0, self.trades[0])], 0
        for trade in self.trades[1:]:
            if drops or self.rng.random() < 0.12:
                drops = drops - 1 if drops else self.rng.randrange(7)
                continue
            late = self.rng.randrange(1, 6) * NS_PER_S if self.rng.random() < 0.05 else 0
            wire.append((trade.ts_event + late, trade))
            if self.rng.random() < 0.05:
                wire.append((trade.ts_event + late + NS_PER_S, trade))
        return sorted(wire, key=lambda each: each[0])

    def _heal(self) -> None:
        """Some page of what is wanted, and of what is owed."""
        if self._wanted is not None and self.rng.random() < 0.5:
            self._page(*self._part(self._wanted))
        if self._owed and self.rng.random() < 0.3:
            owed = self._owed.pop(0)
            self._page(*self._part(owed))
            if self.rng.random() < 0.5:
                self._owed.append(owed)

    def _pass(self) -> None:
        last = self._sequence.last
        assert last is not None
        if self.rng.random() < 0.2:
            newest = min(last.trade_id + self.rng.randrange(4), self.trades[-1].trade_id)
            self._sequence.expect(newest, last.ts_event, self.now)
        if self.rng.random() < 0.5:
            self._sequence.tick(self.now)
        if self.rng.random() < 0.03:
            self._sequence.heal_failed(self.now)
        if self.rng.random() < 0.1:
            quiet = QUIET_NS if self.rng.random() < 0.1 else 0
            self._watch.pass_time(PAIR, last.ts_event, self.now + quiet)

    def _part(self, ids: tuple[int, int]) -> tuple[int, int]:
        if self.rng.random() < 0.5:
            return ids
        first = self.rng.randint(*ids)
        return first, self.rng.randint(first, ids[1])

    def _page(self, first: int, last: int) -> None:
        asked = self.trades[first - FIRST : last - FIRST + 1]
        self._sequence.splice([replace(trade, ts_recv=self.now) for trade in asked], self.now)

    def _answer_all(self) -> None:
        """What is missing at the end, in no order and in parts."""
        missing = [span for hole in self._sequence.log.holes for span in hole.missing]
        self.rng.shuffle(missing)
        for first, last in missing:
            while first <= last:
                upto = self.rng.randint(first, last)
                self._page(first, upto)
                first = upto + 1


def _ids(gap: Gap) -> tuple[int, int]:
    assert gap.first_id is not None
    assert gap.last_id is not None
    return gap.first_id, gap.last_id


def uninterrupted(trades: Sequence[Trade]) -> list[Step]:
    steps: list[Step] = []
    watch = AlertWatch(steps.append, broke, 10**8)
    for name, rule in RULES.items():
        watch.arm(name, rule)
    hear = watch.listen(PAIR)
    for trade in trades:
        hear(trade)
    return steps


@pytest.mark.campaign
def test_each_firing_is_in_the_journal_once_with_its_own_time(campaign: Campaign) -> None:
    firings = late = dated = 0
    for seed in campaign.seeds(300, 20_000):
        rng = Random(seed)
        world = World(rng, rng.choice((8, 12, 20, 40)))
        world.run()
        true = uninterrupted([trade for trade in world.trades if trade.trade_id <= world.newest])
        for name in RULES:
            said = f"seed {seed}, {name}: {world.log}"
            mine, wanted = ([step for step in each if step.rule == name] for each in (world.steps, true))
            alerts = [step for step in mine if step.outcome is Outcome.FIRED]
            lines = [step for step in mine if step.outcome is Outcome.DATED]
            told = Counter(step.fired for step in alerts)
            happened = Counter(step.fired for step in wanted if step.outcome is Outcome.FIRED)
            assert not happened - told - Counter(step.moment.ts_event for step in lines), said
            assert told.total() >= happened.total(), said
            twice = told - Counter(dict.fromkeys(told, 1))
            assert not twice - Counter(step.fired for step in lines), (
                said
            )  # one of them was of another moment
            assert [step.number for step in mine] == list(range(1, len(mine) + 1)), said
            assert [each.after.leaves for each in mine[-1:]] == [each.after.leaves for each in wanted[-1:]], (
                said
            )
            firings, dated = firings + len(alerts), dated + len(lines)
            late += sum(step.moment.late for step in alerts)
    print(f"{firings:,} firings, {late:,} of them late, {dated:,} dated")
    assert late
    assert dated
