"""A desk that runs elsewhere as a backend: what it says is mirrored here, what is asked of it goes over its API.

It makes no number: whatever it shows, the desk has said.

Rules
  1. `connect` returns when everything that is kept at hand has spoken once; so reading answers at once. An instrument,
     a book or a length of candles that is not at hand is asked for when it is first read, and is there soon after.
  2. While the connection is lost, everything that can says so: streams wait, prices are stale, venues reconnect, the
     health is `down` with a notice, and ages go on. It is healed by itself; what could not be had is named.
  3. One task keeps the connection. `close` is its parent, and a loop that ends ends it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random
from urllib.parse import quote

from msgspec.structs import replace

from bethna.api.bars import BarsAnswer
from bethna.api.best import BestAnswer, BestBookAnswer
from bethna.api.listings import SettingsAnswer
from bethna.api.protocol import (
    BookAnswer,
    CandlesAnswer,
    HealthAnswer,
    PricesAnswer,
    TradesAnswer,
)
from bethna.api.reference import IndicesAnswer, ValuationsAnswer
from bethna.client.alerts_backend import AlertsBackend
from bethna.client.backend import Ended, Fetched, Heard, Want
from bethna.client.discover import find_answering, find_running
from bethna.client.mirror_best import book_of_answer, price_of_answer
from bethna.client.mirror_references import index_of, valuation_of
from bethna.client.mirrors import Mirrors
from bethna.client.remote_alerts import RemoteAlerts
from bethna.client.remote_facts import (
    bars_path,
    book_of,
    candle_of,
    coverage_of,
    feed_of,
    indicated_of,
    nanos_or_none,
    price_of,
    simulation_of,
    trade_of,
    venue_of,
    waiting_card,
)
from bethna.client.remote_link import Link, address_of
from bethna.client.tables import joined
from bethna.config import Settings
from bethna.core.bars import Series
from bethna.core.clock import NS_PER_MS, NS_PER_US, Clock
from bethna.core.consolidated import BestPrice, ConsolidatedBook
from bethna.core.coverage import Coverage, Gap, Provenance, unknown, with_gaps
from bethna.core.errors import Closed, DeskRefused, DeskUnreachable, UnknownInstrument
from bethna.core.instrument import FEATURES, Feature, Instrument, parse_name, split_id
from bethna.core.intervals import Interval
from bethna.core.market import BookView, Candle, InstrumentId, PriceView, Trade
from bethna.core.reference import Reference, ReferenceKind
from bethna.core.status import InstrumentHealth, Simulation, SourceKind, Trust, VenueHealth
from bethna.logic.indicators.registry import Indicator
from bethna.logic.indicators.shown import IndicatedSeries
from bethna.runtime.clocks import SystemClock

HISTORY_TIMEOUT_S = 120.0
"""A question for the past may have the desk ask a venue page after page, in the last lane of its quota."""


async def connect(
    url: str | None = None, token: str | None = None, settings: Settings | None = None
) -> RemoteBackend:
    """The desk at `url`, else the one that runs on this machine: live before simulated before a recording.

    Args:
        token: what it demands; else that of the address, of the desk's own note, or of the settings.
        settings: say where notes of running desks are, a token, and `timeout_s`.

    Raises:
        DeskUnreachable: none answers, or not in time. DeskRefused: it says no, or it is of another version.
        ConfigError: the address or the token is none.
    """
    if url is None:
        found = await find_answering(settings)
        if not found:
            raise DeskUnreachable("", "no desk runs on this machine")
        url, token = found[0].url, token or found[0].token
    url, within = address_of(url)
    known = settings or Settings()
    token = token or within or _noted(url, settings) or known.token.reveal() or None
    backend = RemoteBackend(url, token, known.timeout_s, renew=lambda: _noted(url, settings))
    await backend.open()
    return backend


def _noted(url: str, settings: Settings | None) -> str | None:
    """The token in the note of the desk of this machine that listens there."""
    return next((desk.token for desk in find_running(settings) if desk.url == url), None)


class RemoteBackend:
    """See `Backend`. Use `connect`."""

    def __init__(
        self,
        url: str,
        token: str | None,
        timeout_s: float,
        *,
        renew: Callable[[], str | None] = lambda: None,
        clock: Clock | None = None,
        rng: Random | None = None,
    ) -> None:
        host = clock or SystemClock()
        self._mirrors = Mirrors(url, host)
        self._link = Link(url, token, self._mirrors, host, rng or Random(), timeout_s=timeout_s, renew=renew)
        self._timeout_s = timeout_s
        self._preferred = ""
        self._life: asyncio.Task[None] | None = None
        self._closed = False
        self._error: Exception | None = None

    async def open(self) -> None:
        """Attach (rule 1). Raises DeskUnreachable, DeskRefused; then nothing is left of it."""
        self._life = asyncio.get_running_loop().create_task(self._live(), name=f"desk {self._link.url}")
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._link.ready
                self._preferred = await self._preferred_venue()
        except TimeoutError as error:
            lacking = self._mirrors.lacking
            await self.close()
            raise DeskUnreachable(
                self._link.url,
                f"expected the desk at {self._link.url} to say how things are within {self._timeout_s:g} s, "
                f"found {len(lacking)} topics without a word: {', '.join(lacking[:3]) or 'it did not answer'}",
                hint="try again; the desk's events say what it is busy with",
            ) from error
        except BaseException:
            await self.close()
            raise

    @property
    def url(self) -> str:
        """The address of the desk."""
        return self._link.url

    def source(self) -> SourceKind:
        """Where its data comes from."""
        return self._said().source

    def simulation(self) -> Simulation | None:
        """What is known of a simulated market."""
        return simulation_of(self._said().simulation)

    def features(self) -> Sequence[Feature]:
        """A desk that has an API follows everything; books that are off everywhere it says."""
        cards = self._said().instruments.values()
        if cards and all(card.book is Trust.OFF for card in cards):
            return tuple(each for each in FEATURES if each != "books")
        return FEATURES

    def resolve(self, text: str) -> InstrumentId:
        """Any spelling as a followed instrument; the name as written wins over its alias when it is followed."""
        self._said()
        name = parse_name(text, self._preferred)
        found = self._followed(name.symbol, name.venue)
        if name.alias is not None:
            written = name.symbol.replace(name.alias.new, name.alias.old, 1)
            found = self._followed(written, name.venue) or found
        if found is None:
            wanted = InstrumentId(f"{name.symbol}@{name.venue}" if name.venue else name.symbol)
            self._mirrors.check(wanted)
            return wanted
        return found

    def instruments(self) -> Sequence[Instrument]:
        """What is followed."""
        self._said()
        return list(self._mirrors.instruments.values())

    def price(self, instrument: InstrumentId) -> PriceView:
        """How the price is; stale without a connection (rule 2)."""
        self._check(instrument)
        view = self._mirrors.prices(instrument).mirror.rows.get(instrument)
        if view is None:
            nothing = self._nothing(instrument)
            return PriceView(instrument, None, None, None, None, False, None, None, None, nothing)
        if self._mirrors.connected:
            return view
        return replace(view, stale=True, coverage=self._cut_off(view.coverage))

    def book(self, instrument: InstrumentId, depth: int) -> BookView:
        """Top of book; without a connection nobody trusts it."""
        self._check(instrument)
        view = self._mirrors.book(instrument).mirror.view(depth)
        if self._mirrors.connected or view.trust in (Trust.WAITING, Trust.OFF):
            return view
        return replace(view, trust=Trust.UNTRUSTED, coverage=self._cut_off(view.coverage))

    def best(self, pair: str, convert: Sequence[str] = ()) -> BestPrice | None:
        """One best price across venues, None before the desk has said it; without a connection nobody is in."""
        self._said()
        return self._mirrors.best(pair, tuple(convert)).price

    def reference(self, kind: ReferenceKind, instrument: InstrumentId) -> Reference | None:
        """An index or a valuation, None before the desk has said it; stale without a connection."""
        self._said()
        return self._mirrors.reference(kind, instrument).view

    def alerts(self) -> AlertsBackend:
        """Its alerts."""
        self._said()
        return RemoteAlerts(self._link)

    def _cut_off(self, coverage: Coverage) -> Coverage:
        """A certificate of what was said before the connection was lost: since then nothing is known (rule 2)."""
        return with_gaps(
            coverage, [Gap("trades", None, None, coverage.as_of, self._mirrors.now(), "disconnected")]
        )

    def last_trade(self, instrument: InstrumentId) -> tuple[Trade | None, Coverage]:
        """The newest trade, and how complete the stream is up to it."""
        self._check(instrument)
        mirror = self._mirrors.trades(instrument).mirror
        return mirror.last, mirror.coverage if mirror.last is not None else self._nothing(instrument)

    def last_candle(self, instrument: InstrumentId, interval: Interval) -> Candle | None:
        """The open candle, or the newest there is."""
        self._check(instrument)
        return self._mirrors.candles(instrument, interval).mirror.last

    def health(self) -> HealthAnswer:
        """What the desk said last; without a connection it is down, and ages go on (rule 2)."""
        health, mirrors = self._said(), self._mirrors
        if mirrors.connected:
            return health
        older_ms = mirrors.since_ns // NS_PER_MS
        return replace(
            health,
            status="down",
            now=mirrors.now() // NS_PER_US,
            instruments={
                name: waiting_card(card, mirrors.reason, older_ms)
                for name, card in health.instruments.items()
            },
            notices=[*health.notices, f"the connection to the desk at {self.url} is lost: {mirrors.reason}"],
        )

    def venues(self) -> Mapping[str, VenueHealth]:
        """Connections by venue."""
        found = {name: venue_of(name, card) for name, card in self._said().venues.items()}
        if self._mirrors.connected:
            return found
        return {
            name: replace(venue, state="reconnecting", message=self._mirrors.reason)
            for name, venue in found.items()
        }

    def instrument_health(self, instrument: InstrumentId) -> InstrumentHealth:
        """One feed."""
        self._check(instrument)
        card = self.health().instruments.get(instrument)
        if card is None:  # followed since a moment ago
            nothing = self._nothing(instrument)
            return InstrumentHealth(
                instrument, "waiting", "", Trust.WAITING, 0, 0, 0, 0, 0, 0, 0, None, nothing
            )
        return feed_of(instrument, card)

    def listen(self, want: Want, hear: Callable[[Heard], None], ended: Ended) -> Callable[[], None]:
        """See `Backend.listen`. Raises DeskRefused when one connection has no room for more."""
        self._said()
        if want.instrument is not None:
            self._mirrors.check(want.instrument)
            if want.kind == "indices" or want.kind == "valuations":
                self._mirrors.reference(want.kind, want.instrument)
        if want.pair is not None:
            self._mirrors.best(want.pair, want.convert)
        return self._mirrors.listen(want, hear, ended)  # type: ignore[arg-type]  # it says what is Heard

    async def fetch(
        self,
        kind: Feature,
        instrument: InstrumentId | None,
        *,
        limit: int,
        interval: Interval | None = None,
        end: int | None = None,
    ) -> Fetched:
        """See `Backend.fetch`. Raises DeskUnreachable, and what the desk refuses with."""
        self._said()
        if kind == "prices":
            return await self._fetch_prices(instrument)
        assert instrument is not None
        self._mirrors.check(instrument)
        name = quote(instrument, safe="")
        if kind == "books":
            book = book_of(await self._link.get(f"book/{name}?depth={limit}", BookAnswer))
            return Fetched((), book.coverage, book)
        if kind == "trades":
            answer = await self._link.get(f"trades/{name}?limit={limit}", TradesAnswer)
            rows = [trade_of(instrument, row) for row in answer.trades]
            if rows:
                channel = self._mirrors.trades(instrument)
                channel.fetched = max(channel.fetched, rows[-1].trade_id)
            return Fetched(rows, coverage_of(answer.coverage))
        assert interval is not None
        until = "" if end is None else f"&end={-(-end // NS_PER_US)}"
        found = await self._link.get(
            f"candles?instrument={name}&interval={interval}&limit={limit}{until}", CandlesAnswer
        )
        candles = [candle_of(instrument, interval, row) for row in found.candles]
        return Fetched(candles, joined((each.coverage for each in candles), split_id(instrument)[1]))

    async def fetch_bars(
        self, instrument: InstrumentId, interval: Interval, limit: int, end: int | None = None
    ) -> Series:
        """See `Backend.fetch_bars`."""
        return (await self.fetch_indicated(instrument, interval, limit, end, ())).series

    async def fetch_indicated(
        self,
        instrument: InstrumentId,
        interval: Interval,
        limit: int,
        end: int | None,
        indicators: Sequence[Indicator],
        also: Sequence[str] = (),
        day_starts: int = 0,
    ) -> IndicatedSeries:
        """See `Backend.fetch_indicated`."""
        self._said()
        asked = bars_path(instrument, interval, limit, end, indicators, also, day_starts)
        return indicated_of(await self._link.get(asked, BarsAnswer, HISTORY_TIMEOUT_S))

    async def _fetch_prices(self, instrument: InstrumentId | None) -> Fetched:
        answer = await self._link.get("prices", PricesAnswer)
        views = [
            price_of(
                row, self._mirrors.last_message(InstrumentId(row.instrument)) or nanos_or_none(row.ts_recv)
            )
            for row in answer.prices
            if instrument is None or row.instrument == instrument
        ]
        return Fetched(views, joined(view.coverage for view in views))

    async def fetch_references(
        self, kind: ReferenceKind, instrument: InstrumentId | None
    ) -> Sequence[Reference]:
        """See `Backend.fetch_references`."""
        self._said()
        path = kind if instrument is None else f"{kind}/{quote(instrument, safe='')}"
        if kind == "indices":
            return [index_of(row) for row in (await self._link.get(path, IndicesAnswer)).indices]
        return [valuation_of(row) for row in (await self._link.get(path, ValuationsAnswer)).valuations]

    async def fetch_best(self, pair: str, convert: Sequence[str] = ()) -> BestPrice:
        """See `Backend.fetch_best`."""
        self._said()
        asked = f"?convert={','.join(convert)}" if convert else ""
        return price_of_answer(await self._link.get(f"best/{quote(pair, safe='')}{asked}", BestAnswer))

    async def fetch_best_book(self, pair: str, depth: int) -> ConsolidatedBook:
        """See `Backend.fetch_best_book`."""
        self._said()
        path = f"best/{quote(pair, safe='')}/book?depth={depth}"
        return book_of_answer(await self._link.get(path, BestBookAnswer))

    async def follow(self, text: str) -> Instrument:
        """Ask the desk to follow one more, for every client."""
        self._said()
        parse_name(text, "any")  # what is no name at all needs no desk to be refused
        before = set(self._mirrors.instruments)
        try:
            await self._link.ask("PUT", f"watchlist/{quote(text.strip(), safe='')}")
        except UnknownInstrument as error:
            raise UnknownInstrument(text, error.nearest, message=error.message, hint=error.hint) from error
        await self._link.look_at_list()
        added = [each for name, each in self._mirrors.instruments.items() if name not in before]
        try:
            return self._mirrors.instruments[self.resolve(text)]
        except UnknownInstrument:
            if len(added) != 1:
                raise
            return added[0]  # by a spelling that only the desk understands

    async def unfollow(self, text: str) -> None:
        """Ask the desk to follow it no longer; what listens to it ends."""
        self._said()
        instrument = self.resolve(text)
        await self._link.ask("DELETE", f"watchlist/{quote(instrument, safe='')}")
        await self._link.look_at_list()

    async def close(self) -> None:
        """Let the desk go: it runs on."""
        self._closed = True
        life, self._life = self._life, None
        if life is not None:
            life.cancel()
            await asyncio.wait([life])
        self._mirrors.finish()

    async def _live(self) -> None:
        """Rule 3. A bug ends every listener with it, and every later call raises it."""
        try:
            await self._link.run()
        except Exception as error:  # noqa: BLE001 - the boundary of this task: told to whoever uses the desk
            self._error = Closed(
                f"the connection to {self.url} was ended by an error of its own: {type(error).__name__}: {error}",
                hint="attach again; please report this with its traceback",
            )
            self._error.__cause__ = error
            if not self._link.ready.done():
                self._link.ready.set_exception(self._error)
        finally:
            self._mirrors.finish(self._error)

    async def _preferred_venue(self) -> str:
        """What a bare symbol means there; empty where the desk leaves that to its first venue."""
        try:
            rows = (await self._link.get("settings", SettingsAnswer)).settings
        except DeskRefused:
            return ""
        return next((row.value or "" for row in rows if row.name == "preferred_venue"), "")

    def _followed(self, symbol: str, venue: str) -> InstrumentId | None:
        known = self._mirrors.instruments.items()
        return next((n for n, each in known if each.symbol == symbol and venue in ("", each.venue)), None)

    def _nothing(self, instrument: InstrumentId) -> Coverage:
        provenance = Provenance.LIVE if self._said().simulation is None else Provenance.SYNTHETIC
        return unknown(split_id(instrument)[1], provenance=provenance)

    def _check(self, instrument: InstrumentId) -> None:
        self._said()
        self._mirrors.check(instrument)

    def _said(self) -> HealthAnswer:
        """What the desk said last. Raises Closed."""
        if self._error is not None and not self._closed:
            raise self._error
        if self._closed or self._mirrors.health is None:
            raise Closed("this desk is closed", hint="open another one")
        return self._mirrors.health
