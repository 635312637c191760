"""Indices, and what contracts are worth, as nouns of a desk in the shape of the others; they hold no data of their own.

Rules
  1. `[symbol]` is the latest with a figure, or an error that says what is missing; `get` is the latest or None.
  2. A stream is one of a state, beginning with how it is: a slow reader gets the newest. That it went stale is news.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from bethna.client.backend import Backend, Want
from bethna.client.nouns import Anew, Key, Noun, either
from bethna.client.streams import Callback, Ear, Stream, Subscription
from bethna.client.tables import Table, joined
from bethna.core.market import InstrumentId
from bethna.core.reference import IndexView, ReferenceKind, ValuationView
from bethna.core.status import Dropped, StreamStatus
from bethna.runtime.mailbox import Latest

View = TypeVar("View", IndexView, ValuationView)


class _References(Noun[View]):
    """What the two share."""

    kind = "prices"
    word: ClassVar[ReferenceKind]
    of: type[View]

    def __repr__(self) -> str:
        return f"<{self.word} of a desk: [symbol], get, stream, events, on, fetch>"

    def __getitem__(self, symbol: str) -> View:
        """The latest. Raises NoDataYet before there is one, UnknownInstrument when it is not followed or has none."""
        backend = self._open()
        instrument = backend.resolve(symbol)
        return self._present(backend, instrument, self._figure(backend, instrument))

    def get(self, symbol: str) -> View | None:
        """The latest, None before there is one. Raises UnknownInstrument as above."""
        backend = self._open()
        return self._figure(backend, backend.resolve(symbol))

    def stream(self, symbol: str) -> Stream[View]:
        """The figure as it changes, once there is one (rule 2)."""
        anew = Anew(self.of)
        return Stream(self._hear(symbol), lambda event: anew(event) if self._said(event) else None)

    def events(self, symbol: str) -> Stream[View | StreamStatus | Dropped]:
        """The same, with the turns of the streams in order."""
        anew = Anew(self.of)
        return Stream(
            self._hear(symbol),
            lambda event: (
                either(event, self.of, anew) if self._said(event) or not isinstance(event, self.of) else None
            ),
        )

    def on(self, symbol: str, callback: Callback[View]) -> Subscription[View]:
        """Call back with each."""
        return self._call(self.stream(symbol), callback)

    async def fetch(self, symbol: str | None = None) -> Table[View]:
        """A row an instrument; without a symbol, all that are followed."""
        backend = self._open()
        instrument = None if symbol is None else backend.resolve(symbol)
        found = await backend.fetch_references(self.word, instrument)
        rows = [row for row in found if isinstance(row, self.of)]
        return Table(self.of, rows, joined(row.coverage for row in rows))

    def _hear(self, symbol: str) -> Ear:
        backend = self._open()
        instrument = backend.resolve(symbol)
        box: Latest[Any] = Latest(Key(lambda _: self.word))
        if (now := self._figure(backend, instrument)) is not None:
            box.offer(now)
        return self._ear(box, Want(self.word, instrument))

    def _figure(self, backend: Backend, instrument: InstrumentId) -> View | None:
        found = backend.reference(self.word, instrument)
        return found if isinstance(found, self.of) and self._said(found) else None

    def _said(self, event: object) -> bool:
        """Whether it holds a figure."""
        raise NotImplementedError


class Indices(_References[IndexView]):
    """Figures that a venue computes and nobody trades."""

    word: ClassVar[ReferenceKind] = "indices"
    name = "index"
    of = IndexView

    def _said(self, event: object) -> bool:
        return isinstance(event, IndexView) and event.value is not None


class Valuations(_References[ValuationView]):
    """What venues say that contracts are worth, Greeks included."""

    word: ClassVar[ReferenceKind] = "valuations"
    name = "valuation"
    of = ValuationView

    def _said(self, event: object) -> bool:
        return isinstance(event, ValuationView) and event.mark_price is not None
