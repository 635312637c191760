"""The figures that alerts watch beside trades: who hears what they are made of, and tells them. It makes none.

What a figure is, `logic/alerts` says: `price_figures`, `bar_figure`, `troubles`.

Rules
  1. A figure is heard while somebody waits for it. `look` is called when rules were armed or disarmed: it begins and
     ends that, and tells every figure as it is now, so that a rule knows at once where it stands. It may be called when
     nothing has changed.
  2. A spread is told at each change of what it is read off: of the quotes of a venue that says quotes, else of its
     book.
  3. A consolidated price is told when a book, a quote or the state of one of its venues has changed, in the breath of
     the change: by `soon`, so that many changes of one turn of the loop are one. Once a second it is looked at anyway,
     for a venue also falls out by silence.
  4. The desk's own troubles are looked at once a second, and when an instrument's streams turn.
  5. What cannot be had (an instrument that is not followed, bars that nobody has) is lost: its rules are unknown. It is
     tried again when what is wanted, or which instruments are followed, has changed.
  6. An error of ours while one figure is made or judged is told once, and that figure is lost like one that cannot be
     had; the others go on.
  7. Once a second the figures' time goes on to PATIENCE_NS ago by the desk's clock: so long a venue's word may be on
     its way. By that time holds end and rules expire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from bethna.api.reader import BarsHeard
from bethna.core.alerts import Moment, Trouble
from bethna.core.bars import Bar
from bethna.core.clock import NS_PER_S, Clock
from bethna.core.consolidated import BestPrice
from bethna.core.errors import BethnaError, Closed, ConfigError, UnknownInstrument
from bethna.core.instrument import Feature, Instrument
from bethna.core.intervals import Interval
from bethna.core.market import BookView, InstrumentId, Quote
from bethna.core.status import BookStatus, InstrumentHealth, StreamState, StreamStatus, VenueHealth
from bethna.logic.alerts.bar_figure import BarFigure
from bethna.logic.alerts.price_figures import consolidated, spread
from bethna.logic.alerts.rules import Watched
from bethna.logic.alerts.troubles import Troubles
from bethna.logic.best_price import concerned, pair_of
from bethna.runtime.bus import BookEvent, Bus, Subscription
from bethna.runtime.supervisor import contained

PATIENCE_NS = NS_PER_S
NAME = "alert figures"
_LIVE: tuple[StreamState, ...] = ("live", "ended")
_ABOUT_INSTRUMENTS = (Trouble.STALE, Trouble.GAP_OPEN)


class FiguresHeard(Protocol):
    """Who waits for figures: `logic/alerts/figure_watch`."""

    def wanted(self) -> frozenset[Watched]:
        """The figures that somebody waits for."""
        ...

    def tell(self, watched: Watched, moment: Moment) -> None:
        """A figure is `moment.value` now."""
        ...

    def lose(self, watched: Watched) -> None:
        """Nobody knows it from now on, until it is told again."""
        ...

    def pass_time(self, moment: Moment) -> None:
        """Event time has come to `moment.ts_event`."""
        ...


class FiguresDesk(Protocol):
    """What figures are read off: a part of `DeskReader`, whose methods these are."""

    def instruments(self) -> Sequence[Instrument]:
        """Followed instruments."""
        ...

    def features(self) -> Sequence[Feature]:
        """What of the market is followed."""
        ...

    def venues(self) -> Sequence[VenueHealth]:
        """Health per venue."""
        ...

    def instrument_health(self, instrument: InstrumentId) -> InstrumentHealth:
        """Health of one feed."""
        ...

    def book(self, instrument: InstrumentId, depth: int) -> BookView:
        """Top of book."""
        ...

    def best(self, base: str, quote: str, convert: Sequence[str] = ()) -> BestPrice:
        """The best price of a pair across the followed venues."""
        ...

    def listen_bars(
        self,
        instrument: InstrumentId,
        interval: Interval,
        history: int,
        hear: Callable[[Sequence[Bar]], None],
        ended: Callable[[BethnaError], None],
    ) -> BarsHeard:
        """Hear a row of bars."""
        ...


class _House:
    """What all ears share."""

    def __init__(self, desk: FiguresDesk, bus: Bus, clock: Clock, figures: FiguresHeard) -> None:
        self.desk = desk
        self.bus = bus
        self.clock = clock
        self.figures = figures
        self.soon: Callable[[Callable[[], None]], object] = _at_once

    def say(self, watched: Watched, moment: Moment | None) -> None:
        """A figure as it is now; None: nobody knows it."""
        if moment is None:
            self.figures.lose(watched)
        else:
            self.figures.tell(watched, moment)


class _Ear:
    """Hears what one figure is made of. To be made raises BethnaError: it cannot be had."""

    def __init__(self, house: _House, watched: Watched) -> None:
        self._house = house
        self._watched = watched
        self._subscriptions: list[Subscription] = []
        self._is_over = False

    @property
    def is_open(self) -> bool:
        """Whether anything more can come."""
        return not self._is_over

    def say(self) -> None:
        """Tell the figure as it is now."""
        self._contain(lambda: self._house.say(self._watched, self._now()))

    def _contain(self, tell: Callable[[], None]) -> None:
        """Rules 5 and 6."""
        if self._is_over:
            return
        watched, house = self._watched, self._house
        try:
            contained(tell, f"{NAME}: {watched.kind} of {watched.about}", house.clock, house.bus.report)
        except UnknownInstrument:  # it was left since
            house.say(watched, None)
        except Closed:
            self._end()

    def _end(self) -> None:
        """Nothing more can come."""
        self._is_over = True
        self.close()
        self._house.say(self._watched, None)

    def second(self) -> None:
        """A second has passed."""

    def close(self) -> None:
        """Hear nothing more."""
        for each in self._subscriptions:
            each.close()
        self._subscriptions.clear()

    def _now(self) -> Moment | None:
        raise NotImplementedError


class _SpreadEar(_Ear):
    """Rule 2."""

    def __init__(self, house: _House, watched: Watched) -> None:
        super().__init__(house, watched)
        self._instrument = InstrumentId(watched.about)
        self._quote: Quote | None = None
        self._state: StreamState | None = house.desk.instrument_health(self._instrument).state
        bus = house.bus
        self._subscriptions += [
            bus.channel("quotes", self._instrument).subscribe(self._quoted, NAME),
            bus.channel("book", self._instrument).subscribe(self._changed, NAME),
            bus.channel("status", self._instrument).subscribe(self._turned, NAME),
        ]

    def second(self) -> None:
        """Where no turn was told, the health says how its streams are."""
        self._state = None
        self.say()

    def _now(self) -> Moment | None:
        desk = self._house.desk
        if self._state is None:
            self._state = desk.instrument_health(self._instrument).state
        book = desk.book(self._instrument, 1)
        return spread(self._quote, book, self._house.clock.now_ns(), live=self._state in _LIVE)

    def _quoted(self, quote: Quote, /) -> None:
        self._quote = quote
        self._state = "live"
        self.say()

    def _changed(self, event: BookEvent, /) -> None:
        if isinstance(event, BookStatus):
            self.say()
        elif self._quote is None:
            self._state = "live"
            self.say()

    def _turned(self, status: StreamStatus, /) -> None:
        self._state = status.state
        self.say()


class _BestEar(_Ear):
    """Rule 3."""

    def __init__(self, house: _House, watched: Watched) -> None:
        super().__init__(house, watched)
        base, quote, _ = pair_of(watched.about.partition("@")[0])
        self._pair = (base, quote)
        self._is_marked = False
        bus, has_books = house.bus, "books" in house.desk.features()
        for each in concerned(house.desk.instruments(), base, quote):
            market = bus.channel("book", each.id) if has_books else bus.channel("quotes", each.id)
            status = bus.channel("status", each.id)
            self._subscriptions += [market.subscribe(self._mark, NAME), status.subscribe(self._mark, NAME)]

    def second(self) -> None:
        """Rule 3."""
        self.say()

    def _now(self) -> Moment | None:
        return consolidated(self._house.desk.best(*self._pair), self._house.clock.now_ns())

    def _mark(self, _event: object, /) -> None:
        if not self._is_marked:
            self._is_marked = True
            self._house.soon(self._say_soon)

    def _say_soon(self) -> None:
        self._is_marked = False
        if self._subscriptions:  # it was not closed in the same breath
            self.say()


class _BarsEar(_Ear):
    """An indicator of closed bars."""

    def __init__(self, house: _House, watched: Watched) -> None:
        super().__init__(house, watched)
        self._figure = BarFigure(watched)
        self._heard: BarsHeard | None = None
        self._heard = house.desk.listen_bars(
            InstrumentId(watched.about), self._figure.interval, self._figure.history, self._hear, self._ended
        )
        row = self._heard.row
        if row:
            self._hear(row)

    def close(self) -> None:
        """Hear nothing more."""
        super().close()
        if self._heard is not None:
            self._heard.close()
            self._heard = None

    def _now(self) -> Moment | None:
        """The newest closed bar's, again."""
        return self._figure.newest if self._figure.known else None

    def _hear(self, bars: Sequence[Bar], /) -> None:
        self._contain(lambda: self._judge(bars))

    def _judge(self, bars: Sequence[Bar]) -> None:
        row = bars if self._heard is None else self._heard.row
        for moment in self._figure.hear(row, bars, self._house.clock.now_ns()):
            self._house.say(self._watched, moment)
        if not self._figure.known:
            self._house.say(self._watched, None)

    def _ended(self, _error: BethnaError, /) -> None:
        self._end()


