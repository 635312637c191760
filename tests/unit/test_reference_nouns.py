"""`desk.indices` and `desk.valuations` over a desk in memory: latest, streams, tables, and what is refused."""

from __future__ import annotations

import pytest
from _memorydesk import BTC, START, MemoryDesk
from _memoryhouse import MemoryHouse, virtually

from bethna.client.backend import Want
from bethna.client.readiness import wait_until_ready
from bethna.core.clock import NS_PER_S
from bethna.core.errors import NoDataYet, UnknownInstrument
from bethna.core.instrument import FEATURES
from bethna.core.market import Greeks, IndexPrice, InstrumentId, PriceView, Valuation
from bethna.core.reference import IndexView, ValuationView
from bethna.core.status import StreamStatus

INDEX, DVOL = InstrumentId("BTC-USD-INDEX@deribit"), InstrumentId("BTC-DVOL@deribit")
OPTION = InstrumentId("BTC-25DEC26-76000-C@deribit")
PERPETUAL = InstrumentId("BTC-PERPETUAL@deribit")


def index(value: float, at: int = START) -> IndexPrice:
    return IndexPrice(INDEX, value, at, at)


def option(mark: float, at: int = START) -> Valuation:
    return Valuation(OPTION, mark, 1.0, at, at, greeks=Greeks(0.5, 0.1, 0.2, -0.1, 0.3))


def house() -> MemoryHouse:
    return MemoryHouse(MemoryDesk([BTC, INDEX, DVOL, OPTION, PERPETUAL]))


def test_the_latest_or_what_is_missing() -> None:
    async def main() -> None:
        found = house()
        assert found.indices.get(INDEX) is None
        with pytest.raises(NoDataYet, match=r"BTC-USD-INDEX@deribit index"):
            found.indices[INDEX]
        with pytest.raises(NoDataYet, match=r"valuation"):
            found.valuations[OPTION]
        found.desk.say_figure(index(100.0))
        found.desk.say_figure(option(0.1))
        assert found.indices["btc-usd-index@deribit"].value == 100.0
        worth = found.valuations[OPTION]
        assert worth.greeks is not None
        assert (worth.mark_price, worth.greeks.theta) == (0.1, -0.1)
        for name in (BTC, OPTION, "ETH-DVOL@deribit"):
            with pytest.raises(UnknownInstrument):
                found.indices[name]
        with pytest.raises(UnknownInstrument):
            found.valuations.stream(INDEX)
        assert repr(found.valuations).startswith("<valuations of a desk")

    virtually(main)


def test_a_stream_says_what_changes_and_that_it_went_stale() -> None:
    async def main() -> None:
        found = house()
        async with found.indices.stream(INDEX) as stream, found.indices.events(INDEX) as events:
            found.desk.say_figure(index(100.0))
            assert (await anext(stream)).value == 100.0
            said = await anext(events)
            assert isinstance(said, IndexView)
            found.desk.clock.advance(61 * NS_PER_S)  # nothing comes: the second hand finds it
            view = await anext(stream)
            assert (view.value, view.stale) == (100.0, True)
            said = await anext(events)
            assert isinstance(said, IndexView)
            assert said.stale
            found.desk.turn(INDEX, "stale", "silent")
            assert isinstance(await anext(events), StreamStatus)
            found.desk.say_figure(index(101.0, START + 61 * NS_PER_S))
        calls: list[ValuationView] = []
        subscription = found.valuations.on(OPTION, calls.append)
        found.desk.say_figure(option(0.1))
        async with found.valuations.stream(OPTION) as worth:
            await anext(worth)
            found.desk.say_figure(option(0.2, START + 1))
            assert (await anext(worth)).mark_price == 0.2
        subscription.close()
        assert calls[-1].mark_price == 0.2

    virtually(main)


def test_a_price_of_an_index_is_heard_by_its_figures() -> None:
    async def main() -> None:
        found = house()
        async with found.prices.stream(INDEX) as stream:
            found.desk.say_figure(index(100.0))
            view = await anext(stream)
        assert isinstance(view, PriceView)
        assert (view.price, view.bid) == (100.0, None)

    virtually(main)


def test_tables_have_a_row_an_instrument() -> None:
    async def main() -> None:
        found = house()
        found.desk.say_figure(index(100.0))
        found.desk.say_figure(option(0.1))
        indices = await found.indices.fetch()
        assert [row.instrument for row in indices] == [INDEX, DVOL]
        assert repr(indices) == "<Table of 2 index figures, unknown>"
        worth = await found.valuations.fetch(OPTION)
        assert [row.mark_price for row in worth] == [0.1]
        frame = (await found.valuations.fetch()).to_polars()
        assert frame["delta"].to_list() == [0.5, None]
        assert frame["kind"].to_list() == ["option", "perpetual"]
        assert (await found.indices.fetch()).to_polars()["unit"].to_list() == ["USD", "%"]

    virtually(main)


def test_an_index_is_ready_by_its_price_alone() -> None:
    async def main() -> None:
        found = house()
        found.desk.say_figure(index(100.0))
        await wait_until_ready(found.local, [INDEX], FEATURES, 1.0)
        with pytest.raises(NoDataYet, match=r"BTC-USD-INDEX@deribit book: .*nobody trades it"):
            await wait_until_ready(found.local, [INDEX], ("books",), 1.0)
        with pytest.raises(NoDataYet, match=r"^BTC-DVOL@deribit price: "):
            await wait_until_ready(found.local, [DVOL], FEATURES, 1.0)

    virtually(main)


def test_listening_to_what_is_none_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(UnknownInstrument):
            house().local.listen(Want("valuations", BTC), lambda _: None, lambda _: None)

    virtually(main)
