"""One best price across venues as a noun of a desk, in the shape of the others; it holds no data of its own.

Rules
  1. `[pair]` is the latest with a bid and an ask, or an error that names who is out and why; `get` is the latest,
     whoever is in, or None before the desk has said anything.
  2. A stream is one of a state, beginning with how it is: a slow reader gets the newest. That nobody is in any more is
     news, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bethna.client.backend import Backend, Want
from bethna.client.nouns import MOST_LEVELS, Noun, check_count
from bethna.client.streams import Callback, Stream, Subscription
from bethna.client.tables import Table
from bethna.core.consolidated import BestPrice, ConsolidatedBook, VenueQuote
from bethna.core.errors import FeatureOff, NoDataYet
from bethna.core.instrument import Feature, split_id
from bethna.logic.best_price import currencies_of, pair_of
from bethna.runtime.mailbox import Latest

Convert = str | Sequence[str]
"""Currencies whose pairs take part, converted: `"USDT"`, `"USDT,USDC"` or a sequence of them."""
_NEEDED: tuple[Feature, ...] = ("prices", "books")


class Best(Noun[BestPrice]):
    """The consolidated best bid and offer of a pair, over the followed venues."""

    kind = "prices"
    name = "best price"

    def __repr__(self) -> str:
        return "<best prices of a desk: [pair], get, stream, on, fetch, book>"

    def __getitem__(self, pair: str) -> BestPrice:
        """The latest. Raises NoDataYet naming who is out and why, UnknownInstrument when none of it is followed."""
        price = self.get(pair)
        if price is None or price.bid is None or price.ask is None:
            raise NoDataYet(
                f"{pair} {self.name}", "the desk has not said it yet" if price is None else why(price)
            )
        return price

    def get(self, pair: str, *, convert: Convert = ()) -> BestPrice | None:
        """The latest, with a bid and an ask when any venue is in. Raises UnknownInstrument, ConfigError."""
        backend = self._open()
        return backend.best(*_asked(pair, convert))

    def stream(self, pair: str, *, convert: Convert = ()) -> Stream[BestPrice]:
        """The price as it changes (rule 2)."""
        backend = self._open()
        name, currencies = _asked(pair, convert)
        box: Latest[Any] = Latest(lambda _: "best")
        if (now := backend.best(name, currencies)) is not None:
            box.offer(now)
        return Stream(self._ear(box, Want("best", pair=name, convert=currencies)), lambda event: event)

    def on(
        self, pair: str, callback: Callback[BestPrice], *, convert: Convert = ()
    ) -> Subscription[BestPrice]:
        """Call back with each."""
        return self._call(self.stream(pair, convert=convert), callback)

    async def fetch(self, pair: str, *, convert: Convert = ()) -> Table[VenueQuote]:
        """A row a venue that was looked at, in or out, in the order of following."""
        price = await self._open().fetch_best(*_asked(pair, convert))
        return Table(VenueQuote, price.venues, price.coverage)

    async def book(self, pair: str, depth: int = 20) -> ConsolidatedBook:
        """The books of the pair merged by price, `depth` levels a side where each of them certifies as many."""
        check_count("depth", depth, MOST_LEVELS)
        return await self._open().fetch_best_book(_asked(pair, ())[0], depth)

    def _open(self) -> Backend:
        """A best price is made of books, or of quotes where books are off."""
        backend = self._house.backend()
        features = backend.features()
        if not any(each in features for each in _NEEDED):
            raise FeatureOff(
                "prices",
                f"best: this desk follows neither prices nor books, it follows {', '.join(features)}",
                hint="open one with features=(..., 'prices'), or with bethna.full(...)",
            )
        return backend


def why(price: BestPrice) -> str:
    """Who is out and why, for a person."""
    said = [
        f"{split_id(each.instrument)[1]} {each.out}: {each.why}"
        for each in price.venues
        if each.out is not None
    ]
    return "; ".join(said)


def _asked(pair: str, convert: Convert) -> tuple[str, tuple[str, ...]]:
    """A pair in its one spelling, and currencies in one order."""
    base, quote, _ = pair_of(pair)
    words = convert.split(",") if isinstance(convert, str) else convert
    return f"{base}-{quote}", currencies_of(words, quote)
