"""The four names of a pair, and whose they are."""

from __future__ import annotations

import pytest
from msgspec import ValidationError

from bethna.core.errors import WireError
from bethna.core.instrument import Instrument, instrument_id, parse_name
from bethna.core.market import InstrumentId, Trade
from bethna.venues.kraken import KrakenCodec
from bethna.venues.kraken.symbols import MOST_NAMES, Symbols, instrument_of, symbol_of_names, wire_symbol
from bethna.venues.kraken.times import decimal_instant, instant, instant_if_any

NOW = 1_790_000_000_000_000_001
BTC = InstrumentId("BTC-USD@kraken")


@pytest.mark.parametrize(
    ("text", "symbol", "name"),
    [
        ("BTC/USD", "BTC/USD", "BTC-USD@kraken"),
        ("XBT/USD", "BTC/USD", "BTC-USD@kraken"),
        ("ETH/XBT", "ETH/BTC", "ETH-BTC@kraken"),
        ("XDG/XBT", "DOGE/BTC", "DOGE-BTC@kraken"),
        ("XBTUSD", "BTC/USD", "BTC-USD@kraken"),
        ("XBTUSDT", "BTC/USDT", "BTC-USDT@kraken"),
        ("BTCUSDC", "BTC/USDC", "BTC-USDC@kraken"),
        ("XDGUSD", "DOGE/USD", "DOGE-USD@kraken"),
        ("ETHXBT", "ETH/BTC", "ETH-BTC@kraken"),
        ("XXBTZUSD", "BTC/USD", "BTC-USD@kraken"),
        ("XXDGXXBT", "DOGE/BTC", "DOGE-BTC@kraken"),
        ("XZECZEUR", "ZEC/EUR", "ZEC-EUR@kraken"),
        ("ETHUSDT", "ETH/USDT", "ETH-USDT@kraken"),
        ("XTZUSD", "XTZ/USD", "XTZ-USD@kraken"),
        ("ZECUSD", "ZEC/USD", "ZEC-USD@kraken"),
        ("AAPLx/USD", "AAPLx/USD", "AAPLX-USD@kraken"),
        ("1INCH/EUR", "1INCH/EUR", "1INCH-EUR@kraken"),
    ],
)
def test_any_name_of_a_pair_is_its_instrument(text: str, symbol: str, name: str) -> None:
    found = KrakenCodec().instrument(text)
    assert (found.venue_symbol, found.id, found.verified) == (symbol, name, False)
    assert parse_name(found.id, "kraken").id == found.id


