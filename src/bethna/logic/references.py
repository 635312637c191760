"""The newest index and the newest valuation of each instrument, with their age and what can be said of them.

A machine: it neither fetches nor waits, computes no figure of its own, and knows no history.

Rules
  1. The newest stands, by the venue's time. An older one, as a second socket says it during a rotation, is passed over,
     unless it is older by more than SET_BACK_NS: then the venue's clock was set back, or it is another venue.
  2. A figure is stale when it is older than its own pace allows: FACTOR times its mean pause, from LEAST_NS to MOST_NS,
     and MOST_NS until LEARNT pauses are known. So it is while nothing carries the instrument, however young.
  3. Nothing proves a figure: a venue numbers none, so one that never came is missed by nobody (`unverified`). From when
     its streams are lost to its next word it is `incomplete`, with a gap. Before the first it is `unknown`.
  4. An age is counted from reception, by the desk's clock: a wrong clock of the host makes nothing old.
"""

from __future__ import annotations

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, Gap, Provenance, State, unknown, with_gaps
from bethna.core.errors import UnknownInstrument, cut
from bethna.core.instrument import Instrument
from bethna.core.market import IndexPrice, InstrumentId, PriceView, Valuation
from bethna.core.reference import IndexView, Reference, ReferenceKind, ValuationView

FACTOR = 20
LEARNT = 3
LEAST_NS = 5 * NS_PER_S
MOST_NS = 60 * NS_PER_S
SET_BACK_NS = 10 * NS_PER_S
_WEIGHT = 0.1
_STREAMS: dict[type, str] = {IndexPrice: "index", Valuation: "valuation"}
_VOLATILITY = "-DVOL"


class _Newest:
    """The newest figure of one instrument.

    Attributes:
        lost: its streams were lost after it.
    """

    __slots__ = ("event", "lost", "pace", "pauses")

    def __init__(self) -> None:
        self.event: IndexPrice | Valuation | None = None
        self.lost = False
        self.pace = 0.0
        self.pauses = 0

    def apply(self, event: IndexPrice | Valuation) -> bool:
        """Whether it stands now (rule 1)."""
        before = self.event
        if before is not None:
            if before.ts_event - SET_BACK_NS <= event.ts_event < before.ts_event:
                return False
            if not self.lost:  # a pause in which nobody could hear is none
                self.pauses += 1
                pause = max(0, event.ts_recv - before.ts_recv)
                self.pace += max(_WEIGHT, 1.0 / self.pauses) * (pause - self.pace)
        self.event = event
        self.lost = False
        return True

    def patience_ns(self) -> int:
        """Rule 2."""
        if self.pauses < LEARNT:
            return MOST_NS
        return max(LEAST_NS, min(MOST_NS, round(FACTOR * self.pace)))


