"""The comparer of one venue, rule by rule, in virtual time: when it asks, what it lets go, what it repeats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from itertools import pairwise

from virtual_time import VirtualLoop, pass_time

from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConnectError, RateLimited, VenueError
from bethna.core.instrument import Instrument
from bethna.core.market import UNNUMBERED, BookDelta, BookSnapshot, InstrumentId, Level
from bethna.core.status import SystemEvent, Trust
from bethna.core.wire import RestEvent
from bethna.logic import bookcompare
from bethna.logic.feed import FeedSettings
from bethna.runtime.bus import Bus
from bethna.services.comparing import AFTER_S, AGAIN_S, AHEAD, BEFORE_S, LONGEST_S, Comparing
from bethna.services.feeds import Feeds
from bethna.venues.coinbase import ExchangeCodec
from bethna.venues.spec import RestRequest

BTC = Instrument(InstrumentId("BTC-USD@coinbase"), "coinbase", "BTC", "USD", "BTC-USD", verified=True)
ETH = Instrument(InstrumentId("ETH-USD@coinbase"), "coinbase", "ETH", "USD", "ETH-USD", verified=True)
ELSEWHERE = Instrument(InstrumentId("BTC-USDT@binance"), "binance", "BTC", "USDT", "BTCUSDT", verified=True)
START = 1_700_000_000 * NS_PER_S
BIDS: list[Level] = [(100.0, 1.0), (99.0, 2.0)]
ASKS: list[Level] = [(101.0, 1.0), (102.0, 2.0)]
WRONG: list[Level] = [(100.0, 7.0), (99.0, 2.0)]
EVERY_S = 60.0


class LoopClock:
    def monotonic_ns(self) -> int:
        return round(asyncio.get_running_loop().time() * NS_PER_S)

    def now_ns(self) -> int:
        return START + self.monotonic_ns()


class World:
    """Feeds with books, and a venue that answers `bids`, or raises, or brings nothing."""

    def __init__(self, *followed: Instrument) -> None:
        self.clock = LoopClock()
        self.bus = Bus(self.clock)
        self.feeds = Feeds(self.bus, self.clock, FeedSettings(), book_styles={"coinbase": "pushed"})
        self.bids = BIDS
        self.error: VenueError | None = None
        self.nothing = False
        self.answer_ts: int | None = None
        self.asked: list[tuple[int, str]] = []
        self.now_asked = self.most_at_once = 0
        self.comparing = Comparing(
            "coinbase", ExchangeCodec(), self, self.feeds, self.bus, self.clock, every_s=EVERY_S, limit=100
        )
        for each in followed:
            self.feeds.follow(each)
            self.begin(each)

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        product = request.path.split("/")[2]
        self.asked.append((round(self.clock.monotonic_ns() / NS_PER_S), product))
        self.now_asked += 1
        self.most_at_once = max(self.most_at_once, self.now_asked)
        await pass_time(0.1)
        self.now_asked -= 1
        if self.error is not None:
            raise self.error
        if self.nothing:
            return ()
        name, now = InstrumentId(f"{product}@coinbase"), self.clock.now_ns()
        return (BookSnapshot(name, 5, self.bids, ASKS, now, 3, ts_event=self.answer_ts, proven=0),)

    def begin(self, instrument: Instrument) -> None:
        now = self.clock.now_ns()
        self.feeds.apply(
            BookSnapshot(instrument.id, UNNUMBERED, BIDS, ASKS, now, 3, ts_event=now, epoch=1, proven=0)
        )

    def move(self, instrument: Instrument, bids: list[Level]) -> None:
        now = self.clock.now_ns()
        self.feeds.apply(BookDelta(instrument.id, UNNUMBERED, UNNUMBERED, bids, [], now, now, 1))

    def trust(self, instrument: Instrument = BTC) -> Trust:
        return self.feeds.health(instrument.id).trust

    def listeners(self, instrument: Instrument = BTC) -> int:
        """Who hears of the book."""
        return self.bus.channel("book", instrument.id).subscribers

    def compared(self, instrument: Instrument = BTC) -> int | None:
        """Seconds since the start."""
        at = self.feeds.health(instrument.id).book_compared
        return None if at is None else round((at - START) / NS_PER_S)


def play(scenario: Callable[[World], Coroutine[object, object, None]], *followed: Instrument) -> None:
    async def main() -> None:
        world = World(*(followed or (BTC,)))
        task = asyncio.ensure_future(world.comparing.run())
        await scenario(world)
        assert not task.done(), "it goes on whatever happens"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_each_book_is_asked_about_in_turn_and_again_after_the_interval() -> None:
    async def scenario(world: World) -> None:
        await pass_time(EVERY_S + 10)
        assert world.asked == [(2, "BTC-USD"), (2, "ETH-USD"), (62, "BTC-USD"), (64, "ETH-USD")]
        assert (world.compared(BTC), world.compared(ETH)) == (62, 64)
        assert world.feeds.health(BTC.id).book_compared_levels == 4
        assert world.feeds.health(ELSEWHERE.id).book_compared is None
        world.feeds.leave(BTC.id)
        await pass_time(EVERY_S)
        assert world.asked[4:] == [(124, "ETH-USD")]

    play(scenario, BTC, ETH, ELSEWHERE)


def test_a_hundred_books_have_their_turns_within_the_interval_one_question_at_a_time() -> None:
    followed = [
        Instrument(InstrumentId(f"C{n}-USD@coinbase"), "coinbase", f"C{n}", "USD", f"C{n}-USD", verified=True)
        for n in range(100)
    ]

    async def scenario(world: World) -> None:
        await pass_time(10.0)
        listening = sum(world.listeners(each) for each in followed)
        assert 0 < listening <= AHEAD + 1
        await pass_time(3 * EVERY_S)
        assert world.most_at_once == 1
        for each in followed:
            asked = [at for at, product in world.asked if product == each.symbol]
            assert len(asked) >= 3
            assert all(later - earlier <= EVERY_S + 3 for earlier, later in pairwise(asked))

    play(scenario, *followed)


def test_two_answers_that_contradict_at_one_level_make_a_doubt_and_each_in_a_row_waits_longer() -> None:
    async def scenario(world: World) -> None:
        world.bids = WRONG
        await pass_time(BEFORE_S + AFTER_S + 1)
        assert world.trust() is Trust.TRUSTED, "one is no proof"
        await pass_time(AGAIN_S + BEFORE_S + AFTER_S + 2)
        assert world.trust() is Trust.SYNCING
        began: list[int] = []
        for _ in range(3):
            world.begin(BTC)
            before = len(world.asked)
            while world.trust() is Trust.TRUSTED:
                await pass_time(10.0)
            began.append(world.asked[before][0])
        pauses = [later - earlier for earlier, later in pairwise(began)]
        assert 2 * EVERY_S < pauses[0] < pauses[1] < LONGEST_S
        assert pauses[1] > 4 * EVERY_S

    play(scenario)


def test_another_level_the_second_time_is_no_proof_and_agreement_ends_the_suspicion() -> None:
    async def scenario(world: World) -> None:
        for bids in (WRONG, [(100.0, 1.0), (99.0, 9.0)], BIDS, WRONG, BIDS):
            world.bids = bids
            seen = len(world.asked)
            while len(world.asked) == seen:
                await pass_time(1.0)
            await pass_time(AFTER_S + 2)
        assert world.trust() is Trust.TRUSTED
        assert world.compared() is not None

    play(scenario)


def test_what_the_stream_says_late_is_waited_for() -> None:
    async def scenario(world: World) -> None:
        world.bids = WRONG
        await pass_time(BEFORE_S + 5)
        world.move(BTC, [(100.0, 7.0)])
        await pass_time(2.0)
        assert world.compared() in (7, 8)

    play(scenario)


def test_a_book_that_begins_anew_while_it_is_compared_is_compared_soon_after() -> None:
    async def scenario(world: World) -> None:
        await pass_time(BEFORE_S - 1)
        world.begin(BTC)
        await pass_time(1.5)
        assert world.asked == [], "what was heard before is of another book"
        await pass_time(AGAIN_S + BEFORE_S)
        assert len(world.asked) == 1
        world.bids = WRONG
        await pass_time(EVERY_S + 1)
        assert len(world.asked) == 2
        world.begin(BTC)
        world.bids = BIDS
        await pass_time(AGAIN_S + BEFORE_S + 2)
        assert len(world.asked) == 3
        assert world.trust() is Trust.TRUSTED

    play(scenario)


def test_an_answer_of_before_the_window_or_none_at_all_is_let_go() -> None:
    async def scenario(world: World) -> None:
        world.bids, world.answer_ts = WRONG, START - NS_PER_S
        await pass_time(5.0)
        world.answer_ts, world.nothing = None, True
        await pass_time(EVERY_S)
        assert len(world.asked) == 2
        assert (world.trust(), world.compared()) == (Trust.TRUSTED, None)
        world.answer_ts, world.nothing, world.bids = START, False, BIDS
        await pass_time(EVERY_S)
        assert world.compared() is not None

    play(scenario)


def test_a_venue_that_answers_from_memory_raises_no_doubt_since_the_second_window_is_the_wider_one() -> None:
    async def scenario(world: World) -> None:
        await pass_time(59.0)
        world.move(BTC, [(100.0, 7.0)])
        await pass_time(13.5)
        assert (len(world.asked), world.compared()) == (2, 2), "the second answer is older than its window"
        world.bids = WRONG
        world.move(BTC, [(100.0, 8.0)])
        await pass_time(20.0)
        assert (len(world.asked), world.trust()) == (3, Trust.TRUSTED)
        assert world.compared() in (75, 76)
        assert world.listeners() == 0

    play(scenario)


def test_an_answer_that_is_older_than_its_window_is_asked_for_once_more_and_then_let_go() -> None:
    async def scenario(world: World) -> None:
        world.bids, world.answer_ts = WRONG, START - NS_PER_S
        await pass_time(EVERY_S - 1)
        assert (len(world.asked), world.trust(), world.compared()) == (2, Trust.TRUSTED, None)
        assert world.listeners() == 0
        world.bids = BIDS
        await pass_time(BEFORE_S + AGAIN_S + 5.0)
        world.answer_ts = START
        await pass_time(EVERY_S)
        assert world.compared() is not None

    play(scenario)


def test_a_doubt_says_when_a_snapshot_agreed_last() -> None:
    async def scenario(world: World) -> None:
        told: list[SystemEvent] = []
        world.bus.channel("system").subscribe(told.append)
        await pass_time(3.0)
        world.bids = WRONG
        await pass_time(EVERY_S + 2 * AFTER_S + AGAIN_S + BEFORE_S)
        world.begin(BTC)
        await pass_time(3 * EVERY_S)
        first, second = (each for each in told if each.code == "book_disproved")
        assert first.message == (
            "the book is wrong, the venue's own snapshot contradicts it at 1 levels: "
            "bid 100 is 7 there and 1 here; one agreed 83 s ago"
        )
        assert (first.level, first.subject) == ("warning", BTC.id)
        assert second.message.endswith("; none agreed before")

    play(scenario)


def test_who_is_left_or_ends_while_a_window_waits_for_the_second_answer_leaves_no_listener() -> None:
    async def left(world: World) -> None:
        await suspected(world)
        world.feeds.leave(BTC.id)
        await pass_time(2.0)
        assert world.listeners() == 0

    async def begun_anew(world: World) -> None:
        await suspected(world)
        world.begin(BTC)
        world.bids = BIDS
        await pass_time(AGAIN_S + BEFORE_S + 2)
        assert (world.listeners(), world.trust()) == (0, Trust.TRUSTED)
        assert world.compared() is not None

    async def ended(world: World) -> None:
        await suspected(world)
        worlds.append(world)

    async def suspected(world: World) -> None:
        world.bids = WRONG
        await pass_time(BEFORE_S + AFTER_S + 1.5)
        assert (len(world.asked), world.listeners()) == (1, 1)

    worlds: list[World] = []
    for scenario in (left, begun_anew, ended):
        play(scenario)
    assert worlds[0].listeners() == 0


def test_a_venue_that_does_not_answer_is_asked_after_the_interval_and_a_limit_stops_every_question() -> None:
    async def scenario(world: World) -> None:
        world.error = ConnectError("coinbase", "away")
        await pass_time(6.0)
        world.error = RateLimited("coinbase", 100.0)
        await pass_time(EVERY_S)
        assert [product for _, product in world.asked] == ["BTC-USD", "ETH-USD", "BTC-USD"]
        world.error = None
        await pass_time(95.0)
        assert len(world.asked) == 3
        await pass_time(10.0)
        assert len(world.asked) > 3

    play(scenario, BTC, ETH)


def test_who_leaves_while_it_is_compared_ends_nothing() -> None:
    async def scenario(world: World) -> None:
        world.bids = WRONG
        for wait_s in (1.0, BEFORE_S + 1):
            await pass_time(wait_s)
            world.feeds.leave(BTC.id)
            await pass_time(2 * AFTER_S)
            world.feeds.follow(BTC)
            world.begin(BTC)
        world.bids = BIDS
        await pass_time(EVERY_S)
        assert world.compared() is not None

    play(scenario)


def test_too_many_changes_in_a_window_say_nothing() -> None:
    async def scenario(world: World) -> None:
        most, bookcompare.MOST_CHANGES = bookcompare.MOST_CHANGES, 3
        try:
            await pass_time(1.5)
            for quantity in (3.0, 4.0, 5.0, 2.0):
                world.move(BTC, [(99.0, quantity)])
            await pass_time(2.0)
        finally:
            bookcompare.MOST_CHANGES = most
        assert (world.asked, world.compared()) == ([], None), "what cannot be judged is not asked for"
        await pass_time(EVERY_S)
        assert world.compared() == 62

    play(scenario)
