"""Faults in time: which are active, which strikes now, when the next begins or ends; it does no harm itself.

Rules
  1. A fault is active from its begin to before its end. With `for_s` 0 it is active from its begin until it has struck
     once.
  2. `strikes` draws by `share`, from the generator of the caller or its own; `active` does not draw.
  3. Kinds that act by themselves are handed out by `due`, once, in the order of their begins.
  4. A step of the clock stays, also after `clear`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from random import Random

from msgspec import Struct

from bethna.core.clock import seconds
from bethna.twins.faults.facts import Fault
from bethna.twins.faults.kinds import SHEETS, Kind


class _Planned(Struct):
    """A fault with its instants, ns UTC; `spent`: it has struck its one time or acted."""

    fault: Fault
    begin: int
    end: int
    spent: bool = False

    def is_active(self, now: int) -> bool:
        """Rule 1."""
        if self.fault.once:
            return self.begin <= now and not self.spent
        return self.begin <= now < self.end

    def is_over(self, now: int) -> bool:
        """It will never strike or act again."""
        return self.end <= now and (self.spent or not (self.fault.once or SHEETS[self.fault.kind].acts))


class Faults:
    """The plan of one twin.

    Args:
        start: ns UTC from which `at_s` of the plan counts.
        rng: draws where a caller has no generator of its own.

    Attributes:
        struck: how often each kind struck. version: another number whenever the plan was changed from outside.
    """

    def __init__(self, plan: Iterable[Fault], start: int, rng: Random) -> None:
        self.struck: Counter[str] = Counter()
        self.version = 0
        self._rng = rng
        self._jumped_ns = 0
        self._planned: list[_Planned] = []
        self._by_kind: dict[str, list[_Planned]] = {}
        for fault in plan:
            self.add(fault, start)

    def add(self, fault: Fault, now: int) -> None:
        """One more; its `at_s` counts from `now`. Those that are over are forgotten."""
        if any(each.is_over(now) for each in self._planned):
            self._planned = [each for each in self._planned if not each.is_over(now)]
            self._by_kind = {
                kind: [each for each in planned if not each.is_over(now)]
                for kind, planned in self._by_kind.items()
            }
        begin = now + seconds(fault.at_s)
        planned = _Planned(fault, begin, begin + seconds(fault.for_s))
        self._planned.append(planned)
        self._by_kind.setdefault(fault.kind, []).append(planned)
        self.version += 1

    def clear(self, now: int) -> int:
        """End everything that is active or planned; how many that were. What a clock has jumped stays jumped."""
        ended = len(self.standing(now))
        self._planned.clear()
        self._by_kind.clear()
        self.version += 1
        return ended

    def standing(self, now: int) -> list[tuple[Fault, int, bool]]:
        """What is active or planned: (fault, when it begins or began, whether it is active), in order of begin."""
        found = [
            (each.fault, each.begin, each.is_active(now))
            for each in self._planned
            if each.is_active(now) or (each.begin > now and not each.spent)
        ]
        return sorted(found, key=lambda entry: entry[1])

    def active(
        self, kind: Kind, now: int, *, symbol: str = "", stream: str = "", endpoint: str = ""
    ) -> Fault | None:
        """The first active fault of a kind that is about this; nothing is drawn."""
        for each in self._by_kind.get(kind, ()):
            if each.is_active(now) and each.fault.hits(symbol, stream, endpoint):
                return each.fault
        return None

    def strikes(
        self,
        kind: Kind,
        now: int,
        *,
        symbol: str = "",
        stream: str = "",
        endpoint: str = "",
        on: str = "",
        rng: Random | None = None,
        about: Callable[[Fault], bool] | None = None,
    ) -> Fault | None:
        """The fault of a kind that strikes this now, or None (rules 1 and 2).

        Args:
            on: `rest` or `ws` where the kind tells requests from upgrades.
            about: says whom a fault strikes, in the place of symbol, stream and endpoint.
            rng: whose dice; a connection has its own, so that what happens to others does not change its luck.
        """
        planned = self._by_kind.get(kind)
        if not planned:
            return None
        for each in planned:
            fault = each.fault
            if not each.is_active(now):
                continue
            if not (about(fault) if about else fault.hits(symbol, stream, endpoint)):
                continue
            if on and fault.on not in (on, "both"):
                continue
            if fault.share < 1.0 and (rng or self._rng).random() >= fault.share:
                continue
            each.spent = True
            self.struck[kind] += 1
            return fault
        return None

    def any_active(self, kinds: Iterable[Kind], now: int) -> bool:
        """Whether any fault of these kinds is active."""
        return any(each.is_active(now) for kind in kinds for each in self._by_kind.get(kind, ()))

    def wanted(self, kind: Kind, now: int) -> list[Fault]:
        """Faults of a kind that are active, or will be within their own `delay_s`."""
        return [
            each.fault
            for each in self._by_kind.get(kind, ())
            if each.is_active(now) or now < each.begin <= now + seconds(each.fault.delay_s)
        ]

    def ends_at(self, fault: Fault, now: int) -> int:
        """When an active fault ends; `now` for one that strikes once."""
        ends = [each.end for each in self._by_kind.get(fault.kind, ()) if each.fault is fault]
        return max([now, *ends])

    def next_edge(self, now: int) -> int | None:
        """The next instant after `now` at which a fault begins or ends, or its past begins to matter; None without."""
        edges = [edge for each in self._planned for edge in _edges(each) if edge > now]
        return min(edges, default=None)

    def due(self, now: int) -> list[Fault]:
        """Faults that act by themselves and have begun since the last call (rule 3)."""
        begun = [
            each
            for each in self._planned
            if SHEETS[each.fault.kind].acts and each.begin <= now and not each.spent
        ]
        begun.sort(key=lambda each: each.begin)
        for each in begun:
            each.spent = True
            self.struck[each.fault.kind] += 1
            if each.fault.kind == "clock_jump":  # rule 4
                self._jumped_ns += seconds(each.fault.offset_s)
        return [each.fault for each in begun]

    def offset_ns(self, now: int) -> int:
        """How far the venue's clock is off: every jump so far and the skews that are active."""
        skews = (
            seconds(each.fault.offset_s)
            for each in self._by_kind.get("clock_skew", ())
            if each.is_active(now)
        )
        return self._jumped_ns + sum(skews)


def _edges(planned: _Planned) -> tuple[int, ...]:
    if planned.fault.kind == "stale_snapshot":
        return planned.begin - seconds(planned.fault.delay_s), planned.begin, planned.end
    return planned.begin, planned.end
