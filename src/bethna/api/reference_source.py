"""The sources of the `indices` and `valuations` topics: rows as they change. They compute no figure."""

from __future__ import annotations

from collections.abc import Sequence

from bethna.api.protocol import encode
from bethna.api.reference import indices_answer, instruments_of, reference_row, valuations_answer
from bethna.api.rows_source import RowsSource, Tapped
from bethna.core.market import InstrumentId
from bethna.core.reference import Reference, ReferenceKind


class _ReferencesSource(RowsSource[Reference]):
    """Rows of one kind."""

    kind: ReferenceKind

    def view(self, instrument: InstrumentId) -> Reference:
        """How a figure is now."""
        return self.desk.reference(self.kind, instrument)

    def row(self, view: Reference, now_ns: int) -> bytes:
        """For the wire."""
        return encode(reference_row(view, now_ns))

    def all_of_them(self) -> list[InstrumentId]:
        """Those that have such a figure."""
        return instruments_of(self.desk, self.kind)

    def tapped(self, instrument: InstrumentId) -> Sequence[Tapped]:
        """Its figures."""
        return ("references",)


class IndicesSource(_ReferencesSource):
    """Rows of indices."""

    kind: ReferenceKind = "indices"
    shape = (b'{"indices":[', b"]}")

    def snapshot(self, notice: str | None) -> bytes:
        """Every row."""
        return encode(indices_answer(self.desk, self.asked(), notice))


class ValuationsSource(_ReferencesSource):
    """Rows of what contracts are worth."""

    kind: ReferenceKind = "valuations"
    shape = (b'{"valuations":[', b"]}")

    def snapshot(self, notice: str | None) -> bytes:
        """Every row."""
        return encode(valuations_answer(self.desk, self.asked(), notice))
