"""The consolidated price of a desk behind an address: its answers as facts, its topic as a state; it makes no price.

Rules
  1. It is a state: what differs is told, whole.
  2. Without a connection nobody is in: what the venues said before is no price now.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bethna.api.best import BestAnswer, BestBookAnswer, RateCard, VenueQuoteRow
from bethna.api.topics import Topic
from bethna.client.mirror_channel import Around, Channel
from bethna.client.remote_facts import Frame, coverage_of, nanos_or_none, read
from bethna.core.consolidated import AppliedRate, BestPrice, ConsolidatedBook, VenueQuote
from bethna.core.market import InstrumentId
from bethna.logic.best_price import certificate, left_out


class BestChannel(Channel):
    """The best price of one pair.

    Attributes:
        price: as the desk said it last, with nobody in while the connection is lost; None before.
    """

    turning = False

    def __init__(self, topic: Topic, around: Around) -> None:
        super().__init__(topic, around)
        self.price: BestPrice | None = None

    @property
    def begun(self) -> bool:
        return self.price is not None

    def snapshot(self, frame: Frame) -> Sequence[object]:
        before, self.price = self.price, price_of_answer(read(BestAnswer, frame.data))
        return () if self.price == before else (self.price,)

    def delta(self, frame: Frame) -> Sequence[object]:
        return self.snapshot(frame)

    def cut(self, reason: str) -> None:
        """Rule 2, until a snapshot comes."""
        if self.price is not None:
            self.price = cut_off(self.price, reason)
            self.tell([self.price])


def cut_off(price: BestPrice, reason: str) -> BestPrice:
    """Rule 2."""
    why = f"the connection to the desk is lost: {reason}"
    venues = tuple(each if each.out is not None else left_out(each, "stale", why) for each in price.venues)
    return replace(
        price, bid=None, bid_quantity=None, bid_total=None, bid_at=None, ask=None, ask_quantity=None, ask_total=None,
        ask_at=None, crossed_by=None, venues=venues, ts_recv=None, coverage=certificate(venues),
    )  # fmt: skip


def price_of_answer(answer: BestAnswer) -> BestPrice:
    """A best price."""
    return BestPrice(
        answer.base, answer.quote, answer.convert,
        answer.bid, answer.bid_quantity, answer.bid_total, _id(answer.bid_at),
        answer.ask, answer.ask_quantity, answer.ask_total, _id(answer.ask_at),
        _two(answer.crossed_by), tuple(_quote(each) for each in answer.venues), nanos_or_none(answer.ts_recv),
        coverage_of(answer.coverage),
    )  # fmt: skip


def book_of_answer(answer: BestBookAnswer) -> ConsolidatedBook:
    """A merged book."""
    return ConsolidatedBook(
        answer.base, answer.quote, answer.bids, answer.asks, answer.certified_depth,
        _id(answer.bids_end_at), _id(answer.asks_end_at), _two(answer.crossed_by),
        tuple(_quote(each) for each in answer.venues), nanos_or_none(answer.ts_recv), coverage_of(answer.coverage),
    )  # fmt: skip


def _quote(row: VenueQuoteRow) -> VenueQuote:
    return VenueQuote(
        InstrumentId(row.instrument), row.bid, row.bid_quantity, row.ask, row.ask_quantity, row.own_bid, row.own_ask,
        nanos_or_none(row.ts_event), nanos_or_none(row.ts_recv), coverage_of(row.coverage), row.out, row.why,
        None if row.rate is None else _rate(row.rate),
    )  # fmt: skip


def _rate(card: RateCard) -> AppliedRate:
    return AppliedRate(
        card.pair, card.bid, card.ask, InstrumentId(card.bid_at), InstrumentId(card.ask_at),
        nanos_or_none(card.ts_recv), coverage_of(card.coverage),
    )  # fmt: skip


def _id(text: str | None) -> InstrumentId | None:
    return None if text is None else InstrumentId(text)


def _two(pair: tuple[str, str] | None) -> tuple[InstrumentId, InstrumentId] | None:
    return None if pair is None else (InstrumentId(pair[0]), InstrumentId(pair[1]))
