"""What every fact of CoinGecko keeps, whatever bytes it was read from; for property tests and the fuzzer."""

from __future__ import annotations

import math

from sound_facts import numbers_of

from bethna.core.clock import NS_PER_S
from bethna.venues.coingecko.facts import Fact, IndexCandlePage, SamplePage

NOW = 1_790_000_000 * NS_PER_S
"""When everything arrives."""


def assert_sound(fact: Fact) -> None:
    for number in numbers_of(fact):
        assert math.isfinite(number)
        assert number >= 0
        assert isinstance(number, float) or number < 2**63
    match fact:
        case IndexCandlePage():
            opens = [candle.open_time for candle in fact.candles]
            assert opens == sorted(set(opens))
            for candle in fact.candles:
                assert 0 < candle.low <= min(candle.open, candle.close)
                assert max(candle.open, candle.close) <= candle.high
                assert candle.open_time < candle.close_time
                assert not candle.closed or candle.close_time <= fact.candles[-1].close_time
            assert all(candle.closed or candle.close_time > NOW for candle in fact.candles[:-1])
        case SamplePage():
            times = [sample.ts for sample in fact.samples]
            assert times == sorted(set(times))
        case _:
            pass
