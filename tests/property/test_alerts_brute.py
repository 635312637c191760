"""Firings of rules equal an independent look at every trade, whatever the prices, the rules and their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    Condition,
    Doubt,
    Leaf,
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
from bethna.core.coverage import Gap
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId, Trade
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.rules import check
from bethna.logic.alerts.stepping import Armed
from bethna.logic.alerts.trade_watch import QUIET_NS, TradeWatch

PAIR = InstrumentId("BTC-USDT@binance")
SCALE = 10**8
T0 = 1_700_000_000 * NS_PER_S
Fired = tuple[str, int]


# --- the other way: every trade looked at from the beginning, no thresholds, no states kept between


def truth(leaf: Leaf, trades: Sequence[Trade], upto: int) -> bool | None:
    """Whether a part holds after the first `upto` trades; None where its side was never seen."""
    prices = [trade.price for trade in trades[:upto]]
    match leaf:
        case PriceIs(side=Side.ABOVE):
            return _latched(
                prices, lambda p: p > leaf.level, lambda p: p < (leaf.rearm or leaf.level), first=False
            )
        case PriceIs():
            return _latched(
                prices, lambda p: p < leaf.level, lambda p: p > (leaf.rearm or leaf.level), first=False
            )
        case PriceCrosses(way=Way.DOWN):
            return _latched(
                prices, lambda p: p < leaf.level, lambda p: p > (leaf.rearm or leaf.level), first=None
            )
        case PriceCrosses():
            return _latched(
                prices, lambda p: p > leaf.level, lambda p: p < (leaf.rearm or leaf.level), first=None
            )
        case PriceChannel():
            wide = leaf.low - leaf.margin, leaf.high + leaf.margin
            inside = _latched(
                prices, lambda p: leaf.low < p < leaf.high, lambda p: p < wide[0] or p > wide[1], first=None
            )
            if inside is None:
                return None
            return inside if leaf.passage is Passage.ENTERS else not inside
        case PriceMoves() | VolumeIs():
            full = [n for n in range(upto) if trades[n].ts_event - trades[0].ts_event >= leaf.window_ns]
            if not full:
                return None  # a window says nothing before it is full
            figures = [figure(leaf, trades[: number + 1]) for number in full]
            limit = leaf.percent if isinstance(leaf, PriceMoves) else leaf.quantity
            return _latched(figures, lambda f: f > limit, lambda f: f < limit, first=False)
        case _:
            raise AssertionError(leaf)


def figure(leaf: PriceMoves | VolumeIs, trades: Sequence[Trade]) -> float:
    """Of the window that ends at the last trade."""
    last = trades[-1]
    inside = [trade for trade in trades if trade.ts_event > last.ts_event - leaf.window_ns]
    if isinstance(leaf, VolumeIs):
        return sum(round(trade.quantity * SCALE) for trade in inside) / SCALE
    if leaf.way is Way.UP:
        return (last.price / min(trade.price for trade in inside) - 1.0) * 100.0
    return (1.0 - last.price / max(trade.price for trade in inside)) * 100.0


Is = Callable[[float], bool]


def _latched(prices: Sequence[float], is_yes: Is, is_no: Is, *, first: bool | None) -> bool | None:
    for price in reversed(prices):
        if is_yes(price):
            return True
        if is_no(price):
            return False
    return first


def expected(rule: AlertRule, trades: Sequence[Trade]) -> list[int]:
    """Event times of the firings."""
    parts = parts_of(rule.condition)
    told: list[int] = []
    due: int | None = None
    before: list[bool | None] = [None] * len(parts)
    over = False

    def fire(ts: int) -> None:
        nonlocal over
        if told and ts - told[-1] < rule.cooldown_ns:
            return
        if told and rule.bar is not None and rule.bar.open_time(ts) == rule.bar.open_time(told[-1]):
            return
        told.append(ts)
        over = rule.repeat is Repeat.ONCE

    for upto in range(1, len(trades) + 1):
        ts = trades[upto - 1].ts_event
        if due is not None and due <= ts and (rule.expires is None or due < rule.expires):
            fire(due)
            due = None
        if over or (rule.expires is not None and ts >= rule.expires):
            break
        now = [truth(part, trades, upto) for part in parts]
        held, holds = whole(rule.condition, before), whole(rule.condition, now)
        if not holds:
            due = None
        if begins(rule, before, now, held, holds):
            if rule.hold_ns:
                due = ts + rule.hold_ns
            else:
                fire(ts)
        before = now
    return told


def whole(condition: Condition, parts: Sequence[bool | None]) -> bool:
    return any(parts) if isinstance(condition, AnyOf) else all(parts)


def begins(
    rule: AlertRule, before: Sequence[bool | None], now: Sequence[bool | None], held: bool, holds: bool
) -> bool:
    """Whether the condition begins at a trade."""
    condition = rule.condition
    parts = parts_of(condition)
    if isinstance(condition, PriceCrosses) and condition.way is Way.EITHER:
        return before[0] is not None and before[0] is not now[0]
    crossings = {index for index, part in enumerate(parts) if isinstance(part, PriceCrosses)}
    turned = {index for index in range(len(parts)) if now[index] and before[index] is False}
    first = {index for index in range(len(parts)) if now[index] and before[index] is None} - crossings
    if not rule.already:
        first = set()
    if isinstance(condition, AnyOf):
        return bool(turned | first) and not (held and rule.hold_ns > 0)
    if not holds or held:
        return False
    return bool(turned & crossings) if crossings else bool(turned | first)


# --- both


def run(rules: dict[str, AlertRule], trades: Sequence[Trade]) -> list[Step]:
    steps: list[Step] = []
    watch = TradeWatch(PAIR, steps.append, SCALE)
    for name, rule in rules.items():
        watch.arm(Armed.of(name, rule))
    for trade in trades:
        watch.trade(trade)
    return steps


def fired(steps: Sequence[Step]) -> list[Fired]:
    return sorted((step.rule, step.fired) for step in steps if step.fired is not None)


levels = st.integers(6, 14).map(float)
windows = st.integers(1, 6).map(lambda s: s * NS_PER_S)


@st.composite
def price_is(draw: st.DrawFn) -> Leaf:
    side, level = draw(st.sampled_from(Side)), draw(levels)
    away = draw(st.sampled_from([None, 0.0, 1.0, 2.5]))
    rearm = None if away is None else level - away if side is Side.ABOVE else level + away
    return PriceIs(PAIR, side, level, rearm)


@st.composite
def crosses(draw: st.DrawFn, ways: tuple[Way, ...] = tuple(Way)) -> Leaf:
    way, level = draw(st.sampled_from(ways)), draw(levels)
    away = None if way is Way.EITHER else draw(st.sampled_from([None, 0.0, 1.0, 2.5]))
    rearm = None if away is None else level - away if way is Way.UP else level + away
    return PriceCrosses(PAIR, way, level, rearm)


@st.composite
def channel(draw: st.DrawFn) -> Leaf:
    low = draw(levels)
    high = low + draw(st.integers(1, 4))
    return PriceChannel(PAIR, low, high, draw(st.sampled_from(Passage)), draw(st.sampled_from([0.0, 1.0])))


moves = st.builds(
    PriceMoves,
    st.just(PAIR),
    st.sampled_from([Way.UP, Way.DOWN]),
    st.sampled_from([5.0, 12.5, 25.0]),
    windows,
)
volumes = st.builds(VolumeIs, st.just(PAIR), st.sampled_from([2.0, 5.5]), windows)
single = st.one_of(price_is(), crosses(), channel(), moves, volumes)
part = st.one_of(price_is(), crosses((Way.UP, Way.DOWN)), channel(), moves, volumes)
several = st.lists(part, min_size=2, max_size=3, unique=True).map(tuple)
conditions = st.one_of(single, several.map(AllOf), several.map(AnyOf))


@st.composite
def any_rule(draw: st.DrawFn) -> AlertRule:
    condition = draw(conditions)
    repeat = draw(st.sampled_from(Repeat))
    either = isinstance(condition, PriceCrosses) and condition.way is Way.EITHER
    return AlertRule(
        condition,
        repeat,
        bar=Interval.M1 if repeat is Repeat.PER_BAR else None,
        hold_ns=0 if either else draw(st.sampled_from([0, 0, NS_PER_S // 2, 3 * NS_PER_S])),
        cooldown_ns=0
        if repeat is Repeat.ONCE
        else draw(st.sampled_from([0, 0, 2 * NS_PER_S, 60 * NS_PER_S])),
        expires=draw(st.sampled_from([None, None, T0 + 20 * NS_PER_S])),
        already=draw(st.booleans()),
    )


@st.composite
def tapes(draw: st.DrawFn) -> list[Trade]:
    moves_ = draw(
        st.lists(
            st.tuples(st.sampled_from([-4, -2, -1, -1, 0, 1, 1, 2, 4]), st.integers(0, 1_500)),
            min_size=1,
            max_size=60,
        )
    )
    price, ts = draw(st.integers(6, 14)), T0
    trades = []
    for number, (move, ms) in enumerate(moves_):
        price, ts = min(15, max(5, price + move)), ts + ms * 1_000_000
        trades.append(Trade(PAIR, price / 1.0, 1.0, "buy", 1_000 + number, ts, ts + 5))
    return trades


def sensible(rule: AlertRule) -> bool:
    from bethna.core.errors import ConfigError

    try:
        check(rule, T0)
    except ConfigError:
        return False
    return True


@given(rule=any_rule().filter(sensible), trades=tapes())
def test_a_rule_fires_when_every_trade_looked_at_anew_says_so(rule: AlertRule, trades: list[Trade]) -> None:
    assert [at for _, at in fired(run({"a": rule}, trades))] == expected(rule, trades)


@given(rules=st.lists(any_rule().filter(sensible), min_size=2, max_size=6), trades=tapes(), data=st.data())
def test_the_order_of_arming_does_not_matter(
    rules: list[AlertRule], trades: list[Trade], data: st.DataObject
) -> None:
    named = {f"r{number}": rule for number, rule in enumerate(rules)}
    shuffled = dict(data.draw(st.permutations(list(named.items()))))
    assert run(named, trades) == run(shuffled, trades)


@given(level=levels, away=st.sampled_from([0.5, 1.0, 3.0]), trades=tapes())
def test_hysteresis_never_flaps(level: float, away: float, trades: list[Trade]) -> None:
    rule = AlertRule(PriceCrosses(PAIR, Way.UP, level, level - away), Repeat.EVERY)
    times = [step.moment.trade_id for step in run({"a": rule}, trades) if step.outcome is Outcome.FIRED]
    by_id = {trade.trade_id: index for index, trade in enumerate(trades)}
    for one, next_ in pairwise(by_id[at] for at in times if at is not None):
        assert min(trade.price for trade in trades[one:next_]) < level - away


@given(rule=any_rule().filter(sensible), trades=tapes(), at=st.integers(0, 60))
def test_a_rule_that_goes_on_from_its_state_says_the_same(
    rule: AlertRule, trades: list[Trade], at: int
) -> None:
    if any(isinstance(part, PriceMoves | VolumeIs) for part in parts_of(rule.condition)):
        return  # what lies in a window is not a rule's state
    whole_run = run({"a": rule}, trades)
    first: list[Step] = []
    watch = TradeWatch(PAIR, first.append, SCALE)
    armed = Armed.of("a", rule)
    watch.arm(armed)
    for trade in trades[:at]:
        watch.trade(trade)
    again = TradeWatch(PAIR, first.append, SCALE)
    again.arm(Armed.of("a", rule, armed.state))
    for trade in trades[at:]:
        again.trade(trade)
    assert first == whole_run


@given(rule=any_rule().filter(sensible), trades=tapes())
def test_doubt_keeps_silent_only_right_behind_a_gap(rule: AlertRule, trades: list[Trade]) -> None:
    strict = replace(rule, doubt=Doubt.COMPLETE_ONLY)
    assert fired(run({"a": strict}, trades)) == fired(run({"a": rule}, trades))


simple = st.builds(
    AlertRule,
    st.one_of(
        price_is(),
        crosses(),
        channel(),
        st.lists(crosses((Way.UP, Way.DOWN)), min_size=2, max_size=2, unique=True).map(tuple).map(AnyOf),
    ),
    st.just(Repeat.EVERY),
    hold_ns=st.sampled_from((0, 0, NS_PER_S, 3 * NS_PER_S)),
    cooldown_ns=st.sampled_from((0, 0, 2 * NS_PER_S)),
).filter(sensible)


def with_gaps(
    rule: AlertRule,
    trades: list[Trade],
    missing: set[int],
    late: list[int],
    after: int,
    quiet: Container[int] = (),
) -> list[Step]:
    """The same trades, of which some come late: the first `after` in the middle, the others at the end; all at once by
    the desk's clock, but for the moments `quiet`, at which nothing has come for long."""
    steps: list[Step] = []
    watch = TradeWatch(PAIR, steps.append, SCALE)
    watch.arm(Armed.of("a", rule))
    begun: int | None = None
    waiting, now = list(late), trades[0].ts_recv
    trades = [replace(trade, ts_recv=now) for trade in trades]
    for index, trade in enumerate(trades):
        if index in missing:
            begun = index if begun is None else begun
            continue
        if begun is not None:
            gap = Gap(
                "trades", trades[begun].trade_id, trade.trade_id - 1, trades[begun].ts_event, trade.ts_event
            )
            watch.gap_found(gap)
            watch.marked(gap)
            begun = None
        watch.trade(trade)
        while waiting and waiting[0] < index and len(late) - len(waiting) < after:
            watch.trade(trades[waiting.pop(0)])
        if index in quiet:
            watch.pass_time(0, now + QUIET_NS)
    for index in waiting:
        watch.trade(trades[index])
        if index in quiet:
            watch.pass_time(0, now + QUIET_NS)
    watch.settle(trades[0].trade_id, trades[-1].trade_id)
    return steps


