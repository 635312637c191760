"""Trades: whatever the wire drops, doubles or reorders, each id leaves once, in order or by name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bethna.core.coverage import Gap
from bethna.core.market import InstrumentId, Trade
from bethna.logic.trades import TradeSequence

BTC = InstrumentId("BTC-USDT@binance")
FIRST = 1000
SECOND = 1_000_000_000


def trade(trade_id: int, ts: int = 0) -> Trade:
    return Trade(BTC, 100.0 + trade_id % 7, 0.5, "buy", trade_id, trade_id * SECOND, ts or trade_id * SECOND)


class Ledger:
    """Hears everything in order."""

    def __init__(self, *, max_held: int = 10_000) -> None:
        self.released: list[int] = []
        self.late_ids: list[int] = []
        self.log: list[tuple[str, Gap | int]] = []
        self.sequence = TradeSequence(self.release, self, patience_ns=5 * SECOND, max_held=max_held)

    def release(self, trade: Trade) -> None:
        self.released.append(trade.trade_id)
        self.log.append(("trade", trade.trade_id))

    def gap_found(self, gap: Gap, ts: int) -> None:
        self.log.append(("found", gap))

    def gap_healed(self, gap: Gap, found: int, ts: int) -> None:
        self.log.append(("healed", gap))

    def gap_marked(self, gap: Gap, ts: int) -> None:
        self.log.append(("marked", gap))

    def late(self, trade: Trade) -> None:
        self.late_ids.append(trade.trade_id)

    def missing(self) -> set[int]:
        spans = [span for hole in self.sequence.log.holes for span in hole.missing]
        return {each for low, high in spans for each in range(low, high + 1)}


# What happens to each frame: delivered, dropped, doubled, or delayed by some frames.
Fate = st.tuples(st.sampled_from(["keep"] * 6 + ["drop", "double", "delay"]), st.integers(1, 6))


def on_the_wire(fates: list[tuple[str, int]]) -> list[int]:
    due: list[tuple[float, int]] = []
    for index, (fate, amount) in enumerate(fates):
        trade_id = FIRST + index
        if fate == "drop":
            continue
        due.append((index + (amount + 0.5 if fate == "delay" else 0), trade_id))
        if fate == "double":
            due.append((index + 0.25, trade_id))
    return [trade_id for _, trade_id in sorted(due)]


@given(st.lists(Fate, min_size=1, max_size=60), st.integers(0, 3))
def test_nothing_is_lost_in_silence_and_nothing_leaves_twice(
    fates: list[tuple[str, int]], ticks: int
) -> None:
    wire = on_the_wire(fates)
    ledger = Ledger()
    for position, trade_id in enumerate(wire):
        ledger.sequence.apply(trade(trade_id, (position + 1) * SECOND))
        if ticks and position % 5 == 0:
            ledger.sequence.tick((position + 1) * SECOND + ticks * 3 * SECOND)
    ledger.sequence.finish(10_000 * SECOND)
    if not wire:
        return
    out = ledger.released + ledger.late_ids
    assert len(out) == len(set(out)), "a trade left twice"
    assert ledger.released == sorted(ledger.released), "released out of order"
    expected = {each for each in wire if each >= wire[0]}
    assert set(out) == expected
    assert ledger.missing() == set(range(wire[0], max(wire) + 1)) - expected
    assert ledger.sequence.log.duplicates == len(wire) - len(set(wire)) + len(
        {each for each in wire if each < wire[0]}
    )


@given(st.lists(Fate, min_size=2, max_size=60), st.integers(1, 7))
def test_history_heals_every_gap_in_order(fates: list[tuple[str, int]], page: int) -> None:
    wire = on_the_wire(fates)
    ledger = Ledger()
    for position, trade_id in enumerate(wire):
        now = (position + 1) * SECOND
        ledger.sequence.apply(trade(trade_id, now))
        gap = ledger.sequence.open_gap
        if gap is not None and gap.first_id is not None and gap.last_id is not None:
            for at in range(gap.first_id, gap.last_id + 1, page):
                upto = min(at + page, gap.last_id + 1)
                ledger.sequence.splice([trade(each, now) for each in range(at, upto)], now)
    ledger.sequence.finish(10_000 * SECOND)
    if not wire:
        return
    assert ledger.released == list(range(wire[0], max(wire) + 1))
    assert not ledger.missing()
    assert not ledger.late_ids


def test_a_gap_is_told_before_and_healed_before_the_trades_that_close_it() -> None:
    ledger = Ledger()
    for trade_id in (1, 2, 5, 6):
        ledger.sequence.apply(trade(trade_id))
    ledger.sequence.splice([trade(3), trade(4)], 7 * SECOND)
    kinds = [
        (kind, what if isinstance(what, int) else (what.first_id, what.last_id)) for kind, what in ledger.log
    ]
    assert kinds == [
        ("trade", 1), ("trade", 2), ("found", (3, 4)), ("trade", 3), ("healed", (3, 4)),
        ("trade", 4), ("trade", 5), ("trade", 6),
    ]  # fmt: skip


def test_a_frame_that_came_early_does_not_stall_the_others() -> None:
    ledger = Ledger()
    for trade_id in (1, 900, 2, 3, 4):
        ledger.sequence.apply(trade(trade_id, trade_id * SECOND if trade_id != 900 else 2 * SECOND))
    assert ledger.released == [1, 2, 3, 4]


def test_patience_ends_and_the_gap_is_marked_once() -> None:
    ledger = Ledger()
    for trade_id in (1, 4, 5):
        ledger.sequence.apply(trade(trade_id, 10 * SECOND))
    ledger.sequence.tick(14 * SECOND)
    assert ledger.released == [1]
    ledger.sequence.tick(16 * SECOND)
    assert ledger.released == [1, 4, 5]
    assert ledger.missing() == {2, 3}
    ledger.sequence.apply(trade(2))
    ledger.sequence.apply(trade(3))
    assert ledger.late_ids == [2, 3]
    assert not ledger.missing()


def test_the_waiting_room_is_bounded() -> None:
    ledger = Ledger(max_held=50)
    ledger.sequence.apply(trade(1))
    for trade_id in range(3, 500):
        ledger.sequence.apply(trade(trade_id))
        assert ledger.sequence.held <= 51
    assert ledger.missing() == {2}
