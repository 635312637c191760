"""What a tick costs that fires nothing, with ten alert rules and with a hundred thousand, on 500 symbols.

CPU time, for nothing waits; contestants take turns in every round, in one process, medians over rounds. Every
contestant looks at the same trades; at the end one trade a symbol reaches every level, and all must say the same.

    ours    the function that a feed's channel calls with each trade (`AlertWatch.listen`), so what stands before it is
            in it, and every rule is a crossing with its state.
    scan    for each symbol a list of (level, direction), looked through at each trade with the price before, as the
            desks of others do (a dictionary of lists, one comparison a rule).
"""

from __future__ import annotations

import random
import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass

from bethna.core.alerts import AlertRule, Outcome, PriceCrosses, Step, Way
from bethna.core.market import InstrumentId, Trade
from bethna.logic.alerts.alert_watch import AlertWatch

SYMBOLS, SEED = 500, 20261126
COUNTS = (10, 1_000, 100_000)
TICKS = {"ours": 200_000, "scan": 4_000}
START = 1_640_995_200 * 10**9
CONTESTS = ("alerts",)
Hear = Callable[[Trade], None]
Arm = Callable[[dict[str, PriceCrosses], Callable[[str], None]], list[Hear]]


class WrongAlertsError(Exception):
    """Contestants do not agree."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One contestant with so many rules: `us` of a tick, `arm_s` of CPU to arm all, `megabytes` of all, traced."""

    name: str
    rules: int
    us: float
    arm_s: float
    megabytes: float


class Scan:
    """The other way: each tick looks through the rules of its symbol."""

    def __init__(self, fire: Callable[[str], None]) -> None:
        self._rules: dict[InstrumentId, list[tuple[str, float, bool]]] = {}
        self._last: dict[InstrumentId, float] = {}
        self._fire = fire

    def arm(self, name: str, condition: PriceCrosses) -> None:
        rules = self._rules.setdefault(condition.instrument, [])
        rules.append((name, condition.level, condition.way is Way.UP))

    def listen(self, instrument: InstrumentId) -> Hear:
        rules, last, fire = self._rules.setdefault(instrument, []), self._last, self._fire

        def hear(trade: Trade) -> None:
            price = trade.price
            before = last.get(instrument, price)
            last[instrument] = price
            for rule in list(rules):
                name, level, up = rule
                if (before < level < price) if up else (price < level < before):
                    rules.remove(rule)
                    fire(name)

        return hear


def run(names: tuple[str, ...], rounds: int, say: Callable[[str], None]) -> list[Cost]:
    """The contest, if `names` has it. Raises WrongAlertsError."""
    costs: list[Cost] = []
    for count in COUNTS if "alerts" in names else ():
        say(f"alerts: {count:,} rules")
        costs += _contest(count, rounds)
    return costs


def _contest(count: int, rounds: int) -> list[Cost]:
    conditions = _conditions(count)
    said: dict[str, list[str]] = {name: [] for name in ARMING}
    megabytes = {name: _memory(arm, conditions) for name, arm in ARMING.items()}
    armed: dict[str, list[float]] = {name: [] for name in ARMING}
    hears: dict[str, list[Hear]] = {}
    for _ in range(rounds):
        for name, arm in ARMING.items():
            said[name].clear()
            hears.pop(name, None)
            began = time.process_time()
            hears[name] = arm(conditions, said[name].append)
            armed[name].append(time.process_time() - began)
    for each in hears.values():
        for hear, trade in zip(each, _level(100.0, 1), strict=True):
            hear(trade)
    took = {
        name: [_round(hears[name], TICKS[name], 2 + number * TICKS[name]) for number in range(rounds)]
        for name in hears
    }
    for name, each in hears.items():
        for number, price in ((10**9, 1e6), (10**9 + 1, 1e-6)):
            for hear, trade in zip(each, _level(price, number), strict=True):
                hear(trade)
        if sorted(said[name]) != sorted(conditions):
            raise WrongAlertsError(f"{name} fired {len(said[name]):,} of {count:,} rules")
    return [
        Cost(name, count, statistics.median(took[name]), statistics.median(armed[name]), megabytes[name])
        for name in ARMING
    ]


