"""Contiguity of trades, rule by rule, with an eye on what a hostile or broken venue would send."""

from __future__ import annotations

from collections import deque

import pytest
from msgspec.structs import replace

from bethna.core.coverage import Gap
from bethna.core.market import InstrumentId, Trade
from bethna.logic.gaplog import MAX_JUMP
from bethna.logic.trades import TradeSequence, recalled

BTC = InstrumentId("BTC-USDT@binance")
SECOND = 1_000_000_000
CORRUPT = 10**15


class Ledger:
    """Hears everything in order: `5` a trade, `5!` a late one, and what happens to gaps."""

    def __init__(self, *, max_held: int = 1_000) -> None:
        self.told: list[str] = []
        self.kept: deque[Trade] = deque(maxlen=100)
        self.sequence = TradeSequence(
            self.release, self, patience_ns=10 * SECOND, max_held=max_held,
            recall=lambda trade_id: recalled(self.kept, trade_id),
        )  # fmt: skip
        self.now = 0

    def release(self, trade: Trade) -> None:
        self.kept.append(trade)
        self.told.append(f"{trade.trade_id}")

    def again(self, *ids: int) -> list[str]:
        """What is told when trades come that left already, as they were."""
        before = len(self.told)
        for trade_id in ids:
            told = recalled(self.kept, trade_id)
            assert told is not None
            self.sequence.apply(replace(told, ts_recv=self.now))
        return self.told[before:]

    def late(self, trade: Trade) -> None:
        self.told.append(f"{trade.trade_id}!")

    def gap_found(self, gap: Gap, ts: int) -> None:
        self.told.append(f"found {gap.first_id}-{gap.last_id}")

    def gap_healed(self, gap: Gap, found: int, ts: int) -> None:
        self.told.append(f"healed {gap.first_id}-{gap.last_id} by {found}")

    def gap_marked(self, gap: Gap, ts: int) -> None:
        self.told.append(f"marked {gap.first_id}-{gap.last_id} {gap.reason}")

    def trade(self, trade_id: int, ts_event: int | None = None) -> Trade:
        self.now += SECOND // 10
        return Trade(BTC, 1.0, 1.0, "buy", trade_id, self.now if ts_event is None else ts_event, self.now)

    def hear(self, *ids: int) -> list[str]:
        """What is told when these come by the stream."""
        before = len(self.told)
        for trade_id in ids:
            self.sequence.apply(self.trade(trade_id))
        return self.told[before:]

    def fetch(self, *ids: int) -> list[str]:
        before = len(self.told)
        self.sequence.splice([self.trade(trade_id) for trade_id in ids], self.now)
        return self.told[before:]

    def wait(self, seconds: int) -> list[str]:
        before = len(self.told)
        self.now += seconds * SECOND
        self.sequence.tick(self.now)
        return self.told[before:]

    def gaps(self) -> list[tuple[int | None, int | None, str, bool]]:
        return [(gap.first_id, gap.last_id, gap.reason, gap.healed) for gap in self.sequence.log.gaps()]


def test_a_second_gap_behind_held_trades_is_asked_for_when_the_first_is_healed() -> None:
    ledger = Ledger()
    assert ledger.hear(1, 4, 7) == ["1", "found 2-3"]
    assert ledger.fetch(2, 3) == ["2", "healed 2-3 by 2", "3", "4", "found 5-6"]
    gap = ledger.sequence.open_gap
    assert gap is not None
    assert (gap.first_id, gap.last_id) == (5, 6)
    assert ledger.fetch(5, 6) == ["5", "healed 5-6 by 2", "6", "7"]
    assert ledger.sequence.open_gap is None
    assert ledger.gaps() == [(2, 3, "missing", True), (5, 6, "missing", True)]
    assert (ledger.sequence.log.lost, ledger.sequence.log.healed) == (2, 2)


def test_a_marked_gap_of_which_one_part_came_late_is_still_a_loss() -> None:
    ledger = Ledger()
    ledger.hear(1, 5)
    assert ledger.wait(11) == ["marked 2-4 missing", "5"]
    assert ledger.hear(3) == ["3!"]
    assert ledger.gaps() == [(2, 4, "missing", False)]
    assert ledger.hear(2, 4) == ["2!", "4!", "healed 2-4 by 3"]
    assert ledger.gaps() == [(2, 4, "reordered", True)]
    assert ledger.sequence.late_trades == 3


