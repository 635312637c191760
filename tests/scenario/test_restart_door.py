"""POST /api/v1/restart: who may ask for another desk, how, and of which desk; and health on a simulated market."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from _doors import Open, opened
from _memorydesk import MemoryDesk
from msgspec.structs import replace

from bethna.core.status import Simulation, SourceKind

DOOR = "/api/v1/restart"
SIMULATED = Simulation(7, "no live host answers: 127.0.0.1:9 cannot be connected to")


def simulated_desk(*, live_reachable: bool = True) -> MemoryDesk:
    desk = MemoryDesk()
    desk.simulated = replace(SIMULATED, live_reachable=live_reachable)
    return desk


class Asked:
    """What a desk was asked for."""

    def __init__(self) -> None:
        self.sources: list[SourceKind] = []

    def __call__(self, source: SourceKind) -> None:
        self.sources.append(source)


WISH = b'{"source":"live"}'


async def post(served: Open, headers: dict[str, str], content: bytes = WISH) -> httpx.Response:
    given = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return await served.http.post(DOOR, content=content, headers={k: v for k, v in given.items() if v})


def code_of(answer: httpx.Response) -> str:
    error: dict[str, str] = answer.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    assert error["message"]
    return error["code"]


async def test_a_simulated_desk_is_told_to_begin_on_the_live_market() -> None:
    asked = Asked()
    async with opened(simulated_desk(), restart=asked) as served:
        bare: dict[str, str] = {}
        for headers in (bare, {"origin": served.url}, {"content_type": "Application/JSON; charset=utf-8"}):
            answer = await post(served, headers)
            assert (answer.status_code, answer.json()) == (202, {"restarting": "live"})
    assert asked.sources == ["live"] * 3


async def test_a_desk_on_the_live_market_or_a_tape_is_not_restarted() -> None:
    async with opened() as served:
        answer = await post(served, {})
        assert (answer.status_code, code_of(answer)) == (409, "not_simulated")
        assert "live" in answer.json()["error"]["message"]


async def test_a_desk_that_did_not_see_the_live_market_is_not_restarted_into_it() -> None:
    asked, desk = Asked(), simulated_desk(live_reachable=False)
    async with opened(desk, restart=asked) as served:
        answer = await post(served, {})
        assert (answer.status_code, code_of(answer)) == (409, "live_not_reachable")
        assert "live_reachable is false" in answer.json()["error"]["message"]
        assert "--source live" in answer.json()["error"]["hint"]
        assert asked.sources == []
        desk.simulated = replace(SIMULATED, live_reachable=True)  # as the desk's own look finds out
        assert (await post(served, {})).status_code == 202
    assert asked.sources == ["live"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"source":"twin"}', "found source: 'twin'"),
        (b'{"source":"' + b"x" * 500 + b'"}', "found source: 'xxx"),
        (b'{"source":7}', "found source: expected str, got int"),
        (b'{"source":"live","now":true}', "unknown field now"),
        (b"", "found an empty body"),
    ],
)
async def test_a_wrong_wish_is_told_what_was_found_in_it(content: bytes, said: str) -> None:
    async with opened(simulated_desk(), restart=Asked()) as served:
        message = (await post(served, {}, content)).json()["error"]["message"]
        assert message.startswith('expected {"source": "live"}, found ')
        assert said in message
        assert "nothing" not in message
        assert len(message) < 150


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b'{"source":"live"}', {"origin": "http://evil.example"}, 403, "origin_not_allowed"),
        (b'{"source":"live"}', {"origin": "null"}, 403, "origin_not_allowed"),
        (b'{"source":"live"}', {"host": "evil.example"}, 403, "host_not_allowed"),
        (b'{"source":"live"}', {"content_type": "text/plain"}, 415, "not_json"),
        (b'{"source":"live"}', {"content_type": ""}, 415, "not_json"),
        (b"source=live", {"content_type": "application/x-www-form-urlencoded"}, 415, "not_json"),
        (b'{"source":"twin"}', {}, 400, "bad_request"),
        (b'{"source":"live","now":true}', {}, 400, "bad_request"),
        (b"{}", {}, 400, "bad_request"),
        (b"[]", {}, 400, "bad_request"),
        (b"", {}, 400, "bad_request"),
        (b"{", {}, 400, "bad_request"),
        (b"\xff\xfe", {}, 400, "bad_request"),
        (b" " * 2000 + b'{"source":"live"}', {}, 413, "too_large"),
    ],
)
async def test_what_is_no_wish_for_the_live_market_is_refused(
    content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    asked = Asked()
    async with opened(simulated_desk(), restart=asked) as served:
        answer = await post(served, headers, content)
        assert (answer.status_code, code_of(answer)) == (status, code)
        assert (await served.http.get("/api/v1/health")).status_code == 200
    assert asked.sources == []


async def test_the_door_is_not_read() -> None:
    async with opened(simulated_desk(), restart=Asked()) as served:
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            answer = await served.http.request(method, DOOR)
            assert answer.status_code == 405
        assert "POST" in (await served.http.get(DOOR)).json()["error"]["hint"]


async def test_health_and_metrics_say_that_it_is_simulated() -> None:
    async with opened(simulated_desk(live_reachable=False)) as served, served.socket() as socket:
        health: Any = (await served.http.get("/api/v1/health")).json()
        assert health["source"] == "twin"
        assert health["simulation"] == {"seed": 7, "reason": SIMULATED.reason, "live_reachable": False}
        assert await served.metric("bethna_simulated") == 1
        await socket.subscribe("health")
        pushed = await socket.frame()
        assert pushed["data"]["simulation"] == health["simulation"]
    async with opened() as served:
        assert (await served.http.get("/api/v1/health")).json()["simulation"] is None
        assert await served.metric("bethna_simulated") == 0
