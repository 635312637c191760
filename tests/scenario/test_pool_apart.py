"""The pool with venues that answer otherwise and push their books, against a real server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from handmade import Bell
from scenario.apart_venue import HELLO, ApartCodec, ApartVenue, ListingVenue, epochs
from scenario.pool_world import BTC, ETH, SOL, Desk, World, world

from bethna.core.instrument import FEATURES, Feature, Instrument
from bethna.core.status import Trust
from bethna.core.wire import BookDoubt, MarketEvent, RestEvent
from bethna.logic.feed import FeedSettings
from bethna.logic.session_types import ConnectionSettings
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock
from bethna.services.feeds import Feeds
from bethna.services.healing import Healing
from bethna.venues.spec import RestRequest

BOTH_LOOPS = True
DEPTH = "btcusdt@depth@100ms"


@asynccontextmanager
async def apart(kind: type[ApartVenue] = ApartVenue, **limits: Any) -> AsyncIterator[World]:
    """A world whose venue takes nothing in the URL and pushes its books."""
    async with world(
        ConnectionSettings(), speech=(ApartCodec, kind), url_streams=0, pushed_books=True,
        ordered_answers=kind is ListingVenue, **limits,
    ) as w:  # fmt: skip
        yield w


async def settle(w: World) -> None:
    """Until every subscription is answered; a few seconds of hand-moved time."""
    for _ in range(30):
        await w.pass_time(1)
        links = [link for shard in w.pool._shards.values() for link in shard.links.values()]
        if links and all(link.session.settled for link in links):
            return
    raise AssertionError("the subscriptions do not settle")


def methods(said: list[dict[str, Any]]) -> list[tuple[str, tuple[str, ...]]]:
    return [(each["method"], tuple(each["params"])) for each in said]


async def test_the_greeting_comes_first_and_messages_hold_one_kind() -> None:
    async with apart() as w:
        w.pool.want([BTC, ETH])
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        said = methods(w.venue.live[0].said)
        assert said[0] == ("HELLO", ())
        assert ("tx", 1, HELLO) in w.desk.tape
        assert [len({name.partition("@")[2] for name in names}) for _, names in said[1:]] == [1] * 4
        assert set(w.venue.live[0].streams) == {*w.codec.streams(BTC), *w.codec.streams(ETH)}
        assert epochs(w.desk.events, BTC.id) == [1]


async def test_one_refused_stream_is_named_without_halving() -> None:
    async with apart() as w:
        w.venue.refuse = dict.fromkeys(w.codec.streams(SOL), "")
        w.pool.want([BTC, SOL, ETH])
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        assert len(w.venue.live[0].said) == 1 + 4
        told = [event.message for event in w.desk.told if event.code == "subscription_rejected"]
        assert sorted(told) == sorted(f"{name}: Currency pair not supported" for name in w.codec.streams(SOL))
        assert w.desk.state(SOL) == "refused"
        assert set(w.venue.live[0].streams) == {*w.codec.streams(BTC), *w.codec.streams(ETH)}


async def test_what_the_connections_list_lacks_is_refused_and_messages_go_one_by_one() -> None:
    async with apart(ListingVenue) as w:
        w.venue.refuse = dict.fromkeys(w.codec.streams(SOL), "")
        w.pool.want([BTC, SOL])
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        told = [event.message for event in w.desk.told if event.code == "subscription_rejected"]
        assert sorted(told) == sorted(f"{name}: the venue did not list it" for name in w.codec.streams(SOL))
        assert w.desk.codes().count("ack_missing") == 0
        assert set(w.venue.live[0].streams) == set(w.codec.streams(BTC))


async def test_a_book_begins_anew_on_the_same_socket_and_nobody_is_alarmed() -> None:
    async with apart() as w:
        w.pool.want([BTC, ETH])
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        await w.trade()
        await w.pass_time(2)
        states, told = list(w.desk.states[BTC.id]), list(w.desk.told)
        before = len(w.venue.live[0].said)
        done = w.pool.renew_book(BTC.id)
        assert done is not None
        assert w.pool.renew_book(BTC.id) is None, "it is on its way"
        await w.pass_time(2)
        assert done.is_set()
        assert methods(w.venue.live[0].said[before:]) == [("UNSUBSCRIBE", (DEPTH,)), ("SUBSCRIBE", (DEPTH,))]
        assert epochs(w.desk.events, BTC.id) == [1, 1]
        assert epochs(w.desk.events, ETH.id) == [1]
        assert w.desk.states[BTC.id] == states
        assert w.desk.told == told
        assert w.venue.attempts == 1


class OneStreamCodec(ApartCodec):
    """Everything of an instrument comes in one stream."""

    def streams(self, instrument: Instrument, features: Collection[Feature] = FEATURES) -> tuple[str, ...]:
        return (f"{instrument.venue_symbol.lower()}@depth@100ms",) if features else ()


async def test_a_book_without_a_stream_of_its_own_begins_anew_with_what_it_shares() -> None:
    async with world(speech=(OneStreamCodec, ApartVenue), url_streams=0, pushed_books=True) as w:
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        assert w.pool.renew_book(BTC.id) is not None
        await w.pass_time(2)
        assert epochs(w.desk.events, BTC.id) == [1, 1]


async def test_a_book_that_has_not_begun_is_waited_for_and_then_asked_for() -> None:
    async with apart() as w:
        assert isinstance(w.venue, ApartVenue)
        w.venue.pushes = False
        w.pool.want([BTC])
        assert w.pool.renew_book(BTC.id) is None, "there is no socket"
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        await w.trade()
        assert w.pool.renew_book(BTC.id) is None
        w.venue.pushes = True
        done = w.pool.renew_book(BTC.id, even_new=True)
        assert done is not None
        await w.pass_time(2)
        assert done.is_set()
        assert epochs(w.desk.events, BTC.id) == [1]
        assert w.pool.renew_book(SOL.id, even_new=True) is None, "nobody wants it"


async def test_during_a_rotation_the_socket_whose_book_counts_is_asked() -> None:
    """The newer snapshot is believed downstream: one more of the older socket would be let go."""
    async with apart() as w:
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        await w.trade()
        old = w.venue.live[0]
        assert isinstance(w.venue, ApartVenue)
        w.venue.pushes = False
        await old.send({"e": "serverShutdown", "E": 1})
        await w.bell.until(lambda: len(w.venue.live) == 2)
        await w.pass_time(3)
        new = w.venue.live[1]
        said = [len(old.said), len(new.said)]
        assert w.pool.renew_book(BTC.id) is not None
        await w.pass_time(2)
        assert [len(old.said), len(new.said)] == [said[0] + 2, said[1]], "the new one has not begun it"
        await w.trade(only=[old])  # the new one has to show a trade before it takes over
        await w.venue.push(new, "BTCUSDT")
        await w.pass_time(1)
        assert old.open
        assert w.pool.renew_book(BTC.id) is not None
        await w.pass_time(1)
        assert [len(old.said), len(new.said)] == [said[0] + 2, said[1] + 2]


async def test_a_challenge_is_answered_and_a_doubt_reaches_the_sink() -> None:
    async with apart() as w:
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        await w.venue.live[0].send({"test_request": '{"method":"TEST","params":[]}'})
        await w.bell.until(lambda: methods(w.venue.live[0].said)[-1] == ("TEST", ()))
        await w.venue.live[0].send({"wrong": "BTCUSDT"})
        await w.bell.until(lambda: w.desk.doubts)
        assert [(doubt.instrument, doubt.epoch) for doubt in w.desk.doubts] == [(BTC.id, 1)]


async def test_a_venue_that_does_not_trade_says_so_in_its_health_and_each_turn_is_told_once() -> None:
    async with apart() as w:
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        await w.trade()
        for system in ("online", "maintenance", "maintenance", "cancel_only"):
            await w.venue.live[0].send({"system": system})
        await w.pass_time(1)
        assert (w.pool.health().state, w.pool.health().message) == ("ok", "not trading: cancel_only")
        for _ in range(2):
            await w.venue.live[0].send({"system": "online"})
        await w.pass_time(1)
        assert (w.pool.health().state, w.pool.health().message) == ("ok", "")
        assert [(event.level, event.code) for event in w.desk.told] == [
            ("warning", "venue_not_trading"),
            ("info", "venue_trading"),
        ]
        assert w.desk.told[0].message == "it says that it does not trade: maintenance"


async def test_a_book_that_was_pushed_once_is_not_missed() -> None:
    """Its snapshot has no pace: hours after it the instrument is as live as its trades are."""
    async with apart() as w:
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        for _ in range(80):
            await w.trade()
            await w.pass_time(5)
        assert w.desk.state(BTC) == "live"
        assert "stream_stale" not in w.desk.codes()
        assert w.venue.attempts == 1


async def test_heartbeats_alone_keep_a_socket_open() -> None:
    async with apart() as w:
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        sent = len(w.venue.live[0].said)
        for _ in range(100):
            await w.venue.live[0].send({"heartbeat": 1})
            await w.pass_time(1)
        assert w.venue.attempts == 1
        assert w.venue.live[0].open
        assert len(w.venue.live[0].said) == sent


# --- with the feeds and the healer


class FeedsDesk(Desk):
    """A desk with real feeds behind it; `rest` is what was asked for by REST."""

    def __init__(self, bell: Bell) -> None:
        super().__init__(bell)
        self.clock = ManualClock(1_700_000_000_000_000_000)
        self.feeds = Feeds(Bus(self.clock), self.clock, FeedSettings(), book_styles={"binance": "pushed"})
        self.feeds.follow(BTC)
        self.rest: list[str] = []

    def apply(self, event: MarketEvent, conn: int = 0) -> None:
        self.feeds.apply(event, conn)
        super().apply(event, conn)

    def doubt(self, doubt: BookDoubt) -> None:
        self.feeds.doubt(doubt)
        super().doubt(doubt)

    def connection_ended(self, conn: int, venue: str, now: int) -> None:
        self.feeds.connection_ended(conn, venue, now)
        super().connection_ended(conn, venue, now)

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        self.rest.append(request.path)
        return ()

    def trust(self) -> Trust:
        return self.feeds.feed(BTC.id).booksync.trust

    def bids(self) -> list[tuple[float, float]]:
        return self.feeds.feed(BTC.id).book_view(5).bids


@asynccontextmanager
async def healed() -> AsyncIterator[tuple[World, FeedsDesk]]:
    """BTC's book stands, and whatever happens to it is healed."""
    async with world(
        speech=(ApartCodec, ApartVenue), desk=FeedsDesk, url_streams=0, pushed_books=True
    ) as w, asyncio.TaskGroup() as group:  # fmt: skip
        desk = w.desk
        assert isinstance(desk, FeedsDesk)
        healing = Healing(
            ApartCodec(), desk, desk.feeds, desk.clock, snapshot_limit=100, max_trades=100, renewer=w.pool
        )
        desk.feeds.wants = healing
        task = group.create_task(healing.run())
        desk.feeds.unfollow(BTC.id)
        desk.feeds.follow(BTC)
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        assert desk.trust() is Trust.TRUSTED
        yield w, desk
        task.cancel()
        assert desk.rest == []