def test_a_gap_filled_by_the_stream_and_by_history_was_a_loss() -> None:
    ledger = Ledger()
    ledger.hear(1, 5)
    assert ledger.fetch(3, 4) == [], "they wait for 2"
    assert ledger.sequence.held == 3
    assert ledger.hear(2) == ["healed 2-4 by 2", "2", "3", "4", "5"]
    assert ledger.gaps() == [(2, 4, "missing", True)]


def test_a_gap_that_the_stream_fills_alone_was_a_reordering() -> None:
    ledger = Ledger()
    assert ledger.hear(1, 4, 2, 3) == ["1", "found 2-3", "2", "healed 2-3 by 0", "3", "4"]
    assert ledger.gaps() == [(2, 3, "reordered", True)]
    log = ledger.sequence.log
    assert (log.lost, log.healed, log.reordered) == (0, 0, 1), "no loss, and so no heal"


def test_trades_that_change_places_while_they_wait_are_named() -> None:
    ledger = Ledger()
    ledger.hear(1, 3, 5, 4)
    assert ledger.gaps() == [(2, 2, "missing", False), (4, 4, "reordered", True)]
    assert ledger.fetch(2) == ["healed 2-2 by 1", "2", "3", "4", "5"]


def test_history_brings_only_what_is_missed() -> None:
    ledger = Ledger()
    ledger.hear(10)
    assert ledger.fetch(8, 9, 10, 11, 12) == [], "nothing is missed"
    ledger.hear(13)
    assert ledger.fetch(9, 10, 11, 12, 13, 14, 15) == ["11", "healed 11-12 by 2", "12", "13"]
    assert ledger.hear(14) == ["14"], "the stream brings its own"
    assert (ledger.sequence.log.duplicates, ledger.sequence.next_id) == (0, 15)


def test_history_does_not_run_ahead_of_the_stream() -> None:
    ledger = Ledger()
    ledger.hear(1, 4)
    assert ledger.fetch(3, 4, 5, 6) == []
    assert ledger.sequence.held == 2
    ledger.hear(5, 6, 2)
    assert ledger.told[-6:] == ["healed 2-3 by 1", "2", "3", "4", "5", "6"]
    assert ledger.sequence.log.duplicates == 0


def test_history_that_comes_after_the_mark_is_late_and_heals() -> None:
    ledger = Ledger()
    ledger.hear(1, 4)
    ledger.wait(11)
    assert ledger.fetch(2, 3) == ["2!", "3!", "healed 2-3 by 2"]
    assert ledger.gaps() == [(2, 3, "missing", True)]


def test_a_healer_that_fails_marks_with_its_reason_and_only_what_is_missing() -> None:
    ledger = Ledger()
    ledger.hear(1, 6)
    ledger.fetch(2, 3)
    ledger.sequence.heal_failed(ledger.now, "not_in_history")
    assert ledger.told[-2:] == ["marked 4-5 not_in_history", "6"]
    ledger.sequence.heal_failed(ledger.now, "again")
    healed = (2, 3, "missing", True)  # what history gave keeps its name
    assert ledger.gaps() == [healed, (4, 5, "not_in_history", False)], "there was nothing to fail"


def test_what_is_held_behind_a_marked_gap_is_asked_for_next() -> None:
    ledger = Ledger()
    ledger.hear(1, 3, 5)
    ledger.sequence.heal_failed(ledger.now, "heal_refused")
    assert ledger.told == ["1", "found 2-2", "marked 2-2 heal_refused", "3", "found 4-4"]


def test_a_healer_cannot_have_what_is_yet_to_come() -> None:
    """One frame that came early makes a gap of trades that have not happened."""
    ledger = Ledger()
    ledger.hear(1, 500, 2, 3)
    ledger.sequence.heal_failed(ledger.now, "not_in_history")
    assert ledger.hear(4, 5) == ["4", "5"], "in order, none of them late"
    assert ledger.sequence.late_trades == 0


def test_patience_counts_from_the_last_move_of_the_frontier() -> None:
    ledger = Ledger()
    ledger.hear(1, 4)
    ledger.now += 9 * SECOND
    ledger.fetch(2)
    assert ledger.wait(9) == []
    assert ledger.wait(2) == ["marked 3-3 missing", "4"]


def test_a_clock_that_is_set_back_does_not_prolong_the_waiting() -> None:
    ledger = Ledger()
    ledger.hear(1, 4, CORRUPT)
    assert ledger.wait(-3600) == []
    assert ledger.wait(11) == ["marked 2-3 missing", "4"]
    assert ledger.sequence.log.strays == 1


