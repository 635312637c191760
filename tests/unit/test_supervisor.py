"""The parent of every task: names, restarts and reports."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from bethna.core.clock import NS_PER_S
from bethna.core.errors import Closed, UnknownInstrument
from bethna.core.status import SystemEvent
from bethna.runtime.clocks import ManualClock
from bethna.runtime.supervisor import Restart, Supervisor, contained, failure

AT_ONCE = Restart(first_s=0.0, jitter=0.0)


async def test_a_task_that_ends_is_done() -> None:
    ran: list[object] = []
    async with Supervisor(ManualClock(), ran.append) as family:  # a report would be found there too

        async def child() -> None:
            ran.append(family.running)

        family.start("child", child, restart=AT_ONCE)
    assert ran == [("child",)]
    assert family.running == ()


async def test_a_task_with_a_policy_comes_back_and_every_failure_is_reported() -> None:
    reports: list[SystemEvent] = []
    runs = 0

    async def child() -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise Closed("the lid is shut")

    async with Supervisor(ManualClock(7), reports.append) as family:
        family.start("box", child, restart=AT_ONCE)
    assert (runs, family.restarts) == (4, 3)
    assert [(r.ts, r.level, r.code, r.subject) for r in reports] == [(7, "warning", "closed", "box")] * 3
    assert reports[0].message == "Closed: the lid is shut; it starts again in 0.0 s"


async def test_delays_double_up_to_the_cap_and_start_over_after_a_steady_run() -> None:
    clock = ManualClock()
    reports: list[SystemEvent] = []
    runs = 0

    async def child() -> None:
        nonlocal runs
        runs += 1
        if runs == 5:
            clock.advance(60 * NS_PER_S)
        if runs < 7:
            raise ZeroDivisionError

    policy = Restart(first_s=0.001, cap_s=0.004, steady_s=60.0, jitter=0.0)
    delays: list[float] = []
    async with Supervisor(clock, reports.append) as family:
        family.start("child", child, restart=policy)
        real = asyncio.sleep

        async def noted(delay_s: float) -> None:
            delays.append(delay_s)
            await real(0)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("bethna.runtime.supervisor.asyncio.sleep", noted)
            while family.running:
                await real(0)
    assert delays == [0.001, 0.002, 0.004, 0.004, 0.001, 0.002]


async def test_jitter_stays_within_its_share() -> None:
    reports: list[SystemEvent] = []
    runs = 0

    async def child() -> None:
        nonlocal runs
        runs += 1
        if runs <= 50:
            raise ZeroDivisionError

    policy = Restart(first_s=0.0001, cap_s=0.0001, jitter=0.5)
    async with Supervisor(ManualClock(), reports.append, Random(1)) as family:
        family.start("child", child, restart=policy)
    assert runs == 51


async def test_a_task_without_a_policy_takes_the_family_down() -> None:
    reports: list[SystemEvent] = []
    cancelled = []

    async def fails() -> None:
        raise ZeroDivisionError("on purpose")

    async def sibling() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append("sibling")

    async def whole() -> None:
        async with Supervisor(ManualClock(), reports.append) as family:
            family.start("sibling", sibling)
            family.start("fails", fails)

    with pytest.raises(ExceptionGroup) as caught:
        await whole()
    assert caught.group_contains(ZeroDivisionError)
    assert cancelled == ["sibling"]
    assert [report.subject for report in reports] == ["fails"]
    assert reports[0].message.endswith("; it ends")


async def test_stopping_cancels_the_children_and_restarts_none() -> None:
    async def child() -> None:
        await asyncio.Event().wait()

    async with Supervisor(ManualClock(), lambda _event: None) as family:
        family.start("a", child, restart=AT_ONCE)
        family.start("b", child)
        await asyncio.sleep(0)
        assert family.running == ("a", "b")
        family.stop()
    assert family.restarts == 0
    assert not family.running


def test_a_failure_says_what_and_where_and_no_path() -> None:
    def breaks() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        breaks()
    said = failure(ManualClock(3), "part", caught.value, "it ends")
    assert said.message.startswith("ZeroDivisionError: ZeroDivisionError (at test_supervisor.py:")
    assert "/" not in said.message
    assert failure(ManualClock(), "part", ValueError("x"), "it ends").message == "ValueError: x; it ends"


def test_a_bug_in_what_is_contained_becomes_an_error_that_the_caller_knows() -> None:
    reports: list[SystemEvent] = []
    clock = ManualClock(3)
    assert contained(lambda: 7, "part", clock, reports.append) == 7

    def refuses() -> None:
        raise UnknownInstrument("X")

    with pytest.raises(UnknownInstrument):
        contained(refuses, "part", clock, reports.append)
    assert reports == []
    with pytest.raises(Closed, match="part failed"):
        contained(lambda: 1 // 0, "part", clock, reports.append)
    assert [(report.level, report.subject) for report in reports] == [("error", "part")]
