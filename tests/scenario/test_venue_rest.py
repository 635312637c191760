"""REST requests of one venue against a local server: quota, bans, hosts, retries and the venue's clock."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import pytest
from handmade import Bell, HandTimers
from msgspec.structs import replace
from scenario.local_venue import LocalVenue, RestAnswer, local_venue

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.errors import ConfigError, ConnectError, RateLimited, VenueAnswer, WireError
from bethna.core.instrument import Instrument
from bethna.core.market import BookSnapshot, InstrumentId
from bethna.core.wire import ServerTime
from bethna.logic.quota_ledger import EVERYDAY, FLIGHT_NS, Lane, Terms
from bethna.logic.session_types import ConnectionSettings
from bethna.net import http
from bethna.net.http import HttpClient
from bethna.runtime.clocks import ManualClock
from bethna.services.venue_rest import VenueRest
from bethna.store.quota_keeper import QuotaKeeper
from bethna.venues.binance import SPEC, BinanceCodec
from bethna.venues.spec import RestRequest, StreamHost

START = 1_700_000_000 * NS_PER_S
BTC = Instrument(InstrumentId("BTC-USDT@binance"), "binance", "BTC", "USDT", "BTCUSDT", verified=True)
TIME = RestRequest("/api/v3/time", 1)
DEPTH: RestAnswer = (
    200,
    {"X-MBX-USED-WEIGHT-1M": "250"},
    b'{"lastUpdateId":7,"bids":[["1.0","2.0"]],"asks":[["1.1","2.0"]]}',
)


def server_time(ms: int = 1_700_000_000_000, used: int = 1) -> RestAnswer:
    return 200, {"X-MBX-USED-WEIGHT-1M": str(used)}, json.dumps({"serverTime": ms}).encode()


class Tape:
    def __init__(self) -> None:
        self.answers: list[tuple[str, bytes, int]] = []

    def http(self, url: str, raw: bytes, ts: int) -> None:
        self.answers.append((url, raw, ts))

    def opened(self, conn: int, url: str, ts: int) -> None: ...
    def received(self, conn: int, raw: bytes, ts: int) -> None: ...
    def sent(self, conn: int, text: str, ts: int) -> None: ...
    def closed(self, conn: int, reason: str, ts: int) -> None: ...


class World:
    def __init__(
        self, venue: LocalVenue, timers: HandTimers, rest: VenueRest, tape: Tape, bell: Bell
    ) -> None:
        self.venue = venue
        self.timers = timers
        self.rest = rest
        self.tape = tape
        self.bell = bell
        self.codec = BinanceCodec()
        self.codec.learn([BTC])


@asynccontextmanager
async def world(
    extra: tuple[str, ...] = (), *, blocked: tuple[int, ...] = (451, 403), **settings: Any
) -> AsyncIterator[World]:
    bell = Bell()
    clock = ManualClock(START)
    timers = HandTimers(clock, bell)
    tape = Tape()
    async with local_venue(bell) as venue, HttpClient(clock) as client:
        hosts = [StreamHost("main", venue.ws_url, venue.rest_url)]
        hosts += [
            StreamHost(f"other-{n}", "", url or venue.rest_url + "/api/other") for n, url in enumerate(extra)
        ]
        spec = replace(
            SPEC, hosts=tuple(hosts), weight_header="x-mbx-used-weight-1m", blocked_statuses=blocked
        )
        codec = BinanceCodec()
        codec.learn([BTC])
        rest = VenueRest(
            spec,
            codec,
            ConnectionSettings(**settings),
            clock,
            random.Random(1),
            QuotaKeeper(Terms(6000), clock, random.Random(1)),
            client,
            tape,
            timers=timers,
        )
        yield World(venue, timers, rest, tape, bell)


async def test_an_answer_comes_back_as_facts_and_is_on_the_tape() -> None:
    async with world() as w:
        w.venue.rest["/api/v3/depth"] = [DEPTH]
        (snapshot,) = await w.rest.fetch(w.codec.snapshot_request(BTC, 5000))
        assert isinstance(snapshot, BookSnapshot)
        assert (snapshot.instrument, snapshot.last_id, snapshot.limit) == (BTC.id, 7, 5000)
        assert w.tape.answers == [
            (w.venue.rest_url + "/api/v3/depth?symbol=BTCUSDT&limit=5000", DEPTH[2], START)
        ]
        assert w.rest.quota_used() == 250


async def test_the_venues_count_is_believed_and_the_quota_waited_for() -> None:
    async with world() as w:
        w.venue.rest["/api/v3/time"] = [server_time(used=5699), server_time()]
        await w.rest.fetch(TIME)
        await w.rest.fetch(TIME)
        with pytest.raises(RateLimited) as caught:
            await w.rest.fetch(TIME, patience_s=1.0)
        assert caught.value.retry_after_s == pytest.approx(40.5)  # START is 20 s into a minute
        async with asyncio.TaskGroup() as group:
            task = group.create_task(w.rest.fetch(TIME))
            await w.bell.until(lambda: w.timers.slept)
            assert len(w.venue.rest_asked) == 2
            w.timers.advance(40.5)
        assert len(task.result()) == 1
        assert w.rest.quota_used() == 1


async def test_orders_go_when_the_rest_of_the_quota_is_spent() -> None:
    async with world() as w:
        w.venue.rest["/api/v3/time"] = [server_time(used=5700)]
        await w.rest.fetch(TIME)
        with pytest.raises(RateLimited):
            await w.rest.fetch(TIME, lane=Lane.SNAPSHOTS, patience_s=1.0)
        assert len(await w.rest.fetch(TIME, lane=Lane.ORDERS, patience_s=0.0)) == 1


async def test_who_stops_waiting_is_in_nobodys_way() -> None:
    async with world() as w:
        everyday = int(6000 * EVERYDAY)
        w.venue.rest["/api/v3/time"] = [server_time(used=everyday - 10)]
        w.venue.rest["/api/v3/depth"] = [DEPTH]
        await w.rest.fetch(TIME)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(w.rest.fetch(w.codec.snapshot_request(BTC, 5000), lane=Lane.SNAPSHOTS))
            await w.bell.until(lambda: w.timers.slept)
            with pytest.raises(RateLimited):
                await w.rest.fetch(TIME, lane=Lane.HEALING, patience_s=0.5)
            task.cancel()
        assert len(await w.rest.fetch(TIME, lane=Lane.HEALING, patience_s=0.5)) == 1


async def test_a_request_that_failed_is_in_flight_no_longer_and_stays_counted() -> None:
    async with world() as w:
        w.venue.rest["/api/v3/depth"] = [(503, {}, b"")]
        with pytest.raises(VenueAnswer):
            await w.rest.fetch(w.codec.snapshot_request(BTC, 5000))
        assert w.rest.quota_used() == 250
        w.timers.advance(40.0)
        assert w.rest.quota_used() == 0
    async with world() as w:
        request = RestRequest("/api/v3/\x00", 250)  # a path that cannot be asked for
        with pytest.raises(ConnectError):
            await w.rest.fetch(request)
        w.timers.advance(40.0)
        assert w.rest.quota_used() == 0, f"in flight for {FLIGHT_NS} ns more"


@pytest.mark.parametrize("count", ["-5", "1e3", "5 5", "9" * 40, "", "many"])
async def test_a_count_that_is_none_is_not_believed(count: str) -> None:
    async with world() as w:
        body = b'{"serverTime":1700000000000}'
        w.venue.rest["/api/v3/time"] = [(200, {"X-MBX-USED-WEIGHT-1M": count}, body)]
        await w.rest.fetch(TIME)
        assert w.rest.quota_used() == 1


async def test_the_minute_begins_when_the_venue_says_so() -> None:
    async with world() as w:
        w.venue.rest["/api/v3/time"] = [server_time(1_700_000_035_000, used=5700)]  # 35 s ahead of us
        await w.rest.fetch(TIME)
        await w.rest.fetch(TIME, lane=Lane.ORDERS)
        with pytest.raises(RateLimited) as caught:
            await w.rest.fetch(TIME, patience_s=1.0)
        assert caught.value.retry_after_s == pytest.approx(5.5)


async def test_the_catalogue_teaches_the_limit() -> None:
    async with world() as w:
        limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 1200}]
        w.venue.rest["/api/v3/exchangeInfo"] = [
            (
                200,
                {},
                json.dumps(
                    {"timezone": "UTC", "serverTime": 1, "rateLimits": limits, "symbols": []}
                ).encode(),
            )
        ]
        await w.rest.fetch(w.codec.catalogue_request())
        assert w.rest.quota.limit == 1200


@pytest.mark.parametrize("status", [429, 418])
async def test_a_ban_stops_everything_until_it_is_over(status: int) -> None:
    async with world() as w:
        w.venue.rest["/api/v3/time"] = [
            (status, {"Retry-After": "45"}, b'{"code":-1003,"msg":"slow"}'),
            server_time(),
        ]
        with pytest.raises(RateLimited) as caught:
            await w.rest.fetch(TIME, retries=5)
        assert caught.value.retry_after_s == 45.0
        assert caught.value.banned == (status == 418)
        with pytest.raises(RateLimited):
            await w.rest.fetch(TIME, patience_s=44.0)
        assert len(w.venue.rest_asked) == 1
        w.timers.advance(45.0)
        assert list(await w.rest.fetch(TIME)) == [ServerTime(START)]
        assert len(w.venue.rest_asked) == 2


async def test_a_limit_that_only_the_body_tells_of_stops_everything_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kraken answers HTTP 200, Deribit HTTP 400: what they mean stands in the body, and the codec reads it."""

    def limited(*_: object) -> NoReturn:
        raise VenueAnswer("binance", 429, "EGeneral:Too many requests")

    async with world() as w:
        w.venue.rest["/api/v3/time"] = [(200, {"Retry-After": "45"}, b"{}"), server_time()]
        with monkeypatch.context() as patch:
            patch.setattr(BinanceCodec, "decode_http", limited)
            with pytest.raises(RateLimited) as caught:
                await w.rest.fetch(TIME, retries=5)
        assert caught.value.retry_after_s == 45.0
        with pytest.raises(RateLimited):
            await w.rest.fetch(TIME, patience_s=44.0)
        assert len(w.venue.rest_asked) == 1
        w.timers.advance(45.0)
        assert list(await w.rest.fetch(TIME)) == [ServerTime(START)]


