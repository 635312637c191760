"""Rules as they were kept: their order, and how they begin again; it changes no journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bethna.core.alerts import Phase, RuleState, Step
from bethna.core.market import InstrumentId
from bethna.logic.alerts.machine import begin
from bethna.store.alerts.facts import Cursor, KeptRule

if TYPE_CHECKING:
    from bethna.store.alerts.journal import Journal

SinceGaps = Mapping[InstrumentId, Sequence[Sequence[Step]]]
"""Lines of the journal since each gap of an instrument's cursor."""


def anew(kept: KeptRule) -> RuleState:
    """A rule of a recording that begins again; one that is paused stays so."""
    state = begin(kept.rule)
    return replace(state, phase=Phase.PAUSED) if kept.state.phase is Phase.PAUSED else state


def by_number(kept: KeptRule) -> tuple[int, str]:
    """The order of arming, also beyond a10."""
    number = kept.name[1:]
    return (int(number), "") if number.isdecimal() else (0, kept.name)


def since_gaps(journal: Journal, cursors: Mapping[InstrumentId, Cursor]) -> SinceGaps:
    """What rules told since what was given up. Raises StoreError."""
    return {
        name: [journal.alerts_since(gap.states) for gap in cursor.gaps] for name, cursor in cursors.items()
    }
