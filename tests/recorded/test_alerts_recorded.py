"""Firings over a real recording equal a look at its bare trades, also around a cut that is healed or given up."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random

import pytest
import zstandard

from bethna.app.tape_codecs import TapeCodecs
from bethna.config import load
from bethna.core.alerts import (
    AlertRule,
    Outcome,
    Passage,
    PriceChannel,
    PriceCrosses,
    PriceIs,
    PriceMoves,
    Repeat,
    Side,
    Step,
    VolumeIs,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId, Trade, TradePage
from bethna.core.wire import MarketEvent
from bethna.logic.alerts.alert_watch import AlertWatch
from bethna.logic.alerts.rehearsal import rehearse
from bethna.logic.feed import FeedSettings
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock, SystemClock
from bethna.services.feeds import Feeds
from bethna.services.playback import TapePlayer

BTC = InstrumentId("BTC-USDT@binance")
MS = NS_PER_S // 1000
LEVELS = (61_620.0, 61_656.5, 61_676.5, 61_700.0)
pytestmark = pytest.mark.needs("shared")

Raw = tuple[int, float, int, float]
"""(id, price, event time in ns, quantity)"""


def tape(shared_dir: Path) -> Path:
    return shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst"


@cache
def raw_trades(path: Path) -> tuple[Raw, ...]:
    """The trades as they stand in the file, read with nothing of ours."""
    found: list[Raw] = []
    with path.open("rb") as file:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file)):
            if "btcusdt@trade" in line and '"kind":"rx"' in line:
                each = json.loads(json.loads(line)["raw"])["data"]
                found.append((each["t"], float(each["p"]), each["T"] * MS, float(each["q"])))
    return tuple(found)


# --- the rules, and what each must say by the bare trades


def sides(raw: Sequence[Raw], level: float) -> Iterator[tuple[Raw, bool]]:
    """Each trade with whether the price is above; one on the level is where the one before was."""
    above: bool | None = None
    for each in raw:
        above = above if each[1] == level else each[1] > level
        if above is not None:
            yield each, above


def crossings(raw: Sequence[Raw], level: float, ways: str) -> list[int]:
    found, before = [], None
    for each, above in sides(raw, level):
        if before is not None and above != before and ("up" if above else "down") in ways:
            found.append(each[0])
        before = above
    return found


def rises(raw: Sequence[Raw], level: float, again: float) -> list[int]:
    found, below = [], False
    for each in raw:
        below = below or each[1] < again
        if each[1] > level and below:
            found.append(each[0])
            below = False
    return found


def held(raw: Sequence[Raw], level: float, hold: int) -> list[int]:
    """Event times at which the price has been above for so long; of the first spell only if it began by a crossing."""
    found: list[int] = []
    since: int | None = None
    before: bool | None = None
    for each, above in sides(raw, level):
        if since is not None and each[2] - since >= hold:
            found.append(since + hold)
            since = None
        if above and before is False:
            since = each[2]
        if not above:
            since = None
        before = above
    return found


def leaves(raw: Sequence[Raw], low: float, high: float) -> list[int]:
    found, inside = [], None
    for number, price, _, _ in raw:
        now = True if low < price < high else False if price < low or price > high else inside
        if inside and now is False:
            found.append(number)
        inside = now
    return found


def moves(raw: Sequence[Raw], percent: float, window: int) -> list[int]:
    found: list[int] = []
    before: bool | None = None
    first = 0
    for index, (number, price, ts, _) in enumerate(raw):
        while raw[first][2] <= ts - window:
            first += 1
        if ts - raw[0][2] < window:
            continue  # it is not full
        rise = (price / min(each[1] for each in raw[first : index + 1]) - 1.0) * 100.0
        now = before if rise == percent else rise > percent
        if now and before is False:
            found.append(number)
        before = now
    return found


def volumes(raw: Sequence[Raw], quantity: float, window: int) -> list[int]:
    found: list[int] = []
    before: bool | None = None
    first = 0
    for index, (number, _, ts, _) in enumerate(raw):
        while raw[first][2] <= ts - window:
            first += 1
        if ts - raw[0][2] < window:
            continue
        lots = sum(round(each[3] * 10**8) for each in raw[first : index + 1])
        now = before if lots == round(quantity * 10**8) else lots > round(quantity * 10**8)
        if now and before is False:
            found.append(number)
        before = now
    return found


def cooled(ids: list[int], times: dict[int, int], cooldown: int) -> list[int]:
    found: list[int] = []
    for each in ids:
        if not found or times[each] - times[found[-1]] >= cooldown:
            found.append(each)
    return found


EVERY = Repeat.EVERY
RULES: dict[str, AlertRule] = {
    **{f"either {level:g}": AlertRule(PriceCrosses(BTC, Way.EITHER, level), EVERY) for level in LEVELS},
    **{f"up {level:g}": AlertRule(PriceCrosses(BTC, Way.UP, level), EVERY) for level in LEVELS},
    **{
        f"again {level:g}": AlertRule(PriceCrosses(BTC, Way.UP, level, level - 15.0), EVERY)
        for level in LEVELS
    },
    "held": AlertRule(PriceIs(BTC, Side.ABOVE, LEVELS[1]), EVERY, hold_ns=5 * NS_PER_S),
    "cooled": AlertRule(PriceCrosses(BTC, Way.DOWN, LEVELS[1]), EVERY, cooldown_ns=30 * NS_PER_S),
    "leaves": AlertRule(PriceChannel(BTC, LEVELS[0], LEVELS[2], Passage.LEAVES), EVERY),
    "moves": AlertRule(PriceMoves(BTC, Way.UP, 0.03, 20 * NS_PER_S), EVERY),
    "volume": AlertRule(VolumeIs(BTC, 5.0, 10 * NS_PER_S), EVERY),
    "once": AlertRule(PriceIs(BTC, Side.BELOW, LEVELS[0])),
    "bar": AlertRule(PriceCrosses(BTC, Way.UP, LEVELS[1]), Repeat.PER_BAR, Interval.M1),
}


@cache
def by_hand(raw: tuple[Raw, ...]) -> dict[str, list[int]]:
    times = {each[0]: each[2] for each in raw}
    found: dict[str, list[int]] = {}
    for level in LEVELS:
        found[f"either {level:g}"] = crossings(raw, level, "up down")
        found[f"up {level:g}"] = crossings(raw, level, "up")
        found[f"again {level:g}"] = rises(raw, level, level - 15.0)
    found["cooled"] = cooled(crossings(raw, LEVELS[1], "down"), times, 30 * NS_PER_S)
    found["leaves"] = leaves(raw, LEVELS[0], LEVELS[2])
    found["moves"] = moves(raw, 0.03, 20 * NS_PER_S)
    found["volume"] = volumes(raw, 5.0, 10 * NS_PER_S)
    found["once"] = crossings(raw, LEVELS[0], "down")[:1]
    bars: dict[int, int] = {}
    for each in crossings(raw, LEVELS[1], "up"):
        bars.setdefault(times[each] // (60 * NS_PER_S), each)
    found["bar"] = list(bars.values())
    return found


# --- the tape, through the desk's feed


class Cut(Feeds):
    """Feeds that do not hear some trades, until they are asked for."""

    missing: range = range(0)
    later = 0
    lost: list[Trade]

    def apply(self, event: MarketEvent, conn: int = 0) -> None:
        """Lose it, or hand it on; `later` trades after the cut what was lost comes from history, if it comes at all."""
        if isinstance(event, Trade):
            if event.trade_id in self.missing:
                self.lost.append(event)
                return
            super().apply(event, conn)
            if self.lost and self.later and event.trade_id == self.missing[-1] + self.later:
                self.apply_rest([TradePage(BTC, self.lost)], event.ts_recv)
            return
        super().apply(event, conn)


def played(
    path: Path, missing: range = range(0), later: int = 0, rules: Mapping[str, AlertRule] = RULES
) -> list[Step]:
    steps: list[Step] = []
    clock = ManualClock()
    bus = Bus(clock)
    feeds = Cut(bus, clock, FeedSettings(), follow_unknown=True)
    feeds.missing, feeds.later, feeds.lost = missing, later, []
    watch = AlertWatch(steps.append, lambda where, error: pytest.fail(f"{where}: {error!r}"), 10**8)
    for name, rule in rules.items():
        watch.arm(name, rule)
    bus.channel("trades", BTC).subscribe(watch.listen(BTC), "alerts")
    codecs = TapeCodecs(load(options={"source": f"tape:{path}"}))
    TapePlayer(path, codecs, feeds, clock, SystemClock()).play_through()
    return steps


@cache
def whole(path: Path) -> list[Step]:
    """The steps of the whole tape."""
    return played(path)


def fired(steps: list[Step]) -> dict[str, list[int | None]]:
    found: dict[str, list[int | None]] = {name: [] for name in RULES if name != "held"}
    for step in steps:
        if step.outcome is Outcome.FIRED and step.rule != "held":
            found[step.rule].append(step.moment.trade_id)
    return found


def test_firings_over_the_tape_equal_a_look_at_its_bare_trades(shared_dir: Path) -> None:
    raw = raw_trades(tape(shared_dir))
    assert len(raw) == 19_904
    steps = whole(tape(shared_dir))
    expected = by_hand(raw)
    assert fired(steps) == expected
    assert [step.fired for step in steps if step.rule == "held" and step.fired] == held(
        raw, LEVELS[1], 5 * NS_PER_S
    )
    assert all(expected.values())
    assert sum(map(len, expected.values())) > 200, "it is worth looking at"
    assert not any(step.moment.late or step.moment.after_gap for step in steps)
    assert played(tape(shared_dir)) == steps  # a replay says the same, line for line


@pytest.mark.parametrize("start", [3_000, 15_000])
def test_a_cut_that_is_healed_changes_no_firing_and_marks_those_inside_as_late(
    shared_dir: Path, start: int
) -> None:
    raw = raw_trades(tape(shared_dir))
    missing = range(raw[start][0], raw[start][0] + 1_500)
    steps = played(tape(shared_dir), missing, later=20)
    assert fired(steps) == by_hand(raw)
    assert {step.rule: step.fired for step in steps if step.fired} == {
        step.rule: step.fired for step in whole(tape(shared_dir)) if step.fired
    }
    for step in steps:
        if step.moment.trade_id is not None:
            assert step.moment.late == (step.moment.trade_id in missing)
            assert not step.moment.after_gap


def test_a_cut_that_is_given_up_says_so_and_loses_nothing_when_it_comes_after_all(shared_dir: Path) -> None:
    raw = raw_trades(tape(shared_dir))
    missing = range(raw[9_000][0], raw[9_000][0] + 1_500)
    alone = fired(played(tape(shared_dir), missing))
    expected = by_hand(raw)
    steps = played(tape(shared_dir), missing, later=2_500)
    assert any(step.moment.late for step in steps if step.outcome is Outcome.FIRED)
    for name in [f"{kind} {level:g}" for kind in ("either", "up", "again") for level in LEVELS]:
        told = {step.moment.trade_id for step in steps if step.rule == name and step.fired}
        lacking = set(expected[name]) - told
        extra = told - set(expected[name])
        assert len(extra) >= len(lacking), name  # told at another moment, never not at all
        assert len(alone[name]) <= len(expected[name]) + len(extra)
    assert sum(len(alone[name]) for name in expected) < sum(map(len, expected.values()))


def test_a_rehearsal_says_what_a_replay_says(shared_dir: Path) -> None:
    """Two hundred random rules: the replay goes through the desk's feed, the rehearsal over the bare trades."""
    path = tape(shared_dir)
    raw = raw_trades(path)
    trades = [Trade(BTC, price, quantity, "buy", number, ts, ts) for number, price, ts, quantity in raw]
    rng = Random(20261126)
    rules = {f"r{number:03}": random_rule(rng) for number in range(200)}
    told = Counter(step.rule for step in played(path, rules=rules) if step.fired is not None)
    some = 0
    for name, rule in rules.items():
        found = rehearse(rule, trades, 10**8)
        assert len(found.fired) == told[name], rule
        some += bool(found.fired)
    assert some > 150