async def test_a_blocked_host_and_a_dead_one_are_left_for_the_next() -> None:
    async with world(extra=("http://127.0.0.1:1", "")) as w:
        w.venue.rest["/api/v3/time"] = [(451, {}, b'{"code":0,"msg":"restricted location"}')]
        w.venue.rest["/api/other/api/v3/time"] = [server_time()]
        with pytest.raises(ConnectError):  # the dead one may have been a passing fault: it is tried twice
            await w.rest.fetch(TIME)
        assert len(await w.rest.fetch(TIME)) == 1
        assert len(await w.rest.fetch(TIME)) == 1
        assert [path.count("other") for path in w.venue.rest_asked] == [0, 1, 1]


async def test_when_every_host_is_blocked_the_reason_says_so_and_is_not_retried() -> None:
    async with world(extra=("",)) as w:
        w.venue.rest["/api/v3/time"] = w.venue.rest["/api/other/api/v3/time"] = [(451, {}, b"{}")]
        with pytest.raises(ConnectError, match="does not serve your place") as caught:
            await w.rest.fetch(TIME, retries=3)
        assert caught.value.status == 451
        assert "proxy" in caught.value.hint
        assert len(w.venue.rest_asked) == 2


@pytest.mark.parametrize("status", [403, 451])
@pytest.mark.parametrize(
    "body", [b"<html>Access denied</html>", b'{"code":0,"msg":"Forbidden"}', b'{"serverTime":1}']
)
async def test_a_refusal_of_access_is_about_us_whatever_the_body_says(status: int, body: bytes) -> None:
    async with world(blocked=()) as w:
        w.venue.rest["/api/v3/time"] = [(status, {}, body), server_time()]
        with pytest.raises(
            ConnectError, match=rf"binance (refused|does not serve).*\(HTTP {status}\)"
        ) as caught:
            await w.rest.fetch(TIME, retries=3)
        assert (caught.value.status, len(w.venue.rest_asked)) == (status, 1)
        assert "another host" not in caught.value.hint
        assert len(await w.rest.fetch(TIME)) == 1


