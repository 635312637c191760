"""Rules as they were kept: their order, and how they begin again; it reads no journal."""

from __future__ import annotations

from bethna.core.alerts import LeafState, Phase, RuleState
from bethna.store.alerts.journal import KeptRule


def anew(kept: KeptRule) -> RuleState:
    """A rule of a recording that begins again, its numbers going on; one that is paused stays so."""
    before = kept.state
    phase = Phase.PAUSED if before.phase is Phase.PAUSED else Phase.ACTIVE
    leaves = (LeafState.UNSEEN,) * len(before.leaves)
    return RuleState(leaves, phase, before.steps, None, None, before.firings)


def by_number(kept: KeptRule) -> tuple[int, str]:
    """The order of arming, also beyond a10."""
    number = kept.name[1:]
    return (int(number), "") if number.isdecimal() else (0, kept.name)
