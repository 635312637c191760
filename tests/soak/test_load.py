"""A real desk on a real twin under load: nothing is lost, memory stays flat, and the loop is never late for long."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import Campaign
from load.campaign import load, table
from load.numbers import lag_between, metrics

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory and CPU are read from /proc")
SHARE_RATE, WHOLE_RATE = 3_000.0, 21_500.0
SHARE_S, WHOLE_S = 8, 600
SHARE_SYMBOLS, WHOLE_SYMBOLS = 12, 40
ALLOWED_GROWTH = 0.03
ALLOWED_LAG_S = 0.1


@linux
@pytest.mark.campaign
@pytest.mark.timeout(WHOLE_S + 300)
async def test_nothing_is_lost_under_load(tmp_path: Path, campaign: Campaign) -> None:
    rate, symbols = (WHOLE_RATE, WHOLE_SYMBOLS) if campaign.count(0, 1) else (SHARE_RATE, SHARE_SYMBOLS)
    outcome = await load(
        rate, campaign.count(SHARE_S, WHOLE_S), symbols, campaign.seed % 2**32 or 1, tmp_path
    )
    print(table(outcome, rate, symbols))
    assert outcome.differing == []
    assert outcome.compared >= symbols * (outcome.seconds - 5) / 2
    assert outcome.unwell == []
    assert outcome.status == "ok"
    assert not any(outcome.losses().values()), outcome.losses()
    assert outcome.twin_unread == 0
    assert outcome.rate > rate / 3, "hardly a load: nothing was tested"
    if campaign.count(0, 1):
        grown, explained = outcome.growth(symbols)
        allowed = explained + ALLOWED_GROWTH * outcome.memory("desk")[0]
        assert outcome.rate >= 20_000
        assert grown <= allowed, f"grew by {grown:,} bytes, of which its candles explain {explained:,}"
        assert outcome.lag(0.99) <= ALLOWED_LAG_S


EARLY = """# HELP bethna_trades_total Trades released.
# TYPE bethna_trades_total counter
bethna_trades_total{instrument="BTC-USDT@x"} 5
bethna_trades_total{instrument="ETH-USDT@x"} 7
bethna_clients 2
bethna_loop_lag_seconds_bucket{le="0.001"} 90
bethna_loop_lag_seconds_bucket{le="0.01"} 99
bethna_loop_lag_seconds_bucket{le="+Inf"} 100
bethna_loop_lag_seconds_sum 0.5
"""


def test_what_a_desk_says_is_read_and_told_apart_from_what_came_before() -> None:
    early = metrics(EARLY)
    assert (early["trades_total"], early["clients"], early["nobody"]) == (12.0, 2.0, 0.0)
    late = metrics(EARLY.replace("} 90", "} 180").replace("} 99", "} 199").replace("} 100", "} 200"))
    assert [lag_between(early, late, share) for share in (0.5, 0.9, 0.91, 1.0)] == [0.001, 0.001, 0.01, 0.01]
    assert lag_between(metrics(""), early, 1.0) == float("inf")
    with pytest.raises(ValueError, match="found none"):
        lag_between(early, early, 0.5)
