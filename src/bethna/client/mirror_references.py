"""Indices and valuations of a desk behind an address: its rows as facts, its topics as states; it makes no figure.

Rules
  1. It is a state: what differs is told, whole.
  2. Without a connection it is stale, and its certificate says since when nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bethna.api.reference import IndexRow, IndicesAnswer, ValuationRow, ValuationsAnswer
from bethna.api.topics import Topic
from bethna.client.mirror_channel import Around, Channel
from bethna.client.remote_facts import Frame, coverage_of, nanos_or_none, read
from bethna.core.clock import NS_PER_MS
from bethna.core.coverage import Gap, with_gaps
from bethna.core.market import Greeks, InstrumentId
from bethna.core.reference import IndexView, Reference, ValuationView
from bethna.core.status import StreamStatus


class ReferenceChannel(Channel):
    """The index or the valuation of one instrument.

    Attributes:
        view: as the desk said it last, stale while the connection is lost; None before.
    """

    def __init__(self, topic: Topic, around: Around) -> None:
        super().__init__(topic, around)
        self.view: Reference | None = None

    @property
    def begun(self) -> bool:
        return self.view is not None

    def snapshot(self, frame: Frame) -> Sequence[object]:
        views: Sequence[Reference] = (
            [index_of(row) for row in read(IndicesAnswer, frame.data).indices]
            if self.topic.kind == "indices"
            else [valuation_of(row) for row in read(ValuationsAnswer, frame.data).valuations]
        )
        if not views or views[-1] == self.view:
            return ()
        self.view = views[-1]
        return (self.view,)

    def delta(self, frame: Frame) -> Sequence[object]:
        return self.snapshot(frame)

    def lost(self, status: StreamStatus) -> None:
        """Rule 2, until a snapshot comes."""
        super().lost(status)
        if self.view is not None:
            self.view = cut_off(self.view, self.around.now())
            self.tell([self.view])


def cut_off(view: Reference, now: int) -> Reference:
    """Rule 2."""
    if view.ts_event is None:
        return view
    gap = Gap(
        "index" if isinstance(view, IndexView) else "valuation",
        None,
        None,
        view.ts_event,
        now,
        "disconnected",
    )
    coverage = with_gaps(replace(view.coverage, gaps=()), [gap])
    return replace(view, stale=True, coverage=coverage)


def index_of(row: IndexRow) -> IndexView:
    """An index."""
    return IndexView(
        InstrumentId(row.instrument), row.kind, row.unit, row.value, nanos_or_none(row.ts_event),
        nanos_or_none(row.ts_recv), row.stale, row.stale_after_ms * NS_PER_MS, coverage_of(row.coverage),
    )  # fmt: skip


def valuation_of(row: ValuationRow) -> ValuationView:
    """What a contract is worth."""
    card = row.greeks
    return ValuationView(
        InstrumentId(row.instrument), row.kind, row.price_unit, row.quantity_unit, row.mark_price, row.index_price,
        row.underlying_price, row.underlying, row.mark_iv, row.bid_iv, row.ask_iv,
        None if card is None else Greeks(card.delta, card.gamma, card.vega, card.theta, card.rho),
        row.open_interest, row.funding, row.funding_8h, nanos_or_none(row.ts_event), nanos_or_none(row.ts_recv),
        row.stale, row.stale_after_ms * NS_PER_MS, coverage_of(row.coverage),
    )  # fmt: skip
