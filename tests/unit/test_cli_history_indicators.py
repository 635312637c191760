"""What `bethna history` writes of indicators, in every format; parts of a long answer are one row of values."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import polars as pl
from indicator_bars import HOUR_NS, closes

from bethna.cli.history_indicators import Part, Readings
from bethna.cli.history_telling import _save_parquet, _writer
from bethna.core.intervals import Interval
from bethna.logic.indicators.registry import parse_all

BARS = closes(*(100.0 + hour % 7 for hour in range(40)))
WANTED = parse_all(["sma(3),macd(2,3,2),ema(4),obv"], 8, Interval.H1)


def parts() -> tuple[Readings, list[Part]]:
    """Bars from the tenth hour on, in three parts."""
    readings = Readings(WANTED)
    return readings, [readings.part(BARS[at : at + 15], 10 * HOUR_NS, ()) for at in (0, 15, 30)]


def written(form: str) -> str:
    readings, told = parts()
    write = _writer(form, None, readings)
    return "".join(write(part, place > 0) for place, part in enumerate(told))


def test_values_go_on_from_part_to_part() -> None:
    readings, told = parts()
    whole = Readings(WANTED).part(BARS, 10 * HOUR_NS, ())
    assert [bar.open_time for part in told for bar in part.bars] == [bar.open_time for bar in whole.bars]
    for place, shown in enumerate(whole.shown):
        for output, values in shown.outputs.items():
            assert [value for part in told for value in part.shown[place].outputs[output]] == values
    assert readings.names[:2] == ["sma(3)", "macd(2,3,2).line"]


def test_csv_and_json_and_parquet_say_the_same(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv"))))
    lines = [json.loads(line) for line in written("json").splitlines()]
    _, told = parts()
    _save_parquet(told, tmp_path / "bars.parquet")
    frame = pl.read_parquet(tmp_path / "bars.parquet")
    assert len(rows) == len(lines) == frame.height == 30
    for name in ("sma(3)", "ema(4)", "obv"):
        values = [line["indicators"][name]["value"] for line in lines]
        assert [float(row[name]) for row in rows] == values == frame[name].to_list()
        states = [line["indicators"][name]["coverage"] for line in lines]
        assert [row[f"{name}.coverage"] for row in rows] == states == frame[f"{name}.coverage"].to_list()
    assert frame["macd(2,3,2).signal"].to_list() == [
        line["indicators"]["macd(2,3,2)"]["signal"] for line in lines
    ]


def test_the_table_says_what_is_not_there_yet_and_what_is_incomplete() -> None:
    readings = Readings(parse_all(["ema(3)"], 8))
    text = _writer("table", None, readings)(readings.part(closes(2.5, 1.0, 2.0, 3.0), 0, ()), False)
    head, first, *_, last = text.splitlines()
    assert "EMA(3)" in head
    assert "  -  " in first
    assert "1.833 (incomplete)" in text
    assert last.split()[-1] == "complete"


def test_without_indicators_nothing_is_added() -> None:
    readings = Readings(())
    part = readings.part(BARS[:2], 0, ())
    assert "indicators" not in json.loads(_writer("json", None, readings)(part, False).splitlines()[0])
    assert _writer("csv", None, readings)(part, False).splitlines()[0].endswith(",source,coverage,provenance")
