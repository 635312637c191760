"""One client's subscription to one topic: its mailbox, its count, and the frames it makes of the news.

It opens no socket and takes its snapshots from the hub.

Rules, cited by the code:

1. The first frame is the snapshot, seq 1; every later frame counts on, without holes, whatever was lost.
2. A line has one mailbox: state conflates per key, `ui` trades and events keep the newest, `every` is strict.
3. What a slow reader lost is told: among `ui` trades as an item, elsewhere as a status that a new snapshot follows.
4. A snapshot stands for everything that waits: it is forgotten in the same breath.
5. What the source itself lost makes a hole behind everything that waits; what waits is then lost as well.
6. No snapshot shows how the streams of an instrument turned: the last turn that was not said follows it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

from bethna.api.protocol import DroppedItem, ErrorBody, FrameType, Rate, encode
from bethna.api.source import TURN, Anew, News, Piece
from bethna.api.sources import SNAPSHOT_EVENTS, UI_ITEMS, source_class
from bethna.api.topics import Topic
from bethna.core.errors import BethnaError
from bethna.core.status import Dropped
from bethna.runtime.mailbox import Latest, Mailbox, Newest, Strict

EVERY_ITEMS = 4096


class Listener(Protocol):
    """Who owns a line."""

    def ready(self, line: Line, /) -> None:
        """The line has something to send. Called in the middle of dealing out: only take note of it."""
        ...


class Snapshots(Protocol):
    """Where a line's snapshots come from: the hub."""

    def snapshot(self, line: Line, /) -> bytes:
        """The topic's state now. Raises BethnaError when there is none any more."""
        ...

    def leave(self, line: Line, /) -> None:
        """The line hears nothing more."""
        ...


class Line:
    """One subscription. `frames` is what its client sends; `dropped` counts what it lost."""

    def __init__(
        self, hub: Snapshots, listener: Listener, topic: Topic, rate: Rate, notice: str | None
    ) -> None:
        self._hub = hub
        self._listener = listener
        self.topic = topic
        self.rate = rate
        self.notice = notice
        self.dropped = 0
        self.over = False
        self._head = b'{"topic":%b,"type":"' % encode(str(topic))
        source = source_class(topic, rate)
        self._join = source.joined
        self._joins = bool(source.shape[0])
        self._sorted = topic.kind in ("candles", "bars")
        self._told_inline = topic.kind == "trades" and rate == "ui"  # rule 3
        self._box: Mailbox[Piece]
        if source.state:  # rule 2
            self._box = Latest(_key, on_ready=self._ready)
        elif rate == "ui":
            self._box = Newest(SNAPSHOT_EVENTS if topic.kind == "events" else UI_ITEMS, self._ready)
        else:
            self._box = Strict(EVERY_ITEMS, self._ready)
        self._seq = 0
        self._lost = 0
        self._fresh = True
        self._turn: Piece | None = None
        self._error: ErrorBody | None = None

    def offer(self, news: News) -> None:
        """Something from the source; once it ended, or before a snapshot that will show it anyway, it is let go."""
        if isinstance(news, Piece) and news.key == TURN:
            self._turn = news  # rule 6
        if self._fresh or self._error is not None:
            return
        if isinstance(news, Anew):
            self._fresh = True
            self._ready()
        elif isinstance(news, Dropped):  # rule 5
            self._lost += news.count + _weight(self._box.drain())
            self._ready()
        else:
            self._box.offer(news)

    def frames(self) -> list[bytes]:
        """What is to be sent now, numbered (rule 1); when `over` is true afterwards, these were the last."""
        frames: list[bytes] = []
        if self._error is None:
            frames = self._snapshot() if self._fresh else self._changes()
        if self._error is not None:
            self.over = True
            frames.append(self._frame("status", encode({"error": self._error})))
        return frames

    def end(self, error: BethnaError) -> None:
        """There will be nothing more: the next frame says why and is the last."""
        self._error = ErrorBody(error.code, error.message, error.hint)
        self._ready()

    def close(self) -> None:
        """Hear nothing more."""
        self._hub.leave(self)

    def _ready(self) -> None:
        self._listener.ready(self)

    def _changes(self) -> list[bytes]:
        news = self._box.drain()
        if self._lost:
            head = news[0] if news else None
            told = Dropped(self._lost + (head.count if isinstance(head, Dropped) else 0))
            news = [told, *(news[1:] if isinstance(head, Dropped) else news)]
            self._lost = 0
        frames: list[bytes] = []
        parts: list[Piece] = []
        if self._sorted:
            news.sort(key=_open_time)
        for position, piece in enumerate(news):
            if not isinstance(piece, Dropped):
                if piece is self._turn:
                    self._turn = None
                if self._joins and piece.type == "delta":
                    parts.append(piece)
                else:
                    frames += [*self._joined(parts), self._frame(piece.type, piece.body)]
                    parts = []
            elif self._told_inline:
                self.dropped += piece.count
                parts.append(Piece(None, encode(DroppedItem(piece.count))))
            else:
                return [*frames, *self._joined(parts), *self._after_loss(news[position:])]
        return [*frames, *self._joined(parts)]

    def _joined(self, parts: Sequence[Piece]) -> list[bytes]:
        return [self._frame("delta", self._join(parts))] if parts else []

    def _after_loss(self, rest: Sequence[Piece | Dropped]) -> list[bytes]:
        """Rule 3: the count of all that was not said, up to the snapshot that follows."""
        body = self._taken()
        if body is None:
            return []
        rest = [*rest, *self._renew()]
        if not isinstance(self._box, Strict):  # what is left of them stands in the snapshot
            rest = [item for item in rest if isinstance(item, Dropped)]
        lost = _weight(rest)
        self.dropped += lost
        said = [self._frame("status", encode({"dropped": lost})), self._frame("snapshot", body)]
        return [*said, *self._turned()]

    def _snapshot(self) -> list[bytes]:
        body = self._taken()
        if body is None:
            return []
        self._fresh = False
        self._renew()
        return [self._frame("snapshot", body), *self._turned()]

    def _turned(self) -> list[bytes]:
        """Rule 6."""
        turn, self._turn = self._turn, None
        return [] if turn is None else [self._frame(turn.type, turn.body)]

    def _taken(self) -> bytes | None:
        """A snapshot's body; None when there is none any more, which ends the line."""
        try:
            return self._hub.snapshot(self)
        except BethnaError as error:
            self.end(error)
            return None

    def _renew(self) -> list[Piece | Dropped]:
        """Rule 4: empty the box; returns what waited in it."""
        waited = self._box.drain()
        if isinstance(self._box, Strict):
            self._box.reopen()
        if self._lost:
            waited.append(Dropped(self._lost))
            self._lost = 0
        return waited

    def _frame(self, kind: FrameType, body: bytes) -> bytes:
        self._seq += 1
        return b'%b%b","seq":%d,"data":%b}' % (self._head, kind.encode(), self._seq, body)


def _weight(news: Sequence[Piece | Dropped]) -> int:
    """How many events these are."""
    return sum(item.count if isinstance(item, Dropped) else 1 for item in news)


def _key(piece: Piece) -> Hashable:
    return piece.key


def _open_time(piece: Piece | Dropped) -> int:
    return piece.key if isinstance(piece, Piece) and isinstance(piece.key, int) else 0
