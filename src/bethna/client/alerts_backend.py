"""The seam under `desk.alerts`: what a desk of this process and one behind an address both answer; no behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bethna.core.alert_views import Alert, ChannelView, Preview, Receipt, Rehearsed, RuleView, Why
from bethna.core.alerts import AlertRule
from bethna.core.errors import FeatureOff

Wish = str | AlertRule
"""A rule, as a sentence or typed."""


class AlertsBackend(Protocol):
    """The alerts of a desk, wherever it runs. Errors are those of `api.alerts_port`, the same from either.

    All raise StoreError where the journal cannot be used, FeatureOff where the desk keeps no alerts, and an attached
    one DeskUnreachable. Who names a rule that is not armed gets UnknownAlert.
    """

    async def rules(self) -> Sequence[RuleView]:
        """The armed rules, paused ones and those that are over included, in the order of their arming."""
        ...

    async def rule(self, name: str) -> RuleView:
        """One of them."""
        ...

    async def add(self, wishes: Sequence[Wish], via: Sequence[str]) -> Sequence[RuleView]:
        """Arm all of these, or none, in their order; `via` are channels for those that name none."""
        ...

    async def edit(self, name: str, wish: Wish, version: int) -> RuleView:
        """Put another rule in its place. Raises AlertChanged where it is of another version by now."""
        ...

    async def pause(self, name: str, *, paused: bool) -> RuleView:
        """Judge it no longer, or again."""
        ...

    async def remove(self, *names: str) -> None:
        """Arm these no longer, all or none."""
        ...

    async def preview(self, wish: Wish) -> Preview:
        """How it would be, without arming it."""
        ...

    async def rehearse(
        self, wish: Wish, *, over: str, span_ns: int | None, per_day: float | None
    ) -> Rehearsed:
        """What it would have told."""
        ...

    async def alerts(self, limit: int) -> Sequence[Alert]:
        """The newest alerts, cleared or not, ascending by when they were told."""
        ...

    async def why(self, name: str, *, at: int | None, limit: int) -> Why:
        """Why a rule did, or did not, fire at an event time, ns UTC; None is now."""
        ...

    async def notifications(self) -> Sequence[Alert]:
        """The notification centre, ascending by when they were told."""
        ...

    async def mark(self, keys: Sequence[str] | None, *, read: bool) -> None:
        """Alerts as read or unread, for every page and device; None is all of the centre."""
        ...

    async def clear(self, keys: Sequence[str] | None) -> None:
        """Out of the centre."""
        ...

    async def channels(self) -> Sequence[ChannelView]:
        """Where alerts may go."""
        ...

    async def test_channel(self, name: str) -> Receipt:
        """Send a message that says it is a test. Raises UnknownChannel."""
        ...


def no_alerts() -> FeatureOff:
    """This desk keeps none."""
    return FeatureOff(
        "alerts", "this desk keeps no alerts",
        hint="attach to one that does (`bethna up`), or open one with bethna.alerts_focused(...)",
    )  # fmt: skip
