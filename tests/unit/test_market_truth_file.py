"""The truth as JSON lines: whoever reads them can rebuild the world, and what could not be written is told."""

from __future__ import annotations

import errno
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bethna.core.clock import NS_PER_S
from bethna.core.errors import StoreError
from bethna.twins.market.facts import Listing
from bethna.twins.market.truth import Truth
from bethna.twins.market.truthfile import BUFFER, TruthFile
from bethna.twins.market.world import World

START = 1_699_999_980_000_000_000  # a whole minute
MINUTE = 60 * NS_PER_S
POL = Listing("POLUSDT", "POL", "USDT", 10_000, 100_000_000, 0.412, 12.0, size=900, levels=80)
PEPE = Listing("PEPEUSDT", "PEPE", "USDT", 1, 100_000_000, 0.0000078, 2.0, size=900, levels=40)
HALTED = Listing("MATICUSDT", "MATIC", "USDT", 10_000, 100_000_000, 0.4, 5.0, trading=False)

Line = dict[str, Any]


def world_of(seed: int) -> World:
    return World(seed, START, (POL, PEPE, HALTED))


def lines_of(path: Path) -> list[Line]:
    text = path.read_text()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_a_reader_can_rebuild_everything(tmp_path: Path, seed: int) -> None:
    world = world_of(seed)
    truth, file = Truth(world), TruthFile(tmp_path / "truth.jsonl", world)
    world.advance(START + 200 * NS_PER_S)
    file.close()
    lines = lines_of(tmp_path / "truth.jsonl")
    assert len(lines) == file.lines
    assert lines[0]["type"] == "world"
    assert (lines[0]["seed"], lines[0]["start"], lines[0]["pace"]) == (seed, START, 1.0)
    assert [Listing(**each) for each in lines[0]["listings"]] == [POL, PEPE, HALTED]
    assert [line["symbol"] for line in lines[1:4]] == ["POLUSDT", "PEPEUSDT", "MATICUSDT"]
    books = {
        line["symbol"]: (dict(line["bids"]), dict(line["asks"])) for line in lines if line["type"] == "book"
    }
    ids = {line["symbol"]: line["update_id"] for line in lines if line["type"] == "book"}
    trades: dict[str, list[Line]] = {symbol: [] for symbol in books}
    for line in lines:
        if line["type"] == "change":
            for update_id, side, price, quantity in line["changes"]:
                ids[line["symbol"]] += 1
                assert update_id == ids[line["symbol"]]
                levels = books[line["symbol"]][0 if side == "bid" else 1]
                levels[price] = quantity
                if not quantity:
                    del levels[price]
        elif line["type"] == "trade":
            named = ("type", "symbol")
            trades[line["symbol"]].append({name: value for name, value in line.items() if name not in named})
    for symbol, market in world.markets.items():
        bids, asks = books[symbol]
        assert (sorted(bids.items(), reverse=True), sorted(asks.items())) == market.depth(10**6)
        told = [{name: getattr(x, name) for name in x.__struct_fields__} for x in truth.executions[symbol]]
        assert trades[symbol] == told
        candles = [line for line in lines if line["type"] == "candle" and line["symbol"] == symbol]
        bars = truth.candles(symbol, MINUTE).values()
        assert [
            {name: line[name] for name in bar.__struct_fields__}
            for line, bar in zip(candles, bars, strict=True)
        ] == [{name: getattr(bar, name) for name in bar.__struct_fields__} for bar in bars]


def test_a_candle_is_written_when_its_minute_is_over_and_again_after_the_clock_went_back(
    tmp_path: Path, seed: int
) -> None:
    world = world_of(seed)
    truth, file = Truth(world), TruthFile(tmp_path / "truth.jsonl", world)
    world.advance(START + 119 * NS_PER_S)
    file.flush()
    told = Counter(
        line["open_time"] for line in lines_of(tmp_path / "truth.jsonl") if line["type"] == "candle"
    )
    assert set(told) == {START}
    world.clock_offset_ns = -90 * NS_PER_S
    world.advance(START + 400 * NS_PER_S)
    file.close()
    last = {
        (line["symbol"], line["open_time"]): line["volume"]
        for line in lines_of(tmp_path / "truth.jsonl")
        if line["type"] == "candle"
    }
    for symbol in ("POLUSDT", "PEPEUSDT"):
        for opens, bar in truth.candles(symbol, MINUTE).items():
            assert last[symbol, opens] == bar.volume


def test_lines_reach_the_file_as_it_happens(tmp_path: Path, seed: int) -> None:
    world = world_of(seed)
    file = TruthFile(tmp_path / "truth.jsonl", world)
    begun = (tmp_path / "truth.jsonl").stat().st_size
    assert begun > 0
    world.advance(START + 3 * NS_PER_S)
    file.flush()
    flushed = (tmp_path / "truth.jsonl").stat().st_size
    assert flushed > begun
    while (tmp_path / "truth.jsonl").stat().st_size == flushed:
        world.advance(world.now + NS_PER_S)
        assert world.now < START + 600 * NS_PER_S
    assert (tmp_path / "truth.jsonl").stat().st_size - flushed > BUFFER
    file.close()


class FullDisk:
    """A raw file that takes a few bytes more, in small pieces, and then nothing."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.written = b""

    def write(self, part: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = min(self.room, 1_000, len(part))
        self.written += bytes(part[:taken])
        self.room -= taken
        return taken

    def close(self) -> None:
        self.room = 0


def test_a_full_disk_is_told_every_time_and_the_world_goes_on(tmp_path: Path, seed: int) -> None:
    world = world_of(seed)
    file = TruthFile(tmp_path / "truth.jsonl", world)
    disk = FullDisk(5_500)
    file._file.close()
    file._file = disk  # type: ignore[assignment]  # a disk that is full
    heard: list[tuple[str, int]] = []
    world.listen(lambda market, step: heard.append((market.listing.symbol, step.ts)))
    world.advance(START + 60 * NS_PER_S)
    before = len(heard)
    with pytest.raises(StoreError, match="No space left on device"):
        file.flush()
    with pytest.raises(StoreError, match="No space left on device") as told:
        file.flush()
    assert told.value.code == "store_unusable"
    assert "--truth" in told.value.hint
    assert file.failed is told.value
    assert len(disk.written) == 5_500
    world.advance(START + 90 * NS_PER_S)
    assert len(heard) > before
    with pytest.raises(StoreError, match="No space left"):
        file.close()


def test_a_file_that_cannot_be_opened_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        TruthFile(tmp_path / "nowhere" / "truth.jsonl", world_of(1))


def test_after_close_nothing_is_written(tmp_path: Path) -> None:
    world = world_of(1)
    file = TruthFile(tmp_path / "truth.jsonl", world)
    file.close()
    size = (tmp_path / "truth.jsonl").stat().st_size
    world.advance(START + 90 * NS_PER_S)
    with pytest.raises(StoreError, match="closed"):
        file.flush()
    assert (tmp_path / "truth.jsonl").stat().st_size == size


def test_truth_knows_no_book_it_did_not_hear(seed: int) -> None:
    world = world_of(seed)
    truth = Truth(world)
    world.advance(START + 5 * NS_PER_S)
    market = world.markets["POLUSDT"]
    first = truth.books["POLUSDT"].first_id
    assert truth.book("MATICUSDT", world.markets["MATICUSDT"].update_id) == ([], [])
    for wrong in (first - 1, market.update_id + 1):
        with pytest.raises(IndexError, match="update id"):
            truth.book("POLUSDT", wrong)
