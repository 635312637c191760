"""A desk in memory behind the real server, and a program that is attached to it: the same numbers, in order, once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from _attached import Heard, attached, until, until_metric
from _doors import opened
from _memorydesk import BTC, COMPLETE, ETH, POL, SOL, START, MemoryDesk

from bethna.client.backend import Want
from bethna.client.remote import connect
from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.core.coverage import Gap
from bethna.core.errors import (
    CannotFollow,
    Closed,
    ConfigError,
    DeskRefused,
    DeskUnreachable,
    UnknownInstrument,
)
from bethna.core.instrument import FEATURES
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, Candle, PriceView, Trade
from bethna.core.status import (
    BookStatus,
    GapFound,
    GapMarked,
    Healed,
    Simulation,
    StreamStatus,
    TapePosition,
    Trust,
)

BOTH_LOOPS = True


def lively() -> MemoryDesk:
    desk = MemoryDesk()
    for instrument in (BTC, ETH):
        for price in (100.0, 101.0, 102.5):
            desk.trade(instrument, price, 0.5, "sell")
        desk.move(
            instrument, [(101.0 - i, 1.0 + i) for i in range(30)], [(102.0 + i, 2.0) for i in range(25)]
        )
    return desk


async def test_what_is_read_is_what_the_api_says() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        assert remote.url == served.url
        assert (remote.source(), remote.simulation(), tuple(remote.features())) == ("live", None, FEATURES)
        assert [each.id for each in remote.instruments()] == [BTC, ETH, POL]
        assert remote.instruments()[0] == desk.followed[0]
        row = (await served.http.get("/api/v1/prices")).json()["prices"][0]
        price = remote.price(BTC)
        assert (price.price, price.bid, price.ask, price.stale) == (102.5, 101.0, 102.0, False)
        assert (price.ts_event, price.ts_recv) == (row["ts_event"] * 1000, row["ts_recv"] * 1000)
        assert price.coverage == COMPLETE
        assert remote.price(POL).price is None
        book = (await served.http.get(f"/api/v1/book/{BTC}")).json()
        view = remote.book(BTC, 20)
        assert ([[*each] for each in view.bids], [[*each] for each in view.asks]) == (
            book["bids"],
            book["asks"],
        )
        assert (view.update_id, view.trust, view.certified_depth) == (1, Trust.TRUSTED, 25)
        assert len(remote.book(BTC, 3).bids) == 3
        assert remote.book(POL, 20).update_id is None
        trade, coverage = remote.last_trade(BTC)
        assert trade == desk.kept[BTC][-1]
        assert coverage == COMPLETE
        assert remote.last_trade(POL)[0] is None
        candle = remote.last_candle(BTC, Interval.M1)
        assert candle is not None
        assert (candle.open_time, candle.open, candle.close, candle.volume) == (START, 100.0, 102.5, 1.5)
        assert remote.health().instruments.keys() == {BTC, ETH, POL}
        assert remote.venues()["binance"] == desk.venue_healths[0]
        assert remote.instrument_health(BTC) == desk.instrument_health(BTC)
        for text in ("btcusdt", "BTC-USDT", "BTC/USDT", "BTC-USDT@binance"):
            assert remote.resolve(text) == BTC
        assert remote.resolve("MATICUSDT") == POL
        with pytest.raises(UnknownInstrument) as error:
            remote.resolve("BTC-USDC")
        assert BTC in error.value.nearest


async def test_a_length_of_candles_that_is_not_at_hand_is_there_soon() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        assert remote.last_candle(BTC, Interval.H1) is None
        await until(lambda: remote.last_candle(BTC, Interval.H1))
        found = remote.last_candle(BTC, Interval.H1)
        assert found is not None
        assert found.close == 102.5


async def test_what_is_fetched_is_what_the_desk_has() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        trades = await remote.fetch("trades", BTC, limit=2)
        assert list(trades.rows) == desk.kept[BTC][-2:]
        assert trades.coverage == COMPLETE
        book = (await remote.fetch("books", BTC, limit=28)).book
        assert book is not None
        assert (len(book.bids), len(book.asks)) == (28, 25)
        prices = await remote.fetch("prices", None, limit=1)
        assert [row.instrument for row in prices.rows if isinstance(row, PriceView)] == [BTC, ETH, POL]
        assert len((await remote.fetch("prices", ETH, limit=1)).rows) == 1
        candles = await remote.fetch("candles", BTC, limit=5, interval=Interval.M1)
        assert [row.close for row in candles.rows if isinstance(row, Candle)] == [102.5]
        none = await remote.fetch("candles", BTC, limit=5, interval=Interval.M1, end=START)
        assert list(none.rows) == []
        with pytest.raises(DeskRefused) as error:
            await remote.fetch("trades", BTC, limit=5000)
        assert error.value.code == "bad_request"


async def test_trades_and_gaps_come_each_and_in_order() -> None:
    desk = lively()
    gap = Gap("trades", 5, 6, START, START + NS_PER_S)
    async with opened(desk) as served, attached(served.url) as remote:
        heard = Heard(remote, Want("trades", BTC))
        said: list[Any] = [desk.trade(BTC, 103.0)]
        await until(lambda: heard.events)
        channel = desk.bus.channel("trades", BTC)
        channel.publish(GapFound(BTC, gap, START))
        channel.publish(GapMarked(BTC, gap, START))
        for _ in range(2):
            desk.kept[BTC].append(desk.kept[BTC][-1])  # what is lost still counts
        said += [desk.trade(BTC, price) for price in (104.0, 105.0)]
        channel.publish(Healed(BTC, Gap("trades", 5, 6, START, START, healed=True), 2, START))
        desk.turn(BTC, "stale", "silent")
        await until(lambda: len(heard.events) == 7)
        assert heard.of(Trade) == said
        kinds = [type(event) for event in heard.events]
        assert kinds == [Trade, GapFound, GapMarked, Trade, Trade, Healed, StreamStatus]
        assert [event.gap for event in heard.of(GapFound)] == [gap]
        assert heard.of(Healed)[0].found == 2
        assert heard.of(StreamStatus)[0] == StreamStatus(BTC, "stale", "silent", True, START)


async def test_between_fetch_and_listening_nothing_is_lost_or_told_twice() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        fetched: list[Any] = list((await remote.fetch("trades", BTC, limit=100)).rows)
        desk.trade(BTC, 1.0)
        fetched = list((await remote.fetch("trades", BTC, limit=100)).rows)
        heard = Heard(remote, Want("trades", BTC))
        desk.trade(BTC, 2.0)
        await until(lambda: len(heard.of(Trade)) >= 1)
        desk.trade(BTC, 3.0)
        await until(lambda: heard.of(Trade)[-1].price == 3.0)
        ids = [each.trade_id for each in [*fetched, *heard.of(Trade)]]
        assert ids == [each.trade_id for each in desk.kept[BTC]]


async def test_a_book_is_a_snapshot_and_changes_that_join_it() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        heard = Heard(remote, Want("books", BTC))
        await until(lambda: heard.of(BookSnapshot))
        [first] = heard.events
        assert (first.last_id, len(first.bids), len(first.asks)) == (1, 30, 25)
        moved = [desk.move(BTC, [(101.5, float(n))], [(130.0, 0.0)]) for n in range(3)]
        await until(lambda: len(heard.events) == 4)
        assert heard.of(BookDelta) == moved
        assert remote.book(BTC, 20).bids[:2] == [(101.5, 2.0), (101.0, 1.0)]
        second = Heard(remote, Want("books", BTC))  # at hand by now
        assert [event.last_id for event in second.events] == [4]
        desk.bus.channel("book", BTC).publish(BookStatus(BTC, Trust.SYNCING, "updates missing", START))
        desk.take_anew(BTC)
        await until(lambda: len(heard.of(BookSnapshot)) == 2)
        assert heard.events[-1].bids == second.events[-1].bids == desk.book(BTC, 5000).bids
        desk.turn(BTC, "waiting", "gone", connected=False)
        await until(lambda: second.of(StreamStatus))


async def test_prices_and_candles_come_as_they_change() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        prices, candles = Heard(remote, Want("prices", BTC)), Heard(remote, Want("candles", BTC, Interval.M1))
        desk.trade(BTC, 200.0)
        await until(lambda: prices.of(PriceView) and candles.of(Candle))
        assert prices.of(PriceView)[-1].price == candles.of(Candle)[-1].close == 200.0
        desk.clock.advance(60 * NS_PER_S)
        desk.trade(BTC, 201.0)
        await until(lambda: len({each.open_time for each in candles.of(Candle)}) == 2)
        ended = [each for each in candles.of(Candle) if each.open_time == START]
        assert ended[-1].closed
        desk.turn(BTC, "stale", "silent")
        await until(lambda: prices.of(StreamStatus) and candles.of(StreamStatus))
        await until(lambda: prices.of(PriceView)[-1].stale)
        assert remote.price(BTC).stale
        assert not remote.price(ETH).stale


async def test_events_of_the_desk_are_heard() -> None:
    desk = lively()
    desk.say("before")
    async with opened(desk) as served, attached(served.url) as remote:
        heard = Heard(remote, Want("system"))
        desk.say("one", "first")
        desk.say("two")
        await until(lambda: len(heard.events) == 2)
        assert heard.events == desk.log[-2:]


async def test_what_one_follows_all_hear_of_and_what_is_left_ends() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as mine, attached(served.url) as other:
        added = await mine.follow("sol/usdt")
        assert (added.id, added.venue_symbol) == (SOL, "SOLUSDT")
        assert await mine.follow("SOL-USDT") == added
        await until(lambda: SOL in [each.id for each in other.instruments()])
        heard = Heard(other, Want("trades", SOL))
        await until(lambda: other.instrument_health(SOL).state == "waiting")
        desk.clock.advance(60 * NS_PER_S)  # it came after who listens, whatever the clocks say
        trade = desk.trade(SOL, 7.0)
        await until(lambda: heard.of(Trade))
        assert heard.of(Trade) == [trade]
        assert other.last_trade(SOL)[0] == trade
        await mine.unfollow("SOLUSDT")
        with pytest.raises(UnknownInstrument):
            mine.price(SOL)
        await until(lambda: heard.ended)
        assert heard.ended == [None]
        await until(lambda: len(other.instruments()) == 3)
        with pytest.raises(UnknownInstrument) as unknown:
            await mine.follow("NOPE-USDT")
        assert "does not list" in unknown.value.message
        with pytest.raises(UnknownInstrument):
            mine.listen(Want("trades", SOL), print, print)


async def test_a_tape_has_what_it_has_and_says_its_time() -> None:
    desk = lively()
    desk.playing = TapePosition("tape", 1.0, START, START, START, ended=False, loops=0)
    async with opened(desk) as served, attached(served.url) as remote:
        assert remote.source() == "tape"
        assert remote.health().now == START // NS_PER_US
        with pytest.raises(CannotFollow):
            await remote.follow("SOL-USDT")
        heard = Heard(remote, Want("trades", BTC))
        desk.trade(BTC, 1.0)
        await until(lambda: heard.of(Trade))
        desk.turn(BTC, "ended", "the tape has ended", connected=False)
        await until(lambda: heard.ended)
        assert heard.ended == [None]
        assert heard.events[-1].state == "ended"


async def test_a_simulated_desk_says_so_everywhere() -> None:
    desk = lively()
    desk.simulated = Simulation(7, "asked for")
    async with opened(desk) as served, attached(served.url) as remote:
        assert (remote.source(), remote.simulation()) == ("twin", Simulation(7, "asked for"))


async def test_a_bug_of_the_desk_ends_a_topic_and_it_is_asked_for_again() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        heard = Heard(remote, Want("candles", BTC, Interval.M5))
        await until(lambda: desk.bus.channel("trades", BTC).subscribers >= 3)
        desk.broken.add(BTC)
        desk.trade(BTC, 300.0)
        await until(lambda: any(event.code == "task_failed" for event in desk.log))
        desk.broken.clear()
        await until(lambda: heard.of(Candle) and heard.of(Candle)[-1].close == 300.0)
        assert heard.ended == []


async def test_letting_go_frees_everything_on_both_sides() -> None:
    desk = lively()
    async with opened(desk) as served:
        remote = await connect(served.url)
        heard = Heard(remote, Want("trades", BTC))
        await remote.close()
        await remote.close()
        assert heard.ended == [None]
        for call in (remote.source, remote.health, remote.instruments, lambda: remote.resolve("BTC-USDT")):
            with pytest.raises(Closed):
                call()
        with pytest.raises(Closed):
            await remote.fetch("trades", BTC, limit=1)
        await until_metric(served, "bethna_clients", 0)
    assert all(channel.subscribers == (channel.kind == "system") for channel in desk.bus.channels())


async def test_who_stops_listening_hears_nothing_and_the_desk_is_asked_for_less() -> None:
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        heard = Heard(remote, Want("books", BTC))
        await until(lambda: heard.events)
        heard.stop()
        heard.stop()
        desk.move(BTC, [(101.5, 1.0)])
        await until(lambda: remote.book(BTC, 1).bids == [(101.5, 1.0)])
        assert len(heard.events) == 1
        names = [use.name for use in desk.bus.mailboxes()]
        assert "api:book:every" in names
        # after a while nobody has come back
        await until(lambda: "api:book:every" not in [use.name for use in desk.bus.mailboxes()])
        desk.move(BTC, [(101.6, 1.0)])
        await until(lambda: remote.book(BTC, 1).bids == [(101.6, 1.0)])


async def test_a_token_is_carried_and_a_wrong_one_is_refused_plainly() -> None:
    token = "the-token-of-this-desk_123"
    async with opened(lively(), token=token) as served:
        async with attached(served.url, token) as remote:
            assert remote.price(BTC).price == 102.5
            heard = Heard(remote, Want("system"))
            served.desk.say("one")
            await until(lambda: heard.events)
        async with attached(f"{served.url}/?token={token}") as remote:
            assert remote.url == served.url
        for wrong, code in ((None, "token_required"), ("wrong", "token_wrong")):
            with pytest.raises(DeskRefused) as error:
                await connect(served.url, wrong)
            assert error.value.code == code
            assert token not in f"{error.value} {error.value.hint}"
        with pytest.raises(ConfigError):
            await connect(served.url, "two\r\nlines")


async def refused(url: str) -> DeskUnreachable:
    with pytest.raises(DeskUnreachable) as error:
        await connect(url)
    assert error.value.hint
    return error.value


async def test_what_is_no_desk_is_not_attached_to() -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"status": "ok"}'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert "another program" in (await refused(f"http://127.0.0.1:{port}")).message
    assert "no desk answers" in (await refused(f"127.0.0.1:{port}")).message
    for url in ("", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://user@127.0.0.1:1"):
        with pytest.raises(ConfigError):
            await connect(url)


async def test_a_desk_of_another_version_says_so() -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"status": "ok", "source": "live", "version": "9.0", "venues": []}'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(DeskRefused) as error:
            await connect(f"http://127.0.0.1:{port}")
        assert error.value.code == "other_version"
        assert "--version" in error.value.hint
