"""What a search finds: the symbol itself before its neighbours, old names, and nothing for nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.instrument import Instrument, told_by_name
from bethna.core.market import InstrumentId
from bethna.logic.symbol_search import search


def listed(base: str, quote: str, *, tradable: bool = True) -> Instrument:
    return Instrument(
        InstrumentId(f"{base}-{quote}@venue"), "venue", base, quote, f"{base}{quote}", tradable=tradable
    )


LISTED = [
    listed("BTC", "USDT"), listed("BTC", "EUR"), listed("WBTC", "BTC"), listed("ETH", "BTC"), listed("ETH", "USDT"),
    listed("ETHFI", "USDT"), listed("POL", "USDT"), listed("ETC", "USDT"), listed("BETH", "USDT"),
    listed("ETH", "DAI", tradable=False),
]  # fmt: skip


def found(text: str) -> list[str]:
    return [instrument.symbol for instrument in search(text, LISTED)]


@pytest.mark.parametrize("text", ["ETH-BTC", "eth/btc", "ethbtc", " eth btc ", "ETH-BTC@venue"])
def test_the_symbol_itself_stands_first_however_it_is_written(text: str) -> None:
    assert found(text)[0] == "ETH-BTC"


def test_the_base_comes_before_what_begins_like_it_and_that_before_what_holds_it() -> None:
    assert found("eth") == ["ETH-USDT", "ETH-BTC", "ETH-DAI", "ETHFI-USDT", "BETH-USDT"]


def test_an_old_name_finds_the_new_one() -> None:
    assert found("matic") == ["POL-USDT"]
    assert found("MATICUSDT") == ["POL-USDT"]
    assert found("mat") == ["POL-USDT"]


def contract(symbol: str) -> Instrument:
    return told_by_name(Instrument(InstrumentId(f"{symbol}@futures"), "futures", "BTC", "USD", symbol))


WITH_CONTRACTS = [
    *(contract(f"BTC-25DEC26-{strike}-C") for strike in range(50_000, 90_000, 1000)), contract("BTC-USD-INDEX"),
    contract("BTC-25DEC26"), contract("BTC-PERPETUAL"), listed("BTC", "USD"), *LISTED,
]  # fmt: skip


def test_a_pair_is_not_buried_under_the_contracts_of_its_coin() -> None:
    names = [each.symbol for each in search("BTC-USD", WITH_CONTRACTS)]
    assert names == ["BTC-USD", "BTC-USDT", "BTC-USD-INDEX"]
    names = [each.symbol for each in search("btc", WITH_CONTRACTS)]
    assert set(names[:3]) == {"BTC-USDT", "BTC-EUR", "BTC-USD"}
    assert names[3:7] == ["BTC-PERPETUAL", "BTC-25DEC26", "BTC-USD-INDEX", "BTC-25DEC26-50000-C"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("btc-perp", "BTC-PERPETUAL"),
        ("25dec26", "BTC-25DEC26"),
        ("BTC-25DEC26-65000-C", "BTC-25DEC26-65000-C"),
    ],
)
def test_a_contract_is_found_by_its_own_name(text: str, first: str) -> None:
    assert search(text, WITH_CONTRACTS)[0].symbol == first


@pytest.mark.parametrize("text", ["", " ", "-", "///", "ZZZ"])
def test_what_names_nothing_finds_nothing(text: str) -> None:
    assert found(text) == []


@given(st.text(max_size=60))
def test_any_text_is_answered_with_listed_instruments_once_each(text: str) -> None:
    names = found(text)
    assert len(names) == len(set(names))
    assert set(names) <= {instrument.symbol for instrument in LISTED}


@given(st.sampled_from(LISTED), st.booleans())
def test_each_is_found_first_by_its_own_name(one: Instrument, lower: bool) -> None:
    text = one.venue_symbol.lower() if lower else one.id
    assert search(text, LISTED)[0] == one
