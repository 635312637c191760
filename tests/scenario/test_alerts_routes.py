"""The routes of alerts over real sockets, as docs/reference/http.md writes them, before alerts in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from _doors import Open, opened
from _memoryalerts import MemoryAlerts
from _memorydesk import BTC, ETH, START, MemoryDesk

from bethna.api.bodies import MAX_JSON_BYTES
from bethna.core.alerts import LeafState
from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.core.errors import StoreError

ALERTS = "/api/v1/alerts"
T0 = START // NS_PER_US
CROSSES = "BTC-USDT crosses above 65,000, again below 64,800, every time, cooldown 10m, via telegram"
SAID = f"{BTC} crosses above 65,000, again below 64,800, every time, cooldown 10m, via telegram"
TYPED: dict[str, Any] = {
    "condition": {"type": "price_is", "instrument": "btcusdt", "side": "above", "level": 65000}
}


@asynccontextmanager
async def desk_with_alerts(**options: Any) -> AsyncIterator[tuple[Open, MemoryAlerts]]:
    desk = MemoryDesk()
    alerts = MemoryAlerts(desk, **options)
    async with opened(desk) as served:
        yield served, alerts
    assert [event for event in desk.log if event.level == "error"] == [], "a caller made the desk fail"


def error_of(answer: httpx.Response, status: int, code: str) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    error: dict[str, str] = answer.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    assert error["code"] == code
    return error


async def add(served: Open, *sentences: str, **more: Any) -> httpx.Response:
    return await served.http.post(ALERTS, json={"sentences": sentences, **more})


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code in (200, 201), answer.text
    return [row["name"] for row in answer.json()["alerts"]]


# --- arming


async def test_sentences_and_typed_rules_are_armed_and_read_back_as_they_were_said() -> None:
    async with desk_with_alerts() as (served, alerts):
        typed = {
            **TYPED,
            "repeat": "every",
            "hold_ns": 30 * NS_PER_S,
            "expires": T0 + 1_000_000,
            "note": "look",
        }
        answer = await add(served, CROSSES, rules=[typed], via=["telegram"])
        assert answer.status_code == 201
        first, second = answer.json()["alerts"]
        assert first == {
            "name": "a1", "version": 1, "sentence": SAID,
            "rule": {
                "condition": {
                    "type": "price_crosses", "instrument": BTC, "way": "up", "level": 65000.0, "rearm": 64800.0,
                },
                "repeat": "every", "bar": None, "hold_ns": 0, "cooldown_ns": 600 * NS_PER_S, "expires": None,
                "already": False, "doubt": "fire", "severity": "info", "note": "", "channels": ["telegram"],
                "quiet": None,
            },
            "phase": "active", "holds": None, "unknown": False, "leaves": ["unseen"], "waits_for": [], "firings": 0,
            "last_fired": None, "armed": T0, "severity": "info", "note": "", "channels": ["telegram"],
            "instruments": [BTC],
            "lines": [
                {"instrument": BTC, "role": "level", "price": 65000.0, "part": 0},
                {"instrument": BTC, "role": "rearm", "price": 64800.0, "part": 0},
            ],
            "steps": 0, "since": None, "due": None,
        }  # fmt: skip
        assert second["rule"]["condition"]["instrument"] == BTC
        assert second["rule"]["expires"] == T0 + 1_000_000
        assert alerts.armed["a2"].rule.expires == START + NS_PER_S
        assert second["channels"] == ["telegram"], "via is for those that name none"
        assert answer.json()["limits"] == {
            "price_rules": 50, "price_rules_armed": 2, "signal_rules": 100, "signal_rules_armed": 0,
            "notifications": 200, "toast_s": 5.0,
        }  # fmt: skip
        assert (await served.http.get(ALERTS)).json() == answer.json()
        assert (await served.http.get(f"{ALERTS}/a1")).json() == first
        again = await served.http.post(ALERTS, json={"rules": [first["rule"]]})
        assert again.json()["alerts"][0]["rule"] == first["rule"]


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ({}, 400, "bad_setting", "alerts: expected 1 to 2000 sentences and rules together, found 0"),
        ({"sentences": ["x"] * 2001}, 400, "bad_setting", "found 2001"),
        ({"sentences": ["BTC-USDT jumps 5"]}, 400, "bad_setting", "found 'jumps' after 'BTC-USDT'"),
        (
            {"sentences": [CROSSES, "BTC-USDT is above"]}, 400, "bad_setting",
            "rule 2 of 2: expected a level such as 65,000, found the end after 'BTC-USDT is above'",
        ),
        ({"sentences": ["BTC-USDT is above 0"]}, 400, "bad_setting", "level: expected a number above 0, found 0.0"),
        (
            {"sentences": [CROSSES], "rules": [{**TYPED, "hold_ns": -1}]}, 400, "bad_setting",
            "rule 2 of 2: hold: expected 0 s to",
        ),
        ({"rules": [TYPED, {}]}, 400, "bad_setting", "rule 2 of 2: rule: expected condition, found none"),
        ({"rules": [{**TYPED, "color": 1}]}, 400, "bad_setting", "rule: expected condition, repeat, bar"),
        ({"sentences": ["FOO-BAR is above 1"]}, 404, "unknown_instrument", "FOO-BAR"),
        ({"sentences": [CROSSES], "rules": [{"condition": {**TYPED["condition"], "instrument": "FOO-BAR"}}]},
         404, "unknown_instrument", "rule 2 of 2: FOO-BAR"),
        ({"sentences": ["BTC-USDT is above 1, via fax"]}, 404, "unknown_channel", "found 'fax'"),
        ({"sentences": [CROSSES] * 1000}, 409, "limit_reached", "at most 50 armed rules of prices, found 0 and 1000"),
        ({"sentences": [7]}, 400, "bad_request", "sentences[0]: expected str, found int"),
        ({"sentences": "x"}, 400, "bad_request", "sentences: expected array, found str"),
        ({"rules": [7]}, 400, "bad_request", "rules[0]: expected object, found int"),
        ({"rule": TYPED}, 400, "bad_request", "the body: expected a field that it has, found 'rule'"),
        ([], 400, "bad_request", "the body: expected object, found array"),
    ],
)  # fmt: skip
async def test_all_are_armed_or_none_and_the_error_says_which(
    body: Any, status: int, code: str, said: str
) -> None:
    async with desk_with_alerts() as (served, alerts):
        answer = await served.http.post(ALERTS, json=body)
        assert said in error_of(answer, status, code)["message"]
        assert alerts.armed == {}


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"", "application/json", 400, "bad_request"),
        (b"{", "application/json", 400, "bad_request"),
        (b"\xff", "application/json", 400, "bad_request"),
        (b'{"sentences": [', "application/json", 400, "bad_request"),
        (b'{"rules": [{"level": NaN}]}', "application/json", 400, "bad_request"),
        (b'{"rules": [{"level": 1e999}]}', "application/json", 400, "bad_request"),
        (
            b'{"rules": [{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
            "application/json",
            400,
            "bad_request",
        ),
        (b'{"sentences": []}', "text/plain", 415, "not_json"),
        (b'{"sentences": []}', "", 415, "not_json"),
        (b" " * MAX_JSON_BYTES + b"{}", "application/json", 413, "too_large"),
    ],
)
@pytest.mark.parametrize("path", [ALERTS, f"{ALERTS}/preview", "/api/v1/notifications/read"])
async def test_a_body_that_is_none_is_refused(
    path: str, content: bytes, kind: str, status: int, code: str
) -> None:
    async with desk_with_alerts() as (served, _):
        answer = await served.http.post(path, content=content, headers={"content-type": kind} if kind else {})
        error_of(answer, status, code)


async def test_several_are_removed_all_or_none() -> None:
    async with desk_with_alerts() as (served, alerts):
        await add(served, CROSSES, CROSSES, CROSSES)
        for body, status, code in (
            ({"names": ["a1", "a9"]}, 404, "unknown_alert"),
            ({"names": []}, 400, "bad_setting"),
            ({"names": "a1"}, 400, "bad_request"),
            ({"all": True}, 400, "bad_request"),
        ):
            error_of(await served.http.post(f"{ALERTS}/remove", json=body), status, code)
        assert list(alerts.armed) == ["a1", "a2", "a3"]
        answer = await served.http.post(f"{ALERTS}/remove", json={"names": ["a3", "a1", "a3"]})
        assert (answer.status_code, answer.json()) == (200, {"removed": ["a3", "a1"]})
        assert list(alerts.armed) == ["a2"]


async def test_a_foreign_page_arms_and_removes_nothing() -> None:
    async with desk_with_alerts() as (served, alerts):
        await add(served, CROSSES)
        for method, path in (("POST", ALERTS), ("DELETE", f"{ALERTS}/a1"), ("POST", f"{ALERTS}/a1/pause")):
            answer = await served.http.request(
                method, path, json={"sentences": [CROSSES]}, headers={"origin": "http://evil.example"}
            )
            error_of(answer, 403, "origin_not_allowed")
        assert [(view.name, view.state.phase) for view in alerts.armed.values()] == [("a1", "active")]


# --- one rule


async def test_of_two_edits_at_once_the_second_is_told() -> None:
    async with desk_with_alerts() as (served, alerts):
        await add(served, CROSSES)
        missing = await served.http.put(f"{ALERTS}/a1", json={"sentence": "BTC-USDT is above 1"})
        assert (
            "version: expected the version that was read" in error_of(missing, 400, "bad_setting")["message"]
        )
        edited = await served.http.put(f"{ALERTS}/a1", json={"sentence": "BTC-USDT is above 7", "version": 1})
        assert (edited.json()["version"], edited.json()["sentence"]) == (2, f"{BTC} is above 7, once")
        second = await served.http.put(f"{ALERTS}/a1", json={"sentence": "BTC-USDT is above 8", "version": 1})
        message = error_of(second, 409, "alert_changed")["message"]
        assert "expected version 1, found 2" in message
        assert "is above 7" in message
        both = await served.http.put(f"{ALERTS}/a1", json={"sentence": "x", "rule": TYPED, "version": 2})
        assert "expected a sentence or a rule, found both" in error_of(both, 400, "bad_setting")["message"]
        wrong = await served.http.put(f"{ALERTS}/a1", json={"rule": TYPED, "version": "2"})
        assert error_of(wrong, 400, "bad_request")["message"] == "version: expected int | null, found str"
        assert alerts.armed["a1"].version == 2


async def test_a_rule_is_paused_taken_up_again_and_removed_and_its_why_outlives_it() -> None:
    async with desk_with_alerts() as (served, alerts):
        await add(served, CROSSES, "ETH-USDT is below 2000")
        assert (await served.http.post(f"{ALERTS}/a1/pause")).json()["phase"] == "paused"
        assert (await served.http.post(f"{ALERTS}/a1/pause")).json()["phase"] == "paused"
        assert (await served.http.post(f"{ALERTS}/a1/resume")).json()["phase"] == "active"
        alerts.fire("a1")
        assert names(await served.http.delete(f"{ALERTS}/a1")) == ["a2"]
        for method, path in (
            ("GET", "a1"), ("DELETE", "a1"), ("POST", "a1/pause"), ("POST", "a1/resume"), ("GET", "a9/why"),
        ):  # fmt: skip
            error = error_of(await served.http.request(method, f"{ALERTS}/{path}"), 404, "unknown_alert")
            assert path.partition("/")[0] in error["message"]
        put = await served.http.put(f"{ALERTS}/a1", json={"sentence": CROSSES, "version": 1})
        error_of(put, 404, "unknown_alert")
        why = (await served.http.get(f"{ALERTS}/a1/why")).json()
        assert (why["name"], why["alert"], why["sentence"]) == ("a1", None, SAID)
        assert [row["key"] for row in why["alerts"]] == ["7c1e.a1.1"]


async def test_why_shows_the_line_of_the_journal_with_what_was_and_what_is() -> None:
    async with desk_with_alerts() as (served, alerts):
        await add(served, CROSSES)
        alerts.stand("a1", LeafState.NO)
        served.desk.clock.advance(5 * NS_PER_S)
        served.desk.trade(BTC, 65_001.2, 0.5)
        alerts.fire("a1", late=True)
        served.desk.clock.advance(5 * NS_PER_S)
        why = (await served.http.get(f"{ALERTS}/a1/why")).json()
        before = (await served.http.get(f"{ALERTS}/a1/why?at={T0 + 1}&limit=1")).json()
    at = T0 + 5_000_000
    [step] = why["steps"]
    assert step == {
        "number": 1, "outcome": "fired", "ts_event": at, "ts_recv": at, "trade_id": "7", "value": 65001.2,
        "state": "complete", "after_gap": False, "late": True, "leaf": 0, "before": ["no"], "after": ["yes"],
        "phase": "active", "fired": at, "words": "fired at 65,001.2; found after the fact",
    }  # fmt: skip
    assert why["trades"] == [
        {"trade_id": "1", "price": 65001.2, "quantity": 0.5, "side": "buy", "ts_event": at, "ts_recv": at}
    ]
    assert (why["at"], why["around"], why["later"], why["alert"]["name"]) == (T0 + 10_000_000, "", [], "a1")
    assert (before["at"], before["steps"], before["later"]) == (T0 + 1, [], [step])
    assert before["reason"] == "nothing has happened yet"


# --- before arming


async def test_a_preview_arms_nothing() -> None:
    async with desk_with_alerts() as (served, alerts):
        served.desk.trade(BTC, 64_912.5)
        by_words = await served.http.post(f"{ALERTS}/preview", json={"sentence": CROSSES})
        found = by_words.json()
        assert (found["sentence"], found["leaves"], found["waits_for"]) == (SAID, ["unseen"], [])
        assert (found["instrument"], found["price"]) == (BTC, 64_912.5)
        assert [line["role"] for line in found["lines"]] == ["level", "rearm"]
        by_type = await served.http.post(f"{ALERTS}/preview", json={"rule": found["rule"]})
        assert by_type.json() == found
        none = await served.http.post(f"{ALERTS}/preview", json={})
        assert "expected a sentence or a rule, found none" in error_of(none, 400, "bad_setting")["message"]
        wrong = await served.http.post(
            f"{ALERTS}/preview", json={"sentence": "BTC-USDT crosses over the moon"}
        )
        error = error_of(wrong, 400, "bad_setting")
        assert "found 'the' after 'BTC-USDT crosses over'" in error["message"]
        assert error["hint"].startswith("such as: ")
        assert alerts.armed == {}


async def test_a_rehearsal_tells_what_would_have_been_told() -> None:
    async with desk_with_alerts() as (served, alerts):
        wish: dict[str, Any] = {"sentence": "BTC-USDT crosses above 65,000", "per_day": 1.5}
        nothing = await served.http.post(f"{ALERTS}/rehearse", json=wish)
        error_of(nothing, 409, "no_data_yet")
        for price in (64_990.0, 65_010.0, 64_990.0, 65_020.0):
            served.desk.clock.advance(NS_PER_S)
            served.desk.trade(BTC, price)
        found = (await served.http.post(f"{ALERTS}/rehearse", json=wish)).json()
        assert (found["judged"], found["start"], found["end"]) == (4, T0 + 1_000_000, T0 + 4_000_000)
        assert found["fired"] == [T0 + 2_000_000, T0 + 4_000_000]
        assert found["unknown"] == [[T0 + 999_999, T0 + 1_000_000]]
        assert (found["wished_per_day"], found["cooldown_s"], found["over"]) == (1.5, None, "trades")
        assert found["prices"][0] == [T0 + 1_000_000, 64_990.0]
        short = await served.http.post(f"{ALERTS}/rehearse", json={**wish, "span_s": 2.5})
        assert short.json()["judged"] == 3
        for field, value, said in (
            ("span_s", 0, "span_s: expected seconds above 0"), ("span_s", 1e300, "span_s: expected"),
            ("per_day", -1, "per_day: expected a number above 0"),
        ):  # fmt: skip
            answer = await served.http.post(f"{ALERTS}/rehearse", json={**wish, field: value})
            assert said in error_of(answer, 400, "bad_setting")["message"]
        odd = await served.http.post(f"{ALERTS}/rehearse", json={**wish, "over": "candles"})
        assert "over: invalid enum value 'candles'" in error_of(odd, 400, "bad_request")["message"]
        assert alerts.armed == {}


# --- what was told


async def test_the_centre_is_read_and_cleared_for_everybody_and_the_history_keeps_all() -> None:
    async with desk_with_alerts(centre=3) as (served, alerts):
        await add(served, CROSSES, "ETH-USDT is below 2000")
        for name in ("a1", "a2", "a1", "a1"):
            alerts.fire(name)
        centre = (await served.http.get("/api/v1/notifications")).json()
        keys = [row["key"] for row in centre["notifications"]]
        assert (keys, centre["unread"]) == (["7c1e.a2.1", "7c1e.a1.2", "7c1e.a1.3"], 3)
        assert centre["notifications"][0] == {
            "key": "7c1e.a2.1", "alert": "a2", "firing": 1, "title": "a2 fired", "text": "at 65,001.2",
            "sentence": f"{ETH} is below 2,000, once", "severity": "info", "note": "", "instrument": ETH,
            "fired": T0, "told": T0, "value": 65001.2, "trade_id": "7", "state": "complete", "after_gap": False,
            "late": False, "read": False, "deliveries": [], "number": 1, "read_at": None,
        }  # fmt: skip
        read = await served.http.post("/api/v1/notifications/read", json={"keys": [keys[0], "of nobody"]})
        assert ([row["read"] for row in read.json()["notifications"]], read.json()["unread"]) == (
            [True, False, False], 2,
        )  # fmt: skip
        again = await served.http.post("/api/v1/notifications/read", json={"keys": None, "read": False})
        assert again.json()["unread"] == 3
        left = await served.http.post("/api/v1/notifications/clear", json={"keys": [keys[2]]})
        assert [row["key"] for row in left.json()["notifications"]] == ["7c1e.a1.1", *keys[:2]]
        assert (await served.http.post("/api/v1/notifications/clear", json={})).json()["notifications"] == []
        history = await served.http.get(f"{ALERTS}/history")
        assert len(history.json()["alerts"]) == 4
        one = await served.http.get(f"{ALERTS}/history?alert=a1&limit=2")
        assert [row["key"] for row in one.json()["alerts"]] == ["7c1e.a1.2", "7c1e.a1.3"]
        for query, said in (
            ("limit=0", "limit: expected int >= 1"),
            ("limit=1001", "limit: expected int <= 1000"),
        ):
            answer = await served.http.get(f"{ALERTS}/history?{query}")
            assert said in error_of(answer, 400, "bad_request")["message"]


async def test_channels_are_shown_and_tried() -> None:
    async with desk_with_alerts() as (served, alerts):
        assert (await served.http.get("/api/v1/channels")).json() == {
            "channels": [
                {
                    "name": "telegram", "kind": "telegram", "target": "a chat", "ready": True, "why": "", "off": False,
                    "fallback": "", "waiting": 0, "sent": 0, "dead": 0,
                }
            ]
        }  # fmt: skip
        tried = await served.http.post("/api/v1/channels/telegram/test")
        assert (tried.status_code, tried.json()) == (200, {"ok": True, "said": "accepted"})
        unknown = await served.http.post("/api/v1/channels/fax/test")
        assert "telegram" in error_of(unknown, 404, "unknown_channel")["hint"]
        large = await served.http.post("/api/v1/channels/telegram/test", content=b"x" * 1025)
        error_of(large, 413, "too_large")
        assert alerts.tested == ["telegram"]


async def test_a_browser_asks_to_be_pushed_to_and_leaves() -> None:
    endpoint = "https://push.example/1"
    said = {
        "endpoint": endpoint, "expirationTime": None, "keys": {"p256dh": "B", "auth": "A"}, "label": "phone",
    }  # fmt: skip
    async with desk_with_alerts() as (served, alerts):
        key = (await served.http.get("/api/v1/push")).json()
        assert set(key) == {"key"}
        put = await served.http.put("/api/v1/push", json=said)
        assert (put.status_code, put.json()) == (200, key)
        assert (alerts.pushed[endpoint].p256dh, alerts.pushed[endpoint].label) == ("B", "phone")
        bare = await served.http.put("/api/v1/push", json={"endpoint": endpoint})
        assert "keys: expected the keys" in error_of(bare, 400, "bad_setting")["message"]
        plain = await served.http.put("/api/v1/push", json={**said, "endpoint": "http://push.example"})
        assert "endpoint: expected an https address" in error_of(plain, 400, "bad_setting")["message"]
        for _ in range(2):
            gone = await served.http.request("DELETE", "/api/v1/push", json={"endpoint": endpoint})
            assert (gone.status_code, gone.json()) == (200, key)
        assert alerts.pushed == {}


# --- where there is nothing

EVERY = (
    ("GET", ALERTS), ("POST", ALERTS), ("POST", f"{ALERTS}/preview"), ("POST", f"{ALERTS}/rehearse"),
    ("POST", f"{ALERTS}/remove"),
    ("GET", f"{ALERTS}/history"), ("GET", f"{ALERTS}/a1"), ("PUT", f"{ALERTS}/a1"), ("DELETE", f"{ALERTS}/a1"),
    ("POST", f"{ALERTS}/a1/pause"), ("POST", f"{ALERTS}/a1/resume"), ("GET", f"{ALERTS}/a1/why"),
    ("GET", "/api/v1/notifications"), ("POST", "/api/v1/notifications/read"),
    ("POST", "/api/v1/notifications/clear"), ("GET", "/api/v1/channels"),
    ("POST", "/api/v1/channels/telegram/test"), ("GET", "/api/v1/push"), ("PUT", "/api/v1/push"),
    ("DELETE", "/api/v1/push"),
)  # fmt: skip


async def test_a_desk_that_keeps_no_alerts_says_so(subtests: pytest.Subtests) -> None:
    async with opened() as served:
        for method, path in EVERY:
            with subtests.test(f"{method} {path}"):
                body = {"endpoint": "https://x"} if path.endswith("push") else {}
                answer = await served.http.request(method, path, json=body)
                error = error_of(answer, 409, "feature_off")
                assert error["message"] == "this desk keeps no alerts"
                assert error["hint"]


async def test_a_journal_that_cannot_be_used_is_said_plainly() -> None:
    async with desk_with_alerts() as (served, alerts):
        alerts.damaged = StoreError("expected room on the disk, found none", hint="make room")
        for method, path, body in (
            ("GET", ALERTS, None), ("POST", ALERTS, {"sentences": [CROSSES]}), ("GET", "/api/v1/notifications", None),
            ("GET", f"{ALERTS}/history", None),
        ):  # fmt: skip
            answer = await served.http.request(method, path, json=body)
            assert error_of(answer, 503, "store_unusable")["hint"] == "make room"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", ALERTS, "GET, OPTIONS, POST"),
        ("POST", f"{ALERTS}/a1", "DELETE, GET, OPTIONS, PUT"),
        ("PUT", f"{ALERTS}/history", "GET, OPTIONS"),
        ("GET", f"{ALERTS}/preview", "OPTIONS, POST"),
        ("GET", f"{ALERTS}/a1/pause", "OPTIONS, POST"),
        ("POST", "/api/v1/push", "DELETE, GET, OPTIONS, PUT"),
    ],
)
async def test_other_methods_are_refused_and_options_says_which_there_are(
    method: str, path: str, allowed: str
) -> None:
    async with desk_with_alerts() as (served, _):
        error_of(await served.http.request(method, path), 405, "method_not_allowed")
        answer = await served.http.options(path)
        assert (answer.status_code, answer.headers["allow"]) == (204, allowed)


async def test_a_path_below_a_rule_that_is_none_is_not_found() -> None:
    async with desk_with_alerts() as (served, _):
        for path in (
            f"{ALERTS}/a1/nothing",
            f"{ALERTS}/a%2F1",
            "/api/v1/notifications/x",
            "/api/v1/channels/x",
        ):
            error_of(await served.http.get(path), 404, "not_found")
        long = await served.http.get(f"{ALERTS}/{'x' * 101}")
        assert "name: expected str of length <= 100" in error_of(long, 400, "bad_request")["message"]
