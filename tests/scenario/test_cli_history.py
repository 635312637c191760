"""`bethna history` as a program over a desk behind an address: lines, files, what it refuses, what it says is lost."""

from __future__ import annotations

import asyncio
import csv
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from _doors import opened
from _memorydesk import BTC, START, MemoryDesk
from scenario.cli_runs import PROGRAM
from scenario.test_cli_best import begun, ended

from bethna.core.bars import Refusal
from bethna.core.clock import NS_PER_S
from bethna.core.intervals import Interval

MINUTE = 60 * NS_PER_S


def desk_of_minutes() -> MemoryDesk:
    """A trade a minute, three minutes without one, and a trade again."""
    desk = MemoryDesk()
    for price in (100.5, 101.0):
        desk.trade(BTC, price, 2.0)
        desk.clock.advance(MINUTE)
    desk.clock.advance(3 * MINUTE)
    desk.trade(BTC, 99.0)
    desk.refusals = (Refusal("binance", "HTTP 503", START, START + MINUTE),)
    return desk


async def test_candles_are_history_in_a_zone_and_say_since_when_they_are_old(tmp_path: Path) -> None:
    desk = desk_of_minutes()
    desk.built_from, desk.as_of = Interval.M1, desk.clock.now_ns() - 3 * MINUTE
    async with opened(desk) as served:
        asked = (str(BTC), "1d", "--url", served.url, "--limit", "1", "--day-starts", "16:00")
        table, errors = await ended(await begun(tmp_path, "candles", *asked, "--zone", "+02:00"))
        lines, _ = await ended(await begun(tmp_path, "history", *asked, "--json"))
    assert table.split()[:2] == ["OPENS", "(+02:00)"]
    (row,) = map(json.loads, lines.splitlines())
    opens = datetime.fromtimestamp(row["open_time"] / 10**6, timezone(timedelta(hours=2)))
    assert table.splitlines()[1].startswith(f"{opens:%Y-%m-%d %H:%M:%S}.000 +02:00")
    assert "days that begin at 16:00 UTC are merged of bars of 1m" in errors
    dated = next(line for line in errors.splitlines() if line.startswith("as of "))
    assert dated.startswith("as of 2024-08-09 01:56:00.000 +02:00, 3 min old: nothing newer could be had"), (
        dated
    )
    assert dated.endswith("(binance: HTTP 503)")


@pytest.mark.parametrize("name", ["bars.csv", "bars.jsonl", "bars.parquet"])
async def test_a_disk_that_is_full_keeps_what_was_there_and_nothing_else(tmp_path: Path, name: str) -> None:
    there = tmp_path / name
    there.write_text("mine")
    desk = MemoryDesk()
    for number in range(40):
        desk.trade(BTC, 100.0 + number)
        desk.clock.advance(MINUTE)
    async with opened(desk) as served:
        words = ("history", str(BTC), "1m", "--url", served.url, "--limit", "40", "--force", "-o", str(there))
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", 'ulimit -f 1 && exec "$@"', "sh", *PROGRAM, *words,
            env={**os.environ, "BETHNA_DATA_DIR": str(tmp_path / "data")},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, errors = await process.communicate()
    assert (process.returncode, out) == (3, b""), errors
    assert f"cannot write {there}: File too large".encode() in errors, errors
    assert b"make room, or write elsewhere" in errors
    assert there.read_text() == "mine"
    assert left(tmp_path) == [name]


