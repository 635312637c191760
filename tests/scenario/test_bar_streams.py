"""One row of bars: a whole desk against its twin in virtual time, with cuts; the topic and the attached desk."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from _attached import Heard, attached, until
from _doors import opened
from _memorydesk import BTC, MemoryDesk
from faultgrid.ground import Ground
from faultgrid.trial import START, Trial, house
from property.test_kept_bars import traded
from scenario.test_history import SLOW, compare
from scenario.test_series import late_desk
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.client.backend import Want
from bethna.core.bars import Bar, BarKind
from bethna.core.clock import NS_PER_S
from bethna.core.errors import BethnaError
from bethna.core.intervals import Interval
from bethna.logic.bars import unknown_bar
from bethna.logic.series import PROVED
from bethna.services.history import Past
from bethna.twins.faults import Fault

MINUTE = 60 * NS_PER_S
BEFORE_S = 11 * 60.0


class Row:
    """What a listener was told; it believes nothing that breaks the rule."""

    def __init__(self) -> None:
        self.bars: dict[int, Bar] = {}
        self.told = 0
        self.healed = 0
        self.ended: list[BethnaError] = []

    def hear(self, bars: Sequence[Bar]) -> None:
        for bar in bars:
            self.told += 1
            before = self.bars.get(bar.open_time)
            newest = next(reversed(self.bars.values()), None)
            if before is None:
                assert newest is None or (newest.closed and newest.close_time == bar.open_time)
            elif before.closed:
                assert bar.closed
                assert bar.revision > before.revision
                self.healed += before.kind is BarKind.UNKNOWN and bar.kind is not BarKind.UNKNOWN
            self.bars[bar.open_time] = bar


FAULTS = {
    "none": (),
    "cut during the fetch": (Fault(kind="cut", at_s=BEFORE_S + 0.1, for_s=20.0),),
    "cut after it": (Fault(kind="cut", at_s=BEFORE_S + 130.0, for_s=40.0),),
    "no history at first": (Fault(kind="http_5xx", at_s=BEFORE_S - 1, for_s=100.0, on="rest"),),
}


@pytest.mark.parametrize(
    ("ground", "fault", "interval"),
    [
        *((SLOW[0], fault, Interval.M1) for fault in FAULTS),
        (SLOW[1], "no history at first", Interval.M1),
        (SLOW[1], "cut after it", Interval.M5),
    ],
    ids=lambda each: getattr(each, "name", str(each)),
)
def test_a_row_has_neither_hole_nor_double_and_heals_in_place(
    ground: Ground, fault: str, interval: Interval
) -> None:
    async def grown(clock: VirtualClock) -> Row:
        async with house(Trial(7, FAULTS[fault], BEFORE_S, ground=ground), clock) as found:
            await pass_time(BEFORE_S - 3)
            wanted = await late_desk(found, ground)
            await pass_time(1.5)
            row = Row()
            listening = found.desk.listen_bars(wanted, interval, 8, row.hear, row.ended.append)
            await pass_time(11)
            assert row.bars, "released"
            await pass_time(420)
            newest = next(reversed(row.bars.values()))
            assert newest.open_time == interval.open_time(clock.now_ns() - NS_PER_S)
            compare(found, ground, 0, interval, Past(list(row.bars.values()), None, ()))
            begun = [bar for bar in row.bars.values() if bar.open_time >= START]  # before was no market
            assert len([bar for bar in begun if bar.coverage.state in PROVED]) >= len(begun) - 2
            assert len(row.bars) >= 8
            assert list(listening.row) == list(row.bars.values())[-8:]
            listening.close()
            return row

    clock = VirtualClock(START)
    row = run_virtually(grown(clock), clock)
    assert not row.ended
    if fault == "no history at first":
        assert row.healed


def closed(number: int, close: float = 1.0, *, revision: int = 0) -> Bar:
    bar = traded(number, close)
    return Bar(
        BTC, Interval.M1, bar.open_time, bar.kind, bar.open, bar.high, bar.low, close, bar.volume, bar.trades, True,
        bar.source, bar.coverage, revision,
    )  # fmt: skip


async def test_an_attached_desk_tells_the_row_and_heals_it() -> None:
    desk = MemoryDesk()
    async with opened(desk) as served, attached(served.url) as remote:
        early = Heard(remote, Want("bars", BTC, Interval.M1, count=3))
        await until(lambda: desk.bar_listeners)
        nobody = unknown_bar(BTC, Interval.M1, 2 * MINUTE, "source_failed", desk.coverage.provenance)
        desk.say_bars(closed(1), nobody, closed(3))
        await until(lambda: len(early.events) == 3)
        desk.say_bars(closed(2, revision=1), closed(4))
        await until(lambda: len(early.events) == 5)
        assert [(bar.open_time // MINUTE, bar.revision) for bar in early.events] == [
            (1, 0), (2, 0), (3, 0), (2, 1), (4, 0),
        ]  # fmt: skip
        assert early.events[1] == nobody
        late = Heard(remote, Want("bars", BTC, Interval.M1, count=3))
        assert [bar.open_time // MINUTE for bar in late.events] == [2, 3, 4]
        early.stop()
        late.stop()
