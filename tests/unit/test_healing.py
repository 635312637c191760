"""Healing of real feeds from a history made up here, in virtual time: a night of outage takes a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace
from virtual_time import VirtualLoop, pass_time

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap
from bethna.core.errors import ConnectError, RateLimited, VenueAnswer, WireError
from bethna.core.instrument import Instrument
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId, Trade, TradePage
from bethna.core.status import SystemEvent, Trust
from bethna.core.wire import RestEvent
from bethna.logic.feed import FeedSettings, InstrumentFeed
from bethna.logic.trade_search import PAGE
from bethna.runtime.bus import Bus
from bethna.services.feeds import Feeds
from bethna.services.healing import AT_ONCE, MAX_RETRY_S, Healing
from bethna.venues.binance import BinanceCodec
from bethna.venues.spec import RestRequest

BTC = Instrument(InstrumentId("BTC-USDT@binance"), "binance", "BTC", "USDT", "BTCUSDT", verified=True)
START = 1_700_000_000 * NS_PER_S
DOWN = ConnectError("binance", "expected an answer, found none")
NEVER_HEARD_OF = VenueAnswer("binance", 400, "Invalid symbol.", venue_code=-1121)


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


def trade(trade_id: int, now: int, instrument: Instrument = BTC) -> Trade:
    return Trade(instrument.id, 100.0, 1.0, "buy", trade_id, now, now)


class History:
    """The venue's REST side. Trades `1..newest` exist but for `absent`; `failures` are raised first, one a request."""

    def __init__(self, clock: LoopClock) -> None:
        self.clock = clock
        self.newest = 10_000_000
        self.absent: set[int] = set()
        self.failures: list[Exception] = []
        self.down: Exception | None = None
        self.by_id = True
        self.page_of = PAGE
        self.snapshots = [100]
        self.asked: list[tuple[float, str]] = []
        self.in_flight = self.most_in_flight = 0
        self.takes_s = 0.01
        self.meanwhile: Callable[[], None] = lambda: None

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        self.asked.append((self.clock.monotonic_ns() / NS_PER_S, request.path))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await pass_time(self.takes_s)
            self.meanwhile()
            if self.down is not None:
                raise self.down
            if self.failures:
                raise self.failures.pop(0)
            return self.answer(request.path)
        finally:
            self.in_flight -= 1

    def answer(self, path: str) -> Sequence[RestEvent]:
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        limit, now = int(query["limit"]), self.clock.now_ns()
        name = (
            BTC.id if query["symbol"] == "BTCUSDT" else InstrumentId(f"{query['symbol'][:-4]}-USDT@binance")
        )
        if url.path.endswith("/depth"):
            last = self.snapshots.pop(0) if len(self.snapshots) > 1 else self.snapshots[0]
            return [BookSnapshot(name, last, [(99.0, 1.0)], [(101.0, 1.0)], now, limit)]
        if "fromId" in query:
            if not self.by_id:
                raise VenueAnswer("binance", 404, "not served here")
            first = int(query["fromId"])
        else:
            first = self.newest - limit + 1
        ids = [
            each
            for each in range(first, min(first + min(limit, self.page_of), self.newest + 1))
            if each not in self.absent
        ]
        return [TradePage(name, [trade(each, now) for each in ids])]

    def pages(self) -> list[tuple[int, int]]:
        """(fromId, limit) of every page that was asked for."""
        queries = [parse_qs(urlsplit(path).query) for _, path in self.asked if "fromId" in path]
        return [(int(query["fromId"][0]), int(query["limit"][0])) for query in queries]

    def times(self) -> list[float]:
        return [round(at_s, 1) for at_s, _ in self.asked]


