"""Coverage: the certificate of completeness that travels with every figure; it judges nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

# A certificate is read by people: it lists this many gaps at most and says so, the full list is in the audit.
MAX_LISTED_GAPS = 50


class Provenance(StrEnum):
    """Where a figure comes from."""

    LIVE = "live"
    HISTORY = "history"
    DERIVED = "derived"
    SYNTHETIC = "synthetic"


class State(StrEnum):
    """How complete a figure is, strongest first (the order of definition is the order of strength)."""

    COMPLETE = "complete"
    HEALED = "healed"
    UNVERIFIED = "unverified"
    INCOMPLETE = "incomplete"
    UNKNOWN = "unknown"


_RANK = {state: rank for rank, state in enumerate(State)}


class Gap(Struct, frozen=True, gc=False):
    """Something that is or was missing.

    Attributes:
        stream: which stream has the gap: `trades`, `book`, `quotes`.
        first_id, last_id: the missing ids, inclusive; None where only the time is known.
        start, end: ns UTC by the venue's clock; the missing part lies strictly between them. None where unknown.
        reason: `missing`, `reordered`, `not_watched`, `disconnected`, `unheard`, `duplicate`, `stray` (its id is far
            from the stream's), `renumbered` (the venue counts anew), `clock_ahead` (times ran ahead of the venue's
            clock: when trades happened is not known), `clock_set` (the clock was set ahead: nobody saw that time), or
            why it was not healed: `too_large`, `heal_refused`, `not_in_history`, `heal_failed`.
        healed: True when every missing part was found afterwards and spliced in.
    """

    stream: str
    first_id: int | None = None
    last_id: int | None = None
    start: int | None = None
    end: int | None = None
    reason: str = "missing"
    healed: bool = False


class Coverage(Struct, frozen=True, gc=False):
    """How complete a figure is and where it came from.

    Attributes:
        as_of: the venue's time up to which the certificate speaks, ns UTC; None before any data.
    """

    provenance: Provenance = Provenance.LIVE
    state: State = State.COMPLETE
    gaps: tuple[Gap, ...] = ()
    sources: tuple[str, ...] = ()
    as_of: int | None = None


def unknown(*sources: str, provenance: Provenance = Provenance.LIVE) -> Coverage:
    """The certificate of a figure that is not there yet."""
    return Coverage(provenance, State.UNKNOWN, sources=sources)


def weakest(states: Iterable[State]) -> State:
    """The weakest of some states; `unknown` when there is none."""
    return max(states, key=_RANK.__getitem__, default=State.UNKNOWN)


def derive(inputs: Iterable[Coverage], *, as_of: int | None = None) -> Coverage:
    """The certificate of a value computed from `inputs`: weakest state, all gaps and sources, synthetic if any is."""
    parts = tuple(inputs)
    gaps = dict.fromkeys(gap for part in parts for gap in part.gaps)
    sources = dict.fromkeys(source for part in parts for source in part.sources)
    synthetic = any(part.provenance is Provenance.SYNTHETIC for part in parts)
    return Coverage(
        provenance=Provenance.SYNTHETIC if synthetic else Provenance.DERIVED,
        state=weakest(part.state for part in parts),
        gaps=tuple(gaps)[:MAX_LISTED_GAPS],
        sources=tuple(sources),
        as_of=as_of
        if as_of is not None
        else min((p.as_of for p in parts if p.as_of is not None), default=None),
    )


def with_gaps(coverage: Coverage, gaps: Iterable[Gap]) -> Coverage:
    """`coverage` after learning of `gaps`: an open gap makes it incomplete, a healed one healed.

    Where they are more than can be listed, the open ones come first.
    """
    listed = tuple(gaps)
    if len(listed) > MAX_LISTED_GAPS:
        listed = tuple(sorted(listed, key=lambda gap: gap.healed))
    if not listed:
        return coverage
    state = State.HEALED if all(gap.healed for gap in listed) else State.INCOMPLETE
    return replace(
        coverage,
        state=weakest((coverage.state, state)),
        gaps=(coverage.gaps + listed)[:MAX_LISTED_GAPS],
    )
