"""Looking for what comes near a name is work that anybody may ask for: a second holds only so much of it."""

from __future__ import annotations

import pytest
from _memorydesk import BTC

from bethna.app import Desk
from bethna.config import load
from bethna.core.errors import UnknownInstrument
from bethna.services.feeds import NEAREST_PER_TICK


def near(desk: Desk, text: str) -> tuple[str, ...]:
    with pytest.raises(UnknownInstrument) as error:
        desk.resolve(text)
    return error.value.nearest


def test_a_flood_of_unknown_names_is_refused_without_looking_far_for_each() -> None:
    desk = Desk(load(options={"source": "live", "symbols": ("BTC-USDT",)}))
    desk.lines["binance"]._known.set()
    desk.lines["binance"]._want(desk.lines["binance"]._names.values())
    found = [near(desk, f"BTD{number}-USDT") for number in range(2_000)]
    assert found[:NEAREST_PER_TICK] == [(BTC,)] * NEAREST_PER_TICK
    assert not any(found[NEAREST_PER_TICK:])
    desk.feeds.tick(desk.clock.now_ns())
    assert near(desk, "BTD-USDT") == (BTC,), "a second later somebody may ask again"
