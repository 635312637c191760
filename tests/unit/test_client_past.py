"""The past as a program asks for it: spans, parts that meet, what a table says beside its rows, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from _memorydesk import BTC, START, MemoryDesk
from _memoryhouse import MemoryHouse
from hypothesis import given
from hypothesis import strategies as st

from bethna.app import plain
from bethna.client import past
from bethna.client.spans import MOST_SPAN, When, instant_ns, length_ns, opening_before, span_of
from bethna.core.bars import Bar, Refusal
from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError, UnknownInstrument
from bethna.core.intervals import Interval
from bethna.core.market import Candle
from bethna.logic.openings import Openings

MINUTE = 60 * NS_PER_S
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LEAP = 1_709_164_800 * NS_PER_S  # 2024-02-29 00:00 UTC, a Thursday
M1 = Openings(Interval.M1)


def house_of_minutes(count: int = 30) -> MemoryHouse:
    desk = MemoryDesk()
    for number in range(count):
        desk.trade(BTC, 100.0 + number)
        desk.clock.advance(MINUTE)
    desk.trade(BTC, 99.0)
    return MemoryHouse(desk)


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ("2024-02-29", LEAP),
        ("2024-02-29T01:00+01:00", LEAP),
        (" 2024-02-29 00:00:00.000001 ", LEAP + 1000),
        (date(2024, 2, 29), LEAP),
        (datetime(2024, 2, 29), LEAP),  # noqa: DTZ001 - one without a zone is what is tried
        (datetime(2024, 2, 29, 2, tzinfo=timezone(timedelta(hours=2))), LEAP),
        (LEAP + 1, LEAP + 1),
    ],
)
def test_an_instant_has_many_spellings(when: When, wanted: int) -> None:
    assert instant_ns("start", when) == wanted


@given(
    st.sampled_from(list(Interval)), st.integers(1, MOST_SPAN), st.integers(1, 60 * 366 * DAY), st.booleans()
)
def test_so_many_bars_open_before_the_end(interval: Interval, count: int, end: int, late: bool) -> None:
    openings = Openings(interval, 8 * HOUR if late and interval in ("1d", "1w") else 0)
    first = opening_before(openings, end, count)
    assert openings.open_time(first) == first >= 0
    far = openings.earlier(openings.open_time(end - 1), count - 1) if interval != "1M" else first
    assert first == far or first - openings.interval.ns < 0


def test_months_are_counted_as_months() -> None:
    months = Openings(Interval.MO1)
    assert opening_before(months, LEAP, 3) == instant_ns("", "2023-12-01")
    assert opening_before(months, LEAP, 650) == instant_ns("", "1970-01-01")
    assert opening_before(months, LEAP, 649) == instant_ns("", "1970-02-01")
    assert opening_before(months, LEAP, MOST_SPAN) == 0


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"last": DAY, "limit": 3}, "expected one of last, start and limit, found last and limit"),
        ({"start": LEAP, "limit": 3}, "found start and limit"),
        ({"start": LEAP + 9, "end": LEAP}, "found one from 2024-02-29 00:00:00.000 UTC to 2024-02-29 00:00"),
        ({"start": LEAP + DAY}, "nothing has happened yet at"),
        ({"start": 10**30}, "nothing has happened yet at"),
        ({"limit": 0}, "limit: expected a whole number from 1 to 1,000,000, found 0"),
        ({"limit": 10_000_000}, "limit: expected a whole number from 1 to 1,000,000, found 10000000"),
        ({"start": 0}, "expected at most 1,000,000 bars at once, found a span of 28,486,081 of 1m"),
        ({"last": 10**30}, "expected at most 1,000,000 bars"),
    ],
)
def test_what_is_no_span_is_said(said: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        span_of(
            M1, LEAP + 40 * NS_PER_S, last=said.get("last"), start=said.get("start"), end=said.get("end"),
            limit=said.get("limit"),
        )  # fmt: skip
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ({"last": "3 moons"}, "last: expected a length such as 90m, 12h, 30d or 4w, found '3 moons'"),
        ({"last": timedelta()}, "expected a length that is more than nothing"),
        ({"start": "yesterday"}, "start: expected a date or an instant such as 2026-11-01"),
        ({"limit": "x"}, "limit: expected a whole number from 1 to 1,000,000, found 'x'"),
        ({"limit": 1.5}, "limit: expected a whole number from 1 to 1,000,000, found 1.5"),
        ({"limit": True}, "limit: expected a whole number from 1 to 1,000,000, found True"),
        ({"last": 5}, "last: expected a length such as '90m', '30d' or a timedelta, found 5"),
        ({"last": "1000000w"}, "last: expected a length up to 999999w, found '1000000w', which is too long"),
        ({"last": "9" * 5000 + "s"}, "which is too long"),
        ({"start": -1}, "or ns UTC from 1970 on, found -1"),
        ({"start": 1.5}, "start: expected a date, an instant such as '2026-11-01T12:00+02:00', or ns UTC"),
        ({"end": []}, "end: expected a date, an instant such as"),
        (
            {"end": "1969-02-01"},
            "bars begin in 1970: expected a span that ends later, found one up to 1969-02-01",
        ),
        ({"also": 5}, "also: expected texts in a list, found 5"),
        ({"also": ["kraken", 5]}, "also: expected texts in a list, found ['kraken', 5]"),
        ({"indicators": 5}, "indicators: expected texts in a list, found 5"),
        ({"day_starts": 8}, "expected a time of day in UTC at a quarter of an hour, found '8'"),
        (
            {"limit": 5, "day_starts": "08:00"},
            "expected 1d or 1w beside a day that begins at 08:00, found 1m",
        ),
    ],
)
async def test_what_cannot_be_read_is_said(text: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await house_of_minutes(1).candles.history("BTC-USDT", "1m", **text)  # type: ignore[arg-type]  # wrong ones are tried
    assert words in caught.value.message


async def test_get_is_the_latest_without_a_span_and_the_past_with_one() -> None:
    candles = house_of_minutes().candles
    latest = candles.get("BTC-USDT", "1m")
    assert isinstance(latest, Candle)
    assert latest.close == 99.0
    table = await candles.get("BTC-USDT", "1m", limit=3)
    assert table == await candles.history("BTC-USDT", "1m", limit=3)
    assert [bar.close for bar in table] == [128.0, 129.0, 99.0]
    assert isinstance(table[0], Bar)
    by_length = await candles.get("BTC-USDT", last="2m")
    assert list(by_length) == list(await candles.get("BTC-USDT", last=timedelta(minutes=2)))
    assert list(by_length) == list(table)
    from_there = await candles.get("BTC-USDT", "1m", start=START + 90 * NS_PER_S, end=START + 4 * MINUTE)
    assert [bar.open_time for bar in from_there] == [START + 2 * MINUTE, START + 3 * MINUTE]


@pytest.mark.parametrize("most", [4, 7, 5000])
async def test_parts_meet_and_indicators_go_on_over_them(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    candles = house_of_minutes().candles
    wanted = await candles.history("BTC-USDT", "1m", 20, indicators=["sma(3)", "ema(2)"])
    monkeypatch.setattr(past, "MOST_BARS", most)
    start = datetime.fromtimestamp(wanted[0].open_time // NS_PER_S, UTC)
    table = await candles.history("BTC-USDT", "1m", start=start, indicators=["sma(3)", "ema(2)"])
    assert list(table) == list(wanted)
    assert [each.name for each in table.indicators] == ["sma(3)", "ema(2)"]
    sma = table.indicators[0]
    assert sma.outputs == wanted.indicators[0].outputs
    assert sma.states == wanted.indicators[0].states
    before = await candles.history("BTC-USDT", "1m", start=start, end=wanted[-1].open_time)
    assert list(before) == list(wanted)[:-1]


async def test_a_table_says_what_it_is_made_of_and_since_when_it_is_old() -> None:
    house = house_of_minutes()
    house.desk.built_from, house.desk.as_of = Interval.H1, START + 7
    house.desk.refusals = (Refusal("binance", "HTTP 503", START, START + MINUTE),)
    for table in (
        await house.candles.history("BTC-USDT", "1m", limit=3),
        await house.candles.history("BTC-USDT", "1m", last="3m"),
        (await house.candles.history("BTC-USDT", "1m", limit=3))[1:],
    ):
        assert (table.built_from, table.as_of) == (Interval.H1, START + 7)
        assert table.refusals == house.desk.refusals
        assert table.to_polars()["close"].to_list() == table.to_pandas()["close"].tolist()


@pytest.mark.parametrize("symbol", [None, 5, b"BTC-USDT"])
async def test_a_symbol_that_is_no_text_is_unknown(symbol: str) -> None:
    words = f"expected a symbol as a text, found {symbol!r}"
    with pytest.raises(UnknownInstrument, match=words):
        await house_of_minutes(1).candles.history(symbol, "1m")
    with pytest.raises(UnknownInstrument, match=words):
        plain.candles(symbol, "1h")
    with pytest.raises(ConfigError, match="timeout_s: expected seconds as a number, found 'x'"):
        plain.candles("BTC-USDT", timeout_s="x")  # type: ignore[arg-type]  # what is no number is tried


def test_a_million_of_a_short_unit_is_no_long_time() -> None:
    assert length_ns("1000000m") == 1_000_000 * MINUTE
