"""A connection's outgoing side that numbers its frames: one count over streams, answers and all; faults as in `Post`.

Rules
  1. A frame is numbered when it is due, before any fault: one that is then lost leaves a hole, one that is late comes
     with its old number. What this connection is not due at all (silent, refused, half-open) takes no number.
  2. dropped_sequence uses up `count` numbers that no frame bears; nothing is lost with them.
"""

from __future__ import annotations

from collections.abc import Callable

from bethna.twins.line.post import Post
from bethna.twins.line.shared import Shared
from bethna.twins.line.topics import Topic

Stamp = Callable[[bytes, int], bytes]
"""(frame, number) -> the frame that bears it."""


class NumberedPost(Post):
    """What a connection is sent, numbered from `first` on.

    Attributes:
        next_number: of the next frame.
    """

    def __init__(
        self,
        shared: Shared,
        number: int,
        stamp: Stamp,
        *,
        wraps: bool,
        overflow: Callable[[], None],
        pinged: Callable[[bytes, int], None],
        first: int = 0,
    ) -> None:
        super().__init__(shared, number, wraps=wraps, overflow=overflow, pinged=pinged)
        self.next_number = first
        self._stamp = stamp

    def deliver(self, topic: Topic, frame: bytes, payload: bytes) -> None:
        """A frame of a stream."""
        super().deliver(topic, self._numbered(topic, frame), payload)

    def open(self, topic: Topic, frame: bytes, payload: bytes, delay_s: float = 0.0) -> None:
        """What a new subscriber is told first."""
        super().open(topic, self._numbered(topic, frame), payload, delay_s)

    def answer(self, frame: bytes, delay_s: float = 0.0) -> None:
        """The answer to a control frame, or an event that nobody subscribed to."""
        super().answer(self._numbered(None, frame), delay_s)

    def answer_bare(self, frame: bytes, delay_s: float = 0.0) -> None:
        """An answer that bears no number, such as an error."""
        super().answer(frame, delay_s)

    def _numbered(self, topic: Topic | None, frame: bytes) -> bytes:
        if self.ended or self.dead or (topic is not None and self._deprived(topic)):  # rule 1
            return frame
        fault = self._strikes("dropped_sequence", topic, self._shared.world.now) if topic else None
        if fault is not None:
            self.next_number += fault.count  # rule 2
        number = self.next_number
        self.next_number += 1
        return self._stamp(frame, number)
