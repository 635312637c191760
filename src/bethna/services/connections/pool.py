"""The pool: owner of all sockets of one venue; what is wanted is on a socket, or on its way, or refused by name.

It decodes nothing and keeps no market data. How sockets live is in `logic.session`, how they replace each other in
`logic.slot`, which streams share one in `logic.shards`; this room connects those machines to the world.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence

from bethna.core.clock import NS_PER_S, Clock
from bethna.core.instrument import FEATURES, Feature, Instrument
from bethna.core.market import InstrumentId
from bethna.core.status import ConnectionHealth, EventLevel, StreamState, SystemEvent, VenueHealth, VenueState
from bethna.core.wire import VenueCondition
from bethna.logic.backoff import Rng
from bethna.logic.quota import Window
from bethna.logic.session_types import ConnectionSettings
from bethna.logic.shards import Shards
from bethna.net.network import INTERNET, Network
from bethna.net.tap import Tap
from bethna.net.timers import LoopTimers, Timer, Timers
from bethna.services.connections.link import KEPT_EXCERPTS, Link
from bethna.services.connections.outage import Outage
from bethna.services.connections.shard import Shard
from bethna.services.connections.shared import Shared
from bethna.services.connections.sink import FrameSink
from bethna.services.connections.told import Explained, Told
from bethna.services.connections.wiring import Ending, Wiring
from bethna.venues.spec import Codec, VenueSpec

PULSE_NS = NS_PER_S

_BOOKS: tuple[Feature, ...] = ("books",)

OnEvent = Callable[[SystemEvent], None]


class ConnectionPool:
    """All market data sockets of one venue. `run` is its one coroutine; `want` and `unwant` may be called at any time.

    Args:
        spec, codec: the venue.
        rng: for jitter; `random.Random` will do.
        sink: gets every market event and the state of each instrument.
        tap: a recorder, or None.
        on_event: told what a person may want to know.
        timers: moved by hand in tests.
        network: where sockets go. features: what of the market is wanted.
    """

    def __init__(
        self,
        spec: VenueSpec,
        codec: Codec,
        settings: ConnectionSettings,
        clock: Clock,
        rng: Rng,
        sink: FrameSink,
        tap: Tap | None,
        on_event: OnEvent,
        *,
        timers: Timers | None = None,
        network: Network = INTERNET,
        features: Collection[Feature] = FEATURES,
        attempts: Window | None = None,
    ) -> None:
        self._spec = spec
        self._codec = codec
        self._settings = settings
        self._clock = clock
        self._sink = sink
        self._features = features
        self._on_event = on_event
        self._timers = timers or LoopTimers(clock)
        self._shared = Shared(
            spec, Wiring(spec.name, codec, settings, clock, self._timers, sink, tap, network), rng, attempts
        )
        self._layout = Shards(min(spec.max_streams, settings.streams_per_socket or spec.max_streams))
        self._instruments: dict[InstrumentId, Instrument] = {}
        self._told = Told(codec, self._layout, clock, rng, sink, self.report)
        self._refused = self._told.refused
        self._shards: dict[int, Shard] = {}
        self._leaving: dict[int, Shard] = {}
        self._group: asyncio.TaskGroup | None = None
        self._pulse_timer: Timer | None = None
        self._outage = Outage(
            spec.name, settings.reconnect_attempts, another=len(spec.hosts) > 1, report=self.report
        )
        self._renewals: dict[InstrumentId, asyncio.Event] = {}

    # --- what is wanted

    def want(self, instruments: Iterable[Instrument]) -> None:
        """Follow these from now on. Known ones are left alone, refused ones are tried again."""
        added = [one for one in instruments if one.id not in self._instruments or self.is_refused(one.id)]
        self._codec.learn(added)
        for instrument in added:
            self._instruments[instrument.id] = instrument
            self._told.forget(instrument.id, self._told.refused_of(instrument.id))
            self._layout.add(instrument.id, self._codec.streams(instrument, self._features))
            self._shared.fresh.watch(instrument.id, self._clock.monotonic_ns())
            self.tell(instrument.id, "waiting", self._waits_for(), connected=False)
        self._add_to_sockets([instrument.id for instrument in added])

    def _waits_for(self) -> str:
        """What an instrument waits for that is wanted from now on: that the venue can be connected to, first."""
        down = [
            each for each in self._shards.values() if each.down_reason and not (each.is_up or each.is_refused)
        ]
        return f"connecting: {down[0].down_reason}" if down else "subscribing"

    def unwant(self, instruments: Iterable[InstrumentId]) -> None:
        """Follow these no longer; unknown ones are ignored."""
        changed: dict[int, dict[InstrumentId, tuple[str, ...]]] = {}
        for instrument in instruments:
            if self._instruments.pop(instrument, None) is None:
                continue
            placed = self._layout.placed(instrument)
            self._layout.remove(instrument)
            self._shared.fresh.forget(instrument)
            self._told.forget(instrument, placed)
            for stream, number in placed.items():
                groups = changed.setdefault(number, {})
                groups[instrument] = (*groups.get(instrument, ()), stream)
        for number, groups in changed.items():
            self._remove_from_socket(number, groups)

    def renew_book(self, instrument: InstrumentId, *, even_new: bool = False) -> asyncio.Event | None:
        """Have the venue push a book's snapshot once more; what is returned is set when it is subscribed again.

        None where no socket carries the book, or its subscription is under way and brings the snapshot by itself.

        Args:
            even_new: also where the socket has not seen any snapshot of it yet; without this such a one is waited for.
        """
        asked = [
            self._shards[number].renew(instrument, streams, even_new=even_new)
            for number, streams in self._book_streams(instrument).items()
        ]
        return self._renewals.setdefault(instrument, asyncio.Event()) if any(asked) else None

    def _tell_renewed(self) -> None:
        for instrument in tuple(self._renewals):
            streams = self._book_streams(instrument).items()
            if not any(self._shards[number].is_renewing(each) for number, each in streams):
                self._renewals.pop(instrument).set()

    def _book_streams(self, instrument: InstrumentId) -> dict[int, tuple[str, ...]]:
        """Shard -> the streams that only the book needs: another feature's data has no reason to pause.

        What serves other features too is left alone, whether or not those are followed here; where the book has no
        stream of its own, all that it needs are meant.
        """
        known = self._instruments.get(instrument)
        if known is None or "books" not in self._features:
            return {}
        needed = self._codec.streams(known, _BOOKS)
        shared = set(self._codec.streams(known, [each for each in FEATURES if each != "books"]))
        own = [stream for stream in needed if stream not in shared] or needed
        placed, found = self._layout.placed(instrument), dict[int, tuple[str, ...]]()
        for stream in own:
            number = placed.get(stream, 0)
            if number in self._shards and stream not in self._refused:
                found[number] = (*found.get(number, ()), stream)
        return found

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What is wanted, in the order of wanting."""
        return tuple(self._instruments.values())

    def _add_to_sockets(self, added: Sequence[InstrumentId]) -> None:
        if self._group is None:
            return
        changed: dict[int, dict[InstrumentId, tuple[str, ...]]] = {}
        for instrument in added:
            for stream, number in self._layout.placed(instrument).items():
                groups = changed.setdefault(number, {})
                groups[instrument] = (*groups.get(instrument, ()), stream)
        for number, groups in changed.items():
            shard = self._shards.get(number)
            if shard is None:
                self._start(number)
            else:
                shard.add(list(groups), _flat(groups))

    def _remove_from_socket(self, number: int, groups: dict[InstrumentId, tuple[str, ...]]) -> None:
        shard = self._shards.get(number)
        if shard is None:
            return
        if self._layout.streams(number):
            shard.remove(list(groups), _flat(groups))
            return
        del self._shards[number]
        if shard.links:
            self._leaving[number] = shard
        shard.stop("unwanted", "nothing is wanted on this socket any more")

    # --- life

    async def run(self) -> None:
        """Keep everything that is wanted connected, until cancelled."""
        if self._group is not None:
            raise RuntimeError("this pool runs already")
        try:
            async with asyncio.TaskGroup() as self._group:
                for number in self._layout.sockets():
                    self._start(number)
                self._pulse()
                await asyncio.get_running_loop().create_future()
        finally:
            self._stop_timers()
            self._group = None
            self._shards.clear()
            self._leaving.clear()

    def _start(self, number: int) -> None:
        shard = self._shards[number] = Shard(number, self._shared, self)
        shard.tick()

    def _stop_timers(self) -> None:
        self._group = None
        if self._pulse_timer is not None:
            self._pulse_timer.cancel()
            self._pulse_timer = None
        for shard in (*self._shards.values(), *self._leaving.values()):
            shard.close()

    def _pulse(self) -> None:
        if self._group is None:
            return
        self._pulse_timer = self._timers.call_at(self._clock.monotonic_ns() + PULSE_NS, self._pulse)
        for shard in tuple(self._shards.values()):
            shard.pulse()
        self._tell_renewed()
        if self._refused:
            self._ask_again(self._clock.monotonic_ns())
        self._outage.look(
            {each.number: each.is_proven or each.answered for each in self._links() if not each.ending}
        )
        if self._outage.going_on and all(
            not shard.failures and (shard.is_up or shard.is_refused) for shard in self._shards.values()
        ):
            self._outage.over()

    async def _live(self, link: Link, shard: Shard) -> None:
        whole = False
        try:
            await link.run()
            whole = True
        finally:
            if not whole:
                self._stop_timers()  # this call is cancelled, or fails and takes the group with it
            shard.link_gone(link)
            if not shard.links:
                self._leaving.pop(shard.number, None)

    # --- what shards ask

    def spawn(self, link: Link) -> None:
        """Run a link as a child of `run`."""
        shard = self._shards.get(link.shard)
        if self._group is not None and shard is not None:
            self._group.create_task(self._live(link, shard), name=f"{self._spec.name}-socket-{link.number}")

    def wanted(self, shard: int) -> Sequence[str]:
        """The streams of a shard that the venue has not refused."""
        return [stream for stream in self._layout.streams(shard) if stream not in self._refused]

    def carried(self, shard: int) -> Sequence[InstrumentId]:
        """The instruments of a shard."""
        return [InstrumentId(group) for group in self._layout.groups(shard)]

    def tell(self, instrument: InstrumentId, state: StreamState, reason: str, *, connected: bool) -> None:
        """An instrument's state; told to the sink when it changes."""
        self._told.tell(instrument, state, reason, connected=connected)

    def refuse(self, stream: str, reason: str) -> None:
        """The venue does not serve a stream: it is asked for again now and then, the others live."""
        self._told.refuse(stream, reason)

    def is_refused(self, instrument: InstrumentId) -> bool:
        """The venue does not serve an instrument, or a stream of it, or does not list it."""
        return self._told.is_refused(instrument)

    def all_refused(self, shard: int) -> bool:
        """The venue serves nothing of what a shard carries."""
        streams = self._layout.streams(shard) if self._refused else ()
        return bool(streams) and all(stream in self._refused for stream in streams)

    def doubtful(self) -> list[InstrumentId]:
        """What is refused, or silent on its socket, or explained: does the venue list it?"""
        return self._told.doubtful()

    def explain(self, instrument: InstrumentId, explained: Explained | None) -> bool:
        """What the venue's catalogue says of an instrument; None: nothing against it. Returns whether that is new."""
        return self._told.explain(instrument, explained)

    def report(self, level: EventLevel, code: str, message: str, subject: str = "") -> None:
        """Something for a person."""
        self._on_event(SystemEvent(self._clock.now_ns(), level, code, subject or self._spec.name, message))

    def failed(self, failures: int, reason: str) -> None:
        """Health says failing after `reconnect_attempts` failures in a row, and says so once; attempts go on."""
        self._outage.failed(failures, reason)

    def shut_out(self, status: int) -> None:
        """The venue does not let us in: health says failing at once, and what to do."""
        self._outage.shut_out(status)

    def condition(self, connection: int, said: VenueCondition) -> None:
        """The venue said how it is: health repeats its words while it does not trade, each turn is told once."""
        self._outage.condition(connection, said)

    # --- what is refused

    def _ask_again(self, now: int) -> None:
        """Look what became of the refused streams that were asked for again, and ask for those that are due."""
        taken: dict[int, list[str]] = {}
        for stream, number in self._refused.asked():
            carrier = self._layout.carrier(stream)
            main = self._shards[carrier].main if carrier in self._shards else None
            if main is None or main.number != number:
                self._refused.fail(stream, now)
            elif stream in main.session.confirmed:
                taken.setdefault(carrier, []).append(stream)
        for carrier, streams in taken.items():
            self._accepted(carrier, streams, now)
        self._told.tell_accepted()
        due: dict[int, list[str]] = {}
        for stream in self._refused.due(now):
            due.setdefault(self._layout.carrier(stream), []).append(stream)
        for carrier, streams in due.items():
            socket = self._shards[carrier].ask_again(tuple(streams)) if carrier in self._shards else None
            if socket is not None:
                for stream in streams:
                    self._refused.ask(stream, socket)

    def _accepted(self, carrier: int, streams: Sequence[str], now: int) -> None:
        served: dict[InstrumentId, list[str]] = {}
        for stream in streams:
            self._refused.forget(stream)
            if (instrument := self._codec.stream_instrument(stream)) is not None:
                served.setdefault(instrument, []).append(stream)
        self._shared.fresh.restart(served, now)
        for instrument, found in served.items():
            self._told.accept(instrument, found)
        self._shards[carrier].add(list(served), tuple(streams))  # a successor lacks them

    # --- health

    def connections(self) -> list[ConnectionHealth]:
        """Every socket that lives now, oldest first."""
        now, wall = self._clock.monotonic_ns(), self._clock.now_ns()
        return [
            ConnectionHealth(
                self._spec.name,
                link.number,
                link.host_name,
                "ok" if link.is_proven else "connecting",
                None if link.opened_at is None else wall - (now - link.opened_at),
                link.last_message(),
                link.frames,
                link.wire_errors,
                None,
                len(link.session.held),
                tuple(self.carried(link.shard)),
            )
            for link in sorted(self._links(), key=lambda link: link.number)
            if link.ending is None
        ]

    def endings(self) -> list[tuple[int, Ending]]:
        """How the last connections ended, with their numbers, newest last."""
        return list(self._shared.totals.endings)

    def excerpts(self) -> list[str]:
        """The beginnings of the last frames that could not be read, newest last."""
        lasting = [text for link in self._links() for text in link.excerpts]
        return [*self._shared.totals.excerpts, *lasting][-KEPT_EXCERPTS:]

    def _links(self) -> list[Link]:
        shards = (*self._shards.values(), *self._leaving.values())
        return [link for shard in shards for link in shard.links.values()]

    def health(self) -> VenueHealth:
        """The venue's connections, summed. Clock offset and quota are REST's to add."""
        shards = list(self._shards.values())
        links = self._links()
        totals = self._shared.totals
        state, message = self._state(shards)
        halted = self._outage.not_trading
        said = (message, self._told.words(), "" if halted is None else f"not trading: {halted}")
        message = "; ".join(filter(None, said))
        return VenueHealth(
            self._spec.name,
            state,
            message,
            connections=sum(link.opened_at is not None and link.ending is None for link in links),
            attempts=totals.attempts,
            failing_attempts=max((shard.failures for shard in shards), default=0),
            reconnects=totals.reconnects,
            rotations=totals.rotations,
            messages=totals.frames + sum(link.frames for link in links),
            wire_errors=totals.wire_errors + sum(link.wire_errors for link in links),
            unknown_messages=totals.unknown + sum(link.unknown for link in links),
        )

    def _state(self, shards: Sequence[Shard]) -> tuple[VenueState, str]:
        down = [shard for shard in shards if not (shard.is_up or shard.is_refused)]
        if not shards:
            return "connecting", "" if self._instruments else "nothing is subscribed"
        if not down:
            return "ok", ""
        worst = max(down, key=lambda shard: (shard.refused_status is not None, shard.failures))
        if worst.refused_status is not None:
            return "failing", self._outage.advice(worst.refused_status)
        if worst.failures >= self._settings.reconnect_attempts:
            return "failing", worst.down_reason
        return ("reconnecting" if any(shard.was_up for shard in down) else "connecting"), worst.down_reason


def _flat(groups: dict[InstrumentId, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(stream for streams in groups.values() for stream in streams)
