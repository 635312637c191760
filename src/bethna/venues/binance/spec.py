"""Binance's rules as its documentation of 2026-07-21 states them; it holds figures and decides nothing."""

from __future__ import annotations

from bethna.core.bars import CandleRules
from bethna.core.clock import NS_PER_S
from bethna.core.intervals import Interval
from bethna.venues.spec import StreamHost, VenueSpec

FIRST_NS = 1_498_867_200 * NS_PER_S  # 2017-07-01
"""It had no market at all before: a safe bound, not the day of its first trade."""

# The second host serves public market data only and is not geo-blocked. Binance.US is no fallback: other books.
SPEC = VenueSpec(
    name="binance",
    hosts=(
        StreamHost(name="main", ws="wss://stream.binance.com:9443", rest="https://api.binance.com"),
        StreamHost(
            name="data-only",
            ws="wss://data-stream.binance.vision",
            rest="https://data-api.binance.vision",
            data_only=True,
        ),
    ),
    max_streams=1024,
    url_streams=100,  # about 2.5 KB of URL; the rest is subscribed once the socket is open
    messages_per_s=4.0,  # the venue cuts above 5, and our pongs count too
    connects_per_window=250,  # of 300
    connect_window_s=300.0,
    max_life_s=24 * 3600.0,
    rotate_before_s=1800.0,
    ping_timeout_s=60.0,  # a ping every 20 s: three in a row are missing
    weight_per_minute=6000,
    blocked_statuses=(451,),
    quantity_decimals=8,
    # Where its three days open is not stated: they are made of days.
    candles=CandleRules(
        tuple(each for each in Interval if each is not Interval.D3), page=1000, first=FIRST_NS
    ),
    weight_header="x-mbx-used-weight-1m",
)

# REST request weights, section 5 of the sheet.
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))
MAX_DEPTH = 5000
DEFAULT_DEPTH = 100
MAX_PAGE = 1000
WEIGHT_TRADES = 25
WEIGHT_AGG_TRADES = 4
WEIGHT_KLINES = 2
WEIGHT_TIME = 1
WEIGHT_CATALOGUE = 20


def depth_weight(limit: int) -> int:
    """What a book of `limit` levels a side costs."""
    return next((weight for most, weight in DEPTH_WEIGHTS if limit <= most), DEPTH_WEIGHTS[-1][1])