def test_too_many_held_trades_end_the_waiting() -> None:
    ledger = Ledger(max_held=3)
    assert ledger.hear(1, 3, 4, 5) == ["1", "found 2-2"]
    assert ledger.hear(6) == ["marked 2-2 missing", "3", "4", "5", "6"]


def test_history_does_not_fill_the_waiting_room_beyond_its_bound() -> None:
    ledger = Ledger(max_held=3)
    ledger.hear(1, 20)
    ledger.fetch(*range(3, 19))
    assert ledger.sequence.held == 3
    ledger.fetch(2)
    assert ledger.told[-3:] == ["2", "3", "4"]
    assert ledger.gaps() == [(5, 19, "missing", False)]


def test_the_end_of_the_stream_releases_what_is_held_and_marks_every_hole() -> None:
    ledger = Ledger()
    ledger.hear(1, 3, 6)
    ledger.sequence.finish(ledger.now)
    assert ledger.told == [
        "1",
        "found 2-2",
        "marked 2-2 missing",
        "3",
        "found 4-5",
        "marked 4-5 missing",
        "6",
    ]


def test_duplicates_are_named_unless_two_of_our_sockets_overlap() -> None:
    ledger = Ledger()
    ledger.hear(1, 2)
    ledger.again(2)
    ledger.hear(5, 5)
    ledger.again(1)
    assert [gap.first_id for gap in ledger.sequence.log.doubles] == [2, 5, 1]
    ledger.sequence.overlapping = True
    ledger.again(1, 2)
    assert (ledger.sequence.log.duplicates, ledger.sequence.log.overlaps) == (3, 2)


# --- ids that are far from the stream's (rule 9)


def test_one_corrupt_id_disturbs_nobody() -> None:
    ledger = Ledger()
    assert ledger.hear(1, CORRUPT, 2, 3) == ["1", "2", "3"]
    ledger.wait(11)
    assert [(gap.first_id, gap.reason) for gap in ledger.sequence.log.doubles] == [(CORRUPT, "stray")]
    assert ledger.hear(4, 6) == ["4", "found 5-5"], "gaps are found as ever"
    assert ledger.fetch(5) == ["healed 5-5 by 1", "5", "6"]
    assert (ledger.sequence.late_trades, ledger.sequence.held) == (0, 0)
    assert ledger.sequence.next_id == 7


def test_corrupt_ids_again_and_again_are_each_named() -> None:
    ledger = Ledger()
    for trade_id in range(1, 50):
        assert ledger.hear(trade_id, CORRUPT + trade_id * 10 * MAX_JUMP) == [f"{trade_id}"]
    assert ledger.sequence.log.strays == 48, "the last one is still in doubt"
    ledger.sequence.finish(ledger.now)
    assert ledger.sequence.log.strays == 49
    assert ledger.gaps() == []


def test_a_long_break_is_believed_when_a_second_trade_joins() -> None:
    ledger = Ledger()
    far = 10 * MAX_JUMP
    assert ledger.hear(1) == ["1"]
    ledger.now += 600 * SECOND
    assert ledger.hear(far) == []
    assert ledger.hear(far + 1) == [f"found 2-{far - 1}"]
    assert ledger.hear(far + 3) == [], "near what is held"
    ledger.sequence.heal_failed(ledger.now, "too_large")
    assert ledger.told[-4:] == [
        f"marked 2-{far - 1} too_large",
        f"{far}",
        f"{far + 1}",
        f"found {far + 2}-{far + 2}",
    ]
    assert ledger.sequence.log.strays == 0


def test_a_long_break_whose_first_trades_changed_places() -> None:
    ledger = Ledger()
    far = 10 * MAX_JUMP
    ledger.hear(1)
    ledger.now += 600 * SECOND
    ledger.hear(far + 1, far, far + 2)
    ledger.sequence.heal_failed(ledger.now, "too_large")
    assert ledger.told[-4:] == [f"marked 2-{far - 1} too_large", f"{far}", f"{far + 1}", f"{far + 2}"]


def test_a_far_trade_that_comes_twice_is_a_duplicate_and_no_agreement() -> None:
    ledger = Ledger()
    assert ledger.hear(1, CORRUPT, CORRUPT, 2) == ["1", "2"]
    assert [(gap.first_id, gap.reason) for gap in ledger.sequence.log.doubles] == [(CORRUPT, "duplicate")]