class Desk:
    """Real feeds and a real healer; `run` ticks once a second, as the desk does."""

    def __init__(self, *, max_trades: int = 10_000, patience_s: int = 10) -> None:
        self.clock = LoopClock()
        self.history = History(self.clock)
        self.bus = Bus(self.clock)
        settings = FeedSettings(patience_ns=patience_s * NS_PER_S)
        self.feeds = Feeds(self.bus, self.clock, settings)
        self.healing = Healing(
            BinanceCodec(), self.history, self.feeds, self.clock, snapshot_limit=5000, max_trades=max_trades
        )
        self.feeds.wants = self.healing
        self.feeds.follow(BTC)
        self.events: list[SystemEvent] = []
        self.bus.channel("system").subscribe(self._hear_event)

    def _hear_event(self, event: SystemEvent) -> None:
        """The healer's own words; what the feed says of its gaps and its book is told elsewhere."""
        if not event.code.startswith(("trade_gap", "book_")):
            self.events.append(event)

    @property
    def feed(self) -> InstrumentFeed:
        return self.feeds.feed(BTC.id)

    def hear(self, *ids: int) -> None:
        for trade_id in ids:
            self.feeds.apply(trade(trade_id, self.clock.now_ns()))

    def book(self, *ids: int) -> None:
        for update_id in ids:
            now = self.clock.now_ns()
            self.feeds.apply(BookDelta(BTC.id, update_id, update_id, [(98.0, 1.0)], [], now, now))

    def gaps(self) -> list[tuple[int | None, int | None, str, bool]]:
        return [(gap.first_id, gap.last_id, gap.reason, gap.healed) for gap in self.feed.sequence.log.gaps()]

    def codes(self) -> list[str]:
        return [event.code for event in self.events]

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
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a task was left behind"


# --- trades


def test_a_gap_is_fetched_page_by_page_and_released_in_order() -> None:
    async def scenario() -> None:
        desk = Desk()
        released: list[int] = []
        desk.bus.channel("trades", BTC.id).subscribe(
            lambda event: released.append(event.trade_id) if isinstance(event, Trade) else None
        )
        async with desk.run():
            desk.hear(1, 2 * PAGE + 502)
            await pass_time(1)
        assert desk.history.pages() == [(2, PAGE), (2 + PAGE, PAGE), (2 + 2 * PAGE, 500)]
        assert released == list(range(1, 2 * PAGE + 503))
        assert desk.gaps() == [(2, 2 * PAGE + 501, "missing", True)]
        assert desk.codes() == []

    in_virtual_time(scenario)


def test_a_venue_that_gives_less_than_was_asked_for_is_asked_on() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.page_of = 1
        async with desk.run():
            desk.hear(1, 5)
            await pass_time(1)
        assert desk.history.pages() == [(2, 3), (3, 2), (4, 1)]
        assert desk.gaps() == [(2, 4, "missing", True)]

    in_virtual_time(scenario)


@pytest.mark.parametrize(("last_missing", "healed"), [(51, True), (52, False)])
def test_a_gap_that_is_too_large_is_marked_without_a_request(last_missing: int, *, healed: bool) -> None:
    async def scenario() -> None:
        desk = Desk(max_trades=50)
        async with desk.run():
            desk.hear(1, last_missing + 1)
            await pass_time(0.5)
        assert desk.gaps() == [(2, last_missing, "missing" if healed else "too_large", healed)]
        assert len(desk.history.asked) == healed

    in_virtual_time(scenario)


def test_two_gaps_one_behind_the_other_are_both_fetched() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with desk.run():
            desk.hear(1, 4, 8)
            await pass_time(0.5)
        assert desk.history.pages() == [(2, 2), (5, 3)]
        assert [healed for *_, healed in desk.gaps()] == [True, True]
        assert desk.feed.sequence.next_id == 9

    in_virtual_time(scenario)


def test_what_history_lacks_is_marked_at_once_and_nothing_else() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.absent = {4, 5}
        async with desk.run():
            desk.hear(1, 8)
            await pass_time(0.5)
            assert desk.gaps() == [
                (2, 3, "missing", True),
                (4, 5, "not_in_history", False),
                (6, 7, "missing", True),
            ]
            assert desk.feed.sequence.held == 0
            desk.hear(9)
        assert [trade.trade_id for trade in desk.feed.kept] == [1, 2, 3, 6, 7, 8, 9]

    in_virtual_time(scenario)


