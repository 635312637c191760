"""In what an instrument's quantities are counted, and what makes it a contract, from the name to every reader."""

from __future__ import annotations

import pytest
from _memorydesk import MemoryDesk

from bethna.api.answers import health_answer, instruments_answer
from bethna.cli.standing import Standing, lines_of
from bethna.cli.tellers import BookTeller, CandleTeller, PriceTeller, TradeTeller
from bethna.client.remote_facts import instrument_of
from bethna.core.instrument import Contract, Instrument, guessed
from bethna.core.market import InstrumentId
from bethna.venues.deribit.symbols import read_name

NAMES = (
    "BTC-PERPETUAL", "BTC-25DEC26", "BTC_USDC-PERPETUAL", "BTC-25DEC26-76000-C", "XRP_USDC-30JUN26-0d625-P", "BTC_USDC",
)  # fmt: skip
UNITS = ("USD", "USD", "BTC", "BTC", "XRP", "BTC")


@pytest.mark.parametrize(("name", "unit"), tuple(zip(NAMES, UNITS, strict=True)))
def test_quantities_are_in_base_but_of_inverse_futures_in_quote_currency(name: str, unit: str) -> None:
    known = read_name(name)
    assert known.quantity_unit == unit
    assert guessed(known.id).quantity_unit == unit, "a name alone says the same"


def test_an_index_has_no_quantities() -> None:
    assert read_name("deribit_price_index.btc_usd").quantity_unit is None
    assert guessed(InstrumentId("BTC-DVOL@deribit")).quantity_unit is None


def test_a_name_alone_says_in_what_a_contract_settles() -> None:
    settled = [guessed(read_name(name).id).contract for name in NAMES]
    assert [each and (each.settlement, each.inverse) for each in settled] == [
        ("BTC", True), ("BTC", True), ("USDC", False), ("BTC", True), ("USDC", False), None,
    ]  # fmt: skip


def following(*instruments: Instrument) -> MemoryDesk:
    desk = MemoryDesk([each.id for each in instruments])
    desk.followed = list(instruments)
    return desk


@pytest.mark.parametrize("name", NAMES)
def test_a_client_elsewhere_has_the_contract_that_the_desk_has(name: str) -> None:
    known = read_name(name)
    (row,) = instruments_answer(following(known)).instruments
    assert row.quantity_unit == known.quantity_unit
    assert instrument_of(row).contract == known.contract
    assert instrument_of(row).quantity_unit == known.quantity_unit


def test_an_instant_of_expiry_is_told_in_microseconds() -> None:
    (row,) = instruments_answer(following(read_name("BTC-25DEC26-76000-C"))).instruments
    assert row.contract is not None
    assert (row.contract.kind, row.contract.strike, row.contract.option) == ("option", 76_000.0, "call")
    assert row.contract.expiry == 1_798_185_600_000_000  # 2026-12-25 08:00 UTC


def test_a_table_says_in_what_it_counts_where_that_is_not_the_base_currency() -> None:
    inverse, plain = read_name("BTC-PERPETUAL"), read_name("BTC_USDC")
    assert "QUANTITY USD" in TradeTeller(inverse, int).head()
    assert "VOLUME USD" in CandleTeller(inverse, int).head()
    assert "USD" not in TradeTeller(plain, int).head()
    assert "USD" not in TradeTeller(None, int).head()
    assert "USD" not in PriceTeller(inverse, int).head()
    assert BookTeller(inverse, int).of == " USD"


def test_status_shows_the_unit_of_each_instrument_and_who_shares_the_quota() -> None:
    desk = following(read_name("BTC-PERPETUAL"))
    health = health_answer(desk)
    lines = lines_of(Standing("http://h", health, instruments=instruments_answer(desk).instruments))
    (row,) = [line.split() for line in lines if line.startswith("BTC-PERPETUAL@deribit")]
    assert row[1:3] == ["perpetual", "USD"]
    (venue,) = [line for line in lines if line.startswith("binance ")]
    assert "1: own 0" in venue


def test_a_contract_that_nobody_described_has_its_base_currency() -> None:
    bare = Instrument(InstrumentId("BTC-PERP@x"), "x", "BTC", "USD", "BTC", contract=Contract("perpetual"))
    assert bare.quantity_unit == "BTC"
