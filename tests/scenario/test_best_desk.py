"""`desk.best` over the real engine on a simulated venue: its own book is the best price, and a cut takes it out."""

from __future__ import annotations

from typing import Any

import pytest
from virtual_time import VirtualClock, pass_time
from virtual_trading import bench, virtually

from bethna.core.consolidated import BestPrice
from bethna.core.coverage import State
from bethna.core.errors import NoDataYet
from bethna.core.instrument import Feature
from bethna.twins.faults import Fault

BTC = "BTC-USDT"


def top(price: BestPrice) -> tuple[Any, ...]:
    return price.bid, price.bid_quantity, price.ask, price.ask_quantity


def test_of_one_venue_the_best_price_is_the_top_of_its_book(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed) as found:
            desk = found.desk
            with pytest.raises(NoDataYet, match=r"BTC-USDT best price: .*waiting"):
                desk.best[BTC]
            await desk.ready(BTC, timeout_s=60)
            heard: list[BestPrice] = []
            with_callback = desk.best.on(BTC, heard.append)
            for _ in range(20):
                await pass_time(1)
                price, book = desk.best[BTC], desk.books[BTC]
                assert top(price) == (*book.bids[0], *book.asks[0])
                assert (price.bid_at, price.ts_recv) == (book.instrument, book.ts_recv)
                assert price.coverage.state is State.COMPLETE
            with_callback.close()
            assert len({top(price) for price in heard}) > 10
            merged = await desk.best.book(BTC, depth=50)
            levels = desk.books.get(BTC, depth=50)
            assert levels is not None
            assert [level[:2] for level in merged.bids] == levels.bids
            assert merged.certified_depth == 50

    virtually(main)


def test_a_cut_takes_the_venue_out_and_it_comes_back(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, seed, Fault(kind="cut", at_s=20.0)) as found:
            desk = found.desk
            await desk.ready(BTC, timeout_s=60)
            stream = desk.best.stream(BTC)
            seen: list[BestPrice] = []
            subscription = desk.best.on(BTC, seen.append)
            await pass_time(60)
            found.driver.stop()
            subscription.close()
            stream.close()
            without = [price for price in seen if price.bid is None]
            assert {each.out for price in without for each in price.venues} <= {
                "stale",
                "untrusted",
                "waiting",
            }
            assert without
            assert all(price.coverage.state is State.UNKNOWN for price in without)
            assert seen[0].bid is not None
            assert seen[-1].bid is not None
            assert seen.index(without[0]) < len(seen) - 1

    virtually(main)


def test_without_books_it_is_the_quote_and_nothing_proves_it(seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        features: tuple[Feature, ...] = ("prices",)
        async with bench(clock, seed, features=features) as found:
            desk = found.desk
            await desk.ready(BTC, timeout_s=60)
            await pass_time(5)
            price, view = desk.best[BTC], desk.prices[BTC]
            assert (price.bid, price.ask) == (view.bid, view.ask)
            assert price.coverage.state is State.UNVERIFIED
            assert price.coverage.as_of is not None
            assert (await desk.best.book(BTC)).venues[0].out == "no book"

    virtually(main)
