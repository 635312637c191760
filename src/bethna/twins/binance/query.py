"""A REST request, its query read parameter by parameter with the venue's own refusals; it knows no endpoint.

Rules
  1. A parameter that is sent has a value and is sent once.
  2. What was sent and not read makes the request wrong: `done` says so.
  3. Limits above the most there is are cut to it. Instants are milliseconds, or microseconds from 1e14 on.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

import msgspec

from bethna.core.clock import NS_PER_MS, NS_PER_US
from bethna.twins.binance import errors
from bethna.twins.market.bars import HOUR, MINUTE
from bethna.twins.market.market import Market
from bethna.twins.market.world import World

SYMBOL_RANGE = r"^[\w\-._&&[^a-z]]{1,50}$"
LIST_RANGE = r'^\["[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,}\]$'
NUMBER_RANGE = "^[0-9]{1,20}$"
STATUSES = ("TRADING", "HALT", "BREAK")
MICROSECONDS_FROM = 10**14
MAX_INT64 = 2**63 - 1
EARLIEST, LATEST = -12 * HOUR, 14 * HOUR
_SYMBOL = re.compile(r"[\w\-.]{1,50}")
_LOWER = re.compile(r"[a-z]")
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_ZONE = re.compile(r"([+-]?)(\d{1,2})(?::([0-5]\d))?", re.ASCII)


class Query:
    """One request: its parameters, and what an endpoint answers from.

    Attributes:
        world: the markets. now: venue time, ns UTC. unit: nanoseconds in one of what the answer's times count.
    """

    def __init__(self, query: str, world: World, now: int, unit: int) -> None:
        self.world = world
        self.now = now
        self.unit = unit
        self._sent: dict[str, str] = {}
        self._read: set[str] = set()
        for part in filter(None, query.split("&")):
            name, _, value = part.partition("=")
            name = unquote_plus(name)
            if name in self._sent:
                raise errors.duplicate()
            self._sent[name] = unquote_plus(value)

    def text(self, name: str) -> str | None:
        """A parameter as it was sent, None when it was not."""
        self._read.add(name)
        value = self._sent.get(name)
        if value == "":
            raise errors.empty(name)
        return value

    def number(self, name: str) -> int | None:
        """A whole number from 0 on."""
        value = self.text(name)
        if value is None:
            return None
        if not _NUMBER.fullmatch(value):
            raise errors.illegal(name, NUMBER_RANGE)
        number = int(value)
        if number > MAX_INT64:
            raise errors.overflowed(name)
        return number

    def limit(self, usual: int, most: int) -> int:
        """How many rows (rule 3)."""
        number = self.number("limit")
        if number == 0:
            raise errors.invalid("limit")
        return usual if number is None else min(number, most)

    def instant(self, name: str) -> int | None:
        """An instant as ns UTC (rule 3)."""
        number = self.number(name)
        if number is None:
            return None
        return number * (NS_PER_US if number >= MICROSECONDS_FROM else NS_PER_MS)

    def until(self, name: str) -> int | None:
        """An instant's last ns, so that all of its millisecond or microsecond is inside."""
        number = self.number(name)
        if number is None:
            return None
        unit = NS_PER_US if number >= MICROSECONDS_FROM else NS_PER_MS
        return (number + 1) * unit - 1

    def choice(self, name: str, choices: tuple[str, ...], wrong: errors.Refused) -> str | None:
        """One of a few words."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise wrong
        return value

    def zone_ns(self) -> int:
        """What `timeZone` is ahead of UTC: `8`, `-1:00`, `05:45`."""
        value = self.text("timeZone")
        if value is None:
            return 0
        found = _ZONE.fullmatch(value.strip())
        if found is None:
            raise errors.invalid("timeZone")
        offset = int(found[2]) * HOUR + int(found[3] or 0) * MINUTE
        offset = -offset if found[1] == "-" else offset
        if not EARLIEST <= offset <= LATEST:
            raise errors.invalid("timeZone")
        return offset

    def market(self) -> Market:
        """The market of the mandatory `symbol`."""
        value = self.text("symbol")
        if value is None:
            raise errors.missing("symbol")
        return self._market("symbol", SYMBOL_RANGE, value)

    def markets(self) -> tuple[Market, ...] | Market | None:
        """One market of `symbol`, several of `symbols`, None when neither was sent."""
        symbol, symbols = self.text("symbol"), self.text("symbols")
        if symbol is not None and symbols is not None:
            raise errors.bad_combination()
        if symbol is not None:
            return self._market("symbol", SYMBOL_RANGE, symbol)
        if symbols is None:
            return None
        try:
            names = msgspec.json.decode(symbols, type=list[str])
        except msgspec.DecodeError as error:
            raise errors.illegal("symbols", LIST_RANGE) from error
        if not names:
            raise errors.empty("symbols")
        if len(set(names)) < len(names):
            raise errors.twice_listed()
        return tuple(self._market("symbols", LIST_RANGE, name) for name in names)

    def status(self) -> str | None:
        """`symbolStatus`."""
        return self.choice("symbolStatus", STATUSES, errors.bad_status())

    def done(self) -> None:
        """Everything has been read (rule 2)."""
        read = len(self._sent.keys() & self._read)
        if read < len(self._sent):
            raise errors.unread(read, len(self._sent))

    def _market(self, name: str, legal: str, symbol: str) -> Market:
        if not _SYMBOL.fullmatch(symbol) or _LOWER.search(symbol):
            raise errors.illegal(name, legal)
        market = self.world.markets.get(symbol)
        if market is None:
            raise errors.bad_symbol()
        return market


def status_of(market: Market) -> str:
    """`TRADING`, or `BREAK` where nothing happens."""
    return "TRADING" if market.listing.trading else "BREAK"