def test_a_slow_instrument_after_a_long_break_takes_its_time_to_agree() -> None:
    ledger = Ledger()
    far = 10 * MAX_JUMP
    ledger.hear(1)
    ledger.now += 600 * SECOND
    ledger.hear(far)
    assert ledger.wait(3600) == []
    assert ledger.hear(far + 1) == [f"found 2-{far - 1}"]
    assert ledger.wait(9) == [], "healing has its time from here"
    assert ledger.wait(2) == [f"marked 2-{far - 1} missing", f"{far}", f"{far + 1}"]


def test_the_largest_near_jump_and_the_smallest_far_one() -> None:
    near, far = Ledger(), Ledger()
    near.hear(1)
    assert near.hear(2 + MAX_JUMP) == [f"found 2-{1 + MAX_JUMP}"]
    far.hear(1)
    assert far.hear(3 + MAX_JUMP) == []


def test_a_far_trade_that_the_stream_comes_to_is_taken_once() -> None:
    ledger = Ledger()
    early = 3 + MAX_JUMP
    ledger.hear(1, early, *range(2, early + 10))
    ledger.wait(11)
    assert ledger.told == [f"{each}" for each in range(1, early + 10)]
    assert [gap.first_id for gap in ledger.sequence.log.doubles] == [early]


@pytest.mark.parametrize("first", [CORRUPT, 5 * MAX_JUMP])
def test_a_first_id_that_was_wrong_does_not_swallow_the_stream(first: int) -> None:
    ledger = Ledger()
    assert ledger.hear(first, 500) == [f"{first}"]
    assert ledger.hear(501, 502) == [f"marked {first + 1}-{first + 1} renumbered", "500", "501", "502"]
    assert ledger.gaps() == [(first + 1, first + 1, "renumbered", False)]
    assert ledger.hear(504, 503) == ["found 503-503", "healed 503-503 by 0", "503", "504"]


def test_a_venue_that_counts_anew_while_trades_are_held() -> None:
    ledger = Ledger()
    ledger.hear(5 * MAX_JUMP, 5 * MAX_JUMP + 2, 1, 4)
    base = 5 * MAX_JUMP
    assert ledger.told == [
        f"{base}", f"found {base + 1}-{base + 1}", f"marked {base + 1}-{base + 1} missing", f"{base + 2}",
        f"marked {base + 3}-{base + 3} renumbered", "1", "found 2-3",
    ]  # fmt: skip


def test_old_trades_said_again_are_duplicates_however_old() -> None:
    """A socket that lags says what was said: its trades are older than the newest, so nothing is counted anew."""
    ledger = Ledger()
    ledger.hear(5 * MAX_JUMP)
    for trade_id in (7, 8, 9):
        ledger.sequence.apply(ledger.trade(trade_id, ts_event=1))
    assert ledger.told == [f"{5 * MAX_JUMP}"]
    assert (ledger.sequence.log.duplicates, ledger.sequence.log.strays) == (3, 0)


def test_one_low_id_alone_changes_nothing() -> None:
    ledger = Ledger()
    base = 5 * MAX_JUMP
    assert ledger.hear(base, 3, base + 1) == [f"{base}", f"{base + 1}"]
    ledger.wait(11)
    assert [(gap.first_id, gap.reason) for gap in ledger.sequence.log.doubles] == [(3, "stray")]
    assert ledger.hear(base + 2) == [f"{base + 2}"]


# --- rule 10: what the venue says by the way


def expect(ledger: Ledger, newest_id: int, after: int) -> list[str]:
    """What is told when the venue's ticker names its newest trade `after` seconds later."""
    before = len(ledger.told)
    ledger.now += after * SECOND
    ledger.sequence.expect(newest_id, ledger.now, ledger.now)
    return ledger.told[before:]


def test_a_lost_tail_is_found_by_two_words_of_the_venue() -> None:
    ledger = Ledger()
    ledger.hear(5)
    assert expect(ledger, 7, 1) == []
    assert expect(ledger, 8, 1) == []
    assert expect(ledger, 8, 1) == ["found 6-7"], "what both words agree on"
    assert ledger.fetch(6, 7) == ["6", "healed 6-7 by 2", "7"]
    assert ledger.hear(8) == ["8"]


