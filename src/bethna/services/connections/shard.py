"""One shard of the pool: the sockets that carry its streams, from the first attempt to the last goodbye.

It is the hands of a `Slot` and the ears of its links; it knows nothing of other shards but what they share.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import assert_never

from bethna.core.clock import NS_PER_S, seconds
from bethna.core.market import InstrumentId
from bethna.core.status import StreamState
from bethna.core.wire import VenueCondition
from bethna.logic.access import refuses_us
from bethna.logic.backoff import Backoff
from bethna.logic.session import Session
from bethna.logic.session_types import Renew, SessionRules, Unwant, Want, session_rules
from bethna.logic.slot import Down, Open, Promoted, Retire, Slot, SlotEffect
from bethna.net.timers import Timer
from bethna.services.connections.link import Link
from bethna.services.connections.owner import ShardOwner
from bethna.services.connections.shared import Shared
from bethna.services.connections.wiring import Ending

_MAX_SILENT_DOUBLINGS = 5
_FIRST_REMEDY_NS = 120 * NS_PER_S
_LONGEST_REMEDY_NS = 3600 * NS_PER_S
_UNREADABLE_AGAIN_NS = 60 * NS_PER_S
# HTTP statuses of an upgrade that may be the fault of the streams in its URL.
_URL_STATUSES = frozenset({400, 404, 414, 431})


class Shard:
    """The sockets of one shard.

    Attributes:
        was_up: data has flowed at least once. down_reason: why the last socket ended without another.
        refused_status: the venue did not let it in, with this HTTP status; None where it ended otherwise.
    """

    def __init__(self, number: int, shared: Shared, owner: ShardOwner) -> None:
        settings = shared.wiring.settings
        self.number = number
        self.was_up = False
        self.down_reason = ""
        self.refused_status: int | None = None
        self.links: dict[int, Link] = {}
        self._shared = shared
        self._owner = owner
        self._clock = shared.wiring.clock
        backoff = Backoff(settings.first_delay_s, settings.max_delay_s, settings.stable_after_s, shared.rng)
        self.slot = Slot(
            shared.numbers, backoff, shared.attempts, seconds(settings.prove_s), self._clock.monotonic_ns()
        )
        self._stable_ns = seconds(settings.stable_after_s)
        self._timer: Timer | None = None
        self._bare = False
        self._silent_in_a_row = 0
        self._outage_told = False
        self._overlapping = False
        self._standing: set[int] = set()
        self._ready_since: dict[int, int] = {}
        self._stale: set[InstrumentId] = set()
        self._remedy_at = 0
        self._remedy_pause_ns = _FIRST_REMEDY_NS

    @property
    def main(self) -> Link | None:
        """The link that supplies the shard now."""
        return self.links.get(self.slot.main or 0)

    @property
    def is_up(self) -> bool:
        """Data flows."""
        return self.main is not None and self.main.is_proven

    @property
    def is_refused(self) -> bool:
        """The venue answers, and serves nothing of what travels here."""
        return not self.failures and self._owner.all_refused(self.number)

    @property
    def failures(self) -> int:
        """Failed attempts in a row."""
        return self.slot.backoff.failures

    # --- what the pool asks

    def tick(self) -> None:
        """Do what is due."""
        self._timer = None
        self._do(self.slot.tick(self._clock.monotonic_ns()))

    def add(self, instruments: Sequence[InstrumentId], streams: tuple[str, ...]) -> None:
        """More streams travel here."""
        self._do(self.slot.resume(self._clock.monotonic_ns()))
        for link in self._serving():
            link.receive(Want(streams))
        if self._overlapping:
            self._shared.wiring.sink.set_overlapping(instruments, True)

    def ask_again(self, streams: tuple[str, ...]) -> int | None:
        """Refused streams are asked for once more; the socket on which, None while there is none."""
        self._do(self.slot.resume(self._clock.monotonic_ns()))
        if (main := self.main) is None or main.ending is not None:
            return None
        main.receive(Want(streams))
        return main.number

    def remove(self, instruments: Sequence[InstrumentId], streams: tuple[str, ...]) -> None:
        """Streams leave."""
        for link in self._serving():
            link.receive(Unwant(streams))
            for instrument in instruments:
                link.forget(instrument)
        self._stale.difference_update(instruments)

    def renew(self, instrument: InstrumentId, streams: tuple[str, ...], *, even_new: bool) -> bool:
        """Begin the book of an instrument anew; True when that is on its way now.

        On the socket whose word counts downstream: the newest that has begun the book. During a rotation that may be
        the successor, and a snapshot of the older one would be let go. One that has not begun it yet has its snapshot
        under way with the subscription itself: it is asked only if `even_new`.
        """
        serving = self._serving()
        begun = [link for link in serving if link.has_begun(instrument)]
        link = begun[-1] if begun else self.main
        if link is None or not (begun or even_new) or not set(streams) & set(link.session.confirmed):
            return False
        link.receive(Renew(streams))
        return True

    def is_renewing(self, streams: Collection[str]) -> bool:
        """Some of these are being renewed."""
        return any(stream in link.session.renewing for link in self._serving() for stream in streams)

    def stop(self, code: str, reason: str) -> None:
        """Nothing travels here any more."""
        self._do(self.slot.stop(code, reason))

    def pulse(self) -> None:
        """About once a second."""
        now = self._clock.monotonic_ns()
        for link in tuple(self.links.values()):
            link.pulse()
        self._tell_unreadable(now)
        main = self.main
        if main is None:
            return
        if self._is_steady(main, now):
            self.slot.backoff.steady()
        successor = self.links.get(self.slot.successor or 0)
        if successor is not None and successor.session.settled:
            since = self._ready_since.setdefault(successor.number, self._clock.now_ns() + NS_PER_S)
            if self._shared.fresh.shows_the_same(main, successor, since, now):
                self._do(self.slot.ready(successor.number, now))
        self._look(now)

    def close(self) -> None:
        """The pool ends; its tasks are gone already."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.slot.stop("stopped", "the desk stopped")

    # --- what the links say

    def link_opened(self, link: Link) -> None:
        """The socket stands; while two do, what they carry comes twice."""
        self._standing.add(link.number)
        if len(self._standing) == 2:
            self._overlap(True)

    def link_proven(self, link: Link) -> None:
        """First market data."""
        shared = self._shared
        shared.hosts.worked(link.host)
        self._silent_in_a_row = 0
        if link.number != self.slot.main:
            return
        self.refused_status = None
        shared.fresh.restart(self._owner.carried(self.number), self._clock.monotonic_ns())
        if self.was_up:
            shared.totals.reconnects += 1
        self.was_up = True
        if self._outage_told:
            self._outage_told = False
            self._owner.report("info", "connection_restored", f"data flows again over {link.host_name}")

    def link_refused(self, link: Link, stream: str, reason: str) -> None:
        """The venue does not serve a stream."""
        self._owner.refuse(stream, reason)

    def link_condition(self, link: Link, said: VenueCondition) -> None:
        """The venue said how it is."""
        self._owner.condition(link.number, said)

    def link_unreadable(self, message: str) -> None:
        """A frame broke the protocol: the first is told with its reason, what follows once a minute by its count."""
        shared, now = self._shared, self._clock.monotonic_ns()
        told_at = shared.unreadable_told_at
        if told_at is not None and now - told_at < _UNREADABLE_AGAIN_NS:
            shared.unreadable += 1
        else:
            shared.unreadable_told_at = now
            self._owner.report("warning", "wire_error", f"a frame was left out: {message}")

    def link_doubtful(self, link: Link, reason: str) -> None:
        """It is replaced without a break: one stream that cannot be read is no reason to cut the others off."""
        self._remedy(reason, self._clock.monotonic_ns())

    def link_unanswered(self, link: Link, streams: tuple[str, ...]) -> None:
        """A request was not answered in time."""
        shown = ", ".join(streams[:5]) + (f" and {len(streams) - 5} more" if len(streams) > 5 else "")
        self._owner.report("warning", "ack_missing", f"no answer to a subscription of {shown}; asked again")

    def link_rotate(self, link: Link, reason: str) -> None:
        """The venue will cut this socket."""
        self._owner.report("info", "rotation_begun", f"{link.host_name} is replaced: {reason}")
        self._do(self.slot.rotate(link.number, reason, self._clock.monotonic_ns()))

    def link_ended(self, link: Link, ending: Ending) -> None:
        """The session is over."""
        now = self._clock.monotonic_ns()
        self._judge_host(link, ending, now)
        if ending.retry_after_s is not None:
            self._shared.attempts.close_until(now + seconds(ending.retry_after_s))
        if ending.code == "silent":
            self._silent_in_a_row += 1
        # What a URL asks for may be refused in silence, a message is answered.
        self._bare = ending.status in _URL_STATUSES or self._silent_in_a_row > 1
        before = self.failures
        refused = self._owner.all_refused(self.number)
        # A connection with nothing to carry has not failed when it ends: some venues cut such at once.
        flowed_ns = self._stable_ns if refused and link.answered else link.flowed_ns(now)
        shut_out = refuses_us(ending.status)
        effects = self.slot.ended(link.number, ending.reason, flowed_ns, now, refused=shut_out)
        if refused and self.slot.main is None:
            self.slot.hold()
        elsewhere = self._elsewhere(ending, now)
        if self.slot.main is None:
            self.refused_status = ending.status if shut_out and not elsewhere else None
        if self.refused_status is not None:
            self._owner.shut_out(self.refused_status)
        elif self.failures > before:
            self._owner.failed(self.failures, ending.reason)
        if elsewhere:
            effects += self.slot.hurry(now)
        self._do(effects)

    def link_gone(self, link: Link) -> None:
        """The socket itself is gone."""
        totals = self._shared.totals
        totals.frames += link.frames
        totals.unknown += link.unknown
        totals.wire_errors += link.wire_errors
        totals.excerpts.extend(link.excerpts)
        if link.ending is not None:
            totals.endings.append((link.number, link.ending))
        self.links.pop(link.number, None)
        self._ready_since.pop(link.number, None)
        self._standing.discard(link.number)
        if self._overlapping and len(self._standing) < 2:
            self._overlap(False)

    # --- what the slot asks

    def _do(self, effects: Sequence[SlotEffect]) -> None:
        for effect in effects:
            match effect:
                case Open(number):
                    self._open(number)
                case Retire(number, code, reason):
                    if (link := self.links.get(number)) is not None:
                        link.leave(code, reason)
                case Promoted(number, rotated):
                    self._promoted(number, rotated)
                case Down(reason, delay_ns):
                    self._down(reason, delay_ns)
                case _:
                    assert_never(effect)
        self._arm()

    def _open(self, number: int) -> None:
        shared = self._shared
        spec, wiring = shared.spec, shared.wiring
        host = shared.hosts.choose(self._clock.monotonic_ns())
        if host != shared.host_in_use:
            shared.host_in_use = host
            name = spec.hosts[host].name
            self._owner.report("warning", "host_changed", f"connecting to the {name} host now")
        streams = tuple(self._owner.wanted(self.number))
        in_url = () if self._bare else streams[: spec.url_streams]
        self._bare = False
        connection = wiring.codec.connection(number)
        session = Session(
            self._rules(), in_url, streams[len(in_url) :], self._clock.monotonic_ns(),
            greeting=connection.greeting(), batch_of=wiring.codec.batch_of,
        )  # fmt: skip
        url = spec.hosts[host].ws + wiring.codec.socket_path(in_url)
        self.links[number] = link = Link(number, self.number, host, url, session, connection, wiring, self)
        shared.totals.attempts += 1
        self._owner.spawn(link)

    def _rules(self) -> SessionRules:
        shared = self._shared
        spec, settings = shared.spec, shared.wiring.settings
        # Sockets that were opened together must not be replaced together.
        spread = shared.rng.random() * spec.rotate_before_s / 2
        return session_rules(
            settings,
            messages_per_s=spec.messages_per_s,
            ping_timeout_s=spec.ping_timeout_s,
            life_ns=seconds(max(1.0, spec.max_life_s - spec.rotate_before_s - spread)),
            silent_ns=seconds(settings.silent_s) << min(self._silent_in_a_row, _MAX_SILENT_DOUBLINGS),
            ordered=spec.ordered_answers,
            # Venues that push their books answer for each stream: data of one says nothing about the others.
            data_confirms=not (spec.pushed_books or spec.ordered_answers),
        )

    def _promoted(self, number: int, rotated: bool) -> None:
        link = self.links.get(number)
        if rotated:
            self._shared.totals.rotations += 1
            name = link.host_name if link is not None else "another socket"
            self._owner.report("info", "connection_rotated", f"{name} took over without a break")
        elif link is None or not link.is_proven:
            self._mark_down("its replacement is on its way")

    def _down(self, reason: str, delay_ns: int) -> None:
        if self.was_up and not self._outage_told and not self.is_refused:
            self._outage_told = True
            text = f"{reason}; next attempt in {delay_ns / NS_PER_S:.1f} s"
            self._owner.report("warning", "connection_lost", text)
        self._mark_down(reason)

    def _mark_down(self, reason: str) -> None:
        self.down_reason = reason
        state: StreamState = "stale" if self.was_up else "waiting"
        word = "reconnecting" if self.was_up else "connecting"
        for instrument in self._owner.carried(self.number):
            self._owner.tell(instrument, state, f"{word}: {reason}", connected=False)

    # --- parts

    def _tell_unreadable(self, now: int) -> None:
        shared = self._shared
        told_at = shared.unreadable_told_at
        if shared.unreadable and told_at is not None and now - told_at >= _UNREADABLE_AGAIN_NS:
            self._owner.report("warning", "wire_error", f"{shared.unreadable} more frames were left out")
            shared.unreadable, shared.unreadable_told_at = 0, now

    def _serving(self) -> list[Link]:
        numbers = (self.slot.main, self.slot.successor)
        return [self.links[number] for number in numbers if number is not None and number in self.links]

    def _judge_host(self, link: Link, ending: Ending, now: int) -> None:
        hosts = self._shared.hosts
        if ending.status in self._shared.spec.blocked_statuses:
            hosts.blocked(link.host, now)
        elif link.proven_at is None and ending.code in (
            "connect_failed",
            "connect_timeout",
            "connection_lost",
            "silent",
        ):
            hosts.failed(link.host, now)

    def _is_steady(self, main: Link, now: int) -> bool:
        """It has been a good connection for long, or has nothing to carry and answers."""
        if main.is_proven:
            return main.flowed_ns(now) >= self._stable_ns
        return main.answered and self._owner.all_refused(self.number)

    def _elsewhere(self, ending: Ending, now: int) -> bool:
        """The host does not serve us, and another one may: no reason to wait."""
        hosts = self._shared.hosts
        blocked = ending.status in self._shared.spec.blocked_statuses
        return blocked and not hosts.is_avoided(hosts.choose(now), now)

    def _overlap(self, overlapping: bool) -> None:
        self._overlapping = overlapping
        self._shared.wiring.sink.set_overlapping(self._owner.carried(self.number), overlapping)

    def _look(self, now: int) -> None:
        """Tell how fresh each instrument is, and replace a socket that has let a lively stream die."""
        if not self.is_up:
            return
        serving = self._serving()
        for instrument in self._owner.carried(self.number):
            standing = self._shared.fresh.look(instrument, serving, now)
            if standing.stale:
                self._owner.tell(instrument, "stale", standing.stale, connected=True)
                if instrument not in self._stale and not self._owner.is_refused(instrument):
                    self._stale.add(instrument)
                    self._owner.report("warning", "stream_stale", standing.stale, instrument)
                if standing.was_lively and not self._owner.is_refused(instrument):
                    self._remedy(f"{instrument}: {standing.stale}", now)
            elif standing.seen:
                self._owner.tell(instrument, "live", "", connected=True)
                if instrument in self._stale:
                    self._stale.discard(instrument)
                    self._owner.report("info", "stream_live", "data comes again", instrument)

    def _remedy(self, reason: str, now: int) -> None:
        if now < self._remedy_at or self.slot.main is None:
            return
        if now - self._remedy_at > _LONGEST_REMEDY_NS:
            self._remedy_pause_ns = _FIRST_REMEDY_NS
        self._remedy_at = now + self._remedy_pause_ns
        self._remedy_pause_ns = min(_LONGEST_REMEDY_NS, 2 * self._remedy_pause_ns)
        if (main := self.main) is not None:
            self._owner.report("warning", "rotation_begun", f"{main.host_name} is replaced: {reason}")
        self._do(self.slot.rotate(self.slot.main, reason, now))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.slot.deadline()
        if deadline is not None:
            self._timer = self._shared.wiring.timers.call_at(deadline, self.tick)