async def test_a_fault_of_the_venue_is_retried_where_asked() -> None:
    async with world() as w:
        w.venue.rest["/api/v3/time"] = [(503, {}, b"<html>"), (502, {}, b""), server_time()]
        with pytest.raises(VenueAnswer) as caught:
            await w.rest.fetch(TIME)
        assert caught.value.status == 503
        async with asyncio.TaskGroup() as group:
            task = group.create_task(w.rest.fetch(TIME, retries=1))
            await w.bell.until(lambda: w.timers.slept)
            assert 0 <= w.timers.slept[0] <= NS_PER_S
            w.timers.advance(1.0)
        assert len(task.result()) == 1


async def test_a_refusal_is_the_callers_and_never_asked_again() -> None:
    async with world() as w:
        w.venue.rest["/api/v3/depth"] = [(400, {}, b'{"code":-1121,"msg":"Invalid symbol."}')]
        with pytest.raises(VenueAnswer, match="Invalid symbol") as caught:
            await w.rest.fetch(w.codec.snapshot_request(BTC, 100), retries=3)
        assert (caught.value.status, caught.value.venue_code) == (400, -1121)
        assert len(w.venue.rest_asked) == 1


@pytest.mark.parametrize("answer", [(200, {}, b"<html>"), (200, {}, b"")])
async def test_nonsense_is_a_wire_error(answer: RestAnswer) -> None:
    async with world() as w:
        w.venue.rest["/api/v3/time"] = [answer]
        with pytest.raises(WireError):
            await w.rest.fetch(TIME)


