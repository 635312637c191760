"""When options expire and what they are called: 08:00 UTC of days, Fridays and last Fridays; it asks no clock.

BTC-5DEC26-76000-C      no leading zero of the day
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from bethna.core.clock import NS_PER_S

HOUR_OF_EXPIRY = 8
FRIDAY = 4
WEEK_LEAST = timedelta(days=2)
MONTH_LEAST = timedelta(days=21)
YEAR_NS = 365 * 86_400 * NS_PER_S
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class Terms(Struct, frozen=True):
    """What an option is.

    Attributes:
        currency: `BTC`. expiry: ns UTC. strike: USD. call: else a put.
    """

    currency: str
    expiry: int
    strike: int
    call: bool

    @property
    def name(self) -> str:
        """`BTC-5DEC26-76000-C`"""
        return f"{self.currency}-{day_of(self.expiry)}-{self.strike}-{'C' if self.call else 'P'}"


def day_of(expiry: int) -> str:
    """`5DEC26`"""
    moment = datetime.fromtimestamp(expiry // NS_PER_S, UTC)
    return f"{moment.day}{_MONTHS[moment.month - 1]}{moment.year % 100:02d}"


def expiries(now: int) -> tuple[int, ...]:
    """Three of them after an instant (ns UTC), ascending: the next day's, a Friday's, the last Friday of a month."""
    moment = datetime.fromtimestamp(now // NS_PER_S, UTC)
    today = moment.replace(hour=HOUR_OF_EXPIRY, minute=0, second=0, microsecond=0)
    day = today if today > moment else today + timedelta(days=1)
    friday = day
    while friday.weekday() != FRIDAY or friday - moment < WEEK_LEAST:
        friday += timedelta(days=1)
    month = friday + timedelta(days=7)
    while month - moment < MONTH_LEAST or (month + timedelta(days=7)).month == month.month:
        month += timedelta(days=7)
    return tuple(int(each.timestamp()) * NS_PER_S for each in (day, friday, month))
