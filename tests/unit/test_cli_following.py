"""The seam between the newest trades and those that follow: each once, in order, whatever was heard meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from bethna.cli.cells import Note
from bethna.cli.following import _after
from bethna.client.facts import CertifiedTrade, certified
from bethna.core.coverage import Coverage, Gap
from bethna.core.market import InstrumentId, Trade
from bethna.core.status import GapMarked

BTC = InstrumentId("BTC-USDT@binance")


def trade(number: int) -> CertifiedTrade:
    return certified(Trade(BTC, 1.0, 1.0, "buy", number, number, number), Coverage())


async def hear(events: Sequence[CertifiedTrade | Note]) -> AsyncIterator[CertifiedTrade | Note]:
    for event in events:
        yield event


def told(heard: Sequence[CertifiedTrade | Note], table: Sequence[CertifiedTrade]) -> list[int | str]:
    async def gathered() -> list[int | str]:
        return [
            event.trade_id if isinstance(event, CertifiedTrade) else "note"
            async for event in _after(hear(heard), table)
        ]

    return asyncio.run(gathered())


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 20), st.integers(1, 8))
def test_each_trade_once_and_in_order(listened: int, asked: int, more: int, limit: int) -> None:
    """Listening began at one trade, the table was made some trades later, and more came."""
    newest = listened + asked
    table = [trade(number) for number in range(max(1, newest - limit), newest)]
    heard = [trade(number) for number in range(listened, newest + more)]
    assert told(heard, table) == list(range(newest if table else listened, newest + more))


def test_late_trades_and_notes_are_told() -> None:
    marked = GapMarked(BTC, Gap("trades", 3, 3), 0)
    heard: list[CertifiedTrade | Note] = [trade(4), marked, trade(5), trade(6), trade(3), trade(7)]
    assert told(heard, [trade(4), trade(5)]) == ["note", 6, 3, 7]
    assert told(heard, []) == [4, "note", 5, 6, 3, 7]
