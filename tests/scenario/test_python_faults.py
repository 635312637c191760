"""A program's desk while the venue misbehaves: what its streams say is whole, in order, or says what is missing."""

from __future__ import annotations

import asyncio

import pytest
from virtual_time import VirtualClock, pass_time
from virtual_trading import bench, virtually

from bethna.client.facts import CertifiedTrade
from bethna.core.coverage import MAX_LISTED_GAPS, State
from bethna.core.errors import BethnaError, CannotFollow, Closed, FeatureOff, NoDataYet, UnknownInstrument
from bethna.core.instrument import Feature
from bethna.core.market import BookDelta, BookSnapshot
from bethna.core.status import BookStatus, Dropped, GapFound, GapMarked, Healed, StreamStatus, SystemEvent
from bethna.twins.faults import Fault

BTC = "BTC-USDT"


def lost(at_s: float = 20.0, *, history: bool = True) -> Fault:
    return Fault(kind="missing_trades", at_s=at_s, for_s=20.0, share=0.5, symbol="BTCUSDT", history=history)


def test_what_was_lost_is_found_told_healed_and_comes_once_in_order(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed, lost()) as found:
            desk = found.desk
            await desk.ready(BTC, timeout_s=60)
            stream = desk.trades.events(BTC)
            await pass_time(60)
            found.driver.stop()
            await pass_time(1)
            await desk.close()
            events = [event async for event in stream]
        trades = [event for event in events if isinstance(event, CertifiedTrade)]
        ids = [trade.trade_id for trade in trades]
        assert ids == list(range(ids[0], ids[-1] + 1))
        gaps = [event for event in events if isinstance(event, GapFound | Healed | GapMarked)]
        assert [type(event) for event in gaps] == [GapFound, Healed] * (len(gaps) // 2)
        assert len(gaps) >= 2
        for opened, healed in zip(gaps[::2], gaps[1::2], strict=True):
            assert (opened.gap.first_id, opened.gap.last_id) == (healed.gap.first_id, healed.gap.last_id)
        first = events.index(gaps[1])
        before = [event for event in events[:first] if isinstance(event, CertifiedTrade)]
        assert {trade.coverage.state for trade in before} == {State.COMPLETE}
        assert {t.coverage.state for t in events[first:] if isinstance(t, CertifiedTrade)} == {State.HEALED}

    virtually(main)


def test_what_cannot_be_had_is_marked_and_named_by_every_certificate_after_it(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed, lost(history=False)) as found:
            desk = found.desk
            await desk.ready(BTC, timeout_s=60)
            events, plain = desk.trades.events(BTC), desk.trades.stream(BTC)
            await pass_time(60)
            await desk.close()
            said = [event async for event in events]
            trades = [trade async for trade in plain]
        assert trades == [event for event in said if isinstance(event, CertifiedTrade)]
        ids = [trade.trade_id for trade in trades]
        missing = set(range(ids[0], ids[-1] + 1)) - set(ids)
        assert missing
        assert any(isinstance(event, GapMarked) for event in said)
        last = trades[-1].coverage
        assert last.state is State.INCOMPLETE
        assert len(last.gaps) <= MAX_LISTED_GAPS
        named: set[int] = set()
        for gap in last.gaps:
            assert gap.first_id is not None
            assert gap.last_id is not None
            if not gap.healed:
                named |= set(range(gap.first_id, gap.last_id + 1))
        assert named == missing if len(last.gaps) < MAX_LISTED_GAPS else named <= missing

    virtually(main)


def test_a_cut_is_told_in_order_and_the_book_joins_again(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed, Fault(kind="cut", at_s=20.0)) as found:
            desk = found.desk
            await desk.ready(BTC, timeout_s=60)
            await pass_time(5)
            books, prices = desk.books.events(BTC), desk.prices.events(BTC)
            await pass_time(60)
            found.driver.stop()
            await pass_time(1)
            now = desk.books.get(BTC, depth=5000)
            assert now is not None
            await desk.close()
            changes = [event async for event in books]
            turns = [event async for event in prices if isinstance(event, StreamStatus)]
        assert (turns[0].state, turns[0].connected) == ("stale", False)
        assert (turns[-1].state, turns[-1].connected) == ("live", True)
        assert isinstance(changes[0], BookSnapshot)
        said = [event.trust for event in changes if isinstance(event, BookStatus)]
        assert (said[0], said[-1]) == ("syncing", "trusted")
        update_id = 0
        bids: dict[float, float] = {}
        for event in changes:
            if isinstance(event, BookSnapshot):
                update_id, bids = event.last_id, dict(event.bids)
            elif isinstance(event, BookDelta):
                assert event.first_id <= update_id + 1 <= event.last_id
                update_id = event.last_id
                for price, quantity in event.bids:
                    bids[price] = quantity
                    if not quantity:
                        del bids[price]
        assert update_id == now.update_id
        assert sorted(bids.items(), reverse=True)[:20] == now.bids[:20]

    virtually(main)


def test_a_reader_who_comes_late_is_told_what_it_lost(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed) as found:
            desk = found.desk
            await desk.ready(BTC, timeout_s=60)
            await pass_time(5)
            slow = desk.trades.events(BTC, pending=7)
            event = await anext(slow)
            while not isinstance(event, CertifiedTrade):  # a burst of more than it holds came first
                assert isinstance(event, Dropped)
                event = await anext(slow)
            first = event
            await pass_time(30)
            assert slow.statistics().depth <= 7
            event = await anext(slow)
            while not isinstance(event, Dropped):  # what was handed over with the first
                assert isinstance(event, CertifiedTrade)
                first, event = event, await anext(slow)
            dropped = event
            after = await anext(slow)
            assert isinstance(after, CertifiedTrade)
            assert dropped.count == after.trade_id - first.trade_id - 1
            gap = after.coverage.gaps[-1]
            assert (gap.reason, gap.first_id, gap.last_id) == (
                "dropped", first.trade_id + 1, after.trade_id - 1
            )  # fmt: skip
            assert after.coverage.state is State.INCOMPLETE

    virtually(main)


def test_what_is_left_ends_its_streams_and_the_last_one_stays(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed) as found:
            desk = found.desk
            added = await desk.subscribe("polusdt")
            assert (added.id, added.verified) == ("POL-USDT@binance", True)
            await desk.ready("POL-USDT", timeout_s=60)
            calls: list[object] = []
            calling = desk.candles.on("POL-USDT", calls.append)
            streams = [
                desk.prices.events("POL-USDT"), desk.trades.events("POL-USDT"),
                desk.books.events("POL-USDT"), desk.candles.events("POL-USDT"),
            ]  # fmt: skip
            other = desk.trades.stream("ETH-USDT")
            await desk.unsubscribe("POL-USDT")
            for stream in streams:
                *_, last = [event async for event in stream]  # type: ignore[attr-defined]  # of four kinds
                assert isinstance(last, StreamStatus)
                assert (last.state, last.connected) == ("ended", False)
            await pass_time(5)
            assert calling.closed
            assert (await anext(other)).instrument == "ETH-USDT@binance"
            with pytest.raises(UnknownInstrument):
                desk.prices["POL-USDT"]
            await desk.unsubscribe(BTC)
            with pytest.raises(CannotFollow, match="the last one"):
                await desk.unsubscribe("ETH-USDT")
            assert desk.symbols == ("ETH-USDT@binance",)

    virtually(main)


def test_ready_names_what_is_missing_and_what_was_refused(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        no_rest = Fault(kind="http_5xx", at_s=0.0, for_s=500.0, on="rest")
        async with bench(clock, seed, no_rest) as found:
            with pytest.raises(NoDataYet) as caught:
                await found.desk.ready(BTC, timeout_s=60)
            assert caught.value.what == "BTC-USDT@binance book"
            assert "waited 60 s" in caught.value.message
        async with bench(clock, seed, symbols=(BTC, "NOPE-USDT")) as found:
            with pytest.raises(NoDataYet, match="unknown symbol") as caught:
                await found.desk.ready("NOPE-USDT", timeout_s=600)
            assert clock.monotonic_ns() < 200 * 10**9, "it was known long before"
            with pytest.raises(NoDataYet, match="refused"):
                found.desk.prices["NOPE-USDT"]

    virtually(main)


def test_prices_alone_open_no_stream_of_depth_and_the_rest_is_off(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        alone: tuple[Feature, ...] = ("prices",)
        async with bench(clock, seed, features=alone) as found:
            desk = found.desk
            await desk.ready(BTC, timeout_s=60)
            assert desk.prices[BTC].price is not None
            assert desk.features == ("prices",)
            for noun in (desk.trades, desk.books, desk.candles):
                with pytest.raises(FeatureOff, match="follows prices") as caught:
                    noun.get(BTC)
                assert caught.value.hint
            await pass_time(20)
            assert desk.health().instruments["BTC-USDT@binance"].book == "off"
            assert desk.health().instruments["BTC-USDT@binance"].book_updates == 0

    virtually(main)


def test_a_callback_that_raises_is_told_and_the_others_go_on(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed) as found:
            desk = found.desk
            await desk.ready(BTC, timeout_s=60)
            told = desk.events()
            calls: list[CertifiedTrade] = []
            running: list[int] = []

            def fails(trade: CertifiedTrade) -> None:
                calls.append(trade)
                raise ValueError("made on purpose")

            async def waits(_trade: CertifiedTrade) -> None:
                running.append(1)
                assert sum(running) == 1, "two calls at once"
                await pass_time(0.5)
                running.clear()

            wrong, slow = desk.trades.on(BTC, fails), desk.trades.on(BTC, waits)
            await pass_time(20)
            assert len(calls) == 1
            assert isinstance(wrong.error, ValueError)
            event = await anext(told)
            assert isinstance(event, SystemEvent)
            assert (event.code, event.level) == ("task_failed", "error")
            assert "ValueError: made on purpose" in event.message
            assert (slow.error, slow.closed) == (None, False)
            slow.close()
            await pass_time(1)
            assert not running

    virtually(main)


def test_an_error_of_the_engine_ends_streams_and_meets_the_next_call(seed: int) -> None:
    from faultgrid.memory_link import MemoryNetwork

    class Broken(MemoryNetwork):
        """A bug in the way out, met when the desk connects again."""

        async def connect(self, url: str, **options: object) -> object:  # type: ignore[override]  # fewer names
            if self.attempts:
                raise ZeroDivisionError("a bug, made on purpose")
            return await super().connect(url, **options)  # type: ignore[arg-type]  # handed on

    async def block(clock: VirtualClock) -> None:
        async with bench(clock, seed, Fault(kind="cut", at_s=20.0), network=Broken) as found:
            desk = found.desk
            await desk.ready(BTC, timeout_s=60)
            stream = desk.trades.stream(BTC)
            called = desk.trades.on(BTC, lambda trade: trade)
            with pytest.raises(BethnaError, match="ZeroDivisionError: a bug, made on purpose"):
                await _all(stream)
            with pytest.raises(Closed, match="ZeroDivisionError"):
                desk.prices[BTC]
            with pytest.raises(Closed, match="ZeroDivisionError"):
                desk.trades.stream(BTC)
            await pass_time(1)
            assert called.closed
            assert isinstance(called.error, Closed)
            assert desk.failed

    async def main(clock: VirtualClock) -> None:
        with pytest.raises(Closed) as caught:  # nobody in the block let it out
            await block(clock)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert len(asyncio.all_tasks()) == 1

    virtually(main)


def test_closing_twice_is_fine_and_afterwards_every_call_says_closed(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed) as found:
            desk = found.desk
            stream = desk.prices.stream(BTC)
            waiting = asyncio.ensure_future(_all(stream))
            await pass_time(10)
            await asyncio.gather(desk.close(), desk.close())
            assert await waiting
            await desk.close()
            for call in (
                lambda: desk.prices[BTC], lambda: desk.symbols, desk.health, desk.events,
                lambda: desk.connection_status["binance"], lambda: desk.books.stream(BTC),
            ):  # fmt: skip
                with pytest.raises(Closed) as caught:
                    call()
                assert caught.value.hint
            with pytest.raises(Closed):
                await desk.subscribe(BTC)
        assert len(asyncio.all_tasks()) == 1

    virtually(main)


async def _all(stream: object) -> list[object]:
    return [each async for each in stream]  # type: ignore[attr-defined]  # any stream
