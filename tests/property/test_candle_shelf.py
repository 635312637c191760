"""The store of candles against a dict: whatever is put, folded, revised, damaged or let go, it says the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from conftest import Campaign
from msgspec.structs import replace

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, Gap, Provenance, State
from bethna.core.errors import StoreError
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.bars import unknown_bar
from bethna.store.candles import segment
from bethna.store.candles import shelf as shelf_room
from bethna.store.candles.parts import SUFFIX, part_of
from bethna.store.candles.shelf import CandleShelf

BTC, ETH = InstrumentId("BTC-USD@kraken"), InstrumentId("ETH-USDT@binance")
START = 1_709_164_800 * 10**9  # 2024-02-29 00:00 UTC
SERIES = [(BTC, Interval.M1), (BTC, Interval.MO1), (ETH, Interval.S1), (ETH, Interval.H4), (BTC, Interval.W1)]


def bar_of(rng: Random, instrument: InstrumentId, interval: Interval, at: int) -> Bar:
    price = rng.uniform(0.1, 1e5)
    quiet = rng.random() < 0.2
    source = rng.choice(("kraken", "binance", "live"))
    state = rng.choice((State.COMPLETE, State.INCOMPLETE, State.HEALED))
    gaps = () if state is State.COMPLETE else (Gap("trades", 1, 5, at, at + 7, "missing"),)
    return Bar(
        instrument, interval, at, BarKind.QUIET if quiet else BarKind.TRADED, price, price * 1.1, price / 3, price,
        rng.choice((None, 0.1 + 0.2, 1e-8)), rng.choice((None, 0, 2**40)), True, source,
        Coverage(rng.choice(tuple(Provenance)), state, gaps, (source,), rng.choice((None, at))),
    )  # fmt: skip


@contextmanager
def opened(folder: Path, told: list[str] | None = None) -> Iterator[CandleShelf]:
    shelf = CandleShelf(folder, lambda: START, (told if told is not None else []).append)
    shelf.open()
    try:
        yield shelf
    finally:
        shelf.close()


def stays(before: Bar, after: Bar) -> bool:
    proved = before.coverage.state in (State.COMPLETE, State.HEALED)
    return before.source == "live" and proved and after.source != "live"


@pytest.mark.campaign
def test_what_was_put_is_there(campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf_room, "FOLD_ROWS", 25)
    for seed in campaign.seeds(share=6, whole=300):
        rng, folder = Random(seed), tmp_path / str(seed)
        truth: dict[tuple[InstrumentId, Interval], dict[int, Bar]] = {}
        for _ in range(rng.randint(1, 4)):
            with opened(folder) as shelf:
                for _ in range(rng.randint(1, 6)):
                    one = rng.choice(SERIES)
                    begin = one[1].open_time(START + rng.randint(0, 90) * one[1].ns)
                    page = []
                    for _ in range(rng.randint(1, 40)):
                        page.append(bar_of(rng, *one, begin))
                        begin = one[1].close_time(begin)
                    rng.shuffle(page)
                    open_one = replace(bar_of(rng, *one, begin), closed=False)
                    nobodys = unknown_bar(*one, one[1].close_time(begin), "missing", Provenance.LIVE)
                    kept = shelf.put([*page, open_one, nobodys])
                    there = truth.setdefault(one, {})
                    new, revised = 0, 0
                    for bar in page:
                        before = there.get(bar.open_time)
                        if before is None:
                            new += 1
                            there[bar.open_time] = bar
                        elif not stays(before, bar):  # its figures are random: never the same
                            revised += 1
                            there[bar.open_time] = replace(bar, revision=before.revision + 1)
                    assert (kept.new, kept.revised) == (new, revised), f"seed {seed}"
                for one, bars in truth.items():
                    times = sorted(bars)
                    low, high = sorted((rng.choice(times), rng.choice(times) + rng.randint(0, 1)))
                    expected = [bars[at] for at in times if low <= at < high]
                    assert shelf.bars(*one, low, high) == expected, f"seed {seed}"
                    frame = shelf.frame(*one, low, high)
                    assert frame.column("close").to_pylist() == [bar.close for bar in expected], (
                        f"seed {seed}"
                    )
                    assert shelf.bars(*one, 0, 2**62) == [bars[at] for at in times], f"seed {seed}"


def minutes(count: int, start: int = START) -> list[Bar]:
    rng = Random(5)
    return [
        replace(bar_of(rng, BTC, Interval.M1, start + n * 60 * 10**9), source="kraken") for n in range(count)
    ]


def test_a_full_part_becomes_a_segment_and_a_revision_comes_before_it(tmp_path: Path) -> None:
    days = [
        replace(bar_of(Random(n), BTC, Interval.H1, START + n * Interval.H1.ns), source="x")
        for n in range(8784)
    ]
    start = part_of(Interval.H1, START).start
    days = [replace(bar, open_time=start + n * Interval.H1.ns) for n, bar in enumerate(days)]
    with opened(tmp_path) as shelf:
        assert shelf.put(days[:-1]).new == 8783
        assert not list(tmp_path.rglob(f"*{SUFFIX}"))
        shelf.put(days[-1:])
        (file,) = tmp_path.rglob(f"*{SUFFIX}")
        assert file.relative_to(tmp_path).parts[:2] == ("BTC-USD@kraken", "1h")
        assert file.name.startswith("2024.")
        assert shelf.bars(BTC, Interval.H1, 0, 2**62) == days
        other = replace(days[77], close=1.0)
        assert (shelf.put([other, days[78]]).revised) == 1
        assert shelf.bars(BTC, Interval.H1, days[77].open_time, days[79].open_time) == [
            replace(other, revision=1),
            days[78],
        ]
        assert len(shelf.bars(BTC, Interval.H1, 0, 2**62)) == 8784


@pytest.mark.parametrize("harm", ["cut", "changed", "gone", "other"])
def test_a_damaged_segment_is_set_aside_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setattr(shelf_room, "FOLD_ROWS", 10)
    told: list[str] = []
    bars = minutes(25)
    with opened(tmp_path) as shelf:
        shelf.put(bars[:10])
        shelf.put(bars[10:15])
    (file,) = tmp_path.rglob(f"*{SUFFIX}")
    content = bytearray(file.read_bytes())
    if harm == "gone":
        file.unlink()
    elif harm == "other":
        file.write_bytes(b"PAR1 but not really" * (len(content) // 19) + b"x" * (len(content) % 19))
    else:
        content[200] ^= 0xFF
        file.write_bytes(content[:-40] if harm == "cut" else content)
    with opened(tmp_path, told) as shelf:
        assert shelf.bars(BTC, Interval.M1, 0, 2**62) == bars[10:15]
        assert len(told) == 1
        assert "10 candles is damaged" in told[0]
        shelf.put(bars)
        assert shelf.bars(BTC, Interval.M1, 0, 2**62) == bars
    with opened(tmp_path, told) as shelf:
        assert shelf.bars(BTC, Interval.M1, 0, 2**62) == bars
    assert len(told) == 1
    assert len(list(tmp_path.rglob("*.damaged-*"))) == (harm != "gone")


@pytest.mark.parametrize("harm", ["text", "torn"])
def test_a_damaged_database_is_set_aside_and_made_anew_from_the_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setattr(shelf_room, "FOLD_ROWS", 10)
    told: list[str] = []
    bars = minutes(15)
    with opened(tmp_path) as shelf:
        shelf.put(bars[:10])
        shelf.put(bars[10:])
    path = tmp_path / "candles.sqlite"
    content = path.read_bytes()
    path.write_bytes(
        b"no database" * 1000 if harm == "text" else content[:4096] + b"\xa5" * (len(content) - 4096)
    )
    with opened(tmp_path, told) as shelf:
        assert shelf.bars(BTC, Interval.M1, 0, 2**62) == bars[:10]
        shelf.put(bars)
        assert shelf.bars(BTC, Interval.M1, 0, 2**62) == bars
    assert len(told) == 1
    assert "candles.sqlite.damaged-1" in told[0]
    assert (tmp_path / "candles.sqlite.damaged-1").exists()


@pytest.mark.parametrize("error", [pa.ArrowInvalid("a page"), OSError(28, "No space left on device")])
def test_a_fold_that_fails_is_told_and_what_was_put_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object) -> None:
        raise error

    bars = minutes(25)
    with opened(tmp_path) as shelf:
        with monkeypatch.context() as patched:
            patched.setattr(shelf_room, "FOLD_ROWS", 10)
            patched.setattr(segment, "write", fails)
            with pytest.raises(StoreError):
                shelf.put(bars)
        assert shelf.bars(BTC, Interval.M1, 0, 2**62) == bars
        assert shelf.put(bars).new == 0
