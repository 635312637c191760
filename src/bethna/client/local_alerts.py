"""The alerts of a desk of this process: each question goes to its `AlertsDesk`; it judges and keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bethna.api.alerts_port import AlertsDesk
from bethna.api.alerts_wishes import said_which
from bethna.client.alerts_backend import Wish
from bethna.core.alert_views import Alert, ChannelView, Preview, Receipt, Rehearsed, RuleView, Why
from bethna.core.alerts import AlertRule


class LocalAlerts:
    """See `AlertsBackend`."""

    def __init__(self, desk: AlertsDesk) -> None:
        self._desk = desk

    async def rules(self) -> Sequence[RuleView]:
        """What is armed."""
        return self._desk.rules()

    async def rule(self, name: str) -> RuleView:
        """One rule."""
        return self._desk.rule(name)

    async def add(self, wishes: Sequence[Wish], via: Sequence[str]) -> Sequence[RuleView]:
        """All or none: what cannot be read is refused before anything is armed."""
        rules, named = [], tuple(via)
        for number, wish in enumerate(wishes, 1):
            with said_which(number, len(wishes)):
                rules.append(self._read(wish))
        return await self._desk.add(
            [rule if rule.channels or not named else replace(rule, channels=named) for rule in rules]
        )

    async def edit(self, name: str, wish: Wish, version: int) -> RuleView:
        """Another rule in its place."""
        return await self._desk.edit(name, self._read(wish), version)

    async def pause(self, name: str, *, paused: bool) -> RuleView:
        """Judge it no longer, or again."""
        return await self._desk.pause(name, paused=paused)

    async def remove(self, *names: str) -> None:
        """All or none."""
        await self._desk.remove(*names)

    async def preview(self, wish: Wish) -> Preview:
        """Without arming it."""
        return self._desk.preview(self._read(wish))

    async def rehearse(
        self, wish: Wish, *, over: str, span_ns: int | None, per_day: float | None
    ) -> Rehearsed:
        """Over what is known of the past."""
        return await self._desk.rehearse(self._read(wish), over=over, span_ns=span_ns, per_day=per_day)

    async def alerts(self, limit: int) -> Sequence[Alert]:
        """The newest."""
        return await self._desk.alerts(limit=limit)

    async def why(self, name: str, *, at: int | None, limit: int) -> Why:
        """Why it did, or did not."""
        return await self._desk.why(name, at=at, limit=limit)

    async def notifications(self) -> Sequence[Alert]:
        """The centre."""
        return self._desk.notifications()

    async def mark(self, keys: Sequence[str] | None, *, read: bool) -> None:
        """Read or unread."""
        await self._desk.mark(keys, read=read)

    async def clear(self, keys: Sequence[str] | None) -> None:
        """Out of the centre."""
        await self._desk.clear(keys)

    async def channels(self) -> Sequence[ChannelView]:
        """Where alerts may go."""
        return self._desk.channels()

    async def test_channel(self, name: str) -> Receipt:
        """A message that says it is a test."""
        return await self._desk.test_channel(name)

    def _read(self, wish: Wish) -> AlertRule:
        return self._desk.read_sentence(wish) if isinstance(wish, str) else wish
