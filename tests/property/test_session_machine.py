"""A session under any sequence of inputs: paced, complete, and silent after its end."""

from __future__ import annotations

from typing import assert_never

from hypothesis import event, given
from hypothesis import strategies as st
from msgspec.structs import replace
from session_line import Line

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.logic.session import Session
from bethna.logic.session_types import (
    Acked,
    AckMissing,
    AckScope,
    Challenged,
    Delivered,
    Effect,
    Ended,
    Heard,
    Input,
    Leave,
    Lost,
    Opened,
    Phase,
    Pinged,
    Proven,
    Refused,
    Renew,
    Rotate,
    SendPing,
    SendPong,
    SendText,
    SessionRules,
    ShutdownNoticed,
    StreamRefused,
    Subscribe,
    Tick,
    Unsubscribe,
    Unwant,
    Want,
)

RULES = SessionRules(
    timeout_ns=10 * NS_PER_S,
    quiet_ns=30 * NS_PER_S,
    silent_ns=60 * NS_PER_S,
    life_ns=3600 * NS_PER_S,
    ack_timeout_ns=5 * NS_PER_S,
    messages=4,
    window_ns=NS_PER_S,
    batch=3,
)

streams = st.lists(st.sampled_from([f"s{n}" for n in range(12)]), max_size=6, unique=True).map(tuple)
SCOPES: list[AckScope] = ["request", "stream", "connection"]
ids = st.one_of(st.none(), st.integers(0, 30), st.text(max_size=3))
inputs: st.SearchStrategy[Input] = st.one_of(
    st.just(Opened()),
    st.just(Heard()),
    st.binary(max_size=4).map(Pinged),
    streams.map(Delivered),
    st.builds(Acked, ids, st.none() | streams, st.sampled_from(SCOPES)),
    st.builds(Refused, ids, st.just("invalid stream"), streams),
    st.text(max_size=3).map(Challenged),
    st.just(ShutdownNoticed()),
    streams.map(Want),
    streams.map(Unwant),
    streams.map(Renew),
    st.just(Tick()),
    st.just(Lost("connection_lost", "cut")),
    st.just(Leave("rotated", "replaced")),
)
pauses = st.one_of(st.just(0), st.integers(0, 400), st.integers(0, 12_000)).map(lambda ms: ms * NS_PER_MS)


@given(streams, streams, st.lists(st.tuples(pauses, inputs), max_size=60), st.booleans(), st.booleans())
def test_never_more_messages_than_allowed_and_none_after_the_end(
    in_url: tuple[str, ...],
    besides: tuple[str, ...],
    script: list[tuple[int, Input]],
    ordered: bool,
    data_confirms: bool,
) -> None:
    rules = replace(RULES, ordered=ordered, data_confirms=data_confirms)
    line = Line(Session(rules, in_url, besides, 0, greeting=("hello", "and"), batch_of=lambda name: name[-1]))
    line.tell(Opened())
    for pause, what in script:
        line.wait(pause)
        line.tell(what)
    line.wait(20 * NS_PER_S)
    line.assert_paced(RULES)
    endings = [number for number, (_, effect) in enumerate(line.out) if isinstance(effect, Ended)]
    assert endings in ([], [len(line.out) - 1])
    assert (line.session.phase is Phase.CLOSED) == bool(endings)
    assert sum(isinstance(effect, Rotate) for _, effect in line.out) <= 1
    assert sum(isinstance(effect, Proven) for _, effect in line.out) <= 1
    ids_used = [e.request_id for _, e in line.out if isinstance(e, Subscribe | Unsubscribe)]
    assert ids_used == sorted(set(ids_used))


