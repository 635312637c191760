"""`bethna candles` and `bethna history`: what their options mean together, and what is refused at once."""

from __future__ import annotations

from typing import Any

import click
import pytest

from bethna.cli.group import bethna
from bethna.cli.history import candles, history
from bethna.cli.history_telling import Asked, _renamed, _span, asked_of
from bethna.client.spans import instant_ns
from bethna.core.errors import BethnaError, ConfigError
from bethna.core.market import InstrumentId

HOUR = 3600 * 10**9
NOW = instant_ns("", "2026-11-26T12:30")


def options_of(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = candles.make_context("candles", ["ETH-USDT", *words]).params
    return {**found, "interval": found["length"] or found["interval"] or "1h"}


def asked(*words: str) -> Asked:
    return asked_of(options_of(*words))


def test_history_and_candles_take_the_same() -> None:
    names = {each.name for each in history.params}
    assert {each.name for each in candles.params} == names | {"follow", "timeout_s"}


def test_a_zone_is_for_what_says_no_offset() -> None:
    berlin = asked("1h", "--zone", "Europe/Berlin", "--from", "2026-07-01", "--to", "2026-07-02T00:00+00:00")
    assert (berlin.start, berlin.end) == (instant_ns("", "2026-06-30T22:00"), instant_ns("", "2026-07-02"))
    assert asked("1h", "--from", "2026-07-01").start == instant_ns("", "2026-07-01")


def test_a_day_that_begins_at_eight_is_so_throughout() -> None:
    days = asked("1d", "--day-starts", "08:00", "--limit", "2")
    span = _span(days, NOW)
    assert span.start == instant_ns("", "2026-11-25T08:00")
    assert _span(asked("1d", "--limit", "2"), NOW).start == instant_ns("", "2026-11-25")
    assert _span(asked("1h"), NOW).count == 100


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1h", "--interval", "4h"], "INTERVAL is 1h and --interval 4h: give the one"),
        (["1m", "--follow", "--zone", "UTC"], "--follow goes on from now, and --zone is of the past"),
        (["1m", "--follow", "-o", "x.csv"], "and --output is of the past"),
        (["--last", "3d"], "--last needs an INTERVAL: bethna candles ETH-USDT 1h --last ..."),
        (["--limit", "1501"], "expected --limit up to 1500 of what the desk has seen, found 1501: with INTERVAL"),
        (["1h", "--limit", "0"], "0 is not in the range 1<=x<=5000000"),
        (["1h", "--limit", "10000000"], "10000000 is not in the range 1<=x<=5000000"),
        (["7m"], "'7m' is not one of '1s', '1m'"),
        (["1h", "--last", "0d"], "expected a length such as 90m, 12h, 30d or 4w, found '0d'"),
        (["1h", "--from", "soon"], "expected a date or an instant such as 2026-11-01"),
        (["1h", "--from", "2026-11-02", "--to", "2026-11-01"], "found one that ends before it begins"),
        (["1h", "--from", "2026-11-02", "--to", "2026-11-02"], "found one that ends before it begins"),
        (["1h", "--last", "3d", "--limit", "3"], "--last, --from and --limit each say where to begin: give one"),
        (["1h", "--zone", "Berlin"], "nearest: Europe/Berlin"),
        (["1h", "--zone", "Europe/Berlin", "--from", "2026-03-29T02:30"], "its clocks are set forward over it"),
        (["4h", "--day-starts", "08:00"], "expected 1d or 1w beside a day that begins at 08:00, found 4h"),
        (["1d", "--day-starts", "8am"], "expected a time of day in UTC at a quarter of an hour, found '8am'"),
        (["1h", "--format", "parquet"], "--format parquet needs --output FILE"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_said_at_once(words: list[str], said: str) -> None:
    with pytest.raises((click.ClickException, BethnaError)) as caught:
        bethna.main(["candles", "ETH-USDT", *words], standalone_mode=False)
    error = caught.value
    assert said in (error.format_message() if isinstance(error, click.ClickException) else str(error))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1h", "--from", "2027-01-01"], "nothing has happened yet at 2027-01-01 00:00:00.000 UTC"),
        (
            ["1s", "--last", "500d"],
            "expected at most 5,000,000 bars at once, found a span of 43,200,001 of 1s",
        ),
        (["1s", "--from", "1970-01-01"], "ask for a shorter span, or for a longer interval"),
    ],
)
def test_a_span_that_cannot_be_is_said_with_the_time(words: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _span(asked(*words), NOW)
    assert said in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("symbol", "instrument", "words"),
    [
        ("maticusdt", "POL-USDT@binance", "has a past of its own: bethna candles old:MATIC-USDT@binance 1d"),
        ("old:MATIC-USDT", "MATIC-USDT@binance", "2024-09-13: POL-USDT goes on under its own name"),
        ("POL-USDT", "POL-USDT@binance", ""),
        ("BTC-USDT", "BTC-USDT@binance", ""),
    ],
)
def test_of_what_was_renamed_the_other_name_is_said(symbol: str, instrument: str, words: str) -> None:
    found = asked_of({**options_of("1d"), "symbol": symbol})
    said = _renamed(found, InstrumentId(instrument))
    assert said.endswith(words)
    assert bool(said) == bool(words)


def test_a_month_times_a_million_ends_at_the_beginning_of_time() -> None:
    assert _span(asked("1M", "--limit", "5000000"), NOW).start == 0
