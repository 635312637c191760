"""The table of `bethna watch`: it fits, says what it leaves out, colours repeat words, rates are counted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.cli.drawing import in_colours
from bethna.cli.grid import width
from bethna.cli.screen import frame, keys_of
from bethna.cli.watching import SPAN_NS, Board, Rates, Watched
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, Gap, Provenance, State
from bethna.core.market import InstrumentId, PriceView

COLOUR = re.compile("\x1b\\[[0-9]*m")


def watched(
    name: str = "ETH-USDT@venue",
    coverage: Coverage | None = None,
    *,
    price: float | None = 2710.5,
    stale: bool = False,
) -> Watched:
    instrument = InstrumentId(name)
    if price is None:
        return Watched(instrument, None, message="no data yet")
    view = PriceView(
        instrument, price, 1, 2, 3, stale, -1.5, price - 0.1, price + 0.1, coverage or Coverage()
    )
    return Watched(instrument, view, 12.34)


ROWS = st.lists(
    st.builds(
        watched,
        st.text("AB-币\x1b\n", min_size=1, max_size=12),
        st.builds(Coverage, st.sampled_from(Provenance), st.sampled_from(State)),
        price=st.none() | st.floats(1e-8, 1e9),
        stale=st.booleans(),
    ),
    max_size=12,
)


@given(ROWS, st.integers(20, 120), st.integers(3, 20), st.integers(0, 20), st.booleans())
def test_the_table_fits_into_every_terminal(
    rows: list[Watched], columns: int, lines: int, first: int, colours: bool
) -> None:
    drawn = Board().lines("title " * 10, rows, 5, room=(columns, lines), first=first, colours=colours)
    plain = [COLOUR.sub("", line) for line in drawn]
    assert len(plain) <= lines
    assert all(width(line) <= columns for line in plain)
    assert not any("\x1b" in line or "\n" in line for line in plain)
    assert colours or plain == drawn


@given(ROWS, st.integers(4, 20), st.integers(0, 20))
def test_rows_without_room_are_told(rows: list[Watched], lines: int, first: int) -> None:
    drawn = Board().lines("title", rows, 5, room=(200, lines), first=first)
    left_out = len(rows) > lines - 2
    assert (f"of {len(rows)};" in drawn[-1]) == left_out
    if not left_out:
        assert len(drawn) == len(rows) + 2


def test_every_row_can_be_reached() -> None:
    rows = [watched(f"S{number:02}-USDT@venue") for number in range(30)]
    seen = set()
    for first in range(30):
        drawn = Board().lines("", rows, 5, room=(100, 10), first=first)
        assert len(drawn) == 10
        seen |= {line.split("-")[0] for line in drawn[1:-1]}
    assert seen == {f"S{number:02}" for number in range(30)}


def test_what_is_not_complete_says_so_in_words() -> None:
    gap = Gap("trades", 1, 2)
    rows = [
        watched(coverage=Coverage(Provenance.SYNTHETIC, State.HEALED)),
        watched(coverage=Coverage(state=State.INCOMPLETE, gaps=(gap,)), stale=True),
        watched(price=None),
    ]
    for colours in (False, True):
        text = "\n".join(Board().lines("", rows, NS_PER_S, colours=colours))
        for word in (
            "healed, SIMULATED",
            "incomplete: 1 gap, stale",
            "no data yet",
            "12.3",
            "-1.50 %",
            "0.2",
        ):
            assert word in text


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, True),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "0"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm"}, True),
    ],
)
def test_who_wants_no_colours_gets_none(environment: dict[str, str], found: bool) -> None:
    assert in_colours(environment) is found


@given(st.lists(st.tuples(st.integers(1, 3 * NS_PER_S), st.integers(0, 500)), min_size=1, max_size=60))
def test_a_rate_is_what_was_counted_in_the_last_seconds(steps: list[tuple[int, int]]) -> None:
    rates = Rates()
    now, count, history = 0, 0, [(0, 0)]
    rates.see(0, {"E": 0})
    for span, more in steps:
        now, count = now + span, count + more
        history.append((now, count))
        rates.see(now, {"E": count})
    start, before = max((each for each in history[:-1] if now - each[0] >= SPAN_NS), default=history[0])
    assert rates.rate("E") == pytest.approx((count - before) * NS_PER_S / (now - start))


def test_a_rate_is_unknown_before_two_counts_and_when_the_desk_counts_anew() -> None:
    rates = Rates()
    assert rates.rate("E") is None
    rates.see(5, {"E": 10})
    rates.see(5, {"E": 11})
    assert rates.rate("E") is None
    rates.see(5 + NS_PER_S, {"E": 20})
    assert (rates.rate("E"), rates.rate("other")) == (10.0, None)
    rates.see(5 + 2 * NS_PER_S, {"E": 3})
    assert rates.rate("E") is None
    rates.see(1, {"E": 4})  # a recording that starts over
    assert rates.rate("E") is None


def test_a_frame_replaces_what_is_there_line_by_line() -> None:
    assert frame(["one", "two"]) == "\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J"


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"q", ["q"]),
        (b"jjk", ["down", "down", "up"]),
        (b"\x1b[A\x1b[A\x1bOB", ["up", "up", "down"]),
        (b"\x1b[1;5A\x1b[3~x", []),  # Ctrl and an arrow, Delete: their letters are no keys of ours
        (b"\x1bq", []),
        (b"\xe5\xb8\x81\n\x00", []),
        (b"\x04", ["q"]),
    ],
)
def test_keys_are_read_one_by_one(typed: bytes, keys: list[str]) -> None:
    assert keys_of(typed) == keys
