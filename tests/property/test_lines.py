"""Lines and sources: whatever the market does and however late a client reads, what it holds is what the desk holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from _memorydesk import BTC, ETH, START, MemoryDesk
from hypothesis import given
from hypothesis import strategies as st

from bethna.api import lines, sources
from bethna.api.answers import candles_answer, prices_answer
from bethna.api.hub import Hub
from bethna.api.lines import Line
from bethna.api.protocol import Rate, encode
from bethna.api.topics import parse_topic
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap
from bethna.core.intervals import Interval
from bethna.core.status import BookStatus, GapFound, Healed, Trust

Frame = dict[str, Any]
Step = tuple[str, int]
RATES = st.sampled_from(("ui", "every"))


def steps(*actions: str) -> st.SearchStrategy[list[Step]]:
    """What happens: the market's actions, the hub's rhythms, and a client that reads when it likes."""
    return st.lists(
        st.tuples(st.sampled_from((*actions, "frame", "soon", "second", "read")), st.integers(0, 7)),
        max_size=60,
    )


class Reader:
    """One line and what its client makes of it; checks the count on every frame."""

    def __init__(self, hub: Hub, topic: str, rate: Rate, take: Callable[[Frame], None]) -> None:
        self.seq = 0
        self.frames = 0
        self._take = take
        self.has_news = True
        self.line = Line(hub, self, parse_topic(topic, hub.desk.resolve)[0], rate, None)

    def ready(self, _line: Line, /) -> None:
        self.has_news = True

    def read(self) -> None:
        if not self.has_news:
            return
        self.has_news = False
        for raw in self.line.frames():
            frame = json.loads(raw)
            self.seq += 1
            assert frame["seq"] == self.seq
            assert self.seq > 1 or frame["type"] == "snapshot"
            self.frames += 1
            self._take(frame)


@contextmanager
def small_boxes() -> Iterator[None]:
    """Bounds that a short run reaches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "EVERY_ITEMS", 4)
        patch.setattr(lines, "UI_ITEMS", 4)
        patch.setattr(lines, "SNAPSHOT_EVENTS", 4)
        patch.setattr(sources, "EVERY_ITEMS", 6)
        patch.setattr(sources, "UI_ITEMS", 6)
        patch.setattr(sources, "SNAPSHOT_EVENTS", 6)
        yield


def play(
    topic: str,
    rate: Rate,
    script: list[Step],
    act: Callable[[MemoryDesk, str, int], None],
    take: Callable[[Frame], None],
) -> tuple[MemoryDesk, Reader]:
    """Run a script, then let everything come to rest."""
    with small_boxes():
        desk = MemoryDesk()
        hub = Hub(desk, desk.bus)
        reader = Reader(hub, topic, rate, take)
        rhythms = {"frame": hub.frame, "soon": hub.soon, "second": hub.second, "read": reader.read}
        for action, number in script:
            desk.clock.advance(1)
            if action in rhythms:
                rhythms[action]()
            else:
                act(desk, action, number)
        for rest in (hub.soon, hub.second, reader.read, reader.read):
            rest()
        reader.line.close()
        assert hub.sources == 0
        assert all(channel.subscribers == (channel.kind == "system") for channel in desk.bus.channels())
        return desk, reader


def as_json(answer: object) -> Any:
    return json.loads(encode(answer))


@given(steps("move", "move", "clear", "anew", "status"))
def test_a_program_can_keep_the_book(script: list[Step]) -> None:
    held: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}

    def act(desk: MemoryDesk, action: str, number: int) -> None:
        if action == "anew":
            desk.bids[BTC] = {float(number): 9.0}
            desk.take_anew(BTC)
        elif action == "status":
            desk.bus.channel("book", BTC).publish(BookStatus(BTC, Trust.SYNCING, "", number))
        else:
            quantity = 0.0 if action == "clear" else 1.0 + desk.update_ids[BTC]
            desk.move(BTC, [(float(number), quantity)], [(100.0 + number, quantity)])

    def take(frame: Frame) -> None:
        if frame["type"] == "snapshot":
            held.update({side: dict(map(tuple, frame["data"][side])) for side in held})
        elif frame["type"] == "delta":
            for side, levels in held.items():
                levels.update(map(tuple, frame["data"][side]))
                held[side] = {price: quantity for price, quantity in levels.items() if quantity}

    desk, _ = play(f"book:{BTC}", "every", script, act, take)
    assert held == {"bids": desk.bids[BTC], "asks": desk.asks[BTC]}


def move(desk: MemoryDesk, _action: str, number: int) -> None:
    desk.move(BTC, [(float(number), 1.0 + desk.update_ids[BTC])])


@given(steps("move"))
def test_people_see_the_newest_book_and_no_history(script: list[Step]) -> None:
    seen: list[Frame] = []
    desk, reader = play(f"book:{BTC}", "ui", script, move, seen.append)
    assert seen[-1]["data"]["update_id"] == (str(desk.update_ids[BTC]) if desk.update_ids[BTC] else None)
    assert reader.frames <= 2 + sum(action == "read" for action, _ in script)


def trade(desk: MemoryDesk, action: str, number: int) -> None:
    if action == "gap":
        desk.bus.channel("trades", BTC).publish(GapFound(BTC, Gap("trades", 1, 2), 0))
    elif action == "healed":
        if desk.kept[BTC]:
            desk.kept[BTC].insert(0, desk.kept[BTC][0])
        desk.bus.channel("trades", BTC).publish(Healed(BTC, Gap("trades", 1, 2, healed=True), 1, 0))
    else:
        for _ in range(number if action == "burst" else 1):
            desk.trade(BTC, float(number))


