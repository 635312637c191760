"""Rules as they were kept: their order, and how they begin again; it reads no journal."""

from __future__ import annotations

from msgspec.structs import replace

from bethna.core.alerts import Phase, RuleState
from bethna.logic.alerts.machine import begin
from bethna.store.alerts.journal import KeptRule


def anew(kept: KeptRule) -> RuleState:
    """A rule of a recording that begins again; one that is paused stays so."""
    state = begin(kept.rule)
    return replace(state, phase=Phase.PAUSED) if kept.state.phase is Phase.PAUSED else state


def by_number(kept: KeptRule) -> tuple[int, str]:
    """The order of arming, also beyond a10."""
    number = kept.name[1:]
    return (int(number), "") if number.isdecimal() else (0, kept.name)
