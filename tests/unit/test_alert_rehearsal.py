"""What a rule would have told, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from indicator_bars import bar, unknown
from msgspec.structs import replace

from bethna.app.alert_past import of_bars
from bethna.core.alerts import (
    AlertRule,
    Outcome,
    Passage,
    PriceChannel,
    PriceCrosses,
    PriceIs,
    Repeat,
    Side,
    SpreadIs,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, State
from bethna.core.errors import ConfigError
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId, Trade
from bethna.logic.alerts import rehearsal
from bethna.logic.alerts.rehearsal import Advice, advise, rehearse

PAIR = InstrumentId("BTC-USDT@binance")
T0 = 1_700_000_000 * NS_PER_S
SCALE = 10**8
UP = AlertRule(PriceCrosses(PAIR, Way.UP, 100.0))


def walk(prices: Sequence[float], step_s: float = 10.0) -> list[Trade]:
    return [
        Trade(PAIR, price, 1.0, "buy", number, T0 + round(number * step_s * NS_PER_S), T0)
        for number, price in enumerate(prices, 1)
    ]


def test_a_rule_that_fires_once_is_rehearsed_as_often_as_it_would() -> None:
    found = rehearse(UP, walk([99, 101, 99, 101, 99, 101]), SCALE)
    assert [(at - T0) // NS_PER_S for at in found.fired] == [20, 40, 60]
    assert (found.trades, found.clusters, found.swallowed) == (6, 1, {})
    assert (found.start, found.end) == (T0 + 10 * NS_PER_S, T0 + 60 * NS_PER_S)
    assert found.per_day == pytest.approx(3 * 86_400 / 50)


def test_what_is_swallowed_is_counted_and_storms_are_one_cluster() -> None:
    rule = AlertRule(UP.condition, Repeat.EVERY, cooldown_ns=15 * NS_PER_S)
    found = rehearse(rule, walk([99, 101] * 3 + [99] * 10 + [101]), SCALE)
    assert len(found.fired) == 4
    assert found.clusters == 2
    bars = rehearse(AlertRule(UP.condition, Repeat.PER_BAR, Interval.M1), walk([99, 101] * 6), SCALE)
    assert bars.swallowed == {Outcome.SAME_BAR: 6 - len(bars.fired)}


def test_of_no_trades_nothing_is_said() -> None:
    found = rehearse(UP, [], SCALE)
    assert (found.start, found.trades, found.fired, found.clusters, found.per_day) == (0, 0, (), 0, None)
    assert advise(UP, [], 1.0, SCALE) == Advice(enough=True)


def test_advice_is_the_least_that_meets_a_rate() -> None:
    rng, price, prices = Random(7), 100.0, []
    for _ in range(8_640):
        price += rng.choice((-0.2, 0.2)) + (100.0 - price) * 0.02
        prices.append(price)
    trades = walk(prices)
    often = rehearse(UP, trades, SCALE).per_day
    assert often is not None
    assert often > 100
    advice = advise(UP, trades, 20.0, SCALE)
    assert not advice.enough
    level = advice.rearm
    assert level is not None
    assert level < 100.0
    tried = AlertRule(PriceCrosses(PAIR, Way.UP, 100.0, level), Repeat.EVERY)
    assert (rehearse(tried, trades, SCALE).per_day or 0) <= 20.0
    nearer = [100.0 * (1 - share) for share in rehearsal.DISTANCES if 100.0 * (1 - share) > level]
    for each in nearer:
        tried = AlertRule(PriceCrosses(PAIR, Way.UP, 100.0, each), Repeat.EVERY)
        assert (rehearse(tried, trades, SCALE).per_day or 0) > 20.0
    assert advice.cooldown_ns is not None
    tried = AlertRule(UP.condition, Repeat.EVERY, cooldown_ns=advice.cooldown_ns)
    assert (rehearse(tried, trades, SCALE).per_day or 0) <= 20.0
    shorter = rehearsal.COOLDOWNS_NS[rehearsal.COOLDOWNS_NS.index(advice.cooldown_ns) - 1]
    tried = AlertRule(UP.condition, Repeat.EVERY, cooldown_ns=shorter)
    assert (rehearse(tried, trades, SCALE).per_day or 0) > 20.0
    assert advise(UP, trades, often, SCALE) == Advice(enough=True)
    assert advise(UP, trades, 0.001, SCALE) == Advice(enough=False)
    down = advise(AlertRule(PriceIs(PAIR, Side.BELOW, 100.0)), trades, 20.0, SCALE)
    assert down.rearm is not None
    assert down.rearm > 100.0


@pytest.mark.parametrize(
    "condition", [PriceCrosses(PAIR, Way.EITHER, 100.0), PriceChannel(PAIR, 99.0, 101.0, Passage.LEAVES)]
)
def test_where_there_is_no_single_level_a_cooldown_is_advised_alone(
    condition: PriceCrosses | PriceChannel,
) -> None:
    trades = walk([98.0, 100.5, 102.0, 100.5] * 200)
    advice = advise(AlertRule(condition, Repeat.EVERY), trades, 200.0, SCALE)
    assert advice.rearm is None
    assert advice.cooldown_ns is not None


def test_what_cannot_be_rehearsed_is_refused() -> None:
    with pytest.raises(ConfigError, match="found one of spread"):
        rehearse(AlertRule(SpreadIs(PAIR, 5.0)), [], SCALE)
    with pytest.raises(ConfigError, match="above 0"):
        advise(UP, [], 0.0, SCALE)


def test_an_error_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bethna.logic.alerts.trade_watch.TradeWatch._look", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rehearse(UP, walk([99, 101]), SCALE)


def test_bars_are_counted_as_bars_and_none_says_more_than_is_known() -> None:
    whole = [bar(101.0, 104.0, 98.0, opened=100.0, hour=hour) for hour in range(3)]
    bars = [
        unknown(0),
        replace(whole[1], coverage=Coverage(state=State.INCOMPLETE)),
        whole[2],
        replace(bar(109.0, hour=3), closed=False),
    ]
    known = of_bars(bars)
    assert known.count == 2
    assert [trade.price for trade in known.trades] == [100.0, 98.0, 104.0, 101.0] * 2
    assert max(trade.ts_event for trade in known.trades) < whole[2].close_time
    assert known.unknown == ((whole[0].open_time, whole[1].close_time),)
