"""Indicators by HTTP, from Python and from the command line: the same values, columns and refusals everywhere."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from _attached import attached
from _doors import opened
from _memorydesk import BTC, MemoryDesk
from scenario.test_cli_best import begun, ended

from bethna.client.candles import Candles
from bethna.client.local import LocalBackend
from bethna.client.nouns import House
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.logic.indicators.registry import INDICATORS, parse_all

MINUTE = 60 * NS_PER_S
PRICES = [100.0 + 5.0 * math.sin(minute) for minute in range(12)]


def desk_of_minutes() -> MemoryDesk:
    """A trade a minute; the last minute is open."""
    desk = MemoryDesk()
    for price in PRICES:
        desk.trade(BTC, price, 2.0)
        desk.clock.advance(MINUTE)
    desk.trade(BTC, 99.0)
    return desk


def mean(prices: list[float]) -> float:
    return sum(prices) / len(prices)


async def test_bars_are_told_with_the_indicators_that_were_asked_for() -> None:
    async with opened(desk_of_minutes()) as served:
        path = f"/api/v1/bars?instrument={BTC}&interval=1m&limit=13"
        plain = (await served.http.get(path)).json()
        answer = (await served.http.get(f"{path}&indicators=sma(3),macd(2,3,2)&indicators=RSI(14)")).json()
        few = (await served.http.get(f"{path.replace('=13', '=4')}&indicators=sma(3)")).json()
    assert plain["indicators"] == []
    assert answer["bars"] == plain["bars"]
    average, macd, rsi = answer["indicators"]
    assert [each["name"] for each in answer["indicators"]] == ["sma(3)", "macd(2,3,2)", "rsi(14)"]
    assert [average["pane"], macd["pane"]] == ["price", "own"]
    assert list(macd["outputs"]) == ["line", "signal", "histogram"]
    [values] = average["outputs"].values()
    closes = [bar["close"] for bar in answer["bars"]]
    wanted = [None, None, *(mean(closes[at - 2 : at + 1]) for at in range(2, 13))]
    assert values[:2] == wanted[:2]
    assert values[2:] == pytest.approx(wanted[2:])
    assert average["states"][:3] == ["unknown", "unknown", None]
    assert rsi["outputs"]["value"] == [None] * 13
    assert few["indicators"][0]["outputs"]["value"] == values[-4:]  # the bars before were asked for


async def test_what_is_no_indicator_is_refused_and_the_answer_lists_those_that_there_are() -> None:
    async with opened(desk_of_minutes()) as served:
        path = f"/api/v1/bars?instrument={BTC}&interval=1m&indicators="
        for said, words in (
            ("xyzzy", "known: sma, ema"),
            ("ema(1)", "ema: period (bars) 20"),
            (",".join(f"sma({each})" for each in range(2, 11)), "ask for the others apart"),
        ):
            refused = await served.http.get(path + said)
            assert refused.status_code == 400
            assert words in refused.json()["error"]["hint"]
        cards = (await served.http.get("/api/v1/indicators")).json()["indicators"]
    assert [each["name"] for each in cards] == list(INDICATORS)
    assert cards[1]["parameters"] == [
        {"name": "period", "words": "bars", "default": 20.0, "least": 2.0, "most": 10000.0, "whole": True}
    ]


async def test_a_program_gets_the_same_columns_from_its_own_desk_and_from_one_elsewhere() -> None:
    desk = desk_of_minutes()
    async with opened(desk) as served, attached(served.url) as remote:
        own = LocalBackend(desk, desk.bus)
        tables: list[Any] = []
        for backend in (own, remote):
            house = SimpleNamespace(clock=desk.clock, backend=lambda found=backend: found)
            candles = Candles(cast("House", house))
            tables.append(await candles.history(str(BTC), "1m", 6, indicators=["sma(3)", "macd(2,3,2)"]))
    local, other = tables
    assert local == other
    assert [each.name for each in local.indicators] == ["sma(3)", "macd(2,3,2)"]
    names = ["sma(3)", "sma(3).coverage", "macd(2,3,2).line", "macd(2,3,2).signal", "macd(2,3,2).histogram"]
    assert list(local.columns)[-6:-1] == names
    frame = local.to_polars()
    assert frame.columns == list(local.columns)
    assert frame["sma(3)"].to_list() == local.indicators[0].outputs["value"]
    assert local[2:4].indicators[0].outputs["value"] == local.indicators[0].outputs["value"][2:4]
    assert local.to_pandas()["macd(2,3,2).line"].tolist() == local.indicators[1].outputs["line"]
    assert set(local.indicators[0].states) == {State.COMPLETE}


async def test_the_command_line_tells_them(tmp_path: Path) -> None:
    async with opened(desk_of_minutes()) as served:
        asked = ("history", str(BTC), "--url", served.url, "--interval", "1m", "--limit", "6", "--json")
        lines, _ = await ended(
            await begun(tmp_path, *asked, "--indicator", "sma(3)", "--indicator", "macd(2,3,2)")
        )
        async with attached(served.url) as remote:
            wanted = await remote.fetch_indicated(
                BTC, Interval.M1, 6, None, parse_all(["sma(3),macd(2,3,2)"], 8)
            )
    rows = [json.loads(line)["indicators"] for line in lines.splitlines()]
    assert [row["sma(3)"]["value"] for row in rows] == wanted.shown[0].outputs["value"]
    assert [row["macd(2,3,2)"]["signal"] for row in rows] == wanted.shown[1].outputs["signal"]
    assert rows[-1]["sma(3)"]["coverage"] == "complete"
