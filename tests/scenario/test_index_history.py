"""The index's past from its twin, in virtual time and under faults: what is told is the twin's truth, or marked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from types import TracebackType
from typing import Any, Self

import pytest
from coingecko_bench import DAY, HOUR, MINUTE
from faultgrid.trial import START
from twin_bench import ADDRESS
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.app.index_source import index_access, index_history
from bethna.config import HostUrls, Secret, Settings
from bethna.core.bars import Bar, BarKind
from bethna.core.clock import NS_PER_S, Clock
from bethna.core.coverage import Provenance, State
from bethna.core.errors import ConfigError, ConnectError
from bethna.core.intervals import Interval
from bethna.net.http import HttpAnswer
from bethna.services.index_history import IndexBars, IndexHistory
from bethna.twins.coingecko import CoinGeckoTwin, Rules, listings
from bethna.twins.faults import Fault, Faults
from bethna.twins.faults.kinds import Kind
from bethna.twins.market.world import World

HOST = "http://127.0.0.1:9"
BTC = "BTC-USD"
JITTER = 50 * NS_PER_S
"""How late the twin's samples may be."""
POINT = 30 * MINUTE
"""How far apart the points of its truth are at most."""


@dataclass
class Wire:
    """A way out that leads to the twin, and remembers what went there.

    Attributes:
        delay_s: so long each answer is on its way.
    """

    twin: CoinGeckoTwin
    clock: VirtualClock
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    delay_s: float = 0.05

    def requests(self, clock: Clock, *, proxy: str | None, headers: Mapping[str, str] | None = None) -> Wire:
        self.headers = dict(headers or {})
        return self

    async def connect(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def get(self, url: str, *, venue: str, timeout_s: float) -> HttpAnswer:
        sent = self.clock.now_ns()
        self.asked.append((sent, url, self.headers))
        target = url.removeprefix(HOST)
        assert target != url
        try:
            async with asyncio.timeout(timeout_s):
                self.twin.advance(sent)
                answer = self.twin.http("GET", target, self.headers, ADDRESS, sent)
                await pass_time(self.delay_s + answer.delay_s)
        except TimeoutError as error:
            raise ConnectError(venue, f"expected an answer within {timeout_s:g} s, found none") from error
        if answer.cut:
            raise ConnectError(venue, "expected an answer, found RemoteProtocolError")
        self.statuses[answer.status] += 1
        now = self.clock.now_ns()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status, headers, answer.body, sent, now, now)


RULES = Rules(past_days=366, keyless_per_minute=5)


class House:
    """An index's history, its twin and what lies between."""

    def __init__(
        self, clock: VirtualClock, seed: int, *plan: Fault, rules: Rules = RULES, **settings: Any
    ) -> None:
        world = World(seed, START, [each for each in listings() if each.base in ("BTC", "POL")])
        self.twin = CoinGeckoTwin(world, Faults(plan, START, Random(seed)), rules, Random(seed))
        self.wire = Wire(self.twin, clock)
        self.clock = clock
        found = index_history(settings_of(**settings), clock, Random(seed), self.wire)
        assert isinstance(found, IndexHistory)
        self.history = found

    async def ask(self, interval: Interval, ago: int, span: int, asset: str = "BTC") -> IndexBars:
        now = self.clock.now_ns()
        start = interval.close_time(interval.open_time(now - ago))
        return await self.history.bars(asset, "USD", interval, start, min(start + span, now))


def settings_of(**more: Any) -> Settings:
    given: dict[str, Any] = {"source": "live", "hosts": {"coingecko": (HostUrls("ws://127.0.0.1:9", HOST),)}}
    return Settings(**(given | more))


def play(script: Callable[[House], Any], seed: int, *plan: Fault, **more: Any) -> None:
    clock = VirtualClock(START)

    async def main() -> None:
        house = House(clock, seed, *plan, **more)
        try:
            await script(house)
        finally:
            await house.history.close()

    run_virtually(main(), clock)


def known(bars: Sequence[Bar]) -> list[Bar]:
    return [bar for bar in bars if bar.kind is not BarKind.UNKNOWN]


