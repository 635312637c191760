"""What Deribit's names say, and what is no name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bethna.core.instrument import Contract, parse_name
from bethna.venues.deribit.symbols import (
    NotASymbol,
    counts_in_quote,
    expiry_of,
    index_of,
    is_index,
    read_name,
)


def ns(*day: int) -> int:
    return int(datetime(*day, 8, tzinfo=UTC).timestamp()) * 10**9  # type: ignore[arg-type, misc]  # three numbers


@pytest.mark.parametrize(
    ("name", "symbol", "base", "quote", "contract"),
    [
        ("BTC-PERPETUAL", "BTC-PERPETUAL", "BTC", "USD", Contract("perpetual", "BTC", True)),
        ("BTC-25DEC26", "BTC-25DEC26", "BTC", "USD", Contract("future", "BTC", True, expiry=ns(2026, 12, 25))),
        (
            "BTC-5AUG26-76000-C", "BTC-5AUG26-76000-C", "BTC", "USD",
            Contract("option", "BTC", True, expiry=ns(2026, 8, 5), strike=76000.0, option="call"),
        ),
        ("BTC_USDC-PERPETUAL", "BTC_USDC-PERPETUAL", "BTC", "USDC", Contract("perpetual", "USDC")),
        (
            "XRP_USDC-30JUN26-0d625-P", "XRP_USDC-30JUN26-0d625-P", "XRP", "USDC",
            Contract("option", "USDC", expiry=ns(2026, 6, 30), strike=0.625, option="put"),
        ),
        ("ETH_USDC-27MAR26", "ETH_USDC-27MAR26", "ETH", "USDC", Contract("future", "USDC", expiry=ns(2026, 3, 27))),
        ("BTC_USDC", "BTC-USDC", "BTC", "USDC", None),
        ("deribit_price_index.btc_usd", "BTC-USD-INDEX", "BTC", "USD", Contract("index")),
        ("deribit_volatility_index.eth_usd", "ETH-DVOL", "ETH", "USD", Contract("index")),
        ("deribit_volatility_index.sol_usdc", "SOL_USDC-DVOL", "SOL", "USDC", Contract("index")),
    ],
)  # fmt: skip
def test_a_name_says_what_it_is(
    name: str, symbol: str, base: str, quote: str, contract: Contract | None
) -> None:
    found = read_name(name)
    assert (found.id, found.venue_symbol) == (f"{symbol}@deribit", name)
    assert (found.base, found.quote, found.contract, found.verified) == (base, quote, contract, False)
    assert parse_name(found.id, "other").id == found.id  # what a person types is the same id


@pytest.mark.parametrize(
    "name",
    [
        "", "BTC", "BTC-", "BTCUSD", "btc-perpetual", "BTC-CS-28JUN24-90000_95000", "BTC-FS-25DEC26_PERP",
        "BTC-05AUG26", "BTC-31FEB26", "BTC-1XXX26", "BTC-25DEC26-C", "BTC-25DEC26-1-X", "BTC-25DEC26-0d-C",
        "BTC-25DEC26-0-C", "BTC-25DEC26-0d0-C", "BTC_USDC_USDT", "BTC-PERPETUAL\n", "A" * 99 + "_USDC",
        "deribit_price_index.btc", "deribit_price_index.BTC_USD", "other_index.btc_usd", "BTC-\u0662\u0665DEC26",
    ],
)  # fmt: skip
def test_a_text_that_is_no_name(name: str) -> None:
    with pytest.raises(NotASymbol, match="expected"):
        read_name(name)


def test_a_contract_ends_at_eight() -> None:
    assert expiry_of("15SEP26") == 1789459200000 * 10**6  # the sheet's own figure for BTC-15SEP26-77000-C


def test_whose_quantities_are_dollars() -> None:
    names = ("BTC-PERPETUAL", "BTC-25DEC26", "BTC-25DEC26-76000-C", "BTC_USDC-PERPETUAL", "BTC_USDC")
    assert [counts_in_quote(read_name(name)) for name in names] == [True, True, False, False, False]


def test_an_index_is_known_and_nobody_trades_it() -> None:
    assert index_of("btc_usd", volatility=True).verified
    assert is_index(index_of("btc_usd", volatility=False))
    assert not any(is_index(read_name(name)) for name in ("BTC_USDC", "BTC-PERPETUAL"))
