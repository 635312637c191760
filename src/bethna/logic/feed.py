"""One instrument's feed: trades, book, quotes and candles under one certificate.

A machine: it neither fetches nor waits. It composes the machines of this room and turns their effects into
facts for the bus and wants for the service.

Rules
  1. The blast radius of any fault is this one instrument.
  2. A trade goes to the candles before it is published, so whoever hears it can read the candle that holds it.
  3. Quotes are checked against a trusted book only; a failed check distrusts the book, and a quote that its updates do
     not come to says that they are missing.
  4. The state hash covers everything a reader can see and nothing that depends on the host's clock or speed. Reading
     changes nothing.
  5. While no socket carries the instrument nobody knows what trades: that time is a gap, `disconnected`, until the next
     trade shows by its id what was missed.
  6. A candle is closed when the trades are known to its end, not when a clock has passed it, and `unverified` until
     that is proven. What is not known for longer than UNHEARD_NS is a gap, `unheard`, until something is heard.
  7. A book is `unverified` beyond the levels that its venue lets us prove, or that a comparison did.
  8. Trades that their venue does not number are `unverified`: one that never came would be missed by nobody.
"""

from __future__ import annotations

from collections import deque

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, Gap, State, unknown, weakest, with_gaps
from bethna.core.errors import CrossedBook
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import (
    UNNUMBERED,
    BookDelta,
    BookSnapshot,
    BookView,
    Candle,
    LastTrade,
    Level,
    PriceView,
    Quote,
    Ticker,
    Trade,
    TradePage,
)
from bethna.core.status import BookStatus, GapFound, GapMarked, Healed, Trust
from bethna.core.wire import BookDoubt
from bethna.logic.booksync import TRUSTED, BookSync
from bethna.logic.candles import CandleBuilder
from bethna.logic.digits import digits_of
from bethna.logic.feed_ports import BookStreamItem, BookStyle, FeedPorts, FeedSettings, TradeStreamItem
from bethna.logic.gaplog import MAX_JUMP
from bethna.logic.pushedbook import PushedBook
from bethna.logic.quotecheck import QuoteCheck
from bethna.logic.tickers import change_pct
from bethna.logic.trades import TradeSequence, keep_in_order, recalled
from bethna.logic.venue_time import VenueTime

UNHEARD_NS = 10 * NS_PER_S
NEVER = 1 << 63

__all__ = ["BookStreamItem", "FeedPorts", "FeedSettings", "InstrumentFeed", "TradeStreamItem"]