def random_rule(rng: Random) -> AlertRule:
    level = rng.choice((61_600.0, 61_640.0, 61_656.5, 61_670.25, 61_684.0, 61_700.0, 61_720.0))
    way = rng.choice((Way.UP, Way.DOWN))
    sign = -1.0 if way is Way.UP else 1.0
    rearm = rng.choice((None, level + sign * rng.uniform(0.0, 30.0)))
    condition = rng.choice(
        (
            PriceCrosses(BTC, way, level, rearm),
            PriceCrosses(BTC, Way.EITHER, level),
            PriceIs(BTC, Side.ABOVE if way is Way.UP else Side.BELOW, level, rearm),
            PriceChannel(BTC, level - 20.0, level + rng.uniform(1.0, 40.0), rng.choice(tuple(Passage))),
            PriceMoves(BTC, way, rng.uniform(0.01, 0.1), rng.randrange(5, 60) * NS_PER_S),
            VolumeIs(BTC, rng.uniform(1.0, 20.0), rng.randrange(1, 30) * NS_PER_S),
        )
    )
    either = isinstance(condition, PriceCrosses) and condition.way is Way.EITHER
    repeat = rng.choice((Repeat.EVERY, Repeat.EVERY, Repeat.PER_BAR))
    return AlertRule(
        condition,
        repeat,
        Interval.M1 if repeat is Repeat.PER_BAR else None,
        0 if either else rng.choice((0, 0, rng.randrange(1, 20) * NS_PER_S)),
        rng.choice((0, 0, rng.randrange(1, 120) * NS_PER_S)),
        already=rng.random() < 0.2,
    )