class Venue:
    """What a venue would do: holds subscriptions, refuses what it does not know, loses or delays answers."""

    def __init__(self, unknown: set[str], lossy: list[bool]) -> None:
        self.unknown = unknown
        self.lossy = lossy
        self.held: set[str] = set()
        self.answers = 0

    def hear(self, effect: Effect) -> Input | None:
        match effect:
            case Subscribe(names, request_id):
                answer: Input = Acked(request_id)
                if self.unknown & set(names):
                    answer = Refused(request_id, "invalid stream")
                else:
                    self.held |= set(names)
            case Unsubscribe(names, request_id):
                self.held -= set(names)
                answer = Acked(request_id)
            case SendPing():
                return Heard()
            case StreamRefused() | AckMissing() | SendText() | SendPong() | Proven() | Rotate() | Ended():
                return None
            case _:
                assert_never(effect)
        lost = self.answers < len(self.lossy) and self.lossy[self.answers]
        self.answers += 1
        return None if lost else answer


@given(
    in_url=streams,
    changes=st.lists(st.tuples(pauses, st.one_of(streams.map(Want), streams.map(Unwant))), max_size=15),
    unknown=st.sets(st.sampled_from([f"s{n}" for n in range(12)]), max_size=4),
    lossy=st.lists(st.booleans(), max_size=12),
    delay=st.one_of(st.integers(0, 300), st.integers(0, 12_000)).map(lambda ms: ms * NS_PER_MS),
)
def test_every_want_is_subscribed_or_refused_by_name(
    in_url: tuple[str, ...],
    changes: list[tuple[int, Input]],
    unknown: set[str],
    lossy: list[bool],
    delay: int,
) -> None:
    in_url = tuple(name for name in in_url if name not in unknown)
    venue = Venue(unknown, lossy)
    venue.held = set(in_url)
    line = Line(Session(RULES, in_url, (), 0))
    line.tell(Opened())
    line.tell(Delivered())
    wanted = set(in_url)
    heard = 0

    def converse(for_ns: int) -> None:
        nonlocal heard
        end = line.now + for_ns
        while line.now < end:
            left = end - line.now
            line.wait(min(max(delay + 50 * NS_PER_MS, left // 100), left))
            line.tell(Heard())
            for _, effect in line.out[heard:]:
                answer = venue.hear(effect)
                heard += 1
                if answer is not None:
                    line.tell(answer)

    for pause, change in changes:
        converse(pause)
        line.tell(change)
        assert isinstance(change, Want | Unwant)
        wanted = wanted | set(change.streams) if isinstance(change, Want) else wanted - set(change.streams)
    converse(600 * NS_PER_S)
    assert line.session.settled
    assert venue.held == wanted - unknown == set(line.session.held) == set(line.session.confirmed)
    assert set(line.session.refused) == wanted & unknown
    named = {effect.stream for _, effect in line.out if isinstance(effect, StreamRefused)}
    assert wanted & unknown <= named <= unknown
    event(f"answers lost: {min(3, sum(lossy[: venue.answers]))}")


@given(st.integers(1, 40), st.sets(st.integers(0, 39), max_size=3))
def test_a_refused_batch_is_halved_until_the_guilty_is_named(count: int, bad: set[int]) -> None:
    names = tuple(f"s{n}" for n in range(count))
    unknown = {f"s{n}" for n in bad if n < count}
    rules = SessionRules(10**10, 3 * 10**10, 10**12, 10**15, 5 * 10**9, 4, NS_PER_S, 100)
    line = Line(Session(rules, (), names, 0))
    venue = Venue(unknown, [])
    line.tell(Opened())
    heard = 0
    while heard < len(line.out) or not line.session.settled:
        if heard == len(line.out):
            line.wait(NS_PER_S)
            line.tell(Heard())
            continue
        answer = venue.hear(line.out[heard][1])
        heard += 1
        if answer is not None:
            line.tell(answer)
    assert set(line.session.refused) == unknown
    assert venue.held == set(names) - unknown
    # A guilty stream costs at most two requests for each halving.
    assert venue.answers <= 1 + len(unknown) * 2 * (count.bit_length() + 1)