def check_truth(house: House, bars: Sequence[Bar], symbol: str = BTC) -> None:
    """Each end of a bar is the index's price there, as far as jitter lets know; between are no prices beyond it."""
    index = house.twin.index
    for bar in known(bars):
        assert bar.open is not None
        assert bar.high is not None
        assert bar.low is not None
        assert bar.close is not None
        assert (bar.source, bar.volume, bar.trades, bar.closed) == ("coingecko", None, None, True)
        assert bar.coverage.state in (State.UNVERIFIED, State.INCOMPLETE)
        reasons = {gap.reason for gap in bar.coverage.gaps}
        assert reasons & {"index", "index_samples"}
        inside = [price for _, price in index.between(symbol, bar.open_time, bar.close_time)]
        around = [price for _, price in index.between(symbol, bar.open_time - POINT, bar.close_time + JITTER)]
        if reasons == {"index"}:
            told = (bar.open, bar.high, bar.low, bar.close)
            truth = (inside[0], max(inside), min(inside), inside[-1])
            assert told == pytest.approx(truth, abs=0.005), bar
            continue
        assert min(around) - 0.005 <= bar.low <= bar.high <= max(around) + 0.005
        if bar.coverage.state is State.UNVERIFIED:
            for price, at in ((bar.open, bar.open_time), (bar.close, bar.close_time)):
                near = {index.at(symbol, at + later * NS_PER_S) for later in range(51)}
                assert any(price == pytest.approx(each, abs=0.005) for each in near), (bar, at)


