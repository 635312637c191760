"""One venue, live: its sockets, its REST side and its healing wired to the feeds; decisions are made in those rooms."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from random import Random

from msgspec.structs import replace

from bethna.app.listing import Listing
from bethna.app.quota import connection_window, quota_keeper
from bethna.config import Settings
from bethna.core.clock import Clock
from bethna.core.errors import VenueError, WireError, cut
from bethna.core.instrument import FEATURES, Feature, Instrument, InstrumentName
from bethna.core.market import InstrumentId
from bethna.core.status import EventLevel, SystemEvent, VenueHealth
from bethna.core.wire import Catalogue
from bethna.logic.nearest import nearest, spoken_at
from bethna.logic.quota_ledger import Lane
from bethna.logic.session_types import ConnectionSettings
from bethna.net.network import INTERNET, Network
from bethna.net.tap import Tap
from bethna.services.ban_watch import BanWatch
from bethna.services.comparing import Comparing
from bethna.services.connections import ConnectionPool
from bethna.services.feeds import Feeds
from bethna.services.healing import Healing
from bethna.services.venue_rest import VenueRest
from bethna.venues.registry import codec_for, spec_for
from bethna.venues.spec import Codec, StreamHost, VenueSpec

CATALOGUE_RETRY_S = 60.0


def connection_settings(settings: Settings) -> ConnectionSettings:
    """How connections are kept, from the user's settings."""
    return ConnectionSettings(
        timeout_s=settings.timeout_s,
        heartbeat_s=settings.heartbeat_s,
        first_delay_s=settings.first_delay_s,
        max_delay_s=settings.max_delay_s,
        reconnect_attempts=settings.reconnect_attempts,
        stable_after_s=settings.stable_after_s,
        ack_timeout_s=settings.ack_timeout_s,
        silent_s=settings.silent_s,
        stale_min_s=settings.stale_min_s,
        stale_max_s=settings.stale_max_s,
        stale_unknown_s=settings.stale_unknown_s,
        streams_per_socket=settings.streams_per_socket or None,
        blocked_s=settings.blocked_s,
        clock_every_s=settings.clock_every_s,
        proxy=settings.proxy.reveal() or None,
    )


def venue_spec(venue: str, settings: Settings) -> VenueSpec:
    """The venue's rules on the wire that is chosen, with the user's hosts where there are any."""
    spec = spec_for(venue, settings.wire.get(venue, ""))
    hosts = settings.hosts.get(venue)
    if not hosts:
        return spec
    return replace(
        spec, hosts=tuple(StreamHost(f"{venue}-{i}", h.ws, h.rest) for i, h in enumerate(hosts, 1))
    )


def venue_codec(venue: str, settings: Settings) -> Codec:
    """A fresh codec of the wire that is chosen."""
    stream = settings.trade_stream.get(venue)
    options = {"trade_stream": stream} if stream else {}
    return codec_for(venue, settings.wire.get(venue, ""), **options)


