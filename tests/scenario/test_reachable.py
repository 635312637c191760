"""Whether the live market can be reached: hosts that answer, refuse, babble, keep silent or are not there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import pytest
from handmade import Bell
from scenario.local_venue import LocalVenue, RestAnswer, local_venue

from bethna.app.live import venue_codec, venue_spec
from bethna.app.quota import connection_window, quota_keeper
from bethna.app.reachable import Look, look_around
from bethna.cli.reach import _Host
from bethna.config import HostUrls, load
from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.logic.quota_ledger import Lane, Terms
from bethna.net.http import HttpClient
from bethna.net.network import INTERNET
from bethna.runtime.clocks import SystemClock
from bethna.store.quota_keeper import QuotaKeeper
from bethna.venues.binance import SPEC, BinanceCodec
from bethna.venues.spec import StreamHost

NOBODY = HostUrls("ws://127.0.0.1:9", "http://127.0.0.1:9")  # nothing listens on the discard port
TIME: RestAnswer = (200, {}, b'{"serverTime":1700000000000}')


@pytest.fixture
async def venue() -> AsyncIterator[LocalVenue]:
    async with local_venue(Bell()) as found:
        yield found


def hosts_of(venue: LocalVenue, answer: RestAnswer) -> HostUrls:
    venue.rest["/api/v3/time"] = [answer]
    return HostUrls(venue.ws_url, venue.rest_url)


async def look(hosts: Sequence[HostUrls], shared: QuotaKeeper | None = None) -> Look:
    settings = load(options={"hosts": {"binance": [f"{h.ws}|{h.rest}" for h in hosts]}})
    spec, clock = venue_spec("binance", settings), SystemClock()
    async with HttpClient(clock) as http:
        with quota_keeper(spec, clock, Random(1), INTERNET) as quota:
            return await look_around(spec, http, venue_codec("binance", settings), shared or quota, clock)


@asynccontextmanager
async def silent() -> AsyncIterator[HostUrls]:
    """A host that takes connections and says nothing, ever."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield HostUrls(f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{port}")
    finally:
        for writer in held:
            writer.close()
        server.close()
        await server.wait_closed()


async def test_the_first_host_that_answers_is_enough(venue: LocalVenue) -> None:
    found = await look([hosts_of(venue, TIME), NOBODY])
    assert found == Look(f"127.0.0.1:{venue.port}", ())
    assert venue.rest_asked == ["/api/v3/time"]


async def test_a_host_that_is_not_there_is_named_and_the_next_one_is_asked(venue: LocalVenue) -> None:
    found = await look([NOBODY, hosts_of(venue, TIME)])
    assert found == Look(f"127.0.0.1:{venue.port}", ("127.0.0.1:9 cannot be connected to",))


async def test_what_is_asked_counts_and_a_venue_that_asks_to_wait_is_not_asked_again(
    venue: LocalVenue,
) -> None:
    quota = QuotaKeeper(Terms(6000, counted=True), SystemClock(), Random(1))
    await look([hosts_of(venue, TIME)], quota)
    assert quota.used() == BinanceCodec().time_request().weight
    await look([hosts_of(venue, (200, {"X-MBX-USED-WEIGHT-1M": "77"}, TIME[2]))], quota)
    assert quota.used() == 77
    await look([hosts_of(venue, (429, {"Retry-After": "30"}, b"{}"))], quota)
    asked = len(venue.rest_asked)
    assert quota.ask(quota.want(Lane.HEALING, 1)) > 25 * NS_PER_S, "whoever shares the quota waits"
    found = await look([hosts_of(venue, TIME)], quota)
    assert found.answered == f"127.0.0.1:{venue.port}", "it has answered somebody"
    assert len(venue.rest_asked) == asked


async def test_the_doctor_does_not_ask_while_the_quota_is_spent(venue: LocalVenue) -> None:
    clock = SystemClock()
    urls = hosts_of(venue, (200, {}, b'{"serverTime":%d}' % (clock.now_ns() // NS_PER_MS)))
    quota = QuotaKeeper(Terms(6000, counted=True), clock, Random(1))
    host = StreamHost("main", urls.ws, urls.rest)
    asking = _Host(SPEC, BinanceCodec(), host, 1.0, None, quota)
    async with HttpClient(clock) as http:
        assert [each.state for each in await asking.check(http, clock)] == ["ok", "ok"]
        quota.stop(30.0, banned=False)
        connection_window(SPEC, quota).close_until(clock.monotonic_ns() + 30 * NS_PER_S)
        found = await asking.check(http, clock)
    assert [each.state for each in found] == ["warning", "warning"]
    assert found[0].found.startswith("not asked: the request quota of binance is spent for")
    assert (venue.attempts, len(venue.rest_asked)) == (1, 1)


@pytest.mark.parametrize("status", [418, 429])
async def test_a_venue_that_asks_to_wait_is_there(venue: LocalVenue, status: int) -> None:
    found = await look([hosts_of(venue, (status, {"Retry-After": "9"}, b"{}"))])
    assert found.answered == f"127.0.0.1:{venue.port}"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((451, {}, b"{}"), "does not serve this place (HTTP 451)"),
        ((403, {}, b"{}"), "answers HTTP 403"),
        ((503, {}, b"{}"), "answers HTTP 503"),
        ((302, {"Location": "/login"}, b""), "answers HTTP 302"),
        ((200, {}, b"<html>log in first</html>"), "answers something else than the venue would"),
        ((200, {}, b'{"serverTime":"now"}'), "answers something else than the venue would"),
    ],
)
async def test_what_is_no_answer_is_told_in_words(venue: LocalVenue, answer: RestAnswer, words: str) -> None:
    found = await look([hosts_of(venue, answer), NOBODY])
    said = f"127.0.0.1:{venue.port} {words}"
    assert found == Look("", (said, "127.0.0.1:9 cannot be connected to"))


async def test_a_silent_host_keeps_nobody_waiting_for_the_next_one(venue: LocalVenue) -> None:
    async with silent() as mute:
        began = time.monotonic()
        found = await look([mute, hosts_of(venue, TIME)])
        took_s = time.monotonic() - began
    assert found.answered == f"127.0.0.1:{venue.port}"
    assert took_s < 4


async def test_when_all_are_silent_it_says_so_in_their_order() -> None:
    async with silent() as mute, silent() as other:
        began = time.monotonic()
        found = await look([mute, NOBODY, other])
        took_s = time.monotonic() - began
    assert found.answered == ""
    assert [words.partition(" ")[2] for words in found.silent] == [
        "does not answer within 5 s",
        "cannot be connected to",
        "does not answer within 5 s",
    ]
    assert took_s < 9