def left(folder: Path) -> list[str]:
    """The files of a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir() if path.is_file())


async def test_a_table_lines_and_files_say_the_same(tmp_path: Path) -> None:
    async with opened(desk_of_minutes()) as served:
        asked = ("history", str(BTC), "--url", served.url, "--interval", "1m", "--limit", "6")
        answer = (await served.http.get(f"/api/v1/bars?instrument={BTC}&interval=1m&limit=6")).json()["bars"]
        table, errors = await ended(await begun(tmp_path, *asked))
        lines, _ = await ended(await begun(tmp_path, *asked, "--json"))
        for name in ("bars.csv", "bars.jsonl", "bars.parquet"):
            out, _ = await ended(await begun(tmp_path, *asked, "-o", str(tmp_path / name)))
            assert out == ""
    rows = [json.loads(line) for line in lines.splitlines()]
    assert [{name: row[name] for name in answer[0]} for row in rows] == answer
    assert {row["type"] for row in rows} == {"bar"}
    assert len(table.splitlines()) == len(rows) + 1
    assert (tmp_path / "bars.jsonl").read_text() == lines
    with (tmp_path / "bars.csv").open(newline="") as file:
        saved = list(csv.DictReader(file))
    assert [row["kind"] for row in saved] == [row["kind"] for row in rows]
    assert saved[0]["open_time"].endswith("Z")
    assert [row["provenance"] for row in saved] == [row["coverage"]["provenance"] for row in rows]
    frame = pl.read_parquet(tmp_path / "bars.parquet")
    assert frame["close"].to_list() == [row["close"] for row in rows]
    assert "binance: HTTP 503 (2024-08-08 23:54:00.000 UTC to 2024-08-08 23:55:00.000 UTC)" in errors
    assert f"{len(rows)} bars: " in errors


async def test_a_file_that_is_there_stays_unless_it_may_go(tmp_path: Path) -> None:
    there = tmp_path / "bars.csv"
    there.write_text("mine")
    async with opened(desk_of_minutes()) as served:
        asked = ("history", str(BTC), "--url", served.url, "--interval", "1m", "-o", str(there))
        process = await begun(tmp_path, *asked)
        _, errors = await process.communicate()
        assert process.returncode != 0
        assert b"is there already" in errors
        assert b"--force" in errors
        assert there.read_text() == "mine"
        await ended(await begun(tmp_path, *asked, "--force"))
    assert there.read_text().startswith("open_time,")
    assert left(tmp_path) == ["bars.csv"]


async def test_of_two_files_of_one_name_the_later_is_refused_and_neither_is_mixed(tmp_path: Path) -> None:
    there, beside = tmp_path / "bars.csv", tmp_path / "bars.csv.part"
    beside.write_text("mine")
    async with opened(desk_of_minutes()) as served:
        asked = (
            "history",
            str(BTC),
            "--url",
            served.url,
            "--interval",
            "1m",
            "--limit",
            "6",
            "-o",
            str(there),
        )
        both = [await begun(tmp_path, *asked) for _ in range(2)]
        told = [await process.communicate() for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes, key=str) == [0, 3], told
    assert b"is there already" in told[codes.index(3)][1]
    with there.open(newline="") as file:
        opens = [row["open_time"] for row in csv.DictReader(file)]
    assert opens == sorted(set(opens))
    assert len(opens) == 3
    assert beside.read_text() == "mine"
    assert left(tmp_path) == ["bars.csv", "bars.csv.part"]


async def test_of_a_span_of_which_nobody_knows_anything_no_file_is_left(tmp_path: Path) -> None:
    desk = desk_of_minutes()
    desk.refusals = ()
    async with opened(desk) as served:
        span = ("--from", "2020-01-01", "--to", "2020-01-01T00:05")
        asked = ("history", str(BTC), "--url", served.url, "--interval", "1m", *span)
        for more in ((), ("-o", str(tmp_path / "bars.csv"))):
            process = await begun(tmp_path, *asked, *more)
            _, errors = await process.communicate()
            assert process.returncode == 3, errors
            assert b"nothing is known of the span" in errors
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--from", "2026-12-01", "--to", "2026-11-01"), "ends before it begins"),
        (("--from", "yesterday"), "found 'yesterday'"),
        (("--last", "0d"), "found '0d'"),
        (("--last", "3d", "--limit", "5"), "give one"),
        (("--format", "parquet"), "needs --output"),
        (("-o", "bars.txt"), "bars.txt says no format"),
        (("--interval", "7m"), "7m"),
        (("--limit", "0"), "0"),
        (("--from", "2999-01-01"), "nothing has happened yet"),
    ],
)
async def test_what_cannot_be_asked_is_said(tmp_path: Path, more: tuple[str, ...], words: str) -> None:
    async with opened(desk_of_minutes()) as served:
        process = await begun(tmp_path, "history", str(BTC), "--url", served.url, *more)
        out, errors = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert words in errors.decode()
    assert "Traceback" not in errors.decode()