def _arm_ours(conditions: dict[str, PriceCrosses], fire: Callable[[str], None]) -> list[Hear]:
    def report(step: Step) -> None:
        if step.outcome is Outcome.FIRED:
            fire(step.rule)

    watch = AlertWatch(report, _broke, 10**8)
    for name, condition in conditions.items():
        watch.arm(name, AlertRule(condition))
    return [watch.listen(each) for each in _symbols()]  # type: ignore[misc]  # a trade is one of what they hear


def _arm_scan(conditions: dict[str, PriceCrosses], fire: Callable[[str], None]) -> list[Hear]:
    scan = Scan(fire)
    for name, condition in conditions.items():
        scan.arm(name, condition)
    return [scan.listen(each) for each in _symbols()]


ARMING: dict[str, Arm] = {
    "ours": _arm_ours,
    "scan": _arm_scan,
}


def _memory(arm: Arm, conditions: dict[str, PriceCrosses]) -> float:
    """Megabytes that all rules take when each has seen a price, without names and conditions."""
    tracemalloc.start()
    hears = arm(conditions, _no_firing)
    for hear, trade in zip(hears, _level(100.0, 1), strict=True):
        hear(trade)
    found = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return found / 1e6


def _round(hears: list[Hear], ticks: int, first: int) -> float:
    """Microseconds a tick, less what the loop itself costs; the trades are numbered from `first` on."""
    rng = random.Random(SEED)
    work = [
        (hears[rng.randrange(SYMBOLS)], Trade(_SYMBOL, 99.5 + rng.random(), 1.0, "buy", number, START, START))
        for number in range(first, first + ticks)
    ]
    began = time.process_time()
    for hear, trade in work:
        hear(trade)
    middle = time.process_time()
    for _hear, _trade in work:
        pass
    return (2 * middle - began - time.process_time()) / ticks * 1e6


def _conditions(count: int) -> dict[str, PriceCrosses]:
    rng = random.Random(SEED)
    found = {}
    for number in range(count):
        up = rng.random() < 0.5
        level = rng.uniform(101.0, 200.0) if up else rng.uniform(50.0, 99.0)
        instrument = _symbols()[number % SYMBOLS]
        found[f"r{number:06}"] = PriceCrosses(instrument, Way.UP if up else Way.DOWN, level)
    return found


def _symbols() -> list[InstrumentId]:
    return [InstrumentId(f"S{number}-USDT@walk") for number in range(SYMBOLS)]


_SYMBOL = _symbols()[0]


def _level(price: float, number: int) -> list[Trade]:
    return [Trade(each, price, 1.0, "buy", number, START, START) for each in _symbols()]


def _no_firing(name: str) -> None:
    raise WrongAlertsError(f"{name} fired at a price that reaches nothing")


def _broke(instrument: InstrumentId, error: Exception) -> None:
    raise WrongAlertsError(f"{instrument}: {error!r}") from error


def as_text(costs: list[Cost]) -> str:
    """The table, with each one's cost as a multiple of ours."""
    lines = [
        f"{'alerts, a tick that fires nothing':<40}{'us a tick':>11}{'armed in s':>12}{'MB':>8}{'of ours':>11}"
    ]
    for cost in costs:
        ours = next(each.us for each in costs if each.rules == cost.rules and each.name == "ours")
        what = f"{cost.rules:,} rules {cost.name}"
        lines.append(
            f"{what:<40}{cost.us:>11.3f}{cost.arm_s:>12.2f}{cost.megabytes:>8.1f}{cost.us / ours:>10.1f}x"
        )
    return "\n".join(lines)


def as_object(costs: list[Cost]) -> list[dict[str, object]]:
    """The same for programs."""
    return [asdict(cost) for cost in costs]
