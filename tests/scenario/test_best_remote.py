"""The best price of a desk behind an address: the desk's own numbers, and nobody in without a connection."""

from __future__ import annotations

import asyncio

import pytest
from _attached import PATIENCE_S, Heard, attached, until
from _doors import Open, opened
from _memorydesk import BTC, MemoryDesk
from scenario.test_remote_heals import Address

from bethna.app.engines import AttachedEngine
from bethna.app.trading import RealTimeTrading
from bethna.client.backend import Want
from bethna.client.remote import connect
from bethna.core.consolidated import BestPrice
from bethna.core.coverage import State
from bethna.core.errors import NoDataYet, UnknownInstrument
from bethna.core.market import InstrumentId

BOTH_LOOPS = True
ONE, TWO = InstrumentId("BTC-USD@one"), InstrumentId("BTC-USD@two")
TETHER, RATE = InstrumentId("BTC-USDT@one"), InstrumentId("USDT-USD@two")
WANT = Want("best", pair="BTC-USD")


def lively() -> MemoryDesk:
    desk = MemoryDesk((ONE, TWO, TETHER, RATE, BTC))
    desk.move(ONE, [(99.0, 2.0), (98.0, 1.0)], [(101.0, 3.0)])
    desk.move(TWO, [(99.5, 2.0), (98.0, 1.0)], [(102.0, 3.0)])
    desk.move(TETHER, [(100.0, 1.0)], [(100.5, 1.0)])
    desk.move(RATE, [(0.999, 1.0)], [(1.0, 1.0)])
    return desk


async def test_what_is_read_is_what_the_desk_has() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        assert remote.best("BTC-USD") is None  # it is there soon
        await until(lambda: remote.best("BTC-USD"))
        assert remote.best("BTC-USD") == desk.best("BTC", "USD")
        assert await remote.fetch_best("BTC-USD", ("USDT",)) == desk.best("BTC", "USD", ("USDT",))
        assert await remote.fetch_best_book("BTC-USD", 5) == desk.consolidated_book("BTC", "USD", 5)
        desk.move(ONE, [(99.75, 1.0)])
        await until(lambda: remote.best("BTC-USD") == desk.best("BTC", "USD"))
        with pytest.raises(UnknownInstrument) as error:
            remote.best("BTC-EUR")
        assert error.value.nearest[:1] == ("BTC-USD",)
        for unknown in ("BTC-EUR", "ÄÖ-USD", "A/B?c=-USD"):
            with pytest.raises(UnknownInstrument):
                await remote.fetch_best(unknown)
            with pytest.raises(UnknownInstrument):
                await remote.fetch_best_book(unknown, 5)
        with pytest.raises(UnknownInstrument):
            remote.listen(Want("best", pair="BTC-EUR"), lambda _: None, lambda _: None)


async def test_what_is_at_hand_already_is_not_told_again() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        await until(lambda: remote.best("BTC-USD"))
        heard = Heard(remote, WANT)
        lines = await served.metric("bethna_client_frames_total")
        await until_more_frames(served, lines)
        desk.move(ONE, [(99.75, 1.0)])
        await until(lambda: heard.events)
        assert [price.bid for price in heard.events] == [99.75]


async def until_more_frames(served: Open, than: float) -> None:
    """The snapshot of the other rate has been sent."""
    async with asyncio.timeout(PATIENCE_S):
        while await served.metric("bethna_client_frames_total") <= than:  # noqa: ASYNC110 - it only gives way
            await asyncio.sleep(0)


async def test_the_noun_over_an_attached_desk() -> None:
    desk = lively()
    async with (
        opened(desk) as served,
        attached(served.url) as remote,
        RealTimeTrading.over(AttachedEngine(remote)) as trading,
    ):
        with pytest.raises(NoDataYet, match="the desk has not said it yet"):
            trading.best["BTC-USD"]
        async with trading.best.stream("btcusd", convert="USDT") as stream:
            first = await anext(stream)
            assert (first.bid, first.bid_at, first.venues[-2].instrument) == (99.9, TETHER, TETHER)
            desk.move(RATE, [(0.9991, 1.0)])
            assert (await anext(stream)).bid == 100.0 * 0.9991
            price = trading.best.get("BTC-USD", convert="USDT")
            assert price is not None
            assert price.bid == 100.0 * 0.9991
        assert len(await trading.best.fetch("BTC-USD")) == 2
        assert (await trading.best.book("BTC-USD", 1)).bids == [(99.5, 2.0, {"two": 2.0})]


async def test_who_listens_hears_what_changes_and_the_end_of_the_last_venue() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        heard = Heard(remote, WANT)
        await until(lambda: heard.events)
        desk.turn(TWO, "stale", "silent")
        await until(lambda: heard.events[-1] == desk.best("BTC", "USD"))
        assert heard.events[-1].bid_at == ONE
        await desk.unfollow(ONE)
        await until(lambda: len(heard.events[-1].venues) == 1)
        await desk.unfollow(TWO)
        await until(lambda: heard.ended)
        assert heard.ended == [None]
        await until(lambda: ONE not in [each.id for each in remote.instruments()])
        with pytest.raises(UnknownInstrument):
            remote.best("BTC-USD")
        assert remote.price(BTC).price is None  # the rest goes on


async def test_without_a_connection_nobody_is_in_and_it_comes_back_by_itself() -> None:
    desk, address = lively(), Address()
    async with address.serves(desk):
        remote = await connect(address.url)
        heard = Heard(remote, WANT)
        await until(lambda: heard.events)
        assert heard.events[-1] == remote.best("BTC-USD") == desk.best("BTC", "USD")
    await until(lambda: heard.of(BestPrice)[-1].bid is None)
    lost = heard.events[-1]
    assert {each.out for each in lost.venues} == {"stale"}
    assert all("the connection to the desk is lost: " in each.why for each in lost.venues)
    assert (lost.ask, lost.ts_recv, lost.crossed_by, lost.coverage.state) == (None, None, None, State.UNKNOWN)
    assert remote.best("BTC-USD") == lost
    async with address.serves(desk):
        await until(lambda: heard.events[-1].bid is not None)
        assert heard.events[-1] == remote.best("BTC-USD") == desk.best("BTC", "USD")
        await remote.close()
    assert heard.ended == [None]
