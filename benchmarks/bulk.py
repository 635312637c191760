"""What bulk costs: ten million trades into bars, and a million candles from the disk into a frame, beside peers.

Wall time, for peers use threads; contestants take turns in every round, in one process, medians over rounds. All
answers are compared. It is made up by a seed, for what it is does not change what it costs, and says so.

    aggregation  time, price and quantity (integer lots) as columns, to open, high, low, close, volume and count of each
                 minute, hour and second that has trades: ours, polars' `group_by` of truncated times (their order kept)
                 and its `group_by_dynamic` over times that are said to be sorted, as they are
                 to ours. The faster of the two counts.
    store        a million minutes, written before the clock starts: ours from Parquet segments and tail through the
                 store's own `frame` to a polars frame; plain rows of SQLite, one table with the same columns and an
                 index by its key, read by `fetchall` and made a polars frame of.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, Provenance
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.bulk_bars import BarColumns, aggregate
from bethna.store.candles.segment import COLUMNS, FIGURES, row_of
from bethna.store.candles.shelf import CandleShelf

TRADES, CANDLES, SEED = 10_000_000, 1_000_000, 20261126
START = 1_640_995_200 * 10**9
WALK = InstrumentId("BTC-USDT@walk")
CONTESTS = ("aggregation", "store")


class WrongBulkError(Exception):
    """Contestants do not agree."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One contestant in one contest. `seconds`: median wall time of a pass. `rows`: what was taken in."""

    contest: str
    name: str
    seconds: float
    rows: int


def run(names: tuple[str, ...], rounds: int, say: Callable[[str], None]) -> list[Figure]:
    """The contests of `names` that are bulk. Raises WrongBulkError."""
    figures: list[Figure] = []
    if "aggregation" in names:
        figures += _aggregation(rounds, say)
    if "store" in names:
        figures += _store(rounds, say)
    return figures


def as_text(figures: list[Figure]) -> str:
    """The table, with each one's cost as a multiple of ours."""
    lines = [f"{'bulk, made up by a seed':<40}{'s a pass':>11}{'rows a s':>17}{'of ours':>11}"]
    for figure in figures:
        ours = next(
            each.seconds for each in figures if each.contest == figure.contest and each.name == "ours"
        )
        speed = figure.rows / figure.seconds / 1e6
        what = f"{figure.contest} {figure.name}"
        lines.append(f"{what:<40}{figure.seconds:>11.3f}{speed:>15.1f} M{figure.seconds / ours:>10.1f}x")
    return "\n".join(lines)


def as_object(figures: list[Figure]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(each) for each in figures]


def _medians(
    contest: str, rows: int, rounds: int, passes: Mapping[str, Callable[[], object]]
) -> list[Figure]:
    """All take turns in every round; the first round does not count."""
    spent: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(rounds + 1):
        for name, one in passes.items():
            started = time.perf_counter()
            one()
            spent[name].append(time.perf_counter() - started)
    return [Figure(contest, name, statistics.median(each[1:]), rows) for name, each in spent.items()]


def _aggregation(rounds: int, say: Callable[[str], None]) -> list[Figure]:
    say("aggregation: making ten million trades")
    rng = np.random.Generator(np.random.PCG64(SEED))
    times = START + np.cumsum(rng.integers(0, 200_000_000, TRADES))
    prices = np.round(60_000 + np.cumsum(rng.normal(0, 0.5, TRADES)), 2)
    lots = rng.integers(1, 10**7, TRADES)
    frame = pl.DataFrame({"time": times, "price": prices, "lots": lots})
    frame = frame.with_columns(pl.col("time").cast(pl.Datetime("ns"))).set_sorted("time")
    price, wanted = pl.col("price"), []
    for name, figure in (
        ("open", price.first()),
        ("high", price.max()),
        ("low", price.min()),
        ("close", price.last()),
    ):
        wanted.append(figure.alias(name))
    wanted += [pl.col("lots").sum(), pl.len().alias("trades")]
    figures: list[Figure] = []
    for interval in (Interval.M1, Interval.H1, Interval.S1):
        every = interval.value

        def ours(interval: Interval = interval) -> BarColumns:
            return aggregate(times, prices, lots, interval, ascending=True)

        def grouped(every: str = every) -> pl.DataFrame:
            return frame.group_by(pl.col("time").dt.truncate(every), maintain_order=True).agg(wanted)

        def dynamic(every: str = every) -> pl.DataFrame:
            return frame.group_by_dynamic("time", every=every).agg(wanted)

        for other in (grouped(), dynamic()):
            _compare(ours(), other, every)
        passes = {"ours": ours, "polars group_by": grouped, "polars group_by_dynamic": dynamic}
        figures += _medians(f"aggregation {every}", TRADES, rounds, passes)
    return figures


