"""A connection to a desk that breaks: it is said, it heals by itself, and what was missed has a name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from _attached import Heard, attached, until
from _doors import opened
from _memorydesk import BTC, ETH, MemoryDesk

from bethna.api import lines
from bethna.api.application import create_app
from bethna.api.server import listen, serve_on, url_of
from bethna.client.backend import Want
from bethna.client.remote import RemoteBackend, connect
from bethna.core.coverage import Gap
from bethna.core.errors import DeskUnreachable
from bethna.core.intervals import Interval
from bethna.core.market import BookSnapshot, Candle, PriceView, Trade
from bethna.core.status import (
    Dropped,
    GapFound,
    GapMarked,
    Simulation,
    StreamStatus,
    SystemEvent,
    Trust,
)


class Address:
    """A port at which desks come and go."""

    def __init__(self) -> None:
        with listen("127.0.0.1", 0) as bound:
            self.port = bound.getsockname()[1]
            self.url = url_of(bound)

    @asynccontextmanager
    async def serves(self, desk: MemoryDesk) -> AsyncIterator[None]:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        bound = listen("127.0.0.1", self.port)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(serve_on(create_app(desk, desk.bus), bound, ready.set_result))
            await ready
            yield
            serving.cancel()


def lively(trades: int = 3) -> MemoryDesk:
    desk = MemoryDesk()
    for number in range(trades):
        desk.trade(BTC, 100.0 + number)
    desk.trade(ETH, 9.0)
    desk.move(BTC, [(99.0, 1.0)], [(101.0, 1.0)])
    return desk


def ears(remote: RemoteBackend) -> dict[str, Heard]:
    return {
        "trades": Heard(remote, Want("trades", BTC)),
        "books": Heard(remote, Want("books", BTC)),
        "prices": Heard(remote, Want("prices", BTC)),
        "candles": Heard(remote, Want("candles", BTC, Interval.M1)),
        "system": Heard(remote, Want("system")),
    }


def turns(heard: Heard) -> list[tuple[str, bool]]:
    return [(each.state, each.connected) for each in heard.of(StreamStatus)]


async def test_a_desk_that_is_away_for_a_while_is_heard_again_without_a_hole() -> None:
    desk, address = lively(), Address()
    async with address.serves(desk):
        remote = await connect(address.url)
        heard = ears(remote)
        desk.trade(BTC, 200.0)
        await until(lambda: heard["trades"].of(Trade) and heard["books"].of(BookSnapshot))
    await until(lambda: ("waiting", False) in turns(heard["trades"]))
    for name in ("trades", "books", "prices", "candles"):
        assert turns(heard[name])[-1] == ("waiting", False)
    assert heard["system"].events[-1].code == "desk_lost"
    assert remote.price(BTC).stale
    assert heard["prices"].of(PriceView)[-1].stale
    assert remote.book(BTC, 5).trust == Trust.UNTRUSTED
    assert remote.venues()["binance"].state == "reconnecting"
    away = remote.health()
    assert (away.status, away.instruments[BTC].status) == ("down", "waiting")
    assert remote.url in away.notices[-1]
    assert remote.instrument_health(BTC).state == "waiting"
    with pytest.raises(DeskUnreachable):
        await remote.fetch("trades", BTC, limit=1)
    missed = [desk.trade(BTC, 201.0), desk.trade(BTC, 202.0)]
    desk.move(BTC, [(99.5, 2.0)])
    desk.say("meanwhile")
    async with address.serves(desk):
        await until(lambda: turns(heard["trades"])[-1] == ("live", True))
        last = desk.trade(BTC, 203.0)
        await until(lambda: heard["trades"].of(Trade)[-1] == last)
        assert heard["trades"].of(Trade)[-3:] == [*missed, last]
        assert heard["trades"].of(GapMarked) == []
        await until(lambda: remote.price(BTC).price == 203.0)
        await until(lambda: heard["candles"].of(Candle)[-1].close == 203.0)
        await until(lambda: len(heard["books"].of(BookSnapshot)) == 2)
        assert heard["books"].of(BookSnapshot)[-1].bids == [(99.5, 2.0), (99.0, 1.0)]
        assert not remote.price(BTC).stale
        assert not heard["prices"].of(PriceView)[-1].stale
        await until(lambda: "meanwhile" in codes(heard["system"]))
        assert "desk_reattached" in codes(heard["system"])
        assert remote.health().notices == []
        for name in ("books", "prices", "candles"):
            assert turns(heard[name])[-1] == ("live", True)
        await remote.close()
    assert all(each.ended == [None] for each in heard.values())


async def test_what_the_desk_cannot_tell_any_more_is_a_gap() -> None:
    desk, address = lively(), Address()
    async with address.serves(desk):
        remote = await connect(address.url)
        heard = Heard(remote, Want("trades", BTC))
        last = desk.trade(BTC, 1.0)
        await until(lambda: heard.of(Trade))
    missed = [desk.trade(BTC, float(number)) for number in range(150)]  # a snapshot has 100
    async with address.serves(desk):
        await until(lambda: len(heard.of(Trade)) == 101)
        gap = Gap(
            "trades",
            last.trade_id + 1,
            last.trade_id + 50,
            last.ts_event,
            missed[50].ts_event,
            "disconnected",
        )
        assert (
            [each.gap for each in heard.of(GapFound)] == [each.gap for each in heard.of(GapMarked)] == [gap]
        )
        assert heard.of(Trade)[1:] == missed[50:]
        assert gap in remote.last_trade(BTC)[1].gaps
        await remote.close()


async def test_another_desk_at_the_same_address_is_another_count() -> None:
    address, first, second = Address(), lively(20), lively(2)
    first.simulated, second.simulated = Simulation(1, "asked for"), Simulation(2, "asked for")
    async with address.serves(first):
        remote = await connect(address.url)
        heard = ears(remote)
        first.trade(BTC, 1.0)
        await until(lambda: heard["trades"].of(Trade) and heard["books"].of(BookSnapshot))
    async with address.serves(second):
        await until(lambda: len(heard["trades"].of(Trade)) == 3)
        assert [each.gap.reason for each in heard["trades"].of(GapMarked)] == ["renumbered"]
        assert heard["trades"].of(Trade)[1:] == second.kept[BTC]
        assert remote.simulation() == Simulation(2, "asked for")
        assert any("another desk" in each.message for each in heard["system"].of(SystemEvent))
        await until(lambda: remote.price(BTC).price == 101.0)
        await remote.close()


async def test_what_the_desk_follows_no_longer_when_it_comes_back_ends_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bethna.client.mirrors.PATIENCE", 2)
    desk, address = lively(), Address()
    async with address.serves(desk):
        remote = await connect(address.url)
        heard = Heard(remote, Want("trades", BTC))
    await until(lambda: heard.of(StreamStatus))
    await desk.unfollow(BTC)
    async with address.serves(desk):
        await until(lambda: heard.ended)
        assert heard.ended == [None]
        assert [each.id for each in remote.instruments()] == [each.id for each in desk.followed]
        await remote.close()


async def test_a_desk_that_has_just_begun_follows_nothing_yet_and_nobody_is_ended() -> None:
    desk, address = lively(), Address()
    async with address.serves(desk):
        remote = await connect(address.url)
        heard = ears(remote)
        await until(lambda: heard["books"].events)
    followed, desk.followed = desk.followed, []
    async with address.serves(desk):
        await until(lambda: remote.health().status == "ok")
        assert [each.id for each in remote.instruments()] == [each.id for each in followed]
        assert remote.instrument_health(BTC).state == "waiting"
        assert remote.price(BTC).price == 102.0
        desk.followed = followed
        trade = desk.trade(BTC, 7.0)
        await until(lambda: heard["trades"].of(Trade))
        assert heard["trades"].of(Trade) == [trade]
        await until(lambda: remote.price(BTC).price == 7.0)
        await until(lambda: all(turns(heard[name])[-1:] == [("live", True)] for name in ("trades", "books")))
        assert all(each.ended == [] for each in heard.values())
        await remote.close()


async def test_who_reads_too_slowly_is_told_how_much_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "EVERY_ITEMS", 64)
    desk = lively()
    async with opened(desk) as served, attached(served.url) as remote:
        heard, book = Heard(remote, Want("trades", BTC)), Heard(remote, Want("books", BTC))
        desk.trade(BTC, 1.0)
        await until(lambda: heard.of(Trade) and book.of(BookSnapshot))
        transport = socket_of(remote)
        transport.pause_reading()
        filler = "x" * 50_000
        for number in range(1000):  # more than the buffers of the system take
            desk.turn(BTC, "live", filler)
            desk.trade(BTC, float(number))
            desk.move(BTC, [(50.0 + number % 40, float(number))])
            await asyncio.sleep(0)
        last = desk.kept[BTC][-1]
        transport.resume_reading()
        await until(lambda: heard.of(Trade)[-1] == last)
        lost = {trade.trade_id for trade in desk.kept[BTC][3:]} - {each.trade_id for each in heard.of(Trade)}
        assert lost
        assert 0 < len(lost) <= sum(each.count for each in heard.of(Dropped))
        assert heard.of(GapMarked) == []
        ids = [each.trade_id for each in heard.of(Trade)]
        assert ids == sorted(set(ids))
        await until(lambda: book.of(Dropped))
        assert isinstance(book.events[book.events.index(book.of(Dropped)[-1]) + 1], BookSnapshot)
        view = desk.book(BTC, 20)
        await until(lambda: remote.book(BTC, 20).update_id == view.update_id)
        assert (remote.book(BTC, 20).bids, remote.book(BTC, 20).asks) == (view.bids, view.asks)


def socket_of(remote: RemoteBackend) -> Any:
    socket: Any = remote._link._socket
    return socket._transport.underlying_transport


async def test_a_desk_that_falls_silent_is_taken_for_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bethna.client.remote_link.SILENT_S", 1.5)
    async with opened(lively()) as served, attached(served.url) as remote:
        heard = Heard(remote, Want("trades", BTC))
        socket_of(remote).pause_reading()
        await until(lambda: turns(heard)[-2:] == [("waiting", False), ("live", True)])
        trade = served.desk.trade(BTC, 5.0)
        await until(lambda: heard.of(Trade))
        assert heard.of(Trade)[-1] == trade


def codes(heard: Heard) -> list[str]:
    return [event.code for event in heard.of(SystemEvent)]
