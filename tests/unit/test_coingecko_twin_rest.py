"""CoinGecko's twin: what it answers, against the truth it was taken from."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest
from coingecko_bench import BTC, DAY, DEMO_KEY, FREE, HOUR, MINUTE, PRO, PRO_KEY, RULES, CoinGeckoBench
from msgspec.structs import replace
from twin_bench import ADDRESS, START

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.coingecko import WORDS, CoinGeckoTwin, build, listings
from bethna.twins.coingecko.charts import candles, samples
from bethna.twins.coingecko.index import COARSE_NS, EVERY_NS, KEPT, PAST_NS, Series
from bethna.twins.coingecko.limits import MAX_ASKERS, Limits, Rules
from bethna.twins.faults import Fault, Faults
from bethna.twins.line import Answer
from bethna.twins.market.facts import UNIT
from bethna.twins.market.world import World

OHLC = "/coins/bitcoin/ohlc?vs_currency=usd&days="
CHART = "/coins/bitcoin/market_chart?vs_currency=usd&days="


# --- the truth


def test_the_index_is_the_fair_value_of_the_common_market() -> None:
    """At every half minute, as another world of the same seed says it."""
    venue = CoinGeckoBench().run(95)
    other = World(3, START, [each for each in listings() if each.base in ("BTC", "XRP")])
    market = other.markets[BTC]
    noted = venue.points(START, venue.now + 1)
    assert [ts % EVERY_NS for ts, _ in noted] == [0, 0, 0]
    for ts, price in noted:
        other.advance(ts)
        assert price == market.fair(ts - START) * market.listing.tick / UNIT
    assert len({price for _, price in noted}) == 3


def test_a_world_that_begins_between_two_seconds_is_noted_on_the_grid() -> None:
    world = World(3, START + NS_PER_S // 4, [each for each in listings() if each.base == "BTC"])
    twin = build(world, Faults((), START, Random(1)), Random(1))
    twin.advance(START + 90 * NS_PER_S)
    market = world.markets[BTC]
    (ts, price) = twin.index.between(BTC, START, START + 100 * NS_PER_S)[-1]
    assert ts % EVERY_NS == 0
    other = World(3, world.start, [market.listing])
    other.advance(ts)
    straight = other.markets[BTC].fair(3 * NS_PER_S // 4)  # three quarters into the second
    assert price == straight * market.listing.tick / UNIT
    assert straight != other.markets[BTC].fair(0)


def test_the_past_leads_to_the_first_price_and_is_a_function_of_the_seed() -> None:
    venue, again, another = CoinGeckoBench(), CoinGeckoBench(), CoinGeckoBench(seed=4)
    past = venue.points(0, START)
    assert 0 <= START - 40 * DAY - past[0][0] <= COARSE_NS
    gaps = [(later, later - earlier) for (earlier, _), (later, _) in pairwise(past)]
    assert all(gap == PAST_NS for later, gap in gaps if later > START - 3 * DAY + HOUR)
    assert all(gap == COARSE_NS for later, gap in gaps if later < START - 3 * DAY - HOUR)
    assert {gap for _, gap in gaps} == {PAST_NS, COARSE_NS}
    assert START - PAST_NS <= past[-1][0] < START
    first = venue.world.markets[BTC].listing.price
    assert abs(past[-1][1] / first - 1) < 0.02
    assert all(0.2 < price / first < 5 for _, price in past)
    assert again.points(0, START) == past != another.points(0, START)
    tether = CoinGeckoBench(assets=["USDT"]).points(0, START, "USDT-USD")
    assert all(abs(price - 1) < 0.05 for _, price in tether)


def test_points_are_kept_within_bounds() -> None:
    series = Series()
    for step in range(KEPT + 1):
        series.add(step, 1.0 + step)
    assert len(series.times) == KEPT // 2 + 1
    assert series.at(KEPT) == KEPT + 1
    assert series.at(0) is None


# --- answers


def test_prices_of_known_ids() -> None:
    venue = CoinGeckoBench().run(95)
    asked = "/simple/price?ids=bitcoin,nobody,tether&vs_currencies=usd,eur,xyz&include_last_updated_at=true"
    found = venue.get(f"{asked}&include_24hr_change=true")
    (ts, price) = venue.points(START, venue.now)[-1]
    before = venue.points(0, venue.now - DAY + 1)[-1][1]
    rate = found["bitcoin"].pop("eur")
    change = found["bitcoin"].pop("eur_24h_change")
    assert found == {
        "bitcoin": {
            "usd": round(price, 2),
            "usd_24h_change": pytest.approx((price / before - 1) * 100),
            "last_updated_at": ts // NS_PER_S,
        }
    }
    assert 1 < price / rate < 1.3
    assert change == found["bitcoin"]["usd_24h_change"]
    assert list(venue.get("/simple/price?ids=bitcoin&vs_currencies=usd")["bitcoin"]) == ["usd"]
    assert venue.get("/simple/price?ids=nobody&vs_currencies=usd") == {}


def test_ping_and_the_list_of_coins() -> None:
    venue = CoinGeckoBench()
    assert venue.get("/ping") == {"gecko_says": "(V3) To the Moon!"}
    rows = venue.get("/coins/list")
    assert {"id": "polygon-ecosystem-token", "symbol": "pol", "name": "POL (ex-MATIC)"} in rows
    symbols = [row["symbol"] for row in rows]
    assert symbols.count("btc") == 2, "symbols are not unique"
    assert "ripple" not in {row["id"] for row in rows}, "it is not listed in this world"


def ohlc_by_hand(venue: CoinGeckoBench, width: int, first: int, start: int) -> list[list[float]]:
    """Candle by candle, the first of which opens at `first`."""
    rows = []
    for opens in range(first, venue.now, width):
        points = venue.points(max(opens, start), min(opens + width, venue.now + 1))
        prices = [price for _, price in points]
        stamp = min(opens + width, venue.now) // NS_PER_MS
        rows.append([stamp, *(round(each, 2) for each in (prices[0], max(prices), min(prices), prices[-1]))])
    return rows


@pytest.mark.parametrize(
    ("days", "width", "phase"), [(1, HOUR // 2, 0), (7, 4 * HOUR, 0), (30, 4 * HOUR, 0), (90, 4 * DAY, DAY)]
)
def test_candles_are_stamped_with_their_close(days: int, width: int, phase: int) -> None:
    venue = CoinGeckoBench(rules=replace(RULES, past_days=100)).run(1234.567)
    rows = venue.get(f"{OHLC}{days}")
    start = venue.now - days * DAY
    first = (start - phase) // width * width + phase
    assert rows == ohlc_by_hand(venue, width, first, start)
    assert all((row[0] * NS_PER_MS - phase) % width == 0 for row in rows[:-1])
    assert rows[-1][0] == venue.now // NS_PER_MS, "the last one is forming"
    assert len(rows) > days * DAY // width


def test_on_the_grid_nothing_is_forming() -> None:
    close = START // HOUR * HOUR
    points = [(close - MINUTE, 2.0), (close, 3.0)]
    assert candles(points, HOUR, 0, close) == [(close // NS_PER_MS, 2.0, 2.0, 2.0, 2.0)]
    assert len(candles(points, HOUR, 0, close + NS_PER_MS)) == 2
    assert candles(points, HOUR, close - 1, close + NS_PER_MS - 1) == [], "less than a millisecond is no row"


def test_candles_stay_what_they_are_for_a_quarter_of_an_hour() -> None:
    venue = CoinGeckoBench().run(60)
    first = venue.get(f"{OHLC}1")
    assert venue.run(60 + 899).get(f"{OHLC}1") == first
    later = venue.run(60 + 900).get(f"{OHLC}1")
    assert later != first
    assert later[-1][0] == venue.now // NS_PER_MS
    fresh = CoinGeckoBench(rules=replace(RULES, caches=False)).run(60)
    assert fresh.get(f"{OHLC}1") == first
    assert fresh.run(91).get(f"{OHLC}1") != first


def test_few_answers_are_kept() -> None:
    venue = CoinGeckoBench()
    now = START // NS_PER_S
    for end in range(1, 260):
        span = f"from={now - 600}&to={now + end}"
        venue.get(f"/coins/bitcoin/market_chart/range?vs_currency=usd&{span}")
    assert len(venue.twin._kept) == 200


@pytest.mark.parametrize(("days", "step"), [(1, 5 * MINUTE), (2, HOUR), (30, HOUR), (91, DAY)])
def test_samples_jitter_and_end_now(days: int, step: int) -> None:
    venue = CoinGeckoBench(rules=replace(RULES, past_days=100)).run(1234.567)
    body = venue.get(f"{CHART}{days}")
    prices: list[list[float]] = body["prices"]
    times = [int(ts) * NS_PER_MS for ts, _ in prices]
    truth = [venue.twin.index.at(BTC, ts) for ts in times]
    assert [price for _, price in prices] == truth
    assert times[-1] == venue.now // NS_PER_MS * NS_PER_MS
    late = [ts % step for ts in times[:-1]]
    assert all(each < MINUTE for each in late)
    if step == DAY:
        assert set(late) == {0}, "daily ones are at midnight"
    else:
        assert len(set(late)) > len(late) // 2
    gaps = {ts // step for ts in times[:-1]}
    assert len(gaps) == len(times) - 1 == max(gaps) - min(gaps) + 1, "one a step"
    assert abs(len(times) - days * DAY / step) <= 2
    assert [ts for ts, _ in body["total_volumes"]] == [ts for ts, _ in prices]
    assert all(volume > 1e9 for _, volume in body["total_volumes"]), "of a day, whatever the step"


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [(DAY, 0, 5 * MINUTE), (3 * DAY, 2 * DAY, HOUR), (20 * DAY, DAY, HOUR), (95 * DAY, DAY, DAY)],
)
def test_a_range_is_asked_in_seconds_and_answered_in_milliseconds(start: int, end: int, step: int) -> None:
    venue = CoinGeckoBench(rules=replace(RULES, past_days=100)).run(600)
    first, last = (venue.now - ago for ago in (start, end))
    span = f"from={first // NS_PER_S}&to={last // NS_PER_S}"
    rows = venue.get(f"/coins/bitcoin/market_chart/range?vs_currency=usd&{span}")["prices"]
    times = [ts * NS_PER_MS for ts, _ in rows]
    assert first <= times[0] < first + step + MINUTE
    assert last - step - MINUTE < times[-1] <= last
    assert abs(len(times) - (last - first) / step) <= 2
    assert (times[-1] == venue.now) == (end == 0), "only what ends now has a sample of now"


def test_samples_without_history_are_none() -> None:
    assert samples(lambda _ts: None, HOUR, 0, DAY, DAY, "dice") == []
    venue = CoinGeckoBench(rules=replace(RULES, past_days=1)).run(60)
    assert len(venue.get(f"{CHART}90")["prices"]) == 25


# --- doors


def test_a_key_is_for_one_host() -> None:
    venue = CoinGeckoBench(rules=Rules(past_days=1))
    ping = "/ping"
    assert venue.ask(FREE + ping, DEMO_KEY).status == 200
    assert venue.ask(PRO + ping, PRO_KEY).status == 200
    assert venue.ask(f"{PRO}{ping}?x_cg_pro_api_key=CG-x").status == 200
    status, body = venue.refused(FREE + ping, PRO_KEY)
    assert (status, body["error_code"]) == (400, 10010)
    assert "pro-api" in body["status"]["error_message"]
    found = [
        venue.refused(PRO + ping, DEMO_KEY),
        venue.refused(PRO + ping),
        venue.refused(FREE + ping, {"x-cg-demo-api-key": "guessed"}),
    ]
    assert [(status, body["error_code"]) for status, body in found] == [
        (400, 10011),
        (401, 10002),
        (401, 10002),
    ]


def test_what_paid_plans_have_the_free_ones_have_not() -> None:
    venue = CoinGeckoBench(rules=replace(RULES, past_days=1))
    old = START // NS_PER_S - 365 * 86_400
    span = "/coins/bitcoin/market_chart/range?vs_currency=usd&from={}&to={}"
    for path, code in (
        (f"{CHART}366", 10012),
        (f"{CHART}max", 10012),
        (span.format(old - 1, old + 50), 10012),
        (f"{OHLC}400", 10012),
        (f"{CHART}5&interval=daily", 10005),
        (f"{OHLC}1&interval=hourly", 10005),
    ):
        status, body = venue.refused(FREE + path)
        assert (status, body["error"]["status"]["error_code"]) == (401, code), path
        assert body["error"]["status"]["timestamp"].startswith("2026-09-21T")
    assert venue.ask(FREE + span.format(old, old + 50)).status == 200
    assert venue.ask(f"{FREE}{CHART}365").status == 200
    for path in (f"{CHART}max", f"{CHART}5&interval=daily", span.format(old - 1, old + 50)):
        assert venue.ask(PRO + path, PRO_KEY).status == 200, path


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/coins/nobody/ohlc?vs_currency=usd&days=1", 404, "coin not found"),
        ("/coins/ripple/ohlc?vs_currency=usd&days=1", 404, "coin not found"),
        ("/coins/bitcoin/ohlc?days=1", 400, "Missing parameter vs_currency"),
        ("/coins/bitcoin/ohlc?vs_currency=xyz&days=1", 400, "invalid vs_currency"),
        (f"{OHLC}", 400, "Missing parameter days"),
        (f"{OHLC}2", 400, "invalid days"),
        (f"{OHLC}x", 400, "invalid days"),
        (f"{CHART}999999", 400, "invalid days"),
        ("/coins/bitcoin/market_chart/range?vs_currency=usd&from=5&to=5", 400, "invalid time range"),
        ("/simple/price?ids=bitcoin", 400, "Missing parameter vs_currencies"),
        ("/coins/bitcoin/tickers", 404, "Incorrect path"),
        ("/nothing", 404, "Incorrect path"),
    ],
)
def test_a_wrong_request_is_refused_in_plain_text(path: str, status: int, said: str) -> None:
    found, body = CoinGeckoBench().refused(FREE + path)
    assert (found, body["error"].startswith(said)) == (status, True), body


def test_elsewhere_there_is_nothing() -> None:
    venue = CoinGeckoBench()
    assert venue.refused("/ping")[0] == 404
    assert venue.ask(f"{FREE}/ping", method="POST").status == 405
    answer = venue.twin.upgrade(f"{FREE}/ping", ADDRESS, venue.now)
    assert isinstance(answer, Answer)
    assert answer.status == 404


# --- quotas


def test_every_request_counts_and_errors_too() -> None:
    fault = Fault(kind="http_5xx", for_s=5.0)
    venue = CoinGeckoBench(fault, rules=Rules(keyless_per_minute=4, past_days=1)).run(20)
    paths = [
        "/ping",
        "/nothing",
        "/coins/nobody/ohlc?vs_currency=usd&days=1",
        f"{CHART}400",
        "/ping",
        "/ping",
    ]
    assert [venue.ask(FREE + path).status for path in paths] == [200, 404, 404, 401, 429, 429]
    assert venue.ask(f"{FREE}/ping", DEMO_KEY).status == 200, "a key has a count of its own"
    minute_ends = -(-venue.now // MINUTE) * MINUTE
    venue.run((minute_ends - START) / NS_PER_S)
    assert venue.ask(f"{FREE}/ping").status == 200
    assert venue.twin.limits_state(venue.now) == {
        f"keyless {ADDRESS}": {"in_minute": 1, "in_month": 7},
        "demo key 2": {"in_minute": 1, "in_month": 1},
    }
    struck = CoinGeckoBench(fault, rules=Rules(keyless_per_minute=4, past_days=1)).run(1)
    assert [struck.ask(f"{FREE}/ping").status for _ in range(5)] == [503] * 5
    assert struck.run(6).ask(f"{FREE}/ping").status == 429, "what a fault answered has counted"


def test_each_key_has_a_count_of_its_own() -> None:
    venue = CoinGeckoBench(rules=Rules(demo_per_minute=1, past_days=1))
    keys = ("CG-one", "CG-two", "CG-one")
    found = [venue.ask(f"{FREE}/ping", {"x-cg-demo-api-key": key}).status for key in keys]
    assert found == [200, 200, 429]


def test_429_says_how_long_every_other_time() -> None:
    venue = CoinGeckoBench(rules=Rules(keyless_per_minute=1, past_days=1)).run(10)
    answers = [venue.ask(f"{FREE}/ping") for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 429, 429, 429, 429]
    left = MINUTE - venue.now % MINUTE
    waits = [answer.headers.get("Retry-After") for answer in answers[1:]]
    assert waits == [str(-(-left // NS_PER_S)), None] * 2
    assert msgspec.json.decode(answers[1].body)["status"]["error_code"] == 429


def test_a_month_of_the_free_key_and_the_paid_plan() -> None:
    limits = Limits(Rules(demo_per_minute=0, demo_per_month=3, pro_per_minute=2))
    month = 30 * DAY
    now = START // month * month
    assert [limits.count("demo", "k", now + i) for i in range(4)] == [None, None, None, now + month]
    assert limits.count("demo", "k", now + month) is None
    assert [limits.count("pro", "k", now) for _ in range(3)] == [None, None, now + MINUTE]
    for number in range(MAX_ASKERS + 5):
        limits.count("keyless", f"10.0.0.{number}", now)
    assert len(limits.state()) == MAX_ASKERS


# --- faults


def test_429_of_a_fault_with_and_without_retry_after() -> None:
    told = CoinGeckoBench(Fault(kind="http_429", for_s=30.0)).run(10).ask(f"{FREE}/ping")
    assert (told.status, told.headers["Retry-After"]) == (429, "20")
    untold = CoinGeckoBench(Fault(kind="http_429", retry_after_s=0.0)).run(10).ask(f"{FREE}/ping")
    assert (untold.status, "Retry-After" in untold.headers) == (429, False)


def test_a_failing_venue_says_it_in_every_shape() -> None:
    venue = CoinGeckoBench(Fault(kind="http_5xx", status=502, endpoint="/coins/ID/ohlc")).run(1)
    assert venue.ask(f"{FREE}/ping").status == 200
    answers = [venue.ask(f"{FREE}{OHLC}1") for _ in range(4)]
    assert {answer.status for answer in answers} == {502}
    assert answers[0].body.startswith(b"<html>")
    bodies: list[Any] = [msgspec.json.decode(answer.body) for answer in answers[1:]]
    assert [sorted(body) for body in bodies] == [["status"], ["error"], ["error_code", "status"]]
    page = CoinGeckoBench(Fault(kind="http_html", symbol="ETH-USD")).run(1)
    assert page.ask(f"{FREE}/coins/ethereum/ohlc?vs_currency=usd&days=1").body.startswith(b"<html>")
    assert page.ask(f"{FREE}{OHLC}1").status == 200


def test_a_clock_that_is_off_is_in_everything_it_says() -> None:
    venue = CoinGeckoBench(Fault(kind="clock_skew", offset_s=3600.0, for_s=100.0)).run(95)
    body = venue.get("/simple/price?ids=bitcoin&vs_currencies=usd&include_last_updated_at=true")
    ts, price = venue.points(START, venue.now)[-1]
    assert body == {"bitcoin": {"usd": round(price, 2), "last_updated_at": (ts + HOUR) // NS_PER_S}}
    assert venue.get(f"{OHLC}1")[-1][0] == (venue.now + HOUR) // NS_PER_MS
    assert venue.get(f"{CHART}1")["prices"][-1] == [(venue.now + HOUR) // NS_PER_MS, price]


def test_its_words_are_those_of_requests() -> None:
    assert WORDS.fits("http_429")
    assert not WORDS.fits("cut")
    assert WORDS.is_symbol("BTC-USD")
    world = World(1, START, listings()[:1])
    assert isinstance(build(world, Faults((), START, Random(1)), Random(1)), CoinGeckoTwin)
    assert {each.quote for each in listings()} == {"USD"}
    assert not any(each.trading for each in listings()), "nobody trades an index"
