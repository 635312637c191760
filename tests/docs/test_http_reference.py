"""docs/reference/http.md says what the doors do: its examples' fields, its metrics, its codes and its limits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from _doors import opened
from _memorydesk import BTC, START, MemoryDesk

from bethna.api import server, sources, stream
from bethna.core.status import TapePosition

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "http.md"
TEXT = PAGE.read_text("utf-8")


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}.*?(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[0]


def fields(listing: str) -> set[str]:
    return set(re.findall(r'"(\w+)"', listing))


def busy_desk() -> MemoryDesk:
    desk = MemoryDesk()
    desk.trade(BTC, 1.0)
    desk.move(BTC, [(1.0, 1.0)], [(2.0, 1.0)])
    desk.say("started")
    desk.playing = TapePosition("tape", 1.0, START, START, START, ended=False, loops=0)
    return desk


async def test_the_health_example_has_the_fields_of_the_answer() -> None:
    example: Any = json.loads(re.findall(r"```json\n(.*?)```", section("GET /api/v1/health"), re.DOTALL)[0])
    async with opened(busy_desk()) as served:
        answer = (await served.http.get("/api/v1/health")).json()
    assert set(example) == set(answer)
    assert set(example["tape"]) == set(answer["tape"])
    assert set(example["venues"]["binance"]) == set(answer["venues"]["binance"])
    assert set(example["instruments"][BTC]) == set(answer["instruments"][BTC])


async def test_each_routes_listing_has_the_fields_of_its_answer() -> None:
    rows = {
        "instruments": "instruments",
        "prices": "prices",
        f"candles?instrument={BTC}&interval=1m": "candles",
        f"book/{BTC}": None,
        f"trades/{BTC}": "trades",
        "events": "events",
    }
    async with opened(busy_desk()) as served:
        for path, inner in rows.items():
            answer = (await served.http.get(f"/api/v1/{path}")).json()
            expected = set(answer) | (set(answer[inner][0]) if inner else set())
            listing = (
                section(f"GET /api/v1/{re.split('[?/]', path)[0]}").partition("\n\n")[2].partition("\n\n")[0]
            )
            levels = {"info", "warning", "error"}
            assert fields(listing) - levels == expected, path


async def test_every_metric_is_listed_and_nothing_else() -> None:
    names = re.findall(r"^\| (`build.*?|`\w+_.*?) \|", section("GET /metrics"), re.MULTILINE)
    names += re.findall(r"^\| (`clients.*?) \|", section("GET /metrics"), re.MULTILINE)
    listed = {f"bethna_{name}" for cell in names for name in re.findall(r"`(\w+)`", cell)}
    async with opened(busy_desk()) as served, served.socket() as socket:
        await socket.subscribe(f"trades:{BTC}")
        await socket.frame()
        text = (await served.http.get("/metrics")).text
    named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert named <= listed
    assert listed - named == {"bethna_venue_quota_limit"}, "the desk in memory knows no limit"


def test_limits_are_those_of_the_code() -> None:
    said = section("WebSocket /ws")
    assert f"{stream.MAX_TOPICS} topics a connection" in said
    assert f"{server.MAX_FRAME_BYTES // 1024} KiB a frame" in said
    assert f"{stream.STALL_S:g} s in which" in said
    assert f"at most {stream.MAX_REFUSALS} refusals" in said
    assert f"({sources.UI_ITEMS} items a frame)" in said
    assert f"as GET trades, {sources.SNAPSHOT_TRADES} newest" in said
    assert f"as GET candles, {sources.SNAPSHOT_CANDLES} newest" in said
    assert f"{sources.UI_DEPTH} levels a side" in said
