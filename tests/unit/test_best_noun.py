"""`desk.best` over a desk in memory: the latest, streams, tables, the merged book, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from _memorydesk import ETH, MemoryDesk
from _memoryhouse import MemoryHouse, settle, virtually, waiting

from bethna.client.backend import Want
from bethna.core.consolidated import BestPrice, VenueQuote
from bethna.core.coverage import State
from bethna.core.errors import Closed, ConfigError, FeatureOff, NoDataYet, UnknownInstrument
from bethna.core.instrument import Feature
from bethna.core.market import InstrumentId

ONE, TWO = InstrumentId("BTC-USD@one"), InstrumentId("BTC-USD@two")
TETHER, RATE = InstrumentId("BTC-USDT@one"), InstrumentId("USDT-USD@two")


@pytest.fixture
def house() -> MemoryHouse:
    return MemoryHouse(instruments=(ONE, TWO, TETHER, RATE))


def fill(house: MemoryHouse) -> None:
    house.desk.move(ONE, [(99.0, 2.0), (98.0, 1.0)], [(101.0, 3.0)])
    house.desk.move(TWO, [(99.5, 2.0), (98.0, 1.0)], [(102.0, 3.0), (103.0, 1.0)])


def test_the_latest_under_any_spelling(house: MemoryHouse) -> None:
    fill(house)
    for spelled in ("BTC-USD", "btcusd", "XBT/USD"):
        price = house.best[spelled]
        assert (price.bid, price.bid_at, price.ask, price.ask_at) == (99.5, TWO, 101.0, ONE)
        assert price.coverage.state is State.COMPLETE
        assert house.best.get(spelled) == price
    assert repr(house.best) == "<best prices of a desk: [pair], get, stream, on, fetch, book>"


def test_when_nobody_is_in_the_error_names_everybody(house: MemoryHouse) -> None:
    with pytest.raises(NoDataYet, match=r"one waiting: nothing has been seen yet; two waiting: ") as caught:
        house.best["BTC-USD"]
    assert caught.value.hint
    price = house.best.get("BTC-USD")
    assert price is not None
    assert (price.bid, price.coverage.state, len(price.venues)) == (None, State.UNKNOWN, 2)


def test_what_is_no_pair_of_this_desk(house: MemoryHouse) -> None:
    for wrong in ("BTC-EUR", "SOL-USD", "BTC-USD@one", "?"):
        with pytest.raises(UnknownInstrument) as caught:
            house.best[wrong]
        assert caught.value.hint
        with pytest.raises(UnknownInstrument):
            house.best.stream(wrong)
    with pytest.raises(ConfigError, match="convert: expected at most 8 currencies"):
        house.best.get("BTC-USD", convert="A-B")


def test_conversion_is_asked_for_by_words_or_a_sequence(house: MemoryHouse) -> None:
    fill(house)
    house.desk.move(TETHER, [(100.0, 1.0)], [(100.5, 1.0)])
    house.desk.move(RATE, [(0.999, 1.0)], [(1.0, 1.0)])
    plain = house.best["BTC-USD"]
    assert (plain.convert, plain.bid) == ((), 99.5)
    kinds: list[str | Sequence[str]] = ["usdt", "USDT,USDC", ["USDT", "USDC"], ("USDC", "USDT")]
    for convert in kinds:
        price = house.best.get("BTC-USD", convert=convert)
        assert price is not None
        assert (price.bid, price.bid_at) == (99.9, TETHER)


async def test_a_stream_begins_with_how_it_is_and_says_each_change_once(house: MemoryHouse) -> None:
    fill(house)
    async with house.best.stream("BTC-USD") as stream:
        [first] = await waiting(stream)
        assert first.bid == 99.5
        house.desk.move(ONE, [(97.0, 1.0)])  # below the top, at the same instant
        assert await waiting(stream) == []
        for bid in (99.6, 99.7, 99.8):
            house.desk.move(ONE, [(bid, 1.0)])
        assert [price.bid for price in await waiting(stream)] == [99.8]
        house.desk.turn(ONE, "stale", "silent")
        [later] = await waiting(stream)
        assert (later.bid, [each.out for each in later.venues]) == (99.5, ["stale", None])
        house.desk.turn(TWO, "stale", "silent")
        [gone] = await waiting(stream)
        assert (gone.bid, gone.coverage.state) == (None, State.UNKNOWN)


async def test_a_listener_hears_only_what_is_another(house: MemoryHouse) -> None:
    fill(house)
    heard: list[object] = []
    stop = house.local.listen(Want("best", pair="BTC-USD"), heard.append, lambda _: None)
    house.desk.move(ONE, [(97.0, 1.0)])
    await settle()
    assert heard == []
    house.desk.move(ONE, [(100.0, 1.0)])
    await settle()
    assert heard == [house.desk.best("BTC", "USD")]
    stop()
    house.desk.move(ONE, [(100.5, 1.0)])
    await settle()
    assert len(heard) == 1


async def test_a_rate_moves_the_price_too(house: MemoryHouse) -> None:
    house.desk.move(TETHER, [(100.0, 1.0)], [(100.5, 1.0)])
    async with house.best.stream("BTC-USD", convert="USDT") as stream:
        assert [price.bid for price in await waiting(stream)] == [None]
        house.desk.move(RATE, [(0.999, 1.0)], [(1.0, 1.0)])
        assert [price.bid for price in await waiting(stream)] == [99.9]


async def test_venues_that_come_and_go_and_the_last_one_ends_it() -> None:
    house = MemoryHouse(instruments=(ONE, TWO, ETH))
    fill(house)
    async with house.best.stream("BTC-USD") as stream:
        assert len((await waiting(stream))[0].venues) == 2
        await house.local.unfollow(TWO)
        assert [len(price.venues) for price in await waiting(stream)] == [1]
        await house.local.follow(TWO)
        assert [len(price.venues) for price in await waiting(stream)] == [2]
        house.desk.move(TWO, [(100.0, 1.0)], [(101.0, 1.0)])
        assert [price.bid_at for price in await waiting(stream)] == [TWO]
        await house.local.unfollow(TWO)
        await house.local.unfollow(ONE)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


def test_what_changes_without_an_event_is_seen_within_a_second() -> None:
    async def main() -> None:
        desk = MemoryDesk((ONE, TWO))
        house = MemoryHouse(desk)
        fill(house)
        async with house.best.stream("BTC-USD") as stream:
            assert len((await anext(stream)).venues) == 2
            desk.followed.pop()
            assert len((await anext(stream)).venues) == 1

    virtually(main)


async def test_a_callback_gets_what_a_stream_yields(house: MemoryHouse) -> None:
    fill(house)
    heard: list[BestPrice] = []
    subscription = house.best.on("BTC-USD", heard.append)
    await settle()
    house.desk.move(ONE, [(99.9, 1.0)])
    await settle()
    assert [price.bid for price in heard] == [99.5, 99.9]
    subscription.close()
    assert subscription.closed


async def test_a_table_of_who_is_in_and_who_is_out_and_the_merged_book(house: MemoryHouse) -> None:
    fill(house)
    house.desk.turn(ONE, "stale", "silent")
    table = await house.best.fetch("BTC-USD", convert="USDT")
    assert [(row.instrument, row.out) for row in table] == [(ONE, "stale"), (TWO, None), (TETHER, "waiting")]
    assert repr(table) == "<Table of 3 venues, complete>"
    assert table.columns[:3] == ("instrument", "bid", "bid_quantity")
    assert set(table.columns) - {"coverage"} <= set(VenueQuote.__struct_fields__)
    frame = table.to_polars()
    assert frame["out"].to_list() == ["stale", "", "waiting"]
    assert frame["bid"].to_list() == [99.0, 99.5, None]
    assert table.to_pandas()["rate"].to_list() == ["", "", ""]
    house.desk.turn(ONE, "live")
    book = await house.best.book("BTC-USD")
    assert [level[:2] for level in book.bids] == [(99.5, 2.0), (99.0, 2.0), (98.0, 2.0)]
    assert book.bids[-1][2] == {"one": 1.0, "two": 1.0}
    assert (book.asks_end_at, book.certified_depth) == (ONE, 1)
    assert len((await house.best.book("BTC-USD", depth=1)).bids) == 1
    with pytest.raises(ConfigError, match="depth"):
        await house.best.book("BTC-USD", depth=0)


async def test_books_or_prices_are_enough_and_neither_is_not(
    house: MemoryHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(house)
    features: tuple[Feature, ...] = ("books",)
    monkeypatch.setattr(house.desk, "features", lambda: features)
    assert house.best["BTC-USD"].bid == 99.5
    features = ("trades", "candles")
    with pytest.raises(FeatureOff, match="neither prices nor books"):
        house.best.get("BTC-USD")


async def test_a_closed_desk_ends_its_streams(house: MemoryHouse) -> None:
    fill(house)
    stream = house.best.stream("BTC-USD")
    await waiting(stream)
    await house.local.close()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    with pytest.raises(Closed):
        house.best.get("BTC-USD")
