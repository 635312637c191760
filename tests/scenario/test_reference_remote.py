"""Indices and valuations of a desk behind an address: the desk's own figures, and stale without a connection."""

from __future__ import annotations

import pytest
from _attached import Heard, attached, until
from _doors import opened
from _memorydesk import BTC, START, MemoryDesk
from scenario.test_remote_heals import Address

from bethna.app.engines import AttachedEngine
from bethna.app.trading import RealTimeTrading
from bethna.client.backend import Want
from bethna.client.remote import connect
from bethna.core.coverage import State
from bethna.core.errors import NoDataYet, UnknownInstrument
from bethna.core.market import Greeks, IndexPrice, InstrumentId, Valuation
from bethna.core.reference import IndexView

BOTH_LOOPS = True
INDEX, DVOL = InstrumentId("BTC-USD-INDEX@deribit"), InstrumentId("BTC-DVOL@deribit")
OPTION = InstrumentId("BTC-25DEC26-76000-C@deribit")
WANT = Want("indices", INDEX)


def index(value: float, at: int = START, name: InstrumentId = INDEX) -> IndexPrice:
    return IndexPrice(name, value, at, at)


def lively() -> MemoryDesk:
    desk = MemoryDesk((BTC, INDEX, DVOL, OPTION))
    desk.say_figure(index(83_250.5))
    desk.say_figure(
        Valuation(
            OPTION, 0.1296, 83_250.5, START, START, 84_222.25, "BTC-25DEC26", 0.3825, 0.356, None,
            Greeks(0.74, 2.0e-5, 132.5, -29.5, 121.25), 480.5,
        )
    )  # fmt: skip
    return desk


async def test_what_is_read_is_what_the_desk_has() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        for kind, name in (("indices", INDEX), ("valuations", OPTION)):
            assert remote.reference(kind, name) is None  # type: ignore[arg-type]  # it is there soon
            await until(lambda kind=kind, name=name: remote.reference(kind, name))  # type: ignore[misc]  # of a loop
            said = desk.reference(kind, name)  # type: ignore[arg-type]  # both are kinds
            assert remote.reference(kind, name) == said  # type: ignore[arg-type]  # both are kinds
            assert await remote.fetch_references(kind, name) == [said]  # type: ignore[arg-type]  # both are kinds
        assert [each.instrument for each in await remote.fetch_references("indices", None)] == [INDEX, DVOL]
        assert remote.price(INDEX).price == 83_250.5
        desk.say_figure(index(83_251.5, START + 1000))
        await until(lambda: remote.reference("indices", INDEX) == desk.reference("indices", INDEX))
        await until(lambda: remote.price(INDEX).price == 83_251.5)
        for name in (BTC, OPTION, InstrumentId("ETH-DVOL@deribit")):
            with pytest.raises(UnknownInstrument):
                remote.reference("indices", name)
            with pytest.raises(UnknownInstrument):
                remote.listen(Want("indices", name), lambda _: None, lambda _: None)
            with pytest.raises(UnknownInstrument):
                await remote.fetch_references("indices", name)


async def test_the_nouns_over_an_attached_desk() -> None:
    desk = lively()
    async with (
        opened(desk) as served,
        attached(served.url) as remote,
        RealTimeTrading.over(AttachedEngine(remote)) as trading,
    ):
        with pytest.raises(NoDataYet):
            trading.indices["BTC-USD-INDEX@deribit"]  # it is there soon
        async with trading.indices.stream(INDEX) as stream:
            assert (await anext(stream)).value == 83_250.5
            desk.say_figure(index(83_251.5, START + 1000))
            assert (await anext(stream)).value == 83_251.5
        assert [each.value for each in await trading.indices.fetch()] == [83_251.5, None]
        [worth] = await trading.valuations.fetch(OPTION)
        assert worth.greeks is not None
        assert (worth.mark_price, worth.greeks.delta) == (0.1296, 0.74)
        await trading.ready(INDEX, timeout_s=10)


async def test_without_a_connection_it_is_stale_and_it_comes_back_by_itself() -> None:
    desk, address = lively(), Address()
    async with address.serves(desk):
        remote = await connect(address.url)
        heard = Heard(remote, WANT)
        await until(lambda: heard.of(IndexView))
        assert not heard.of(IndexView)[-1].stale
    await until(lambda: heard.of(IndexView)[-1].stale)
    lost = heard.of(IndexView)[-1]
    assert (lost.value, lost.coverage.state, lost.coverage.gaps[0].reason) == (
        83_250.5, State.INCOMPLETE, "disconnected",
    )  # fmt: skip
    assert remote.reference("indices", INDEX) == lost
    async with address.serves(desk):
        await until(lambda: not heard.of(IndexView)[-1].stale)
        assert remote.reference("indices", INDEX) == desk.reference("indices", INDEX)
        await remote.close()
    assert heard.ended == [None]


async def test_what_is_followed_no_longer_ends_who_listens() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        heard = Heard(remote, WANT)
        await until(lambda: heard.events)
        await desk.unfollow(INDEX)
        await until(lambda: heard.ended)
        assert heard.ended == [None]