def test_what_a_later_word_named_stays_named() -> None:
    ledger = Ledger()
    ledger.hear(5)
    assert expect(ledger, 6, 1) + expect(ledger, 9, 1) == []
    assert expect(ledger, 9, 1) == ["found 6-6"]
    assert ledger.fetch(6) == ["healed 6-6 by 1", "6"]
    assert not ledger.sequence.whole, "the venue has named 9"
    ledger.hear(7, 8, 9)
    assert ledger.sequence.whole


def test_what_was_named_while_a_gap_was_open_stays_named_when_it_closes() -> None:
    ledger = Ledger()
    ledger.hear(5)
    assert expect(ledger, 6, 1) == []
    ledger.hear(7)
    assert expect(ledger, 9, 1) == [], "a gap is open: no second one is announced"
    assert ledger.fetch(6) == ["healed 6-6 by 1", "6", "7"]
    assert not ledger.sequence.whole, "the venue has named 9"
    ledger.hear(8, 9)
    assert ledger.sequence.whole


def test_a_word_that_cannot_be_believed_names_nothing() -> None:
    ledger = Ledger()
    ledger.hear(5)
    assert expect(ledger, CORRUPT, 1) == []
    assert ledger.sequence.whole


def test_trades_that_come_in_time_leave_no_gap() -> None:
    ledger = Ledger()
    ledger.hear(5)
    assert expect(ledger, 7, 1) == []
    ledger.hear(6, 7)
    assert expect(ledger, 9, 5) == []
    ledger.hear(8, 9)
    assert expect(ledger, 9, 5) == []
    assert list(ledger.sequence.log.gaps()) == []


def test_one_corrupt_word_announces_nothing() -> None:
    ledger = Ledger()
    ledger.hear(5)
    assert expect(ledger, 900, 1) == []
    assert expect(ledger, 5, 3) == [], "the next word takes it back"
    assert expect(ledger, CORRUPT, 3) == []
    assert expect(ledger, CORRUPT, 3) == [], "too far to be believed"


def test_before_the_first_trade_nothing_is_expected() -> None:
    ledger = Ledger()
    assert expect(ledger, 7, 1) + expect(ledger, 7, 5) == []


def test_a_host_whose_clock_is_set_back_begins_to_wait_anew() -> None:
    ledger = Ledger()
    ledger.hear(5)
    assert expect(ledger, 7, 10) + expect(ledger, 7, -9) + expect(ledger, 7, 1) == []
    assert expect(ledger, 7, 1) == ["found 6-7"]


def test_a_tail_that_history_lacks_is_marked_and_its_trades_may_come_late() -> None:
    ledger = Ledger()
    ledger.hear(5)
    assert expect(ledger, 7, 1) + expect(ledger, 7, 3) == ["found 6-7"]
    ledger.sequence.heal_failed(ledger.now, "not_in_history")
    assert ledger.told[-1] == "marked 6-7 not_in_history"
    assert ledger.hear(8, 7) == ["8", "7!"]
    assert ledger.sequence.open_gap is None


def test_a_tail_is_given_up_when_patience_ends_and_at_the_end() -> None:
    for finish in (False, True):
        ledger = Ledger()
        ledger.hear(5)
        assert expect(ledger, 7, 1) + expect(ledger, 7, 3) == ["found 6-7"]
        if finish:
            ledger.sequence.finish(ledger.now)
            assert ledger.told[-1] == "marked 6-7 missing"
        else:
            assert ledger.wait(11) == ["marked 6-7 missing"]


def test_the_stream_itself_may_bring_an_announced_tail() -> None:
    ledger = Ledger()
    ledger.hear(5)
    assert expect(ledger, 8, 1) + expect(ledger, 8, 3) == ["found 6-8"]
    assert ledger.hear(6, 7, 8) == ["6", "7", "healed 6-8 by 0", "8"]


def test_a_trade_that_has_to_wait_announces_the_tail_by_its_own_id() -> None:
    ledger = Ledger()
    ledger.hear(5)
    assert expect(ledger, 8, 1) + expect(ledger, 8, 3) == ["found 6-8"]
    assert ledger.fetch(6) == ["6"]
    assert ledger.hear(10) == ["found 7-9"]
    assert ledger.fetch(7, 8, 9) == ["7", "8", "healed 7-9 by 3", "9", "10"]
    assert [(gap.first_id, gap.last_id, gap.healed) for gap in ledger.sequence.log.gaps()] == [
        (6, 6, True),
        (7, 9, True),
    ]


