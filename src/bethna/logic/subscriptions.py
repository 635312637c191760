"""What one socket carries against what it should: control messages and the answers to them; it sends none itself.

This is the part of a session (`logic.session`) that speaks with the venue about streams; both share one count of rules.

Rules
  2. The first streams travel in the URL; later changes are control messages. What is sent is computed from the
     difference between what is wanted and what the venue has, so a want taken back in time costs no message.
  4. Removals are sent before additions, at most `batch` streams a message, all of one word (`batch_of`).
  5. A request lives until the venue answers it or, where a message is taken whole or not at all (`data_confirms`), data
     arrives for a stream that only it can have started. Without either for `ack_timeout_ns` it is reported and sent
     again under a new id, with growing pauses, for as long as it is wanted. An answer to any of its ids settles it.
     What is not wanted any more by then is asked to be removed: it may have been taken. An answer that comes after
     data has settled its request still refuses by name (rules 12 and 13).
  6. A refused request for several streams is halved and asked again until the guilty stream is named; the others live.
     A refused stream is dead on this socket until it is wanted anew. A refusal without an id is that of the oldest open
     request. A refusal that comes after the request was repeated with fewer streams says nothing about those.
  7. A stream with a request in the air is not touched until that is settled; then the difference of rule 2 decides.
 12. An answer that lists streams speaks for its scope. `request`: what was asked for and is not listed is refused.
     `stream`: what is listed is taken; the rest is still awaited, and its time goes on. `connection`: what is listed is
     taken, whoever asked for it; what the answered request asked for and the list lacks is refused, what it removed and
     the list still has is not removed yet. Listed streams that nobody asked for mean nothing, and what has been removed
     is gone whatever the list of a removal says.
 13. A refusal that names streams refuses those alone, without halving; the rest is still awaited.
 14. Where answers name no request (`ordered`), one is in the air at a time, and the answers come in the order of the
     messages, repetitions and greeting included. A refusal of rule 13 is not the last answer to its message. What has
     not come after LOST_AFTER patiences never comes.
 15. The greeting goes before everything else, once. Its answer is awaited only where that must be counted (rule 14).
 16. A renewed stream is removed and added again, so that the venue says its snapshot. It counts as held meanwhile. One
     that is not with the venue, or is on its way, is left alone: its snapshot comes by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

from bethna.logic.session_types import (
    AckMissing,
    AckScope,
    Effect,
    SendText,
    SessionRules,
    StreamRefused,
    Subscribe,
    Unsubscribe,
)

LOST_AFTER = 6
MOST_BELIEVED = 64
NOT_LISTED = "the venue did not list it"
_MAX_PAUSE_DOUBLINGS = 4
_KEPT_IDS = 8
_UNSUBSCRIBE_TRIES = 3

RequestId = int | str | None


class Request:
    """One control message and its repetitions.

    `streams` are those not yet answered, `ids` those it was sent under, with how many of these streams it named then;
    `due` is when it is sent again, None while it waits to be sent; `text` is that of a greeting.
    """

    __slots__ = ("add", "due", "ids", "settled", "streams", "text", "tries")

    def __init__(self, streams: tuple[str, ...], *, add: bool, text: str = "") -> None:
        self.add = add
        self.streams = streams
        self.text = text
        self.ids: dict[int, int] = {}
        self.tries = 0
        self.due: int | None = None
        self.settled = False


def one_batch(_stream: str) -> str:
    """Streams of any kind may stand together."""
    return ""


class Subscriptions:
    """The streams of one socket. `now` is monotonic nanoseconds, effects are appended to `out`.

    Attributes:
        refused: streams that the venue does not serve, with its words.
    """

    def __init__(
        self,
        rules: SessionRules,
        url_streams: Sequence[str],
        streams: Sequence[str],
        greeting: Sequence[str],
        batch_of: Callable[[str], str],
    ) -> None:
        self.refused: dict[str, str] = {}
        self._rules = rules
        self._batch_of = batch_of
        self._wanted = dict.fromkeys((*url_streams, *streams))
        self._held: dict[str, Request | None] = dict.fromkeys(url_streams)  # None: the venue has it
        self._renewing: dict[str, None] = {}
        self._queue = deque(Request((), add=True, text=text) for text in greeting)  # rule 15
        self._air: dict[int, Request] = {}
        self._owed: deque[tuple[int, int, Request]] = deque()
        self._believed: dict[int, tuple[str, ...]] = {}  # what data has confirmed, by the ids of its request
        self._next_id = 1
        self._dirty = True

    @property
    def held(self) -> tuple[str, ...]:
        """Streams that the venue has taken, or may have, or will have again in a moment."""
        return tuple({**self._held, **self._renewing}) if self._renewing else tuple(self._held)

    @property
    def confirmed(self) -> tuple[str, ...]:
        """Streams that the venue has taken."""
        return tuple(stream for stream, request in self._held.items() if request is None)

    @property
    def renewing(self) -> Collection[str]:
        """Streams that are being renewed."""
        return self._renewing.keys()

    @property
    def carries_any(self) -> bool:
        """Data should come."""
        return bool(self._held or self._renewing)

    @property
    def in_air(self) -> bool:
        """Requests wait for an answer."""
        return bool(self._air)

    @property
    def settled(self) -> bool:
        """Everything wanted is with the venue or refused, and nothing else is."""
        return not self._air and not self._queue and not self._dirty

    @property
    def has_message(self) -> bool:
        """There may be something to send."""
        return (self._dirty or bool(self._queue)) and not self._must_wait

    @property
    def _must_wait(self) -> bool:
        """Rule 14."""
        return self._rules.ordered and any(request.due is not None for request in self._air.values())

    def dues(self) -> Iterator[int]:
        """When requests are due to be sent again."""
        return (request.due for request in self._air.values() if request.due is not None)

    # --- what is wanted

    def want(self, streams: Sequence[str]) -> None:
        """These are wanted from now on."""
        self._wanted.update(dict.fromkeys(streams))
        for stream in streams:
            self.refused.pop(stream, None)  # rule 6: wanted anew
        self._dirty = True

    def unwant(self, streams: Sequence[str]) -> None:
        """These are not."""
        for stream in streams:
            self._wanted.pop(stream, None)
            self._renewing.pop(stream, None)
            self.refused.pop(stream, None)
        self._dirty = True

    def renew(self, streams: Sequence[str]) -> None:
        """Rule 16."""
        for stream in streams:
            if stream in self._wanted and stream in self._held and self._held[stream] is None:
                self._renewing[stream] = None
                self._dirty = True

    # --- answers

    def delivered(self, streams: Sequence[str]) -> None:
        """Data came that can only be due to these."""
        if not self._rules.data_confirms:
            return
        for stream in streams:
            request = self._held.get(stream)
            if request is not None and request.add and request.tries:  # rule 5
                self._believe(request)
                self._take(request, request.streams)

    def _believe(self, request: Request) -> None:
        self._believed.update(dict.fromkeys(request.ids, request.streams))
        while len(self._believed) > MOST_BELIEVED:
            del self._believed[next(iter(self._believed))]

    def _disbelieve(
        self, request_id: RequestId, unlisted: Callable[[str], bool], said: str, out: list[Effect]
    ) -> None:
        """A late answer of rule 5: what it does not serve is not with the venue, whatever data came."""
        streams = self._believed.pop(request_id, ()) if isinstance(request_id, int) else ()
        for stream in streams:
            if unlisted(stream) and stream in self._held and self._held[stream] is None:
                self._drop(stream, said, out)

    def acked(
        self,
        request_id: RequestId,
        listed: Collection[str] | None,
        scope: AckScope,
        now: int,
        out: list[Effect],
    ) -> None:
        """The venue took a request, or a part of it (rule 12)."""
        _, request = self._answered_by(request_id, now)
        if scope == "connection" and listed is not None:
            self._take_state(request, frozenset(listed), out)
        elif request is None or request.settled:
            if listed is not None and scope == "request":
                self._disbelieve(request_id, lambda stream: stream not in listed, NOT_LISTED, out)
        elif listed is None or (scope == "request" and not request.add):
            self._take(request, request.streams)
        else:
            found = frozenset(listed)
            self._take(request, [stream for stream in request.streams if stream in found])
            if scope == "request":
                self._refuse(request, request.streams, NOT_LISTED, out)

    def _take_state(self, request: Request | None, listed: Collection[str], out: list[Effect]) -> None:
        for each in dict.fromkeys(self._air.values()):
            if each.add and each.streams:
                self._take(each, [stream for stream in each.streams if stream in listed])
        if request is None or request.settled:
            return
        if request.add:
            self._refuse(request, request.streams, NOT_LISTED, out)
        else:
            self._take(request, [stream for stream in request.streams if stream not in listed])

    def refuse(
        self, request_id: RequestId, message: str, named: Collection[str], now: int, out: list[Effect]
    ) -> None:
        """The venue refused a request, or only what it named of it."""
        number, request = self._answered_by(request_id, now, last=not named)
        if request is None or request.settled:
            self._disbelieve(request_id, lambda stream: stream in named, message, out)
        elif named:  # rule 13
            guilty = [stream for stream in request.streams if stream in named]
            if request.add:
                self._refuse(request, guilty, message, out)
            else:
                self._take(request, guilty)
        elif request.ids.get(number) != len(request.streams):  # rule 6
            request.ids.pop(number, None)
            self._air.pop(number, None)
        elif not request.add:
            self._take(request, request.streams)  # what cannot be removed is not there
        elif len(request.streams) > 1:
            self._halve(request)
        else:
            self._refuse(request, request.streams, message, out)

    def _answered_by(
        self, request_id: RequestId, now: int, *, last: bool = True
    ) -> tuple[int, Request | None]:
        """The request that an answer is for, and the id it was sent under; `last`: no other answer to it follows."""
        if request_id is None and self._rules.ordered:
            self._forget_lost(now)
            if not self._owed:
                return 0, None
            _, number, request = self._owed.popleft() if last else self._owed[0]  # rule 14
            return number, request
        if request_id is None:
            request_id = next(iter(self._air), 0)
        return (request_id, self._air.get(request_id)) if isinstance(request_id, int) else (0, None)

    def _halve(self, request: Request) -> None:
        """Rule 6."""
        self._settle(request)
        half = len(request.streams) // 2
        for part in (request.streams[:half], request.streams[half:]):
            self._ask(part, add=True)

    def _take(self, request: Request, streams: Sequence[str]) -> None:
        for stream in streams:
            if request.add:
                self._held[stream] = None
                self._renewing.pop(stream, None)
            else:
                self._held.pop(stream, None)
        self._answered(request, streams)

    def _refuse(self, request: Request, streams: Sequence[str], message: str, out: list[Effect]) -> None:
        for stream in streams:
            self._drop(stream, message, out)
        self._answered(request, streams)

    def _drop(self, stream: str, message: str, out: list[Effect]) -> None:
        del self._held[stream]
        self._renewing.pop(stream, None)
        if stream in self._wanted:
            self.refused[stream] = message
            out.append(StreamRefused(stream, message))

    def _answered(self, request: Request, streams: Sequence[str]) -> None:
        """These of its streams are done with; it is settled with the last of them."""
        if len(streams) == len(request.streams):
            request.streams = ()
            self._settle(request)
            return
        done = frozenset(streams)
        request.streams = tuple(stream for stream in request.streams if stream not in done)
        for number in request.ids:
            request.ids[number] -= len(done)

    def _settle(self, request: Request) -> None:
        request.settled = True
        for number in request.ids:
            self._air.pop(number, None)
        self._dirty = True

    def _ask(self, streams: tuple[str, ...], *, add: bool) -> None:
        request = Request(streams, add=add)
        self._held.update(dict.fromkeys(streams, request))
        self._queue.append(request)

    # --- what time brings

    def tick(self, now: int, out: list[Effect]) -> None:
        """Time passed: what has waited too long is due again."""
        for request in dict.fromkeys(self._air.values()):
            if request.due is not None and now >= request.due:
                self._overdue(request, out)

    def _overdue(self, request: Request, out: list[Effect]) -> None:
        if request.text:
            self._settle(request)  # rule 15
            return
        if request.tries == 1:  # rule 5: reported once
            out.append(AckMissing(request.streams))
        if not request.add and (request.tries >= _UNSUBSCRIBE_TRIES or self._any_wanted(request)):
            self._take(request, request.streams)  # a removal is not worth more; an addition sets it right
            return
        request.due = None
        if self._rules.ordered:
            self._queue.appendleft(request)  # rule 14: nothing else may overtake it
        else:
            self._queue.append(request)

    def _any_wanted(self, request: Request) -> bool:
        return any(stream in self._wanted for stream in request.streams)

    # --- sending

    def next_message(self, now: int) -> Effect | None:
        """The next control message, None when there is none to send now; it counts as sent."""
        if self._must_wait:
            return None
        if not self._queue and self._dirty:
            self._compare()
        while self._queue:
            request = self._queue.popleft()
            if self._prepare(request):
                return self._send(request, now)
            if not self._queue and self._dirty:
                self._compare()
        return None

    def _compare(self) -> None:
        """Queue the next message that brings the venue closer to what is wanted (rules 2, 4, 7, 16)."""
        wanted, renewing = self._wanted, self._renewing
        drop = [
            s for s, request in self._held.items() if request is None and (s not in wanted or s in renewing)
        ]
        if drop:
            self._ask(self._batch(drop), add=False)
            return
        add = [s for s in wanted if s not in self._held and s not in self.refused]
        if add:
            self._ask(self._batch(add), add=True)
            return
        self._dirty = False

    def _batch(self, streams: Sequence[str]) -> tuple[str, ...]:
        """The first, and what may stand beside it (rule 4)."""
        word = self._batch_of(streams[0])
        alike = (stream for stream in streams if self._batch_of(stream) == word)
        return tuple(islice(alike, self._rules.batch))

    def _prepare(self, request: Request) -> bool:
        """Bring a waiting request up to date; False when nothing of it is left to ask."""
        if request.settled or not request.add or request.text:
            return not request.settled
        kept = tuple(stream for stream in request.streams if stream in self._wanted)
        dropped = tuple(stream for stream in request.streams if stream not in self._wanted)
        request.streams = kept
        if dropped and request.tries:
            # They may have been taken: nobody knows until a removal is answered.
            self._ask(dropped, add=False)
        else:
            for stream in dropped:
                del self._held[stream]
        if not kept:
            self._settle(request)
        return bool(kept)

    def _send(self, request: Request, now: int) -> Effect:
        if request.text and not self._rules.ordered:
            return SendText(request.text)  # nobody waits for its answer
        number = self._next_id
        self._next_id += 1
        request.tries += 1
        pause = min(request.tries - 1, _MAX_PAUSE_DOUBLINGS)
        request.due = now + (self._rules.ack_timeout_ns << pause)
        request.ids[number] = len(request.streams)
        self._air[number] = request
        if len(request.ids) > _KEPT_IDS:
            oldest = next(iter(request.ids))
            del request.ids[oldest], self._air[oldest]
        if self._rules.ordered:
            self._forget_lost(now)
            self._owed.append((now, number, request))
        if request.text:
            return SendText(request.text)
        return (Subscribe if request.add else Unsubscribe)(request.streams, number)

    def _forget_lost(self, now: int) -> None:
        """Rule 14."""
        lost = now - LOST_AFTER * self._rules.ack_timeout_ns
        while self._owed and self._owed[0][0] < lost:
            self._owed.popleft()

    def end(self) -> None:
        """Nothing is asked any more."""
        self._queue.clear()
        self._air.clear()
        self._owed.clear()
