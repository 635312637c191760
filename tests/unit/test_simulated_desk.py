"""A desk on a simulated market: every certificate says so, and a desk whose source is not decided does not begin."""

from __future__ import annotations

import pytest
from _memorydesk import BTC

from bethna.app import Desk
from bethna.app.desk import feed_settings
from bethna.config import load
from bethna.core.coverage import Coverage, Provenance, State
from bethna.core.errors import ConfigError
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, Trade
from bethna.core.status import Simulation

HOSTS = {"binance": ["ws://127.0.0.1:9|http://127.0.0.1:9"]}
SECOND = 1_000_000_000
START = 1_700_000_040 * SECOND
INSTRUMENT = Instrument(BTC, "binance", "BTC", "USDT", "BTCUSDT")


def simulated(simulation: Simulation | None = None) -> Desk:
    settings = load(options={"source": "twin", "hosts": HOSTS, "symbols": ("BTC-USDT",), "twin_seed": 5})
    return Desk(settings, simulation=simulation)


def test_what_is_wanted_waits_under_its_name_before_the_venue_has_described_it() -> None:
    desk = simulated()
    assert [found.id for found in desk.instruments()] == [BTC]
    assert not desk.instruments()[0].verified
    assert desk.resolve("btcusdt") == (BTC, None)
    assert desk.price(BTC).price is None
    assert desk.instrument_health(BTC).state == "waiting"


def certificates(desk: Desk) -> list[Coverage]:
    """Every one that the desk gives out about one instrument."""
    feed = desk.feeds.feed(BTC)
    return [
        feed.coverage(),
        desk.price(BTC).coverage,
        desk.book(BTC, 5).coverage,
        desk.instrument_health(BTC).coverage,
        *(candle.coverage for interval in Interval for candle in desk.candles(BTC, interval, 10)),
    ]


def trade(desk: Desk, trade_id: int, at_s: int) -> None:
    ts = START + at_s * SECOND
    desk.feeds.apply(Trade(BTC, 100.0, 1.0, "buy", trade_id, ts, ts))


def test_every_certificate_of_a_simulated_market_says_so() -> None:
    desk = simulated()
    desk.feeds.follow(INSTRUMENT)
    assert {found.provenance for found in certificates(desk)} == {Provenance.SYNTHETIC}
    desk.feeds.apply(BookSnapshot(BTC, 10, [(99.0, 1.0)], [(101.0, 1.0)], START, 5))
    for number, at_s in (
        (1, 0),
        (2, 1),
        (5, 61),
        (6, 200),
    ):  # whole, with a gap that is never healed, quiet bars
        trade(desk, number, at_s)
    desk.feeds.apply(BookDelta(BTC, 11, 11, [(98.0, 1.0)], [], START, START))
    desk.feeds.apply(BookDelta(BTC, 14, 14, [(97.0, 1.0)], [], START + SECOND, START + SECOND))
    desk.feeds.finish(START + 300 * SECOND)
    found = certificates(desk)
    assert {each.provenance for each in found} == {Provenance.SYNTHETIC}
    assert {each.state for each in found} >= {State.COMPLETE, State.INCOMPLETE}
    assert len(found) > 20


@pytest.mark.parametrize("source", ["live", "tape:x.jsonl"])
def test_what_is_real_is_called_live(source: str) -> None:
    assert feed_settings(load(options={"source": source})).provenance is Provenance.LIVE


def test_a_simulated_desk_says_what_is_known_of_its_market() -> None:
    desk = simulated()
    assert desk.source() == "twin"
    assert desk.simulation() == Simulation(5, "the settings ask for it")
    told = Simulation(7, "no live host answers")
    desk = simulated(told)
    assert desk.simulation() == told
    desk.simulated(Simulation(7, "no live host answers", live_reachable=True))
    assert desk.simulation() == Simulation(7, "no live host answers", live_reachable=True)
    live = Desk(load(options={"source": "live"}), simulation=told)
    assert (live.source(), live.simulation()) == ("live", None)


def test_a_desk_does_not_begin_before_its_source_is_decided() -> None:
    with pytest.raises(ConfigError, match="found 'auto'") as caught:
        Desk(load())
    assert caught.value.key == "source"
    assert "chosen_market" in caught.value.hint
    with pytest.raises(ConfigError, match="where the simulated binance is served") as caught:
        Desk(load(options={"source": "twin"}))
    assert caught.value.key == "hosts"
    assert "chosen_market" in caught.value.hint


def test_what_is_said_twice_is_one_notice_and_two_events() -> None:
    desk = simulated()
    for _ in range(2):
        desk.notify("error", "twin_ended", "binance", "it ended")
    assert list(desk.notices()) == ["it ended"]
    assert [event.code for event in desk.events(10)] == ["twin_ended"] * 2


def test_of_what_happens_again_and_again_the_newest_notice_stays_and_says_how_often() -> None:
    desk = simulated()
    for times in (1, 2, 3):
        desk.notify("error", "twin_ended", "binance", f"it ended as {times}", about="twin", times=times)
        desk.notify("info", "renamed", "binance", "another matter")
        desk.notify("warning", "twin_restarted", "binance", f"begun as {times}", about="twin", times=times)
    assert list(desk.notices()) == ["another matter", "begun as 3 (3 times by now)"]
    assert [event.message for event in desk.events(10) if event.code == "twin_ended"] == [
        "it ended as 1", "it ended as 2", "it ended as 3"
    ]  # fmt: skip
