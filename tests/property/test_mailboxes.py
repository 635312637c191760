"""Mailboxes: never above their bound, and everything that is lost is told, exactly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.errors import Closed
from bethna.core.status import Dropped
from bethna.runtime.mailbox import Latest, Mailbox, Newest, Strict

Event = tuple[int, int]
"""(key, running number)"""

BOUNDS = st.integers(1, 6)
# A batch of offers (keys), each followed by a drain: how a reader and a writer take turns.
TURNS = st.lists(st.lists(st.integers(0, 7), max_size=15), max_size=12)


def key_of(event: Event) -> int:
    return event[0]


def play(box: Mailbox[Event], turns: list[list[int]]) -> tuple[list[Event], list[list[Event | Dropped]]]:
    offered: list[Event] = []
    batches = []
    for keys in turns:
        for key in keys:
            offered.append((key, len(offered)))
            box.offer(offered[-1])
            assert len(box) <= box.bound
        batches.append(box.drain())
        assert len(box) == 0
    return offered, batches


def losses(batch: list[Event | Dropped]) -> int:
    return sum(item.count for item in batch if isinstance(item, Dropped))


@given(BOUNDS, TURNS)
def test_newest_keeps_the_newest_and_counts_the_rest_in_front(bound: int, turns: list[list[int]]) -> None:
    box = Newest[Event](bound)
    offered, batches = play(box, turns)
    position = 0
    for keys, batch in zip(turns, batches, strict=True):
        mine = offered[position : position + len(keys)]
        position += len(keys)
        lost = max(0, len(mine) - bound)
        assert batch == [*([Dropped(lost)] if lost else []), *mine[lost:]]
    found = box.statistics()
    assert found.dropped == sum(map(losses, batches))
    assert found.peak == min(bound, max(map(len, turns), default=0))


@given(BOUNDS, TURNS)
def test_latest_keeps_the_newest_of_each_key_in_the_order_of_the_keys(
    bound: int, turns: list[list[int]]
) -> None:
    box = Latest[Event](key_of, bound)
    offered, batches = play(box, turns)
    position = 0
    for keys, batch in zip(turns, batches, strict=True):
        mine = offered[position : position + len(keys)]
        position += len(keys)
        pending: dict[int, Event] = {}
        pushed_out = 0
        for event in mine:
            if event[0] not in pending and len(pending) == bound:
                del pending[next(iter(pending))]
                pushed_out += 1
            pending[event[0]] = event
        assert batch == [*([Dropped(pushed_out)] if pushed_out else []), *pending.values()]
    found = box.statistics()
    kept = sum(len(batch) for batch in batches) - sum(
        isinstance(i, Dropped) for batch in batches for i in batch
    )
    assert found.dropped == sum(map(losses, batches))
    assert found.dropped + found.replaced + kept == len(offered)


@given(BOUNDS, TURNS, st.booleans())
def test_strict_keeps_everything_or_closes_until_it_is_reopened(
    bound: int, turns: list[list[int]], again: bool
) -> None:
    box = Strict[Event](bound)
    whole = True
    number = 0
    for keys in turns:
        mine = [(key, number + place) for place, key in enumerate(keys)]
        number += len(keys)
        for event in mine:
            box.offer(event)
            assert len(box) <= bound
        batch = box.drain()
        kept = mine[:bound] if whole else []
        lost = len(mine) - len(kept)
        assert batch == [*kept, *([Dropped(lost)] if lost else [])]
        whole = whole and not lost
        assert box.overflowed is not whole
        if again and not whole:
            box.reopen()
            whole = True


def test_reopening_a_strict_box_forgets_what_a_snapshot_stands_for() -> None:
    box = Strict[Event](2)
    for number in range(5):
        box.offer((0, number))
    box.reopen()
    assert (len(box), box.drain()) == (0, [])
    found = box.statistics()
    assert (found.dropped, found.replaced) == (3, 2)
    box.offer((0, 9))
    assert box.drain() == [(0, 9)]


MAKERS: list[Callable[..., Mailbox[Event]]] = [
    lambda **more: Latest[Event](key_of, 3, **more),
    lambda **more: Newest[Event](3, **more),
    lambda **more: Strict[Event](3, **more),
]
makers = pytest.mark.parametrize("make", MAKERS, ids=["latest", "newest", "strict"])


@makers
async def test_a_reader_sleeps_until_there_is_something(make: Callable[..., Mailbox[Event]]) -> None:
    box = make()
    reading = asyncio.ensure_future(box.receive())
    await asyncio.sleep(0)
    assert not reading.done()
    box.offer((1, 1))
    box.offer((2, 2))
    assert await reading == [(1, 1), (2, 2)]
    box.offer((3, 3))
    assert await box.receive() == [(3, 3)]


@makers
async def test_closing_ends_the_reader_after_what_is_left(make: Callable[..., Mailbox[Event]]) -> None:
    box = make()
    box.offer((1, 1))
    box.close()
    box.offer((2, 2))
    assert box.closed
    assert await box.receive() == [(1, 1)]
    with pytest.raises(Closed):
        await box.receive()


@makers
async def test_closing_wakes_a_reader_that_waits(make: Callable[..., Mailbox[Event]]) -> None:
    box = make()
    reading = asyncio.ensure_future(box.receive())
    await asyncio.sleep(0)
    box.close()
    box.close()
    with pytest.raises(Closed):
        await reading


@makers
def test_the_owner_hears_each_time_it_turns_non_empty(make: Callable[..., Mailbox[Event]]) -> None:
    heard: list[str] = []
    box = make(on_ready=lambda: heard.append("ready"))
    for number in range(3):
        box.offer((number, number))
    box.drain()
    box.offer((9, 9))
    assert heard == ["ready", "ready"]


@pytest.mark.parametrize("bound", [0, -1])
def test_a_box_without_room_is_refused(bound: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Newest[Event](bound)


def test_the_base_class_holds_nothing() -> None:
    box = Mailbox[Event](1)
    for call in (lambda: box.offer((1, 1)), box.drain, lambda: len(box)):
        with pytest.raises(NotImplementedError):
            call()
