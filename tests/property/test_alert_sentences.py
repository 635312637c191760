"""What a rule says of itself is read as the same rule; what cannot be read is named, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    Doubt,
    ExpiryNear,
    IndicatorIs,
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
    Severity,
    Side,
    SignalGiven,
    SpreadIs,
    SystemIs,
    Trouble,
    VolumeIs,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError, UnknownInstrument
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.alerts.saying import say
from bethna.logic.alerts.sentence import parse

PAIRS = {name: InstrumentId(name) for name in ("BTC-USDT@binance", "ETH-USD@kraken", "SOL-USD@coinbase")}
BTC = PAIRS["BTC-USDT@binance"]
MINUTE = 60 * NS_PER_S


def resolve(text: str) -> InstrumentId:
    found = PAIRS.get(text) or PAIRS.get(f"{text.upper()}@binance")
    if found is None:
        raise UnknownInstrument(text, ("BTC-USDT",))
    return found


pairs = st.sampled_from(list(PAIRS.values()))
figures = st.floats(1e-8, 1e9, allow_subnormal=False) | st.integers(1, 200_000).map(float)
lengths = st.integers(1, 10**6).map(lambda ms: ms * NS_PER_S // 1000) | st.integers(1, 1000).map(
    lambda m: m * MINUTE
)
levels = figures | figures.map(lambda each: -each)
accounts = st.sampled_from(["", "main", "Main-2", "opens", "x@y.z"])
best = InstrumentId("BTC-USD@best")
priced = st.sampled_from([*PAIRS.values(), best])
indicators = st.sampled_from(["rsi(14)", "ema(20)", "obv", "sma(5)"])
leaves = st.one_of(
    st.builds(PriceIs, priced, st.sampled_from(Side), figures),
    st.builds(PriceCrosses, priced, st.sampled_from(Way), figures),
    st.builds(PriceChannel, priced, figures, figures, st.sampled_from(Passage), st.just(0.0) | figures),
    st.builds(PriceMoves, pairs, st.sampled_from([Way.UP, Way.DOWN]), figures, lengths),
    st.builds(VolumeIs, pairs, figures, lengths),
    st.builds(SpreadIs, pairs, figures),
    st.builds(SignalGiven, pairs, figures),
    st.builds(IndicatorIs, pairs, st.sampled_from(Interval), indicators, st.sampled_from(Side), figures),
    st.builds(
        IndicatorIs,
        pairs,
        st.sampled_from(Interval),
        indicators,
        st.sampled_from(Side),
        st.none(),
        indicators | st.just("macd(12,26,9).signal"),
    ),
    st.builds(
        IndicatorIs,
        pairs,
        st.sampled_from(Interval),
        st.just("macd(12,26,9)"),
        st.sampled_from(Side),
        st.none(),
        indicators | st.just("macd(12,26,9).signal"),
        st.sampled_from(["line", "histogram"]),
    ),
    st.builds(
        SystemIs,
        st.sampled_from([Trouble.VENUE_DOWN, Trouble.QUOTA, Trouble.CLOCK_OFF]),
        st.sampled_from(["", "binance", "kraken"]),
    ),
    st.builds(SystemIs, st.sampled_from([Trouble.STALE, Trouble.GAP_OPEN]), st.just("") | pairs),
    st.builds(OptionIs, pairs, st.sampled_from(OptionFigure), st.sampled_from(Side), levels),
    st.builds(PositionIs, st.booleans(), accounts),
    st.builds(PnlIs, st.sampled_from(Side), levels, st.booleans(), accounts),
    st.builds(ExpiryNear, lengths, accounts),
)
several = st.lists(leaves, min_size=2, max_size=3).map(tuple)


@st.composite
def rules(draw: st.DrawFn) -> AlertRule:
    condition = draw(leaves | several.map(AllOf) | several.map(AnyOf))
    repeat = draw(st.sampled_from(Repeat))
    quiet = st.builds(
        QuietHours, st.integers(0, 1439), st.integers(0, 1439), st.sampled_from(["UTC", "Europe/Berlin"])
    )
    return AlertRule(
        condition,
        repeat,
        draw(st.sampled_from(Interval)) if repeat is Repeat.PER_BAR else None,
        draw(st.just(0) | lengths),
        draw(st.just(0) | lengths),
        draw(st.none() | st.integers(10**9, 4 * 10**9).map(lambda ms: ms * NS_PER_S // 1000 * 1000)),
        already=draw(st.booleans()),
        doubt=draw(st.sampled_from(Doubt)),
        severity=draw(st.sampled_from(Severity)),
        channels=tuple(draw(st.lists(st.sampled_from(["page", "telegram", "mail"]), unique=True))),
        quiet=draw(st.none() | quiet),
        note=draw(st.sampled_from(["", "sell, and then 1,000 more", "x"])),
    )


@given(rule=rules())
def test_what_a_rule_says_is_read_as_the_same(rule: AlertRule) -> None:
    assert parse(say(rule), resolve) == rule


@given(text=st.text(max_size=80) | st.text("BTC-USDTcrosaboveismv 0123456789,.k%()", max_size=80))
@example("BTC-USDT crosses above nan")
def test_whatever_is_written_is_read_or_refused_in_words(text: str) -> None:
    try:
        rule = parse(text, resolve)
    except (ConfigError, UnknownInstrument):
        return
    assert parse(say(rule), resolve) == rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("btc-usdt crosses above 65,000", AlertRule(PriceCrosses(BTC, Way.UP, 65_000.0))),
        ("BTC-USDT crosses 65k", AlertRule(PriceCrosses(BTC, Way.EITHER, 65_000.0))),
        ("BTC-USDT crossing below 65000.5", AlertRule(PriceCrosses(BTC, Way.DOWN, 65_000.5))),
        (
            "BTC-USDT crosses above 65,000, every time, again below 64,800, via telegram",
            AlertRule(PriceCrosses(BTC, Way.UP, 65_000.0, 64_800.0), Repeat.EVERY, channels=("telegram",)),
        ),
        ("BTC-USDT above 65k, for 30s", AlertRule(PriceIs(BTC, Side.ABOVE, 65_000.0), hold_ns=30 * NS_PER_S)),
        (
            "BTC-USDT is below 60k and spread above 5bps",
            AlertRule(AllOf((PriceIs(BTC, Side.BELOW, 60_000.0), SpreadIs(BTC, 5.0)))),
        ),
        (
            "BTC-USDT moves 5% in 1h, cooldown 2h, every time",
            AlertRule(
                AnyOf(
                    (PriceMoves(BTC, Way.UP, 5.0, 60 * MINUTE), PriceMoves(BTC, Way.DOWN, 5.0, 60 * MINUTE))
                ),
                Repeat.EVERY,
                cooldown_ns=120 * MINUTE,
            ),
        ),
        ("BTC-USDT falls 2.5% within 15m", AlertRule(PriceMoves(BTC, Way.DOWN, 2.5, 15 * MINUTE))),
        (
            "BTC-USDT 1h macd(12,26,9) signal above 0",
            AlertRule(IndicatorIs(BTC, Interval.H1, "macd(12,26,9)", Side.ABOVE, 0.0, "", "signal")),
        ),
        (
            "BTC-USDT leaves 60,000 to 65,000 margin 100, until 2026-12-31",
            AlertRule(
                PriceChannel(BTC, 60_000.0, 65_000.0, Passage.LEAVES, 100.0), expires=1_798_675_200 * NS_PER_S
            ),
        ),
        ("BTC-USDT signal", AlertRule(SignalGiven(BTC))),
        (
            "BTC-USDT 1h macd(12,26,9) line above macd signal, every time",
            AlertRule(
                IndicatorIs(
                    BTC, Interval.H1, "macd(12,26,9)", Side.ABOVE, None, "macd(12,26,9).signal", "line"
                ),
                Repeat.EVERY,
            ),
        ),
        ("btcusd@BEST crosses above 65k", AlertRule(PriceCrosses(best, Way.UP, 65_000.0))),
        ("Binance is down", AlertRule(SystemIs(Trouble.VENUE_DOWN, "binance"))),
        ("kraken quota is nearly used", AlertRule(SystemIs(Trouble.QUOTA, "kraken"))),
        ("kraken clock is off, for 1m", AlertRule(SystemIs(Trouble.CLOCK_OFF, "kraken"), hold_ns=MINUTE)),
        ("any clock is off", AlertRule(SystemIs(Trouble.CLOCK_OFF))),
        ("anything is stale", AlertRule(SystemIs(Trouble.STALE))),
        (
            "BTC-USDT is stale or has a gap or anything is down",
            AlertRule(
                AnyOf(
                    (
                        SystemIs(Trouble.STALE, BTC),
                        SystemIs(Trouble.GAP_OPEN, BTC),
                        SystemIs(Trouble.VENUE_DOWN),
                    )
                )
            ),
        ),
        ("BTC-USDT iv above 60%", AlertRule(OptionIs(BTC, OptionFigure.IV, Side.ABOVE, 60.0))),
        ("BTC-USDT delta under -0.5", AlertRule(OptionIs(BTC, OptionFigure.DELTA, Side.BELOW, -0.5))),
        ("a position opens", AlertRule(PositionIs(True))),
        ("a position of main closes", AlertRule(PositionIs(False, "main"))),
        ("a position expires within 2d", AlertRule(ExpiryNear(2 * 1440 * MINUTE))),
        ("pnl above 500 usd", AlertRule(PnlIs(Side.ABOVE, 500.0, False))),
        ("pnl of main above 1,500usd", AlertRule(PnlIs(Side.ABOVE, 1_500.0, False, "main"))),
        ("pnl below -10%", AlertRule(PnlIs(Side.BELOW, -10.0, True))),
        (
            "BTC-USDT below 60k or ETH-USD@kraken above 3k, again above 61k, critical",
            AlertRule(
                AnyOf(
                    (PriceIs(BTC, Side.BELOW, 60e3, 61e3), PriceIs(PAIRS["ETH-USD@kraken"], Side.ABOVE, 3e3))
                ),
                severity=Severity.CRITICAL,
            ),
        ),
        (
            (
                "BTC-USDT below 5, once per 5m bar, for 30s, cooldown 1.5s, until 2026-12-31T18:00:00.5+01:00, "
                "also if already, only on complete data, critical, via page and telegram, "
                "quiet 22:00-07:00 Europe/Berlin, note a, b"
            ),
            AlertRule(
                PriceIs(BTC, Side.BELOW, 5.0),
                Repeat.PER_BAR,
                Interval.M5,
                30 * NS_PER_S,
                3 * NS_PER_S // 2,
                1_798_736_400 * NS_PER_S + NS_PER_S // 2,
                already=True,
                doubt=Doubt.COMPLETE_ONLY,
                severity=Severity.CRITICAL,
                note="a, b",
                channels=("page", "telegram"),
                quiet=QuietHours(22 * 60, 7 * 60, "Europe/Berlin"),
            ),
        ),
        (
            "BTC-USDT above 5, tell when unknown, quiet 1:00-2:00, until 2026-12-31",
            AlertRule(
                PriceIs(BTC, Side.ABOVE, 5.0),
                expires=1_798_675_200 * NS_PER_S,
                doubt=Doubt.TELL,
                quiet=QuietHours(60, 120),
            ),
        ),
        ("BTC-USDT enters 60k to 65k", AlertRule(PriceChannel(BTC, 60e3, 65e3, Passage.ENTERS))),
        ("BTC-USDT signal above 1e-12%", AlertRule(SignalGiven(BTC, 1e-12))),
        ("BTC-USDT volume above 1,000 in 15m", AlertRule(VolumeIs(BTC, 1_000.0, 15 * MINUTE))),
        ("BTC-USDT spread above 5 bps", AlertRule(SpreadIs(BTC, 5.0))),
        (
            "BTC-USDT 1h ema(20) below ema(50)",
            AlertRule(IndicatorIs(BTC, Interval.H1, "ema(20)", Side.BELOW, None, "ema(50)")),
        ),
    ],
)
def test_sentences_of_people(text: str, rule: AlertRule) -> None:
    assert parse(text, resolve) == rule
    assert parse(say(rule), resolve) == rule


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a symbol such as BTC-USDT, found the end"),
        ("crosses above 5", "expected a symbol first, found 'crosses'"),
        ("BTC-USDT", "expected a condition"),
        ("BTC-USDT jumps 5%", "found 'jumps' after 'BTC-USDT'"),
        ("BTC-USDT crosses above", "expected above, below or a level such as 65,000, found the end"),
        ("BTC-USDT crosses above zero", "found 'zero'"),
        ("BTC-USDT crosses above nan", "found 'nan'"),
        ("BTC-USDT is 5", "expected above or below, found '5'"),
        ("BTC-USDT above 5 once", "expected a comma before what else is wanted, found 'once'"),
        ("BTC-USDT above 5, twice", "expected once, every time"),
        ("BTC-USDT above 5, for ever", "expected a length such as 30s, 15m or 4h, found 'ever'"),
        ("BTC-USDT above 5, once per day", "expected an interval of bars"),
        ("BTC-USDT above 5, once per 1h candle", "expected bar after its length"),
        ("BTC-USDT above 5, until tomorrow", "expected a time such as 2026-12-31"),
        ("BTC-USDT above 5, quiet always", "expected hours such as 22:00-07:00"),
        ("BTC-USDT above 5, again above 6", "expected a price on the other side"),
        ("BTC-USDT above 5 and below 9 or above 10", "expected and between all conditions"),
        ("BTC-USDT enters 5 9", "expected to and the higher edge, found '9'"),
        ("BTC-USDT moves 5 in 1h", "expected a percentage such as 5%"),
        ("BTC-USDT moves 5% on 1h", "expected in and a length such as 15m, found 'on'"),
        ("BTC-USDT spread above 5 percent", "expected bps"),
        ("BTC-USDT 1h macd above 0", "which part of macd(12,26,9)"),
        ("BTC-USDT 1h nonsense above 0", "the name of an indicator"),
        ("BTC-USDT 1h rsi(14) 70", "expected above or below"),
        ("BTC-USDT above 5 and", "expected a symbol such as BTC-USDT, found the end"),
        ("x" * 1_001, "at most 1000 characters"),
        ("BTC-USDT is down", "expected a venue before 'is down', found 'btc-usdt'"),
        ("anything is up", "expected is down, is stale, has a gap, quota is nearly used, clock is off"),
        ("BTC-USDT has gaps", "expected a gap after has, found 'gaps'"),
        ("BTC-USDT delta above 50%", "expected a level such as 0.5, found '50%'"),
        ("a position moves", "expected opens, closes or expires within after a position, found 'moves'"),
        ("pnl above 5", "expected usd, or % right after the number, found the end"),
        ("pnl 5 usd", "expected above or below, found '5'"),
        ("pnl above 5 usd and above 6", "expected a symbol first, found 'above'"),
    ],
)
def test_what_is_not_understood_is_named(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, resolve)
    assert words in caught.value.message


def test_a_symbol_that_names_nothing_is_said_as_everywhere() -> None:
    with pytest.raises(UnknownInstrument):
        parse("BCT-USDT above 5", resolve)

    def broken(text: str) -> InstrumentId:
        raise ConfigError("symbol", f"expected one, found {text}")

    with pytest.raises(ConfigError, match="expected a symbol, found 'a;b'"):
        parse("a;b above 5", broken)


def test_a_consolidated_price_is_that_of_a_pair_alone() -> None:
    with pytest.raises(UnknownInstrument):
        parse("BTC-PERPETUAL@best above 5", resolve)


@pytest.mark.parametrize("expires", [-1, 10**30])
def test_also_what_makes_no_sense_has_a_sentence(expires: int) -> None:
    assert "until" in say(
        AlertRule(PriceIs(BTC, Side.ABOVE, float("nan")), Repeat.PER_BAR, expires=expires, hold_ns=-5)
    )
