"""How much may be asked, by door and by who asks; it keeps count and answers nothing.

Rules
  1. Every request counts, also one that is refused, that fails, or that nobody answers.
  2. A minute of the clock has so many for one key, without a key for one address; a month of thirty days for a key of
     the free plan.
  3. At most `MAX_ASKERS` are remembered; beyond that the one that came first is forgotten.
"""

from __future__ import annotations

from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.twins.line.limits import Rules as LineRules

MINUTE = 60 * NS_PER_S
MONTH = 30 * 86_400 * NS_PER_S
MAX_ASKERS = 1000


class Rules(LineRules, frozen=True):
    """The venue's rules; tests scale them. 0 is no such rule.

    Attributes:
        keyless_per_minute, demo_per_minute, pro_per_minute, demo_per_month: see the module.
        free_days: how far back the free host shows. past_days: how much is made up before the world's start.
        caches: whether answers stay the same for a while, as at the venue.
    """

    keyless_per_minute: int = 10
    demo_per_minute: int = 30
    pro_per_minute: int = 250
    demo_per_month: int = 10_000
    free_days: int = 365
    past_days: int = 370
    caches: bool = True


class Asked(Struct):
    """What one asker has asked: since when the minute and the month run, and how much in each."""

    minute: int = -1
    month: int = -1
    in_minute: int = 0
    in_month: int = 0


class Limits:
    """The counts of every asker. `now` is the caller's clock, ns UTC."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._asked: dict[str, Asked] = {}

    def count(self, plan: str, who: str, now: int) -> int | None:
        """One more request of `who` on a plan; when there were too many, until when (ns UTC), else None."""
        asked = self._of(f"{plan} {who}")
        minute, month = now // MINUTE, now // MONTH
        if asked.minute != minute:
            asked.minute, asked.in_minute = minute, 0
        if asked.month != month:
            asked.month, asked.in_month = month, 0
        asked.in_minute += 1
        asked.in_month += 1
        rules = self._rules
        most = {"pro": rules.pro_per_minute, "demo": rules.demo_per_minute}.get(
            plan, rules.keyless_per_minute
        )
        if plan == "demo" and rules.demo_per_month and asked.in_month > rules.demo_per_month:
            return (month + 1) * MONTH
        return (minute + 1) * MINUTE if most and asked.in_minute > most else None

    def state(self) -> dict[str, dict[str, object]]:
        """By asker: what was asked in its minute and month, for a person to look at; keys are not shown."""
        found: dict[str, dict[str, object]] = {}
        for number, (who, asked) in enumerate(self._asked.items(), 1):
            plan, _, name = who.partition(" ")
            shown = f"{plan} {name}" if plan == "keyless" else f"{plan} key {number}"
            found[shown] = {"in_minute": asked.in_minute, "in_month": asked.in_month}
        return found

    def _of(self, who: str) -> Asked:
        found = self._asked.get(who)
        if found is None:
            if len(self._asked) >= MAX_ASKERS:
                del self._asked[next(iter(self._asked))]
            found = self._asked[who] = Asked()
        return found
