"""Data that is old when it comes: said once, taken back once, and shown in health meanwhile."""

from __future__ import annotations

from _memorydesk import BTC, ETH
from hypothesis import given
from hypothesis import strategies as st

from bethna.api.answers import health_answer
from bethna.app import Desk
from bethna.config import load
from bethna.core.clock import NS_PER_S
from bethna.core.instrument import Instrument
from bethna.core.market import Trade
from bethna.logic.lateness import LATE_MS, LATE_NOTES, Lateness


def turns(*lags: float | None) -> list[str | None]:
    lateness = Lateness()
    return [lateness.note(BTC, lag) for lag in lags]


def test_it_is_said_once_and_taken_back_once() -> None:
    late, between = LATE_MS, LATE_MS / 2
    assert turns(late, late, late, late, None, between, 0.0, 0.0) == [
        None, None, "data_late", None, None, None, "data_in_time", None,
    ]  # fmt: skip
    assert turns(late, late, 0.0, late, late, 0.0) == [None] * 6, "a hiccup"


def test_words_are_of_the_one_that_is_late() -> None:
    lateness = Lateness()
    for _ in range(LATE_NOTES):
        lateness.note(BTC, 8_000.0)
        lateness.note(ETH, 10.0)
    assert (lateness.words(BTC), lateness.words(ETH)) == ("its data comes 8.0 s late", "")
    lateness.forget(BTC)
    assert lateness.words(BTC) == ""


@given(st.lists(st.one_of(st.none(), st.floats(0, 20_000))))
def test_turns_alternate_whatever_the_lags(lags: list[float | None]) -> None:
    said = [turn for turn in turns(*lags) if turn is not None]
    assert said == (["data_late", "data_in_time"] * len(said))[: len(said)]


def test_a_desk_whose_data_comes_late_says_so_in_health_and_events() -> None:
    desk = Desk(load(options={"source": "live", "symbols": ("BTC-USDT",)}))
    desk.feeds.follow(Instrument(BTC, "binance", "BTC", "USDT", "BTCUSDT"))
    now = desk.clock.now_ns()
    desk.feeds.clock_offset("binance").rest(now, now, now, desk.clock.monotonic_ns())
    for number in range(8):
        late = 8 if number < 5 else 0
        ts = now + number * NS_PER_S
        desk.feeds.apply(Trade(BTC, 1.0, 1.0, "buy", number + 1, ts - late * NS_PER_S, ts))
        desk.feeds.tick(ts)
        if number == 4:
            health = health_answer(desk)
            assert health.instruments[BTC].message == "its data comes 8.0 s late"
            assert health.status != "ok"
    codes = [event.code for event in desk.events(10) if event.code.startswith("data_")]
    assert codes == ["data_late", "data_in_time"]
    assert desk.instrument_health(BTC).message == ""