class References:
    """Of all instruments of a desk. Views are made when they are asked for; `now` is ns UTC by the desk's clock."""

    def __init__(self, provenance: Provenance = Provenance.LIVE) -> None:
        self._provenance = provenance
        self._newest: dict[InstrumentId, _Newest] = {}

    def apply(self, event: IndexPrice | Valuation) -> bool:
        """A figure from the stream; whether it is the newest now."""
        return self._of(event.instrument).apply(event)

    def lose(self, instrument: InstrumentId) -> None:
        """Nothing carries it any more (rule 3)."""
        if (found := self._newest.get(instrument)) is not None:
            found.lost = True

    def forget(self, instrument: InstrumentId) -> None:
        """It is not followed any more."""
        self._newest.pop(instrument, None)

    def last_message(self, instrument: InstrumentId) -> int | None:
        """When its figure last came."""
        event = self._event(instrument)
        return None if event is None else event.ts_recv

    def fingerprint(self, instrument: InstrumentId) -> dict[str, object]:
        """What a reader can see of it and a clock does not change; empty where nothing has come."""
        event = self._event(instrument)
        return {} if event is None else {_STREAMS[type(event)]: event}

    def view(self, kind: ReferenceKind, instrument: Instrument, now: int, *, live: bool) -> Reference:
        """As the two below. Raises UnknownInstrument for an instrument that has none of that kind."""
        check_kind(kind, instrument)
        if kind == "indices":
            return self.index(instrument, now, live=live)
        return self.valuation(instrument, now, live=live)

    def index(self, instrument: Instrument, now: int, *, live: bool) -> IndexView:
        """An index.

        Args:
            live: its streams are not known to be silent or lost.
        """
        event = self._event(instrument.id)
        said = event if isinstance(event, IndexPrice) else None
        volatile = instrument.symbol.endswith(_VOLATILITY)
        return IndexView(
            instrument.id,
            "volatility" if volatile else "price",
            "%" if volatile else instrument.quote,
            None if said is None else said.value,
            None if said is None else said.ts_event,
            None if said is None else said.ts_recv,
            self._stale(instrument.id, now, live=live),
            self._of(instrument.id).patience_ns(),
            self.coverage(instrument),
        )

    def valuation(self, instrument: Instrument, now: int, *, live: bool) -> ValuationView:
        """A contract."""
        assert instrument.contract is not None
        of_price, of_quantity = units_of(instrument)
        event = self._event(instrument.id)
        said = event if isinstance(event, Valuation) else None
        stale = self._stale(instrument.id, now, live=live)
        kind, patience_ns = instrument.contract.kind, self._of(instrument.id).patience_ns()
        coverage = self.coverage(instrument)
        if said is None:
            return ValuationView(
                instrument.id, kind, of_price, of_quantity, *(None,) * 13, stale, patience_ns, coverage
            )
        return ValuationView(
            instrument.id, kind, of_price, of_quantity, said.mark_price, said.index_price, said.underlying_price,
            said.underlying, said.mark_iv, said.bid_iv, said.ask_iv, said.greeks, said.open_interest, said.funding,
            said.funding_8h, said.ts_event, said.ts_recv, stale, patience_ns, coverage,
        )  # fmt: skip

    def price(self, instrument: Instrument, now: int, *, live: bool) -> PriceView:
        """An index where prices are shown: its figure stands in the place of a last trade."""
        view = self.index(instrument, now, live=live)
        return PriceView(
            view.instrument, view.value, view.ts_event, view.ts_recv, view.ts_recv, view.stale, None, None, None,
            view.coverage,
        )  # fmt: skip

    def coverage(self, instrument: Instrument) -> Coverage:
        """Rule 3."""
        found = self._of(instrument.id)
        if found.event is None:
            return unknown(instrument.venue, provenance=self._provenance)
        at = found.event.ts_event
        said = Coverage(self._provenance, State.UNVERIFIED, (), (instrument.venue,), at)
        if not found.lost:
            return said
        return with_gaps(said, [Gap(_STREAMS[type(found.event)], start=at, reason="disconnected")])

    def _stale(self, instrument: InstrumentId, now: int, *, live: bool) -> bool:
        """Rules 2 and 4."""
        found = self._of(instrument)
        if found.event is None:
            return False
        return not live or found.lost or now - found.event.ts_recv > found.patience_ns()

    def _event(self, instrument: InstrumentId) -> IndexPrice | Valuation | None:
        found = self._newest.get(instrument)
        return None if found is None else found.event

    def _of(self, instrument: InstrumentId) -> _Newest:
        found = self._newest.get(instrument)
        if found is None:
            found = self._newest[instrument] = _Newest()
        return found


def has_kind(kind: ReferenceKind, instrument: Instrument) -> bool:
    """Whether an instrument has such a figure: an index its own, a contract that is traded a valuation."""
    if kind == "indices":
        return instrument.is_index
    return instrument.contract is not None and not instrument.is_index


def check_kind(kind: ReferenceKind, instrument: Instrument) -> None:
    """Raises UnknownInstrument for one that has no such figure."""
    if has_kind(kind, instrument):
        return
    what = "an index" if kind == "indices" else "a contract, which its venue values"
    raise UnknownInstrument(
        instrument.id,
        message=f"expected {what}, found {cut(instrument.id)}",
        hint=f"/api/v1/{kind} lists what there is",
    )


def units_of(instrument: Instrument) -> tuple[str | None, str | None]:
    """What a contract's own price and its quantities are counted in; both None where no catalogue has said so."""
    contract = instrument.contract
    if contract is None or contract.settlement is None:
        return None, None
    if contract.kind == "option":
        return (contract.settlement if contract.inverse else instrument.quote), instrument.base
    return instrument.quote, instrument.quote if contract.inverse else instrument.base