@pytest.mark.parametrize(
    "text",
    ["", "/", "BTC/", "/USD", "BTC/USD/EUR", "BTC-USD", "HELLO", "XBT", "A" * 41, "\u00df/USD", "XBT/US D"],
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(WireError):
        KrakenCodec().instrument(text)


def test_frames_carry_the_id_that_was_learned() -> None:
    codec = KrakenCodec()
    old = Instrument(instrument_id("POL-USD", "kraken"), "kraken", "POL", "USD", "MATIC/USD")
    frame = (
        b'{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"buy","price":1.0,"qty":1.0,'
        b'"trade_id":1,"timestamp":"2024-01-01T00:00:00Z"}]}'
    )

    def name() -> str:
        (trade,) = codec.connection(1).decode(frame, NOW)
        assert isinstance(trade, Trade)
        return trade.instrument

    assert name() == "MATIC-USD@kraken"
    codec.learn([old])
    assert name() == "POL-USD@kraken"
    assert codec.streams(old)[0] == "trade:MATIC/USD"
    assert codec.stream_instrument("trade:MATIC/USD") == old.id


def test_instruments_of_other_venues_are_not_learned() -> None:
    codec = KrakenCodec()
    codec.learn([Instrument(InstrumentId("X-Y@other"), "other", "X", "Y", "BTC/USD")])
    assert codec.instrument("BTC/USD").id == BTC


def test_an_instrument_made_of_its_name_alone_is_the_pair() -> None:
    guessed = Instrument(BTC, "kraken", "BTC", "USD", "BTCUSD")
    assert wire_symbol(guessed) == "BTC/USD"
    assert wire_symbol(Instrument(BTC, "kraken", "BTC", "USD", "XBT/USD")) == "BTC/USD"
    codec = KrakenCodec()
    codec.learn([guessed])
    assert codec.instrument("XBT/USD") is guessed


def test_taught_names_win_over_guesses() -> None:
    symbols = Symbols()
    pair = instrument_of("ETHPY/USD")
    assert symbols.by_symbol("ETHPYUSD").venue_symbol == "ETHPY/USD"
    symbols.teach("XODD", "ODDUSD", pair)
    assert symbols.by_symbol("XODD") is pair
    assert symbols.by_symbol("ODDUSD") is pair
    assert symbols.rest_name(pair) == "ODDUSD"
    learned = Instrument(pair.id, "kraken", "ETHPY", "USD", "ETHPY/USD", tick_size=0.5)
    symbols.learn([learned])
    assert symbols.by_symbol("XODD") is learned


def test_rest_names_are_the_usual_ones_where_nobody_taught_them() -> None:
    symbols = Symbols()
    assert symbols.rest_name(instrument_of("BTC/USD")) == "XBTUSD"
    assert symbols.rest_name(instrument_of("DOGE/BTC")) == "XDGXBT"
    assert symbols.rest_name(instrument_of("ETH/USDT")) == "ETHUSDT"
    assert symbols.rest_name(instrument_of("AAPLx/USD")) == "AAPLxUSD"


def test_made_up_names_do_not_fill_the_memory() -> None:
    symbols = Symbols()
    for n in range(MOST_NAMES + 10):
        symbols.id_of(f"A{n}/USD")
    for n in range(MOST_NAMES // 2 + 10):
        symbols.teach(f"XA{n}", f"A{n}USD", instrument_of(f"A{n}/USD"))
    assert len(symbols._ids) <= MOST_NAMES
    assert len(symbols._by_rest_name) <= MOST_NAMES
    assert len(symbols._altnames) <= MOST_NAMES


def test_a_wsname_has_two_halves() -> None:
    assert symbol_of_names("XBT/EUR") == "BTC/EUR"
    with pytest.raises(ValidationError):
        symbol_of_names("XBTEUR")


# --- times


def test_both_ways_of_writing_an_instant_are_exact() -> None:
    assert instant("2026-08-16T23:37:04.849274Z") == 1_786_923_424_849_274_000
    assert instant("2011-01-01T00:00:00Z") == 1_293_840_000_000_000_000
    assert instant("2262-04-11T23:47:16.854775807Z") == 2**63 - 1
    assert decimal_instant("1618678142.557535") == 1_618_678_142_557_535_000
    assert decimal_instant("1385579841.881785998") == 1_385_579_841_881_785_998
    assert decimal_instant("1391825343") == 1_391_825_343_000_000_000


@pytest.mark.parametrize(
    "text",
    [
        "", "0.000000", "1618678142.", ".5", "1e9", "-1", "1618678142.1234567890", "9999999999", "12345678901",
        " 1618678142",
    ],
)  # fmt: skip
def test_seconds_that_are_no_time(text: str) -> None:
    with pytest.raises(ValidationError):
        decimal_instant(text)


def test_a_time_that_says_there_is_none() -> None:
    assert instant_if_any(None) is None
    assert instant_if_any("1970-01-01T00:00:00Z") is None
    assert instant_if_any("0001-01-01T00:00:00.000000Z") is None
    assert instant_if_any("2026-08-16T23:37:04Z") == 1_786_923_424_000_000_000
    with pytest.raises(ValidationError):
        instant_if_any("2262-04-11T23:47:16.854775808Z")
