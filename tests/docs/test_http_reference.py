"""docs/reference/http.md says what the doors do: its examples' fields, its metrics, its codes and its limits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

from _doors import opened
from _memorydesk import BTC, START, MemoryDesk

from bethna.api import listings, pace, server, sources, stream, tokens
from bethna.api.listings import setting_rows
from bethna.api.story import Figure
from bethna.config import Settings
from bethna.core.consolidated import OutReason
from bethna.core.market import Greeks, InstrumentId, Valuation
from bethna.core.status import ConnectionHealth, TapePosition
from bethna.logic.best_price import AGREED, FAR, MOST_CONVERTED
from bethna.logic.references import FACTOR, LEAST_NS, MOST_NS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "http.md"
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
    desk.sockets = [ConnectionHealth("binance", 1, "h:1", "ok", START, START, 7, 0, 1.5, 4, (BTC,))]
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
        f"bars?instrument={BTC}&interval=1m": "bars",
        f"book/{BTC}": None,
        f"trades/{BTC}": "trades",
        "events": "events",
        "symbols": "symbols",
        "watchlist": "watchlist",
        "connections": "connections",
        "settings": "settings",
    }
    async with opened(busy_desk(), settings=setting_rows(Settings())) as served:
        for path, inner in rows.items():
            answer = (await served.http.get(f"/api/v1/{path}")).json()
            expected = set(answer) | (set(answer[inner][0]) if inner else set())
            listing = (
                section(f"GET /api/v1/{re.split('[?/]', path)[0]}").partition("\n\n")[2].partition("\n\n")[0]
            )
            levels = {"info", "warning", "error"}
            assert fields(listing) - levels == expected, path


async def test_the_examples_of_the_best_price_have_the_fields_of_the_answers() -> None:
    desk = MemoryDesk([InstrumentId("BTC-USD@one"), BTC, InstrumentId("USDT-USD@one")])
    for each in desk.instruments():
        desk.move(each.id, [(1.0, 1.0)], [(2.0, 1.0)])
    text = section("GET /api/v1/best/{BASE-QUOTE}?convert=")
    example: Any = json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0])
    merged = section("GET /api/v1/best/{BASE-QUOTE}/book").partition("\n\n")[2].partition("\n\n")[0]
    async with opened(desk) as served:
        answer = (await served.http.get("/api/v1/best/BTC-USD?convert=USDT")).json()
        book = (await served.http.get("/api/v1/best/BTC-USD/book")).json()
    assert list(example) == list(answer)
    converted = answer["venues"][1]
    for each in example["venues"]:
        assert list(each) == list(converted)
    assert list(example["venues"][2]["rate"]) == list(converted["rate"])
    words = re.findall(
        r"`([a-z ]+)`", "".join(re.findall(r"^\| (`.*?`) \|", text.partition("| `out` |")[2], re.MULTILINE))
    )
    assert set(words) == set(get_args(OutReason))
    assert set(re.findall(r'"(\w+)"', merged)) == set(book)
    assert f"at most {MOST_CONVERTED}" in text
    assert (f"more than {FAR:.0%}".replace("%", " %") in text, AGREED) == (True, 0.01)


async def test_indices_and_valuations_have_the_fields_that_the_page_names() -> None:
    index, option = InstrumentId("BTC-DVOL@deribit"), InstrumentId("BTC-25DEC26-76000-C@deribit")
    desk = MemoryDesk([index, option])
    desk.say_figure(Valuation(option, 0.1, 1.0, START, START, greeks=Greeks(0.5, 0.1, 0.1, -0.1, 0.1)))
    async with opened(desk) as served:
        [row] = (await served.http.get("/api/v1/indices")).json()["indices"]
        [worth] = (await served.http.get(f"/api/v1/valuations/{option}")).json()["valuations"]
    listing = section("GET /api/v1/indices and").partition("`{")[2].partition("}`")[0]
    assert re.findall(r'"(\w+)"', listing) == ["indices", *row]
    said = section("GET /api/v1/indices and")
    assert f"which is {FACTOR} times its usual pause, {LEAST_NS // 10**9} s at least" in said
    assert f"{MOST_NS // 10**9} s at most" in said
    text = section("GET /api/v1/valuations and")
    example: Any = json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0])["valuations"][0]
    assert list(example) == list(worth)
    assert list(example["greeks"]) == list(worth["greeks"])


async def test_the_story_example_has_the_fields_of_the_answer() -> None:
    text = section("GET /api/v1/story")
    example: Any = json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0])
    async with opened(busy_desk()) as served:
        answer = (await served.http.get(f"/api/v1/story?figure=bid&instrument={BTC}")).json()
    assert list(example) == list(answer)
    assert [list(each) for each in example["inputs"]] == [list(each) for each in answer["inputs"]]
    assert [each["what"] for each in example["inputs"]] == [each["what"] for each in answer["inputs"]]
    known = [*re.findall(r"`(\w+)`", re.findall(r"^\| (`price`.*?) \|", text, re.MULTILINE)[0]), "candle"]
    assert known == list(get_args(Figure))


async def test_every_code_of_a_refusal_is_listed() -> None:
    listed = set(re.findall(r"`([a-z_]+)`", section("Errors")))
    codes = set()
    for module in (ROOT / "src" / "bethna" / "api").glob("*.py"):
        codes |= set(
            re.findall(r'(?:error_answer|_too_fast|Refusal)\(\s*"([a-z_]+)"', module.read_text("utf-8"))
        )
    codes -= {"too_many_refusals"}  # of the WebSocket
    assert {"host_not_allowed", "too_many_requests", "too_many_guesses"} <= codes
    assert codes | {"token_required", "token_wrong"} <= listed


async def test_every_metric_is_listed_and_nothing_else() -> None:
    names = re.findall(r"^\| (`build.*?|`\w+_.*?) \|", section("GET /metrics"), re.MULTILINE)
    names += re.findall(r"^\| (`clients.*?) \|", section("GET /metrics"), re.MULTILINE)
    names = list(dict.fromkeys(names))
    listed = {f"bethna_{name}" for cell in names for name in re.findall(r"`(\w+)`", cell)}
    async with opened(busy_desk()) as served, served.socket() as socket:
        await socket.subscribe(f"trades:{BTC}")
        await socket.frame()
        await served.http.get("/api/v1/nothing")
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
    doors, rate = section("Who may come in"), Settings().api_rate_per_s
    assert f"({rate:g} a second, bursts of {rate * pace.BURST_S:g})" in doors
    assert (tokens.GUESSES, tokens.WINDOW_S) == (10, 60)
    assert "Ten wrong tokens from one address within a minute" in doors
    assert tokens.COOKIE in doors
    assert f'"most": {listings.MOST_FOLLOWED}' in section("GET /api/v1/watchlist")
