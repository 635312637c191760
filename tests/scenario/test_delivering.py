"""Each thing that can go wrong on an alert's way outward, over real sockets and by a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace
from scenario.alert_ends import FAULTS, PATIENT_S, PLAIN, RULES, T0, Box, End, arrived, serve

from bethna.core.alert_views import Alert, DeliveryState, Message, Receipt
from bethna.core.alerts import QuietHours, Severity
from bethna.core.clock import NS_PER_S
from bethna.core.errors import StoreError, UnknownChannel
from bethna.logic.delivery import FALL_BACK_FAILURES

# --- each fault by itself


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_and_it_arrives_all_the_same(fault: str, tmp_path: Path) -> None:
    box = Box(tmp_path, RULES)
    end = End(lambda number: fault if number < 2 else "200")
    hangs = fault in ("hang", "half")
    async with serve(end), box.running([box.hook(end, timeout_s=0.4 if hangs else PATIENT_S)]):
        box.fire("a1")
        await box.until(lambda: box.states() == {"sent"})
    assert arrived(end) == box.keys()
    assert len(end.asked) == 3
    assert len({each.key for each in end.asked}) == 1
    assert len({each.body for each in end.asked}) == 1
    (line,) = box.deliveries()
    assert (line.attempts, line.together) == (3, 1)
    assert box.codes() == [("alert_channel_failing", "hook"), ("alert_channel_works", "hook")]
    assert ("a1", 1) in box.changed


@pytest.mark.parametrize("fault", ["429/40", "503/40"])
async def test_a_channels_own_word_for_when_is_heeded(fault: str, tmp_path: Path) -> None:
    box, times = Box(tmp_path, RULES), list[int]()

    def answers(number: int) -> str:
        times.append(box.clock.monotonic_ns())
        return fault if not number else "200"

    end = End(answers)
    async with serve(end), box.running([box.hook(end)]):
        box.fire("a1")
        await box.until(lambda: box.states() == {"sent"})
    assert times[1] - times[0] >= 40 * NS_PER_S


async def test_a_channel_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    box = Box(tmp_path, RULES)
    dead, lively = End(lambda _number: "hang"), End()
    async with serve(dead), serve(lively), AsyncExitStack() as stack:
        await stack.enter_async_context(box.running([box.hook(dead), box.hook(lively, "other")]))
        for _ in range(5):
            box.fire("a1", "a2", "a3")
            sent = len(arrived(lively)) + 2
            await box.until(lambda sent=sent: len(arrived(lively)) == sent)  # type: ignore[misc]  # mypy infers no lambda with defaults
        await box.until(lambda: box.states("other") == {"sent"})
        assert len(dead.asked) == 1
        assert box.states("hook") == {"waiting"}


async def test_a_storm_is_one_message_that_says_how_many(tmp_path: Path) -> None:
    box, times = Box(tmp_path, RULES), list[int]()

    def answers(_number: int) -> str:
        times.append(box.clock.monotonic_ns())
        return "200"

    end = End(answers)
    async with serve(end), box.running([box.hook(end)], per_minute=3, prefix="[SIMULATED, seed 7] "):
        for _ in range(2):
            box.fire("a1")
            await box.until(lambda: box.states() == {"sent"})
        for _ in range(50):
            box.fire("a1", "a2")
        await box.until(lambda: box.states("hook") == {"sent"})
        box.fire("a1")
        await box.until(lambda: box.states("hook") == {"sent"})
    assert arrived(end) == box.keys()
    assert [each.said["count"] for each in end.asked] == [1, 1, 100, 1]
    storm = end.asked[2].said
    assert storm["title"].startswith("[SIMULATED, seed 7] 100 alerts, ")
    assert "50 x sentence of a1 (a1)" in storm["text"]
    assert storm["simulated"]
    assert times[3] - times[0] >= 60 * NS_PER_S
    assert {each.together for each in box.deliveries("hook")} == {1, 100}


# --- giving up


async def test_a_final_refusal_goes_to_the_channel_that_stands_in_and_no_further(tmp_path: Path) -> None:
    box = Box(tmp_path, RULES)
    first, second = End(lambda _number: "401"), End(lambda _number: "410")
    async with serve(first), serve(second):
        fallback = {"hook": "other", "other": "hook"}
        async with box.running([box.hook(first), box.hook(second, "other")], fallback=fallback) as delivering:
            box.fire("a1")
            await box.until(lambda: box.states() == {"dead"})
            await box.until(lambda: [each.dead for each in delivering.channels()] == [1, 1])
            assert [each.fallback for each in delivering.channels()] == ["other", "hook"]
    lines = {each.channel: each for each in box.deliveries()}
    assert (lines["hook"].instead_of, lines["other"].instead_of) == ("", "hook")
    assert lines["hook"].error == "127.0.0.1 answered HTTP 401"
    assert lines["other"].error == "127.0.0.1 answered HTTP 410"
    assert (len(first.asked), len(second.asked)) == (1, 1)
    assert box.codes() == [("alert_not_delivered", "hook"), ("alert_not_delivered", "other")]
    assert "other is tried instead" in box.events[0][2]


async def test_what_stands_in_tells_an_alert_once(tmp_path: Path) -> None:
    """a2 goes to both anyway; a1 comes to `other` because `hook` fails for long."""
    box = Box(tmp_path, RULES)
    first, second = End(lambda _number: "500"), End()
    async with serve(first), serve(second), AsyncExitStack() as stack:
        await stack.enter_async_context(
            box.running([box.hook(first), box.hook(second, "other")], fallback={"hook": "other"})
        )
        box.fire("a1", "a2")
        await box.until(lambda: box.states("hook") == {"dead"} and box.states("other") == {"sent"})
    assert sorted(arrived(second)) == sorted(box.keys())
    assert len(first.asked) >= FALL_BACK_FAILURES
    assert box.clock.now_ns() - T0 >= 120 * NS_PER_S


async def test_without_anybody_to_stand_in_it_is_tried_for_a_day(tmp_path: Path) -> None:
    box = Box(tmp_path, RULES)
    end = End(lambda _number: "503/3600")
    async with serve(end), box.running([box.hook(end)]):
        box.fire("a1")
        await box.until(lambda: box.states() == {"dead"})
    assert 24 * 3600 * NS_PER_S <= box.clock.now_ns() - T0 <= 25 * 3600 * NS_PER_S
    assert box.codes() == [("alert_channel_failing", "hook"), ("alert_not_delivered", "hook")]


async def test_a_line_for_a_channel_that_is_no_more_is_given_up_at_once(tmp_path: Path) -> None:
    box = Box(tmp_path, RULES)
    end = End()
    async with serve(end), box.running([box.hook(end, "other")], fallback={"hook": "other"}):
        box.fire("a1")
        await box.until(lambda: box.states("other") == {"sent"})
    (line,) = box.deliveries("hook")
    assert (line.state, line.error) == (DeliveryState.DEAD, "no channel of that name is set")
    assert arrived(end) == box.keys()


# --- quiet hours


async def test_quiet_hours_hold_what_is_not_critical_and_then_tell_it_together(tmp_path: Path) -> None:
    start = (T0 // NS_PER_S // 60) % 1440
    quiet = QuietHours(start, (start + 30) % 1440)
    box = Box(tmp_path, {
        "quiet": replace(PLAIN, quiet=quiet), "loud": PLAIN,
        "grave": replace(PLAIN, quiet=quiet, severity=Severity.CRITICAL),
    })  # fmt: skip
    end = End()
    async with serve(end), box.running([box.hook(end)]):
        for _ in range(2):
            box.fire("quiet")
        box.fire("loud", "grave")
        await box.until(lambda: len(arrived(end)) == 2)
        assert sorted(arrived(end)) == sorted(box.keys("loud", "grave"))
        assert box.clock.now_ns() - T0 < 60 * NS_PER_S
        held = [each for each in box.deliveries() if each.state is DeliveryState.HELD]
        assert [each.next_try for each in held] == [(T0 // NS_PER_S // 60 + 30) * 60 * NS_PER_S] * 2
        await box.until(lambda: box.states() == {"sent"})
    assert arrived(end)[2:] == box.keys("quiet")
    assert end.asked[-1].said["count"] == 2


# --- sources, tests, views


async def test_on_a_simulated_source_nothing_goes_out_but_a_test(tmp_path: Path) -> None:
    box = Box(tmp_path, RULES, outward=False)
    end = End()
    async with serve(end), box.running([box.hook(end)], prefix="[SIMULATED, seed 7] ") as delivering:
        box.fire("a1", "a2")
        await box.until(lambda: delivering.channels()[0].off)
        receipt = await delivering.test("hook")
        assert receipt.ok
        with pytest.raises(UnknownChannel, match="found 'hok'"):
            await delivering.test("hok")
        with pytest.raises(UnknownChannel):
            delivering.push_key()
    assert box.states() == {"off"}
    (asked,) = end.asked
    assert asked.said["title"] == "[SIMULATED, seed 7] Test of the channel hook"
    assert "This is a test" in asked.said["text"]


async def test_a_channel_says_what_it_is_and_shows_no_secret(tmp_path: Path) -> None:
    box = Box(tmp_path, RULES)
    end = End()
    async with serve(end), box.running([box.hook(end)]) as delivering:
        box.fire("a1")
        await box.until(lambda: delivering.channels()[0].sent == 1)
        (view,) = delivering.channels()
    assert (view.kind, view.ready, view.why, view.off, view.waiting, view.dead) == (
        "webhook",
        True,
        "",
        False,
        0,
        0,
    )
    assert view.target == f"http://127.0.0.1:{end.port}"
    assert "token-of-mine" not in repr((view, box.events, box.deliveries()))


class Broken:
    """A sender with a fault of ours, or that is never back."""

    name, kind, target, ready, why = "hook", "broken", "", True, ""

    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs
        self.tries = 0

    async def send(self, message: Message) -> Receipt:
        self.tries += 1
        if self.tries > 1:
            return Receipt(ok=True)
        if self.hangs:
            await asyncio.Event().wait()
        raise ZeroDivisionError("with a secret")


@pytest.mark.parametrize("hangs", [True, False])
async def test_a_fault_of_ours_is_a_failed_attempt(hangs: bool, tmp_path: Path) -> None:
    box = Box(tmp_path, RULES)
    async with box.running([Broken(hangs=hangs)], send_s=0.05):
        box.fire("a1")
        await box.until(lambda: box.states() == {"sent"})
    assert "secret" not in repr(box.events)
    expected = "it did not answer within 0.05 s" if hangs else "a fault of ours: ZeroDivisionError"
    assert expected in box.events[0][2]


async def test_a_fault_of_ours_stops_no_other_channel_and_is_told_once(tmp_path: Path) -> None:
    box = Box(tmp_path, RULES)
    whole, faults = box.read, 3

    async def read(keys: Sequence[tuple[str, int]]) -> Sequence[Alert]:
        nonlocal faults
        if keys[0][0] == "a1" and faults:
            faults -= 1
            raise ZeroDivisionError("with a secret")
        return await whole(keys)

    box.read = read  # type: ignore[method-assign]  # the reader is what is tried
    first, second = End(), End()
    async with serve(first), serve(second), box.running([box.hook(first), box.hook(second, "other")]):
        box.fire("a1")
        box.fire("a2")
        await box.until(lambda: box.states() == {"sent"})
    assert arrived(first) == box.keys()
    assert arrived(second) == box.keys("a2")
    assert box.codes() == [("alert_delivery_broken", "hook")]
    assert "secret" not in repr(box.events)


async def test_a_disk_that_refuses_is_said_once_and_nothing_is_sent_twice_for_it(tmp_path: Path) -> None:
    box, refusing = Box(tmp_path, RULES), [False]
    refused = 0

    def die(where: str) -> None:
        nonlocal refused
        if refusing[0] and where == "before":
            refused += 1
            refusing[0] = refused < 8
            raise StoreError("the disk is full")

    def answers(_number: int) -> str:
        refusing[0] = True
        return "200"

    box.die = die
    end = End(answers)
    async with serve(end), box.running([box.hook(end)]):
        box.fire("a1")
        await box.until(lambda: box.states() == {"sent"})
    assert refused == 8
    assert len(end.asked) == 1
    assert box.codes() == [("alerts_wait_for_disk", "alerts")]


async def test_an_alert_that_is_not_in_the_journal_is_given_up_and_the_others_go(tmp_path: Path) -> None:
    box = Box(tmp_path, RULES)
    whole = box.read
    fails = [True]

    async def read(keys: Sequence[tuple[str, int]]) -> object:
        if fails.pop() if fails else False:
            raise StoreError("busy")
        return [each for each in await whole(keys) if each.firing != 2]

    box.read = read  # type: ignore[method-assign,assignment]  # the reader is what is tried
    end = End()
    async with serve(end):
        for _ in range(3):
            box.fire("a1")
        async with box.running([box.hook(end)]):
            await box.until(lambda: "waiting" not in box.states())
        assert [str(each.state) for each in box.deliveries()] == ["sent", "dead", "sent"]
        lost = Box(tmp_path / "b", RULES)
        lost.read = read  # type: ignore[method-assign,assignment]  # as above
        async with lost.running([lost.hook(end)]):
            lost.fire("a1")
            await lost.until(lambda: lost.states() == {"sent"})
            lost.fire("a1")
            await lost.until(lambda: lost.states() == {"sent", "dead"})