def told_of(steps: Sequence[Step]) -> Counter[int]:
    """The event times of the alerts."""
    return Counter(step.fired for step in steps if step.outcome is Outcome.FIRED and step.fired is not None)


def dated_of(steps: Sequence[Step]) -> Counter[int]:
    """The event times of what alerts of another moment were of."""
    return Counter(step.moment.ts_event for step in steps if step.outcome is Outcome.DATED)


def missing_ids(trades: list[Trade], missing: set[int]) -> set[int]:
    return {trades[index].trade_id for index in missing}


@st.composite
def gaps_of(draw: st.DrawFn, trades: list[Trade]) -> tuple[set[int], list[int], int]:
    missing = draw(st.sets(st.integers(1, len(trades) - 2), min_size=1))
    return missing, list(draw(st.permutations(sorted(missing)))), draw(st.integers(0, len(missing)))


@given(rule=simple, trades=tapes().filter(lambda trades: len(trades) > 4), data=st.data())
def test_gaps_that_were_given_up_and_come_after_all_lose_no_firing(
    rule: AlertRule, trades: list[Trade], data: st.DataObject
) -> None:
    missing, late, after = data.draw(gaps_of(trades))
    steps = with_gaps(rule, trades, missing, late, after)
    told, dated = told_of(steps), dated_of(steps)
    true = expected(rule, trades)
    assert told.total() >= len(true)
    assert not Counter(true) - told - dated  # each is in the journal with its own time
    assert not dated - Counter(true)
    shown = {trade.ts_event for index, trade in enumerate(trades) if index not in missing}
    assert (
        rule.hold_ns or set(told - Counter(true)) <= shown
    )  # told too much is only what did come, behind a hole
    ids = missing_ids(trades, missing)
    late_ones = [step for step in steps if step.moment.trade_id in ids]
    assert not told_of(late_ones) - Counter(true)  # what is told of a trade that came late is never made up
    whole_run = run({"a": rule}, trades)
    assert [step.after.leaves for step in steps[-1:]] == [step.after.leaves for step in whole_run[-1:]]


@given(rule=simple, trades=tapes().filter(lambda trades: len(trades) > 4), data=st.data())
def test_gaps_of_which_little_comes_at_a_time_lose_no_firing(
    rule: AlertRule, trades: list[Trade], data: st.DataObject
) -> None:
    missing, late, after = data.draw(gaps_of(trades))
    quiet = data.draw(st.sets(st.integers(0, len(trades) - 1)))
    steps = with_gaps(rule, trades, missing, late, after, quiet)
    assert not Counter(expected(rule, trades)) - told_of(steps) - dated_of(steps)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    whole_run = run({"a": rule}, trades)
    assert [step.after.leaves for step in steps[-1:]] == [step.after.leaves for step in whole_run[-1:]]