def test_a_history_that_ends_before_the_gap_does_is_not_asked_for_ever() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.newest = 3
        async with desk.run():
            desk.hear(1, 8)
            await pass_time(60)
        assert desk.history.pages() == [(2, 6), (4, 4)]
        assert desk.gaps() == [(2, 3, "missing", True), (4, 7, "not_in_history", False)]

    in_virtual_time(scenario)


@pytest.mark.parametrize(
    ("newest", "gaps"),
    [
        (1_001, [(2, 9, "missing", True)]),
        (1_002, [(2, 2, "heal_refused", False), (3, 9, "missing", True)]),
    ],
)
def test_a_host_without_trades_by_id_is_asked_for_the_newest(
    newest: int, gaps: list[tuple[int, int, str, bool]]
) -> None:
    """The newest thousand reach back to the gap's first trade, or miss it by one."""

    async def scenario() -> None:
        desk = Desk()
        desk.history.by_id, desk.history.newest = False, newest
        async with desk.run():
            desk.hear(1, 10)
            await pass_time(0.5)
        assert desk.gaps() == gaps
        assert desk.codes() == ([] if gaps[0][3] else ["heal_refused"])

    in_virtual_time(scenario)


def test_a_refusal_is_told_with_the_venues_word_and_the_gap_is_marked() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.down = NEVER_HEARD_OF
        async with desk.run():
            desk.hear(1, 4)
            await pass_time(60)
        assert desk.gaps() == [(2, 3, "heal_refused", False)]
        assert {event.message for event in desk.events} == {"Invalid symbol."}
        assert len(desk.history.asked) == 2, "by id and the newest, once each"

    in_virtual_time(scenario)


def test_a_rate_limit_is_waited_out_and_then_it_is_healed() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.failures = [RateLimited("binance", 7.0)]
        async with desk.run():
            desk.hear(1, 4)
            await pass_time(9)
            assert desk.history.times() == [0.0, 8.0]
        assert desk.gaps() == [(2, 3, "missing", True)]
        assert desk.codes() == ["heal_delayed"]

    in_virtual_time(scenario)


def test_the_same_delay_is_told_once_with_its_path_and_then_counted() -> None:
    async def scenario() -> None:
        desk = Desk(patience_s=600)
        desk.history.failures = [DOWN, DOWN, DOWN, WireError("binance", "no page")]
        async with desk.run():
            desk.hear(1, 4)
            await pass_time(60)
        assert desk.gaps() == [(2, 3, "missing", True)]
        path = "/api/v3/historicalTrades"
        assert [(event.level, event.code, event.message) for event in desk.events] == [
            ("warning", "heal_delayed", f"{path}: {DOWN.message}"),
            ("warning", "heal_delayed", f"{path}: no page"),
        ]
        desk.events.clear()
        desk.history.failures = [DOWN, DOWN, DOWN]
        async with desk.run():
            desk.hear(7)
            await pass_time(60)
        assert [(event.level, event.message) for event in desk.events] == [
            ("warning", f"{path}: {DOWN.message}"),
            ("info", f"answered after 3 times: {path}: {DOWN.message}"),
        ]

    in_virtual_time(scenario)


def test_an_outage_is_asked_less_and_less_and_what_comes_after_the_mark_still_counts() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.failures = [DOWN, WireError("binance", "no page"), DOWN, DOWN]
        async with desk.run():
            desk.hear(1, 4)
            await pass_time(12)
            assert desk.gaps() == [(2, 3, "missing", False)], "the feed's patience has ended"
            await pass_time(10)
        assert desk.history.times() == [0.0, 1.0, 3.0, 7.0, 15.0]
        assert desk.gaps() == [(2, 3, "missing", True)]
        assert [trade.trade_id for trade in desk.feed.kept] == [1, 2, 3, 4]

    in_virtual_time(scenario)


def test_after_a_success_the_next_outage_begins_with_a_short_delay() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.failures = [DOWN, DOWN]
        async with desk.run():
            desk.hear(1, 4)
            await pass_time(5)
            assert desk.gaps()[-1][3]
            desk.history.failures, desk.history.asked = [DOWN], []
            desk.hear(6)
            await pass_time(2)
        assert desk.history.times() == [5.0, 6.0]

    in_virtual_time(scenario)


