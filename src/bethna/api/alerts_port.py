"""What the doors may ask of a desk's alerts: a protocol without code; `app.alerts` stands behind it, and tests may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bethna.core.alert_views import (
    Alert,
    AlertLimits,
    ChannelView,
    Preview,
    PushSubscription,
    Receipt,
    Rehearsed,
    RuleView,
    Why,
)
from bethna.core.alerts import AlertRule
from bethna.core.market import InstrumentId


class AlertsDesk(Protocol):
    """The alerts of a running desk. Methods that are no coroutines answer at once from memory.

    All raise StoreError where the journal cannot be used; who names a rule that is not armed gets UnknownAlert.
    """

    def read_sentence(self, text: str) -> AlertRule:
        """The rule that a sentence says. Raises ConfigError naming the part, UnknownInstrument with the nearest."""
        ...

    def resolve(self, text: str) -> InstrumentId:
        """What rules may be about, as people write it, followed or not. Raises UnknownInstrument with the nearest."""
        ...

    def preview(self, rule: AlertRule) -> Preview:
        """How a rule would be, without arming it. Raises ConfigError: it makes no sense, or a channel is unknown."""
        ...

    def rules(self) -> Sequence[RuleView]:
        """The armed rules, paused ones and those that are over included, in the order of their arming."""
        ...

    def rule(self, name: str) -> RuleView:
        """One of them."""
        ...

    def limits(self) -> AlertLimits:
        """How many may be armed, and are."""
        ...

    async def add(self, rules: Sequence[AlertRule]) -> Sequence[RuleView]:
        """Arm all of these, or none.

        Raises:
            ConfigError: one makes no sense; its message begins with which one where there are several.
            UnknownInstrument: the desk does not follow its instrument.
            LimitReached: more than the settings allow. NoDataYet: trades from before are still to be judged.
        """
        ...

    async def edit(self, name: str, rule: AlertRule, version: int) -> RuleView:
        """Put another rule in its place, armed anew; its journal goes on.

        Raises:
            AlertChanged: somebody else has edited it since `version`; carries how it stands now. And what `add` raises.
        """
        ...

    async def pause(self, name: str, *, paused: bool) -> RuleView:
        """Judge it no longer, or again: then it is armed at the last price, as if it were new."""
        ...

    async def remove(self, *names: str) -> None:
        """Arm these no longer, all or none; their journal stays, and `why` outlives them."""
        ...

    async def alerts(self, *, limit: int = 200, rule: str | None = None) -> Sequence[Alert]:
        """The newest alerts, those that were cleared included, ascending by when they were told."""
        ...

    async def why(self, name: str, *, at: int | None = None, limit: int = 50) -> Why:
        """Why a rule did, or did not, fire at an event time (ns UTC; None: now). Works for removed ones, too."""
        ...

    async def rehearse(
        self,
        rule: AlertRule,
        *,
        over: str = "trades",
        span_ns: int | None = None,
        per_day: float | None = None,
    ) -> Rehearsed:
        """What a rule would have told.

        Args:
            over: `trades` (exact) or `bars` (longer, a lower bound). span_ns: how far back; None is what can be had
                quickly. per_day: a wished rate, for advice.

        Raises:
            ConfigError: it is not of trades, or the span is too long. NoDataYet: nothing of its past is known.
        """
        ...

    def notifications(self) -> Sequence[Alert]:
        """The notification centre: the newest alerts that were not cleared, at most as many as the setting says, by
        when they were told, ascending.
        """
        ...

    async def mark(self, keys: Sequence[str] | None, *, read: bool) -> None:
        """Alerts as read or unread, for every page and device; None is all of the centre. Unknown keys are let be."""
        ...

    async def clear(self, keys: Sequence[str] | None) -> None:
        """Out of the centre; the journal keeps them."""
        ...

    def channels(self) -> Sequence[ChannelView]:
        """Where alerts may go: those of the settings, and `push`."""
        ...

    async def test_channel(self, name: str) -> Receipt:
        """Send a message that says it is a test, now, whatever the source. Raises UnknownChannel."""
        ...

    def push_key(self) -> str:
        """The application server key for `PushManager.subscribe`: the public VAPID key, base64url."""
        ...

    async def push_add(self, subscription: PushSubscription) -> None:
        """Push to this browser from now on. Raises ConfigError: it is no subscription."""
        ...

    async def push_remove(self, endpoint: str) -> None:
        """Push there no longer; fine if nobody does."""
        ...
