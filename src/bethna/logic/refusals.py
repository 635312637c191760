"""Streams that a venue has refused, and when they are asked for again; it asks for none itself.

Rules
  1. A refused stream is asked for again after a minute, then after two, five and ten, and from then on every ten.
  2. The pauses are jittered, and what is due at about the same time is asked for at one time: a message, not one a
     stream.
  3. A refusal in the words of the last one is no news.
  4. While a stream is asked for again it counts as refused: it travels in no URL and on no other socket until the venue
     has taken it.
  5. A try whose socket is gone before the answer has failed: a subscription for which the venue cuts must not be
     repeated on every new socket.
"""

from __future__ import annotations

from collections.abc import Iterator

from bethna.core.clock import seconds
from bethna.logic.backoff import Rng

PAUSES_S = (60.0, 120.0, 300.0, 600.0)
JITTER = 0.1
"""A pause is up to so much shorter or longer."""
_GATHERED = 0.75
"""A time of asking that comes after this part of a pause will do for it (rule 2)."""


class _Refusal:
    __slots__ = ("due", "reason", "socket", "tries")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.tries = 0
        self.due = 0
        self.socket: int | None = None  # where it is asked for again


class Refusals:
    """The refused streams of one venue. `now` is monotonic nanoseconds."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._of: dict[str, _Refusal] = {}
        self._newest_due = 0

    def __contains__(self, stream: object) -> bool:
        return stream in self._of

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def reason(self, stream: str) -> str:
        """The venue's last words on it. Raises KeyError for one that is not refused."""
        return self._of[stream].reason

    def refuse(self, stream: str, reason: str, now: int) -> bool:
        """The venue refuses it; whether that is news (rule 3)."""
        known = self._of.get(stream)
        if known is None:
            known = self._of[stream] = _Refusal(reason)
            known.due = self._after_pause(known, now)
            return True
        news = known.reason != reason
        known.reason = reason
        if known.socket is not None:
            self._rest(known, now)
        return news

    def forget(self, stream: str) -> None:
        """It is wanted anew, taken, or not wanted any more."""
        self._of.pop(stream, None)

    def due(self, now: int) -> list[str]:
        """What should be asked for again."""
        return [stream for stream, known in self._of.items() if known.socket is None and known.due <= now]

    def ask(self, stream: str, socket: int) -> None:
        """It is asked for again, on this socket."""
        self._of[stream].socket = socket

    def asked(self) -> list[tuple[str, int]]:
        """What is asked for again and not answered yet, with the socket."""
        return [(stream, known.socket) for stream, known in self._of.items() if known.socket is not None]

    def fail(self, stream: str, now: int) -> None:
        """Its socket is gone (rule 5)."""
        self._rest(self._of[stream], now)

    def _rest(self, known: _Refusal, now: int) -> None:
        known.socket = None
        known.tries += 1
        known.due = self._after_pause(known, now)

    def _after_pause(self, known: _Refusal, now: int) -> int:
        """Rules 1 and 2."""
        pause = seconds(PAUSES_S[min(known.tries, len(PAUSES_S) - 1)])
        if not now + _GATHERED * pause <= self._newest_due <= now + (1.0 + JITTER) * pause:
            self._newest_due = now + round(pause * (1.0 + JITTER * (2.0 * self._rng.random() - 1.0)))
        return self._newest_due
