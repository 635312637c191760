"""GET routes and the page over real sockets, as docs/reference/http.md writes them, and callers who mean no good."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from _doors import opened
from _memorydesk import BTC, ETH, START, MemoryDesk

from bethna.core.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from bethna.core.status import TapePosition, VenueHealth

T0 = START // NS_PER_US


def busy_desk() -> MemoryDesk:
    desk = MemoryDesk()
    desk.move(BTC, [(61_000.0, 1.5), (60_999.5, 2.0)], [(61_000.5, 0.25)])
    for number in range(3):
        desk.trade(BTC, 61_000.0 + number, 0.5)
        desk.clock.advance(30 * NS_PER_S)
    return desk


def error_of(answer: httpx.Response) -> dict[str, str]:
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "hint"}
    assert "Traceback" not in answer.text
    error: dict[str, str] = body["error"]
    return error


async def test_health_tells_parts_and_whole() -> None:
    desk = busy_desk()
    desk.told.append("MATIC was renamed to POL on 2024-09-13")
    async with opened(desk) as served:
        answer = await served.http.get("/api/v1/health")
    assert answer.status_code == 200
    health = answer.json()
    assert (health["status"], health["source"], health["tape"]) == ("ok", "live", None)
    assert health["now"] == T0 + 90_000_000
    assert health["venues"]["binance"]["clock_offset_ms"] == 1272.6
    btc = health["instruments"][BTC]
    assert (btc["status"], btc["venue"], btc["symbol"], btc["book"]) == (
        "live",
        "binance",
        "BTC-USDT",
        "trusted",
    )
    assert (btc["trades"], btc["book_updates"], btc["age_ms"]) == (3, 1, 30_000)
    assert btc["last_message"] == T0 + 60_000_000
    assert btc["coverage"]["state"] == "complete"
    assert health["instruments"][ETH]["last_message"] is None
    assert health["notices"] == ["MATIC was renamed to POL on 2024-09-13"]


@pytest.mark.parametrize(
    ("venues", "stale", "expected"),
    [
        ([VenueHealth("binance", "ok")], False, "ok"),
        ([VenueHealth("binance", "ended")], False, "ok"),
        ([VenueHealth("binance", "ok")], True, "degraded"),
        ([VenueHealth("binance", "ok"), VenueHealth("other", "failing")], False, "degraded"),
        ([VenueHealth("binance", "reconnecting")], False, "down"),
        ([], False, "down"),
    ],
)
async def test_health_status(venues: list[VenueHealth], stale: bool, expected: str) -> None:
    desk = MemoryDesk()
    desk.venue_healths = venues
    desk.stale = {BTC} if stale else set()
    async with opened(desk) as served:
        answer = await served.http.get("/api/v1/health")
    assert answer.json()["status"] == expected
    assert answer.status_code == (503 if expected == "down" else 200)


async def test_a_tape_says_where_it_is() -> None:
    desk = MemoryDesk()
    desk.playing = TapePosition(
        "tape", None, START, START, START + NS_PER_S, ended=True, loops=0, damage="line 7"
    )
    async with opened(desk) as served:
        health = (await served.http.get("/api/v1/health")).json()
    assert (health["source"], health["state_hash"]) == ("tape", "abc")
    assert health["tape"] == {
        "name": "tape", "speed": None, "position": T0, "start": T0, "end": T0 + 1_000_000,
        "ended": True, "loops": 0, "damage": "line 7",
    }  # fmt: skip


async def test_prices() -> None:
    async with opened(busy_desk()) as served:
        answer = (await served.http.get("/api/v1/prices")).json()
    btc, eth, _ = answer["prices"]
    assert btc == {
        "instrument": BTC, "venue": "binance", "symbol": "BTC-USDT", "price": 61_002.0,
        "ts_event": T0 + 60_000_000, "ts_recv": T0 + 60_000_000, "age_ms": 30_000, "stale": False,
        "change_24h_pct": 1.5, "bid": 61_000.0, "ask": 61_000.5,
        "coverage": {"provenance": "live", "state": "complete", "gaps": [], "sources": ["binance"], "as_of": None},
    }  # fmt: skip
    assert (eth["price"], eth["age_ms"], eth["coverage"]["state"]) == (None, None, "unknown")


async def test_candles_page_backwards() -> None:
    async with opened(busy_desk()) as served:
        whole = (await served.http.get("/api/v1/candles?instrument=btcusdt&interval=1m")).json()
        older = (
            await served.http.get(f"/api/v1/candles?instrument={BTC}&interval=1m&end={T0 + 60_000_000}")
        ).json()
        last = (await served.http.get("/api/v1/candles?instrument=BTC%2FUSDT&interval=1m&limit=1")).json()
    assert (whole["instrument"], whole["venue"], whole["symbol"], whole["interval"]) == (
        BTC, "binance", "BTC-USDT", "1m"
    )  # fmt: skip
    assert [(c["open_time"], c["trades"], c["closed"]) for c in whole["candles"]] == [
        (T0, 2, True),
        (T0 + 60_000_000, 1, False),
    ]
    assert older["candles"] == whole["candles"][:1]
    assert last["candles"] == whole["candles"][1:]


async def test_a_book_goes_by_every_spelling(subtests: pytest.Subtests) -> None:
    async with opened(busy_desk()) as served:
        for name in (BTC, "BTC-USDT", "BTCUSDT", "btcusdt", "BTC%2FUSDT", "BTC/USDT", "btc_usdt"):
            with subtests.test(name):
                book = (await served.http.get(f"/api/v1/book/{name}?depth=1")).json()
                assert book["instrument"] == BTC
                assert (book["bids"], book["asks"]) == ([[61_000.0, 1.5]], [[61_000.5, 0.25]])
                assert (book["update_id"], book["trust"], book["certified_depth"]) == ("1", "trusted", 1)
                assert "notice" not in book


async def test_an_old_name_resolves_and_the_user_is_told() -> None:
    async with opened() as served:
        for path in ("/api/v1/book/MATICUSDT", "/api/v1/trades/MATIC-USDT"):
            answer = (await served.http.get(path)).json()
            assert answer["instrument"] == "POL-USDT@binance"
            assert answer["notice"] == "MATIC was renamed to POL on 2024-09-13"
        candles = (await served.http.get("/api/v1/candles?instrument=maticusdt&interval=1d")).json()
        assert "renamed" in candles["notice"]


async def test_trades_and_events_and_instruments() -> None:
    desk = busy_desk()
    desk.say("reconnected", "after 1.2 s")
    async with opened(desk) as served:
        trades = (await served.http.get("/api/v1/trades/btcusdt?limit=2")).json()
        events = (await served.http.get("/api/v1/events")).json()
        listed = (await served.http.get("/api/v1/instruments")).json()
    assert [trade["trade_id"] for trade in trades["trades"]] == ["2", "3"]
    assert trades["trades"][0] == {
        "price": 61_001.0, "quantity": 0.5, "side": "buy", "trade_id": "2",
        "ts_event": T0 + 30_000_000, "ts_recv": T0 + 30_000_000,
    }  # fmt: skip
    assert events == {
        "events": [
            {
                "ts": T0 + 90_000_000,
                "level": "info",
                "code": "reconnected",
                "subject": "test",
                "message": "after 1.2 s",
            }
        ]
    }
    assert listed["instruments"][0] == {
        "instrument": BTC, "venue": "binance", "symbol": "BTC-USDT", "base": "BTC", "quote": "USDT",
        "venue_symbol": "BTCUSDT", "price_decimals": 2, "quantity_decimals": 5, "tick_size": 0.01,
        "lot_size": 0.00001, "verified": True, "kind": "spot", "quantity_unit": "BTC", "contract": None,
    }  # fmt: skip


async def test_numbers_that_json_cannot_say_are_null() -> None:
    desk = MemoryDesk()
    desk.trade(BTC, float("nan"), float("inf"))
    async with opened(desk) as served:
        for path in (
            "/api/v1/prices",
            "/api/v1/trades/btcusdt",
            "/api/v1/candles?instrument=btcusdt&interval=1s",
        ):
            text = (await served.http.get(path)).text
            assert "NaN" not in text
            assert "Infinity" not in text
            json.loads(text, parse_constant=_never)


def _never(name: str) -> Any:
    raise AssertionError(name)


UNANSWERABLE = [
    ("/api/v1/candles?instrument=btcusdt&interval=7m", 400, "bad_request", "found '7m'", "1s, 1m, 3m"),
    ("/api/v1/candles?interval=1m", 400, "bad_request", "'instrument'", "openapi"),
    ("/api/v1/candles?instrument=btcusdt&interval=1m&limit=-1", 400, "bad_request", "found '-1'", "openapi"),
    ("/api/v1/candles?instrument=btcusdt&interval=1m&limit=1501", 400, "bad_request", "<= 1500", "openapi"),
    ("/api/v1/candles?instrument=btcusdt&interval=1m&limit=1.5", 400, "bad_request", "found '1.5'", "openapi"),
    (f"/api/v1/candles?instrument=btcusdt&interval=1m&end={10**40}", 400, "bad_request", "end", "openapi"),
    ("/api/v1/book/btcusdt?depth=0", 400, "bad_request", "found '0'", "openapi"),
    ("/api/v1/trades/btcusdt?limit=ten", 400, "bad_request", "found 'ten'", "openapi"),
    ("/api/v1/events?limit=1001", 400, "bad_request", "found '1001'", "openapi"),
    ("/api/v1/book/BTCC-USDT", 404, "unknown_instrument", "BTCC-USDT", BTC),
    ("/api/v1/candles?instrument=%E6%AF%94%E7%89%B9%E5%B8%81&interval=1m", 404, "unknown_instrument", "比特币", ""),
    ("/api/v1/trades/%00%FF%0A", 404, "unknown_instrument", "is not an instrument", ""),
    ("/api/v1/book/" + "A" * 3000, 404, "unknown_instrument", "AAA", ""),
    ("/api/v1/book", 404, "not_found", "/api/v1/book", "openapi"),
    ("/api/v1/nothing", 404, "not_found", "/api/v1/nothing", "openapi"),
    ("/api", 404, "not_found", "/api", "openapi"),
    ("/schema/swagger", 404, "not_found", "/schema/swagger", "openapi"),
    ("/schema/redoc", 404, "not_found", "/schema/redoc", "openapi"),
    ("/schema/a/b.js", 404, "not_found", "/schema/a/b.js", "openapi"),
    ("/schema/a/b", 404, "not_found", "/schema/a/b", "openapi"),
    ("/ws", 426, "upgrade_required", "WebSocket", "ws://"),
]  # fmt: skip


async def test_what_cannot_be_answered_is_said_plainly(subtests: pytest.Subtests) -> None:
    async with opened(busy_desk()) as served:
        for path, status, code, said, hint in UNANSWERABLE:
            with subtests.test(path[:60]):
                answer = await served.http.get(path)
                error = error_of(answer)
                assert (answer.status_code, error["code"]) == (status, code)
                assert said in error["message"]
                assert hint in error["hint"]
                assert len(answer.content) < 5000


async def test_a_bug_is_a_plain_500_and_an_event() -> None:
    desk = MemoryDesk()
    desk.broken.add(BTC)
    async with opened(desk) as served:
        answer = await served.http.get(f"/api/v1/book/{BTC}")
        assert (answer.status_code, error_of(answer)["code"]) == (500, "internal_error")
        assert "ZeroDivision" not in answer.text
        events = (await served.http.get("/api/v1/events")).json()["events"]
    assert [(event["level"], event["subject"]) for event in events] == [("error", f"api:/api/v1/book/{BTC}")]
    assert "ZeroDivisionError" in events[0]["message"]


async def test_head_is_get_without_the_body(subtests: pytest.Subtests) -> None:
    paths = [
        "/api/v1/health",
        "/api/v1/instruments",
        "/api/v1/events",
        "/api/v1/book/btcusdt",
        "/api/v1/book/nope",
    ]
    async with opened() as served:
        for path in [*paths, "/api/v1/nothing", "/metrics", "/schema/openapi.json", "/"]:
            with subtests.test(path):
                whole, head = await served.http.get(path), await served.http.head(path)
                assert (head.status_code, head.content) == (whole.status_code, b"")
                assert head.headers["content-type"] == whole.headers["content-type"]
                assert "content-length" in head.headers
                again = await served.http.get(path)
                assert again.status_code == whole.status_code


@pytest.mark.parametrize("request_line", ["GET / HTTP/1.1", "GET / HTTP/1.0", "hello"])
async def test_a_request_without_a_host_is_refused_like_any_other(request_line: str) -> None:
    async with opened() as served:
        address = served.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(*address)
        writer.write(f"{request_line}\r\n\r\n".encode())
        head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
        writer.close()
    assert head.split()[1] in (b"400", b"403")
    assert b"content-type: application/json" in head
    assert set(json.loads(body)["error"]) == {"code", "message", "hint"}


async def test_nothing_can_be_written(subtests: pytest.Subtests) -> None:
    async with opened() as served:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            with subtests.test(method):
                answer = await served.http.request(method, "/api/v1/prices", content=b"x" * 100_000)
                assert (answer.status_code, error_of(answer)["code"]) == (405, "method_not_allowed")


FOREIGN_HOSTS = (
    "evil.example", "evil.example:8700", "127.0.0.1.evil.example", "localhost@evil", "127.0.0.1:x", "", "[::1",
    "localhost:1:2", "evil.example, localhost",
)  # fmt: skip


async def test_a_foreign_host_is_refused(subtests: pytest.Subtests) -> None:
    async with opened() as served:
        for host in FOREIGN_HOSTS:
            for path in ("/", "/api/v1/prices", "/metrics", "/schema/openapi.json"):
                with subtests.test(host, path=path):
                    answer = await served.http.get(path, headers={"host": host})
                    assert answer.status_code == 403
                    assert error_of(answer)["code"] == "host_not_allowed"
                    assert "evil" not in answer.headers["content-security-policy"]


async def test_a_host_of_ours_may_come_in_by_any_port(subtests: pytest.Subtests) -> None:
    async with opened(allowed_hosts=["Desk.example:9", "::2", " "]) as served:
        for host in ("localhost", "LOCALHOST:9", "127.0.0.1:80", "[::1]:8700", "desk.example:1", "[::2]"):
            with subtests.test(host):
                answer = await served.http.get("/api/v1/prices", headers={"host": host})
                assert answer.status_code == 200


async def test_a_foreign_page_may_not_write(subtests: pytest.Subtests) -> None:
    async with opened() as served:
        for origin in (
            "http://evil.example",
            "null",
            "http://127.0.0.1:1",
            "file://",
            f"ftp{served.url[4:]}",
        ):
            with subtests.test(origin):
                answer = await served.http.post("/api/v1/prices", headers={"origin": origin})
                assert (answer.status_code, error_of(answer)["code"]) == (403, "origin_not_allowed")
        own = await served.http.post("/api/v1/prices", headers={"origin": served.url})
        assert own.status_code == 405


async def test_every_answer_keeps_browsers_in_their_place() -> None:
    async with opened() as served:
        for path in ("/", "/deep/link", "/api/v1/prices", "/api/v1/nothing", "/missing.js"):
            headers = (await served.http.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            policy = headers["content-security-policy"]
            authority = served.url.removeprefix("http://")
            assert "default-src 'self'" in policy
            assert "worker-src 'self'" in policy
            assert f"connect-src 'self' ws://{authority} wss://{authority}" in policy
            assert policy.replace(authority, "").count("//") == 2, "no foreign host"
            assert headers.get("cache-control") == (
                "no-store" if path.startswith("/api") else headers.get("cache-control")
            )


def built_page(folder: Path) -> Path:
    page = folder / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>the page</title>")
    (page / "assets" / "app-1a2b.js").write_text("export {};")
    (page / "sw.js").write_text("// worker")
    (page / ".built-from").write_text("hidden")
    (folder / "secret.txt").write_text("secret")
    (page / "link.txt").symlink_to(folder / "secret.txt")
    return page


async def test_the_page_and_its_files(tmp_path: Path) -> None:
    async with opened(assets=built_page(tmp_path)) as served:
        for path in ("/", "/index.html", "/chart/BTC-USDT@binance", "/any/deep/link"):
            answer = await served.http.get(path)
            assert (answer.status_code, answer.text) == (200, "<!doctype html><title>the page</title>")
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["cache-control"] == "no-cache"
        script = await served.http.get("/assets/app-1a2b.js")
        assert (script.text, script.headers["content-type"]) == (
            "export {};",
            "text/javascript; charset=utf-8",
        )
        assert "immutable" in script.headers["cache-control"]
        again = await served.http.get(
            "/", headers={"if-none-match": (await served.http.get("/")).headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        head = await served.http.head("/")
        assert (head.status_code, head.content) == (200, b"")


OUTSIDE = (
    "/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/..%5csecret.txt",
    "//secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "/link.txt", "/.built-from", "/missing.js",
    "/%00.txt", "/file:///etc/hosts.txt",
)  # fmt: skip


async def test_no_path_leads_out_of_the_page(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async with opened(assets=built_page(tmp_path)) as served:
        for path in OUTSIDE:
            with subtests.test(path):
                asked = httpx.Request(
                    "GET", served.url, extensions={"target": path.encode()}, headers={"host": "localhost"}
                )
                answer = await served.http.send(asked)
                assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found")


@pytest.mark.parametrize("missing", [True, False])
async def test_a_page_that_was_not_built_says_what_to_run(tmp_path: Path, missing: bool) -> None:
    async with opened(assets=None if missing else tmp_path / "nothing") as served:
        answer = await served.http.get("/any/link")
        assert answer.status_code == 503
        assert "make setup" in answer.text
        assert (await served.http.get("/api/v1/prices")).status_code == 200


async def test_metrics_are_prometheus_text() -> None:
    desk = busy_desk()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe("trades:btcusdt")
        await socket.frame()
        answer = await served.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert samples['bethna_venue_messages_total{venue="binance"}'] == "7"
    assert samples['bethna_venue_clock_offset_seconds{venue="binance"}'] == "1.2726"
    assert samples[f'bethna_trades_total{{instrument="{BTC}"}}'] == "3"
    assert samples[f'bethna_last_message_age_seconds{{instrument="{BTC}"}}'] == "30.0"
    assert samples["bethna_clients"] == "1"
    assert samples["bethna_client_topics"] == "1"
    mailbox = f'{{channel="trades:{BTC}",reader="api:trades:ui",policy="newest"}}'
    assert samples[f"bethna_mailbox_dropped_total{mailbox}"] == "0"
    assert "bethna_loop_lag_seconds_count" in samples
    assert 'bethna_desk_state{state="ok"} 1' in lines
    named = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(named) == len(set(named))
    for name, value in samples.items():
        float(value)
        assert name.partition("{")[0].startswith(tuple(named))


async def test_openapi_describes_every_route() -> None:
    async with opened() as served:
        answer = await served.http.get("/schema/openapi.json")
    schema = answer.json()
    assert {"/api/v1/health", "/api/v1/prices", "/api/v1/candles", "/api/v1/events"} <= set(schema["paths"])
    limit = next(p for p in schema["paths"]["/api/v1/candles"]["get"]["parameters"] if p["name"] == "limit")
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"], limit["schema"]["default"]) == (
        1,
        1500,
        500,
    )
    assert "http://" not in answer.text.replace("http://www.", "")
    row = schema["components"]["schemas"]["PriceRow"]["properties"]
    assert {"instrument", "price", "coverage"} <= set(row)


async def test_ages_never_run_backwards() -> None:
    desk = MemoryDesk()
    desk.trade(BTC, 1.0)
    desk.clock.advance_to(START - 5 * NS_PER_MS)  # the host's clock was set back
    async with opened(desk) as served:
        rows = (await served.http.get("/api/v1/prices")).json()["prices"]
    assert rows[0]["age_ms"] == 0
