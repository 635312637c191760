"""One instrument is a fault domain: an error of ours in its feed stops no other, is told, and is survived."""

from __future__ import annotations

from bethna.core.market import InstrumentId, Trade
from bethna.core.status import SystemEvent
from bethna.logic.feed import FeedSettings
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock
from bethna.services.feeds import MOST_BREAKS, Feeds

BTC, ETH = InstrumentId("BTC-USDT@binance"), InstrumentId("ETH-USDT@binance")


def trade(instrument: InstrumentId, trade_id: int, quantity: float | None = 1.0) -> Trade:
    """A trade; without a quantity it breaks our arithmetic, which stands here for any bug of ours."""
    ts = trade_id * 10**9
    return Trade(instrument, 1.0, quantity, "buy", trade_id, ts, ts)  # type: ignore[arg-type]  # None on purpose


def test_a_bug_in_one_feed_is_told_and_touches_nobody_else() -> None:
    bus = Bus(ManualClock())
    told: list[SystemEvent] = []
    bus.channel("system").subscribe(told.append, "test")
    feeds = Feeds(bus, ManualClock(), FeedSettings(), follow_unknown=True)
    for number in range(1, 5):
        feeds.apply(trade(BTC, number))
        feeds.apply(trade(ETH, number))
    feeds.apply(trade(BTC, 5, None))
    assert [(event.subject, event.level) for event in told] == [(BTC, "error")]
    assert "begins anew" in told[0].message
    feeds.apply(trade(BTC, 6))
    feeds.apply(trade(ETH, 5))
    assert (feeds.feed(BTC).trades, feeds.feed(ETH).trades) == (1, 5)


def test_a_feed_that_breaks_again_and_again_is_given_up_and_shown_as_stale() -> None:
    feeds = Feeds(Bus(ManualClock()), ManualClock(), FeedSettings(), follow_unknown=True)
    for number in range(1, 3 * MOST_BREAKS):
        feeds.apply(trade(ETH, number))
        feeds.apply(trade(BTC, number, None if number % 2 else 1.0))
    assert feeds.health(BTC).state == "stale"
    assert "stopped" in feeds.health(BTC).message
    assert feeds.feed(ETH).trades == 3 * MOST_BREAKS - 1
