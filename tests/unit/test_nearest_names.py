"""What comes near a name that a venue does not list: pairs and contracts, as people write them."""

from __future__ import annotations

import pytest

from bethna.core.errors import ConfigError, UnknownInstrument
from bethna.core.instrument import Instrument, instrument_id, parse_name
from bethna.logic.best_price import currencies_of
from bethna.logic.nearest import nearest, spoken_at
from bethna.venues.deribit.symbols import read_name
from bethna.venues.kraken.symbols import instrument_of

DERIBIT = [
    read_name(each)
    for each in (
        "BTC-PERPETUAL", "ETH-PERPETUAL", "XRP_USDC-PERPETUAL", "BTC_USDC", "BTC_USDT", "BTC-25DEC26", "BTC-26MAR27",
        "ETH-25DEC26-4000-C", "ETH-25DEC26-4000-P", "ETH-25DEC26-4200-C",
    )
]  # fmt: skip
KRAKEN = [instrument_of(each) for each in ("BTC/USD", "BTC/EUR", "ETH/USD", "DOGE/USD")]
COINBASE = [
    Instrument(instrument_id(f"{base}-{quote}", "coinbase"), "coinbase", base, quote, f"{base}-{quote}")
    for base, quote in (("BTC", "USD"), ("BTC", "USDC"), ("ETH", "USD"))
]


@pytest.mark.parametrize(
    ("asked", "listed", "near"),
    [
        ("BTC-PERP@deribit", DERIBIT, "BTC-PERPETUAL"),
        ("BTC-PERPETUEL@deribit", DERIBIT, "BTC-PERPETUAL"),
        ("BTX-PERPETUAL@deribit", DERIBIT, "BTC-PERPETUAL"),
        ("XRP-USDC-PERPETUAL@deribit", DERIBIT, None),
        ("XRP-USD@deribit", DERIBIT, "XRP_USDC-PERPETUAL"),
        ("BTC-USD@deribit", DERIBIT, "BTC-USDC"),
        ("ETH-USD@deribit", DERIBIT, "ETH-PERPETUAL"),
        ("BTC-25DEC25@deribit", DERIBIT, "BTC-25DEC26"),
        ("ETH-25DEC26-4100-C@deribit", DERIBIT, "ETH-25DEC26-4200-C"),
        ("XBT-USDT@kraken", KRAKEN, "BTC-USD"),
        ("BTC-USX@coinbase", COINBASE, "BTC-USD"),
        ("BTX-USD@coinbase", COINBASE, "BTC-USD"),
    ],
)
def test_the_nearest_of_pairs_and_contracts(asked: str, listed: list[Instrument], near: str | None) -> None:
    if near is None:
        with pytest.raises(UnknownInstrument):
            parse_name(asked, "")
        return
    assert near in nearest(parse_name(asked, ""), listed)


def test_a_name_is_said_as_its_venue_is_written() -> None:
    name = parse_name("BTC-PERP@deribit", "")
    assert spoken_at(name, DERIBIT) == "BTC-PERP"
    binance = [Instrument(instrument_id("BTC-USDT", "binance"), "binance", "BTC", "USDT", "BTCUSDT")]
    assert spoken_at(parse_name("FOO-USDT", "binance"), binance) == "FOOUSDT"
    assert nearest(parse_name("BTX-USDT", "binance"), binance) == ["BTCUSDT"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("BTCPERPETUAL@deribit", "a contract is written BTC-PERPETUAL@deribit"),
        ("xbtperp", "a contract is written BTC-PERPETUAL"),
        ("ETH25DEC26@deribit", "a contract is written ETH-25DEC26@deribit"),
        ("ETH25DEC26-4000-C@deribit", "a contract is written ETH-25DEC26-4000-C@deribit"),
        ("BTC-PERP-INTX", "write it as BTC-USDT or BTC-USDT@venue"),
        ("nothing at all", "write it as BTC-USDT or BTC-USDT@venue"),
    ],
)
def test_a_contract_in_one_word_is_refused_with_how_it_is_written(text: str, hint: str) -> None:
    with pytest.raises(UnknownInstrument) as error:
        parse_name(text, "binance")
    assert error.value.hint == hint


def test_bitcoin_has_one_name_in_contracts_too() -> None:
    assert parse_name("XBT-PERPETUAL@deribit", "").id == "BTC-PERPETUAL@deribit"
    assert parse_name("xbt-25dec26-100000-c", "deribit").id == "BTC-25DEC26-100000-C@deribit"


@pytest.mark.parametrize("text", ["BTC-USD@", "BTCUSD@ ", "BTC-PERPETUAL@", "@"])
def test_an_at_without_a_venue_is_refused(text: str) -> None:
    with pytest.raises(UnknownInstrument, match=r"expected a venue behind the @ of .*, found nothing"):
        parse_name(text, "kraken")


@pytest.mark.parametrize("words", [",", "USDT,", ",USDT", "USDT,,EUR", " , "])
def test_an_empty_part_of_a_list_of_currencies_is_refused(words: str) -> None:
    with pytest.raises(ConfigError, match=r"convert: expected at most .* currencies such as USDT, found ''"):
        currencies_of(words.split(","), "USD")


def test_no_currency_at_all_is_none() -> None:
    assert currencies_of([""], "USD") == currencies_of([], "USD") == ()
