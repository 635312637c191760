"""Names that a desk is asked for: what comes nearest, what is left out, what an old name is told."""

from __future__ import annotations

import pytest

from bethna.app import Desk
from bethna.config import load
from bethna.core.errors import UnknownInstrument
from bethna.core.instrument import Instrument, parse_name
from bethna.core.market import InstrumentId
from bethna.logic.nearest import nearest

LIVE = {"source": "live"}
LISTED = [
    Instrument(InstrumentId(f"{base}-{quote}@binance"), "binance", base, quote, f"{base}{quote}")
    for base, quote in (
        ("BTC", "USDT"), ("ETH", "USDT"), ("ETH", "USDC"), ("ETH", "FDUSD"), ("ETH", "BTC"), ("ETHW", "USDT"),
        ("ETHFI", "USDT"), ("ETC", "USDT"), ("POL", "USDT"),
    )
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("ETHUSD", ["ETHUSDC", "ETHUSDT", "ETHFDUSD"]),  # no such quote currency: the same base
        ("ETHX-USDT", ["ETHUSDT", "ETHWUSDT", "ETHFIUSDT"]),
        ("POLL-USD", ["POLUSDT"]),  # neither
        ("BTC-TRY", ["BTCUSDT"]),
        ("ZZZZZ-QQQQQ", []),
    ],
)
def test_the_nearest_are_of_the_same_quote_then_base_then_any(asked: str, near: list[str]) -> None:
    found = nearest(parse_name(asked, "binance"), LISTED)
    assert (sorted(found), len(found)) == (sorted(near), len(near))


def test_one_name_that_can_be_followed_is_enough_and_the_others_are_told() -> None:
    desk = Desk(load(options={**LIVE, "symbols": ("BTC USDT", "BTC-USDT@nowhere", "A" * 10_000, "eth/usdt")}))
    assert list(desk.lines) == ["binance"]
    assert [event.code for event in desk.events(10)] == ["symbol_refused"] * 3
    assert all(len(notice) < 120 for notice in desk.notices())
    assert all(len(event.subject) < 50 for event in desk.events(10))


def test_an_old_name_that_is_not_followed_tells_its_new_one() -> None:
    desk = Desk(load(options={**LIVE, "symbols": ("BTC-USDT",)}))
    with pytest.raises(
        UnknownInstrument, match="POL-USDT@binance is not followed by this desk; MATIC was renamed to POL"
    ):
        desk.resolve("MATICUSDT")
    with pytest.raises(UnknownInstrument) as plain:
        desk.resolve("POLUSDT")
    assert "renamed" not in plain.value.message
