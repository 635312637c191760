"""Everything that is known of a desk behind an address: which topics are wanted, what they said, who listens.

A machine: whoever has the socket hands it frames and sends what `requests` returns; it opens none and never waits.

Rules
  1. Prices of all, health and events are always wanted. So that reading answers at once, so are the trades, book and
     minute candles of the first MIRRORED instruments, and what was asked for last, at `ui`.
  2. What somebody listens to is wanted at `every`, and for LINGER turns of the second hand after the last has left:
     who reads one and comes again costs no new snapshot.
  3. A connection has MOST_TOPICS: what is listened to comes first. More listeners than that are refused.
  4. A topic that failed at the desk is subscribed again with the next turn of the second hand; after MOST_FAILURES in a
     row its listeners end with the desk's reason.
  5. An instrument that is followed no longer ends its listeners quietly. After a new connection it has PATIENCE turns
     to come back, counted while the desk follows anything: one that has just begun learns first what its venue lists.
  6. While there is no connection, everything says so: streams wait, prices are stale, ages go on, the desk is `down`.
  7. A desk of another source or seed at the same address is another desk: nothing of what was known is built on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

from msgspec import UNSET

from bethna.api.protocol import ErrorBody, HealthAnswer, Rate, Subscribe, Unsubscribe, encode
from bethna.api.topics import Topic, TopicKind
from bethna.client.backend import Want
from bethna.client.mirror import Unjoined
from bethna.client.mirror_best import BestChannel
from bethna.client.mirror_channel import Channel, Ear
from bethna.client.mirror_references import ReferenceChannel
from bethna.client.mirror_topics import BookChannel, CandlesChannel, PricesChannel, TradesChannel
from bethna.client.mirror_topics import channel_of as made
from bethna.client.refusals import refused
from bethna.client.remote_facts import FrameError, Said, coverage_of, nanos, nanos_or_none, read, read_frame
from bethna.core.clock import Clock
from bethna.core.errors import DeskRefused, FeatureOff, UnknownInstrument, cut
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.core.reference import ReferenceKind
from bethna.core.status import EventLevel, StreamState, StreamStatus, SystemEvent
from bethna.logic.best_price import concerned
from bethna.logic.references import check_kind

MIRRORED = 50
MOST_ASKED = 100
MOST_TOPICS = 500
MOST_NAMED = 200
LINGER = 5
MOST_FAILURES = 5
PATIENCE = 30
_ALWAYS: tuple[tuple[Topic, Rate], ...] = (
    (Topic("prices"), "every"),
    (Topic("health"), "ui"),
    (Topic("events"), "every"),
)
_TOPICS: dict[str, TopicKind] = {
    "prices": "prices", "trades": "trades", "books": "book", "candles": "candles", "bars": "bars", "best": "best",
    "indices": "indices", "valuations": "valuations", "system": "events",
    "alerts": "notifications",
}  # fmt: skip


class Mirrors:
    """One desk, as its frames tell it.

    Args:
        url: of the desk, for messages. clock: tells the host's time; between two words of the desk it goes on by this.
        wishes: called when `requests` has something to say. listed: called when the desk follows something else now.

    Attributes:
        health: what the desk said last; raises before it has spoken.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        wishes: Callable[[], None] = lambda: None,
        listed: Callable[[], None] = lambda: None,
    ) -> None:
        self.url = url
        self.wishes = wishes
        self.listed = listed
        self.health: HealthAnswer | None = None
        self.instruments: dict[InstrumentId, Instrument] = {}
        self.connected = False
        self.reason = ""
        self._clock = clock
        self._told_at = 0
        self._listed: dict[InstrumentId, Instrument] = {}
        self._seen: set[InstrumentId] = set()  # on this connection
        self._absent = 0
        self._channels: dict[str, Channel] = {}
        self._asked: dict[str, Topic] = {}

    # what the socket's owner says --------------------------------------------------------------------------------

    def attach(self, health: HealthAnswer, instruments: Iterable[Instrument]) -> None:
        """A connection stands; `requests` asks for everything that is wanted."""
        before = self.health
        self.heard_health(health)
        other = before is not None and world_of(before) != world_of(health)  # rule 7
        again = before is not None and not self.connected
        self.connected, self.reason = True, ""
        for channel in self._channels.values():
            channel.ask(None)
            channel.anew = channel.anew or other
        self._seen.clear()
        self._absent = 0
        self.follow(instruments)
        if again:
            self._say(
                "info", "desk_reattached", f"{self.url} answers again{': another desk' if other else ''}"
            )
        self.wishes()

    def lose(self, reason: str) -> None:
        """The connection is gone (rule 6); said once until another one stands."""
        if self.connected:
            self.reason = reason
            self.connected = False
            for channel in tuple(self._channels.values()):
                channel.ask(None)
                if channel.topic.instrument is not None:
                    channel.lost(self.how(channel.topic.instrument))
                elif isinstance(channel, BestChannel):
                    channel.cut(reason)
            self._say("warning", "desk_lost", f"{self.url}: {reason}; it is tried again")
        self.reason = reason

    def frame(self, raw: bytes) -> None:
        """One message of the desk. Raises FrameError."""
        frame = read_frame(raw)
        if frame.topic is None:
            said = read(Said, frame.data)
            if said.error is not UNSET and said.error.code == "unknown_instrument":
                self.listed()
            return
        channel = self._channels.get(frame.topic)
        if channel is None or channel.rate is None:
            return  # of a subscription that was let go
        if frame.type == "status":
            said = read(Said, frame.data)
            if said.error is not UNSET:
                self._failed(channel, said.error)
                return
        follows = channel.follows(frame)
        if follows is None:
            return
        try:
            if follows:
                channel.take(frame)
        except Unjoined:
            follows = False
        except ValueError as error:  # an id that is no number
            raise FrameError(
                f"expected a frame of {frame.topic}, found one that cannot be read: {error}"
            ) from error
        if not follows:
            self._again(channel)

    def requests(self) -> list[bytes]:
        """What is to be sent so that the desk says what is wanted."""
        if not self.connected:
            return []
        wanted = self._wanted()
        gone = [name for name, channel in self._channels.items() if name not in wanted and not channel.ears]
        left = [name for name in gone if self._channels.pop(name).rate is not None]
        sent = [encode(Unsubscribe(part)) for part in _parts(left)]
        rates: dict[Rate, list[str]] = {"ui": [], "every": []}
        for name, (topic, rate) in wanted.items():
            channel = self._channels.get(name)
            if channel is None:
                channel = self._channels[name] = made(topic, self)
            if channel.rate != rate and channel.error is None:
                channel.ask(rate)
                rates[rate].append(name)
        for rate, names in rates.items():
            sent += [encode(Subscribe(part, rate)) for part in _parts(names)]
        return sent

    def tick(self) -> None:
        """The second hand (rules 2, 4 and 5)."""
        for channel in tuple(self._channels.values()):
            channel.unused = 0 if channel.ears else channel.unused + 1
            channel.error = None
            worn = isinstance(channel, BookChannel) and channel.mirror.worn and not channel.expecting
            if worn or channel.overdue():
                self._again(channel)
        if self.connected and self._listed:
            self._absent += 1
            if self._absent == PATIENCE:
                self._seen.update(self.instruments)
                self.follow(self._listed.values())
        self.wishes()

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """What the desk follows now, in its order (rule 5)."""
        listed = {found.id: found for found in instruments}
        self._seen.update(listed)
        awaited = {name: each for name, each in self.instruments.items() if name not in self._seen}
        self._listed, self.instruments = listed, listed | awaited
        for name, channel in tuple(self._channels.items()):
            instrument = channel.topic.instrument
            if instrument is not None and instrument not in self.instruments:
                del self._channels[name]
                channel.end(None)
        self.wishes()

    def finish(self, error: Exception | None = None) -> None:
        """Nothing more comes: every listener ends."""
        self.connected = False
        for channel in tuple(self._channels.values()):
            channel.end(error)

    @property
    def lacking(self) -> list[str]:
        """Topics that are wanted and have not said anything yet."""
        return [
            name for name, channel in self._channels.items() if channel.expecting and channel.rate is not None
        ]

    # what a program asks -----------------------------------------------------------------------------------------

    def check(self, instrument: InstrumentId) -> None:
        """Raises UnknownInstrument, with the nearest, for one that is not followed."""
        if instrument not in self.instruments:
            near = tuple(get_close_matches(instrument, self.instruments, n=3, cutoff=0.3))
            raise UnknownInstrument(
                instrument, near, message=f"{cut(instrument)} is not followed by this desk"
            )

    def prices(self, instrument: InstrumentId) -> PricesChannel:
        """The topic that says its price: its own where somebody listens, else that of all."""
        own = self._channels.get(str(Topic("prices", instrument)))
        channel = own if own is not None and not own.expecting else self._channels.get("prices")
        return channel if isinstance(channel, PricesChannel) else PricesChannel(Topic("prices"), self)

    def trades(self, instrument: InstrumentId) -> TradesChannel:
        """Its trades, at hand from now on (rule 1)."""
        channel = self._at_hand(Topic("trades", instrument))
        assert isinstance(channel, TradesChannel)
        return channel

    def book(self, instrument: InstrumentId) -> BookChannel:
        """Its book, at hand from now on."""
        channel = self._at_hand(Topic("book", instrument))
        assert isinstance(channel, BookChannel)
        return channel

    def candles(self, instrument: InstrumentId, interval: Interval) -> CandlesChannel:
        """Its candles, at hand from now on."""
        channel = self._at_hand(Topic("candles", instrument, interval))
        assert isinstance(channel, CandlesChannel)
        return channel

    def best(self, pair: str, convert: tuple[str, ...]) -> BestChannel:
        """The best price of a pair, at hand from now on. Raises UnknownInstrument when none of it is followed."""
        base, _, quote = pair.partition("-")
        concerned(self.instruments.values(), base, quote, convert)
        channel = self._at_hand(Topic("best", pair=pair, convert=convert))
        assert isinstance(channel, BestChannel)
        return channel

    def reference(self, kind: ReferenceKind, instrument: InstrumentId) -> ReferenceChannel:
        """Its index or valuation, at hand from now on. Raises UnknownInstrument for one that has none."""
        self.check(instrument)
        check_kind(kind, self.instruments[instrument])
        channel = self._at_hand(Topic(kind, instrument))
        assert isinstance(channel, ReferenceChannel)
        return channel

    def listen(
        self, want: Want, hear: Callable[[object], None], ended: Callable[[Exception | None], None]
    ) -> Callable[[], None]:
        """See `Backend.listen`. Raises DeskRefused when a connection has no room for one more topic (rule 3)."""
        kind = _TOPICS[want.kind]
        topic = Topic(kind, want.instrument, want.interval, want.pair, want.convert, want.count)
        ear = Ear(hear, ended, self.now())
        stops = [self._join(topic, ear)]
        if kind in ("candles", "bars"):  # which say nothing of turns

            def turned(event: object) -> None:
                if isinstance(event, StreamStatus):
                    if kind == "candles":
                        hear(event)
                    if event.state == "ended":
                        stops[0]()
                        ended(None)

            stops.append(self._join(Topic("prices", want.instrument), Ear(turned, lambda _: None, ear.since)))

        def stop() -> None:
            for each in stops:
                each()

        return stop

    # what the topics ask (`Around`) ------------------------------------------------------------------------------

    def now(self) -> int:
        """The desk's time: what it said last, and the time since by the host's clock; a tape's stands still."""
        if self.health is None:
            return 0
        passed = 0 if self.health.source == "tape" else self._clock.monotonic_ns() - self._told_at
        return nanos(self.health.now) + passed

    def last_message(self, instrument: InstrumentId) -> int | None:
        """As the desk's health says."""
        card = self.health.instruments.get(instrument) if self.health is not None else None
        return None if card is None else nanos_or_none(card.last_message)

    def how(self, instrument: InstrumentId) -> StreamStatus:
        """As the desk's health says; without a connection it waits."""
        card = self.health.instruments.get(instrument) if self.health is not None else None
        state: StreamState = "waiting" if card is None or not self.connected else card.status
        reason = self.reason or (card.message if card is not None else "")
        return StreamStatus(instrument, state, reason, state in ("live", "stale"), self.now())

    def heard_health(self, health: HealthAnswer) -> None:
        """The desk's health has come."""
        self.health = health
        self._told_at = self._clock.monotonic_ns()
        for channel in self._channels.values():
            if isinstance(channel, TradesChannel) and (card := health.instruments.get(channel.instrument)):
                channel.mirror.certify(coverage_of(card.coverage))

    def heard_prices(self, instruments: Sequence[InstrumentId]) -> None:
        """What the desk follows, by the rows of its prices."""
        if list(instruments) != list(self._listed):
            self.listed()

    @property
    def since_ns(self) -> int:
        """How long ago the desk spoke of its health."""
        return self._clock.monotonic_ns() - self._told_at

    # within ------------------------------------------------------------------------------------------------------

    def _wanted(self) -> dict[str, tuple[Topic, Rate]]:
        """Rules 1 to 3."""
        wanted: dict[str, tuple[Topic, Rate]] = {str(topic): (topic, rate) for topic, rate in _ALWAYS}
        for name, channel in self._channels.items():
            if channel.topic.instrument is not None and channel.topic.instrument not in self._listed:
                continue
            if channel.ears or (channel.rate == "every" and channel.unused < LINGER):
                wanted.setdefault(name, (channel.topic, "every"))
        for topic in self._passive():
            if len(wanted) >= MOST_TOPICS:
                break
            wanted.setdefault(str(topic), (topic, "ui"))
        return wanted

    def _passive(self) -> Iterable[Topic]:
        for instrument in list(self._listed)[:MIRRORED]:
            yield Topic("book", instrument)
            yield Topic("trades", instrument)
            yield Topic("candles", instrument, Interval.M1)
        yield from (
            topic
            for topic in self._asked.values()
            if topic.pair is not None or topic.instrument in self._listed
        )

    def _at_hand(self, topic: Topic) -> Channel:
        name = str(topic)
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = made(topic, self)
            self._asked[name] = topic
            if len(self._asked) > MOST_ASKED:
                del self._asked[next(iter(self._asked))]
            self.wishes()
        elif name in self._asked:
            self._asked[name] = self._asked.pop(name)
        return channel

    def _join(self, topic: Topic, ear: Ear) -> Callable[[], None]:
        name = str(topic)
        channel = self._channels.get(name)
        listened = sum(bool(each.ears) for each in self._channels.values()) + len(_ALWAYS)
        if (channel is None or not channel.ears) and listened >= MOST_TOPICS:
            raise DeskRefused(
                "too_many_topics",
                f"expected at most {MOST_TOPICS} topics that are listened to over one connection, found one more",
                hint="close some streams, or attach once more with bethna.connect()",
            )
        if channel is None:
            channel = self._channels[name] = made(topic, self)
        joined = channel
        joined.join(ear)
        self.wishes()

        def stop() -> None:
            joined.ears.pop(ear, None)

        return stop

    def _again(self, channel: Channel) -> None:
        channel.ask(None)
        self.wishes()

    def _failed(self, channel: Channel, error: ErrorBody) -> None:
        """Rules 4 and 5."""
        channel.ask(None)
        if error.code == "unknown_instrument":
            self._channels.pop(channel.name, None)
            self._asked.pop(channel.name, None)
            channel.end(None)
            self.listed()
            return
        channel.error = error  # until the second hand turns
        channel.failures += 1
        if channel.failures >= MOST_FAILURES or error.code == FeatureOff.code:
            channel.end(refused(error.code, error.message, error.hint))

    def _say(self, level: EventLevel, code: str, message: str) -> None:
        channel = self._channels.get("events")
        if channel is not None:
            channel.tell([SystemEvent(self.now(), level, code, self.url, message)])


def world_of(health: HealthAnswer) -> tuple[object, ...]:
    """What makes a desk another one (rule 7)."""
    seed = health.simulation.seed if health.simulation is not None else None
    return health.source, seed, health.tape.name if health.tape is not None else None


def _parts(names: Sequence[str]) -> list[list[str]]:
    """So that no frame is larger than the desk takes."""
    return [list(names[at : at + MOST_NAMED]) for at in range(0, len(names), MOST_NAMED)]
