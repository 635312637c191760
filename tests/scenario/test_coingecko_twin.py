"""What the codec asks for, the twin answers, over a real port and from memory: the figures are the twin's truth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random

import pytest
from coingecko_bench import BTC, DAY, FREE, HOUR, MINUTE, CoinGeckoBench
from msgspec.structs import replace
from scenario.twin_house import parsed, read_all

from bethna.core.clock import NS_PER_S
from bethna.core.errors import RateLimited, VenueAnswer, WireError
from bethna.runtime.clocks import SystemClock
from bethna.twins.coingecko import CoinGeckoTwin, Rules, listings
from bethna.twins.faults import Fault, Faults
from bethna.twins.market.world import World
from bethna.twins.serving import TwinServer, authority_of, listen
from bethna.venues.coingecko import CoinGecko, access, bars_of
from bethna.venues.coingecko.bars import bars, usual_gap
from bethna.venues.coingecko.coins import COINS
from bethna.venues.coingecko.facts import (
    CoinList,
    Fact,
    IndexCandlePage,
    IndexPrices,
    Pong,
    SamplePage,
)
from bethna.venues.spec import RestRequest

PATIENCE_S = 20
KEYS = {"demo": "CG-demo", "pro": "CG-pro"}
RULES = Rules(past_days=100, caches=False)


def door(authority: str, plan: str) -> CoinGecko:
    """The codec of a plan, its host being the twin's."""
    root = "/pro-api/api/v3" if plan == "pro" else FREE
    keys = {f"{plan}_key": KEYS.get(plan, "")}
    demo, pro = keys.get("demo_key", ""), keys.get("pro_key", "")
    return CoinGecko(access(plan, demo_key=demo, pro_key=pro, rest=f"http://{authority}{root}"))


class Behind:
    """A twin behind a real port."""

    def __init__(self, twin: CoinGeckoTwin, authority: str) -> None:
        self.twin = twin
        self.authority = authority

    async def fetch(self, codec: CoinGecko, request: RestRequest) -> Fact:
        """Ask as the desk would: the door's host, its headers, the answer's status and wait."""
        url = codec.access.rest + request.path
        fields = {"host": self.authority, "connection": "close", **codec.access.headers(url)}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        target = url.removeprefix(f"http://{self.authority}")
        host, _, port = self.authority.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode())
            async with asyncio.timeout(PATIENCE_S):
                status, headers, body = parsed(await read_all(reader))
        finally:
            writer.close()
        now = SystemClock().now_ns()
        (fact,) = codec.decode(url, body, now, status=status, retry_after=headers.get("retry-after"))
        return fact


@asynccontextmanager
async def served(seed: int, rules: Rules = RULES, plan: Sequence[Fault] = ()) -> AsyncIterator[Behind]:
    clock = SystemClock()
    start = clock.now_ns()
    world = World(seed, start, listings()[:4])
    faults = Faults(plan, start, Random(seed))
    twin = CoinGeckoTwin(world, faults, rules, Random(seed))
    server = TwinServer(twin, faults, clock, start, symbols=world.markets)
    bound = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(bound, ready.set))
        await ready.wait()
        yield Behind(twin, authority_of(bound))
        server.stop()


@pytest.mark.parametrize("plan", ["keyless", "demo", "pro"])
async def test_everything_that_is_asked_for_is_answered(seed: int, plan: str) -> None:
    async with served(seed) as venue:
        codec, index = door(venue.authority, plan), venue.twin.index
        assert isinstance(await venue.fetch(codec, codec.ping_request()), Pong)
        coins = await venue.fetch(codec, codec.coins_request())
        assert isinstance(coins, CoinList)
        assert coins.lacks(tuple(COINS[asset] for asset in ("BTC", "ETH", "SOL", "POL"))) == ()
        assert coins.lacks((COINS["MATIC"],)) == ("matic-network",)
        prices = await venue.fetch(codec, codec.prices_request(["BTC", "POL", "XRP"], "USD"))
        assert isinstance(prices, IndexPrices)
        assert prices.missing == ("ripple",)
        for each in prices.prices:
            truth = index.at(each.instrument.partition("@")[0], each.ts_event)
            assert truth is not None
            assert each.value == pytest.approx(truth, abs=0.005)
        now = SystemClock().now_ns()
        start = now - 3 * HOUR
        page = await venue.fetch(codec, codec.range_request("BTC", "USD", start, now, now))
        assert isinstance(page, SamplePage)
        assert len(page.samples) >= 35
        assert [sample.price for sample in page.samples] == [index.at(BTC, each.ts) for each in page.samples]


