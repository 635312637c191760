"""Drives a session like a link does: every deadline is met, and what comes out is kept with its time."""

from __future__ import annotations

from bisect import bisect_right

from bethna.core.clock import NS_PER_S
from bethna.logic.session import Session
from bethna.logic.session_types import Effect, Input, Message, SessionRules, Tick


class Line:
    """One session and its time, ns."""

    def __init__(self, session: Session, now: int = 0) -> None:
        self.session = session
        self.now = now
        self.out: list[tuple[int, Effect]] = []

    def tell(self, what: Input) -> list[Effect]:
        effects = self.session.receive(what, self.now)
        self.out += [(self.now, effect) for effect in effects]
        return effects

    def wait(self, ns: int) -> None:
        end = self.now + ns
        for _ in range(10_000):
            due = self.session.deadline()
            if due is None or due > end:
                break
            assert due >= self.now
            self.now = due
            self.tell(Tick())
        else:
            raise AssertionError("the deadline does not move")
        self.now = end

    def messages(self) -> list[int]:
        return [at for at, effect in self.out if isinstance(effect, Message)]

    def assert_paced(self, rules: SessionRules) -> None:
        """Any stretch of a window, ends included."""
        sent = self.messages()
        for at in sent:
            assert bisect_right(sent, at + rules.window_ns) - sent.index(at) <= rules.messages


def s(seconds: float) -> int:
    return round(seconds * NS_PER_S)