def test_more_trades_than_can_have_happened_are_another_count() -> None:
    ledger = Ledger()
    ledger.hear(1)
    far = 10**8
    assert ledger.hear(far) == []
    assert ledger.hear(far + 1) == ["marked 2-2 renumbered", f"{far}", f"{far + 1}"]
    lower = 5 * 10**7  # a third count, inside what would have been the hole between the first two
    assert ledger.hear(lower) == []
    assert ledger.hear(lower + 1, lower + 2)[-3:] == [f"{lower}", f"{lower + 1}", f"{lower + 2}"]
    assert not any("!" in word for word in ledger.told), "nobody is late into another count"


def test_what_was_missing_in_another_count_is_never_filled() -> None:
    ledger = Ledger()
    ledger.hear(1, 5)
    ledger.sequence.heal_failed(ledger.now, "not_in_history")
    assert ledger.told[-2:] == ["marked 2-4 not_in_history", "5"]
    ledger.hear(10**8, 10**8 + 1)
    ledger.hear(3, 4)
    assert "3!" not in ledger.told
    assert [gap.healed for gap in ledger.sequence.log.gaps()] == [False, False, False]


def test_what_waits_behind_a_further_gap_has_waited_already() -> None:
    ledger = Ledger()
    ledger.hear(1, 3, 5, 7)
    assert ledger.wait(11) == [
        "marked 2-2 missing", "3", "found 4-4", "marked 4-4 missing", "5", "found 6-6", "marked 6-6 missing", "7",
    ]  # fmt: skip


# --- what is a duplicate, and what only has its id


def test_a_venue_that_counts_anew_a_little_below_is_marked_and_nothing_is_dropped() -> None:
    """Rule 11: the ids have left before, as other trades."""
    ledger = Ledger()
    ledger.hear(*range(1_000, 1_060))
    assert ledger.hear(1_020) == []
    assert ledger.hear(1_021, 1_022) == ["marked 1060-1060 renumbered", "1020", "1021", "1022"]
    assert ledger.sequence.log.duplicates == 0


def test_a_count_that_begins_below_whatever_was_heard_is_a_new_one() -> None:
    ledger = Ledger()
    ledger.hear(*range(1_000, 1_020))
    assert ledger.hear(700, 701, 702) == ["marked 1020-1020 renumbered", "700", "701", "702"]


def test_ids_of_a_new_count_do_not_fill_the_holes_of_the_old_one() -> None:
    ledger = Ledger()
    ledger.hear(*range(1_000, 1_010), *range(1_015, 1_030))
    ledger.wait(11)
    assert ledger.hear(1_002) == []
    told = ledger.hear(*range(1_003, 1_020))
    assert told == ["marked 1030-1030 renumbered", *map(str, range(1_002, 1_020))]
    assert (1_010, 1_014, "missing", False) in ledger.gaps()


@pytest.mark.parametrize("overlapping", [False, True])
def test_the_same_trade_again_is_a_duplicate_also_where_the_clock_was_set_back(overlapping: bool) -> None:
    ledger = Ledger()
    ledger.sequence.overlapping = overlapping
    ledger.hear(*range(1_000, 1_050))
    for trade_id in range(1_050, 1_060):
        ledger.sequence.apply(ledger.trade(trade_id, ts_event=1))
    ledger.told.clear()
    assert ledger.again(1_020, 1_021, 1_022, 1_055, 1_054) == []
    log = ledger.sequence.log
    assert (log.duplicates, log.overlaps) == ((0, 5) if overlapping else (5, 0))


def test_the_same_trade_with_a_coarser_time_is_a_duplicate() -> None:
    ledger = Ledger()
    ledger.hear(*range(1, 40))
    for trade_id in (20, 21, 22):
        told = recalled(ledger.kept, trade_id)
        assert told is not None
        ledger.sequence.apply(replace(told, ts_event=told.ts_event - told.ts_event % SECOND))
    assert ledger.sequence.log.duplicates == 3


def test_one_other_trade_under_an_old_id_changes_nothing_and_is_named() -> None:
    ledger = Ledger()
    ledger.hear(*range(1_000, 1_050))
    assert ledger.hear(1_020, 1_050, 1_051) == ["1050", "1051"]
    ledger.wait(11)
    assert ledger.hear(1_052) == ["1052"]
    ledger.wait(11)
    assert [(gap.first_id, gap.reason) for gap in ledger.sequence.log.doubles] == [(1_020, "stray")]