_KINDS: dict[str, type[_Ear]] = {"spread": _SpreadEar, "best": _BestEar, "indicator": _BarsEar}


class AlertFigures:
    """All figures of one desk's alerts that are not of trades. Call it in the loop's thread.

    Args:
        figures: who waits for them, and is told.
        soon: calls back in the same turn of the loop (`loop.call_soon`); by default at once.
    """

    def __init__(
        self,
        desk: FiguresDesk,
        bus: Bus,
        clock: Clock,
        figures: FiguresHeard,
        *,
        soon: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self._house = _House(desk, bus, clock, figures)
        if soon is not None:
            self._house.soon = soon
        self._desk = desk
        self._bus = bus
        self._clock = clock
        self._figures = figures
        self._troubles = Troubles()
        self._ears: dict[Watched, _Ear] = {}
        self._wanted: frozenset[Watched] = frozenset()
        self._system: frozenset[Watched] = frozenset()
        self._turns: dict[InstrumentId, Subscription] = {}
        self._is_broken = False
        self._followed: frozenset[InstrumentId] = frozenset()

    def look(self) -> None:
        """Rules were armed or disarmed (rule 1)."""
        self._refresh()
        for ear in tuple(self._ears.values()):
            ear.say()
        self._tell_troubles()

    def second(self) -> None:
        """A second has passed (rules 3, 4 and 7)."""
        self._refresh()
        for ear in tuple(self._ears.values()):
            ear.second()
        self._tell_troubles()
        now = self._clock.now_ns()
        self._figures.pass_time(Moment(now - PATIENCE_NS, now, None, 0.0))

    def close(self) -> None:
        """Hear nothing more."""
        for ear in self._ears.values():
            ear.close()
        for turn in self._turns.values():
            turn.close()
        self._ears.clear()
        self._turns.clear()
        self._wanted = self._system = frozenset()

    # --- what is heard

    def _refresh(self) -> None:
        """Other figures are wanted, or other instruments followed: then who reads several of these begins anew."""
        wanted = self._figures.wanted()
        followed = frozenset(each.id for each in self._desk.instruments())
        others = followed != self._followed
        if not others and wanted == self._wanted:
            return
        for watched in tuple(self._ears):
            if watched not in wanted or (others and watched.about not in followed):
                self._ears.pop(watched).close()
        self._wanted, self._followed, self._is_broken = wanted, followed, False
        self._system = frozenset(each for each in wanted if each.kind == "system")
        self._listen()

    def _listen(self) -> None:
        """An ear for each figure that has none (rule 5)."""
        for watched in sorted(
            self._wanted, key=lambda each: (each.kind, each.about, each.window_ns, each.detail)
        ):
            kind, ear = _KINDS.get(watched.kind), self._ears.get(watched)
            if kind is None or (ear is not None and ear.is_open):
                continue
            if ear is not None:
                self._ears.pop(watched).close()
            try:
                self._ears[watched] = kind(self._house, watched)
            except (ConfigError, UnknownInstrument):
                self._figures.lose(watched)
        self._hear_turns()

    # --- troubles

    def _hear_turns(self) -> None:
        """Rule 4."""
        about = self._instruments()
        for instrument in tuple(self._turns):
            if instrument not in about:
                self._turns.pop(instrument).close()
        for instrument in about:
            if instrument not in self._turns:
                channel = self._bus.channel("status", instrument)
                self._turns[instrument] = channel.subscribe(self._turned, NAME)

    def _instruments(self) -> list[InstrumentId]:
        """Those whose health a trouble is read off."""
        asked = {each.about for each in self._system if each.detail in _ABOUT_INSTRUMENTS}
        followed = [each.id for each in self._desk.instruments()]
        return followed if "" in asked else [each for each in followed if each in asked]

    def _turned(self, _status: StreamStatus, /) -> None:
        self._house.soon(self._tell_troubles)

    def _tell_troubles(self) -> None:
        if not self._system or self._is_broken:
            return
        try:
            contained(self._look_for_troubles, f"{NAME}: troubles", self._clock, self._bus.report)
        except Closed:  # rule 6
            self._is_broken = True
            for watched in self._system:
                self._figures.lose(watched)

    def _look_for_troubles(self) -> None:
        now = self._clock.now_ns()
        healths = [self._desk.instrument_health(each) for each in self._instruments()]
        self._troubles.look(self._desk.venues(), healths, now, self._clock.monotonic_ns())
        for watched in sorted(self._system, key=lambda each: (each.about, each.detail)):
            is_so = self._troubles.is_so(Trouble(watched.detail), watched.about)
            self._house.say(watched, None if is_so is None else Moment(now, now, None, float(is_so)))


def _at_once(tell: Callable[[], None], /) -> None:
    tell()
