"""Books that their wire cannot prove, held against the venue's own answers: a whole desk and a twin in virtual time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from faultgrid.ground import ADVANCED, COINBASE, GROUNDS, KRAKEN, Ground
from faultgrid.trial import START, Trial, VirtualHouse, house
from faultgrid.verdict import units
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.api.story import story_answer
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.core.market import InstrumentId
from bethna.core.status import Trust
from bethna.twins.faults import Fault

BTC = {ground.name: InstrumentId(f"BTC-USD@{ground.venue}") for ground in (KRAKEN, COINBASE, ADVANCED)}
PHANTOM = 3.0


def on(
    ground: Ground, *faults: Fault, seed: int = 5, **settings: object
) -> Callable[[Callable[[VirtualHouse], Awaitable[None]]], None]:
    """Run a scenario with a desk before a twin."""

    def run(scenario: Callable[[VirtualHouse], Awaitable[None]]) -> None:
        async def main() -> None:
            async with house(Trial(seed, faults, 0.0, ground=ground, settings=settings), clock) as found:
                await scenario(found)

        clock = VirtualClock(START)
        run_virtually(main(), clock)

    return run


def tell_wrong(found: VirtualHouse, instrument: InstrumentId) -> float:
    """A level amid the desk's bids that nobody ever said; its price."""
    book = found.desk.feeds.feed(instrument).booksync.book
    assert book is not None
    prices = sorted(book.bids, reverse=True)
    middle = len(prices) // 2
    price = (prices[middle] + prices[middle + 1]) / 2
    book.bids[price] = PHANTOM
    return price


async def wrong_levels(found: VirtualHouse, instrument: InstrumentId) -> set[tuple[float, float]]:
    """Levels of which the desk and the truth say different things for a second, so that none is only on its way."""
    listing = found.judge.listings[instrument]
    wrong: set[tuple[float, float]] | None = None
    for _ in range(5):
        book = found.desk.feeds.feed(instrument).booksync.book
        assert book is not None
        bids, asks = found.world.markets[listing.symbol].depth(10_000)
        true = {(units(price, listing.tick), units(lots, listing.lot)) for price, lots in (*bids, *asks)}
        differing = {*book.bids.items(), *book.asks.items()} ^ true
        wrong = differing if wrong is None else wrong & differing
        await pass_time(0.2)
    return wrong or set()


def said(found: VirtualHouse) -> list[str]:
    return [event.message for event in found.desk.events(1000) if event.code == "book_syncing"]


@pytest.mark.parametrize("ground", [KRAKEN, COINBASE, ADVANCED], ids=lambda ground: ground.name)
def test_a_right_book_is_compared_again_and_again_and_never_doubted(ground: Ground) -> None:
    async def scenario(found: VirtualHouse) -> None:
        await pass_time(100.0)
        now = found.desk.clock.now_ns()
        for instrument in found.desk.instruments():
            health = found.desk.instrument_health(instrument.id)
            assert (health.trust, health.resyncs) == (Trust.TRUSTED, 0)
            assert health.book_compared is not None
            assert now - health.book_compared < 70 * NS_PER_S
            assert health.book_compared_levels >= 20
            agreed = f"agreed with it in {health.book_compared_levels} levels"
            assert agreed in story_answer(found.desk, "book", instrument.id).how
            whole = found.desk.book(instrument.id, 50).coverage.state
            assert whole is (State.COMPLETE if ground is ADVANCED else State.UNVERIFIED)

    on(ground)(scenario)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("ground", [KRAKEN, COINBASE, ADVANCED], ids=lambda ground: ground.name)
def test_thirty_busy_minutes_bring_no_false_doubt(ground: Ground, seed: int) -> None:
    async def scenario(found: VirtualHouse) -> None:
        await pass_time(1800.0)
        now = found.desk.clock.now_ns()
        for instrument in found.desk.instruments():
            health = found.desk.instrument_health(instrument.id)
            assert (health.trust, health.resyncs) == (Trust.TRUSTED, 0)
            assert health.book_compared is not None
            assert now - health.book_compared < 70 * NS_PER_S
        assert said(found) == []

    on(ground, seed=seed)(scenario)