def _compare(ours: BarColumns, other: pl.DataFrame, every: str) -> None:
    pairs = {
        "time": ours.open_time, "open": ours.open, "high": ours.high, "low": ours.low, "close": ours.close,
        "lots": ours.lots, "trades": ours.trades,
    }  # fmt: skip
    for name, column in pairs.items():
        theirs = other[name].cast(pl.Int64) if name == "time" else other[name]
        if not np.array_equal(theirs.to_numpy(), column):
            raise WrongBulkError(f"aggregation to {every}: {name} differs from polars'")


def _store(rounds: int, say: Callable[[str], None]) -> list[Figure]:
    say("store: writing a million candles, twice")
    with tempfile.TemporaryDirectory(prefix="bethna-bench-") as folder:
        bars = _bars()
        shelf = CandleShelf(Path(folder) / "candles", lambda: START, say)
        shelf.open()
        for start in range(0, CANDLES, 20_000):
            shelf.put(bars[start : start + 20_000])
        plain = sqlite3.connect(Path(folder) / "plain.sqlite")
        plain.execute(
            f"CREATE TABLE bars (instrument, interval, {', '.join(COLUMNS)},"
            " PRIMARY KEY (instrument, interval, open_time))"
        )
        marks = ", ".join("?" * (2 + len(COLUMNS)))
        plain.executemany(f"INSERT INTO bars VALUES ({marks})", ((WALK, "1m", *row_of(bar)) for bar in bars))
        plain.commit()
        asked = (
            f"SELECT {', '.join(FIGURES)} FROM bars WHERE instrument = ? AND interval = ? ORDER BY open_time"
        )

        def ours() -> pl.DataFrame:
            found = pl.from_arrow(shelf.frame(WALK, Interval.M1, 0, 2**62))
            assert isinstance(found, pl.DataFrame)
            return found

        def rows() -> pl.DataFrame:
            found = plain.execute(asked, (WALK, "1m")).fetchall()
            return pl.DataFrame(found, schema=list(FIGURES), orient="row")

        mine, theirs = ours(), rows()
        for name in ("close", "volume", "trades"):
            if mine[name].to_list() != theirs[name].to_list():
                raise WrongBulkError(f"store: {name} differs from plain rows")
        try:
            return _medians("store", CANDLES, rounds, {"ours": ours, "SQLite rows": rows})
        finally:
            plain.close()
            shelf.close()


def _bars() -> list[Bar]:
    rng, price, told = random.Random(SEED), 60_000.0, []
    whole = Coverage(Provenance.HISTORY, sources=("walk",))
    for number in range(CANDLES):
        close = round(price * (1 + rng.gauss(0, 0.001)), 2)
        high, low = max(price, close) + rng.randint(0, 99) / 100, min(price, close) - rng.randint(0, 99) / 100
        told.append(
            Bar(
                WALK, Interval.M1, START + number * Interval.M1.ns, BarKind.TRADED, price, high, low, close,
                rng.randint(1, 10**9) / 10**6, rng.randint(1, 5_000), True, "walk", whole,
            )
        )  # fmt: skip
        price = close
    return told
