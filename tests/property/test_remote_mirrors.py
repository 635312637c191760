"""What a program hears of a desk behind an address is what the desk's bus said, or the difference has a name.

The desk's side is the real one (hub, sources, lines and the client of /ws) without sockets; between it and the mirrors
frames get lost, connections are cut, and the client reads when it likes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from _memorydesk import BTC, ETH, MemoryDesk
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bethna.api import lines, sources
from bethna.api.answers import health_answer
from bethna.api.hub import Hub
from bethna.api.stream import Client
from bethna.api.wire import Wire
from bethna.client import mirrors as mirrors_module
from bethna.client.backend import Want
from bethna.client.mirror_channel import Ear
from bethna.client.mirrors import Mirrors
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, Candle, PriceView, Trade
from bethna.core.status import BookStatus, Dropped, GapFound, GapMarked, Healed, StreamStatus, Trust

Step = tuple[str, int]
MARKET = (
    "trade",
    "trade",
    "trade",
    "miss",
    "heal",
    "mark",
    "late",
    "move",
    "anew",
    "trust",
    "turn",
    "minute",
    "say",
)
DESK = ("frame", "soon", "second", "read", "read")
FAULTS = ("hole", "cut", "attach")
PROGRAM = ("ask", "tick")
STEPS = st.lists(
    st.tuples(st.sampled_from((*MARKET, *DESK, *FAULTS, *PROGRAM)), st.integers(0, 7)), max_size=80
)


class Market(MemoryDesk):
    """A desk whose trades get lost, come late and are healed, as the real feed says it."""

    def __init__(self) -> None:
        super().__init__((BTC, ETH))
        self.next_id = 1
        self.hole: tuple[int, int] | None = None
        self.held: list[Trade] = []
        self.marked: list[int] = []
        self.released: list[Trade] = []
        self.times: dict[int, int] = {}

    def made(self, trade_id: int) -> Trade:
        """It happened when its id was counted, however late it comes."""
        now = self.clock.now_ns()
        return Trade(
            BTC, 100.0 + trade_id % 7, 1.0, "buy", trade_id, self.times.setdefault(trade_id, now), now
        )

    def release(self, trade: Trade) -> None:
        self.kept[BTC] = sorted([*self.kept[BTC], trade], key=lambda each: each.trade_id)
        self.released.append(trade)
        self.bus.channel("trades", BTC).publish(trade)

    def happen(self) -> None:
        trade = self.made(self.next_id)
        self.next_id += 1
        if self.hole is None:
            self.release(trade)
        else:
            self.held.append(trade)

    def miss(self, count: int) -> None:
        if self.hole is not None or self.next_id == 1:
            return
        self.hole = (self.next_id, self.next_id + count)
        self.times.update((each, self.clock.now_ns()) for each in range(self.hole[0], self.hole[1] + 1))
        self.next_id += count + 1
        self.happen()
        self.bus.channel("trades", BTC).publish(GapFound(BTC, self.gap(), self.clock.now_ns()))

    def gap(self) -> Gap:
        assert self.hole is not None
        return Gap("trades", *self.hole)

    def settle(self, *, heal: bool) -> None:
        if self.hole is None:
            return
        gap, (first, last) = self.gap(), self.hole
        channel, now = self.bus.channel("trades", BTC), self.clock.now_ns()
        if heal:
            channel.publish(Healed(BTC, replace(gap, healed=True), last - first + 1, now))
            self.held = [*map(self.made, range(first, last + 1)), *self.held]
        else:
            channel.publish(GapMarked(BTC, gap, now))
            self.marked += range(first, last + 1)
        self.hole, held, self.held = None, self.held, []
        for trade in held:
            self.release(trade)

    def late(self, which: int) -> None:
        if self.marked:
            self.release(self.made(self.marked.pop(which % len(self.marked))))

    def step(self, name: str, number: int) -> None:
        now = self.clock.now_ns()
        match name:
            case "trade":
                self.happen()
            case "miss":
                self.miss(number)
            case "heal" | "mark":
                self.settle(heal=name == "heal")
            case "late":
                self.late(number)
            case "move":
                price = float(number % 4)
                self.move(BTC, [(90.0 + price, float(number))], [(110.0 + price, float(7 - number))])
            case "anew":
                self.take_anew(BTC)
            case "trust":
                trust = Trust.SYNCING if number % 2 else Trust.TRUSTED
                self.bus.channel("book", BTC).publish(BookStatus(BTC, trust, "because", now))
            case "turn":
                self.turn(BTC, "stale" if number % 2 else "live", "")
            case "minute":
                self.clock.advance((1 + number) * 20 * NS_PER_S)
            case _:
                self.say(f"event_{len(self.log)}")


class Pipe:
    """The real desk's side of one connection at a time, stepped by hand."""

    def __init__(self) -> None:
        self.desk = Market()
        self.hub = Hub(self.desk, self.desk.bus)
        self.mirrors = Mirrors("http://127.0.0.1:1", self.desk.clock)
        self.client: Client | None = None
        self.lose_next = False
        self.heard: dict[str, list[Any]] = {}

    def listen(self) -> None:
        for kind, interval in (
            ("trades", None), ("books", None), ("prices", None), ("candles", Interval.M1), ("system", None),
        ):  # fmt: skip
            events = self.heard[kind] = []
            want = Want(cast("Any", kind), None if kind == "system" else BTC, interval)
            self.mirrors.listen(want, events.append, lambda error: pytest.fail(f"ended: {error}"))

    def attach(self) -> None:
        if self.client is None:
            self.client = Client(self.hub, cast("Wire", None))
            self.mirrors.attach(health_answer(self.desk), self.desk.instruments())
            self.ask()

    def cut(self) -> None:
        if self.client is not None:
            for line in tuple(self.client._lines.values()):
                self.client._drop(line)
            self.client = None
            self.mirrors.lose("cut")
            self.mirrors.lose("cut again")

    def ask(self) -> None:
        for request in self.mirrors.requests():
            assert self.client is not None
            for reply in self.client._answer(request):
                self.mirrors.frame(reply)

    def read(self) -> None:
        for raw in self.client._round() if self.client is not None else ():
            if self.lose_next:
                self.lose_next = False
            else:
                self.mirrors.frame(raw)

    def step(self, name: str, number: int) -> None:
        match name:
            case "frame" | "soon" | "second":
                getattr(self.hub, name)()
            case "hole":
                self.lose_next = True
            case "tick":
                self.mirrors.tick()
            case "read" | "cut" | "attach" | "ask":
                getattr(self, name)()
            case _:
                self.desk.step(name, number)

    def settle(self) -> None:
        """No more faults: everything is read to the end."""
        self.lose_next = False
        self.attach()
        for _ in range(3):
            self.desk.happen()  # a hole in the count is seen by what comes after it
            self.desk.move(BTC, [(80.0, 1.0)], [])
            self.desk.say("end")
            for _ in range(5):
                self.mirrors.tick()
                self.ask()
                self.hub.soon()
                self.hub.second()
                self.read()
        assert self.mirrors.lacking == []


