"""A session with venues that answer in each of the four ways, lose answers, are slow and refuse."""

from __future__ import annotations

from collections import deque
from typing import Literal

from hypothesis import assume, event, given
from hypothesis import strategies as st
from session_line import Line, s

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.logic.session import Session
from bethna.logic.session_types import (
    Acked,
    Delivered,
    Effect,
    Heard,
    Input,
    Opened,
    Refused,
    Renew,
    SendPing,
    SendText,
    SessionRules,
    StreamRefused,
    Subscribe,
    Unsubscribe,
    Unwant,
    Want,
)

Style = Literal["whole", "request", "stream", "connection"]
STYLES: list[Style] = ["whole", "request", "stream", "connection"]
NAMES = [f"{kind}.{n}" for kind in ("book", "trade", "ticker") for n in range(4)]
HELLO = "hello"

streams = st.lists(st.sampled_from(NAMES), max_size=6, unique=True).map(tuple)
pauses = st.one_of(st.just(0), st.integers(0, 400), st.integers(0, 12_000)).map(lambda ms: ms * NS_PER_MS)
changes = st.lists(
    st.tuples(pauses, st.one_of(streams.map(Want), streams.map(Unwant), streams.map(Renew))), max_size=12
)


def word(stream: str) -> str:
    return stream.partition(".")[0]


def rules_of(style: Style) -> SessionRules:
    return SessionRules(
        timeout_ns=10 * NS_PER_S, quiet_ns=30 * NS_PER_S, silent_ns=60 * NS_PER_S, life_ns=10**15,
        ack_timeout_ns=5 * NS_PER_S, messages=4, window_ns=NS_PER_S, batch=3,
        ordered=style == "connection", data_confirms=style == "whole",
    )  # fmt: skip


class Venue:
    """What a venue would do; the answers come in the order of the messages, `delay` after them, some never.

    `loud`: it refuses a message with unknown streams as a whole. `began`: how often each stream began, with a snapshot.
    """

    def __init__(self, style: Style, unknown: set[str], lost: list[bool], delay: int, *, loud: bool) -> None:
        self.style = style
        self.unknown = unknown
        self.delay = delay
        self.loud = loud or style == "whole"
        self.held: dict[str, None] = {}
        self.began: dict[str, int] = {}
        self.answers: deque[tuple[int, int, Input]] = deque()
        self.unanswered = 0
        self.last_sent = -(10**18)
        self.greeted = 0
        self._lost = deque(lost)
        self._number = 0

    def hear(self, effect: Effect, now: int) -> None:
        match effect:
            case SendText(text):
                assert text == HELLO
                assert not self._number, "the greeting comes first, once"
                self.greeted += 1
                if self.style == "connection":
                    self._control(now, [Acked(None, tuple(self.held), "connection")])
            case Subscribe(names, request_id):
                assert len({word(name) for name in names}) == 1
                self._control(now, self._subscribe(names, request_id))
            case Unsubscribe(names, request_id):
                assert len({word(name) for name in names}) == 1
                for name in names:
                    self.held.pop(name, None)
                self._control(now, self._say(names, request_id))
            case _:
                pass

    def _control(self, now: int, answers: list[Input]) -> None:
        if self.style == "connection" and self.delay < s(5):  # whoever is slower has had his time
            assert not self.unanswered or now - self.last_sent >= s(5), "two messages in the air"
        self.last_sent = now
        self._number += 1
        self.unanswered = self._number
        if not (self._lost and self._lost.popleft()):
            self.answers += [(now + self.delay, self._number, answer) for answer in answers]

    def _subscribe(self, names: tuple[str, ...], request_id: int) -> list[Input]:
        number = None if self.style == "connection" else request_id
        if self.loud and self.unknown & set(names):
            return [Refused(number, "no such stream")]
        for name in names:
            if name not in self.unknown and name not in self.held:
                self.held[name] = None
                self.began[name] = self.began.get(name, 0) + 1
        return self._say(names, request_id)

    def _say(self, names: tuple[str, ...], request_id: int) -> list[Input]:
        known = [name for name in names if name not in self.unknown]
        match self.style:
            case "whole":
                return [Acked(request_id)]
            case "request":
                return [Acked(request_id, tuple(reversed(known)))]
            case "stream":
                return [
                    Refused(request_id, "no such stream", (name,))
                    if name in self.unknown
                    else Acked(request_id, (name,), "stream")
                    for name in names
                ]
            case "connection":
                return [Acked(None, ("heartbeats", *self.held), "connection")]


