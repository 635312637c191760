"""Healing of venues whose books begin on the socket, and whose history of trades goes by time; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace
from virtual_time import VirtualLoop, pass_time

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.coverage import Gap
from bethna.core.instrument import Instrument
from bethna.core.market import BookSnapshot, InstrumentId, Trade, TradePage
from bethna.core.status import Trust
from bethna.core.wire import BookDoubt, RestEvent
from bethna.logic.feed import FeedSettings, InstrumentFeed
from bethna.logic.trade_search import MOST_FRUITLESS, PAGE
from bethna.runtime.bus import Bus
from bethna.services.feeds import Feeds
from bethna.services.healing import (
    CALM_S,
    MAX_RETRY_S,
    RENEWAL_S,
    RENEWALS_AT_ONCE,
    Healing,
)
from bethna.venues.binance import BinanceCodec
from bethna.venues.spec import RestRequest

BTC = Instrument(InstrumentId("BTC-USDT@binance"), "binance", "BTC", "USDT", "BTCUSDT", verified=True)
START = 1_700_000_000 * NS_PER_S


def in_virtual_time(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


class LoopClock:
    def monotonic_ns(self) -> int:
        return round(asyncio.get_running_loop().time() * NS_PER_S)

    def now_ns(self) -> int:
        return START + self.monotonic_ns()


class Sockets:
    """The pool as healing sees it; after `takes_s` a book is subscribed again, which brings its snapshot if it `mends`.

    `begun`: the socket has shown the book before.
    """

    def __init__(self, clock: LoopClock, push: Callable[[InstrumentId], None]) -> None:
        self.clock = clock
        self.push = push
        self.takes_s = 0.2
        self.mends = True
        self.begun = True
        self.asked: list[tuple[float, InstrumentId, bool]] = []
        self.under_way: set[InstrumentId] = set()
        self.most = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def renew_book(self, instrument: InstrumentId, *, even_new: bool = False) -> asyncio.Event | None:
        self.asked.append((round(self.clock.monotonic_ns() / NS_PER_S, 1), instrument, even_new))
        if not (self.begun or even_new):
            return None
        assert instrument not in self.under_way, "doubled"
        self.under_way.add(instrument)
        self.most = max(self.most, len(self.under_way))
        done = asyncio.Event()
        task = asyncio.get_running_loop().create_task(self._renew(instrument, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return done

    async def _renew(self, instrument: InstrumentId, done: asyncio.Event) -> None:
        await pass_time(self.takes_s)
        self.under_way.discard(instrument)
        if self.mends:
            self.push(instrument)
        done.set()

    async def end(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def times(self) -> list[float]:
        return [at_s for at_s, _, _ in self.asked]


class ByTime(BinanceCodec):
    """A venue whose history begins at a time and knows no ids."""

    def trades_request(
        self,
        instrument: Instrument,
        first_id: int,
        limit: int,
        since: int | None = None,
        until: int | None = None,
    ) -> RestRequest:
        assert since is not None
        return RestRequest(f"/since?symbol={instrument.venue_symbol}&since={since}&limit={limit}", 1)


class RecentOnly(BinanceCodec):
    """A venue that gives its newest trades and nothing else."""

    def trades_request(
        self,
        instrument: Instrument,
        first_id: int,
        limit: int,
        since: int | None = None,
        until: int | None = None,
    ) -> RestRequest:
        return RestRequest(f"/recent?symbol={instrument.venue_symbol}&limit={PAGE}", 1)


def time_of(trade_id: int) -> int:
    """A trade each 10 ms."""
    return START + trade_id * 10 * NS_PER_MS


class History:
    """Trades 1 to `newest`; `page_of`: the most that it gives at once; `at`: the time of a trade."""

    def __init__(self) -> None:
        self.newest = 1_000_000
        self.page_of = PAGE
        self.at: Callable[[int], int] = time_of
        self.asked: list[tuple[str, int]] = []

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        await pass_time(0.01)
        url = urlsplit(request.path)
        query = {name: int(values[0]) for name, values in parse_qs(url.query).items() if name != "symbol"}
        self.asked.append((url.path, query.get("since", 0)))
        limit = min(query["limit"], self.page_of)
        if url.path == "/since":
            first = next(each for each in range(1, self.newest + 2) if self.at(each) >= query["since"])
        else:
            first = self.newest - limit + 1
        last = min(first + limit - 1, self.newest)
        return [TradePage(BTC.id, [self.trade(each) for each in range(first, last + 1)])]

    def trade(self, trade_id: int) -> Trade:
        return Trade(BTC.id, 100.0, 1.0, "buy", trade_id, self.at(trade_id), self.at(trade_id))


class Desk:
    """Real feeds and a real healer."""

    def __init__(self, codec: BinanceCodec | None = None, *, patience_s: int = 10) -> None:
        self.clock = LoopClock()
        self.history = History()
        self.feeds = Feeds(
            Bus(self.clock), self.clock, FeedSettings(patience_ns=patience_s * NS_PER_S),
            book_styles={"binance": "pushed"},
        )  # fmt: skip
        self.sockets = Sockets(self.clock, self.push)
        self.healing = Healing(
            codec or ByTime(), self.history, self.feeds, self.clock, snapshot_limit=5000, max_trades=10_000,
            renewer=self.sockets,
        )  # fmt: skip
        self.feeds.wants = self.healing
        self.feeds.follow(BTC)

    @property
    def feed(self) -> InstrumentFeed:
        return self.feeds.feed(BTC.id)

    def trust(self) -> Trust:
        return self.feed.booksync.trust

    def push(self, instrument: InstrumentId = BTC.id) -> None:
        now = self.clock.now_ns()
        self.feeds.apply(BookSnapshot(instrument, -1, [(99.0, 1.0)], [(101.0, 1.0)], now, 10, epoch=1))

    def doubt(self, instrument: InstrumentId = BTC.id) -> None:
        self.feeds.doubt(BookDoubt(instrument, "its checksum is wrong", self.clock.now_ns(), 1))

    def hear(self, *ids: int) -> None:
        for each in ids:
            self.feeds.apply(self.history.trade(each))

    def gaps(self) -> list[tuple[int | None, int | None, str, bool]]:
        return [(gap.first_id, gap.last_id, gap.reason, gap.healed) for gap in self.feed.sequence.log.gaps()]

    async def _tick(self) -> None:
        while True:
            await pass_time(1)
            self.feeds.tick(self.clock.now_ns())

    @asynccontextmanager
    async def run(self) -> Any:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.healing.run()), group.create_task(self._tick())]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await self.sockets.end()
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a task was left behind"


# --- books


def test_a_doubted_book_is_subscribed_anew_and_nothing_is_fetched() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with desk.run():
            desk.push()
            desk.doubt()
            assert desk.trust() is Trust.SYNCING
            await pass_time(1)
        assert desk.sockets.asked == [(0.0, BTC.id, False)]
        assert desk.history.asked == []
        assert desk.trust() is Trust.TRUSTED

    in_virtual_time(scenario)


def test_a_book_that_is_doubted_again_and_again_is_renewed_with_growing_delays() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.sockets.takes_s = 0.0
        async with desk.run():
            desk.push()
            for _ in range(100):
                if desk.trust() is Trust.TRUSTED:
                    desk.doubt()
                await pass_time(1)
            assert desk.sockets.times()[:5] == [0.0, 2.0, 5.0, 10.0, 19.0]
            assert len(desk.sockets.asked) <= 4 + 100 / MAX_RETRY_S + 2
            await pass_time(MAX_RETRY_S + CALM_S + 2)
            desk.sockets.asked.clear()
            before = desk.clock.monotonic_ns()
            desk.doubt()
            await pass_time(1)
            assert desk.sockets.times() == [round(before / NS_PER_S, 1)], "what was long ago is forgotten"

    in_virtual_time(scenario)


def test_a_book_that_stays_doubtful_is_asked_for_as_long_as_it_is_wanted() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.sockets.mends = False
        async with desk.run():
            desk.push()
            desk.doubt()
            await pass_time(300)
            assert desk.trust() is Trust.UNTRUSTED
            asked = len(desk.sockets.asked)
            assert 300 / (MAX_RETRY_S + 11) <= asked <= 300 / MAX_RETRY_S + 5
            desk.sockets.mends = True
            await pass_time(MAX_RETRY_S + 12)
            assert desk.trust() is Trust.TRUSTED
            asked = len(desk.sockets.asked)
            await pass_time(300)
            assert len(desk.sockets.asked) == asked

    in_virtual_time(scenario)


def test_what_is_wanted_while_a_renewal_is_on_its_way_is_answered_by_it() -> None:
    """Its snapshot may come a moment after the answer that ends it."""

    async def scenario() -> None:
        desk = Desk(patience_s=600)
        desk.sockets.takes_s, desk.sockets.mends = 5.0, False
        async with desk.run():
            desk.push()
            desk.doubt()
            await pass_time(1)
            desk.healing.want_snapshot(BTC, "still", desk.clock.now_ns())
            await pass_time(60)
        assert desk.sockets.times() == [0.0]

    in_virtual_time(scenario)


def test_few_books_at_once_are_on_their_way_and_every_one_comes() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.sockets.takes_s = 3.0
        others = [
            replace(BTC, id=InstrumentId(f"A{n}-USDT@binance"), base=f"A{n}", venue_symbol=f"A{n}USDT")
            for n in range(10)
        ]
        async with desk.run():
            for other in others:
                desk.feeds.follow(other)
                desk.push(other.id)
                desk.doubt(other.id)
            await pass_time(10)
        assert desk.sockets.most == RENEWALS_AT_ONCE
        assert len(desk.sockets.asked) == len(others)
        assert all(desk.feeds.feed(other.id).booksync.trust is Trust.TRUSTED for other in others)

    in_virtual_time(scenario)


def test_a_renewal_that_is_never_done_gives_up_its_place() -> None:
    async def scenario() -> None:
        desk = Desk(patience_s=600)
        desk.sockets.takes_s = 1e6
        others = [
            replace(BTC, id=InstrumentId(f"A{n}-USDT@binance"), base=f"A{n}", venue_symbol=f"A{n}USDT")
            for n in range(RENEWALS_AT_ONCE + 1)
        ]
        async with desk.run():
            for other in others:
                desk.feeds.follow(other)
                desk.push(other.id)
                desk.doubt(other.id)
            await pass_time(2 * RENEWAL_S)
        assert desk.sockets.times() == [0.0] * RENEWALS_AT_ONCE + [RENEWAL_S]

    in_virtual_time(scenario)


def test_a_new_book_is_waited_for_once() -> None:
    """Its subscription brings the snapshot; only a want that comes again says that it has not come."""

    async def scenario() -> None:
        desk = Desk()
        desk.sockets.begun = False
        async with desk.run():
            desk.healing.want_snapshot(BTC, "nothing yet", desk.clock.now_ns())
            await pass_time(1)
            assert desk.sockets.asked == [(0.0, BTC.id, False)]
            assert not desk.sockets.under_way
            await pass_time(9)
            desk.healing.want_snapshot(BTC, "still nothing", desk.clock.now_ns())
            await pass_time(1)
            assert desk.sockets.asked[1:] == [(10.0, BTC.id, True)]
            await pass_time(CALM_S + 1)
            assert desk.trust() is Trust.TRUSTED
            desk.doubt()
            await pass_time(1)
            assert not desk.sockets.asked[-1][2], "a socket that is new again is waited for again"

    in_virtual_time(scenario)


def test_a_trusted_book_that_wants_more_levels_is_left_alone() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with desk.run():
            desk.push()
            desk.healing.want_snapshot(BTC, "certified depth has worn thin", desk.clock.now_ns())
            await pass_time(60)
        assert desk.sockets.asked == []

    in_virtual_time(scenario)


def test_a_book_that_comes_right_while_its_want_waits_is_not_renewed() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with desk.run():
            desk.push()
            for _ in range(3):
                desk.doubt()
                await pass_time(5)
            asked = len(desk.sockets.asked)
            desk.doubt()
            await pass_time(1)
            desk.push()
            await pass_time(60)
            assert len(desk.sockets.asked) == asked

    in_virtual_time(scenario)


# --- trades


def test_a_history_by_time_is_paged_from_before_the_gap_to_its_end() -> None:
    async def scenario() -> None:
        desk = Desk(patience_s=60)
        last = 2 * PAGE + 701
        async with desk.run():
            desk.hear(200, last + 1)
            await pass_time(1)
        assert desk.gaps() == [(201, last, "missing", True)]
        sinces = [since for _, since in desk.history.asked]
        # The first page begins a second before the last known trade, a hundred trades; then each where the last ended.
        assert sinces == [time_of(100), time_of(100 + PAGE - 1), time_of(100 + 2 * PAGE - 2)]

    in_virtual_time(scenario)


def test_a_small_gap_does_not_creep_through_the_margin() -> None:
    """The venue was asked for as many trades as are missing, and the margin held more: whole pages from then on."""

    async def scenario() -> None:
        desk = Desk()
        async with desk.run():
            desk.hear(200, 203)
            await pass_time(1)
        assert desk.gaps() == [(201, 202, "missing", True)]
        assert len(desk.history.asked) == 2

    in_virtual_time(scenario)


def test_a_page_that_brings_nothing_newer_ends_the_search() -> None:
    """More trades in one instant than fit on a page: whoever goes by time comes no further."""

    async def scenario() -> None:
        desk = Desk()
        desk.history.at = lambda trade_id: time_of(min(trade_id, 150)) if trade_id < 5_000 else time_of(5_000)
        async with desk.run():
            desk.hear(200, 5_001)
            await pass_time(1)
        assert len(desk.history.asked) <= 4
        assert desk.gaps()[-1][2:] == ("not_in_history", False)

    in_virtual_time(scenario)


def test_a_venue_that_creeps_towards_the_gap_is_not_followed_for_ever() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.page_of = 2
        async with desk.run():
            desk.hear(200, 203)
            await pass_time(60)
        assert len(desk.history.asked) == MOST_FRUITLESS
        assert desk.gaps() == [(201, 202, "not_in_history", False)]

    in_virtual_time(scenario)


def test_what_is_owed_is_found_by_its_time_too() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with desk.run():
            desk.hear(200, 210)
            await pass_time(1)
            desk.healing.owe_trades(BTC, Gap("trades", 201, 209, time_of(200), time_of(210)), START)
            desk.history.asked.clear()
            await pass_time(20)
        assert desk.history.asked[0] == ("/since", time_of(100))

    in_virtual_time(scenario)


@pytest.mark.parametrize(("newest", "healed"), [(PAGE + 1, True), (PAGE + 2, False)])
def test_a_venue_with_its_newest_trades_alone_heals_a_young_gap(newest: int, *, healed: bool) -> None:
    async def scenario() -> None:
        desk = Desk(RecentOnly())
        desk.history.newest = newest
        async with desk.run():
            desk.hear(1, 10)
            await pass_time(1)
        assert all(each == healed for *_, each in desk.gaps()[:1])
        assert len(desk.history.asked) == 1

    in_virtual_time(scenario)
