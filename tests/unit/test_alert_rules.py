"""What a rule may not be, and what it watches; by hand."""

from __future__ import annotations

from math import inf, nan

import pytest

from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    Condition,
    ExpiryNear,
    IndicatorIs,
    Leaf,
    LeafState,
    OptionFigure,
    OptionIs,
    Passage,
    PnlIs,
    PositionIs,
    PriceChannel,
    PriceCrosses,
    PriceIs,
    PriceMoves,
    QuietHours,
    Repeat,
    Side,
    SignalGiven,
    SpreadIs,
    SystemIs,
    Trouble,
    VolumeIs,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.alerts.bands import ANY, NO, UNSEEN, YES, Inside, Over, Under
from bethna.logic.alerts.rules import Watched, band_of, check, is_best, waits_for, watched_by

PAIR = InstrumentId("BTC-USDT@binance")
BEST = InstrumentId("BTC-USD@best")
OTHER = InstrumentId("ETH-USDT@binance")
MINUTE = 60 * NS_PER_S
NOW = 1_700_000_000 * NS_PER_S

ABOVE = PriceIs(PAIR, Side.ABOVE, 100.0)
BELOW = PriceIs(PAIR, Side.BELOW, 90.0)
EVERY_LEAF: tuple[Leaf, ...] = (
    ABOVE,
    BELOW,
    PriceCrosses(PAIR, Way.UP, 100.0, 99.0),
    PriceChannel(PAIR, 90.0, 100.0, Passage.LEAVES),
    PriceMoves(PAIR, Way.DOWN, 5.0, MINUTE),
    VolumeIs(PAIR, 10.0, MINUTE),
    SpreadIs(PAIR, 5.0),
    IndicatorIs(PAIR, Interval.H1, "rsi(14)", Side.ABOVE, 70.0),
    IndicatorIs(PAIR, Interval.H1, "ema(20)", Side.ABOVE, None, "ema(50)"),
    PriceIs(BEST, Side.ABOVE, 100.0),
    PriceCrosses(BEST, Way.UP, 100.0),
    PriceChannel(BEST, 90.0, 100.0, Passage.ENTERS),
    IndicatorIs(PAIR, Interval.H1, "macd(12,26,9)", Side.ABOVE, None, "macd(12,26,9).signal", "line"),
    IndicatorIs(PAIR, Interval.H1, "obv", Side.ABOVE, None, "ema(50)"),
    SystemIs(Trouble.VENUE_DOWN, "binance"),
    SystemIs(Trouble.STALE, PAIR),
    SystemIs(Trouble.GAP_OPEN),
    OptionIs(PAIR, OptionFigure.DELTA, Side.BELOW, -0.5),
    PositionIs(opened=True),
    PnlIs(Side.BELOW, -100.0, in_percent=False),
    ExpiryNear(MINUTE),
    SignalGiven(PAIR, 80.0),
)


@pytest.mark.parametrize("leaf", EVERY_LEAF, ids=lambda leaf: type(leaf).__name__)
def test_every_kind_of_condition_can_be_asked_for_and_has_a_figure_and_a_band(leaf: Leaf) -> None:
    check(AlertRule(leaf), NOW)
    assert watched_by(leaf).kind
    assert band_of(leaf).judge(0.5, UNSEEN) in (YES, NO, UNSEEN)


def test_figures_that_are_the_same_share_their_evaluation() -> None:
    assert watched_by(ABOVE) == watched_by(BELOW) == Watched("price", PAIR)
    assert watched_by(PriceMoves(PAIR, Way.UP, 5.0, MINUTE)) != watched_by(
        PriceMoves(PAIR, Way.DOWN, 5.0, MINUTE)
    )
    assert watched_by(EVERY_LEAF[7]) != watched_by(EVERY_LEAF[8])


def test_a_rule_says_which_sources_it_waits_for() -> None:
    assert waits_for(AnyOf((ABOVE, SignalGiven(PAIR), PositionIs(opened=False)))) == ("position", "signal")
    assert waits_for(ABOVE) == ()