async def test_a_redirect_is_not_followed() -> None:
    async with world() as w:
        w.venue.rest["/api/v3/time"] = [
            (302, {"Location": "http://127.0.0.1:1/"}, b'{"serverTime":1700000000000}')
        ]
        with pytest.raises(VenueAnswer) as caught:
            await w.rest.fetch(TIME)
        assert caught.value.status == 302
        assert len(w.venue.rest_asked) == 1


async def test_the_venues_clock_is_measured_and_kept_fresh() -> None:
    async with world(clock_every_s=300.0) as w:
        w.venue.rest["/api/v3/time"] = [server_time(1_700_000_001_270)]
        assert await w.rest.measure_clock() == 1270 * NS_PER_MS
        assert w.rest.offset.measured(0) == (1270 * NS_PER_MS, "rest")
        asked = len(w.venue.rest_asked)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(w.rest.run())
            await w.bell.until(lambda: len(w.timers.slept) == 1)
            assert len(w.venue.rest_asked) == asked + 3
            for number in range(2, 11):
                w.timers.advance(30.0)
                await w.bell.until(lambda n=number: len(w.timers.slept) == n)  # type: ignore[misc]  # a bound default
            assert len(w.venue.rest_asked) == asked + 3
            w.timers.advance(30.0)
            await w.bell.until(lambda: len(w.timers.slept) == 11)
            assert len(w.venue.rest_asked) == asked + 6
            for _ in range(9):  # events tell of a clock that was stepped: asked at once
                w.rest.offset.event(START, START + 60 * NS_PER_S)
            w.timers.advance(30.0)
            await w.bell.until(lambda: len(w.timers.slept) == 12)
            assert len(w.venue.rest_asked) == asked + 9
            task.cancel()


async def test_a_venue_that_does_not_tell_the_time_is_asked_again_sooner() -> None:
    async with world(clock_every_s=300.0, max_delay_s=60.0) as w:
        w.venue.rest["/api/v3/time"] = [(500, {}, b""), server_time()]
        async with asyncio.TaskGroup() as group:
            task = group.create_task(w.rest.run())
            await w.bell.until(lambda: len(w.timers.slept) == 1)
            assert len(w.venue.rest_asked) == 1
            w.timers.advance(30.0)
            await w.bell.until(lambda: len(w.timers.slept) == 2)
            w.timers.advance(30.0)
            await w.bell.until(lambda: len(w.timers.slept) == 3)
            assert len(w.venue.rest_asked) == 4
            task.cancel()


async def test_the_client_says_host_and_path_and_never_the_query() -> None:
    async with world() as w, HttpClient(w.timers.clock) as client:
        with pytest.raises(ConnectError) as caught:
            await client.get("http://me:pw@127.0.0.1:1/api/v3/x?signature=secret", venue="v", timeout_s=5.0)
        assert caught.value.message == "expected an answer from 127.0.0.1:1/api/v3/x, found ConnectError"
        for url in ("http://", "gopher://127.0.0.1/", "http://127.0.0.1:99999/"):
            with pytest.raises(ConnectError):
                await client.get(url, venue="v", timeout_s=5.0)


@pytest.mark.parametrize("proxy", ["carrier-pigeon://here", "no url at all"])
def test_a_proxy_that_cannot_be_used_is_a_wrong_setting(proxy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        HttpClient(ManualClock(START), proxy=proxy)
    assert caught.value.key == "proxy"
    assert proxy not in caught.value.message


async def test_a_silent_server_and_an_endless_body_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 100)
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if b"/endless" in asked:
            writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\n\r\n" + b"x" * 1000)
        elif b"/short" in asked:
            writer.write(
                b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 2\r\n\r\nok"
            )
            assert b"cookie" not in (await reader.readuntil(b"\r\n\r\n")).lower()
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await done.wait()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening, HttpClient(ManualClock(START)) as client:
        with pytest.raises(ConnectError, match=r"within 0\.05 s"):
            await client.get(base + "/silent", venue="v", timeout_s=0.05)
        with pytest.raises(ConnectError, match="at most 100 bytes"):
            await client.get(base + "/endless", venue="v", timeout_s=5.0)
        answer = await client.get(base + "/short", venue="v", timeout_s=5.0)
        assert (answer.status, answer.body, answer.headers["x-two"]) == (200, b"ok", "1, 2")
        assert "set-cookie" not in answer.headers
        assert (await client.get(base + "/again", venue="v", timeout_s=5.0)).status == 204
        done.set()
