"""What alerts, journals and `why` say: each kind of condition, each outcome, by hand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    ExpiryNear,
    IndicatorIs,
    Leaf,
    LeafState,
    Moment,
    OptionFigure,
    OptionIs,
    Outcome,
    Passage,
    Phase,
    PnlIs,
    PositionIs,
    PriceChannel,
    PriceCrosses,
    PriceIs,
    PriceMoves,
    Repeat,
    RuleState,
    Side,
    SignalGiven,
    SpreadIs,
    Step,
    SystemIs,
    Trouble,
    VolumeIs,
    Way,
)
from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.coverage import State
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.alerts.telling import reason, text_of, title_of, words_of

BTC, BEST = InstrumentId("BTC-USDT@binance"), InstrumentId("BTC-USD@best")
OPTION = InstrumentId("BTC-27DEC24-100000-C@deribit")
T = 1_733_000_531 * NS_PER_S + 120 * NS_PER_MS  # 2024-11-30 21:02:11.120 UTC
HOUR, DAY = 3_600 * NS_PER_S, 86_400 * NS_PER_S
YES, NO, UNSEEN = LeafState.YES, LeafState.NO, LeafState.UNSEEN
UP = PriceCrosses(BTC, Way.UP, 65_000.0)
WHEN = "2024-11-30 21:02:11.120 UTC"


def step(
    outcome: Outcome = Outcome.FIRED,
    value: float = 65_012.4,
    leaf: int | None = 0,
    trade: int | None = 123,
    *,
    before: RuleState | None = None,
    after: RuleState | None = None,
    fired: int | None = T,
    moment: Moment | None = None,
) -> Step:
    return Step(
        "a1", 1, outcome, leaf, moment or Moment(T, T + NS_PER_S, trade, value),
        before or RuleState((NO,)), after or RuleState((YES,), steps=1), fired if outcome is Outcome.FIRED else None,
    )  # fmt: skip


KINDS: list[tuple[Leaf, float, str, str, str]] = [
    (
        PriceIs(BTC, Side.ABOVE, 65_000.0), 65_012.4, "BTC-USDT is above 65,000", "65,012.4 on binance at",
        "the price was 65,012.4, 12.4 above the level",
    ),
    (UP, 65_000.0, "BTC-USDT crossed above 65,000", "65,000.0 on binance at", "65,000, which is the level itself"),
    (
        PriceCrosses(BEST, Way.DOWN, 65_000.0), 64_999.5, "BTC-USD of all venues crossed below 65,000",
        "64,999.5 across venues at", "the price was 64,999.5, 0.5 below the level",
    ),
    (PriceCrosses(BTC, Way.EITHER, 0.05), 1.0, "BTC-USDT crossed 0.05", "1.0 on binance at", "0.95 above the level"),
    (
        PriceChannel(BTC, 60_000.0, 65_000.0, Passage.LEAVES), 65_012.4, "BTC-USDT left 60,000 to 65,000",
        "65,012.4 on binance at", "12.4 above the edge",
    ),
    (
        PriceChannel(BTC, 60_000.0, 65_000.0, Passage.ENTERS), 60_000.0, "BTC-USDT entered 60,000 to 65,000",
        "60,000.0 on binance at", "60,000, which is the edge itself",
    ),
    (
        PriceMoves(BTC, Way.UP, 5.0, HOUR), 5.1234, "BTC-USDT rose more than 5% in 1h", "5.12% in 1h on binance at",
        "it was 5.12% in 1h on binance, and more than 5% counts",
    ),
    (
        PriceMoves(BTC, Way.DOWN, 5.0, HOUR), 5.1234, "BTC-USDT fell more than 5% in 1h", "-5.12% in 1h on binance at",
        "it was -5.12% in 1h on binance, and more than 5% counts",
    ),
    (
        VolumeIs(BTC, 1_000.0, HOUR), 1_234.56789, "BTC-USDT traded more than 1,000 in 1h", "1,234.57 in 1h on binance",
        "it was 1,234.57 in 1h on binance, and more than 1,000 counts",
    ),
    (
        SpreadIs(BTC, 5.0), 6.789, "BTC-USDT spread is above 5 bps", "6.789 bps on binance at",
        "it was 6.789 bps on binance, and more than 5 bps counts",
    ),
    (
        IndicatorIs(BTC, Interval.M5, "rsi(14)", Side.ABOVE, 70.0), 71.25, "BTC-USDT 5m rsi(14) is above 70",
        "71.25, of the 5m bar that closed at", "it was 71.25, 1.25 above the level",
    ),
    (
        IndicatorIs(BTC, Interval.H1, "macd(12,26,9)", Side.ABOVE, None, "macd(12,26,9).signal", "line"), 0.5,
        "BTC-USDT 1h macd(12,26,9) line is above macd(12,26,9) signal", "0.5 above it, of the 1h bar that closed at",
        "it was 0.5 above it, of the 1h bar that closed",
    ),
    (
        IndicatorIs(BTC, Interval.H1, "ema(9)", Side.BELOW, None, "ema(20)"), -0.5,
        "BTC-USDT 1h ema(9) is below ema(20)", "0.5 below it, of the 1h bar",
        "it was 0.5 below it, of the 1h bar that closed",
    ),
    (SystemIs(Trouble.VENUE_DOWN, "binance"), 1.0, "Binance is down", "at 21:02", "it was not so"),
    (SystemIs(Trouble.QUOTA), 1.0, "Any quota is nearly used", "at 21:02", "it was not so"),
]  # fmt: skip
WAITING: list[tuple[Leaf, float, str, str, str]] = [
    (
        OptionIs(OPTION, OptionFigure.IV, Side.ABOVE, 60.0),
        61.25,
        f"{OPTION[:20]} iv is above 60",
        "iv 61.25",
        "option",
    ),
    (PositionIs(True), 1.0, "A position opens", "at 21:02", "position"),
    (PnlIs(Side.ABOVE, 500.0, False), 512.345, "Pnl above 500 usd", "512.35 usd at", "pnl"),
    (PnlIs(Side.BELOW, -10.0, True, "main"), -11.0, "Pnl of main below -10%", "-11.00% at", "pnl"),
    (ExpiryNear(2 * DAY), float(DAY), "A position expires within 2d", "1d left at", "expiry"),
    (SignalGiven(BTC, 80.0), 85.0, "BTC-USDT has a signal of at least 80%", "85% at", "signal"),
]


@pytest.mark.parametrize(("leaf", "value", "title", "text"), [each[:4] for each in KINDS + WAITING])
def test_each_kind_says_what_happened(leaf: Leaf, value: float, title: str, text: str) -> None:
    rule, made = AlertRule(leaf), step(value=value, trade=None)
    assert title_of(rule, made) == title
    assert text_of(rule, made, 1).startswith(text)
    assert text_of(rule, made, 1).endswith("at 21:02:11.120 UTC")
    said = reason(rule, made.after, False, [made], T)
    assert said.startswith(f"It fired at {WHEN}, because ")
    assert title.lower() in said.lower()


@pytest.mark.parametrize(("leaf", "value", "why"), [(each[0], each[1], each[4]) for each in KINDS])
def test_each_kind_says_why_it_did_not(leaf: Leaf, value: float, why: str) -> None:
    of_price = isinstance(leaf, PriceIs | PriceCrosses | PriceChannel)  # the other one is not about it
    price, other = (value, 1e9) if of_price else (1e9, value)
    said = reason(AlertRule(leaf), RuleState((NO,)), False, [], T, price=price, value=other)
    assert said.startswith("It did not: ")
    assert f"{why}." in said


@pytest.mark.parametrize(("leaf", "why"), [(each[0], each[4]) for each in WAITING])
def test_what_has_no_source_says_that_it_waits(leaf: Leaf, why: str) -> None:
    assert reason(AlertRule(leaf), RuleState((UNSEEN,)), True, [], T) == f"It waits for: {why}."


@pytest.mark.parametrize(
    ("leaf", "value", "why"),
    [
        (OptionIs(OPTION, OptionFigure.IV, Side.ABOVE, 60.0), 59.0, "it was 59, 1 below the level"),
        (PnlIs(Side.ABOVE, 500.0, False), 500.0, "it was 500, which is the level itself"),
        (ExpiryNear(2 * DAY), 3.0 * DAY, "it was 3d left"),
        (SignalGiven(BTC), 60.0, "it was 60%"),
        (PositionIs(True), 0.0, "it was not so"),
    ],
)
def test_what_will_have_a_source_can_be_said_already(
    leaf: Leaf, value: float, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bethna.logic.alerts.telling.waits_for", lambda _: ())
    assert reason(AlertRule(leaf), RuleState((NO,)), False, [], T, value=value) == f"It did not: {why}."


def test_a_text_says_the_trade_and_prices_with_their_digits() -> None:
    assert text_of(AlertRule(UP), step(), 2) == "65,012.40 on binance at 21:02:11.120 UTC, trade 123"
    assert text_of(AlertRule(UP), step(), None) == "65,012.4 on binance at 21:02:11.120 UTC, trade 123"


def test_a_text_says_what_a_reader_has_to_know() -> None:
    late = Moment(T, T + 60 * NS_PER_S, 123, 65_012.4, State.HEALED, after_gap=True, late=True)
    assert text_of(AlertRule(UP), step(moment=late), 1) == (
        "65,012.4 on binance at 21:02:11.120 UTC, trade 123; late: found at 21:03:11.120 UTC after a gap; "
        "trades right before it are missing; on trades that were missing and found"
    )
    bar = Moment(T, T + DAY, None, 71.0, State.INCOMPLETE, late=True)
    assert text_of(
        AlertRule(IndicatorIs(BTC, Interval.M5, "rsi(14)", Side.ABOVE, 70.0)), step(moment=bar), 1
    ) == (
        f"71, of the 5m bar that closed at {WHEN}; late: found at 2024-12-01 21:02:11.120 UTC; "
        "what it stands on is incomplete"
    )


def test_the_end_of_a_hold_and_not_knowing_have_texts_of_their_own() -> None:
    rule = AlertRule(UP, hold_ns=30 * NS_PER_S)
    assert text_of(rule, step(leaf=None), 1) == "it has held for 30s, up to 21:02:11.120 UTC"
    lost = step(Outcome.UNKNOWN, leaf=None)
    assert title_of(rule, lost) == "Nobody can know: BTC-USDT@binance crosses above 65,000"
    assert text_of(rule, lost, 1) == "from 21:02:11.120 UTC on, until what is missing has come"


def test_of_several_the_one_that_did_it_is_said_or_all() -> None:
    parts = (UP, SpreadIs(BTC, 5.0))
    assert title_of(AlertRule(AnyOf(parts)), step(leaf=1, value=6.0)) == "BTC-USDT spread is above 5 bps"
    both = "BTC-USDT@binance crosses above 65,000 and BTC-USDT@binance spread above 5 bps"
    assert title_of(AlertRule(AllOf(parts)), step(leaf=1)) == both
    assert title_of(AlertRule(AnyOf(parts)), step(leaf=None)) == both.replace(" and ", " or ")
    assert text_of(AlertRule(AllOf(parts)), step(leaf=1, value=6.0), 1).startswith("6 bps")


COOLED = RuleState((NO,), firings=1, last_fired=T - NS_PER_S)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (step(), "fired; 65,012.4 on binance, trade 123; no -> yes"),
        (step(leaf=None, before=RuleState((YES,))), "fired, for it has held long enough"),
        (
            step(Outcome.HOLDS, after=RuleState((YES,), since=T, due=T + NS_PER_S)),
            ("begins to hold, and fires at 2024-11-30 21:02:12.120 UTC if it still does; "
            "65,012.4 on binance, trade 123; no -> yes"),
        ),
        (step(Outcome.HOLDS, leaf=None), "begins to hold; no -> yes"),
        (
            step(Outcome.COOLING, leaf=None, before=COOLED),
            ("not told: cooling down until 2024-11-30 21:03:10.120 UTC, it had fired at 2024-11-30 21:02:10.120 UTC; "
            "no -> yes"),
        ),
        (step(Outcome.COOLING, leaf=None), "not told: cooling down; no -> yes"),
        (
            step(Outcome.SAME_BAR, leaf=None, before=COOLED),
            "not told: once a bar, it had fired at 2024-11-30 21:02:10.120 UTC; no -> yes",
        ),
        (step(Outcome.DOUBTED, leaf=None), "not told: it is to be on complete data alone; no -> yes"),
        (
            step(Outcome.ALREADY, leaf=None, before=RuleState((UNSEEN,))),
            "held already when it was armed, so there was no edge; unseen -> yes",
        ),
        (step(Outcome.OVER, leaf=None, before=RuleState((YES,)), after=RuleState((NO,))), "holds no longer; yes -> no"),
        (step(Outcome.EXPIRED, leaf=None, after=RuleState((NO,))), "expired"),
        (step(Outcome.UNKNOWN, leaf=None, after=RuleState((NO,))), "told that nobody can know"),
        (step(Outcome.EDITED, leaf=None, after=RuleState((NO,))), "edited"),
        (step(Outcome.PAUSED, leaf=None, after=RuleState((NO,))), "paused"),
        (step(Outcome.RESUMED, leaf=None, after=RuleState((NO,))), "armed again"),
        (
            step(Outcome.CORRECTED, leaf=None, moment=Moment(T, T, 1, 1.0, State.HEALED, late=True)),
            ("missing trades came after all, and with them it stands otherwise; no -> yes; "
            "late: found at 21:02:11.120 UTC after a gap; on trades that were missing and found"),
        ),
        (
            step(Outcome.NOTED, leaf=1, before=RuleState((NO, NO)), after=RuleState((NO, YES))),
            "a part is another, and the whole is not; 65,012.4, trade 123; part 2: no -> yes",
        ),
    ],
)  # fmt: skip
def test_each_line_of_a_journal_says_what_and_why(made: Step, words: str) -> None:
    assert words_of(made, AlertRule(UP, Repeat.EVERY, cooldown_ns=60 * NS_PER_S)) == f"{WHEN}: {words}"


def test_every_outcome_has_words_also_without_the_rule() -> None:
    for outcome in Outcome:
        assert len(words_of(step(outcome, before=COOLED))) > len(WHEN) + 5
    assert words_of(step(Outcome.SAME_BAR)) == f"{WHEN}: not told: once a bar; 65,012.4, trade 123; no -> yes"
    down = AlertRule(SystemIs(Trouble.VENUE_DOWN))
    assert words_of(step(value=1.0, trade=None), down) == f"{WHEN}: fired; no -> yes"


@pytest.mark.parametrize(
    ("rule", "state", "steps", "said"),
    [
        (AlertRule(UP), None, [], "Nobody can say: it was not armed then, and its journal has nothing of that time."),
        (AlertRule(UP), RuleState((NO,), Phase.PAUSED), [], "It was paused."),
        (
            AlertRule(UP), RuleState((NO,), Phase.PAUSED), [step(Outcome.PAUSED)], f"It was paused since {WHEN}.",
        ),
        (AlertRule(UP), RuleState((NO,), Phase.EXPIRED), [], "It did not: it had expired."),
        (
            AlertRule(UP), RuleState((YES,), Phase.DONE, firings=1, last_fired=T), [],
            f"It did not: it was to fire once, and it had. It fired last at {WHEN}.",
        ),
        (
            AlertRule(UP), RuleState((UNSEEN,)), [],
            "Nobody can know: nothing had been seen yet on which side it is: BTC-USDT crossed above 65,000.",
        ),
        (AlertRule(UP), RuleState((NO,)), [], "It did not: its condition did not begin to hold."),
        (AlertRule(UP), RuleState((YES,)), [], "It did not: it was there already, so it did not cross."),
        (
            AlertRule(PriceCrosses(BTC, Way.EITHER, 5.0)), RuleState((YES,)), [],
            "It did not: its condition did not begin to hold.",
        ),
        (
            AlertRule(UP, hold_ns=30 * NS_PER_S), RuleState((YES,), since=T, due=T + 30 * NS_PER_S),
            [step(Outcome.HOLDS)],
            f"It did not yet: it has held since {WHEN}, and is to hold for 30s, up to 2024-11-30 21:02:41.120 UTC.",
        ),
        (
            AlertRule(UP, Repeat.EVERY, cooldown_ns=60 * NS_PER_S), COOLED, [step(Outcome.COOLING, before=COOLED)],
            (f"It did not: it would have at {WHEN}, but cooling down until 2024-11-30 21:03:10.120 UTC, "
            "it had fired at 2024-11-30 21:02:10.120 UTC. It fired last at 2024-11-30 21:02:10.120 UTC."),
        ),
        (
            AlertRule(PriceIs(BTC, Side.ABOVE, 5.0)), RuleState((YES,)), [step(Outcome.ALREADY)],
            "It did not: it held already when it was armed, so there was no edge.",
        ),
        (
            AlertRule(PriceIs(BTC, Side.ABOVE, 5.0)), RuleState((YES,)), [],
            "It did not: it held already before, so nothing began.",
        ),
        (
            AlertRule(AnyOf((UP, SpreadIs(BTC, 5.0)))), RuleState((NO, NO)), [],
            "It did not: none of its conditions began to hold.",
        ),
        (
            AlertRule(AllOf((UP, SpreadIs(BTC, 5.0)))), RuleState((YES, NO)), [],
            "It did not: of its conditions these did not hold: BTC-USDT spread is above 5 bps.",
        ),
        (
            AlertRule(AllOf((UP, SpreadIs(BTC, 5.0)))), RuleState((YES, YES)), [],
            f"It did not: all of its conditions held by {WHEN}, and none of them began then.",
        ),
        (
            AlertRule(UP, hold_ns=30 * NS_PER_S), RuleState((YES,)), [step(leaf=None)],
            f"It fired at {WHEN}, because it had held for 30s. It fires again when it has been over and begins anew.",
        ),
        (
            AlertRule(UP, Repeat.EVERY, cooldown_ns=60 * NS_PER_S), RuleState((YES,)), [step(leaf=5)],
            f"It fired at {WHEN}. It fires again 1m later at the soonest, and when it has been over and begins anew.",
        ),
        (
            AlertRule(UP), RuleState((YES,), Phase.DONE), [step(after=RuleState((YES,), Phase.DONE))],
            (f"It fired at {WHEN}, because BTC-USDT crossed above 65,000 (65,012.4 on binance). "
            "It was to fire once, so it is over."),
        ),
        (
            AlertRule(UP), RuleState((NO,)), [step(Outcome.UNKNOWN, leaf=None)],
            f"It told at {WHEN} that nobody can know whether it holds.",
        ),
    ],
)  # fmt: skip
def test_why(rule: AlertRule, state: RuleState | None, steps: list[Step], said: str) -> None:
    assert reason(rule, state, False, steps, T) == said


def test_nobody_can_know_while_something_is_missing() -> None:
    rule, state = AlertRule(UP), RuleState((NO,))
    assert reason(rule, state, True, [], T) == "Nobody can know: what it stands on was missing."
    assert reason(rule, state, False, [], T, missing=(T, T + NS_PER_S)) == (
        f"Nobody can know: trades are missing from {WHEN} to 2024-11-30 21:02:12.120 UTC."
    )
    fired = replace(state, last_fired=T)
    assert reason(rule, fired, True, [], T).endswith(f"It fired last at {WHEN}.")


def test_a_price_beyond_the_level_did_not_cross_it() -> None:
    said = reason(AlertRule(UP), RuleState((YES,)), False, [], T, price=65_100.0)
    assert said == "It did not: the price was 65,100, 100 above the level already, so it did not cross."


def test_some_time_after_a_firing_it_is_said_how_it_stood_by_then() -> None:
    rule, made = AlertRule(UP, Repeat.EVERY), step()
    later = T + 60 * NS_PER_S
    assert reason(rule, made.after, False, [made], later, price=64_900.0).endswith(
        " At 2024-11-30 21:03:11.120 UTC the price was 64,900, 100 below the level."
    )
    assert "At 2024" not in reason(rule, made.after, False, [made], T, price=64_900.0)
    assert "At 2024" not in reason(rule, made.after, False, [made], later)
    done = step(after=RuleState((YES,), Phase.DONE))
    assert "At 2024" not in reason(rule, done.after, False, [done], later, price=64_900.0)


def test_a_window_that_is_not_full_is_said_so() -> None:
    rule = AlertRule(VolumeIs(BTC, 5.0, 60 * NS_PER_S))
    said = reason(rule, RuleState((LeafState.UNSEEN,)), True, [], T)
    assert "or its window was not full yet" in said
    said = reason(rule, RuleState((NO,)), True, [], T)
    assert said.startswith("Nobody can know: what it stands on was missing, or its window was not full yet.")
