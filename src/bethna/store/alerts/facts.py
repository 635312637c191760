"""What lies in a journal of alerts, as those who have none open can speak of it, too: it knows no database."""

from __future__ import annotations

from msgspec import Struct

from bethna.core.alerts import AlertRule, OpenGap, RuleState, Step

FILE = "alerts.sqlite"
PAGE, PUSH = "page", "push"
"""What rules may name without a channel of the settings; see `journal`."""
AlertKey = tuple[str, int]
"""(rule, firing)"""


class Cursor(Struct, frozen=True):
    """How far an instrument's trades have been judged. `gaps`: what of them was given up and may still come."""

    trade_id: int
    ts_event: int
    gaps: tuple[OpenGap, ...] = ()


class KeptRule(Struct, frozen=True):
    """A rule as it stands.

    Attributes:
        version: how often it was edited. armed, removed: ns UTC by the desk's clock.
    """

    name: str
    version: int
    rule: AlertRule
    state: RuleState
    armed: int
    removed: int | None


class Fired(Struct, frozen=True):
    """One firing; (rule, firing) is its key for good. `read`, `cleared`: ns UTC by the desk's clock, None before."""

    rule: str
    firing: int
    number: int
    fired: int
    told: int
    late: bool
    read: int | None = None
    cleared: int | None = None


class KeptAlert(Struct, frozen=True):
    """One firing with all that it says. `rule`: as it was then."""

    fired: Fired
    step: Step
    rule: AlertRule
