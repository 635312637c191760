"""The alerts of a desk behind an address: each question goes over its API when it is asked; nothing is kept at hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, cast
from urllib.parse import quote

from msgspec import Struct

from bethna.api.alerts_protocol import (
    AlertRow,
    AlertsAnswer,
    AlertsWish,
    AlertWish,
    ChannelsAnswer,
    HistoryAnswer,
    KeysWish,
    NamesWish,
    NotificationsAnswer,
    PreviewAnswer,
    ReceiptAnswer,
    RehearsalAnswer,
    RehearsalWish,
    RemovedAnswer,
    WhyAnswer,
)
from bethna.client.alert_facts import (
    alert_of,
    channel_of,
    preview_of,
    receipt_of,
    rehearsed_of,
    typed_rule,
    view_of,
    why_of,
)
from bethna.client.alerts_backend import Wish
from bethna.client.remote_link import Link
from bethna.core.alert_views import Alert, ChannelView, Preview, Receipt, Rehearsed, RuleView, Why
from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.core.errors import UnknownAlert, UnknownChannel

LONG_S = 120.0
"""A rehearsal may have the desk ask a venue for its past, a test of a channel waits for somebody else."""
ALERTS = "alerts"
_NAME = re.compile(r"[a-z]+[0-9]+", re.ASCII)


class _Armed(Struct, frozen=True):
    """What was armed by one wish."""

    alerts: list[AlertRow]


class RemoteAlerts:
    """See `AlertsBackend`. All raise DeskUnreachable where no desk answers, and what the desk refuses with."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def rules(self) -> Sequence[RuleView]:
        """What is armed."""
        return [view_of(row) for row in (await self._link.get(ALERTS, AlertsAnswer)).alerts]

    async def rule(self, name: str) -> RuleView:
        """One rule."""
        return view_of(await self._link.get(_named(name), AlertRow))

    async def add(self, wishes: Sequence[Wish], via: Sequence[str]) -> Sequence[RuleView]:
        """All or none; the desk takes sentences first, and they come back in the order of the wishes."""
        sentences = tuple(wish for wish in wishes if isinstance(wish, str))
        typed = tuple(typed_rule(wish) for wish in wishes if not isinstance(wish, str))
        answer = await self._link.post(ALERTS, AlertsWish(sentences, typed, tuple(via)), _Armed)
        views = [view_of(row) for row in answer.alerts]
        said, told = iter(views[: len(sentences)]), iter(views[len(sentences) :])
        return [next(said if isinstance(wish, str) else told) for wish in wishes]

    async def edit(self, name: str, wish: Wish, version: int) -> RuleView:
        """Another rule in its place."""
        return view_of(await self._link.put(_named(name), _wish(wish, version), AlertRow))

    async def pause(self, name: str, *, paused: bool) -> RuleView:
        """Judge it no longer, or again."""
        path = f"{_named(name)}/{'pause' if paused else 'resume'}"
        return view_of(await self._link.post(path, None, AlertRow))

    async def remove(self, *names: str) -> None:
        """All or none."""
        await self._link.post(f"{ALERTS}/remove", NamesWish(names), RemovedAnswer)

    async def preview(self, wish: Wish) -> Preview:
        """Without arming it."""
        return preview_of(await self._link.post(f"{ALERTS}/preview", _wish(wish), PreviewAnswer))

    async def rehearse(
        self, wish: Wish, *, over: str, span_ns: int | None, per_day: float | None
    ) -> Rehearsed:
        """Over what the desk knows of the past."""
        said = _wish(wish)
        asked = RehearsalWish(
            said.sentence, said.rule, cast("Literal['trades', 'bars']", over),
            None if span_ns is None else span_ns / NS_PER_S, per_day,
        )  # fmt: skip
        return rehearsed_of(await self._link.post(f"{ALERTS}/rehearse", asked, RehearsalAnswer, LONG_S))

    async def alerts(self, limit: int) -> Sequence[Alert]:
        """The newest."""
        answer = await self._link.get(f"{ALERTS}/history?limit={limit}", HistoryAnswer)
        return [alert_of(row) for row in answer.alerts]

    async def why(self, name: str, *, at: int | None, limit: int) -> Why:
        """Why it did, or did not; an instant between two microseconds is the later one."""
        when = "" if at is None else f"&at={-(-at // NS_PER_US)}"
        return why_of(await self._link.get(f"{_named(name)}/why?limit={limit}{when}", WhyAnswer, LONG_S))

    async def notifications(self) -> Sequence[Alert]:
        """The centre."""
        answer = await self._link.get("notifications", NotificationsAnswer)
        return [alert_of(row) for row in answer.notifications]

    async def mark(self, keys: Sequence[str] | None, *, read: bool) -> None:
        """Read or unread."""
        await self._link.ask("POST", "notifications/read", body=KeysWish(_keys(keys), read))

    async def clear(self, keys: Sequence[str] | None) -> None:
        """Out of the centre."""
        await self._link.ask("POST", "notifications/clear", body=KeysWish(_keys(keys)))

    async def channels(self) -> Sequence[ChannelView]:
        """Where alerts may go."""
        return [channel_of(row) for row in (await self._link.get("channels", ChannelsAnswer)).channels]

    async def test_channel(self, name: str) -> Receipt:
        """A message that says it is a test."""
        if "/" in name or not name.strip("."):  # which would be another address
            raise UnknownChannel(name, [each.name for each in await self.channels()])
        path = f"channels/{quote(name, safe='')}/test"
        return receipt_of(await self._link.post(path, None, ReceiptAnswer, LONG_S))


def _named(name: str) -> str:
    """Its address. What can be no rule's name would be another one, such as `history`. Raises UnknownAlert."""
    if _NAME.fullmatch(name) is None:
        raise UnknownAlert(name)
    return f"{ALERTS}/{name}"


def _wish(wish: Wish, version: int | None = None) -> AlertWish:
    if isinstance(wish, str):
        return AlertWish(sentence=wish, version=version)
    return AlertWish(rule=typed_rule(wish), version=version)


def _keys(keys: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if keys is None else tuple(keys)
