"""Product ids, contracts, and ids that are another's alias."""

from __future__ import annotations

import pytest

from bethna.core.errors import WireError
from bethna.core.instrument import Contract, Instrument, instrument_id
from bethna.venues.coinbase import AdvancedCodec, ExchangeCodec
from bethna.venues.coinbase.symbols import NotAProduct, Symbols, is_product, listed

ODD = (
    "",
    "BTC",
    "btc-usd",
    "BTC-USD-EUR",
    "BTC/USD",
    "BTC-",
    "-USD",
    "B" * 21 + "-USD",
    "BTC-USD\n",
    "BTC-\u00dcSD",
)


def test_a_pair_is_guessed_by_its_spelling() -> None:
    assert Symbols().by_product("BTC-USD") == Instrument(
        instrument_id("BTC-USD", "coinbase"), "coinbase", "BTC", "USD", "BTC-USD"
    )


def test_usd_usdc_and_usdt_are_three_things() -> None:
    symbols = Symbols()
    assert [symbols.by_product(f"BTC-{quote}").id for quote in ("USD", "USDC", "USDT")] == [
        "BTC-USD@coinbase",
        "BTC-USDC@coinbase",
        "BTC-USDT@coinbase",
    ]


def test_contracts_keep_their_names() -> None:
    perpetual, future = Symbols().by_product("BTC-PERP-INTX"), Symbols().by_product("BIT-28JUL23-CDE")
    assert (perpetual.id, perpetual.base, perpetual.quote) == ("BTC-PERP-INTX@coinbase", "BTC", "USDC")
    assert perpetual.contract == Contract("perpetual", settlement="USDC")
    assert (future.id, future.base, future.quote) == ("BIT-28JUL23-CDE@coinbase", "BIT", "USD")
    assert future.contract == Contract("future", settlement="USD")


@pytest.mark.parametrize("text", ODD)
def test_what_is_no_product_is_refused(text: str) -> None:
    assert not is_product(text)
    with pytest.raises(NotAProduct, match="expected a product such as BTC-USD"):
        Symbols().by_product(text)
    for codec in (ExchangeCodec(), AdvancedCodec()):
        with pytest.raises(WireError, match="expected a product such as BTC-USD"):
            codec.instrument(text)
        assert codec.stream_instrument(f"ticker:{text}") is None


def test_the_catalogue_replaces_the_guess_and_other_venues_are_let_go() -> None:
    known = listed("BTC-USD", 0.01, 0.0, tradable=False)
    assert (known.tick_size, known.lot_size, known.tradable, known.verified) == (0.01, None, False, True)
    for codec in (ExchangeCodec(), AdvancedCodec()):
        assert not codec.instrument("BTC-USD").verified
        codec.learn([known, Instrument(instrument_id("ETH-USD", "other"), "other", "ETH", "USD", "ETH-USD")])
        assert codec.instrument("BTC-USD") is known
        assert codec.instrument("ETH-USD").venue == "coinbase"


def test_usdc_is_an_alias_unless_it_is_real() -> None:
    symbols = Symbols()
    products = ("BTC-USDC", "USDT-USDC", "EURC-USDC", "BTC-USD", "BTC-USDT", "-USDC")
    assert [symbols.canonical(each) for each in products] == ["BTC-USD", *products[1:]]
    symbols.asked("BTC-USDC", "level2")
    assert symbols.ids("BTC-USD") == ("BTC-USDC@coinbase",)
    symbols.learn_alias("BTC-USDC", None)
    assert symbols.ids("BTC-USD") == ("BTC-USD@coinbase",)
    symbols.learn_alias("WBTC-EUR", "BTC-EUR")
    assert symbols.canonical("BTC-USDC") == "BTC-USDC"
    assert symbols.canonical("WBTC-EUR") == "BTC-EUR"


def test_who_asked_for_an_alias_hears_it_by_that_name() -> None:
    symbols = Symbols()
    usd, usdc = instrument_id("BTC-USD", "coinbase"), instrument_id("BTC-USDC", "coinbase")
    assert symbols.ids("BTC-USD") == (usd,)
    symbols.asked("BTC-USDC", "level2")
    symbols.asked("BTC-USDC", "ticker")
    assert symbols.ids("BTC-USD") == (usdc,)
    assert symbols.ids("BTC-USDC") == (usdc,)
    assert symbols.aliases("BTC-USD") == ("BTC-USDC",)
    symbols.asked("BTC-USD", "ticker")
    assert symbols.ids("BTC-USD") == (usd, usdc)
    symbols.let_go("BTC-USDC", "level2")
    assert symbols.ids("BTC-USD") == (usd, usdc)
    symbols.let_go("BTC-USDC", "ticker")
    symbols.let_go("ETH-USDC", "ticker")
    assert symbols.ids("BTC-USD") == (usd,)
    assert symbols.aliases("BTC-USD") == ()


def test_names_that_a_venue_makes_up_do_not_pile_up() -> None:
    symbols = Symbols()
    for number in range(20_000):
        symbols.ids(f"C{number}-USD")
    assert len(symbols._names) <= 16_384
    for number in range(20_000):
        symbols.learn_alias(f"C{number}-USDC", "BTC-USD")
    assert len(symbols._canonical) <= 16_384
