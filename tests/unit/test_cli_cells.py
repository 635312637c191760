"""Facts as words: digits, times, completeness, and a line for everything that happens between data."""

from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.cli.cells import (
    Digits,
    Note,
    age,
    clock_time,
    completeness,
    lasted,
    missing,
    note,
    percent,
    source_words,
)
from bethna.cli.objects import note_object
from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.coverage import Coverage, Gap, Provenance, State
from bethna.core.market import InstrumentId
from bethna.core.status import BookStatus, Dropped, GapFound, GapMarked, Healed, StreamStatus, Trust

ETH = InstrumentId("ETH-USDT@venue")
GAP = Gap("trades", 17, 19, 1_000_000_000, 2_000_000_000)
NOTES: list[tuple[Note, str, dict[str, object]]] = [
    (GapFound(ETH, GAP, 5000), "-- gap: trades 17 to 19 missing", {"type": "gap", "ts": 5}),
    (Healed(ETH, GAP, 3, 5000), "-- healed: trades 17 to 19, 3 found", {"type": "healed", "found": 3}),
    (
        GapMarked(ETH, Gap("trades", 17, 17, reason="too_large"), 5000),
        "-- gap stays: trades 17 (too_large)",
        {"type": "gap_marked"},
    ),
    (
        BookStatus(ETH, Trust.SYNCING, "new", 5000),
        "-- book syncing: new",
        {"type": "status", "trust": "syncing"},
    ),
    (
        StreamStatus(ETH, "waiting", "cut", connected=False, ts=5000),
        "-- stream waiting: cut (not connected)",
        {"type": "status", "stream": "waiting", "connected": False},
    ),
    (StreamStatus(ETH, "live", "", connected=True, ts=5000), "-- stream live", {"stream": "live"}),
    (Dropped(12), "-- dropped: 12 events that were not read in time", {"type": "dropped", "count": 12}),
]


@pytest.mark.parametrize(("event", "text", "fields"), NOTES)
def test_what_happens_between_data_is_told_in_words_and_as_an_object(
    event: Note, text: str, fields: dict[str, object]
) -> None:
    assert note(event) == text
    said = note_object(event, ETH)
    assert said["instrument"] == ETH
    assert fields.items() <= said.items()


def test_every_kind_of_note_is_tried() -> None:
    assert {type(event) for event, _, _ in NOTES} == set(get_args(Note))


def test_a_reason_that_somebody_else_wrote_moves_no_cursor() -> None:
    assert "\x1b" not in note(StreamStatus(ETH, "stale", "\x1b[2J", connected=True, ts=0))


def test_a_gap_is_named_by_what_is_known_of_it() -> None:
    assert missing(Gap("trades", None, None, 0, NS_PER_S)) == (
        "trades between 1970-01-01 00:00:00.000 UTC and 1970-01-01 00:00:01.000 UTC"
    )
    assert missing(Gap("book")) == "book of an unknown time"


@given(st.integers(-99_999, 99_999), st.integers(0, 8))
def test_digits_of_a_known_step_are_those_of_the_wire(lots: int, decimals: int) -> None:
    value = float(Decimal(lots).scaleb(-decimals))
    written = Digits(float(Decimal(1).scaleb(-decimals))).write(value)
    assert Decimal(written) == Decimal(lots).scaleb(-decimals)
    assert len(written.partition(".")[2]) == decimals


@given(st.lists(st.integers(1, 10**7), min_size=1), st.integers(0, 8))
def test_digits_that_are_learnt_never_hide_one(lots: list[int], decimals: int) -> None:
    digits = Digits()
    for each in lots:
        value = float(Decimal(each).scaleb(-decimals))
        digits.see((value, None))
        assert Decimal(digits.write(value)) == Decimal(repr(value))
    assert digits.write(None) == "-"


def test_a_difference_is_as_exact_as_its_terms() -> None:
    digits = Digits()
    digits.see((61249.44, 61249.21))
    assert digits.difference(61249.44, 61249.21) == "0.23"
    assert digits.difference(None, 1.0) == "-"


@pytest.mark.parametrize(
    ("span_ns", "said"),
    [
        (-5, "0 ms"),
        (12 * NS_PER_MS, "12 ms"),
        (NS_PER_S - 1, "999 ms"),
        (3_449 * NS_PER_MS, "3.4 s"),
        (60 * NS_PER_S - 1, "59.9 s"),
        (60 * NS_PER_S, "1 min"),
        (3600 * NS_PER_S - 1, "59 min"),
        (3600 * NS_PER_S, "1 h"),
        (47 * 3600 * NS_PER_S, "47 h"),
        (48 * 3600 * NS_PER_S, "2 d"),
    ],
)
def test_a_length_of_time_is_short_and_never_rounded_up(span_ns: int, said: str) -> None:
    assert lasted(span_ns) == said
    assert age(span_ns, 0) == said


def test_what_is_missing_is_a_dash() -> None:
    assert (clock_time(None), age(5, None), percent(None)) == ("-", "-", "-")
    assert clock_time(1_723_161_253_937_000_000) == "2024-08-08 23:54:13.937"
    assert (percent(1.234), percent(-0.5)) == ("+1.23 %", "-0.50 %")


def test_completeness_is_in_words() -> None:
    closed = Gap("trades", 1, 2, healed=True)
    late = Gap("trades", 1, 2, reason="reordered", healed=True)
    assert note(Healed(ETH, late, 0, 0)) == "-- came by themselves, late: trades 1 to 2"
    assert completeness(Coverage()) == "complete"
    assert completeness(Coverage(state=State.HEALED, gaps=(closed,)), stale=True) == "healed, stale"
    assert completeness(Coverage(state=State.INCOMPLETE, gaps=(GAP, closed))) == "incomplete: 1 gap"
    assert (
        completeness(Coverage(Provenance.SYNTHETIC, State.INCOMPLETE, (GAP, GAP)))
        == "incomplete: 2 gaps, SIMULATED"
    )
    assert completeness(Coverage(state=State.UNKNOWN)) == "unknown"


def test_a_simulated_market_is_never_called_anything_else() -> None:
    assert source_words("twin", 7, simulated=True) == "SIMULATED, seed 7"
    assert source_words("twin", None, simulated=True) == "SIMULATED"
    assert source_words("live", None, simulated=False) == "live"
    assert source_words("tape", None, simulated=False) == "a recording"