def decoded(venue: CoinGeckoBench, codec: CoinGecko, request: RestRequest) -> Fact:
    """Asked from memory."""
    url = codec.access.rest + request.path
    answer = venue.ask(url.removeprefix("http://twin"), codec.access.headers(url))
    retry_after = answer.headers.get("Retry-After")
    (fact,) = codec.decode(url, answer.body, venue.now, status=answer.status, retry_after=retry_after)
    return fact


@pytest.mark.parametrize(
    ("days", "width"), [(1, HOUR // 2), (7, 4 * HOUR), (14, 4 * HOUR), (30, 4 * HOUR), (90, 4 * DAY)]
)
def test_candles_are_the_truth_between_open_and_close(seed: int, days: int, width: int) -> None:
    venue = CoinGeckoBench(seed=seed, rules=RULES).run(1234.5)
    codec = door("twin", "demo")
    page = decoded(venue, codec, codec.ohlc_request("BTC", "USD", days))
    assert isinstance(page, IndexCandlePage)
    assert page.skipped == 0
    assert [candle.closed for candle in page.candles] == [True] * (len(page.candles) - 1) + [False]
    assert [candle.whole for candle in page.candles] == [False] + [True] * (len(page.candles) - 1)
    assert all(later.open_time == earlier.close_time for earlier, later in pairwise(page.candles))
    begin = venue.now - days * DAY
    for candle in page.candles:
        assert candle.close_time - candle.open_time == width
        points = venue.points(max(candle.open_time, begin), min(candle.close_time, venue.now + 1))
        truth = [round(price, 2) for _, price in points]
        said = (candle.open, candle.high, candle.low, candle.close)
        assert said == (truth[0], max(truth), min(truth), truth[-1])


@pytest.mark.parametrize(("days", "width"), [(1, 5 * MINUTE), (1, HOUR), (30, HOUR), (30, DAY)])
def test_bars_of_samples_close_on_the_truth(seed: int, days: int, width: int) -> None:
    venue = CoinGeckoBench(seed=seed, rules=RULES).run(1234.5)
    codec = door("twin", "keyless")
    page = decoded(venue, codec, codec.chart_request("ETH", "USD", days))
    assert isinstance(page, SamplePage)
    found = bars_of(page, width)
    behind = (usual_gap(page.samples) or 0) // 4
    assert found == bars(page.instrument, page.samples, width, venue.now, behind)
    assert all(bar.from_samples and bar.closed for bar in found[:-1])
    assert not found[-1].closed
    assert abs(len(found) - days * DAY / width) <= 2
    for bar in found[1:]:
        first, last = bar.open_time + behind, bar.close_time + behind
        inside = [each for each in page.samples if first <= each.ts < last]
        assert bar.close == venue.twin.index.at("ETH-USD", inside[-1].ts)
        points = [price for _, price in venue.points(bar.open_time - 2 * width, last, "ETH-USD")]
        assert min(points) <= bar.low <= bar.high <= max(points), "samples do not go beyond the truth"


def test_what_we_refuse_ourselves_the_twin_refuses_too(seed: int) -> None:
    """The edge of the year: what the codec lets pass is answered, and a second earlier is not."""
    venue = CoinGeckoBench(seed=seed, rules=replace(RULES, past_days=366)).run(1.25)
    codec = door("twin", "demo")
    edge = codec.access.earliest(venue.now)
    request = codec.range_request("BTC", "USD", edge, edge + DAY, venue.now)
    page = decoded(venue, codec, request)
    assert isinstance(page, SamplePage)
    assert len(page.samples) >= 23
    older = replace(
        request, path=request.path.replace(f"from={edge // NS_PER_S}", f"from={edge // NS_PER_S - 1}")
    )
    with pytest.raises(VenueAnswer, match="HTTP 401: Your request exceeds") as found:
        decoded(venue, codec, older)
    assert (found.value.status, found.value.venue_code) == (401, 10012)


def test_a_cached_answer_is_old_and_says_nothing_false(seed: int) -> None:
    venue = CoinGeckoBench(seed=seed, rules=Rules(past_days=2)).run(2400)
    codec = door("twin", "demo")
    request = codec.ohlc_request("BTC", "USD", 1)
    first = decoded(venue, codec, request)
    venue.run(2400 + 890)
    again = decoded(venue, codec, request)
    assert isinstance(first, IndexCandlePage)
    assert isinstance(again, IndexCandlePage)
    assert [replace(candle, ts_recv=0) for candle in again.candles] == [
        replace(candle, ts_recv=0) for candle in first.candles
    ]
    assert again.candles[-1].close_time < venue.now
    assert not again.candles[-1].closed, "its end has passed, but these are not its figures"


def test_errors_of_the_twin_are_errors_of_the_house(seed: int) -> None:
    faults = (
        Fault(kind="http_5xx", at_s=10.0, for_s=10.0),
        Fault(kind="http_html", at_s=30.0, for_s=10.0),
        Fault(kind="http_429", at_s=50.0, for_s=5.0),
        Fault(kind="http_429", at_s=56.0, for_s=3.0, retry_after_s=0.0),
    )
    venue = CoinGeckoBench(*faults, seed=seed, rules=Rules(past_days=1, demo_per_minute=100))
    codec = door("twin", "demo")
    ping = codec.ping_request()
    venue.run(15)
    for _ in range(4):
        with pytest.raises(VenueAnswer, match="HTTP 503") as failing:
            decoded(venue, codec, ping)
        assert failing.value.status == 503
        assert "ask again later" in failing.value.hint
    venue.run(35)
    with pytest.raises(WireError, match="a page in HTML"):
        decoded(venue, codec, ping)
    waits = []
    for second in (51, 57):
        with pytest.raises(RateLimited) as limited:
            decoded(venue.run(second), codec, ping)
        waits.append(limited.value.retry_after_s)
    assert waits == [4.0, 60.0], "and without a word of it a whole minute"
    venue.run(59.5)
    with pytest.raises(VenueAnswer, match="coin not found") as unknown:
        decoded(venue, codec, codec.ohlc_request("MATIC", "USD", 1))
    assert unknown.value.status == 404


def test_a_door_with_the_wrong_key_is_told_by_the_twin(seed: int) -> None:
    """We refuse such a key before anything is sent; the twin says what the venue would say."""
    venue = CoinGeckoBench(seed=seed, rules=Rules(past_days=1))
    codec = door("twin", "demo")
    for root, headers, code in (
        ("/pro-api/api/v3", {"x-cg-demo-api-key": "CG-demo"}, 10011),
        ("/pro-api/api/v3", {}, 10002),
        (FREE, {"x-cg-pro-api-key": "CG-pro"}, 10010),
    ):
        answer = venue.ask(f"{root}/ping", headers)
        with pytest.raises(VenueAnswer) as found:
            codec.decode("/ping", answer.body, venue.now, status=answer.status)
        assert found.value.venue_code == code


def test_the_twins_own_limit_is_a_wait(seed: int) -> None:
    venue = CoinGeckoBench(seed=seed, rules=Rules(past_days=1, keyless_per_minute=5)).run(10)
    codec = door("twin", "keyless")
    for _ in range(codec.access.requests_per_minute):
        assert isinstance(decoded(venue, codec, codec.ping_request()), Pong)
    left = MINUTE - venue.now % MINUTE
    waits = []
    for _ in range(2):
        with pytest.raises(RateLimited) as limited:
            decoded(venue, codec, codec.ping_request())
        waits.append(limited.value.retry_after_s)
    assert waits == [float(-(-left // NS_PER_S)), 60.0]
