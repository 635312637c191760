"""The store beside a running loop: its troubles are told once and harm nobody, and a simulation's is gone with it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path
from random import Random

import pytest
from property.test_candle_shelf import BTC, START, bar_of

from bethna.core.bars import Bar
from bethna.core.clock import NS_PER_S
from bethna.core.intervals import Interval
from bethna.runtime.clocks import ManualClock, SystemClock
from bethna.services.keeping import DAY_NS, RETRY_S, CandleKeeper
from bethna.store import database

MINUTE = 60 * NS_PER_S


class Told:
    def __init__(self) -> None:
        self.codes: list[str] = []
        self.last = ""

    def __call__(self, level: str, code: str, subject: str, message: str) -> None:
        self.codes.append(code)
        self.last = message


def minutes(*numbers: int) -> list[Bar]:
    return [bar_of(Random(number), BTC, Interval.M1, START + number * MINUTE) for number in numbers]


async def load(keeper: CandleKeeper) -> list[Bar]:
    return await keeper.load(BTC, Interval.M1, 0, 2**62)


async def end(task: asyncio.Task[None]) -> None:
    await asyncio.sleep(0)  # it has begun
    task.cancel()
    await asyncio.wait([task])


async def test_what_the_desk_saw_is_kept_at_the_end_and_there_at_the_next_start(tmp_path: Path) -> None:
    seen, before = [minutes(1, 2, 3)], minutes()
    for _ in range(2):
        keeper = CandleKeeper(tmp_path / "candles", SystemClock(), Told())
        before = await load(keeper)
        await end(asyncio.create_task(keeper.run(lambda: seen.pop() if seen else [])))
    assert before == minutes(1, 2, 3)


async def test_a_folder_that_cannot_be_written_is_told_once_and_tried_again(tmp_path: Path) -> None:
    told, clock = Told(), ManualClock(START)
    (tmp_path / "candles").write_text("a file is in the way")
    keeper = CandleKeeper(tmp_path / "candles", clock, told)
    assert await load(keeper) == []
    await keeper.keep(minutes(1))
    assert told.codes == ["candles_not_kept"]
    assert "File exists" in told.last
    (tmp_path / "candles").unlink()
    await keeper.keep(minutes(1))
    assert await load(keeper) == [], "not yet"
    clock.advance(int(RETRY_S * NS_PER_S))
    await keeper.keep(minutes(2))
    assert await load(keeper) == minutes(2)
    assert told.codes == ["candles_not_kept", "candles_kept_again"]
    await end(asyncio.create_task(keeper.run(list)))


async def test_a_locked_database_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    told = Told()
    keeper = CandleKeeper(tmp_path, SystemClock(), told)
    await keeper.keep(minutes(1))
    other = sqlite3.connect(tmp_path / "candles.sqlite")
    other.execute("BEGIN EXCLUSIVE")
    await keeper.keep(minutes(2))
    assert told.codes == ["candles_not_kept"]
    assert "locked by another program" in told.last
    other.rollback()
    other.close()
    await end(asyncio.create_task(keeper.run(list)))
    assert not [name for name in os.listdir(tmp_path) if "damaged" in name]  # noqa: PTH208 - no Path in a loop


async def test_a_second_writer_goes_on_without_and_has_it_after_the_first(tmp_path: Path) -> None:
    told, clock = Told(), ManualClock(START)
    first, second = CandleKeeper(tmp_path, clock, Told()), CandleKeeper(tmp_path, clock, told)
    await first.keep(minutes(1))
    assert await load(second) == []
    assert told.codes == ["candles_not_kept"]
    assert "in use by another process" in told.last
    await end(asyncio.create_task(first.run(list)))
    clock.advance(int(RETRY_S * NS_PER_S))
    assert await load(second) == minutes(1)
    await end(asyncio.create_task(second.run(list)))


async def test_a_damaged_database_is_told_in_the_loop(tmp_path: Path) -> None:
    told = Told()
    (tmp_path / "candles.sqlite").write_bytes(b"this is no database" * 500)
    keeper = CandleKeeper(tmp_path, SystemClock(), told)
    await keeper.keep(minutes(1))
    await asyncio.sleep(0)
    assert told.codes == ["candles_set_aside"]
    assert await load(keeper) == minutes(1)
    await end(asyncio.create_task(keeper.run(list)))


async def test_a_simulations_candles_are_gone_with_it_and_with_its_world(tmp_path: Path) -> None:
    folder = tmp_path / "candles"
    keeper = CandleKeeper(folder, SystemClock(), Told(), passing=True)
    await keeper.keep(minutes(1))
    await keeper.forget()
    assert await load(keeper) == []
    await keeper.keep(minutes(2))
    assert folder.exists()
    await end(asyncio.create_task(keeper.run(list)))
    assert not folder.exists()


async def test_bars_are_let_go_after_so_many_days(tmp_path: Path) -> None:
    clock = ManualClock(START + 2 * DAY_NS)
    keeper = CandleKeeper(tmp_path, clock, Told(), days=1)
    await keeper.keep(minutes(1, 1441, 2000))
    running = asyncio.create_task(keeper.run(list))
    await asyncio.sleep(0)
    assert await load(keeper) == minutes(1441, 2000), "it has let go before this was asked"
    await end(running)
