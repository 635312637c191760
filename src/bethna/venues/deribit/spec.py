"""Deribit's rules as its API 2.1.1 states them for whoever does not log in; it holds figures and decides nothing."""

from __future__ import annotations

from bethna.core.bars import CandleRules
from bethna.core.clock import NS_PER_S
from bethna.core.intervals import Interval
from bethna.venues.spec import StreamHost, VenueSpec

FIRST_NS = 1_464_739_200 * NS_PER_S  # 2016-06-01
"""It had no market at all before: a safe bound, not the day of its first trade."""

HEARTBEAT_S = 30
"""How often we ask the venue to be heard; it allows 10 and more."""

SPEC = VenueSpec(
    name="deribit",
    hosts=(StreamHost(name="main", ws="wss://www.deribit.com", rest="https://www.deribit.com"),),
    max_streams=500,  # what one call to subscribe may carry; a socket's own limit is not stated
    url_streams=0,  # nothing is subscribed by the URL
    messages_per_s=3.0,  # a subscription costs 3000 credits of 30 000 that refill with 10 000 a second
    connects_per_window=20,  # 32 sockets an address at once; how many attempts is not stated
    connect_window_s=60.0,
    max_life_s=30 * 24 * 3600.0,  # no fixed cut; maintenance says itself
    rotate_before_s=3600.0,
    ping_timeout_s=2.0 * HEARTBEAT_S,  # after `set_heartbeat` it is heard every 30 s
    # A request costs 500 of 50 000 credits, so a hundred may stand in any moment; what refills is left to others.
    weight_per_minute=100,
    blocked_statuses=(451,),
    quantity_decimals=8,
    candles=CandleRules(
        (
            Interval.M1,
            Interval.M3,
            Interval.M5,
            Interval.M15,
            Interval.M30,
            Interval.H1,
            Interval.H2,
            Interval.H6,
            Interval.H12,
            Interval.D1,
        ),
        page=1000,  # of about 5000 that a call may bring
        first=FIRST_NS,
    ),
    chained_books=True,
)

WEIGHT = 1
WEIGHT_CATALOGUE = 20  # 10 000 credits: one a second
BOOK_DEPTHS = (1, 5, 10, 20, 50, 100, 1000)
"""Levels a side that a book may be asked for, and 10000, which we do not: the stream brings the whole book anyway."""
DEFAULT_DEPTH = 5
MAX_TRADES = 1000
MAX_CANDLES = 5000

TOO_MANY_REQUESTS = 10028
NOT_NOW = frozenset({10040, 10041, 10047, 10066, 11051, 11094, 13028, 13888})
"""Errors that say nothing of the request: retry, settlement, a full queue, maintenance, unavailable, timed out."""
