"""The book of losses: what a hole is called, what fills it, how much is remembered, who is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.coverage import Gap
from bethna.logic import gaplog
from bethna.logic.gaplog import MAX_JUMP, Astray, GapLog


def ranges(log: GapLog) -> list[tuple[int | None, int | None, str, bool]]:
    return [(gap.first_id, gap.last_id, gap.reason, gap.healed) for gap in log.gaps()]


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ((10, 19), []),
        ((5, 25), []),
        ((10, 12), [(13, 19)]),
        ((5, 12), [(13, 19)]),
        ((17, 25), [(10, 16)]),
        ((13, 15), [(10, 12), (16, 19)]),
        ((10, 10), [(11, 19)]),
        ((19, 19), [(10, 18)]),
        ((1, 9), [(10, 19)]),
        ((20, 30), [(10, 19)]),
    ],
)
def test_what_is_found_shrinks_a_hole(taken: tuple[int, int], left: list[tuple[int, int]]) -> None:
    log = GapLog("trades")
    hole = log.open(10, 19, 1, 2)
    found = log.take(*taken, fetched=False)
    assert found is (None if left == [(10, 19)] else hole)
    assert hole.missing == left
    assert [log.missing(each) for each in range(5, 26)] == [
        any(low <= each <= high for low, high in left) for each in range(5, 26)
    ]


def test_an_open_hole_names_what_is_still_missing_and_a_filled_one_its_whole_range() -> None:
    log = GapLog("book")
    log.open(10, 19, 1, 2)
    log.take(10, 12, fetched=True)
    log.take(15, 15, fetched=True)
    assert list(log.gaps()) == [Gap("book", 13, 19, 1, 2, "missing")]
    log.take(10, 19, fetched=True)
    assert list(log.gaps()) == [Gap("book", 10, 19, 1, 2, "missing", healed=True)]


def test_a_hole_is_reordered_only_if_all_of_it_came_by_itself() -> None:
    log = GapLog("trades")
    log.open(1, 2, None, None)
    log.take(1, 1, fetched=False)
    assert ranges(log) == [(2, 2, "missing", False)], "half of it is still lost"
    log.take(2, 2, fetched=False)
    assert ranges(log) == [(1, 2, "reordered", True)]
    log.open(5, 6, None, None, "heal_refused")
    log.take(5, 5, fetched=False)
    log.take(6, 6, fetched=True)
    assert ranges(log)[1] == (5, 6, "heal_refused", True)


def test_the_hole_that_is_filled_is_the_one_that_lies_there() -> None:
    log = GapLog("trades")
    low, high = log.open(1, 5, None, None), log.open(8, 9, None, None)
    assert log.take(3, 3, fetched=False) is low
    assert log.take(3, 3, fetched=False) is None, "it was found already"
    assert log.take(6, 7, fetched=False) is None
    assert log.take(8, 8, fetched=False) is high


def test_a_snapshot_settles_everything_up_to_its_id() -> None:
    log = GapLog("book")
    for first in (1, 11, 21):
        log.open(first, first + 4, None, None)
    log.settle(13)
    assert ranges(log) == [(1, 5, "missing", True), (14, 15, "missing", False), (21, 25, "missing", False)]


def test_a_duplicate_is_named_and_an_expected_one_only_counted() -> None:
    log = GapLog("quotes")
    log.double(4, 4, 77)
    log.double(5, 6, 78, overlap=True)
    assert list(log.doubles) == [Gap("quotes", 4, 4, 77, 77, "duplicate", healed=True)]
    assert (log.duplicates, log.overlaps) == (1, 1)


def test_a_dropped_hole_was_none() -> None:
    log = GapLog("trades")
    hole = log.open(1, 2, None, None)
    log.drop(hole)
    assert (log.found, list(log.gaps())) == (0, [])


def test_the_record_is_bounded_and_forgets_what_is_settled_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaplog, "MAX_RECORDS", 3)
    log = GapLog("trades")
    for first in (1, 3, 5):
        log.open(first, first, None, None)
    log.take(3, 3, fetched=True)
    log.open(7, 7, None, None)
    assert [first for first, *_ in ranges(log)] == [1, 5, 7], (
        "the settled one went, the older open one stayed"
    )
    log.open(9, 9, None, None)
    assert [first for first, *_ in ranges(log)] == [5, 7, 9]
    assert (log.found, log.forgotten) == (5, 2)
    assert (log.lost, log.healed, log.reordered) == (5, 1, 0), "the counts forget nothing"
    for each in range(5):
        log.double(each, each, None)
    assert [gap.first_id for gap in log.doubles] == [2, 3, 4]
    assert (log.duplicates, log.forgotten) == (5, 4)


# --- frames in doubt


def doubtful(astray: Astray[str], name: str, at: int, frontier: int = 100) -> tuple[str, ...]:
    return astray.doubt(name, (at, at), at, at, frontier)


def test_two_frames_that_agree_are_believed_in_the_order_of_their_ids() -> None:
    for order in ([50_000, 50_000 + MAX_JUMP], [50_000 + MAX_JUMP, 50_000]):
        astray: Astray[str] = Astray(GapLog("trades"))
        assert doubtful(astray, f"at {order[0]}", order[0]) == ()
        assert doubtful(astray, f"at {order[1]}", order[1]) == ("at 50000", f"at {50_000 + MAX_JUMP}")
        assert (astray.since, astray.ids) == (None, (-1, -1))


def test_two_that_do_not_agree_are_not_and_the_older_one_is_named() -> None:
    log = GapLog("trades")
    astray: Astray[str] = Astray(log)
    doubtful(astray, "corrupt", 10**15)
    assert doubtful(astray, "far", 10**15 + MAX_JUMP + 1) == ()
    assert [(gap.first_id, gap.reason, gap.healed) for gap in log.doubles] == [(10**15, "stray", True)]
    assert (log.strays, log.duplicates) == (1, 0)


def test_alone_it_stays_in_doubt_while_the_stream_is_silent_and_is_let_go_when_it_goes_on() -> None:
    log = GapLog("trades")
    astray: Astray[str] = Astray(log)
    doubtful(astray, "after a long night, or corrupt", 10**15)
    astray.expire(100)
    assert (astray.since, log.strays) == (10**15, 0)
    astray.expire(101)
    assert (astray.since, log.strays) == (None, 1)
    astray.drop()
    astray.expire(102)
    assert log.strays == 1, "there is nothing in doubt any more"


def test_the_time_of_what_is_missing_narrows_with_what_comes_late() -> None:
    log = GapLog("trades")
    hole = log.open(10, 19, 1_000, 9_000)
    for first, last, at, start, end in (
        (14, 15, 5_000, 1_000, 9_000),  # in the middle: both sides stay
        (10, 10, 2_000, 2_000, 9_000),
        (19, 19, 8_000, 2_000, 8_000),
        (11, 11, 1_500, 2_000, 8_000),  # a venue's clock that was set back widens nothing
        (12, 13, None, 2_000, 8_000),
    ):
        assert log.take(first, last, fetched=False, at=at) is hole
        assert (hole.start, hole.end) == (start, end)
    log.take(16, 18, fetched=False, at=7_000)
    assert (hole.start, hole.end, hole.missing) == (2_000, 8_000, []), "healed: it keeps its time"
    unknown = log.open(30, 32, None, None)
    log.take(30, 30, fetched=False, at=5)
    log.take(32, 32, fetched=False, at=7)
    assert (unknown.start, unknown.end) == (5, 7)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["open", "came", "fetched", "seal", "settle"]),
            st.integers(0, 30),
            st.integers(1, 5),
        ),
        max_size=40,
    )
)
def test_what_was_lost_less_what_was_healed_is_what_is_missing(steps: list[tuple[str, int, int]]) -> None:
    log = GapLog("trades")
    edge = 0
    for what, first, count in steps:
        if what == "open":
            log.open(edge, edge + count - 1, None, None)
            edge += count + 1
        elif what == "seal":
            log.seal()
        elif what == "settle":
            log.settle(first)
        else:
            log.take(first, first + count - 1, fetched=what == "fetched")
        gaps = list(log.gaps())
        assert log.lost - log.healed == sum(not gap.healed for gap in gaps)
        assert log.healed == sum(gap.healed and gap.reason != "reordered" for gap in gaps)
        assert log.reordered == sum(gap.reason == "reordered" for gap in gaps)
