"""CoinGecko's rules as its documentation of 2025 and 2026 states them; it holds figures and decides nothing.

The copies of that documentation contradict each other on quotas, so the figures here are careful ones, and whoever
opens a door (`access`) may say others from the settings.

Rules
  1. Every request counts 1 against the quota, whatever it asks for, and also when it is answered with an error.
  2. What the free doors show goes back `FREE_DAYS` days and no further.
  3. A key belongs to one host: the venue refuses it at the other.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from bethna.core.clock import NS_PER_S

NAME: Final = "coingecko"
WEIGHT: Final = 1  # rule 1
BACKOFF_S: Final = 60.0
"""What is waited after a 429 that does not say how long."""
FREE_DAYS: Final = 365
MOST_DAYS: Final = 5_000
"""Of a chart of the paid plans: further back than any coin."""

MINUTE_NS: Final = 60 * NS_PER_S
HOUR_NS: Final = 60 * MINUTE_NS
DAY_NS: Final = 24 * HOUR_NS

OHLC_DAYS: Final = (1, 7, 14, 30, 90, 180, 365)
"""What `days` of candles may be on every plan; nothing between."""

QUOTES: Final = ("USD", "EUR")

DESCRIPTION: Final = (
    "CoinGecko: an index, the average over many exchanges in US dollars or euros. It is no venue's price and not USDT: "
    "it differs from one by hundredths of a per cent up to per cents. It has no volume of an interval and no trades."
)
"""What a person is told about the source, wherever its figures are shown."""
ATTRIBUTION: Final = "Data provided by CoinGecko (www.coingecko.com)"
"""To be shown beside its figures: the free plans ask for it."""


class Plan(Struct, frozen=True):
    """A door to the venue.

    Attributes:
        rest: base URL without a trailing slash. key_header: what carries the key there, None where there is no key.
        requests_per_minute, requests_per_month: ours unless the settings say others; None: no such limit.
        history_days: how far back history goes (rule 2); None: all of it.
    """

    name: str
    rest: str
    key_header: str | None
    requests_per_minute: int
    requests_per_month: int | None
    history_days: int | None


WIRE_ROOT: Final = "/api/v3"
"""Behind the host of every plan."""
_FREE = f"https://api.coingecko.com{WIRE_ROOT}"
_PRO = f"https://pro-api.coingecko.com{WIRE_ROOT}"
KEYLESS: Final = Plan(
    "keyless", _FREE, None, 5, None, FREE_DAYS
)  # 5 to 15 in practice, shared by the address
DEMO: Final = Plan("demo", _FREE, "x-cg-demo-api-key", 30, 10_000, FREE_DAYS)  # 100 by the newest page
PRO: Final = Plan("pro", _PRO, "x-cg-pro-api-key", 250, None, None)  # the smallest of the paid plans
PLANS: Final = {plan.name: plan for plan in (KEYLESS, DEMO, PRO)}


class Width(Struct, frozen=True):
    """Length of a candle, in our word and in ns."""

    word: str
    ns: int


HALF_HOUR: Final = Width("30m", 30 * MINUTE_NS)
FOUR_HOURS: Final = Width("4h", 4 * HOUR_NS)
FOUR_DAYS: Final = Width("4d", 4 * DAY_NS)


def width_of(days: int) -> Width:
    """How long the candles are that the venue gives for so many days; nobody can ask for another length."""
    if days <= 2:
        return HALF_HOUR
    return FOUR_HOURS if days <= 30 else FOUR_DAYS