WRONG: tuple[tuple[Condition, str, str], ...] = (
    (PriceIs(PAIR, Side.ABOVE, 0.0), "level", "above 0"),
    (PriceIs(PAIR, Side.ABOVE, nan), "level", "found nan"),
    (PriceIs(PAIR, Side.ABOVE, inf), "level", "found inf"),
    (PriceIs(PAIR, Side.ABOVE, 100.0, 101.0), "again", "at or below 100"),
    (PriceIs(PAIR, Side.BELOW, 100.0, 99.0), "again", "at or above 100"),
    (PriceCrosses(PAIR, Way.DOWN, 100.0, 99.0), "again", "at or above 100"),
    (PriceCrosses(PAIR, Way.UP, 100.0, nan), "again", "above 0"),
    (PriceCrosses(PAIR, Way.EITHER, 100.0, 99.0), "again", "either direction"),
    (PriceChannel(PAIR, 100.0, 90.0, Passage.ENTERS), "channel", "found 100 and 90"),
    (PriceChannel(PAIR, 90.0, 100.0, Passage.ENTERS, 90.0), "margin", "below 90"),
    (PriceChannel(PAIR, 90.0, 100.0, Passage.ENTERS, nan), "margin", "0 or more"),
    (PriceMoves(PAIR, Way.EITHER, 5.0, MINUTE), "way", "up or down"),
    (PriceMoves(PAIR, Way.DOWN, 100.0, MINUTE), "percent", "less than 100"),
    (PriceMoves(PAIR, Way.UP, 5.0, 8 * Interval.D1.ns), "window", "7 days"),
    (VolumeIs(PAIR, -1.0, MINUTE), "quantity", "above 0"),
    (VolumeIs(PAIR, 1.0, 0), "window", "1 s"),
    (SpreadIs(PAIR, 0.0), "basis_points", "above 0"),
    (IndicatorIs(PAIR, Interval.H1, "rsi(14)", Side.ABOVE), "level", "another indicator"),
    (IndicatorIs(PAIR, Interval.H1, "rsi(14)", Side.ABOVE, 5.0, "ema(3)"), "level", "not both"),
    (IndicatorIs(PAIR, Interval.H1, "rsi(14)", Side.ABOVE, nan), "level", "a number"),
    (PnlIs(Side.ABOVE, inf, in_percent=True), "level", "a number"),
    (ExpiryNear(0), "within", "above 0"),
    (SignalGiven(PAIR, 101.0), "confidence", "up to 100"),
    (AllOf((ABOVE,)), "parts", "2 to 8"),
    (AllOf((ABOVE, ABOVE)), "parts", "one twice"),
    (AllOf((ABOVE, BELOW)), "parts", "above 100 and below 90"),
    (
        AllOf((PriceCrosses(PAIR, Way.UP, 100.0), PriceChannel(PAIR, 80.0, 90.0, Passage.ENTERS))),
        "parts",
        "at once",
    ),
    (AnyOf((ABOVE, PriceCrosses(PAIR, Way.EITHER, 100.0))), "way", "two rules"),
)


