"""What a pool tells of each instrument: how its streams are, and what of it the venue refuses; it asks for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from bethna.core.clock import Clock
from bethna.core.market import InstrumentId
from bethna.core.status import EventLevel, StreamState
from bethna.logic.backoff import Rng
from bethna.logic.refusals import Refusals
from bethna.logic.shards import Shards
from bethna.services.connections.sink import FrameSink
from bethna.venues.spec import Codec

MOST_NAMED = 3

Report = Callable[[EventLevel, str, str, str], None]


class Explained(Struct, frozen=True, gc=False):
    """Why an instrument has no data. `listed`: the venue knows it, but does not trade it; else it is refused."""

    listed: bool
    reason: str


class Told:
    """The instruments of one venue.

    Attributes:
        refused: streams that the venue does not serve.
    """

    def __init__(
        self, codec: Codec, layout: Shards, clock: Clock, rng: Rng, sink: FrameSink, report: Report
    ) -> None:
        self.refused = Refusals(rng)
        self._codec = codec
        self._layout = layout
        self._clock = clock
        self._sink = sink
        self._report = report
        self._said: dict[InstrumentId, tuple[StreamState, str, bool]] = {}
        self._told: dict[InstrumentId, tuple[StreamState, str, bool]] = {}
        self._explained: dict[InstrumentId, Explained] = {}
        self._accepted: dict[InstrumentId, list[str]] = {}

    def forget(self, instrument: InstrumentId, streams: Iterable[str]) -> None:
        """It is not wanted any more."""
        for stream in streams:
            self.refused.forget(stream)
        for known in (self._said, self._told, self._explained, self._accepted):
            known.pop(instrument, None)

    def tell(self, instrument: InstrumentId, state: StreamState, reason: str, *, connected: bool) -> None:
        """An instrument's state; told to the sink when it changes."""
        self._said[instrument] = (state, reason, connected)
        refused = self.refused_of(instrument)
        if refused and self._is_whole(instrument, refused):
            state, reason, connected = "refused", self.refused.reason(refused[0]), False
        elif refused:
            reason = f"{refused[0]} is refused; {reason}".rstrip("; ")
        if state != "live" and (explained := self._explained.get(instrument)):
            state = state if explained.listed else "refused"
            reason = f"{explained.reason}; {reason}".rstrip("; ") if explained.listed else explained.reason
        if self._told.get(instrument) != (state, reason, connected):
            self._told[instrument] = (state, reason, connected)
            self._sink.stream_state(instrument, state, reason, self._clock.now_ns(), connected=connected)

    def refuse(self, stream: str, reason: str) -> None:
        """The venue does not serve a stream: it is asked for again now and then, the others live."""
        instrument = self._codec.stream_instrument(stream)
        news = True
        if self._layout.carrier(stream):
            news = self.refused.refuse(stream, reason, self._clock.monotonic_ns())
        if news:
            self._report("warning", "subscription_rejected", f"{stream}: {reason}", instrument or stream)
        self._tell_again(instrument)

    def accept(self, instrument: InstrumentId, streams: Iterable[str]) -> None:
        """The venue serves these after all."""
        for stream in streams:
            self.refused.forget(stream)
        self._accepted.setdefault(instrument, []).extend(streams)
        live = self._said.get(instrument, ("waiting", "", True))[0] == "live"
        self.tell(instrument, "live" if live else "waiting", "" if live else "subscribed", connected=True)

    def tell_accepted(self) -> None:
        """Say once of each instrument what is served after all, when all that was asked for is answered."""
        if not self._accepted:
            return
        open_ones = {self._codec.stream_instrument(stream) for stream, _ in self.refused.asked()}
        for instrument in [each for each in self._accepted if each not in open_ones]:
            words = f"what was refused is served now: {', '.join(self._accepted.pop(instrument))}"
            self._report("info", "subscription_accepted", words, instrument)

    def explain(self, instrument: InstrumentId, explained: Explained | None) -> bool:
        """What the venue's catalogue says of an instrument, told while no data comes; None: nothing against it.

        Returns whether that is new.
        """
        if instrument not in self._said or self._explained.get(instrument) == explained:
            return False
        if explained is not None:
            self._explained[instrument] = explained
        else:
            del self._explained[instrument]
        self._tell_again(instrument)
        return True

    def doubtful(self) -> list[InstrumentId]:
        """What is refused, or silent on its socket, or explained: does the venue list it?"""
        return [
            instrument
            for instrument, (state, _, connected) in self._told.items()
            if (state == "stale" and connected) or state == "refused" or instrument in self._explained
        ]

    def is_refused(self, instrument: InstrumentId) -> bool:
        """The venue does not serve an instrument, or a stream of it, or does not list it."""
        return instrument in self._explained or bool(self.refused_of(instrument))

    def refused_of(self, instrument: InstrumentId) -> list[str]:
        """The refused streams of an instrument."""
        if not self.refused:
            return []
        return [stream for stream in self._layout.placed(instrument) if stream in self.refused]

    def words(self) -> str:
        """What is refused, by name, and why: whole instruments, else streams. Empty when nothing is."""
        found: dict[str, str] = {}
        for stream in self.refused:
            instrument = self._codec.stream_instrument(stream)
            whole = instrument is not None and self._is_whole(instrument, self.refused_of(instrument))
            found.setdefault(instrument if whole and instrument else stream, self.refused.reason(stream))
        shown = ", ".join(f"{name} ({reason})" for name, reason in list(found.items())[:MOST_NAMED])
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        return f"refused by name: {shown}{more}" if shown else ""

    def _is_whole(self, instrument: InstrumentId, refused: list[str]) -> bool:
        return len(refused) == len(self._layout.placed(instrument))

    def _tell_again(self, instrument: InstrumentId | None) -> None:
        if instrument is not None and (said := self._said.get(instrument)):
            self.tell(instrument, said[0], said[1], connected=said[2])
