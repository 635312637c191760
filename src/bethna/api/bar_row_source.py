"""The source of the `bars` topics: a row of bars as it grows. It joins nothing, the desk does."""

from __future__ import annotations

from collections.abc import Sequence

from bethna.api.bars import bar_row, bars_answer
from bethna.api.protocol import Rate, encode
from bethna.api.reader import BarsHeard, DeskReader
from bethna.api.source import Anew, News, Piece, Source
from bethna.api.topics import BARS, Topic
from bethna.core.bars import Bar, Series
from bethna.core.errors import BethnaError
from bethna.core.intervals import Interval
from bethna.runtime.bus import Bus


class BarsSource(Source):
    """Bars that are another way than they were said: empty until the series is there, then a new snapshot."""

    shape = (b'{"bars":[', b"]}")
    state = True

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        self._listening: BarsHeard | None = None
        self._news: dict[int, Bar] = {}
        self._empty = True
        self._anew = False
        self._error: BethnaError | None = None

    @property
    def interval(self) -> Interval:
        """The bars' length."""
        assert self.topic.interval is not None
        return self.topic.interval

    def open(self) -> None:
        """Listen to the row."""
        self._listening = self.desk.listen_bars(
            self.instrument, self.interval, self.topic.count or BARS, self._hear, self._ended
        )
        self._empty = not self._listening.row

    def close(self) -> None:
        """Stop to listen."""
        super().close()
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def snapshot(self, notice: str | None) -> bytes:
        """The row as it was told."""
        row = [] if self._listening is None else list(self._listening.row)
        return encode(bars_answer(Series(self.instrument, self.interval, row), notice=notice))

    def collect(self) -> Sequence[News]:
        """Each bar that is another one; the whole row when it has come. Raises ConfigError when nobody has it."""
        if self._error is not None:
            raise self._error
        news, self._news = self._news, {}
        if self._anew:
            self._anew = False
            return [Anew()]
        return [Piece(at, encode(bar_row(bar))) for at, bar in news.items()]

    def _hear(self, bars: Sequence[Bar], /) -> None:
        self._anew = self._anew or self._empty
        self._empty = False
        self._news.update((bar.open_time, bar) for bar in bars)
        self.mark()

    def _ended(self, error: BethnaError, /) -> None:
        self._error = error
        self.mark()