@pytest.mark.parametrize(("condition", "key", "words"), WRONG)
def test_a_condition_that_makes_no_sense_is_refused(condition: Condition, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(AlertRule(condition), NOW)
    assert caught.value.key == key
    assert words in caught.value.message + caught.value.hint


def test_what_can_be_true_together_is_taken() -> None:
    check(AlertRule(AllOf((ABOVE, PriceIs(OTHER, Side.BELOW, 50.0)))), NOW)
    check(AlertRule(AllOf((ABOVE, PriceIs(PAIR, Side.BELOW, 110.0), SpreadIs(PAIR, 1.0)))), NOW)
    check(AlertRule(AnyOf((ABOVE, BELOW))), NOW)


WRONG_RULES = (
    (AlertRule(PriceCrosses(PAIR, Way.EITHER, 100.0), hold_ns=NS_PER_S), "way"),
    (AlertRule(ABOVE, hold_ns=-1), "hold"),
    (AlertRule(ABOVE, Repeat.EVERY, cooldown_ns=32 * Interval.D1.ns), "cooldown"),
    (AlertRule(ABOVE, cooldown_ns=NS_PER_S), "cooldown"),
    (AlertRule(ABOVE, Repeat.PER_BAR), "bar"),
    (AlertRule(ABOVE, Repeat.EVERY, bar=Interval.M1), "bar"),
    (AlertRule(ABOVE, expires=NOW), "expires"),
    (AlertRule(ABOVE, expires=2**63), "expires"),
    (AlertRule(ABOVE, note="x" * 501), "note"),
    (AlertRule(ABOVE, note="sell\u202e!"), "note"),
    (AlertRule(ABOVE, note="\u200b \u2060"), "note"),
    (AlertRule(ABOVE, note="one\nanother"), "note"),
    (AlertRule(ABOVE, channels=("a", "a")), "channels"),
    (AlertRule(ABOVE, channels=tuple(map(str, range(11)))), "channels"),
    (AlertRule(ABOVE, quiet=QuietHours(60, 60)), "quiet"),
    (AlertRule(ABOVE, quiet=QuietHours(60, 24 * 60)), "quiet"),
)


@pytest.mark.parametrize(("rule", "key"), WRONG_RULES)
def test_a_rule_that_makes_no_sense_is_refused(rule: AlertRule, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(rule, NOW)
    assert caught.value.key == key


def test_a_rule_with_everything_is_taken() -> None:
    check(
        AlertRule(
            ABOVE, Repeat.PER_BAR, Interval.M5, NS_PER_S, MINUTE, NOW + 1, already=True, note="n", channels=("a", "b"),
            quiet=QuietHours(22 * 60, 7 * 60, "Europe/Berlin"),
        ),
        NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("band", "value", "before", "after"),
    [
        (Over(10.0, 9.0), 10.0, NO, NO),
        (Over(10.0, 9.0), 10.0, YES, YES),
        (Over(10.0, 9.0), 9.5, UNSEEN, NO),
        (Over(10.0, 9.0, from_beyond=True), 9.5, UNSEEN, UNSEEN),
        (Over(10.0, 9.0), 8.9, YES, NO),
        (Over(10.0, 9.0), 10.1, NO, YES),
        (Under(10.0, 11.0), 10.0, NO, NO),
        (Under(10.0, 11.0), 9.9, NO, YES),
        (Under(10.0, 11.0), 11.1, YES, NO),
        (Under(10.0, 11.0), 10.5, UNSEEN, NO),
        (Under(10.0, 11.0, from_beyond=True), 10.5, UNSEEN, UNSEEN),
        (Inside(9.0, 10.0, 1.0), 9.5, NO, YES),
        (Inside(9.0, 10.0, 1.0), 10.0, UNSEEN, UNSEEN),
        (Inside(9.0, 10.0, 1.0), 10.5, YES, YES),
        (Inside(9.0, 10.0, 1.0), 11.5, YES, NO),
        (Inside(9.0, 10.0, outside=True), 8.0, NO, YES),
        (Inside(9.0, 10.0, outside=True), 9.5, YES, NO),
    ],
)
def test_bands(band: Over | Under | Inside, value: float, before: LeafState, after: LeafState) -> None:
    assert band.judge(value, before) is after


def test_what_a_channel_waits_for() -> None:
    channel = Inside(9.0, 10.0, 1.0)
    assert channel.waits(YES, 9.5) == (11.0, 8.0)
    assert channel.waits(NO, 12.0) == (inf, 10.0)
    assert channel.waits(NO, 7.0) == (9.0, -inf)
    assert channel.waits(UNSEEN, 10.0) == ANY


def test_a_consolidated_price_is_a_figure_of_its_own() -> None:
    assert watched_by(PriceIs(BEST, Side.ABOVE, 1.0)) == Watched("best", BEST)
    assert is_best(BEST)
    assert not is_best(PAIR)


@pytest.mark.parametrize(
    "leaf",
    [
        PriceMoves(BEST, Way.UP, 5.0, MINUTE),
        VolumeIs(BEST, 5.0, MINUTE),
        SpreadIs(BEST, 5.0),
        IndicatorIs(BEST, Interval.H1, "rsi(14)", Side.ABOVE, 70.0),
        OptionIs(BEST, OptionFigure.IV, Side.ABOVE, 70.0),
        SystemIs(Trouble.STALE, BEST),
    ],
)
def test_a_consolidated_price_has_a_price_alone(leaf: Leaf) -> None:
    with pytest.raises(ConfigError, match="expected a price for BTC-USD@best, found"):
        check(AlertRule(leaf), NOW)


def _indicator(indicator: str, other: str = "", part: str = "") -> IndicatorIs:
    return IndicatorIs(PAIR, Interval.H1, indicator, Side.ABOVE, None if other else 5.0, other, part)


@pytest.mark.parametrize(
    ("leaf", "key", "words"),
    [
        (_indicator("nonsense(5)"), "indicator", "nonsense"),
        (_indicator("RSI"), "indicator", r"expected rsi\(14\), found RSI"),
        (_indicator("macd(12,26,9)"), "part", "expected one of line, signal, histogram"),
        (_indicator("rsi(14)", part="line"), "part", "expected no part of rsi"),
        (_indicator("rsi(14)", "macd(12,26,9)"), "part", "expected one of"),
        (_indicator("rsi(14)", "rsi(14)"), "other", "another indicator"),
        (_indicator("macd(12,26,9)", "macd(12,26,9).line", "line"), "other", "another indicator"),
        (_indicator("obv"), "level", "expected an indicator that has a level, found obv"),
        (
            IndicatorIs(PAIR, Interval.H1, "rsi(14)", Side.ABOVE, 170.0),
            "level",
            "expected more than 0 and less than 100, found 170",
        ),
        (SystemIs(Trouble.VENUE_DOWN, PAIR), "about", "expected a venue for venue_down"),
        (SystemIs(Trouble.STALE, "binance"), "about", "expected an instrument"),
        (PositionIs(True, "my account"), "account", "expected letters"),
        (PnlIs(Side.ABOVE, 1.0, False, "a,b"), "account", "expected letters"),
        (ExpiryNear(MINUTE, "ü"), "account", "expected letters"),
    ],
)
def test_what_is_asked_of_bars_and_of_the_desk_is_there(leaf: Leaf, key: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        check(AlertRule(leaf), NOW)
    assert caught.value.key == key


@pytest.mark.parametrize(
    "parts",
    [
        (
            OptionIs(PAIR, OptionFigure.IV, Side.ABOVE, 60.0),
            OptionIs(PAIR, OptionFigure.IV, Side.BELOW, 50.0),
        ),
        (PnlIs(Side.BELOW, -5.0, False), PnlIs(Side.ABOVE, 5.0, False)),
        (
            IndicatorIs(PAIR, Interval.H1, "rsi(14)", Side.ABOVE, 70.0),
            IndicatorIs(PAIR, Interval.H1, "rsi(14)", Side.BELOW, 30.0),
        ),
        (
            IndicatorIs(PAIR, Interval.H1, "ema(9)", Side.ABOVE, None, "ema(20)"),
            IndicatorIs(PAIR, Interval.H1, "ema(9)", Side.BELOW, None, "ema(20)"),
        ),
        (PriceIs(BEST, Side.ABOVE, 60.0), PriceCrosses(BEST, Way.DOWN, 50.0)),
    ],
)
def test_figures_of_any_kind_that_cannot_be_so_at_once(parts: tuple[Leaf, ...]) -> None:
    with pytest.raises(
        ConfigError, match=r"expected conditions that can be true at once, found .+ above .+ and below"
    ):
        check(AlertRule(AllOf(parts)), NOW)
    check(AlertRule(AnyOf(parts)), NOW)


def test_figures_that_differ_can() -> None:
    parts = (
        OptionIs(PAIR, OptionFigure.IV, Side.ABOVE, 60.0),
        OptionIs(PAIR, OptionFigure.DELTA, Side.BELOW, 0.5),
        PnlIs(Side.ABOVE, -50.0, in_percent=True),
        PnlIs(Side.BELOW, -60.0, in_percent=False),
    )
    check(AlertRule(AllOf(parts)), NOW)