class LiveLine:
    """Everything live about one venue. `run` is its one coroutine; `follow` may be called before and while it runs."""

    def __init__(
        self,
        venue: str,
        settings: Settings,
        feeds: Feeds,
        clock: Clock,
        rng: Random,
        tap: Tap | None = None,
        network: Network = INTERNET,
        features: Collection[Feature] = FEATURES,
    ) -> None:
        self.venue = venue
        self.spec = venue_spec(venue, settings)
        self.codec = venue_codec(venue, settings)
        self._settings = connection_settings(settings)
        self._feeds = feeds
        self._clock = clock
        self._rng = rng
        self.quota = quota_keeper(self.spec, clock, rng, network, self._tell)
        self.http = network.requests(clock, proxy=self._settings.proxy)
        self.rest = VenueRest(
            self.spec, self.codec, self._settings, clock, rng, self.quota, self.http, tap,
            offset=feeds.clock_offset(venue),
        )  # fmt: skip
        self.pool = ConnectionPool(
            self.spec, self.codec, self._settings, clock, rng, feeds, tap, feeds.report,
            network=network, features=features,
            attempts=connection_window(self.spec, self.quota),
        )  # fmt: skip
        # A chained stream tells the net change of an interval. A snapshot by request may stand inside one, and a level
        # that came and went in it would stay: only a snapshot of the stream itself stands between two changes.
        by_stream = self.spec.pushed_books or self.spec.chained_books
        self.healing = Healing(
            self.codec, self.rest, feeds, clock,
            snapshot_limit=settings.book_snapshot_limit, max_trades=settings.heal_max_trades,
            by_span=self.spec.trades_by_span, renewer=self.pool if by_stream else None,
            books=self.rest.in_lane(Lane.SNAPSHOTS), owed=self.rest.in_lane(Lane.BACKFILL),
        )  # fmt: skip
        self._comparing = Comparing(
            venue, self.codec, self.rest.in_lane(Lane.BACKFILL), feeds, feeds.bus, clock,
            every_s=settings.book_compare_s, limit=settings.book_snapshot_limit,
        )  # fmt: skip
        self._bans = BanWatch(venue, self.quota, clock, self._tell)
        self._compares = self.spec.pushed_books and settings.book_compare_s > 0 and "books" in features
        self._catalogue: dict[InstrumentId, Instrument] = {}
        self._listing = Listing(
            venue, self.pool, self._catalogue, self._ask_catalogue, self._near, self._tell, clock
        )
        self._names: dict[InstrumentId, InstrumentName] = {}
        self._known = asyncio.Event()

    async def run(self) -> None:
        """Learn the catalogue, then stream, heal and measure the clock until cancelled."""
        with self.quota:
            async with self.http, asyncio.TaskGroup() as group:
                group.create_task(self.pool.run(), name=f"{self.venue}-pool")
                group.create_task(self.healing.run(), name=f"{self.venue}-healing")
                if self._compares:
                    group.create_task(self._comparing.run(), name=f"{self.venue}-comparing")
                group.create_task(self._keep_catalogue(), name=f"{self.venue}-catalogue")
                group.create_task(self.rest.run(), name=f"{self.venue}-clock")
                group.create_task(self._bans.run(), name=f"{self.venue}-bans")

    def follow(self, names: Iterable[InstrumentName]) -> None:
        """Follow these; a name that the catalogue does not know is refused by name, the others go on.

        Until there is a catalogue they wait under their names: who asks for one is not told that it is unknown.
        """
        added = list(names)
        self._names.update((name.id, name) for name in added)
        if self._known.is_set():
            self._want(added)
            return
        for name in added:
            self._feeds.follow(_guessed(name))

    def unfollow(self, instrument: InstrumentId) -> None:
        """Follow no longer."""
        self._names.pop(instrument, None)
        self.pool.unwant([instrument])
        self._feeds.leave(instrument)

    @property
    def idle(self) -> bool:
        """Whether nothing of the venue is followed."""
        return not self._names

    def catalogue(self) -> Collection[Instrument]:
        """What the venue lists; empty until it has said so."""
        return self._catalogue.values()

    async def look_up(self, name: InstrumentName, timeout_s: float) -> Instrument | None:
        """What the venue lists under a name; waits for its first answer, None when it has none or knows no such."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._known.wait()
        return self._catalogue.get(name.id)

    def rest_apart(self) -> VenueRest:
        """The same REST side, quota included, whose answers no recorder hears."""
        return VenueRest(self.spec, self.codec, self._settings, self._clock, self._rng, self.quota, self.http)

    def health(self) -> VenueHealth:
        """Sockets, clock and quota together."""
        found, shares = self.pool.health(), self.quota.shares()
        ban = self._bans.ban()
        said = (found.message, "" if ban is None else ban.words, self._feeds.clock_words(self.venue))
        return replace(
            found,
            state=found.state if ban is None else "failing",
            message="; ".join(filter(None, said)),
            banned_until=None if ban is None else ban.until,
            clock_offset_ns=self._feeds.clock_offset_ns(self.venue),
            quota_used=shares.used,
            quota_limit=self.quota.limit,
            quota_own=shares.own,
            quota_foreign=shares.foreign,
            quota_processes=shares.processes,
        )

    async def _keep_catalogue(self) -> None:
        """Without a catalogue the desk starts all the same, on guessed names, and asks again until it has one."""
        while not self._catalogue:
            await self._ask_catalogue()
            self._known.set()
            self._want(self._names.values())
            if not self._catalogue:
                await asyncio.sleep(CATALOGUE_RETRY_S)
        await self._listing.run()

    async def _ask_catalogue(self) -> bool:
        """Whether the venue said what it lists; an empty list is no answer."""
        try:
            found = await self.rest.fetch(self.codec.catalogue_request(), lane=Lane.SNAPSHOTS, retries=1)
        except (VenueError, WireError) as error:
            meanwhile = "the last one stands" if self._catalogue else "names are guessed meanwhile"
            self._tell("warning", "catalogue_unavailable", f"{error.message}; {meanwhile}")
            return False
        return self._learn([event for event in found if isinstance(event, Catalogue)])

    def _learn(self, catalogues: Sequence[Catalogue]) -> bool:
        listed = {found.id: found for catalogue in catalogues for found in catalogue.instruments}
        if listed:
            self._catalogue.clear()  # what is renamed or gone is not listed any more
            self._catalogue.update(listed)
        for catalogue in catalogues:
            if catalogue.weight_per_minute is not None:
                self.quota.learn_limit(catalogue.weight_per_minute)
        self.codec.learn(self._catalogue.values())
        for followed in self._feeds.instruments():
            if (known := self._catalogue.get(followed.id)) is not None:
                self._feeds.describe_as(known)
        return bool(listed)

    def _near(self, instrument: InstrumentId) -> list[str]:
        known = self._names.get(instrument)
        return nearest(known, self._catalogue.values()) if known is not None else []

    def _want(self, names: Iterable[InstrumentName]) -> None:
        """Subscribe what exists, all at once; say by name what does not, with what comes nearest."""
        wanted = []
        for name in names:
            instrument = self._catalogue.get(name.id)
            if instrument is None and self._catalogue:
                self._refuse(name)
                continue
            wanted.append(instrument or _guessed(name))
        for instrument in wanted:
            if not instrument.tradable:
                self._tell(
                    "warning",
                    "not_trading",
                    f"{instrument.id} is listed but does not trade now",
                    instrument.id,
                )
            self._feeds.follow(instrument)
        self.pool.want(wanted)

    def _refuse(self, name: InstrumentName) -> None:
        wanted = cut(spoken_at(name, self._catalogue.values()))
        near = nearest(name, self._catalogue.values())
        hint = f" Nearest: {', '.join(near)}." if near else ""
        message = f"{self.venue.capitalize()} refused {wanted}: unknown symbol.{hint}"
        self.pool.unwant([name.id])
        self._feeds.follow(_guessed(name))
        self._feeds.stream_state(name.id, "refused", message, self._clock.now_ns())
        self._tell("error", "symbol_refused", message, name.id)

    def _tell(self, level: EventLevel, code: str, message: str, subject: str = "") -> None:
        self._feeds.report(SystemEvent(self._clock.now_ns(), level, code, subject or self.venue, message))


def _guessed(name: InstrumentName) -> Instrument:
    """An instrument by its name alone, unverified."""
    base, _, quote = name.symbol.partition("-")
    return Instrument(name.id, name.venue, base, quote, f"{base}{quote}")