def test_a_failure_that_comes_too_late_does_not_mark_a_younger_gap() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.absent = {2}

        def the_market_goes_on() -> None:
            desk.history.meanwhile = lambda: None
            desk.hear(2, 4, 9)  # the gap closes by itself, another opens

        desk.history.meanwhile = the_market_goes_on
        async with desk.run():
            desk.hear(1, 3)
            await pass_time(0.5)
        assert desk.gaps() == [(2, 2, "reordered", True), (5, 8, "missing", True)]

    in_virtual_time(scenario)


def test_gaps_known_by_time_only_cannot_be_fetched() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with desk.run():
            desk.healing.want_trades(BTC, Gap("trades", None, None, 1, 2), START)
            await pass_time(1)
        assert desk.history.asked == []

    in_virtual_time(scenario)


# --- books


def test_a_book_snapshot_is_fetched_with_the_first_delta() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with desk.run():
            desk.book(100)
            await pass_time(0.5)
        assert [path for _, path in desk.history.asked] == ["/api/v3/depth?symbol=BTCUSDT&limit=5000"]
        assert desk.feed.booksync.trust is Trust.TRUSTED

    in_virtual_time(scenario)


def test_a_snapshot_that_is_too_old_twice_is_asked_for_with_a_growing_delay() -> None:
    async def scenario() -> None:
        desk = Desk(patience_s=60)
        desk.history.snapshots = [90, 95, 100]
        async with desk.run():
            desk.book(100)
            await pass_time(20)
            assert desk.history.times() == [0.0, 1.0, 3.0]
            assert desk.feed.booksync.trust is Trust.TRUSTED
            desk.history.asked = []
            desk.book(105)
            await pass_time(1)
        assert desk.history.times() == [20.0], "the delay begins anew"

    in_virtual_time(scenario)


def test_a_snapshot_that_could_not_be_fetched_is_asked_for_again_without_being_told() -> None:
    async def scenario() -> None:
        desk = Desk(patience_s=600)
        desk.history.failures = [DOWN, WireError("binance", "no book")]
        async with desk.run():
            desk.book(100)
            await pass_time(30)
        assert desk.history.times() == [0.0, 1.0, 3.0]
        assert desk.codes() == ["snapshot_failed", "snapshot_failed"]
        assert desk.feed.booksync.trust is Trust.TRUSTED

    in_virtual_time(scenario)


def test_a_want_that_came_up_while_a_good_snapshot_was_under_way_is_answered_by_it() -> None:
    async def scenario() -> None:
        desk = Desk(patience_s=3)
        desk.history.takes_s = 8.0
        async with desk.run():
            desk.book(100)
            await pass_time(60)
        assert len(desk.history.asked) == 1
        assert desk.feed.booksync.trust is Trust.TRUSTED

    in_virtual_time(scenario)


def test_a_night_of_outage_is_survived_with_patience() -> None:
    """The delay is bounded from both sides: no storm of requests, no overflow, and a recovery within half a minute."""

    async def scenario() -> None:
        desk = Desk()
        desk.history.down = DOWN
        night_s = 12 * 3600
        async with desk.run():
            desk.book(100)
            desk.hear(1, 3)
            await pass_time(night_s)
            books = [at_s for at_s, path in desk.history.asked if "depth" in path]
            assert len(desk.history.asked) == pytest.approx(2 * night_s / MAX_RETRY_S, rel=0.01)
            assert max(b - a for a, b in pairwise(books)) < MAX_RETRY_S + 1
            desk.history.down = None
            await pass_time(MAX_RETRY_S + 1)
        assert desk.feed.booksync.trust is Trust.TRUSTED
        assert desk.gaps() == [(2, 2, "missing", True)]

    in_virtual_time(scenario)


