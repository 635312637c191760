"""The nouns of a program: the latest, tables, frames, streams that end, and errors that say what to do."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading

import pytest
from _memorydesk import BTC, ETH, START
from _memoryhouse import MemoryHouse, settle, waiting

from bethna.client.facts import Book, BookLevel, CertifiedTrade
from bethna.client.readiness import missing, wait_until_ready
from bethna.client.tables import COLUMNS, Table
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, Provenance, State
from bethna.core.errors import Closed, ConfigError, FeatureOff, NoDataYet, UnknownInstrument
from bethna.core.instrument import FEATURES
from bethna.core.market import Candle, PriceView
from bethna.core.status import BookStatus, StreamStatus, SystemEvent, Trust


@pytest.fixture
def house() -> MemoryHouse:
    return MemoryHouse()


def fill(house: MemoryHouse) -> None:
    house.desk.move(BTC, [(99.0, 2.0), (98.0, 1.0)], [(101.0, 3.0), (102.5, 4.0)])
    house.desk.trade(BTC, 100.0, 0.5, "sell")
    house.desk.trade(BTC, 100.5, 1.5)


def test_before_there_is_data_the_latest_is_none_or_an_error_that_says_so(house: MemoryHouse) -> None:
    for noun in (house.prices, house.trades, house.books, house.candles):
        assert noun.get("BTC-USDT") is None
        with pytest.raises(NoDataYet, match=r"BTC-USDT@binance .*nothing has been seen yet") as caught:
            noun["BTC-USDT"]
        assert caught.value.hint
        with pytest.raises(UnknownInstrument, match="not followed") as unknown:
            noun["SOL-USDT"]
        assert unknown.value.hint.startswith("nearest: ")


def test_the_latest_under_any_spelling(house: MemoryHouse) -> None:
    fill(house)
    for spelled in ("BTC-USDT", "btcusdt", "BTC/USDT", "BTC-USDT@binance"):
        assert house.prices[spelled].price == 100.5
    trade = house.trades["BTC-USDT"]
    assert (trade.price, trade.quantity, trade.side, trade.trade_id) == (100.5, 1.5, "buy", 2)
    assert trade.coverage.state is State.COMPLETE
    book = house.books["BTC-USDT"]
    assert (book.best_bid, book.best_ask, book.mid, book.spread) == (99.0, 101.0, 100.0, 2.0)
    one = house.books.get("BTC-USDT", depth=1)
    assert one is not None
    assert (one.bids, one.asks) == ([(99.0, 2.0)], [(101.0, 3.0)])
    assert house.candles["BTC-USDT"] == house.candles["BTC-USDT", "1m"]
    assert house.candles["BTC-USDT", "5m"].trades == 2


def test_a_side_without_levels_has_no_best_price() -> None:
    book = Book(BTC, [(1.0, 1.0)], [], 5, Trust.TRUSTED, 0, None, None, Coverage())
    assert (book.best_bid, book.best_ask, book.mid, book.spread) == (1.0, None, None, None)
    other = Book(BTC, [], [(2.0, 1.0)], 5, Trust.TRUSTED, 0, None, None, Coverage())
    assert (other.best_bid, other.best_ask, other.mid, other.spread) == (None, 2.0, None, None)


async def test_tables_are_sequences_with_a_certificate(house: MemoryHouse) -> None:
    fill(house)
    trades = await house.trades.fetch("BTC-USDT")
    assert [row.trade_id for row in trades] == [1, 2]
    assert (trades[-1].price, len(trades), trades[:1][0].trade_id) == (100.5, 2, 1)
    assert trades == await house.trades.fetch("BTC-USDT", 100)
    assert trades != await house.trades.fetch("BTC-USDT", 1)
    assert repr(trades) == "<Table of 2 trades, complete>"
    prices = await house.prices.fetch()
    assert [row.instrument for row in prices] == [BTC, ETH]
    assert (prices.coverage.state, prices.coverage.provenance) == (State.UNKNOWN, Provenance.LIVE)
    assert len(await house.prices.fetch("BTC-USDT")) == 1
    levels = await house.books.fetch("BTC-USDT", depth=1)
    assert list(levels) == [BookLevel("bid", 1, 99.0, 2.0), BookLevel("ask", 1, 101.0, 3.0)]
    candles = await house.candles.fetch("BTC-USDT", "1m", end=START)
    assert (list(candles), candles.coverage.state) == ([], State.UNKNOWN)
    assert [row.trades for row in await house.candles.fetch("BTC-USDT", limit=1)] == [2]


async def test_what_is_out_of_range_is_refused_by_name(house: MemoryHouse) -> None:
    with pytest.raises(ConfigError, match="limit: expected a whole number from 1 to 1000, found 0"):
        await house.trades.fetch("BTC-USDT", 0)
    with pytest.raises(ConfigError, match="limit: expected a whole number from 1 to 1500"):
        await house.candles.fetch("BTC-USDT", limit=1501)
    with pytest.raises(ConfigError, match="depth: expected a whole number from 1 to 5000"):
        house.books.stream("BTC-USDT", depth=0)
    with pytest.raises(ConfigError, match="pending"):
        house.trades.stream("BTC-USDT", pending=0)
    with pytest.raises(ConfigError, match=r"interval: expected one of 1s, 1m, .* found '2m'"):
        house.candles.get("BTC-USDT", "2m")


def rows() -> list[Table[PriceView] | Table[CertifiedTrade] | Table[BookLevel] | Table[Candle]]:
    house = MemoryHouse()
    fill(house)
    for instant in range(3):
        house.desk.clock.advance(61 * NS_PER_S + 1)
        house.desk.trade(BTC, 100.0 + instant)

    async def fetch() -> list[Table[PriceView] | Table[CertifiedTrade] | Table[BookLevel] | Table[Candle]]:
        return [
            await house.prices.fetch(), await house.trades.fetch("BTC-USDT"), await house.books.fetch("BTC-USDT"),
            await house.candles.fetch("BTC-USDT"), await house.trades.fetch("ETH-USDT"),
            await house.books.fetch("ETH-USDT"), await house.candles.fetch("ETH-USDT"),
        ]  # fmt: skip

    return asyncio.run(fetch())


@pytest.mark.parametrize("number", range(7))
def test_frames_hold_what_the_table_holds_to_the_nanosecond(number: int) -> None:
    table = rows()[number]
    polars, pandas = table.to_polars(), table.to_pandas()
    assert tuple(polars.columns) == tuple(pandas.columns) == table.columns
    assert polars.height == len(pandas) == len(table)
    kind = type(table[0]) if len(table) else None
    instants = [c.name for c in COLUMNS.get(kind or object, ()) if c.type == "instant"]
    for name in instants:
        assert str(polars.schema[name]) == "Datetime(time_unit='ns', time_zone='UTC')"
        assert str(pandas[name].dtype) == "datetime64[ns, UTC]"
    for index, row in enumerate(table):
        for name in table.columns:
            wanted = getattr(row, name)
            if name == "coverage":
                wanted = wanted.state.value
            found, other = polars[name][index], pandas[name][index]
            if name in instants:
                found = polars[name].to_physical()[index]
                other = getattr(other, "value", None) if other == other else other
            assert found == wanted
            assert other == wanted if wanted is not None else other != other


def test_without_the_library_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("polars", "pandas"):
        monkeypatch.setitem(sys.modules, name, None)
        table = Table(BookLevel, [], Coverage())
        with pytest.raises(FeatureOff, match=f"{name} is not installed") as caught:
            getattr(table, f"to_{name}")()
        assert caught.value.hint == f"install it: pip install 'bethna[{name}]'"


async def test_a_stream_ends_by_leaving_its_block_by_closing_and_by_being_let_go(house: MemoryHouse) -> None:
    channel = house.desk.bus.channel("trades", BTC)
    async with house.trades.stream("BTC-USDT") as stream:
        assert channel.subscribers == 1
        house.desk.trade(BTC, 1.0)
        assert (await anext(stream)).price == 1.0
    assert channel.subscribers == 0
    assert await anext(stream, None) is None
    waits = house.trades.stream("BTC-USDT")
    reading = asyncio.ensure_future(anext(waits, None))
    await settle()
    await waits.aclose()
    await waits.aclose()
    assert await reading is None
    let_go = house.trades.events("BTC-USDT")
    assert channel.subscribers == 1
    del let_go
    gc.collect()
    assert channel.subscribers == 0


async def test_a_stream_that_another_thread_lets_go_ends_in_its_own_loop(house: MemoryHouse) -> None:
    channel = house.desk.bus.channel("trades", BTC)
    kept = [house.trades.stream("BTC-USDT")]
    thread = threading.Thread(target=kept.clear)
    thread.start()
    thread.join()
    gc.collect()
    await settle()
    assert channel.subscribers == 0


async def test_nobody_is_called_where_nobody_listens_and_once_where_somebody_does(house: MemoryHouse) -> None:
    bus = house.desk.bus
    names = ("trades", "quotes", "tickers", "book", "status")
    assert sum(bus.channel(each, BTC).subscribers for each in names) == 0  # type: ignore[call-overload]  # in turn
    stream = house.trades.stream("BTC-USDT")
    assert bus.channel("trades", BTC).subscribers == 1
    prices = house.prices.stream("BTC-USDT")
    for price in range(1000):
        house.desk.trade(BTC, float(price + 1))
    assert len(await waiting(stream)) == 1000
    assert [view.price for view in await waiting(prices)] == [1000.0]


async def test_a_stream_has_one_reader(house: MemoryHouse) -> None:
    stream = house.trades.stream("BTC-USDT")
    first = asyncio.ensure_future(anext(stream))
    await settle()
    with pytest.raises(RuntimeError, match="one stream for each"):
        await anext(stream)
    house.desk.trade(BTC, 5.0)
    assert (await first).price == 5.0


async def test_reading_that_is_cancelled_loses_nothing(house: MemoryHouse) -> None:
    stream = house.trades.stream("BTC-USDT")
    read: list[float] = []
    for price in range(1, 7):
        reading = asyncio.ensure_future(anext(stream))
        if price % 2:
            await settle()  # it waits already
        house.desk.trade(BTC, float(price))
        reading.cancel()  # in the same breath
        await asyncio.wait([reading])
        if not reading.cancelled():
            read.append(reading.result().price)
    read += [trade.price for trade in await waiting(stream)]
    assert read == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


async def test_streams_of_states_begin_with_how_things_are(house: MemoryHouse) -> None:
    assert await waiting(house.prices.stream("BTC-USDT")) == []
    fill(house)
    assert await waiting(house.prices.stream("BTC-USDT")) == [house.prices["BTC-USDT"]]
    assert await waiting(house.books.stream("BTC-USDT")) == [house.books["BTC-USDT"]]
    assert await waiting(house.candles.stream("BTC-USDT", "5m")) == [house.candles["BTC-USDT", "5m"]]
    assert await waiting(house.trades.stream("BTC-USDT")) == []


async def test_the_end_of_a_desk_ends_streams_after_what_waits(house: MemoryHouse) -> None:
    fill(house)
    stream, books = house.trades.stream("BTC-USDT"), house.books.stream("BTC-USDT")
    house.desk.trade(BTC, 7.0)
    house.local.finish()
    assert [trade.price async for trade in stream] == [7.0]
    assert [book async for book in books] == []
    assert house.prices["BTC-USDT"].price == 7.0  # a tape that has ended can be read
    assert [trade async for trade in house.trades.stream("BTC-USDT")] == []
    await house.local.close()
    await house.local.close()
    with pytest.raises(Closed, match="closed") as caught:
        house.prices["BTC-USDT"]
    assert caught.value.hint


async def test_an_error_of_the_desk_is_raised_by_streams_and_calls(house: MemoryHouse) -> None:
    stream = house.trades.stream("BTC-USDT")
    reading = asyncio.ensure_future(anext(stream))
    await settle()
    house.desk.trade(BTC, 7.0)
    house.local.finish(Closed("made on purpose"))
    assert (await reading).price == 7.0
    for _ in range(2):
        with pytest.raises(Closed, match="made on purpose"):
            await anext(stream)
    with pytest.raises(Closed, match="made on purpose"):
        house.prices["BTC-USDT"]


async def test_unfollowing_ends_the_streams_of_that_instrument_alone(house: MemoryHouse) -> None:
    streams = [
        house.prices.events("ETH-USDT"),
        house.trades.events("ETH-USDT"),
        house.books.events("ETH-USDT"),
    ]
    other = house.trades.stream("BTC-USDT")
    await house.local.unfollow("ETH-USDT")
    for stream in streams:
        assert [event async for event in stream] == []  # type: ignore[attr-defined]  # of three kinds
    house.desk.trade(BTC, 3.0)
    assert (await anext(other)).price == 3.0


async def test_turns_stand_between_the_data_where_they_happened(house: MemoryHouse) -> None:
    stream = house.trades.events("BTC-USDT")
    house.desk.trade(BTC, 1.0)
    house.desk.turn(BTC, "stale", "reconnecting", connected=False)
    house.desk.trade(BTC, 2.0)
    house.desk.turn(BTC, "ended", "it is not followed any more", connected=False)
    said = [event async for event in stream]
    assert [type(event) for event in said] == [CertifiedTrade, StreamStatus, CertifiedTrade, StreamStatus]


async def test_a_turn_stays_between_the_states_before_and_after_it(house: MemoryHouse) -> None:
    stream, candles = house.prices.events("BTC-USDT"), house.candles.events("BTC-USDT")
    for price, state in ((1.0, "stale"), (2.0, "live")):
        house.desk.trade(BTC, price)
        await settle()
        house.desk.turn(BTC, state)  # type: ignore[arg-type]  # one of two words
        await settle()
    said = [f"{e.price} {e.stale}" if isinstance(e, PriceView) else e for e in await waiting(stream)]
    words = [each if isinstance(each, str) else type(each).__name__ for each in said]
    assert words == ["1.0 False", "StreamStatus", "2.0 True", "StreamStatus", "2.0 False"]
    closes = [event.close if isinstance(event, Candle) else event for event in await waiting(candles)]
    assert [type(each).__name__ for each in closes] == ["float", "StreamStatus", "float", "StreamStatus"]


async def test_the_trust_in_a_book_is_said_between_its_changes(house: MemoryHouse) -> None:
    fill(house)
    stream = house.books.events("BTC-USDT")
    house.desk.bus.channel("book", BTC).publish(BookStatus(BTC, Trust.SYNCING, "a gap", START))
    house.desk.take_anew(BTC)
    assert [type(event).__name__ for event in await waiting(stream)] == [
        "BookSnapshot", "BookStatus", "BookSnapshot"
    ]  # fmt: skip


async def test_a_callback_gets_each_and_ends_when_it_is_closed(house: MemoryHouse) -> None:
    got: list[float] = []
    calling = house.trades.on("BTC-USDT", lambda trade: got.append(trade.price))
    for price in range(1, 201):
        house.desk.trade(BTC, float(price))
    await settle()
    await settle()
    assert got == [float(price) for price in range(1, 201)]
    calling.close()
    calling.close()
    house.desk.trade(BTC, 500.0)
    await asyncio.wait(house.children)
    assert (len(got), calling.closed, calling.error) == (200, True, None)
    assert house.desk.bus.channel("trades", BTC).subscribers == 0


async def test_a_callback_that_raises_is_told_once_and_keeps_its_error(house: MemoryHouse) -> None:
    def fails(_view: PriceView) -> None:
        raise KeyError("on purpose")

    calling = house.prices.on("BTC-USDT", fails)
    house.desk.trade(BTC, 1.0)
    await asyncio.wait(house.children)
    house.desk.trade(BTC, 2.0)
    await settle()
    [event] = house.told
    assert isinstance(event, SystemEvent)
    assert "KeyError: 'on purpose'" in event.message
    assert event.message.endswith("it is called no more")
    assert isinstance(calling.error, KeyError)
    assert calling.closed


async def test_a_callback_that_cancels_itself_is_told_too(house: MemoryHouse) -> None:
    async def fails(_view: PriceView) -> None:
        raise asyncio.CancelledError

    calling = house.prices.on("BTC-USDT", fails)
    house.desk.trade(BTC, 1.0)
    await asyncio.wait(house.children)
    [event] = house.told
    assert isinstance(event, SystemEvent)
    assert event.message.endswith("it is called no more")
    assert isinstance(calling.error, RuntimeError)
    assert calling.closed


async def test_readiness_says_what_is_missing_and_wakes_when_it_comes(house: MemoryHouse) -> None:
    assert missing(house.local, [BTC], FEATURES) == [
        f"{BTC} price", f"{BTC} trades", f"{BTC} candles"
    ]  # fmt: skip
    waits = asyncio.ensure_future(wait_until_ready(house.local, [BTC], FEATURES, 60))
    await settle()
    assert not waits.done()
    fill(house)
    await waits
    with pytest.raises(NoDataYet, match=f"{ETH} price, {ETH} trades.*waited 0 s"):
        await wait_until_ready(house.local, [ETH], ("prices", "trades"), 0)
    ends = asyncio.ensure_future(wait_until_ready(house.local, [ETH], ("prices",), 60))
    await settle()
    house.local.finish()
    with pytest.raises(NoDataYet, match="the desk has ended"):
        await ends
    assert house.desk.bus.channel("status", ETH).subscribers == 0


async def test_connections_by_venue_and_by_instrument(house: MemoryHouse) -> None:
    from bethna.client.connection_status import ConnectionStatus

    status = ConnectionStatus(house.backend)
    assert status["binance"].state == "ok"
    assert status["btcusdt"].state == "waiting"
    assert list(status) == ["binance", BTC, ETH]
    assert len(status) == 3
    assert "ETH-USDT" in status
    assert "SOL-USDT" not in status
    with pytest.raises(UnknownInstrument):
        status["nobody"]
    house.desk.trade(BTC, 1.0)
    assert repr(status) == f"<connections: binance ok, {BTC} live, {ETH} waiting>"
