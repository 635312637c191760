"""Streams of states and of a book's changes: what is read adds up to what the desk has, however slow the reader is."""

from __future__ import annotations

from typing import Any

from _memorydesk import BTC, START, MemoryDesk
from _memoryhouse import MemoryHouse, settle, virtually, waiting
from hypothesis import given, settings
from hypothesis import strategies as st

from bethna.app import Desk
from bethna.client.facts import Book
from bethna.client.local_ears import FULL_DEPTH
from bethna.config import load
from bethna.core.clock import NS_PER_S
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, Candle, PriceView, Trade
from bethna.core.status import Dropped, StreamStatus

Level = tuple[bool, int, int]
Act = st.one_of(
    st.tuples(st.just("move"), st.tuples(st.booleans(), st.integers(1, 6), st.integers(0, 3))),
    st.tuples(st.just("anew"), st.none()),
    st.tuples(st.just("turn"), st.sampled_from(["live", "stale", "waiting"])),
    st.tuples(st.just("read"), st.none()),
)


def act(desk: MemoryDesk, what: str, how: Any) -> None:
    match what:
        case "move":
            bid, price, quantity = how
            level = [(float(price if bid else 100 + price), float(quantity))]
            desk.move(BTC, level if bid else [], [] if bid else level)
        case "anew":
            desk.no_book.discard(BTC)
            desk.take_anew(BTC)
        case "turn":
            desk.turn(BTC, how, connected=how != "waiting")
        case _:  # "read" is the reader's
            pass


class Folded:
    """A book that somebody builds from events."""

    def __init__(self) -> None:
        self.sides: tuple[dict[float, float], dict[float, float]] = ({}, {})
        self.update_id: int | None = None
        self.lost = False

    def take(self, event: object) -> None:
        if isinstance(event, Dropped):
            self.lost = True
        elif isinstance(event, BookSnapshot):
            self.sides = (dict(event.bids), dict(event.asks))
            self.update_id, self.lost = event.last_id, False
        elif isinstance(event, BookDelta):
            assert not self.lost, "a change after a loss, before the snapshot"
            assert self.update_id is not None, "a change before any snapshot"
            assert event.first_id == self.update_id + 1, "a change that does not join"
            self.update_id = event.last_id
            for side, levels in zip(self.sides, (event.bids, event.asks), strict=True):
                for price, quantity in levels:
                    side[price] = quantity
                    if not quantity:
                        del side[price]  # it was just set: removing what is not there is normal


@given(st.lists(Act, max_size=60), st.integers(1, 4), st.booleans())
@settings(max_examples=60)
def test_a_book_from_its_events_is_the_book_of_the_desk(
    acts: list[tuple[str, Any]], pending: int, stands: bool
) -> None:
    async def main() -> None:
        house = MemoryHouse()
        house.desk.move(BTC, [(5.0, 1.0)], [(105.0, 1.0)])
        if not stands:
            house.desk.no_book.add(BTC)
        stream = house.books.events("BTC-USDT", pending=pending)
        folded = Folded()
        for what, how in [*acts, ("read", None)]:
            act(house.desk, what, how)
            assert stream.statistics().depth <= pending
            if what == "read":
                for event in await waiting(stream):
                    folded.take(event)
        view = house.desk.book(BTC, FULL_DEPTH)
        assert folded.update_id == view.update_id
        if view.update_id is not None:
            assert not folded.lost
            assert folded.sides == (dict(view.bids), dict(view.asks))

    virtually(main)


@given(st.lists(Act, max_size=40), st.integers(1, 5))
@settings(max_examples=60)
def test_the_last_book_that_is_read_is_the_book_now(acts: list[tuple[str, Any]], depth: int) -> None:
    async def main() -> None:
        house = MemoryHouse()
        house.desk.move(BTC, [(5.0, 1.0)], [(105.0, 1.0)])
        stream = house.books.stream("BTC-USDT", depth=depth)
        last: Book | None = None
        for what, how in [*acts, ("read", None)]:
            act(house.desk, what, how)
            if what == "read":
                read = await waiting(stream)
                assert len(read) <= 1
                last = read[-1] if read else last
        view = house.desk.book(BTC, depth)
        assert last is not None
        assert (last.bids, last.asks, last.update_id) == (view.bids, view.asks, view.update_id)

    virtually(main)


Step = st.sampled_from(["trade", "trade", "turn", "time", "read"])


@given(st.lists(Step, max_size=60))
@settings(max_examples=60)
def test_prices_end_with_the_price_now_and_turns_stand_where_they_happened(steps: list[str]) -> None:
    async def main() -> None:
        house = MemoryHouse()
        stream = house.prices.events("BTC-USDT")
        turns: list[str] = []
        heard: list[str] = []
        last: PriceView | None = None
        for number, step in enumerate([*steps, "read"]):
            if step == "trade":
                house.desk.trade(BTC, 100.0 + number)
            elif step == "turn":
                turns.append("stale" if len(turns) % 2 == 0 else "live")
                house.desk.turn(BTC, turns[-1])  # type: ignore[arg-type]  # one of two words
            elif step == "read":
                for event in await waiting(stream):
                    if isinstance(event, StreamStatus):
                        heard.append(event.state)
                    else:
                        assert isinstance(event, PriceView)
                        last = event
            else:
                await settle()
        now = house.desk.price(BTC)
        assert heard == turns
        assert last == (now if now.price is not None else None)

    virtually(main)


INSTRUMENT = Instrument(BTC, "binance", "BTC", "USDT", "BTCUSDT")
HOSTS = {"binance": ["ws://127.0.0.1:9|http://127.0.0.1:9"]}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.booleans()), min_size=1, max_size=30))
@settings(max_examples=50)
def test_every_closed_candle_is_said_as_it_is_in_the_end(steps: list[tuple[int, int, bool]]) -> None:
    """Trades with seconds between them, some lost and found later; the reader comes by now and then."""

    async def main() -> None:
        house = MemoryHouse()
        desk = Desk(load(options={"source": "twin", "hosts": HOSTS, "symbols": ("BTC-USDT",)}))
        desk.feeds.follow(INSTRUMENT)
        house.local = type(house.local)(desk, desk.bus)
        stream = house.candles.stream("BTC-USDT", "1s")
        said: dict[int, Candle] = {}
        trade_id, now, lost = 1, START, []
        for seconds, missing, read in steps:
            now += seconds * NS_PER_S
            for _ in range(missing):
                trade_id += 1
                lost.append(Trade(BTC, 99.0, 1.0, "sell", trade_id, now, now))
            trade_id += 1
            desk.feeds.apply(Trade(BTC, 100.0, 1.0, "buy", trade_id, now, now))
            desk.feeds.tick(now + 20 * NS_PER_S)  # patience has an end
            await settle()
            if read:
                said |= {candle.open_time: candle for candle in await waiting(stream)}
        for found in lost[::2]:  # the others stay lost: no gap of several is ever healed
            desk.feeds.apply(found)
        await settle()
        said |= {candle.open_time: candle for candle in await waiting(stream)}
        kept = {c.open_time: c for c in desk.candles(BTC, Interval.S1, 400)}
        assert list(kept) == [each for each in sorted(said) if each in kept]
        for opened, candle in kept.items():
            assert figures(said[opened]) == figures(candle)

    virtually(main)


def figures(candle: Candle) -> tuple[object, ...]:
    return (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.trades, candle.closed)
