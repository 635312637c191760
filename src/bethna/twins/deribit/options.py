"""The options of one currency: which are listed, how the smile drifts, what expires and what comes; it prices none.

Rules
  1. Listed are the expiries of `calendar`, each with calls and puts at, above and below the money and one far above it.
  2. At 08:00 UTC what expires is settled and closed, and what the calendar brings is created and started. Everything
     of a second happens in the order of the names' coming.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import floor, log10
from random import Random

from msgspec import Struct

from bethna.core.clock import NS_PER_MS
from bethna.twins.deribit.calendar import YEAR_NS, Terms, expiries
from bethna.twins.deribit.contracts import Contract
from bethna.twins.deribit.option import Option
from bethna.twins.deribit.smile import MONTH, at_the_money

FIRST_INDEX, PLACES = 10, 100
"""Indices of options; those of perpetuals are below, and each currency has its own `PLACES`."""
KEPT_EVENTS = 1_000
KEPT_LEVELS = 20_000
FAR = 1.6
_DRIFT, _KEEP = 0.02, 0.999


class Event(Struct, frozen=True, gc=False):
    """An instrument has a new state; `text` is the notification's data."""

    number: int
    text: bytes


class Desk:
    """Options of a currency.

    Args:
        contracts: where they are listed. index_price: USD, now. places: indices that its options may have.

    Attributes:
        due: when it lives on, ns UTC of the caller's clock. heat: of the smile.
        events: the newest changes of states. count: of all of them.
        levels: the newest volatility indices: (venue time in ns, percent), one a second.
    """

    def __init__(
        self,
        currency: str,
        rng: Random,
        contracts: dict[str, Contract],
        index_price: Callable[[], float],
        places: range,
    ) -> None:
        self.currency = currency
        self.due = 0
        self.heat = 0.0
        self.events: list[Event] = []
        self.count = 0
        self.levels: deque[tuple[int, float]] = deque(maxlen=KEPT_LEVELS)
        self._rng = rng
        self._contracts = contracts
        self._index_price = index_price
        self._options: dict[str, Option] = {}
        self._places = places

    def open(self, now: int) -> None:
        """List what is listed at the start, by the venue's clock."""
        self._list(now)
        self.events.clear()
        self._live_on(now)

    def round(self, now: int) -> None:
        """A second of the venue's clock `now`."""
        self.heat = self.heat * _KEEP + _DRIFT * self._rng.gauss(0.0, 1.0)
        if any(option.terms.expiry <= now for option in self._options.values()):
            self._expire(now)
            self._list(now)
        self._live_on(now)

    def volatility_index(self) -> float:
        """The volatility at the money for thirty days, percent."""
        return round(100.0 * at_the_money(self.currency, self.heat, MONTH), 2)

    def listed(self) -> list[Option]:
        """What has not expired."""
        return list(self._options.values())

    def _live_on(self, now: int) -> None:
        usd = self._index_price()
        self.levels.append((now, self.volatility_index()))
        for option in self._options.values():
            option.reprice(now, usd, self.heat)
            option.live_on(now)

    def _list(self, now: int) -> None:
        """Rule 1."""
        usd = self._index_price()
        held = {option.terms.expiry for option in self._options.values()}
        for expiry in expiries(now):
            if expiry in held:
                continue
            for strike in strikes(usd, (expiry - now) / YEAR_NS):
                for call in (True, False):
                    terms = Terms(self.currency, expiry, strike, call)
                    taken = {option.index for option in self._options.values()}
                    index = next(place for place in self._places if place not in taken)
                    option = Option(terms, index, Random(self._rng.getrandbits(64)), now)
                    self._options[option.name] = self._contracts[option.name] = option
                    self._tell("created", option.name, now)
                    self._tell("started", option.name, now)

    def _expire(self, now: int) -> None:
        """Rule 2."""
        for name in [name for name, option in self._options.items() if option.terms.expiry <= now]:
            self._options.pop(name).live = False
            del self._contracts[name]
            self._tell("settled", name, now)
            self._tell("closed", name, now)

    def _tell(self, state: str, name: str, now: int) -> None:
        text = b'{"timestamp":%d,"state":"%b","instrument_name":"%b"}' % (
            now // NS_PER_MS,
            state.encode(),
            name.encode(),
        )
        self.count += 1
        self.events.append(Event(self.count, text))
        del self.events[:-KEPT_EVENTS]


def strikes(usd: float, years: float) -> tuple[int, ...]:
    """Three about the money and one far above it, in round steps that widen with time."""
    step = max(1, int(10 ** floor(log10(usd * 0.05))))
    step *= 1 if years < 0.01 else 2 if years < 0.06 else 5
    middle = round(usd / step) * step
    return middle - step, middle, middle + step, round(usd * FAR / step) * step
