"""The spread of one venue, and the consolidated price of a pair, as figures of alerts; it hears nothing.

Rules
  1. A spread is what the best ask is above the best bid, in basis points of the middle between them: of the venue's
     quote where it says quotes, else of the top of its book. What a venue says of neither side alone, of a crossed
     market, or while its streams are not live, is no figure.
  2. Its time is the venue's, of the quote or the book; where the venue sends none, it is when the desk heard it.
  3. It is as complete as the book while that is trusted, for then the two prove each other (`quotecheck`). A quote
     without a trusted book is unverified.
  4. The consolidated price is the middle of the best bid and the best ask of all venues that take part
     (`best_price`, which says who does). Its time is that of the newest of them, its state that of the weakest. Where
     nobody takes part there is none.
"""

from __future__ import annotations

from math import inf

from bethna.core.alerts import Moment
from bethna.core.consolidated import BestPrice
from bethna.core.coverage import State
from bethna.core.market import BookView, Quote
from bethna.core.status import Trust

BASIS_POINTS = 10_000.0


def spread(quote: Quote | None, book: BookView, now: int, *, live: bool) -> Moment | None:
    """The spread (rules 1 to 3), None while there is none. `now`: ns UTC by the desk's clock."""
    if not live:
        return None
    trusted = book.trust == Trust.TRUSTED
    if quote is not None:
        bid, ask, ts, heard = quote.bid, quote.ask, quote.ts_event, quote.ts_recv
    elif trusted and book.bids and book.asks:
        (bid, _), (ask, _) = book.bids[0], book.asks[0]
        ts, heard = book.ts_event, now if book.ts_recv is None else book.ts_recv
    else:
        return None
    if not 0.0 < bid < ask < inf:
        return None
    state = book.coverage.state if trusted else State.UNVERIFIED
    points = (ask - bid) / ((bid + ask) / 2) * BASIS_POINTS
    return Moment(heard if ts is None else ts, heard, None, points, state)


def consolidated(price: BestPrice, now: int) -> Moment | None:
    """The consolidated price (rule 4), None while there is none. `now`: ns UTC by the desk's clock."""
    if price.bid is None or price.ask is None:
        return None
    times = [
        each.ts_recv if each.ts_event is None else each.ts_event for each in price.venues if each.out is None
    ]
    newest = max((each for each in times if each is not None), default=now)
    return Moment(newest, now, None, (price.bid + price.ask) / 2, price.coverage.state)
