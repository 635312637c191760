"""What the source says, as facts: candles and samples of an index, with nothing in them that an index does not have.

There is no volume and no count of trades, so these are no `VenueCandle`s: a zero in their place would be a false
figure. Prices are averages over exchanges in USD or EUR, times ns UTC.
"""

from __future__ import annotations

from msgspec import Struct

from bethna.core.market import IndexPrice, InstrumentId
from bethna.core.wire import UnknownMessage


class Pong(Struct, frozen=True, gc=False):
    """The venue is there, and what it says of itself."""

    said: str


class Coin(Struct, frozen=True, gc=False):
    """One coin of the venue's list; symbols are not unique, ids are."""

    id: str
    symbol: str
    name: str


class CoinList(Struct, frozen=True, gc=False):
    """The venue's coins. `skipped`: rows that were none."""

    coins: tuple[Coin, ...]
    skipped: int

    def lacks(self, pinned: tuple[str, ...]) -> tuple[str, ...]:
        """Those of our ids that the venue does not have any more."""
        listed = {coin.id for coin in self.coins}
        return tuple(each for each in pinned if each not in listed)


class IndexPrices(Struct, frozen=True, gc=False):
    """Prices of the moment. `missing`: the ids that were asked for and not answered, or without a price or its time."""

    prices: tuple[IndexPrice, ...]
    missing: tuple[str, ...]


class IndexCandle(Struct, frozen=True, gc=False):
    """A candle of an index.

    Attributes:
        interval: `30m`, `4h`, `4d`; of bars made of samples the width that was asked for, in seconds: `300s`.
        open_time, close_time: inclusive, exclusive; ns UTC.
        closed: its interval is over and the figures are of all of it to its end.
        whole: nothing is missing at its beginning either. False of the first of an answer, which may have begun late.
        from_samples: made here of samples, and not said by the venue: the true high and low lie between them.
    """

    instrument: InstrumentId
    interval: str
    open_time: int
    close_time: int
    open: float
    high: float
    low: float
    close: float
    closed: bool
    whole: bool
    from_samples: bool
    ts_recv: int


class IndexCandlePage(Struct, frozen=True, gc=False):
    """Candles, ascending. `skipped`: rows of which a price was null."""

    instrument: InstrumentId
    candles: tuple[IndexCandle, ...]
    skipped: int


class Sample(Struct, frozen=True, gc=False):
    """The index at an instant, ns UTC."""

    ts: int
    price: float


class SamplePage(Struct, frozen=True, gc=False):
    """Samples, ascending; they jitter around no grid. `skipped`: those of which the price was null.

    What the venue calls `total_volumes` is the turnover of the 24 hours before each sample, in quote currency. It is no
    volume of an interval and is not taken.
    """

    instrument: InstrumentId
    samples: tuple[Sample, ...]
    skipped: int
    ts_recv: int


Fact = Pong | CoinList | IndexPrices | IndexCandlePage | SamplePage | UnknownMessage
