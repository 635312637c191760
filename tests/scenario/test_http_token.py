"""Who may come in where there is a token, and how often anybody may ask: over real sockets."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import websockets
from _doors import Open, opened
from _memorydesk import BTC, START, MemoryDesk
from hypothesis import given
from hypothesis import strategies as st

from bethna.api.addresses import MOST_ADDRESSES, Table, network_of
from bethna.api.doors import Doors
from bethna.api.pace import BURST_S, Pace
from bethna.api.tokens import COOKIE, GUESSES, WINDOW_S, Tokens
from bethna.core.clock import NS_PER_S
from bethna.runtime.clocks import ManualClock

TOKEN = "the-token-of-this-desk_123"
RIGHT = {"authorization": f"Bearer {TOKEN}"}
PATHS = (
    "/", "/index.html", "/docs", "/chart/deep", "/missing.js", "/api/v1/prices", "/api/v1/nothing", "/metrics",
    "/schema/openapi.json", "/ws", f"/api/v1/prices?token={TOKEN}", f"/metrics?token={TOKEN}",
)  # fmt: skip


def code_of(answer: httpx.Response) -> str:
    error: dict[str, str] = answer.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    assert TOKEN not in answer.text
    return error["code"]


async def test_nothing_is_served_without_the_token(subtests: pytest.Subtests) -> None:
    async with opened(token=TOKEN) as served:
        for path in PATHS:
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
                with subtests.test(f"{method} {path}"):
                    answer = await served.http.request(method, path)
                    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
                    assert "content-security-policy" in answer.headers
                    if method != "HEAD":
                        assert code_of(answer) == "token_required"
        assert (await served.http.get("/api/v1/prices", headers=RIGHT)).status_code == 200
        assert (await served.http.get("/metrics", headers=RIGHT)).status_code == 200


CARRIED: list[dict[str, str]] = [
    RIGHT,
    {"authorization": f"bearer   {TOKEN}"},
    {"cookie": f"{COOKIE}={TOKEN}"},
    {"cookie": f"a=b; {COOKIE}={TOKEN};c=d"},
]
NOT_CARRIED: list[dict[str, str]] = [
    {"authorization": f"Bearer {TOKEN}x"},
    {"authorization": f"Basic {TOKEN}"},
    {"authorization": TOKEN},
    {"authorization": f"Bearer {TOKEN.upper()}"},
    {"authorization": "Bearer"},
    {"authorization": "Bearer wrong", "cookie": f"{COOKIE}={TOKEN}"},
    {"cookie": f"{COOKIE}={TOKEN[:-1]}"},
]


async def test_header_and_cookie_carry_it(subtests: pytest.Subtests) -> None:
    async with opened(token=TOKEN) as served:
        for headers in CARRIED:
            with subtests.test(repr(headers)):
                assert (await served.http.get("/api/v1/prices", headers=headers)).status_code == 200
        for headers in NOT_CARRIED:
            with subtests.test(repr(headers)):
                answer = await served.http.get("/api/v1/prices", headers=headers)
                assert (answer.status_code, code_of(answer)) == (401, "token_wrong")
        other = await served.http.get("/api/v1/prices", headers={"cookie": f"other={TOKEN}"})
        assert code_of(other) == "token_required"


ENTRANCES = {
    f"/?token={TOKEN}": "/",
    f"/docs?token={TOKEN}": "/docs",
    f"/chart/a%2Fb?x=1&token={TOKEN}&y=2": "/chart/a%2Fb?x=1&y=2",
    f"//evil.example/?token={TOKEN}": "/evil.example/",
    f"///evil.example?token={TOKEN}": "/evil.example",
    f"/\\evil.example/?token={TOKEN}": "/evil.example/",
    f"/?token={TOKEN.replace('-', '%2D')}": "/",
}


async def test_the_address_leads_to_a_cookie_and_to_this_very_host(subtests: pytest.Subtests) -> None:
    async with opened(token=TOKEN) as served:
        for target, expected in ENTRANCES.items():
            with subtests.test(target):
                request = httpx.Request(
                    "GET", served.url, extensions={"target": target.encode()}, headers={"host": "localhost"}
                )
                answer = await served.http.send(request)
                assert (answer.status_code, answer.headers["location"]) == (303, expected)
                assert answer.content == b""
                assert answer.headers["cache-control"] == "no-store"
                cookie = answer.headers["set-cookie"]
                assert cookie.lower().startswith(f"{COOKIE}=")
                assert {"httponly", "samesite=strict", "path=/"} <= {
                    part.strip().lower() for part in cookie.split(";")
                }
        served.http.cookies.clear()
        wrong = await served.http.get("/?token=wrong")
        assert (wrong.status_code, code_of(wrong)) == (401, "token_wrong")
        assert "set-cookie" not in wrong.headers
        for method in ("POST", "PUT", "DELETE"):
            answer = await served.http.request(method, f"/?token={TOKEN}")
            assert (answer.status_code, code_of(answer)) == (401, "token_required")


async def test_a_browser_that_came_in_once_stays_in() -> None:
    async with opened(token=TOKEN) as served:
        page = await served.http.get(f"/?token={TOKEN}", follow_redirects=True)
        assert page.status_code == 200
        assert "token" not in str(page.url)
        assert (await served.http.get("/api/v1/prices")).status_code == 200


async def test_a_foreign_page_cannot_guess_in_a_visitors_name() -> None:
    async with opened(token=TOKEN) as served:
        for _ in range(2 * GUESSES):
            answer = await served.http.get("/?token=guess", headers={"sec-fetch-dest": "image"})
            assert code_of(answer) == "token_required"
        opened_by_hand = await served.http.get(f"/?token={TOKEN}", headers={"sec-fetch-dest": "document"})
        assert opened_by_hand.status_code == 303


async def test_the_websocket_asks_for_it_too() -> None:
    async with opened(token=TOKEN) as served:
        for headers, code in (({}, "token_required"), ({"cookie": f"{COOKIE}=wrong"}, "token_wrong")):
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(served.ws_url, additional_headers=headers)
            assert refused.value.response.status_code == 401
            assert json.loads(refused.value.response.body)["error"]["code"] == code
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(f"{served.ws_url}?token={TOKEN}")
        for headers in (RIGHT, {"cookie": f"{COOKIE}={TOKEN}"}):
            async with served.socket(additional_headers=headers, origin=served.url) as socket:
                assert await socket.quiet() == []
        foreign = {"cookie": f"{COOKIE}={TOKEN}"}
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(served.ws_url, additional_headers=foreign, origin="http://evil.example")  # type: ignore[arg-type]  # any text
        assert refused.value.response.status_code == 403


async def test_the_right_token_does_not_open_to_a_foreign_host_or_page() -> None:
    async with opened(token=TOKEN) as served:
        host = await served.http.get("/api/v1/prices", headers={**RIGHT, "host": "evil.example"})
        assert (host.status_code, code_of(host)) == (403, "host_not_allowed")
        origin = await served.http.put(
            f"/api/v1/watchlist/{BTC}", headers={**RIGHT, "origin": "http://evil.example"}
        )
        assert (origin.status_code, code_of(origin)) == (403, "origin_not_allowed")


async def ask(served: Open, token: str) -> httpx.Response:
    return await served.http.get("/api/v1/prices", headers={"authorization": f"Bearer {token}"})


async def test_who_guesses_is_shut_out_for_a_while_with_the_right_token_too() -> None:
    clock = ManualClock(START)
    async with opened(token=TOKEN, host_clock=clock) as served:
        for number in range(GUESSES):
            assert code_of(await ask(served, f"guess {number}")) == "token_wrong"
        shut_out = await ask(served, TOKEN)
        assert (shut_out.status_code, code_of(shut_out)) == (429, "too_many_guesses")
        assert int(shut_out.headers["retry-after"]) == WINDOW_S
        entrance = await served.http.get(f"/?token={TOKEN}")
        assert (entrance.status_code, "set-cookie" in entrance.headers) == (429, False)
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(served.ws_url, additional_headers=RIGHT)
        assert refused.value.response.status_code == 429
        clock.advance(WINDOW_S * NS_PER_S - 1)
        assert (await ask(served, TOKEN)).status_code == 429
        clock.advance(1)
        assert (await ask(served, TOKEN)).status_code == 200
        text = (await served.http.get("/metrics", headers=RIGHT)).text
        assert f'bethna_requests_refused_total{{code="token_wrong"}} {GUESSES}' in text
        assert 'bethna_requests_refused_total{code="too_many_guesses"} 4' in text


async def test_guesses_that_lie_far_apart_shut_nobody_out() -> None:
    clock = ManualClock(START)
    async with opened(token=TOKEN, host_clock=clock) as served:
        for number in range(3 * GUESSES):
            assert code_of(await ask(served, f"guess {number}")) == "token_wrong"
            clock.advance((WINDOW_S // GUESSES + 1) * NS_PER_S)
        assert (await ask(served, TOKEN)).status_code == 200


async def test_a_page_with_an_old_cookie_shuts_nobody_out() -> None:
    async with opened(token=TOKEN) as served:
        for _ in range(5 * GUESSES):
            old = await served.http.get("/api/v1/prices", headers={"cookie": f"{COOKIE}=of-yesterday"})
            assert code_of(old) == "token_wrong"
        assert (await ask(served, TOKEN)).status_code == 200


# --- the pace


async def test_who_asks_too_fast_is_told_when_to_come_again() -> None:
    clock = ManualClock(START)
    async with opened(rate_per_s=10.0, host_clock=clock) as served:
        answers = [await served.http.get("/api/v1/prices") for _ in range(int(10 * BURST_S) + 5)]
        assert [answer.status_code for answer in answers] == [200] * 40 + [429] * 5
        assert code_of(answers[-1]) == "too_many_requests"
        assert answers[-1].headers["retry-after"] == "1"
        for path in ("/metrics", "/", "/missing.js"):
            assert (await served.http.get(path)).status_code != 429
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(served.ws_url)
        assert refused.value.response.status_code == 429
        clock.advance(NS_PER_S // 5)
        again = [(await served.http.get("/api/v1/prices")).status_code for _ in range(3)]
        assert again == [200, 200, 429]


async def test_pages_from_elsewhere_use_up_nothing_of_the_person_before_the_browser() -> None:
    async with opened(rate_per_s=10.0, host_clock=ManualClock(START)) as served:
        foreign = [
            (await served.http.get("/api/v1/prices", headers={"sec-fetch-site": site})).status_code
            for site in ("cross-site", "same-site")
            for _ in range(50)
        ]
        assert foreign[-1] == 429
        own = await served.http.get("/api/v1/prices", headers={"sec-fetch-site": "same-origin"})
        assert own.status_code == 200


async def test_frames_of_a_socket_do_not_count() -> None:
    async with opened(rate_per_s=1.0, host_clock=ManualClock(START)) as served, served.socket() as socket:
        for _ in range(50):
            assert await socket.quiet() == []


@given(
    st.floats(0.1, 1000),
    st.lists(st.tuples(st.integers(0, 3 * NS_PER_S), st.integers(1, 20)), max_size=30),
)
def test_no_stretch_of_time_lets_more_in_than_the_burst_and_the_pace(
    per_s: float, script: list[tuple[int, int]]
) -> None:
    clock = ManualClock(START)
    pace, began, let_in = Pace(per_s, clock), clock.monotonic_ns(), 0
    for pause, asked in script:
        clock.advance(pause)
        for _ in range(asked):
            let_in += not pace.wait_s("a", "/api/x")
        elapsed_s = (clock.monotonic_ns() - began) / NS_PER_S
        assert let_in <= max(1.0, per_s * BURST_S) + elapsed_s * per_s + 1e-6


def test_who_waits_as_told_may_come_in() -> None:
    for per_s in (0.3, 1.0, 7.0, 100.0):
        clock = ManualClock(START)
        pace = Pace(per_s, clock)
        while not (wait_s := pace.wait_s("a", "/ws")):
            pass
        clock.advance(wait_s * NS_PER_S)
        assert pace.wait_s("a", "/ws") == 0


# --- memory


def scope(address: str, token: str = "") -> Any:
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {token}".encode())]
    return {
        "type": "http", "method": "GET", "path": "/api/v1/prices", "raw_path": b"/api/v1/prices",
        "query_string": b"", "headers": headers, "client": (address, 1), "server": None,
    }  # fmt: skip


def test_callers_from_everywhere_do_not_grow_the_tables() -> None:
    clock = ManualClock(START)
    doors = Doors(token=TOKEN, rate_per_s=1.0, clock=clock)
    for number in range(3 * MOST_ADDRESSES):
        refusal = doors.refusal(scope(f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::{number:x}", "wrong"))
        assert refusal is not None
        assert refusal.code == "token_wrong"
    assert (doors.pace.addresses, doors.tokens.addresses) == (MOST_ADDRESSES, MOST_ADDRESSES)


def test_one_home_is_one_caller_however_many_addresses_it_has() -> None:
    tokens = Tokens(TOKEN, ManualClock(START))
    verdicts = [tokens.verdict(scope(f"2001:db8::{number:x}", f"guess {number}")) for number in range(50)]
    assert verdicts == ["wrong"] * GUESSES + ["shut_out"] * (50 - GUESSES)
    assert tokens.addresses == 1
    assert tokens.verdict(scope("2001:db8:0:1::1", TOKEN)) == "right"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::/64"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_an_address_as_it_is_counted(address: str, counted: str) -> None:
    assert network_of(address) == counted


@given(st.lists(st.integers(0, 9)))
def test_the_table_keeps_who_was_seen_last(seen: list[int]) -> None:
    table: Table[list[int]] = Table(list, most=4)
    for number in seen:
        table.of(str(number)).append(number)
    kept = list(dict.fromkeys(reversed(seen)))[:4]
    assert len(table) == len(kept)
    for number in kept:
        assert table.of(str(number)), "it was forgotten"


async def test_the_address_that_was_called_is_a_name_of_this_desk() -> None:
    doors = Doors(token="", rate_per_s=0, clock=ManualClock(START))
    called: Any = {**scope("192.0.2.9"), "server": ("192.0.2.1", 8700)}
    for host, refused in (("192.0.2.1:8700", False), ("192.0.2.2:8700", True), ("desk.example", True)):
        called["headers"] = [(b"host", host.encode())]
        assert (doors.refusal(called) is not None) is refused, host
    named: Any = {**called, "server": ("desk.example", 8700), "headers": [(b"host", b"desk.example")]}
    assert doors.refusal(named) is not None, "a name proves nothing"
    six: Any = {**called, "server": ("2001:db8::1", 8700), "headers": [(b"host", b"[2001:db8::1]:8700")]}
    assert doors.refusal(six) is None


async def test_without_a_token_nothing_changes() -> None:
    async with opened(MemoryDesk()) as served:
        answer = await served.http.get("/api/v1/prices?token=x", headers={"authorization": "Bearer x"})
        assert answer.status_code == 200
        page = await served.http.get("/?token=x")
        assert page.status_code in (200, 503)
