"""`bethna up` for other machines and for the browser: a token where one is needed, and the page opened on request."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from scenario.cli_runs import PATIENCE_S, end, error_of, line_of, run, running
from websockets.sync.client import connect

from bethna.api.tokens import COOKIE

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX systems")
UP = ("up", "--source", "twin", "--seed", "7", "--symbol", "BTC-USDT", "--port", "0")
MINE = "a-token-of-my-own"


def get(url: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], Any]:
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)) as connection:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        body = answer.read()
        is_json = "json" in (answer.getheader("content-type") or "")
        return (
            answer.status,
            {k.lower(): v for k, v in answer.getheaders()},
            json.loads(body) if is_json else body,
        )


@posix
def test_beyond_loopback_a_fresh_token_is_made_and_told() -> None:
    tokens = set()
    for _ in range(2):
        with running(*UP, "--host", "0.0.0.0", "--json") as process:
            said = line_of(process)
            tokens.add(said["token"])
            assert get(said["url"], "/api/v1/instruments")[0] == 401
            status, headers, _ = get(said["url"], f"/?token={said['token']}")
            assert (status, headers["location"]) == (303, "/")
            cookie = {"cookie": headers["set-cookie"].partition(";")[0]}
            assert cookie == {"cookie": f"{COOKIE}={said['token']}"}
            assert get(said["url"], "/api/v1/instruments", cookie)[0] == 200
            rows = get(said["url"], "/api/v1/settings", cookie)[2]["settings"]
            [row] = [row for row in rows if row["name"] == "token"]
            assert (row["value"], row["origin"]) == ("***", "made for this run")
            code, errors = end(process, signal.SIGTERM)
        assert code == 0
        assert said["token"] not in errors
    assert len(tokens) == 2
    assert all(len(token) >= 32 for token in tokens)


@posix
def test_the_fresh_token_is_part_of_the_address_that_a_person_opens() -> None:
    with running(*UP, "--host", "0.0.0.0") as process:
        assert process.stdout is not None
        address = (
            next(line for line in process.stdout if line.startswith(b"BethNa is at ")).split()[3].decode()
        )
        assert b"another machine" in process.stdout.readline()
        found = urlsplit(address)
        assert get(f"http://{found.netloc}", f"{found.path}?{found.query}")[0] == 303
        end(process, signal.SIGINT)


@posix
def test_a_token_that_was_set_is_demanded_everywhere_and_told_nowhere() -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        with running(*UP, "--host", host, "--json", environment={"BETHNA_TOKEN": MINE}) as process:
            said = line_of(process)
            assert said["token"] is None
            assert get(said["url"], "/api/v1/instruments")[0] == 401
            assert get(said["url"], "/api/v1/instruments", {"authorization": f"Bearer {MINE}"})[0] == 200
            code, errors = end(process, signal.SIGTERM)
        assert code == 0
        assert MINE not in json.dumps(said) + errors


@posix
def test_on_this_machine_nobody_needs_a_token() -> None:
    with running(*UP, "--json") as process:
        said = line_of(process)
        assert said["token"] is None
        assert get(said["url"], "/api/v1/instruments")[0] == 200
        end(process, signal.SIGTERM)


def test_a_token_that_is_none_is_refused_and_not_shown() -> None:
    done = run(*UP, "--json", environment={"BETHNA_TOKEN": "hunter2"})
    assert done.returncode == 2
    assert error_of(done)["code"] == "bad_setting"
    assert b"hunter2" not in done.stdout + done.stderr


@posix
@pytest.mark.parametrize("token", [MINE, ""])
def test_open_opens_the_page_once_it_is_there(tmp_path: Path, token: str) -> None:
    told, browser = tmp_path / "told", tmp_path / "browser"
    os.mkfifo(told)
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {told}\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    environment = {"BROWSER": f"{browser} %s", "BETHNA_TOKEN": token}
    with running(*UP, "--open", "--json", environment=environment) as process:
        said = line_of(process)
        address = told.read_text()
        assert address == (f"{said['url']}/?token={token}" if token else said["url"])
        code, _ = end(process, signal.SIGTERM)
    assert code == 0


@posix
def test_a_page_that_cannot_be_opened_is_said_and_the_desk_goes_on() -> None:
    with running(*UP, "--open", "--json", environment={"BROWSER": "false %s"}) as process:
        said = line_of(process)
        assert process.stderr is not None
        line = next(line for line in process.stderr if b"page" in line)
        assert line.startswith(b"The page was not opened: ")
        assert get(said["url"], "/api/v1/instruments")[0] == 200
        end(process, signal.SIGTERM)


@posix
def test_the_list_of_a_real_desk_changes_for_every_client() -> None:
    with running(*UP, "--json") as process:
        url = line_of(process)["url"]
        with (
            httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as http,
            connect(f"{url.replace('http', 'ws')}/ws", proxy=None) as socket,
        ):
            wish = {"op": "subscribe", "topics": ["prices", "trades:BTC-USDT"], "rate": "every"}
            socket.send(json.dumps(wish))

            def until(wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
                while True:
                    frame: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE_S))
                    if wanted(frame):
                        return frame

            until(lambda frame: frame["topic"] == "trades:BTC-USDT@binance" and frame["type"] == "delta")
            assert http.put("/api/v1/watchlist/ethusdt").status_code == 200
            until(lambda frame: frame["type"] == "snapshot" and len(frame["data"].get("prices", ())) == 2)
            until(lambda frame: any(eth_has_a_price(row) for row in frame["data"].get("prices", ())))
            [row] = http.get("/api/v1/connections").json()["connections"]
            assert row["instruments"] == ["BTC-USDT@binance", "ETH-USDT@binance"]
            assert row["lag_ms"] is not None
            candle = http.get("/api/v1/candles?instrument=btcusdt&interval=1m&limit=1").json()["candles"][0]
            story = http.get(
                "/api/v1/story",
                params={
                    "figure": "candle",
                    "instrument": "btcusdt",
                    "interval": "1m",
                    "open_time": candle["open_time"],
                },
            ).json()
            assert "executions with trade ids" in story["how"]
            assert "simulated with seed 7" in story["how"]
            assert http.delete("/api/v1/watchlist/btcusdt").status_code == 200
            ended = until(
                lambda frame: frame["topic"] == "trades:BTC-USDT@binance" and "error" in frame["data"]
            )
            assert ended["data"]["error"]["code"] == "unknown_instrument"
            assert http.delete("/api/v1/watchlist/ethusdt").json()["error"]["code"] == "cannot_follow"
        code, errors = end(process, signal.SIGTERM)
    assert code == 0
    assert "Traceback" not in errors


def eth_has_a_price(row: dict[str, Any]) -> bool:
    return row["symbol"] == "ETH-USDT" and row["price"] is not None
