"""Kraken's rules as its protocol sheet states them; it holds figures and decides nothing."""

from __future__ import annotations

from bethna.core.bars import CandleRules
from bethna.core.clock import NS_PER_S
from bethna.core.intervals import Interval
from bethna.venues.spec import StreamHost, VenueSpec

FIRST_NS = 1_377_993_600 * NS_PER_S  # 2013-09-01
"""It had no market at all before: a safe bound, not the day of its first trade."""

MAX_PAGE = 1000
"""Trades that one answer holds."""

SPEC = VenueSpec(
    name="kraken",
    hosts=(StreamHost(name="main", ws="wss://ws.kraken.com", rest="https://api.kraken.com"),),
    max_streams=300,  # no limit is stated; so much is a frame every few hundred microseconds
    url_streams=0,
    messages_per_s=2.0,  # the venue's limit moves and is not stated
    connects_per_window=75,  # of about 150 per address
    connect_window_s=600.0,
    max_life_s=7 * 24 * 3600.0,  # none is stated
    rotate_before_s=1800.0,
    ping_timeout_s=5.0,  # a heartbeat comes every second
    weight_per_minute=60,  # about one request a second
    requests_at_once=10,  # what stands in its counter, which gains one a second
    requests_window_s=10.0,
    blocked_statuses=(),
    quantity_decimals=8,
    # Its weeks are not said to open on Monday. Older ones than these it has of no length; empty minutes are told.
    candles=CandleRules(
        (Interval.M1, Interval.M5, Interval.M15, Interval.M30, Interval.H1, Interval.H4, Interval.D1),
        page=720,
        newest=720,
        trades_page=MAX_PAGE,
        first=FIRST_NS,
    ),
    pushed_books=True,
)

DEPTHS = (10, 25, 100, 500, 1000)
"""Levels a side that a book may be subscribed to; any other number is refused, never rounded."""
DEFAULT_DEPTH = 100
PROVEN = 10
"""Levels a side that the checksum covers, whatever the depth."""

MOST_BOOKS = 512
"""Books that one connection remembers; we subscribe to fewer on each."""

INTERVALS = {
    1: "1m",
    5: "5m",
    15: "15m",
    30: "30m",
    60: "1h",
    240: "4h",
    1440: "1d",
    10080: "1w",
    21600: "15d",
}
"""Candle lengths: the venue writes minutes."""
MINUTES = {word: minutes for minutes, word in INTERVALS.items()}

MAX_DEPTH = 500
DEFAULT_REST_DEPTH = 100
DEFAULT_MINUTES = 1
