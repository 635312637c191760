"""Whose frame it is: Coinbase's product ids to our instruments, and ids that are another's alias; it asks nobody.

Rules
  1. `BTC-USD` is ours as well. USD, USDC and USDT are never merged.
  2. Advanced Trade serves `X-USDC` with the market data of `X-USD` (not USDT-USDC and EURC-USDC, which are real). The
     catalogue says which; where it has not been read, this rule guesses.
  3. Who asked for an alias hears it by that name, whichever of the two names the frames have. When both names
     were asked for, both hear it.
  4. `BTC-PERP-INTX` and `BIT-28JUL23-CDE` are contracts and keep their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import ValidationError
from msgspec.structs import replace

from bethna.core.instrument import Contract, Instrument, instrument_id
from bethna.core.market import InstrumentId
from bethna.venues.coinbase.spec import SPEC

_PRODUCT = re.compile(r"([A-Z0-9]{1,20})-([A-Z0-9]{1,20})", re.ASCII)
_PERPETUAL = re.compile(r"([A-Z0-9]{1,20})-PERP-INTX", re.ASCII)
_FUTURE = re.compile(r"([A-Z0-9]{1,20})-\d{2}[A-Z]{3}\d{2}-CDE", re.ASCII)
_REAL_USDC = frozenset({"USDT-USDC", "EURC-USDC"})

# A venue that makes up names must not fill our memory.
_MOST_NAMES = 16_384


class NotAProduct(ValidationError):
    """A text that is no product id."""


class Symbols:
    """The learned instruments by product id, a guess where none was learned, and who asked under which name."""

    def __init__(self) -> None:
        self._learned: dict[str, Instrument] = {}
        self._names: dict[str, tuple[InstrumentId, ...]] = {}
        self._canonical: dict[str, str] = {}
        self._asked: dict[str, set[str]] = {}

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take Coinbase's among `instruments`; a later one of the same spelling replaces an earlier one."""
        for instrument in instruments:
            if instrument.venue == SPEC.name:
                self._learned[instrument.venue_symbol] = instrument
        self._names.clear()

    def learn_alias(self, product: str, canonical: str | None) -> None:
        """The catalogue's word on whether `product` is served with the data of another (rule 2)."""
        if product in self._canonical or len(self._canonical) < _MOST_NAMES:
            self._canonical[product] = canonical or product
        self._names.clear()

    def by_product(self, product: str) -> Instrument:
        """The instrument behind `BTC-USD`: learned, else guessed (`verified` False). Raises NotAProduct."""
        return self._learned.get(product) or guess(product)

    def ids(self, product: str) -> tuple[InstrumentId, ...]:
        """Who is to hear what is said of `product`, at least one (rule 3). Raises NotAProduct."""
        names = self._names.get(product)
        if names is None:
            asked = sorted(each for each in self._asked if self.canonical(each) == product)
            if product in self._asked or not asked:
                asked = [product, *(each for each in asked if each != product)]
            names = tuple(self.by_product(each).id for each in asked)
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            self._names[product] = names
        return names

    def canonical(self, product: str) -> str:
        """The product whose data `product` is served with, mostly itself (rule 2)."""
        known = self._canonical.get(product)
        if known is not None:
            return known
        if product.endswith("-USDC") and product not in _REAL_USDC and _PRODUCT.fullmatch(product):
            return product.removesuffix("C")
        return product

    def aliases(self, product: str) -> tuple[str, ...]:
        """Under which other names `product` was asked for."""
        return tuple(each for each in self._asked if each != product and self.canonical(each) == product)

    def asked(self, product: str, channel: str) -> None:
        """We ask for a channel of `product` under this very name."""
        self._asked.setdefault(product, set()).add(channel)
        self._names.clear()

    def let_go(self, product: str, channel: str) -> None:
        """We ask for it no longer."""
        channels = self._asked.get(product, set())
        channels.discard(channel)
        if not channels:
            self._asked.pop(product, None)
        self._names.clear()


def is_product(text: str) -> bool:
    """Whether it is written like a product id."""
    return any(form.fullmatch(text) for form in (_PRODUCT, _PERPETUAL, _FUTURE))


def listed(product: str, tick_size: float | None, lot_size: float | None, *, tradable: bool) -> Instrument:
    """An instrument as the catalogue says it; a step of 0 is none. Raises NotAProduct."""
    return replace(
        guess(product),
        tick_size=tick_size or None,
        lot_size=lot_size or None,
        tradable=tradable,
        verified=True,
    )


def guess(product: str) -> Instrument:
    """What the spelling alone says (rules 1 and 4); unverified. Raises NotAProduct."""
    name, venue = instrument_id(product, SPEC.name), SPEC.name
    if pair := _PRODUCT.fullmatch(product):
        return Instrument(name, venue, pair[1], pair[2], product)
    if perpetual := _PERPETUAL.fullmatch(product):  # rule 4
        contract = Contract("perpetual", settlement="USDC")
        return Instrument(name, venue, perpetual[1], "USDC", product, contract=contract)
    if future := _FUTURE.fullmatch(product):
        return Instrument(
            name, venue, future[1], "USD", product, contract=Contract("future", settlement="USD")
        )
    raise NotAProduct(f"expected a product such as BTC-USD, found {product[:80]!r}")
