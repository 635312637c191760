"""What a desk says after a trial, held against the twin's truth: equal, or missing by name; anything else is a finding.

Findings
  LOST      data that is not there and no gap, state or trust word says so; or a figure that differs under a whole
            certificate
  DOUBLED   a trade that left twice
  disturbed another symbol than the one that was struck lost its whole certificate
Flags      a figure marked incomplete although it equals the truth and nothing of its input was lost (a false alarm)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from faultgrid.ground import Ground
from faultgrid.heard import Findings, Listener

from bethna.app.desk import Desk
from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.core.coverage import Gap, State
from bethna.core.errors import CrossedBook
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId, Trade
from bethna.core.status import GapFound, GapMarked, Healed, Trust
from bethna.twins.line.venue import VenueTwin
from bethna.twins.market.facts import Bar, Execution, Listing
from bethna.twins.market.truth import Instant, Truth

UNIT = 10**8
INTERVALS = (Interval.S1, Interval.M1, Interval.M5)
WHOLE = (State.COMPLETE, State.HEALED)
LOOKED_AT = 20
"""Candles of an interval that are held against the truth at each look."""
LOOKED_BACK = 4_000
"""Steps of a market among which a book is looked for by its time."""
PRECISE_NS = NS_PER_US
"""What the times on such wires are exact to."""
TICK_NS = 2 * NS_PER_S
"""The desk lets time pass once a second; what was heard within the last two need not count yet."""
KNOWN_NS = 12 * NS_PER_S
"""How far behind the newest step of a market its trades may be known before the desk has to say so."""


def _trade_id(execution: Execution) -> int:
    return execution.trade_id


def _ts(execution: Execution) -> int:
    return execution.ts


def _at(instant: Instant) -> int:
    return instant.at


def units(ticks: int, unit: int) -> float:
    """Ticks or lots as the number that stands on the wire."""
    return ticks * unit / UNIT


class Judge:
    """Compares one desk with one truth.

    Args:
        listings: by instrument.
        struck: the symbols that faults may touch; every other one must stay whole.
        ground: the venue; it says what of it can be proved.

    Attributes:
        steady_clock: the venue's clock is never set, so its trades are in order of their times.
    """

    def __init__(
        self,
        desk: Desk,
        twin: VenueTwin,
        truth: Truth,
        listeners: Mapping[InstrumentId, Listener],
        listings: Mapping[InstrumentId, Listing],
        struck: frozenset[str],
        ground: Ground,
    ) -> None:
        self.desk = desk
        self.twin = twin
        self.ground = ground
        self.truth = truth
        self.listeners = listeners
        self.listings = listings
        self.struck = struck
        self.findings = Findings()
        self.steady_clock = True
        self._wrong_books: set[InstrumentId] = set()
        self._windows: dict[InstrumentId, list[tuple[int, int]]] = {}

    # --- on the way

    def sample(self) -> None:
        """What calls itself whole must equal the truth whenever somebody looks: books, quotes, prices, candles."""
        for instrument in self.listeners:
            self._book(instrument)
            self._quote(instrument)
            if self.steady_clock:
                self._price(instrument)
                for interval in (Interval.S1, Interval.M1):
                    for candle in self.desk.candles(instrument, interval, LOOKED_AT):
                        self._claim(instrument, candle)

    def _price(self, instrument: InstrumentId) -> None:
        """A whole price says that no newer trade happened before the instant up to which it speaks."""
        view = self.desk.price(instrument)
        kept, as_of = self.desk.feeds.feed(instrument).kept, view.coverage.as_of
        if not kept or as_of is None or view.coverage.state not in WHOLE:
            return
        executions = self.truth.executions[self.listings[instrument].symbol]
        newer = bisect_right(executions, kept[-1].trade_id, key=_trade_id)
        self.findings.compared["prices"] += 1
        if newer < len(executions) and executions[newer].ts < as_of:
            self.findings.lost.append(
                f"{instrument} price is whole up to {as_of}, but trade {executions[newer].trade_id} of "
                f"{executions[newer].ts} is not in it"
            )

    def _claim(self, instrument: InstrumentId, candle: Candle) -> None:
        """A candle that is closed and whole while the market goes on."""
        if not candle.closed or candle.coverage.state not in WHOLE:
            return
        executions = self.truth.executions[self.listings[instrument].symbol]
        start = bisect_left(executions, candle.open_time, key=_ts)
        end = bisect_left(executions, candle.open_time + candle.interval.ns, key=_ts)
        self.findings.compared["claims"] += 1
        if candle.trades != end - start:
            self.findings.lost.append(
                f"{instrument} candle {candle.interval} {candle.open_time} is closed and {candle.coverage.state} "
                f"with {candle.trades} trades, expected {end - start}"
            )

    def _book(self, instrument: InstrumentId, depth: int = 50) -> bool:
        """Whether there is a trusted book; a wrong one is a finding."""
        sync = self.desk.feeds.feed(instrument).booksync
        if sync.trust is not Trust.TRUSTED or sync.book is None:
            return False
        try:
            sync.book.top(1)
        except CrossedBook:
            return False  # the next tick distrusts it
        points = self._points(instrument)
        if not points or instrument in self._wrong_books:
            return True
        self.findings.compared["books"] += 1
        proven = self._proven(instrument)
        if proven and proven < depth and (word := self._book_differs(instrument, points, proven)):
            self._wrong_book(instrument, word, said=False)
        elif word := self._book_differs(instrument, points, depth):
            pushed = self.desk.feeds.feed(instrument).pushed
            unproven = pushed is not None and not pushed.proves(sync.book.top(depth))
            self._wrong_book(instrument, word, said=unproven and self._damaged(instrument))
        return True

    def _proven(self, instrument: InstrumentId) -> int | None:
        """Levels a side that the desk calls whole, None for all of them."""
        pushed = self.desk.feeds.feed(instrument).pushed
        return pushed.proven if pushed is not None else None

    def _wrong_book(self, instrument: InstrumentId, word: str, *, said: bool) -> None:
        if said:
            self.findings.unproven.setdefault(instrument, word)
        else:
            self._wrong_books.add(instrument)
            self.findings.lost.append(f"{instrument} {word}")

    def _points(self, instrument: InstrumentId) -> list[int]:
        """Where in the truth the desk's book stands: its update id, or all that the venue's time may mean.

        A clock that was set back says the same time twice, and what is gathered over that instant bears a time from
        before its own changes: what stood when it was set counts too, and what is newest.
        """
        sync, listener = self.desk.feeds.feed(instrument).booksync, self.listeners[instrument]
        assert sync.book is not None
        if self.ground.update_of is not None:
            return [self.ground.update_of(sync.book.update_id)]
        ts_event, ts_recv = sync.stands_at()
        if ts_event is None or ts_recv is None or listener.begun:
            return []  # a snapshot alone proves nothing, and may bear no time
        symbol = self.listings[instrument].symbol
        instants = self.truth.instants[symbol]
        newest = bisect_right(instants, ts_recv, key=_at)
        then = ts_event // PRECISE_NS
        near = instants[max(0, newest - LOOKED_BACK) : newest]
        exact = [each.update_id for each in near if each.ts // PRECISE_NS == then]
        if (
            exact and self.ground.gathers_ns
        ):  # what happened at the very instant of telling may be told the next time
            exact = [near[index].update_id for index in range(len(near)) if _is_at(near, index, then)]
        return exact or [
            each.update_id
            for each, after in zip_longest(near, near[1:])
            if (
                each.ts // PRECISE_NS <= then
                and (after is None or after.ts // PRECISE_NS > then or after.ts < each.ts)
            )
            or (not self.steady_clock and (after is None or after.ts < each.ts))
        ]

    def _book_differs(self, instrument: InstrumentId, points: Iterable[int], depth: int) -> str:
        """What is wrong with the best levels of the desk's book; "" when it is the truth's at one of the points."""
        book, listing = self.desk.feeds.feed(instrument).booksync.book, self.listings[instrument]
        assert book is not None
        word = ""
        for point in points:
            word = ""
            for name, mine, side in zip(
                ("bids", "asks"), book.top(depth), self.truth.book(listing.symbol, point), strict=True
            ):
                wanted = [
                    (units(price, listing.tick), units(lots, listing.lot))
                    for price, lots in side[: len(mine)]
                ]
                self.findings.compared["book levels"] += len(mine)
                if mine != wanted or (not mine and side):
                    at = next((i for i, (a, b) in enumerate(zip(mine, wanted, strict=False)) if a != b), -1)
                    word = f"{name} at {point}: level {at} of {len(mine)}/{len(wanted)} differs"
                    break
            if not word:
                return ""
        return word

    def _damaged(self, instrument: InstrumentId) -> bool:
        """Whether a fault struck the frames of this book, showed an old one or showed it late."""
        ledger, symbol = self.twin.ledger, self.listings[instrument].symbol
        struck = (*ledger.lost, *ledger.doubled, *ledger.swapped)
        old = ("stale_snapshot", "snapshot_race")
        return any(each.symbol == symbol for each in struck) or any(
            self.twin.faults.struck[kind] for kind in old
        )

    def _quote(self, instrument: InstrumentId) -> None:
        feed = self.desk.feeds.feed(instrument)
        quote, listing = feed.quotes.latest, self.listings[instrument]
        if quote is None or quote.update_id is None or feed.quotes.latest is None:
            return
        bids, asks = self.truth.book(listing.symbol, quote.update_id)
        (bid, bid_lots), (ask, ask_lots) = bids[0], asks[0]
        self.findings.compared["quotes"] += 1
        prices = units(bid, listing.tick), units(ask, listing.tick)
        sizes = units(bid_lots, listing.lot), units(ask_lots, listing.lot)
        found = (quote.bid, quote.ask), (quote.bid_quantity, quote.ask_quantity)
        if found != (prices, sizes):
            self.findings.lost.append(f"{instrument} quote at {quote.update_id} differs from the truth")

    # --- at the end

    def close(self, now: int) -> Findings:
        """Everything, after the desk had time to mend itself. `now`: venue time."""
        findings = self.findings
        again = [event.ts for event in self.desk.events(1000) if event.code == "stream_live"]
        findings.repaired_at = max(again, default=0)
        for instrument, listener in self.listeners.items():
            findings.repaired_at = max(findings.repaired_at, listener.repaired_at)
            self._trades(instrument, listener)
            self._candles(instrument, now)
            self._end(instrument)
            if self.listings[instrument].symbol not in self.struck:
                self._bystander(instrument, listener)
        return findings

    def _trades(self, instrument: InstrumentId, listener: Listener) -> None:
        listing, findings = self.listings[instrument], self.findings
        truth = {execution.trade_id: execution for execution in self.truth.executions[listing.symbol]}
        first = next(iter(truth), 0)
        seen = Counter(trade.trade_id for trade in listener.trades)
        findings.doubled += [f"{instrument} trade {each} x{n}" for each, n in seen.items() if n > 1]
        for trade in listener.trades:
            findings.compared["trades"] += 1
            if trade.trade_id < first:
                continue  # told as the last one, from before the truth was kept
            if word := _differs(trade, truth.get(trade.trade_id), listing):
                findings.lost.append(f"{instrument} trade {trade.trade_id}: {word}")
        for earlier, later in zip(listener.trades, listener.trades[1:], strict=False):
            if later.trade_id < earlier.trade_id and not _late(later.trade_id, listener.turns):
                findings.lost.append(f"{instrument} trade {later.trade_id} came after {earlier.trade_id}")
        findings.healed += sum(isinstance(turn, Healed) for turn in listener.turns)
        if not seen:
            return
        gaps = [gap for gap in self.desk.feeds.feed(instrument).sequence.log.gaps() if not gap.healed]
        named = _ids(gaps)
        oldest, newest = min(seen), max(seen)
        told = self.truth.last_before(listing.symbol, self.twin.world.now - self.ground.gathers_ns)
        last_told = told.last_trade_id if told else 0
        missing = [each for each in truth if oldest <= each <= last_told and each not in seen]
        for each in missing:
            if each in named:
                findings.shown.append(f"{instrument} trade {each}")
            elif each > newest and self._says_so(instrument):
                findings.shown.append(f"{instrument} trade {each} (the stream is said to be down)")
            else:
                findings.lost.append(f"{instrument} trade {each} is missing without a name")
        for each in named & seen.keys():
            findings.lost.append(f"{instrument} trade {each} is here and named missing")

    def _says_so(self, instrument: InstrumentId) -> bool:
        """The desk says that this instrument's stream is not whole now."""
        health = self.desk.instrument_health(instrument)
        return health.state != "live" or self.desk.feeds.feed(instrument).sequence.open_gap is not None

    def _unheard(self, instrument: InstrumentId) -> bool:
        """The desk says that nothing has come yet that tells of the newest time."""
        newest = self.desk.candles(instrument, Interval.M1, 1)
        return any(gap.reason == "unheard" for candle in newest for gap in candle.coverage.gaps)

    def _candles(self, instrument: InstrumentId, now: int) -> None:
        known = self.desk.feeds.feed(instrument).known_until()
        symbol = self.listings[instrument].symbol
        newest = self.truth.last_before(symbol, self.truth.instants[symbol][-1].at - TICK_NS)
        late = known and newest is not None and newest.ts - known > KNOWN_NS
        if newest is not None and late and not self._says_so(instrument) and not self._unheard(instrument):
            self.findings.lost.append(
                f"{instrument} knows its trades until {known} only, a step is of {newest.ts}"
            )
        for interval in INTERVALS:
            ours = {c.open_time: c for c in self.desk.candles(instrument, interval, 1000) if c.closed}
            theirs = self.truth.candles(self.listings[instrument].symbol, interval.ns)
            first = min(ours, default=now)
            for open_time, candle in ours.items():
                self._candle(instrument, candle, theirs.get(open_time), watched=open_time > first)
            holes = [t for t in theirs if first < t <= known - interval.ns and t not in ours]
            self.findings.lost += [f"{instrument} candle {interval} {t} is not there" for t in holes]

    def _candle(self, instrument: InstrumentId, candle: Candle, bar: Bar | None, *, watched: bool) -> None:
        """A closed candle. The first one of an interval was not watched from its beginning, and says so."""
        findings = self.findings
        wanted = _figures(bar, self.listings[instrument]) if bar is not None else None
        found = _ours(candle) if candle.trades else None
        findings.compared["candles"] += 1
        if candle.coverage.state in WHOLE:
            if found != wanted:
                findings.lost.append(
                    f"{instrument} candle {candle.interval} {candle.open_time}: found {found}, expected {wanted} "
                    f"under {candle.coverage.state}"
                )
        elif any(gap.reason.startswith("clock_") for gap in candle.coverage.gaps):
            findings.flagged["candles of a doubtful clock"] += 1
        elif candle.coverage.state is State.UNVERIFIED:
            findings.flagged["unverified candles"] += (
                1  # the next trade, or the venue's word, will prove them
            )
        elif any(gap.reason == "unheard" for gap in candle.coverage.gaps):
            findings.flagged["unheard candles"] += (
                1  # nothing has come since: it will be known with the next word
            )
        elif watched and (found or wanted):
            marked = "whole candles" if found == wanted else "damaged candles"
            findings.flagged[marked] += 1
            findings.flagged["causeless candles"] += not self._beside_a_loss(instrument, candle)

    def _beside_a_loss(self, instrument: InstrumentId, candle: Candle) -> bool:
        """Whether a trade is missing that, for all a receiver can know, may belong into this candle."""
        if instrument not in self._windows:
            self._windows[instrument] = list(self._loss_windows(instrument))
        end = candle.open_time + candle.interval.ns
        return any(before < end and candle.open_time <= after for before, after in self._windows[instrument])

    def _loss_windows(self, instrument: InstrumentId) -> Iterator[tuple[int, int]]:
        """For each run of missing trades the times of the trades around it."""
        heard = {trade.trade_id: trade.ts_event for trade in self.listeners[instrument].trades}
        before, missing = 0, False
        for execution in self.truth.executions[self.listings[instrument].symbol]:
            ts = heard.get(execution.trade_id)
            if ts is None:
                missing = missing or before > 0
                continue
            if missing:
                yield before, ts
            before, missing = ts, False
        if missing:
            yield before, before + 10**18

    def _end(self, instrument: InstrumentId) -> None:
        """After the settling time the desk must be whole, or say that it is not."""
        health = self.desk.instrument_health(instrument)
        if not self._book(instrument, 5000) or health.state != "live":
            self.findings.shown.append(
                f"{instrument} ends {health.state}, book {health.trust}: {health.message}"
            )
            return
        points = self._points(instrument)
        newest = self.truth.instants[self.listings[instrument].symbol][-1].update_id
        behind = newest - max(points, default=newest)  # without one: it has just begun, with no update since
        if behind > 200:
            self.findings.lost.append(f"{instrument} book is {behind} updates behind and called trusted")

    def _bystander(self, instrument: InstrumentId, listener: Listener) -> None:
        feed = self.desk.feeds.feed(instrument)
        said = [*feed.sequence.log.gaps(), *feed.sequence.log.doubles, *feed.booksync.log.gaps()]
        if said or listener.turns or feed.booksync.resyncs or feed.coverage().state is not self.ground.whole:
            self.findings.disturbed.append(f"{instrument}: {feed.coverage().state} {said[:3]}")