def test_every_gap_of_an_outage_is_closed_when_history_answers_again() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.down = DOWN
        async with desk.run():
            for newest in (1, 4, 7, 9):
                desk.hear(newest)
                await pass_time(12)
            assert desk.gaps() == [(each, each + 1, "missing", False) for each in (2, 5)] + [
                (8, 8, "missing", False)
            ]
            desk.history.down = None
            await pass_time(2 * MAX_RETRY_S)
            assert all(healed for *_, healed in desk.gaps())
            asked = len(desk.history.asked)
            await pass_time(10 * MAX_RETRY_S)
            assert len(desk.history.asked) == asked, "nothing is owed any more"
        assert sorted(trade.trade_id for trade in desk.feed.kept) == list(range(1, 10))

    in_virtual_time(scenario)


@pytest.mark.parametrize("status", [403, 451, 408, 302])
@pytest.mark.parametrize("lasts_s", [3, 25])
def test_a_refusal_of_access_is_no_answer_about_trades(status: int, lasts_s: int) -> None:
    """They are asked for until history answers, also when patience (10 s) has ended and the gap is marked."""

    async def scenario() -> None:
        desk = Desk()
        desk.history.down = VenueAnswer("coinbase", status, "Forbidden")
        async with desk.run():
            desk.hear(1, 5)
            await pass_time(lasts_s)
            marked = [(2, 4, "missing", False)]
            assert desk.gaps() == marked or lasts_s < 10
            desk.history.down = None
            await pass_time(2 * MAX_RETRY_S)
            assert desk.gaps() == [(2, 4, "missing", True)]
            asked = len(desk.history.asked)
            await pass_time(10 * MAX_RETRY_S)
            assert len(desk.history.asked) == asked
        assert "heal_refused" not in desk.codes()

    in_virtual_time(scenario)


def test_what_history_lacks_or_refuses_is_owed_no_longer() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.down = DOWN
        desk.history.absent = {2}
        async with desk.run():
            desk.hear(1, 3)
            await pass_time(12)
            desk.history.down = VenueAnswer("binance", 400, "no such page")
            desk.hear(5)
            await pass_time(2 * MAX_RETRY_S)
            desk.history.down = None
            asked = len(desk.history.asked)
            await pass_time(10 * MAX_RETRY_S)
            assert len(desk.history.asked) <= asked + 1
        assert (2, 2, "missing", False) in desk.gaps()

    in_virtual_time(scenario)


def test_a_ban_is_waited_out_before_the_next_snapshot() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.history.failures = [RateLimited("binance", 120.0, banned=True)]
        async with desk.run():
            desk.book(100)
            await pass_time(130)
        assert desk.history.times() == [0.0, 121.0]

    in_virtual_time(scenario)


# --- many at once, and the end


def test_only_a_few_are_asked_at_once_and_everybody_is_served() -> None:
    async def scenario() -> None:
        desk = Desk()
        others = [
            replace(BTC, id=InstrumentId(f"A{n}-USDT@binance"), base=f"A{n}", venue_symbol=f"A{n}USDT")
            for n in range(10)
        ]
        async with desk.run():
            for other in others:
                desk.feeds.follow(other)
                now = desk.clock.now_ns()
                desk.feeds.apply(BookDelta(other.id, 100, 100, [(98.0, 1.0)], [], now, now))
                desk.feeds.apply(trade(1, now, other))
                desk.feeds.apply(trade(3, now, other))
            await pass_time(2)
        assert desk.history.most_in_flight == AT_ONCE
        feeds = [desk.feeds.feed(other.id) for other in others]
        assert all(feed.booksync.trust is Trust.TRUSTED for feed in feeds)
        assert all(feed.sequence.next_id == 4 and not feed.sequence.held for feed in feeds)

    in_virtual_time(scenario)


@pytest.mark.parametrize("moment_s", [0.005, 0.5, 100.0])
def test_a_cancelled_healer_leaves_no_task_behind(moment_s: float) -> None:
    """Amid a request, amid a delay, amid a ban: `run` asserts it."""

    async def scenario() -> None:
        desk = Desk()
        desk.history.failures = [DOWN, RateLimited("binance", 1e6), DOWN, RateLimited("binance", 1e6)]
        async with desk.run():
            desk.book(100)
            desk.hear(1, 3)
            await pass_time(moment_s)
        asked = len(desk.history.asked)
        await pass_time(1e6)
        assert len(desk.history.asked) == asked

    in_virtual_time(scenario)
