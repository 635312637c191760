"""Symbols, watchlist, connections and settings over real sockets, as docs/reference/http.md writes them."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from _doors import opened
from _memorydesk import BTC, ETH, POL, SOL, START, MemoryDesk

from bethna.api.listings import MOST_FOLLOWED, setting_rows
from bethna.app import watchlist
from bethna.config import Secret, Settings, catalogue, load
from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.core.status import ConnectionHealth, TapePosition

T0 = START // NS_PER_US
LIST = "/api/v1/watchlist"
WAITING = {"venue": "binance", "status": "waiting", "message": ""}


def error_of(answer: httpx.Response) -> dict[str, str]:
    error: dict[str, str] = answer.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    return error


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["instrument"] for row in answer.json()["watchlist"]]


# --- symbols


async def test_what_can_be_followed_is_found() -> None:
    async with opened() as served:
        found = (await served.http.get("/api/v1/symbols?query=sol")).json()
        followed = (await served.http.get("/api/v1/symbols")).json()
        one = (await served.http.get("/api/v1/symbols?query=usdt&limit=1")).json()
    assert found == {
        "symbols": [
            {
                "instrument": SOL, "venue": "binance", "symbol": "SOL-USDT", "base": "SOL", "quote": "USDT",
                "venue_symbol": "SOLUSDT", "tradable": True, "followed": False,
            }
        ],
        "total": 1,
        "listed": 5,
    }  # fmt: skip
    assert [(row["instrument"], row["followed"]) for row in followed["symbols"]] == [
        (BTC, True),
        (ETH, True),
        (POL, True),
    ]
    assert (len(one["symbols"]), one["total"]) == (1, 5)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=0", "limit: expected int >= 1, found '0'"),
        ("limit=101", "limit: expected int <= 100, found '101'"),
        ("query=" + "x" * 101, "query: expected str of length <= 100, found"),
    ],
)
async def test_a_search_out_of_range_is_refused(query: str, said: str) -> None:
    async with opened() as served:
        answer = await served.http.get(f"/api/v1/symbols?{query}")
    assert (answer.status_code, error_of(answer)["code"]) == (400, "bad_request")
    assert said in error_of(answer)["message"]


# --- the watchlist


async def test_the_watchlist_is_what_is_followed() -> None:
    desk = MemoryDesk()
    desk.trade(BTC, 1.0)
    async with opened(desk, kept=lambda: True) as served:
        answer = (await served.http.get(LIST)).json()
    assert answer == {
        "watchlist": [
            {"instrument": BTC, "symbol": "BTC-USDT", **WAITING, "status": "live"},
            {"instrument": ETH, "symbol": "ETH-USDT", **WAITING},
            {"instrument": POL, "symbol": "POL-USDT", **WAITING},
        ],
        "most": 500,
        "kept": True,
    }
    assert watchlist.MOST_FOLLOWED == MOST_FOLLOWED


async def test_following_and_leaving_can_be_said_twice() -> None:
    async with opened() as served:
        for spelling in ("SOL-USDT", "sol%2Fusdt", SOL, "SOLUSDT"):
            assert names(await served.http.put(f"{LIST}/{spelling}")) == [BTC, ETH, POL, SOL]
        assert names(await served.http.delete(f"{LIST}/{ETH}")) == [BTC, POL, SOL]
        again = await served.http.delete(f"{LIST}/{ETH}")
        assert (again.status_code, error_of(again)["code"]) == (404, "unknown_instrument")
        assert names(await served.http.get(LIST)) == [BTC, POL, SOL]
        assert (await served.http.get(LIST)).json()["kept"] is False


async def test_an_old_name_is_followed_by_its_new_one_and_told() -> None:
    async with opened(MemoryDesk([BTC, ETH])) as served:
        served.desk.listed.append(MemoryDesk([POL]).followed[0])
        answer = await served.http.put(f"{LIST}/MATICUSDT")
        assert names(answer) == [BTC, ETH, POL]
        assert answer.json()["notice"] == "MATIC was renamed to POL on 2024-09-13"
        assert "notice" not in (await served.http.put(f"{LIST}/{POL}")).json()


async def test_what_cannot_be_followed_or_left_is_said_plainly() -> None:
    async with opened(MemoryDesk([BTC])) as served:
        unknown = await served.http.put(f"{LIST}/BTCC-USDT")
        assert (unknown.status_code, error_of(unknown)["code"]) == (404, "unknown_instrument")
        assert BTC in error_of(unknown)["hint"]
        last = await served.http.delete(f"{LIST}/{BTC}")
        assert (last.status_code, error_of(last)["code"]) == (409, "cannot_follow")
        served.desk.playing = TapePosition("tape", 1.0, START, START, START, ended=False, loops=0)
        tape = await served.http.put(f"{LIST}/{SOL}")
        assert (tape.status_code, error_of(tape)["code"]) == (409, "cannot_follow")
        assert names(await served.http.get(LIST)) == [BTC]


async def test_other_methods_and_large_bodies_are_refused() -> None:
    async with opened() as served:
        for method in ("POST", "PATCH"):
            answer = await served.http.request(method, f"{LIST}/{SOL}")
            assert (answer.status_code, error_of(answer)["code"]) == (405, "method_not_allowed")
            assert "PUT and DELETE" in error_of(answer)["hint"]
        for method in ("PUT", "DELETE"):
            answer = await served.http.request(method, f"{LIST}/{SOL}", content=b"x" * 1025)
            assert (answer.status_code, error_of(answer)["code"]) == (413, "too_large")
        assert names(await served.http.get(LIST)) == [BTC, ETH, POL]
        assert SOL in names(await served.http.put(f"{LIST}/{SOL}", content=b"x" * 1024))


async def test_a_body_that_does_not_end_is_not_waited_for() -> None:
    async with opened() as served:
        reader, writer = await asyncio.open_connection(*served.url.removeprefix("http://").split(":"))
        writer.write(
            f"PUT {LIST}/{SOL} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        )
        writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        async with asyncio.timeout(10):
            assert b" 200 OK" in await reader.readline()
        writer.close()
        assert SOL in names(await served.http.get(LIST))


async def test_a_foreign_page_follows_nothing() -> None:
    async with opened() as served:
        for method in ("PUT", "DELETE"):
            for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
                answer = await served.http.request(method, f"{LIST}/{SOL}", headers={"origin": origin})
                assert (answer.status_code, error_of(answer)["code"]) == (403, "origin_not_allowed")
            own = await served.http.request(method, f"{LIST}/{SOL}", headers={"origin": served.url})
            assert own.status_code == 200
        assert names(await served.http.get(LIST)) == [BTC, ETH, POL]


# --- connections and settings


async def test_each_socket_is_shown_and_measured() -> None:
    desk = MemoryDesk()
    desk.sockets = [
        ConnectionHealth("binance", 1, "h.example:443", "ok", START, START + NS_PER_S, 7, 1, 41.5, 4, (BTC, ETH)),
        ConnectionHealth("binance", 2, "h.example:443", "connecting", None, None, 0, 0, None, 0, ()),
    ]  # fmt: skip
    desk.clock.advance(3 * NS_PER_S)
    async with opened(desk) as served:
        rows = (await served.http.get("/api/v1/connections")).json()["connections"]
        lines = (await served.http.get("/metrics")).text.splitlines()
    assert rows == [
        {
            "venue": "binance", "number": 1, "host": "h.example:443", "status": "ok", "opened_at": T0,
            "last_message": T0 + 1_000_000, "age_ms": 2000, "messages": 7, "wire_errors": 1, "lag_ms": 41.5,
            "streams": 4, "instruments": [BTC, ETH],
        },
        {
            "venue": "binance", "number": 2, "host": "h.example:443", "status": "connecting", "opened_at": None,
            "last_message": None, "age_ms": None, "messages": 0, "wire_errors": 0, "lag_ms": None, "streams": 0,
            "instruments": [],
        },
    ]  # fmt: skip
    assert 'bethna_connection_lag_seconds{venue="binance",number="1"} 0.0415' in lines
    assert 'bethna_connection_messages_total{venue="binance",number="1"} 7' in lines
    assert not any("connection_lag" in line and 'number="2"' in line for line in lines)


async def test_every_setting_is_shown_and_no_secret() -> None:
    given = load(
        "port = 8701\nspeed = 'max'\n",
        {"BETHNA_TOKEN": "hunter2-hunter2-hunter2", "BETHNA_SYMBOLS": "BTC-USDT,ETH-USDT"},
    )
    async with opened(settings=setting_rows(given)) as served:
        answer = await served.http.get("/api/v1/settings")
    assert "hunter2" not in answer.text
    rows = {row["name"]: row for row in answer.json()["settings"]}
    assert list(rows) == [setting.name for setting in catalogue()]
    assert rows["port"] == {
        "name": "port", "value": "8701", "default": "8700", "origin": "bethna.toml line 1",
        "about": "The port that the desk listens on; 0 is any free one.",
        "allowed": "a whole number from 0 to 65535",
    }  # fmt: skip
    token = rows["token"]
    assert (token["value"], token["default"], token["origin"]) == ("***", None, "variable BETHNA_TOKEN")
    assert (rows["proxy"]["value"], rows["speed"]["value"]) == (None, "max")
    assert rows["symbols"]["value"] == "BTC-USDT,ETH-USDT"
    assert setting_rows(Settings(token=Secret("x")))[0].name == "source"


async def test_refused_requests_are_counted_by_code() -> None:
    async with opened() as served:
        for _ in range(3):
            await served.http.get("/api/v1/nothing")
        await served.http.get("/api/v1/book/nope")
        await served.http.get("/api/v1/prices", headers={"host": "evil.example"})
        lines = (await served.http.get("/metrics")).text.splitlines()
    counted = {
        line.split()[0]: line.split()[1] for line in lines if "requests_refused" in line and line[0] != "#"
    }
    assert counted == {
        f'bethna_requests_refused_total{{code="{code}"}}': count
        for code, count in (("host_not_allowed", "1"), ("not_found", "3"), ("unknown_instrument", "1"))
    }