@pytest.mark.parametrize("ground", [KRAKEN, COINBASE, ADVANCED], ids=lambda ground: ground.name)
def test_a_wrong_level_that_the_wire_cannot_show_is_named_and_mended_within_the_interval(
    ground: Ground,
) -> None:
    async def scenario(found: VirtualHouse) -> None:
        name = BTC[ground.name]
        await pass_time(30.0)
        price = tell_wrong(found, name)
        await pass_time(90.0)
        book = found.desk.feeds.feed(name).booksync.book
        assert book is not None
        assert price not in book.bids
        (told,) = said(found)
        assert told == (
            "the book cannot be believed now: the venue's own snapshot contradicts it at 1 levels: "
            f"bid {price:.15g} is none there and 3 here"
        )
        health = found.desk.instrument_health(name)
        assert (health.trust, health.resyncs) == (Trust.TRUSTED, 1)

    on(ground)(scenario)


def test_a_book_that_began_with_an_old_snapshot_is_never_called_whole() -> None:
    stale = Fault(kind="stale_snapshot", at_s=0.0, for_s=5.0, delay_s=4.0)

    async def scenario(found: VirtualHouse) -> None:
        await found.watch(110.0)
        findings = await found.close()
        assert (findings.lost, findings.doubled) == ([], [])
        assert any("contradicts" in each for each in said(found))
        assert found.desk.book(BTC[ADVANCED.name], 50).coverage.state is State.COMPLETE

    on(ADVANCED, stale)(scenario)


def test_one_old_answer_is_no_proof() -> None:
    """Kraken's answers bear no time: an old one contradicts a right book, and the next one agrees."""
    old = Fault(kind="stale_snapshot", at_s=20.0, for_s=50.0, delay_s=15.0)

    async def scenario(found: VirtualHouse) -> None:
        answers = 0
        fetch = found.desk.lines["kraken"].rest.fetch

        async def counted(*given: object, **named: object) -> object:
            nonlocal answers
            answers += "Depth" in given[0].path  # type: ignore[attr-defined]  # a RestRequest
            return await fetch(*given, **named)  # type: ignore[arg-type]  # as it came

        found.desk.lines["kraken"].rest.fetch = counted  # type: ignore[method-assign, assignment]  # it only counts
        await pass_time(110.0)
        assert answers >= 6
        assert said(found) == []

    on(KRAKEN, old)(scenario)


@pytest.mark.parametrize("ground", [KRAKEN, COINBASE], ids=lambda ground: ground.name)
def test_a_venue_whose_every_answer_is_seconds_old_makes_no_doubt(ground: Ground) -> None:
    cached = Fault(kind="stale_snapshot", at_s=5.0, for_s=1000.0, delay_s=5.0)

    async def scenario(found: VirtualHouse) -> None:
        await pass_time(130.0)
        assert said(found) == []
        for instrument in found.desk.instruments():
            health = found.desk.instrument_health(instrument.id)
            assert (health.trust, health.resyncs) == (Trust.TRUSTED, 0)
            assert health.book_compared is not None

    on(ground, cached)(scenario)


def test_a_lost_update_that_nothing_on_the_wire_shows_is_found_and_healed() -> None:
    """What is lost on Coinbase Exchange leaves levels wrong until they change again."""
    lost = Fault(kind="missing_diff", at_s=22.0, for_s=3.0, share=0.2, symbol="BTC-USD")

    async def scenario(found: VirtualHouse) -> None:
        name = BTC[COINBASE.name]
        await pass_time(26.0)
        assert found.twin.losses
        assert await wrong_levels(found, name)
        assert found.desk.instrument_health(name).trust is Trust.TRUSTED, "nobody knows"
        await pass_time(73.0)
        assert await wrong_levels(found, name) == set()
        (event,) = [each for each in found.desk.events(1000) if each.code == "book_disproved"]
        assert (event.subject, event.level) == (name, "warning")
        assert re.search(r"contradicts it at \d+ levels: bid .*; one agreed \d\d s ago$", event.message)
        assert len(said(found)) == 1
        health = [found.desk.instrument_health(each.id) for each in found.desk.instruments()]
        assert [(each.trust, each.resyncs) for each in health] == [
            (Trust.TRUSTED, int(each.instrument == name)) for each in health
        ]

    on(COINBASE, lost)(scenario)


def test_nothing_is_asked_where_the_stream_proves_the_book_or_nobody_wants_it() -> None:
    async def tasks(_: VirtualHouse) -> None:
        await pass_time(1.0)
        assert not [task for task in asyncio.all_tasks() if task.get_name().endswith("-comparing")]

    on(GROUNDS["deribit"])(tasks)
    on(COINBASE, book_compare_s=0.0)(tasks)
