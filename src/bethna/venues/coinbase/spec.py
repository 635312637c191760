"""Coinbase's rules as its documentation of 2026 states them, for both wires; it holds figures and decides nothing.

Where the venue states no figure (how long a socket lives, how many products it may carry) ours is careful, and says so.
"""

from __future__ import annotations

from bethna.core.bars import CandleRules
from bethna.core.clock import NS_PER_S
from bethna.core.intervals import Interval
from bethna.venues.spec import StreamHost, VenueSpec

FIRST_NS = 1_420_070_400 * NS_PER_S  # 2015-01-01
"""It had no market at all before: a safe bound, not the day of its first trade."""

# Public data of both wires needs no key. The names under pro.coinbase.com are retired.
SPEC = VenueSpec(
    name="coinbase",
    hosts=(
        StreamHost(
            name="exchange",
            ws="wss://ws-feed.exchange.coinbase.com",
            rest="https://api.exchange.coinbase.com",
            data_only=True,
        ),
    ),
    max_streams=200,  # not documented; each of 50 books begins with a frame of megabytes
    url_streams=0,
    messages_per_s=8.0,  # of 100 a second and address
    connects_per_window=4,  # of 8 a second and address
    connect_window_s=1.0,
    max_life_s=7 * 24 * 3600.0,  # not documented
    rotate_before_s=1800.0,
    ping_timeout_s=5.0,  # a heartbeat every second for each product
    weight_per_minute=300,  # of 10 a second and address
    requests_at_once=8,
    blocked_statuses=(451,),
    quantity_decimals=8,
    candles=CandleRules(
        (Interval.M1, Interval.M5, Interval.M15, Interval.H1, Interval.H6, Interval.D1),
        page=300,
        skips_quiet=True,
        first=FIRST_NS,
    ),
    pushed_books=True,
    ordered_answers=True,
)

ADVANCED_SPEC = VenueSpec(
    name="coinbase",
    hosts=(
        StreamHost(
            name="advanced",
            ws="wss://advanced-trade-ws.coinbase.com",
            rest="https://api.coinbase.com",
            data_only=True,
        ),
    ),
    max_streams=90,  # not documented; integrators keep to 30 products a socket
    url_streams=0,
    messages_per_s=2.0,  # of 8 unauthenticated ones a second and address
    connects_per_window=4,  # of 8 a second and address
    connect_window_s=1.0,
    max_life_s=7 * 24 * 3600.0,  # not documented
    rotate_before_s=1800.0,
    ping_timeout_s=5.0,  # a heartbeat every second
    weight_per_minute=300,  # of 10 a second and address
    requests_at_once=8,
    blocked_statuses=(451,),
    quantity_decimals=8,
    candles=CandleRules(
        (
            Interval.M1,
            Interval.M5,
            Interval.M15,
            Interval.M30,
            Interval.H1,
            Interval.H2,
            Interval.H4,
            Interval.H6,
            Interval.D1,
        ),
        page=350,
        skips_quiet=True,
        first=FIRST_NS,
    ),
    pushed_books=True,
    trades_by_span=True,
    ordered_answers=True,
)

EXCHANGE_MAX_TRADES = 1000
EXCHANGE_MAX_CANDLES = 300
ADVANCED_MAX_TRADES = 1000
ADVANCED_MAX_CANDLES = 350
ADVANCED_MAX_DEPTH = 1000

EXCHANGE_INTERVALS: dict[str, int] = {
    "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "6h": 21600, "1d": 86400,
}  # fmt: skip
"""Candle lengths in seconds, by our word; the venue's word is the number."""

ADVANCED_INTERVALS: dict[str, tuple[str, int]] = {
    "1m": ("ONE_MINUTE", 60),
    "5m": ("FIVE_MINUTE", 300),
    "15m": ("FIFTEEN_MINUTE", 900),
    "30m": ("THIRTY_MINUTE", 1800),
    "1h": ("ONE_HOUR", 3600),
    "2h": ("TWO_HOUR", 7200),
    "4h": ("FOUR_HOUR", 14400),
    "6h": ("SIX_HOUR", 21600),
    "1d": ("ONE_DAY", 86400),
}
"""By our word: the venue's word and the length in seconds."""