class Talk:
    """A session and a venue in conversation."""

    def __init__(self, venue: Venue, wanted: tuple[str, ...]) -> None:
        self.venue = venue
        self.rules = rules_of(venue.style)
        self.line = Line(Session(self.rules, (), wanted, 0, greeting=(HELLO,), batch_of=word))
        self.wanted = set(wanted)
        self.dead: set[str] = set()
        self._heard = 0
        self.tell(Opened())
        self.tell(Delivered())

    def tell(self, what: Input) -> None:
        self.line.tell(what)
        self.listen()

    def listen(self) -> None:
        while self._heard < len(self.line.out):
            at, effect = self.line.out[self._heard]
            self._heard += 1
            self.venue.hear(effect, at)
            if isinstance(effect, SendPing):
                self.line.tell(Heard())
            if isinstance(effect, StreamRefused):
                assert effect.stream not in self.dead, "named twice"
                assert effect.stream in self.venue.unknown, f"{effect.stream} is innocent"
                self.dead.add(effect.stream)

    def change(self, what: Want | Unwant | Renew) -> None:
        if isinstance(what, Want):
            self.wanted |= set(what.streams)
        elif isinstance(what, Unwant):
            self.wanted -= set(what.streams)
        if not isinstance(what, Renew):
            self.dead -= set(what.streams)
        self.tell(what)

    def pass_time(self, ns: int) -> None:
        end, answers = self.line.now + ns, self.venue.answers
        while self.line.now < end:
            due = answers[0][0] if answers else end
            deadline = self.line.session.deadline()
            assert deadline is not None, "it has ended"
            self.line.wait(min(due, deadline, end) - self.line.now)
            self.listen()
            while answers and answers[0][0] <= self.line.now:
                _, number, answer = answers.popleft()
                if number == self.venue.unanswered:
                    self.venue.unanswered = 0
                self.tell(answer)

    def assert_right(self) -> None:
        session, unknown = self.line.session, self.venue.unknown
        assert session.settled
        assert set(self.venue.held) == self.wanted - unknown == set(session.held) == set(session.confirmed)
        assert not session.renewing
        assert set(session.refused) == self.wanted & unknown == self.dead
        assert self.venue.greeted == 1
        self.line.assert_paced(self.rules)


@given(
    style=st.sampled_from(STYLES),
    first=streams,
    script=changes,
    unknown=st.sets(st.sampled_from(NAMES), max_size=4),
    lost=st.lists(st.booleans(), max_size=8),
    delay=st.one_of(st.integers(0, 300), st.integers(0, 12_000)).map(lambda ms: ms * NS_PER_MS),
    loud=st.booleans(),
)
def test_however_a_venue_answers_exactly_what_is_wanted_and_served_is_held(
    style: Style,
    first: tuple[str, ...],
    script: list[tuple[int, Want | Unwant | Renew]],
    unknown: set[str],
    lost: list[bool],
    delay: int,
    *,
    loud: bool,
) -> None:
    assume(
        not (style == "connection" and any(lost) and delay > s(4))
    )  # who answers late and not at all is not counted
    talk = Talk(Venue(style, unknown, lost, delay, loud=loud), first)
    for pause, change in script:
        talk.pass_time(pause)
        talk.change(change)
    talk.pass_time(s(900))
    talk.assert_right()
    event(f"{style}, refused {min(3, len(talk.dead))}")


@given(style=st.sampled_from(STYLES), wanted=streams, renewed=streams, times=st.integers(1, 3))
def test_what_is_renewed_begins_anew_once_however_often_it_is_asked_for(
    style: Style, wanted: tuple[str, ...], renewed: tuple[str, ...], times: int
) -> None:
    talk = Talk(Venue(style, set(), [], s(0.2), loud=False), wanted)
    talk.pass_time(s(60))
    assert set(talk.venue.began.values()) <= {1}
    for _ in range(times):
        talk.change(Renew(renewed))
        assert set(talk.line.session.held) == set(wanted), "held all the while"
        talk.pass_time(s(0.05))
    talk.pass_time(s(60))
    talk.assert_right()
    assert talk.venue.began == {name: 1 + (name in renewed) for name in wanted}


@given(style=st.sampled_from(STYLES), wanted=streams, renewed=streams, pause=pauses)
def test_what_is_renewed_and_not_wanted_any_more_is_gone(
    style: Style, wanted: tuple[str, ...], renewed: tuple[str, ...], pause: int
) -> None:
    talk = Talk(Venue(style, set(), [], s(1), loud=False), wanted)
    talk.pass_time(s(60))
    talk.change(Renew(renewed))
    talk.pass_time(pause)
    talk.change(Unwant(renewed))
    talk.pass_time(s(60))
    talk.assert_right()
