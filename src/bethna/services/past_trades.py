"""Trades that a venue has of before, for who was not there; it judges none and keeps none.

They come page by page in the lane of what nobody waits for, as far as the venue goes back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from bethna.core.instrument import Instrument
from bethna.core.market import Trade, TradePage
from bethna.core.wire import RestEvent
from bethna.logic.trade_search import PAGE, TradeSearch
from bethna.venues.spec import Codec, RestRequest


class Fetch(Protocol):
    """A venue's REST side, behind its quota keeper."""

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        """One answer as facts; raises VenueError."""
        ...


class PastTradesOf:
    """One venue's."""

    def __init__(self, codec: Codec, rest: Fetch) -> None:
        self._codec = codec
        self._rest = rest

    async def trades(
        self, instrument: Instrument, first_id: int, last_id: int, since: int | None
    ) -> AsyncIterator[Sequence[Trade]]:
        """Those of the ids, inclusive, ascending, page by page; those that the venue has not are left out.

        Args:
            since: when the trade before the first was, ns UTC by the venue's clock, where that is known.

        Raises:
            VenueError: the venue cannot be asked, or refuses.
        """
        search = TradeSearch(first_id, last_id, since)
        while (asked := search.ask()) is not None:
            request = self._codec.trades_request(instrument, asked.first_id, asked.limit, asked.since)
            yield search.answer(_trades_of(await self._rest.fetch(request)))

    async def newest(self, instrument: Instrument) -> list[Trade]:
        """A page of the newest, ascending. Raises VenueError."""
        request = self._codec.recent_trades_request(instrument, PAGE)
        return _trades_of(await self._rest.fetch(request))


def _trades_of(events: Sequence[RestEvent]) -> list[Trade]:
    return [trade for page in events if isinstance(page, TradePage) for trade in page.trades]