class InstrumentFeed:
    """The state of one instrument. Times are ns UTC: `ts_recv` and `now` by the desk's clock."""

    def __init__(
        self,
        instrument: Instrument,
        ports: FeedPorts,
        settings: FeedSettings,
        *,
        book_style: BookStyle = "numbered",
    ) -> None:
        self.instrument = instrument
        self.id = instrument.id
        self.sequence = TradeSequence(
            self._release, self, patience_ns=settings.patience_ns, max_held=settings.max_held_trades,
            recall=lambda wanted: recalled(self.kept, wanted),
        )  # fmt: skip
        self._pushes = book_style != "numbered"
        self.booksync = BookSync(
            self._book_moved, self, patience_ns=settings.patience_ns, max_held=settings.max_held_deltas,
            stood=self._book_stood, max_jump=None if self._pushes else MAX_JUMP, pushes=self._pushes,
        )  # fmt: skip
        if not settings.books:
            self.booksync.off()
        self.quotes = QuoteCheck()
        self.time = VenueTime()
        self.candle_builder = CandleBuilder(
            self.id, settings.quantity_scale, (instrument.venue,), provenance=settings.provenance,
            judge=self._judge_time,
        )  # fmt: skip
        self.kept: deque[Trade] = deque(maxlen=settings.kept_trades)
        self.trades = 0
        self.ticker: Ticker | None = None
        self._told_at: int | None = None
        self._provenance = settings.provenance
        self._ports = ports
        self._publish_trade = ports.trade
        self._publish_book = ports.book
        self._publish_quote = ports.quote
        self._count_trade = self.candle_builder.apply
        self.pushed = PushedBook(self.booksync, self.quotes) if book_style == "pushed" else None
        self.apply_delta = self.pushed.apply if self.pushed else self.booksync.apply

    def apply_trade(self, trade: Trade) -> None:
        """A trade from the stream. Nearly every one is the next one and none waits: it leaves at once."""
        sequence, trade_id = self.sequence, trade.trade_id
        if trade_id == sequence.next_id and sequence.hole is None:
            sequence.next_id = trade_id + 1
            sequence.last = trade
            self.trades += 1
            self.kept.append(trade)
            self._count_trade(trade)
            self._publish_trade(trade)
        elif trade_id == UNNUMBERED:  # rule 8
            self.candle_builder.proof = State.UNVERIFIED
            self._release(trade)
        else:
            sequence.apply(trade)

    def _release(self, trade: Trade) -> None:
        """Rule 2."""
        self.trades += 1
        self.kept.append(trade)
        self._count_trade(trade)
        self._publish_trade(trade)

    def _judge_time(self, trade: Trade) -> None:
        """Whether its time can be right, before the candles count it."""
        before = self.kept[-2].ts_event if len(self.kept) > 1 else 0
        self.time.judge(trade.ts_event, trade.ts_recv, before, self.candle_builder.reached)

    def _book_moved(self, delta: BookDelta) -> None:
        self._publish_book(delta)
        if self.quotes.waits:
            self._cross_examine()

    def _book_stood(self, snapshot: BookSnapshot) -> None:
        self._publish_book(snapshot)
        self._cross_examine()

    def apply_snapshot(self, snapshot: BookSnapshot) -> None:
        """A whole book from history; it cannot join what has no numbers."""
        if self.pushed is None and not snapshot.partial:
            self.booksync.snapshot(snapshot)

    def apply_pushed_snapshot(self, snapshot: BookSnapshot) -> None:
        """A whole book from the stream; a top of book certifies nothing below itself and is not stood upon."""
        if snapshot.partial:
            return
        if self.pushed is not None:
            self.pushed.snapshot(snapshot)
        else:
            self.booksync.pushed(snapshot)

    def apply_doubt(self, doubt: BookDoubt) -> None:
        """What a connection said of the book is wrong, as the venue itself proves."""
        if self.pushed is not None:
            self.pushed.doubt(doubt)
        else:
            self.booksync.disproved(doubt.reason, doubt.ts_recv)

    def connection_ended(self, epoch: int, now: int) -> None:
        """A socket is gone."""
        if self.pushed is not None:
            self.pushed.ended(epoch, now)

    def apply_quote(self, quote: Quote) -> None:
        """Best bid and ask, from the stream."""
        sync = self.booksync
        failed = self.quotes.failed
        if self.quotes.quote(quote, sync.book if sync.trust is TRUSTED else None):
            self._publish_quote(quote)
        if self.quotes.failed > failed:
            self._disprove()

    def apply_ticker(self, ticker: Ticker) -> None:
        """The venue's rolling day."""
        self.ticker = ticker
        if ticker.last_trade_id is not None:
            self._agree(ticker.last_trade_id, ticker.ts_event, ticker.ts_recv)
        self._ports.ticker(ticker)

    def apply_last_trade(self, last: LastTrade) -> None:
        """How far the venue's trades have come."""
        self._told_at = last.ts_recv
        self._agree(last.trade_id, last.ts_event, last.ts_recv)

    def _agree(self, trade_id: int, ts_event: int, ts_recv: int) -> None:
        self.sequence.expect(trade_id, ts_event, ts_recv)
        if trade_id < self.sequence.next_id:
            self.time.frontier.agreed(ts_event)

    def apply_page(self, page: TradePage, now: int) -> None:
        """Trades from history, to fill a gap."""
        self.sequence.splice(page.trades, now)

    def tick(self, now: int, venue_now: int, limit_ns: int | None = None) -> None:
        """Let time pass; about once a second.

        Args:
            venue_now: the venue's time as measured, 0 before that. limit_ns: the most that it can be ahead of ours.
        """
        self.sequence.tick(now)
        (self.pushed or self.booksync).tick(now)
        known = self._heard_until() or 0, self._newest_trade()
        self.time.tick(now, venue_now, limit_ns, *known, whole=self.sequence.whole)
        if (
            self.booksync.trust is TRUSTED
            and (missed := self.quotes.behind(now, mute=self.booksync.mute)) is not None
        ):
            self.booksync.expect(missed, now)

    def disconnected(self, reason: str, now: int) -> None:
        """No socket carries this instrument now (rule 5)."""
        self.booksync.disconnected(reason, now)
        newest = self._heard_until()
        self.time.away.begin(None if newest is None else self.time.believed(newest), self._traded(), now)

    def connected(self, now: int) -> None:
        """A socket carries it again."""
        self.time.away.end(self.venue_time())
        if self._pushes:
            self.booksync.connected(now)

    def set_overlapping(self, overlapping: bool) -> None:
        """Two of our own sockets deliver this instrument: duplicates are expected."""
        self.sequence.overlapping = self.booksync.overlapping = self.quotes.overlapping = overlapping

    # what the machines tell -------------------------------------------------------------------------------------

    def gap_found(self, gap: Gap, ts: int) -> None:
        """The trade machine misses ids."""
        self._publish_trade(GapFound(self.id, gap, ts))
        self._ports.want_trades(self.instrument, gap, ts)

    def gap_healed(self, gap: Gap, found: int, ts: int) -> None:
        """The trade machine has all ids of a gap."""
        self._publish_trade(Healed(self.id, gap, found, ts))

    def gap_marked(self, gap: Gap, ts: int) -> None:
        """The trade machine goes on without."""
        if gap.reason == "renumbered":
            self.candle_builder.begin_anew()
        self._publish_trade(GapMarked(self.id, gap, ts))
        if gap.reason == "missing":  # nobody has said that history lacks it
            self._ports.owe_trades(self.instrument, gap, ts)

    def late(self, trade: Trade) -> None:
        """A trade of a marked gap came after all."""
        self.trades += 1
        keep_in_order(self.kept, trade)
        self.candle_builder.late(trade)
        self._publish_trade(trade)

    def book_gap(self, gap: Gap, ts: int) -> None:
        """The book machine misses updates."""
        self._publish_book(
            BookStatus(
                self.id,
                Trust.SYNCING if self.booksync.trust is TRUSTED else self.booksync.trust,
                f"updates {gap.first_id} to {gap.last_id} missing",
                ts,
            )
        )

    def book_trust(self, trust: Trust, reason: str, ts: int) -> None:
        """The book's trust state changed."""
        self._publish_book(BookStatus(self.id, trust, reason, ts))

    def want_snapshot(self, reason: str, ts: int) -> None:
        """The book machine needs a snapshot."""
        self._ports.want_snapshot(self.instrument, reason, ts)

    # what readers see -------------------------------------------------------------------------------------------

    def coverage(self) -> Coverage:
        """Everything since the feed began: trades and book."""
        sync = self.booksync
        if not self.trades and sync.last is None and sync.book is None and self.quotes.latest is None:
            return self._unknown()
        gaps = [*self.sequence.log.losses(), *sync.log.losses(), *self._absences()]
        proof = weakest((self.candle_builder.proof, self._proof()))
        state = State.INCOMPLETE if sync.book_lost else proof
        return with_gaps(self._certificate(state, self._certified_until()), gaps)

    def price(self, *, stale: bool, last_message: int | None) -> PriceView:
        """The last trade with what stands around it."""
        last = self.kept[-1] if self.kept else None
        quote = self.quotes.latest
        gap = self.sequence.open_gap or self.sequence.lost_tail
        gaps = [gap] if gap else self._absences(settled=not self.time.leaps.in_doubt)
        base = self._certificate(
            self.candle_builder.proof if last else State.UNKNOWN, self._certified_until()
        )
        return PriceView(
            self.id,
            last.price if last else None,
            last.ts_event if last else None,
            last.ts_recv if last else None,
            last_message,
            stale,
            change_pct(self.ticker) if self.ticker else None,
            quote.bid if quote else None,
            quote.ask if quote else None,
            with_gaps(base, gaps),
        )

    def candles(self, interval: Interval, limit: int, end: int | None) -> list[Candle]:
        """Candles ascending, the open one last (rule 6)."""
        gaps = [*self.sequence.log.losses(), *self._absences()]
        known, now = self.known_until(), self.venue_time()
        if self.kept and now - known > UNHEARD_NS:
            gaps.append(Gap("trades", None, None, known, now, "unheard"))
            known = now
        proven = self.time.proven_until(self._newest_trade())
        return self.candle_builder.candles(interval, limit, known, gaps, end, proven)

    def book_view(self, depth: int) -> BookView:
        """Top of the book; empty while there is none that can be believed or half believed."""
        sync = self.booksync
        nothing = self._unknown()
        if sync.book is None:
            return BookView(self.id, [], [], None, sync.trust, 0, None, None, nothing)
        try:
            bids, asks = sync.book.top(depth)
        except CrossedBook:  # rule 4: a tick distrusts it, soon
            return BookView(self.id, [], [], None, Trust.UNTRUSTED, 0, None, None, nothing)
        gaps = [gap for gap in sync.log.gaps() if not gap.healed]
        trusted = sync.trust is TRUSTED
        ts_event, ts_recv = sync.stands_at()
        base = self._certificate(self._proof((bids, asks)) if trusted else State.INCOMPLETE, ts_event)
        return BookView(
            self.id, bids, asks, sync.book.update_id, sync.trust, min(sync.certified_depth, sync.book.known_depth),
            ts_event, ts_recv,
            base if trusted else with_gaps(base, gaps),
        )  # fmt: skip

    def _proof(self, levels: tuple[list[Level], list[Level]] | None = None) -> State:
        """What can be said of a trusted book, or of these best levels of it (rule 7)."""
        return State.COMPLETE if self.pushed is None or self.pushed.proves(levels) else State.UNVERIFIED

    def recent_trades(self, limit: int) -> list[Trade]:
        """Newest trades, newest last."""
        kept = self.kept
        return [kept[i] for i in range(max(0, len(kept) - limit), len(kept))]

    def known_until(self) -> int:
        """How far the trades are known, ns UTC by the venue's clock; 0 before any data."""
        return self.time.known_until(self._newest_trade())

    def finish(self, now: int) -> None:
        """Nothing more will come."""
        self.sequence.finish(now)
        self.time.frontier.end(self._heard_until() or 0)

    def venue_time(self) -> int:
        """The venue's time as far as this feed knows, ns UTC; 0 before any data."""
        delta = self.booksync.last
        return self.time.now(self._newest_trade(), delta.ts_event if delta is not None else 0)

    def newest(self) -> Trade | BookDelta | None:
        """The newest event that carries the venue's time."""
        delta = self.booksync.last
        trade = self.kept[-1] if self.kept else None
        if trade is None or (delta is not None and delta.ts_recv > trade.ts_recv):
            return delta
        return trade

    def last_message(self) -> int | None:
        """When anything of this instrument last came, by the desk's clock."""
        seen = [
            item.ts_recv
            for item in (
                self.kept[-1] if self.kept else None,
                self.booksync.last,
                self.quotes.latest,
                self.ticker,
            )
            if item is not None
        ]
        return max(seen + ([] if self._told_at is None else [self._told_at]), default=None)

    def decimals(self) -> tuple[int, int]:
        """Digits of prices and quantities: the catalogue's, else what was seen."""
        return digits_of(self.instrument, self.recent_trades(50), self.quotes.latest)

    def fingerprint(self) -> dict[str, object]:
        """Rule 4: everything a reader can see, in plain values."""
        sync = self.booksync
        return {
            "trades": self.trades,
            "next_trade_id": self.sequence.next_id,
            "kept": [(t.trade_id, t.price, t.quantity, t.side, t.ts_event, t.ts_recv) for t in self.kept],
            "trade_gaps": list(self.sequence.log.gaps()),
            "trade_duplicates": self.sequence.log.duplicates,
            "candles": self.candle_builder.fingerprint(),
            "venue_time": self.venue_time(),
            "book": None if sync.book is None else (sync.book.update_id, *sync.book.levels()),
            "trust": sync.trust,
            "book_updates": sync.applied,
            "book_gaps": list(sync.log.gaps()),
            "book_duplicates": sync.log.duplicates,
            "quotes": (self.quotes.quotes, self.quotes.ok, self.quotes.failed, self.quotes.latest),
            "ticker": self.ticker,
            "absences": self._absences(),
        }

    def _absences(self, *, settled: bool = False) -> list[Gap]:
        """Time of which it is not known what was traded in it (rule 5); `settled`: without what is over."""
        if settled:
            return self.time.away.gaps(self._traded(), self.venue_time())
        return self.time.gaps(self.candle_builder.reached, self._traded(), self.venue_time())

    def _newest_trade(self) -> int:
        return self.kept[-1].ts_event if self.kept else 0

    def _traded(self) -> int | None:
        """When a trade last came, by the desk's clock; of those that wait nobody knows how far they reach."""
        if self.sequence.held:
            return NEVER
        return None if self.sequence.last is None else self.sequence.last.ts_recv

    def _cross_examine(self) -> None:
        book, failed = self.booksync.book, self.quotes.failed
        assert book is not None
        self.quotes.book_moved(book)
        if self.quotes.failed > failed:
            self._disprove()

    def _disprove(self) -> None:
        """Rule 3."""
        last = self.booksync.last
        self.booksync.disproved("its best levels differ from the venue's quote", last.ts_recv if last else 0)

    def _certified_until(self) -> int | None:
        """Up to when a certificate of trades speaks: not beyond what is proven of them."""
        return self.time.proven_until(self._newest_trade()) or self._heard_until()

    def _heard_until(self) -> int | None:
        """The venue's time of the newest event: a clock that goes on says nothing about what was not heard."""
        newest = self.newest()
        return None if newest is None else newest.ts_event

    def _certificate(self, state: State, as_of: int | None) -> Coverage:
        return Coverage(self._provenance, state, (), (self.instrument.venue,), as_of)

    def _unknown(self) -> Coverage:
        return unknown(self.instrument.venue, provenance=self._provenance)
