"""The outbox against endpoints that misbehave, with kills at any step: all arrives, in order, repeats have their key.

`make soak ARGS="tests/scenario/test_delivering_campaign.py"` runs it whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import pytest
from conftest import Campaign
from scenario.alert_ends import FAULTS, HANG_S, RULES, Box, End, Killed, arrived, serve

from bethna.core.alert_views import DeliveryState
from bethna.services.delivering import Delivering


def misbehaving(rng: Random, share: float) -> Callable[[int], str]:
    return lambda _number: rng.choice(FAULTS) if rng.random() < share else "200"


# --- the campaigns (must show 5)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
async def test_whatever_the_other_side_does_all_arrives_in_order(campaign: Campaign, tmp_path: Path) -> None:
    for number, seed in enumerate(campaign.seeds(3, 300)):
        await one_run(seed, tmp_path / str(number), kills=False)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
async def test_whoever_is_killed_at_any_step_tells_it_all_the_same(
    campaign: Campaign, tmp_path: Path
) -> None:
    deaths = 0
    for number, seed in enumerate(campaign.seeds(3, 300)):
        deaths += await one_run(seed, tmp_path / str(number), kills=True)
    assert deaths > 0
    print(f"{deaths} deaths")


async def one_run(seed: int, folder: Path, *, kills: bool) -> int:
    """Firings come while two endpoints misbehave, and the process dies now and then. How often it died."""
    rng = Random(seed)
    box = Box(folder, RULES)
    per_minute = rng.choice((1, 3, 10, 1000))
    hook, other = End(misbehaving(rng, 0.5)), End(misbehaving(rng, rng.choice((0.0, 0.6))))
    deaths = 0

    def die(_where: str) -> None:
        if kills and deaths < 20 and rng.random() < 0.08:
            raise Killed

    box.die = die
    async with serve(hook), serve(other):
        left = rng.randrange(5, 40)
        while True:
            delivering = box.deliver(
                [box.hook(hook, timeout_s=HANG_S), box.hook(other, "other", timeout_s=HANG_S)],
                seed=seed,
                per_minute=per_minute,
            )
            task = asyncio.create_task(catch(delivering))

            task.add_done_callback(lambda _task: box.bell.ring())
            while left and not task.done():
                for _ in range(rng.randrange(1, 5)):
                    box.fire(*rng.sample(sorted(RULES), rng.randrange(1, 4)))
                left -= 1
                at = len(hook.asked) + len(other.asked) + rng.randrange(3)
                await box.until(partial(far_enough, box, task, (hook, other), at), f"seed {seed}")
            await box.until(partial(far_enough, box, task, (), 1), f"seed {seed}")
            died = task.done() and task.result() is None  # or it raises what was no kill
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await box.close()
            if not died:
                break
            deaths += 1
            box.reopen()
    check(box, hook, other, seed)
    box.journal.close()
    return deaths


def far_enough(box: Box, task: asyncio.Task[None], ends: tuple[End, ...], count: int) -> bool:
    return task.done() or sum(len(each.asked) for each in ends) >= count or box.states() == {"sent"}


async def catch(delivering: Delivering) -> None:
    """Killed ends the loop of a task otherwise."""
    try:
        await delivering.run()
    except BaseExceptionGroup as group:
        if not group.subgroup(Killed):
            raise
    except Killed:
        pass


def check(box: Box, hook: End, other: End, seed: int) -> None:
    assert arrived(hook) == box.keys("a1", "a2"), f"seed {seed}"
    assert arrived(other) == box.keys("a2", "a3"), f"seed {seed}"
    for each in box.deliveries():
        assert (each.state, each.next_try, each.error) == (DeliveryState.SENT, None, ""), f"seed {seed}"
        assert each.attempts >= 1
        assert each.done is not None