@contextmanager
def small_bounds() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "EVERY_ITEMS", 6)
        patch.setattr(sources, "EVERY_ITEMS", 8)
        patch.setattr(sources, "SNAPSHOT_TRADES", 6)
        patch.setattr(mirrors_module, "LINGER", 1)
        yield


def played(before: list[Step], after: list[Step]) -> tuple[Pipe, int]:
    """A run: what happens before somebody listens, then after; and the newest trade at that moment."""
    pipe = Pipe()
    pipe.desk.move(BTC, [(90.0, 1.0)], [(110.0, 1.0)])
    pipe.attach()
    for step in before:
        pipe.step(*step)
    pipe.settle()
    pipe.listen()
    start = max((trade.trade_id for trade in pipe.desk.released), default=0)
    for step in after:
        pipe.step(*step)
    pipe.desk.settle(heal=False)
    pipe.settle()
    return pipe, start


def check_trades(events: list[Any], released: list[Trade], start: int) -> None:
    ids = [event.trade_id for event in events if type(event) is Trade]
    assert len(ids) == len(set(ids)), "told twice"
    said = {event.trade_id: event for event in events if type(event) is Trade}
    bus = {trade.trade_id: trade for trade in released}
    assert all(bus[trade_id] == trade for trade_id, trade in said.items())
    named: set[int] = set()
    front, excused = start, False
    for event in events:
        if isinstance(event, Dropped):
            assert event.count > 0
            excused = True
        elif isinstance(event, GapMarked):
            named |= set(range(event.gap.first_id or 0, (event.gap.last_id or 0) + 1))
        elif isinstance(event, Trade) and event.trade_id > front:
            between = set(range(front + 1, event.trade_id))
            if excused:
                named |= between
            assert between <= named | set(said), "passed without a word"
            front, excused = event.trade_id, False
    assert {trade_id for trade_id in bus if trade_id > start} <= set(said) | named
    check_fates(events)