@given(RATES, steps("trade", "trade", "burst"))
def test_every_trade_is_delivered_or_counted(rate: Rate, script: list[Step]) -> None:
    delivered = dropped = last = 0

    def take(frame: Frame) -> None:
        nonlocal delivered, dropped, last
        if frame["type"] == "status":
            last += frame["data"]["dropped"]
            dropped += frame["data"]["dropped"]
        elif frame["type"] == "snapshot":
            newest = int(frame["data"]["trades"][-1]["trade_id"]) if frame["data"]["trades"] else 0
            if frame["seq"] == 1:
                delivered = last = newest
            assert newest == last
        else:
            for item in frame["data"]["items"]:
                count = item.get("count", 1)
                last += count
                if item["kind"] == "trade":
                    delivered += 1
                    assert int(item["trade_id"]) == last
                else:
                    dropped += count

    desk, reader = play(f"trades:{BTC}", rate, script, trade, take)
    assert last == delivered + dropped == len(desk.kept[BTC])
    assert reader.line.dropped == dropped


@given(RATES, steps("trade", "burst", "gap", "healed", "wait", "over"))
def test_candles_end_as_the_desk_has_them(rate: Rate, script: list[Step]) -> None:
    held: dict[int, Frame] = {}

    def act(desk: MemoryDesk, action: str, number: int) -> None:
        if action == "wait":
            desk.clock.advance(number * 20 * NS_PER_S)
        elif action == "over":  # a tape starts over
            desk.clock.advance_to(START)
            desk.kept[BTC].clear()
            desk.trade(BTC, 1.0)
        else:
            trade(desk, action, number)

    def take(frame: Frame) -> None:
        candles = frame["data"]["candles"]
        times = [candle["open_time"] for candle in candles]
        assert times == sorted(times)
        if frame["type"] == "snapshot":
            held.clear()
        held.update(zip(times, candles, strict=True))

    desk, _ = play(f"candles:{BTC}:1m", rate, script, act, take)
    expected = as_json(candles_answer(desk, BTC, Interval.M1, 500))["candles"]
    assert [held[opened] for opened in sorted(held)] == expected


@given(RATES, steps("trade", "other", "stale"))
def test_prices_end_as_the_desk_has_them(rate: Rate, script: list[Step]) -> None:
    held: dict[str, Frame] = {}

    def act(desk: MemoryDesk, action: str, number: int) -> None:
        if action == "stale":
            desk.stale ^= {BTC}
        else:
            desk.trade(BTC if action == "trade" else ETH, float(number))

    def take(frame: Frame) -> None:
        held.update({row["instrument"]: row for row in frame["data"]["prices"]})

    desk, reader = play("prices", rate, script, act, take)
    expected = as_json(prices_answer(desk))["prices"]
    assert [{**row, "age_ms": 0} for row in held.values()] == [{**row, "age_ms": 0} for row in expected]
    assert reader.frames <= 2 + sum(action == "read" for action, _ in script)


@given(RATES, steps("say", "say"))
def test_events_come_in_order_and_losses_are_told(rate: Rate, script: list[Step]) -> None:
    held: list[str] = []
    told = 0

    def act(desk: MemoryDesk, _action: str, _number: int) -> None:
        desk.say(str(len(desk.log)))

    def take(frame: Frame) -> None:
        nonlocal told
        if frame["type"] == "status":
            told += frame["data"]["dropped"]
            return
        codes = [event["code"] for event in frame["data"]["events"]]
        if frame["type"] == "snapshot":
            held[:] = codes
        else:
            held.extend(codes)

    desk, reader = play("events", rate, script, act, take)
    assert held[-6:] == [event.code for event in desk.log[-6:]][-len(held[-6:]) :]
    assert held == sorted(held, key=int)
    assert reader.line.dropped == told


@pytest.mark.parametrize("topic", [f"trades:{BTC}", f"book:{BTC}", f"prices:{BTC}"])
@given(script=steps("trade", "burst", "move", "anew", "turn", "turn"))
def test_the_last_turn_of_the_streams_is_always_heard(topic: str, script: list[Step]) -> None:
    told: list[str] = []
    heard: list[str] = []

    def act(desk: MemoryDesk, action: str, number: int) -> None:
        if action == "turn":
            told.append(str(len(told)))
            desk.turn(BTC, "stale" if number % 2 else "live", told[-1])
        elif action == "anew":
            desk.take_anew(BTC)
        elif action == "move":
            desk.move(BTC, [(1.0 + number, float(number))])
        else:
            trade(desk, action, number)

    def take(frame: Frame) -> None:
        if frame["type"] == "status" and "stream" in frame["data"]:
            turn = frame["data"]
            assert set(turn) == {"stream", "reason", "connected", "ts"}
            heard.append(turn["reason"])
        if frame["seq"] == 1:
            told.clear()  # what was before the snapshot is not said

    _, reader = play(topic, "every", script, act, take)
    assert heard == sorted(set(heard), key=int), "in order, none twice"
    assert set(heard) <= set(told)
    if told:
        assert heard, "the last turn was lost"
        assert heard[-1] == told[-1]
    assert reader.frames
