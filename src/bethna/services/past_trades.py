"""Trades that a venue has of before, for who was not there; it judges none and keeps none.

They come page by page in the lane of what nobody waits for, as far as the venue goes back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from bethna.core.instrument import Instrument
from bethna.core.market import Trade, TradePage
from bethna.core.wire import RestEvent
from bethna.logic.trade_search import PAGE, search_for
from bethna.venues.spec import Codec, RestRequest


class Fetch(Protocol):
    """A venue's REST side, behind its quota keeper."""

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        """One answer as facts; raises VenueError."""
        ...


class PastTradesOf:
    """One venue's. `by_span`: how its trades of before are asked for (`VenueSpec.trades_by_span`)."""

    def __init__(self, codec: Codec, rest: Fetch, *, by_span: bool = False) -> None:
        self._codec = codec
        self._rest = rest
        self._by_span = by_span

    async def trades(
        self, instrument: Instrument, first_id: int, last_id: int, since: int | None
    ) -> AsyncIterator[Sequence[Trade]]:
        """Those of the ids, inclusive, ascending, page by page; those that the venue has not are left out.

        Args:
            since: when the trade before the first was, ns UTC by the venue's clock, where that is known.

        Raises:
            VenueError: the venue cannot be asked, or refuses.
        """
        search = search_for(first_id, last_id, since, by_span=self._by_span)
        held: list[Trade] = []
        while (asked := search.ask()) is not None:
            request = self._codec.trades_request(
                instrument, asked.first_id, asked.limit, asked.since, asked.until
            )
            page = search.answer(_trades_of(await self._rest.fetch(request)))
            if self._by_span:
                held += page  # the next may be of before this one
            else:
                yield page
        if held:
            yield sorted(held, key=_id)

    async def newest(self, instrument: Instrument) -> list[Trade]:
        """A page of the newest, ascending. Raises VenueError."""
        request = self._codec.recent_trades_request(instrument, PAGE)
        return _trades_of(await self._rest.fetch(request))


def _id(trade: Trade) -> int:
    return trade.trade_id


def _trades_of(events: Sequence[RestEvent]) -> list[Trade]:
    return [trade for page in events if isinstance(page, TradePage) for trade in page.trades]