async def test_a_doubted_book_is_healed_over_its_own_socket() -> None:
    async with healed() as (w, desk):
        socket = w.venue.live[0]
        await socket.send({"change": "BTCUSDT", "bids": [["98", "2"]], "asks": []})
        await w.pass_time(1)
        assert desk.bids() == [(99.0, 1.0), (98.0, 2.0)]
        said = len(socket.said)
        await socket.send({"wrong": "BTCUSDT"})
        await w.bell.until(lambda: len(socket.said) == said + 2, "it is subscribed anew")
        await w.bell.until(lambda: desk.trust() is Trust.TRUSTED)
        assert desk.bids() == [(99.0, 1.0)]
        assert len(list(desk.feeds.feed(BTC.id).booksync.log.gaps())) == 1
        await w.pass_time(30)
        assert len(socket.said) == said + 2


async def test_a_new_socket_begins_the_book_by_itself() -> None:
    async with healed() as (w, desk):
        await w.trade()
        await w.pass_time(1)
        await w.venue.live[0].cut()
        await w.bell.until(lambda: desk.trust() is Trust.SYNCING)
        await w.pass_time(3, 0.1)
        await w.bell.until(lambda: w.venue.live)
        await settle(w)
        assert desk.trust() is Trust.TRUSTED
        assert [method for method, _ in methods(w.venue.live[0].said)] == ["HELLO"] + ["SUBSCRIBE"] * 4