@pytest.mark.parametrize(
    ("interval", "ago", "share"),
    [
        (Interval.M5, 20 * HOUR, 0.98), (Interval.M15, 20 * HOUR, 0.96), (Interval.M30, 20 * HOUR, 0.94),
        (Interval.H1, 20 * HOUR, 0.95),
        (Interval.H1, 10 * DAY, 0.99), (Interval.H4, 25 * DAY, 0.99), (Interval.H6, 9 * DAY, 0.9),
        (Interval.D1, 25 * DAY, 0.95), (Interval.D1, 300 * DAY, 0.99), (Interval.W1, 200 * DAY, 0.9),
        (Interval.MO1, 200 * DAY, 0.8),
    ],
)  # fmt: skip
def test_what_is_told_is_the_truth(seed: int, interval: Interval, ago: int, share: float) -> None:
    async def script(house: House) -> None:
        await pass_time(5_000.0)
        found = await house.ask(interval, ago, ago)
        assert found.refusals == ()
        assert all(earlier.close_time == later.open_time for earlier, later in pairwise(found.bars))
        assert len(known(found.bars)) >= share * (ago // interval.ns) - 1
        check_truth(house, found.bars)
        assert found.notes[0].startswith("Data provided by CoinGecko")
        assert house.wire.statuses.keys() == {200}

    play(script, seed)


def test_what_it_has_not_is_refused_by_name(seed: int) -> None:
    async def script(house: House) -> None:
        for interval, ago, words in (
            (Interval.M1, HOUR, "no bars of 1m, it has: 5m, 15m"),
            (Interval.M30, 3 * DAY, "bars of 30m of the last day only"),
            (Interval.D1, 500 * DAY, "shows 365 days"),
        ):
            found = await house.ask(interval, ago, 10 * interval.ns)
            assert known(found.bars) == []
            assert words in found.refusals[0].reason
            assert found.refusals[0].source == "coingecko"
        assert house.wire.asked == [], "and costs nothing"
        now = house.clock.now_ns()
        for base, quote, words in (("PEPE", "USD", "pinned"), ("BTC", "ETH", "one of USD, EUR")):
            found = await house.history.bars(base, quote, Interval.H1, now - HOUR, now)
            assert words in found.refusals[0].reason
        future = await house.history.bars("BTC", "USD", Interval.H1, now + HOUR, now + 2 * HOUR)
        assert (future.bars, future.refusals) == ([], ())

    play(script, seed)


def test_an_asset_that_the_source_has_no_more_is_refused(seed: int) -> None:
    async def script(house: House) -> None:
        found = await house.ask(Interval.D1, 90 * DAY, 90 * DAY, "MATIC")
        assert {each.reason for each in found.refusals} >= {found.refusals[0].reason}
        assert all("coin not found" in each.reason for each in found.refusals)
        assert len(house.wire.asked) == 1, "what is refused for good is not asked on"

    play(script, seed)


def test_a_dollar_coin_gets_the_dollars_index_and_is_told(seed: int) -> None:
    async def script(house: House) -> None:
        now = house.clock.now_ns()
        found = await house.history.bars("BTC", "USDT", Interval.H4, now - 3 * DAY, now)
        assert {bar.instrument for bar in found.bars} == {"BTC-USD@coingecko"}
        assert "USDT is no US dollar" in found.notes[-1]

    play(script, seed)


def test_a_chart_that_is_drawn_again_spends_nothing(seed: int) -> None:
    async def script(house: House) -> None:
        first = await house.ask(Interval.H4, 20 * DAY, 20 * DAY)
        for _ in range(50):
            await pass_time(10.0)
            again = await house.ask(Interval.H4, 20 * DAY, 20 * DAY)
            assert (
                known(again.bars) == known(first.bars) or len(known(again.bars)) >= len(known(first.bars)) - 1
            )
        both = await asyncio.gather(*(house.ask(Interval.D1, 20 * DAY, 20 * DAY) for _ in range(5)))
        assert len({len(each.bars) for each in both}) == 1
        assert len(house.wire.asked) == 1, "days are merged of the same answer"
        await pass_time(500.0)
        await house.ask(Interval.H4, 20 * DAY, 20 * DAY)
        assert len(house.wire.asked) == 2, "after a quarter of an hour it is asked again"
        late = asyncio.ensure_future(house.ask(Interval.H6, 5 * DAY, 5 * DAY))
        await pass_time(0.01)
        house.history.forget()
        assert known((await late).bars)
        assert house.history._kept == {}, "an answer of another world is not kept in this one"
        await asyncio.gather(*(house.ask(Interval.H4, 20 * DAY, 20 * DAY) for _ in range(5)))
        assert len(house.wire.asked) == 4, "who asks in the same words waits for one answer"

    play(script, seed)


def test_a_hundred_questions_never_pass_over_the_quota(seed: int) -> None:
    """Keyless: five a minute by the twin's own count, whatever is asked; it says 429 to the sixth."""

    async def script(house: House) -> None:
        rng = Random(seed)
        answered = 0
        for _ in range(100):
            interval = rng.choice((Interval.H1, Interval.H4, Interval.D1))
            found = await house.ask(
                interval, rng.randint(2, 364) * DAY, 40 * interval.ns, rng.choice(("BTC", "POL"))
            )
            answered += bool(known(found.bars))
            check_truth(house, found.bars[:3], BTC if "BTC" in found.bars[0].instrument else "POL-USD")
            house.history.forget()
            await pass_time(rng.uniform(0.0, 5.0))
        assert house.wire.statuses.keys() == {200}, "not one was refused"
        assert len(house.wire.asked) >= 100
        minutes = Counter(at // MINUTE for at, _, _ in house.wire.asked)
        assert max(minutes.values()) <= 5
        assert answered == 100

    play(script, seed)


def test_a_months_figure_is_a_window(seed: int) -> None:
    """Of ten requests a month the eleventh waits for a month; of 62,000 each day has its share of 2,000."""

    async def script(house: House) -> None:
        for number in range(12):
            found = await house.ask(Interval.H4, (number + 2) * DAY, DAY)
            house.history.forget()
            if number >= 10:
                assert "the request quota of coingecko is spent for" in found.refusals[0].reason
        assert len(house.wire.asked) == 10

    play(script, seed, index_per_month=10)
    taken = House(VirtualClock(START), seed, index_per_month=62_000).history._month
    assert taken is not None
    assert (taken._name, taken._limit, taken._length_ns) == ("day", 2000, DAY)


# --- what goes wrong


@pytest.mark.parametrize(
    ("fault", "words", "most"),
    [
        (Fault(kind="http_429", for_s=600.0, retry_after_s=300.0), "too much was asked", 1),
        (Fault(kind="http_429", for_s=600.0, retry_after_s=0.0), "ask again in 60 s", 1),
        (Fault(kind="http_5xx", for_s=600.0), "HTTP 503", 3),
        (Fault(kind="http_html", for_s=600.0), "a page in HTML", 3),
        (Fault(kind="http_451", for_s=600.0), "HTTP 451", 3),
        (Fault(kind="unreachable", for_s=600.0), "expected an answer", 3),
    ],
)
def test_a_failing_source_is_told_and_not_pressed(seed: int, fault: Fault, words: str, most: int) -> None:
    async def script(house: House) -> None:
        began = house.clock.now_ns()
        for _ in range(5):  # a chart that is drawn again and again
            found = await house.ask(Interval.H4, 5 * DAY, 5 * DAY)
            assert known(found.bars) == []
            assert words in found.refusals[0].reason
        assert house.clock.now_ns() - began < 60 * NS_PER_S, "nobody is kept waiting for the end of a ban"
        assert len(house.wire.asked) <= most
        asked = len(house.wire.asked)
        other = await house.ask(Interval.M30, 5 * HOUR, 5 * HOUR)
        assert other.refusals
        if fault.kind == "http_429":
            assert len(house.wire.asked) == asked, "a stop is one of all questions"
        await pass_time(700.0)
        well = await house.ask(Interval.H4, 5 * DAY, 5 * DAY)
        assert well.refusals == ()
        check_truth(house, well.bars)

    play(script, seed, fault)


def test_a_short_trouble_is_sat_out(seed: int) -> None:
    async def script(house: House) -> None:
        found = await house.ask(Interval.H4, 5 * DAY, 5 * DAY)
        assert found.refusals == ()
        assert len(known(found.bars)) >= 28
        assert house.wire.statuses == {429: 1, 200: 1}

    play(script, seed, Fault(kind="http_429", for_s=4.0))


def test_a_slow_source_is_left(seed: int) -> None:
    async def script(house: House) -> None:
        house.wire.delay_s = 11.0
        found = await house.ask(Interval.H4, 5 * DAY, 5 * DAY)
        assert "within 10 s, found none" in found.refusals[0].reason
        assert len(house.wire.asked) == 3

    play(script, seed)


def test_a_patient_caller_waits_no_longer_than_its_patience(seed: int) -> None:
    """Two hundred at once: the first have their turn, the others are told how long it takes."""

    async def script(house: House) -> None:
        found = await asyncio.gather(
            *(house.ask(Interval.H4, 5 * DAY, 5 * DAY, asset) for asset in ("BTC", "POL", "ETH", "SOL", "XRP", "ADA")),
            *(house.ask(Interval.D1, ago * DAY, DAY) for ago in range(100, 360, 80)),
        )  # fmt: skip
        assert max(Counter(at // MINUTE for at, _, _ in house.wire.asked).values()) <= 5
        assert all(each.refusals or known(each.bars) for each in found)

    play(script, seed)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
def test_whatever_is_asked_under_whatever_faults(campaign: Any) -> None:
    counts: Counter[str] = Counter()
    for seed in campaign.seeds(share=1, whole=200):
        rng = Random(seed)
        kinds: tuple[Kind, ...] = (
            "http_5xx",
            "http_429",
            "http_html",
            "unreachable",
            "http_451",
        )
        plan = [
            Fault(
                kind=rng.choice(kinds), at_s=rng.uniform(0, 1500), for_s=rng.uniform(1, 200), share=rng.random(),
            )
            for _ in range(4)
        ]  # fmt: skip

        async def script(house: House, rng: Random = rng) -> None:
            for _ in range(8):
                await pass_time(rng.uniform(0, 200))
                interval = rng.choice(
                    (Interval.M5, Interval.M30, Interval.H1, Interval.H4, Interval.D1, Interval.W1)
                )
                ago = rng.randint(1, 200) * interval.ns
                found = await house.ask(interval, ago, ago)
                counts["asked"] += 1
                counts["known"] += len(known(found.bars))
                counts["refused"] += len(found.refusals)
                missing = len(found.bars) - len(known(found.bars))
                assert found.refusals or missing <= 3, "what is missing is told"
                check_truth(house, found.bars[-20:])

        try:
            play(script, seed, *plan)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
    assert counts["known"] > counts["refused"]
    print(dict(counts))


# --- keys


@pytest.mark.parametrize(("plan", "header"), [("demo", "x-cg-demo-api-key"), ("pro", "x-cg-pro-api-key")])
def test_a_key_goes_along_and_is_seen_nowhere(
    seed: int, plan: str, header: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "CG-never-to-be-seen" if plan == "demo" else "wrong-never-to-be-seen"

    async def script(house: House) -> None:
        found = await house.ask(Interval.H4, 5 * DAY, 5 * DAY)
        assert house.wire.asked[0][2][header] == key
        assert key not in house.wire.asked[0][1], "not in an address"
        assert key not in repr(found.refusals) + repr(found.bars) + repr(house.history.past.access)
        assert bool(found.refusals) is (plan == "pro"), "the twin takes no such key"

    play(script, seed, index_plan=plan, index_key=Secret(key))
    said = capsys.readouterr()
    assert key not in caplog.text + said.out + said.err


def test_a_key_never_leaves_for_another_host(seed: int) -> None:
    """Whatever address a request is made for: the door refuses before a client is opened."""
    house = House(VirtualClock(START), seed, index_plan="demo", index_key=Secret("CG-secret"))
    access = house.history.past.access
    for url in (
        "http://127.0.0.1:9",
        "https://api.coingecko.com/api/v3/ping",
        "http://127.0.0.1:99/api/v3/ping",
    ):
        with pytest.raises(ConfigError) as found:
            access.headers(url)
        assert "CG-secret" not in f"{found.value.message} {found.value.hint}"


def test_a_simulated_market_gets_no_key_and_a_tape_asks_nobody(seed: int) -> None:
    secret = Secret("CG-secret")
    simulated = settings_of(source="twin", index_plan="demo", index_key=secret)
    door = index_access(simulated)
    assert door.plan.name == "keyless"
    assert door.headers(f"{door.rest}/ping") == {"accept": "application/json"}
    assert door.rest == f"{HOST}/api/v3"
    clock = VirtualClock(START)
    wire = House(clock, seed).wire
    nowhere = index_history(settings_of(source="twin", hosts={}), clock, Random(1), wire)
    assert nowhere == "the simulated market has no coingecko: lead `hosts` to a twin of it, too"
    assert (
        index_history(settings_of(source="tape:x"), clock, Random(1), wire)
        == "a tape is played: nobody is asked"
    )
    found = index_history(simulated, clock, Random(1), wire)
    assert isinstance(found, IndexHistory)
    assert found._provenance is Provenance.SYNTHETIC


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"index_key": Secret("CG-secret")}, "expected no key for the keyless plan"),
        ({"index_plan": "demo"}, "expected a demo key"),
        ({"index_plan": "pro", "index_key": Secret("no key")}, "expected a key of at most 200 letters"),
    ],
)
def test_a_key_that_does_not_fit_is_refused_at_the_start(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as found:
        index_access(settings_of(**settings))
    assert found.value.key == "index_key"
    assert "secret" not in f"{found.value.message} {found.value.hint}"
    assert "no key" not in found.value.hint


def test_hosts_lead_elsewhere_or_to_the_plans_own() -> None:
    assert index_access(settings_of(hosts={})).rest == "https://api.coingecko.com/api/v3"
    pro = settings_of(
        hosts={}, index_plan="pro", index_key=Secret("CG-x"), index_per_minute=7, index_per_month=9
    )
    door = index_access(pro)
    assert (door.rest, door.requests_per_minute, door.requests_per_month) == (
        "https://pro-api.coingecko.com/api/v3", 7, 9,
    )  # fmt: skip
