"""Whatever CoinGecko answers, facts are sound or the error is one of three; and bars are what brute force says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from coingecko_sound import NOW, assert_sound
from hypothesis import example, given
from hypothesis import strategies as st
from spelt_frames import any_bytes, compact, json_values

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.errors import RateLimited, VenueAnswer, WireError
from bethna.core.market import InstrumentId
from bethna.venues.coingecko import CoinGecko, access
from bethna.venues.coingecko.bars import bars
from bethna.venues.coingecko.facts import Fact, IndexCandle, IndexCandlePage, Sample

KEY = "CG-k"
CODEC = CoinGecko(access("demo", demo_key=KEY))
BTC = InstrumentId("BTC-USD@coingecko")
PATHS = [
    CODEC.ping_request().path,
    CODEC.coins_request().path,
    CODEC.prices_request(["BTC", "SOL"], "USD").path,
    *(CODEC.ohlc_request("BTC", "USD", days).path for days in (1, 30, 365)),
    CODEC.chart_request("BTC", "EUR", 1).path,
    CODEC.range_request("BTC", "USD", NOW - NS_PER_S, NOW, NOW).path,
    "/coins/bitcoin/ohlc?days=x",
    "http://[",
    "",
]
HALF_HOUR_MS = 1_800_000
stamps = st.integers(NOW // NS_PER_MS - 10**9, NOW // NS_PER_MS) | st.integers(-(2**64), 2**64)
near_grid = st.integers(0, 40).map(lambda step: (NOW // NS_PER_MS // HALF_HOUR_MS - step) * HALF_HOUR_MS)
numbers = st.none() | st.floats(1e-9, 1e9) | st.integers(-1, 10**6) | st.floats()
rows = st.tuples(near_grid | stamps, numbers, numbers, numbers, numbers) | st.tuples(stamps, numbers)
words = st.sampled_from(
    ["bitcoin", "solana", "usd", "eur", "prices", "total_volumes", "last_updated_at", "error", "status", "error_code",
     "error_message", "id", "symbol", "name", "gecko_says"]
)  # fmt: skip
bodies = (
    st.lists(rows, max_size=6).map(list)
    | st.fixed_dictionaries({"prices": st.lists(st.tuples(stamps, numbers), max_size=6)})
    | json_values(numbers | words, words)
)


def outcome(
    path: str, raw: bytes, status: int, retry_after: str | None
) -> Sequence[Fact] | WireError | VenueAnswer | RateLimited:
    """Facts, or the error; any other exception is a finding."""
    try:
        return CODEC.decode(path, raw, NOW, status=status, retry_after=retry_after)
    except (WireError, VenueAnswer, RateLimited) as error:
        return error


@given(
    st.sampled_from(PATHS),
    any_bytes(bodies.map(lambda body: json.dumps(body).encode()), json_values(numbers, words).map(compact)),
    st.sampled_from([200, 200, 200, 204, 302, 400, 401, 404, 429, 500, 1020]),
    st.none() | st.text(max_size=8) | st.integers().map(str),
)
@example(PATHS[3], b"[" * 50_000, 200, None)
@example(PATHS[0], KEY.encode(), 200, None)
def test_any_answer_is_sound_facts_or_one_of_three_errors(
    path: str, raw: bytes, status: int, retry_after: str | None
) -> None:
    match outcome(path, raw, status, retry_after):
        case RateLimited() as limited:
            assert 1 <= limited.retry_after_s <= 86_400
        case WireError() | VenueAnswer() as error:
            assert KEY not in f"{error} {error.hint} {getattr(error, 'excerpt', '')}"
        case facts:
            assert status < 300
            for fact in facts:
                assert_sound(fact)


@given(st.text(max_size=60), st.binary(max_size=30))
def test_any_path_is_read_or_refused(path: str, raw: bytes) -> None:
    with suppress(WireError, VenueAnswer, RateLimited):
        CODEC.decode(path, raw, NOW)


@st.composite
def half_hours(draw: st.DrawFn) -> tuple[list[list[float]], int | None]:
    """Rows of a day of half hours, and where the forming one stands."""
    count = draw(st.integers(1, 12))
    last = NOW // NS_PER_MS // HALF_HOUR_MS * HALF_HOUR_MS
    prices = draw(st.lists(st.floats(1, 1e6), min_size=4 * count + 4, max_size=4 * count + 4))
    table = []
    for i in range(count):
        a, b, c, d = sorted(prices[4 * i : 4 * i + 4])
        table.append([last - (count - 1 - i) * HALF_HOUR_MS, b, d, a, c])
    forming = draw(st.none() | st.integers(last + 1, NOW // NS_PER_MS))
    if forming is not None:
        a, b, c, d = sorted(prices[-4:])
        table.append([forming, c, d, a, b])
    return draw(st.permutations(table)), forming


@given(half_hours())
def test_candles_come_back_as_they_were_written(said: tuple[list[list[float]], int | None]) -> None:
    table, forming = said
    (page,) = CODEC.decode(PATHS[3], compact(table), NOW)
    assert isinstance(page, IndexCandlePage)
    width = HALF_HOUR_MS * NS_PER_MS
    found: list[list[Any]] = []
    for candle in page.candles:
        stamp = candle.close_time // NS_PER_MS if candle.closed else forming
        found.append([stamp, candle.open, candle.high, candle.low, candle.close])
        assert candle.close_time - candle.open_time == width
        assert candle.open_time % width == 0
    assert found == sorted(table)
    assert [candle.closed for candle in page.candles].count(False) == (forming is not None)


# --- bars


def brute_force(samples: list[Sample], width: int) -> Iterator[IndexCandle]:
    """Interval by interval, each by looking at all samples."""
    for opens in range(0, samples[-1].ts + 1, width) if samples else ():
        inside = [each.price for each in samples if opens <= each.ts < opens + width]
        before = [each.price for each in samples if each.ts < opens]
        if not inside:
            continue
        prices = before[-1:] + inside
        yield IndexCandle(
            BTC, f"{width // NS_PER_S}s", opens, opens + width, prices[0], max(prices), min(prices), prices[-1],
            any(each.ts >= opens + width for each in samples), bool(before), True, NOW,
        )  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, 40_000), st.floats(1e-9, 1e9)), max_size=40, unique_by=lambda each: each[0]),
    st.integers(1, 9),
)  # fmt: skip
def test_bars_are_what_brute_force_says(points: list[tuple[int, float]], width_s: int) -> None:
    samples = [Sample(at * NS_PER_MS, price) for at, price in sorted(points)]
    width = width_s * NS_PER_S
    assert list(bars(BTC, samples, width, NOW)) == list(brute_force(samples, width))