def _is_at(instants: Sequence[Instant], index: int, then: int) -> bool:
    """Whether a step is of this time, or the last one before such a step."""
    after = instants[min(index + 1, len(instants) - 1)]
    return then in (instants[index].ts // PRECISE_NS, after.ts // PRECISE_NS)


def _differs(trade: Trade, execution: Execution | None, listing: Listing) -> str:
    if execution is None:
        return "nothing like it ever happened"
    wanted = (
        units(execution.price, listing.tick), units(execution.quantity, listing.lot),
        "sell" if execution.buyer_is_maker else "buy", execution.ts,
    )  # fmt: skip
    found = (trade.price, trade.quantity, trade.side, trade.ts_event)
    return "" if found == wanted else f"found {found}, expected {wanted}"


def _late(trade_id: int, turns: Iterable[GapFound | Healed | GapMarked]) -> bool:
    """Whether it lies in a gap that was marked before: then it may come out of order."""
    return any(
        isinstance(turn, GapMarked) and (turn.gap.first_id or 0) <= trade_id <= (turn.gap.last_id or -1)
        for turn in turns
    )


def _ids(gaps: Iterable[Gap]) -> set[int]:
    return {each for gap in gaps for each in _range(gap)}


def _range(gap: Gap) -> Iterator[int]:
    if gap.first_id is not None and gap.last_id is not None:
        yield from range(gap.first_id, gap.last_id + 1)


def _figures(bar: Bar, listing: Listing) -> tuple[object, ...]:
    prices = (units(price, listing.tick) for price in (bar.open, bar.high, bar.low, bar.close))
    return (*prices, units(bar.volume, listing.lot), bar.trades, bar.first_id, bar.last_id)


def _ours(candle: Candle) -> tuple[object, ...]:
    return (
        candle.open, candle.high, candle.low, candle.close, candle.volume, candle.trades,
        candle.first_id, candle.last_id,
    )  # fmt: skip
