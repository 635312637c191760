"""A row of bars as a desk behind an address tells it: whatever happens to the connection, no hole and no double.

It asks nobody: what the desk did not tell is unknown.

Rules
  1. A bar that follows the newest is told. Where the desk has none between the two, unknown ones stand there.
  2. A closed bar is told again when it is another one, with a greater revision than it was told with, whatever the desk
     counts: another desk counts anew.
  3. A closed bar does not open again. A known one becomes unknown only by a later word of the same desk.
  4. Who comes later hears the row as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from bethna.api.bars import BarsAnswer
from bethna.api.topics import BARS, Topic
from bethna.client.mirror_channel import Around, Channel, Ear
from bethna.client.remote_facts import BarChanges, Frame, bar_of, read
from bethna.core.bars import Bar, BarKind
from bethna.core.intervals import Interval
from bethna.logic.bar_stream import SLACK, differs
from bethna.logic.bars import unknown_bar


class BarsMirror:
    """One row.

    Attributes:
        row: as it was told, by opening, ascending.
    """

    def __init__(self, interval: Interval, count: int) -> None:
        self.interval = interval
        self.row: dict[int, Bar] = {}
        self._count = count
        self._said: dict[int, int] = {}  # the desk's own revisions

    def take(self, bars: Iterable[Bar]) -> list[Bar]:
        """What is to be told of some bars, ascending as they came."""
        told: list[Bar] = []
        for bar in bars:
            before = self.row.get(bar.open_time)
            if before is not None:
                told += self._again(before, bar)
            elif not self.row or bar.open_time > next(reversed(self.row)):
                told += self._follow(bar)
            else:
                continue  # from before the row began
            self._said[bar.open_time] = bar.revision
        while len(self.row) > self._count + SLACK:
            gone = next(iter(self.row))
            del self.row[gone]
            self._said.pop(gone, None)
        return told

    def _follow(self, bar: Bar) -> list[Bar]:
        """Rule 1."""
        told: list[Bar] = []
        last = self.row[next(reversed(self.row))] if self.row else None
        if last is not None and not last.closed:
            self._tell(unknown_bar_like(last, last.open_time), told)
        at = bar.open_time if last is None else last.close_time
        while at < bar.open_time:
            self._tell(unknown_bar_like(bar, at), told)
            at = self.interval.close_time(at)
        self._tell(bar, told)
        return told

    def _again(self, before: Bar, bar: Bar) -> list[Bar]:
        """Rules 2 and 3."""
        told: list[Bar] = []
        later = bar.revision > self._said.get(bar.open_time, -1)
        lost = bar.kind is BarKind.UNKNOWN and before.kind is not BarKind.UNKNOWN and not later
        if not differs(before, bar) or (before.closed and (lost or not bar.closed)):
            return told
        least = before.revision + 1 if before.closed else 0
        self._tell(replace(bar, revision=max(least, bar.revision)), told)
        return told

    def _tell(self, bar: Bar, told: list[Bar]) -> None:
        self.row[bar.open_time] = bar
        told.append(bar)


def unknown_bar_like(bar: Bar, at: int) -> Bar:
    """Of what the desk did not tell (rule 1)."""
    return unknown_bar(bar.instrument, bar.interval, at, "disconnected", bar.coverage.provenance)


class BarsChannel(Channel):
    """The topic of one row; who listens hears the end of its streams by its price."""

    turning = False
    seen = False

    def __init__(self, topic: Topic, around: Around) -> None:
        super().__init__(topic, around)
        assert topic.interval is not None
        self.mirror = BarsMirror(topic.interval, topic.count or BARS)

    @property
    def begun(self) -> bool:
        return self.seen

    def join(self, ear: Ear) -> None:
        """Rule 4."""
        super().join(ear)
        for bar in list(self.mirror.row.values())[-(self.topic.count or BARS) :]:
            ear.tell(bar)

    def snapshot(self, frame: Frame) -> Sequence[object]:
        self.seen = True
        rows = read(BarsAnswer, frame.data).bars
        return self.mirror.take(bar_of(self.instrument, self.mirror.interval, row) for row in rows)

    def delta(self, frame: Frame) -> Sequence[object]:
        rows = read(BarChanges, frame.data).bars
        return self.mirror.take(bar_of(self.instrument, self.mirror.interval, row) for row in rows)