def check_fates(events: list[Any]) -> None:
    """A gap that was found hears its fate before trades pass it."""
    found: Gap | None = None
    for event in events:
        if isinstance(event, GapFound):
            found = event.gap
        elif isinstance(event, Healed | GapMarked):
            found = None
        elif isinstance(event, Trade) and found is not None:
            assert event.trade_id <= (found.last_id or 0), "passed a gap whose fate was not told"


def check_book(events: list[Any], desk: Market) -> None:
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    last = -1
    for event in events:
        if isinstance(event, BookSnapshot):
            bids, asks, last = dict(event.bids), dict(event.asks), event.last_id
        elif isinstance(event, BookDelta):
            assert last >= 0
            assert event.first_id <= last + 1 <= event.last_id, "a change that does not join"
            last = event.last_id
            for side, levels in ((bids, event.bids), (asks, event.asks)):
                side.update(levels)
    assert last == desk.update_ids[BTC]
    assert {p: q for p, q in bids.items() if q} == desk.bids[BTC]
    assert {p: q for p, q in asks.items() if q} == desk.asks[BTC]


def bare(candle: Candle) -> Candle:
    """As the wire has it."""
    return replace(candle, first_id=None, last_id=None)


@given(STEPS, STEPS)
def test_what_is_heard_is_what_the_bus_said_or_has_a_name(before: list[Step], after: list[Step]) -> None:
    with small_bounds():
        pipe, start = played(before, after)
    desk, heard = pipe.desk, pipe.heard
    check_trades(heard["trades"], desk.released, start)
    check_book(heard["books"], desk)
    rows = {each.open_time: each for each in heard["candles"] if isinstance(each, Candle)}
    newest = desk.candles(BTC, Interval.M1, 500)
    assert all(bare(candle) == rows.get(candle.open_time, bare(candle)) for candle in newest)
    assert newest[-1].open_time in rows
    seen = [each for each in heard["prices"] if isinstance(each, PriceView)]
    assert replace(seen[-1], last_message=None) == replace(desk.price(BTC), last_message=None)
    for kind in ("trades", "books", "prices", "candles"):
        turns = [each for each in heard[kind] if isinstance(each, StreamStatus)]
        assert not turns or turns[-1].state == ("stale" if BTC in desk.stale else "live")
    own = [each for each in heard["system"] if not each.code.startswith("desk_")]
    assert own == desk.log[-len(own) :]


@given(STEPS)
def test_what_is_at_hand_is_what_the_desk_has(steps: list[Step]) -> None:
    with small_bounds():
        pipe, _ = played(steps, [])
    desk, mirrors = pipe.desk, pipe.mirrors
    assert mirrors.trades(BTC).mirror.last == max(desk.kept[BTC], key=lambda each: each.trade_id)
    assert mirrors.candles(BTC, Interval.M1).mirror.last == bare(desk.candles(BTC, Interval.M1, 1)[-1])
    view, book = desk.book(BTC, 20), mirrors.book(BTC).mirror.view(20)
    assert (book.bids, book.asks, book.update_id) == (view.bids, view.asks, view.update_id)
    row = mirrors.prices(BTC).mirror.rows[BTC]
    assert replace(row, last_message=None) == replace(desk.price(BTC), last_message=None)


@given(STEPS)
def test_without_faults_nothing_differs(steps: list[Step]) -> None:
    calm = [step for step in steps if step[0] not in FAULTS]
    pipe, _ = played([], [])
    said: list[Any] = []
    for kind in ("trades", "status"):
        pipe.desk.bus.channel(cast("Any", kind), BTC).subscribe(cast("Any", said.append))
    already = len(pipe.heard["trades"])
    for step in calm:
        pipe.step(*step)
    pipe.settle()
    heard = pipe.heard["trades"][already:]
    assert [timeless(event) for event in heard] == [timeless(event) for event in said]


def timeless(event: Any) -> Any:
    """When a gap was told is not on the wire."""
    return replace(event, ts=0) if isinstance(event, GapFound | Healed | GapMarked) else event


def test_an_ear_passes_over_what_was_fetched_and_nothing_else() -> None:
    heard: list[Any] = []
    ear = Ear(heard.append, lambda _: None, 0)
    ear.skip = (3, 5)
    desk = Market()
    for trade_id in (2, 4, 5, 3, 6, 5):
        ear.tell(desk.made(trade_id))
    assert [trade.trade_id for trade in heard] == [2, 3, 6, 5]
