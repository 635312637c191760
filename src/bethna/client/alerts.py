"""Alerts as a noun of a desk: rules that are armed, what has fired, and why; it judges nothing and keeps nothing.

Rules
  1. A rule is a sentence or an AlertRule. Several are armed together: all of them or none.
  2. Everything that is asked for is awaited: rules live in the desk, and one that is attached is asked over its API.
  3. A stream says each alert once, from now on, after it is on the desk's disk. A reader who lets more than PENDING of
     them wait ends with Closed: an alert is never left out silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, overload

from msgspec.structs import replace

from bethna.client.alerts_backend import AlertsBackend, Wish
from bethna.client.backend import Want
from bethna.client.nouns import Noun, check_count
from bethna.client.spans import Length, When, instant_ns, last_ns, texts_of
from bethna.client.streams import Callback, Stream, Subscription
from bethna.core.alert_views import Alert, ChannelView, Preview, Receipt, Rehearsed, RuleView, Why
from bethna.core.alerts import AlertRule, AllOf, AnyOf, Condition, Leaf
from bethna.core.errors import Closed, ConfigError, UnknownInstrument, cut
from bethna.core.status import Dropped
from bethna.runtime.mailbox import Newest

PENDING = 10_000
MOST_HISTORY = 1000
MOST_STEPS = 500
Over = Literal["trades", "bars"]
Wishes = Iterable[Wish]


class Alerts(Noun[RuleView]):
    """The alerts of a desk."""

    kind = "trades"
    name = "alert"

    def __repr__(self) -> str:
        return (
            "<alerts of a desk: add, list, get, edit, pause, resume, remove, history, why, rehearse, preview, stream, "
            "on, notifications, mark, clear, channels, test_channel>"
        )

    # rules -------------------------------------------------------------------------------------------------------

    @overload
    async def add(self, rules: str, /, *, via: str | Sequence[str] = ...) -> RuleView: ...  # type: ignore[overload-overlap]  # a str is one of str, too
    @overload
    async def add(self, rules: AlertRule, /, *, via: str | Sequence[str] = ...) -> RuleView: ...
    @overload
    async def add(self, rules: Wishes, /, *, via: str | Sequence[str] = ...) -> Sequence[RuleView]: ...
    async def add(
        self, rules: Wish | Wishes, /, *, via: str | Sequence[str] = ()
    ) -> RuleView | Sequence[RuleView]:
        """Arm a rule; several in a list, all or none (rule 1).

        Args:
            via: channels for those that name none, such as `["telegram"]`.

        Returns:
            the armed rule; a list of them where several were given.

        Raises:
            ConfigError: one cannot be read, or makes no sense; the message names the part, and which of several.
            UnknownInstrument: the desk does not follow its instrument.
            LimitReached: more than the settings allow. NoDataYet: trades from before are still to be judged.
        """
        desk = self._desk()
        if isinstance(rules, str | AlertRule):
            [found] = await desk.add([self._wish(rules)], texts_of("via", via))
            return found
        several: object = rules  # whatever a program says
        wishes = [self._wish(each) for each in (several if isinstance(several, Iterable) else (several,))]
        if not wishes:
            raise ConfigError(
                "rules", "expected a rule, found none", hint='write "BTC-USDT crosses above 65000"'
            )
        return await desk.add(wishes, texts_of("via", via))

    async def list(self) -> Sequence[RuleView]:
        """The armed rules, paused ones and those that are over included, in the order of their arming."""
        return await self._desk().rules()

    async def get(self, name: str) -> RuleView:
        """One of them. Raises UnknownAlert."""
        return await self._desk().rule(_name(name))

    async def edit(self, name: str, rule: Wish, version: int | None = None) -> RuleView:
        """Put another rule in its place, armed anew; its journal goes on.

        Args:
            version: the one that was read; None takes the rule as it is now.

        Raises:
            AlertChanged: somebody else has edited it since `version`. And what `add` raises.
        """
        desk = self._desk()
        wish = self._wish(rule)
        known = (await desk.rule(_name(name))).version if version is None else version
        return await desk.edit(_name(name), wish, known)

    async def pause(self, name: str) -> RuleView:
        """Judge it no longer. Raises UnknownAlert."""
        return await self._desk().pause(_name(name), paused=True)

    async def resume(self, name: str) -> RuleView:
        """Judge it again: it is armed at the last price, as if it were new. Raises UnknownAlert."""
        return await self._desk().pause(_name(name), paused=False)

    async def remove(self, name: str, *more: str) -> None:
        """Arm it no longer, and more of them: all or none. The journal stays, and `why` outlives them.

        Raises:
            UnknownAlert: one of them is not armed; all stay as they are.
        """
        await self._desk().remove(*(_name(each) for each in (name, *more)))

    async def preview(self, rule: Wish) -> Preview:
        """How a rule would be, without arming it. Raises ConfigError, UnknownInstrument."""
        return await self._desk().preview(self._wish(rule))

    async def rehearse(
        self, rule: Wish, over: Over = "trades", last: Length | None = None, per_day: float | None = None
    ) -> Rehearsed:
        """What a rule would have told.

        Args:
            over: `trades` is exact; `bars` reaches farther and is a lower bound.
            last: how far back, such as `"2h"` or a timedelta; None is what can be had quickly.
            per_day: a rate that you wish, for advice.

        Raises:
            ConfigError: it is not of trades, or the span is too long. NoDataYet: nothing of its past is known.
        """
        if over not in ("trades", "bars"):
            raise ConfigError("over", f"over: expected trades or bars, found {cut(repr(over))}")
        wish = self._wish(rule)
        span_ns = None if last is None else last_ns(last)
        return await self._desk().rehearse(wish, over=over, span_ns=span_ns, per_day=per_day)

    # what has fired ----------------------------------------------------------------------------------------------

    async def history(self, limit: int = 200) -> Sequence[Alert]:
        """The newest alerts, cleared or not, ascending by when they were told."""
        check_count("limit", limit, MOST_HISTORY)
        return await self._desk().alerts(limit)

    async def why(self, name: str, at: When | None = None, limit: int = 50) -> Why:
        """Why a rule did, or did not, fire. It works for removed ones, too.

        Args:
            at: by the venue's clock: a datetime, a text such as `"2026-11-01T12:00+02:00"`, or ns UTC; None is now.
            limit: so many lines of its journal at most.

        Raises:
            UnknownAlert: there never was a rule of that name.
        """
        check_count("limit", limit, MOST_STEPS)
        when = None if at is None else instant_ns("at", at)
        return await self._desk().why(_name(name), at=when, limit=limit)

    def stream(self) -> Stream[Alert]:
        """Each alert as it fires, from now on (rule 3)."""
        self._desk()
        return Stream(self._ear(Newest(PENDING), Want("alerts")), _alert)

    def on(self, callback: Callback[Alert]) -> Subscription[Alert]:
        """Call back with each."""
        return self._call(self.stream(), callback)

    async def notifications(self) -> Sequence[Alert]:
        """The notification centre: the newest alerts that were not cleared, ascending by when they were told."""
        return await self._desk().notifications()

    async def mark(self, keys: str | Iterable[str] | None = None, *, read: bool = True) -> None:
        """Alerts as read or unread, by their `key`, for every page and device; None is all of the centre."""
        await self._desk().mark(None if keys is None else texts_of("keys", keys), read=read)

    async def clear(self, keys: str | Iterable[str] | None = None) -> None:
        """Out of the centre; None is all of it. `history` keeps them."""
        await self._desk().clear(None if keys is None else texts_of("keys", keys))

    # channels ----------------------------------------------------------------------------------------------------

    async def channels(self) -> Sequence[ChannelView]:
        """Where alerts may go."""
        return await self._desk().channels()

    async def test_channel(self, name: str) -> Receipt:
        """Send a message that says it is a test, now, whatever the source. Raises UnknownChannel."""
        return await self._desk().test_channel(_name(name))

    def _wish(self, said: object) -> Wish:
        """A sentence, or a rule with its instruments as the desk names them; one that it does not follow is left as it
        is, for the desk to refuse. Raises ConfigError for anything else.
        """
        if isinstance(said, str):
            return said
        if isinstance(said, AlertRule):
            return replace(said, condition=self._named(said.condition))
        raise ConfigError("rules", f"expected a sentence or an AlertRule, found {cut(repr(said))}")

    def _named(self, condition: Condition) -> Condition:
        match condition:
            case AllOf() | AnyOf():
                return replace(condition, parts=tuple(self._leaf(part) for part in condition.parts))
            case _:
                return self._leaf(condition)

    def _leaf(self, leaf: Leaf) -> Leaf:
        named: str | None = getattr(leaf, "instrument", None)
        if named is None:
            return leaf
        try:
            return replace(leaf, instrument=self._house.backend().resolve(named))
        except UnknownInstrument:
            return leaf

    def _desk(self) -> AlertsBackend:
        """Raises FeatureOff where this desk keeps none, Closed after the end."""
        return self._house.backend().alerts()


def _name(name: object) -> str:
    """Raises ConfigError for what cannot be one."""
    if not isinstance(name, str) or not name.strip():
        raise ConfigError("name", f"name: expected one such as a3, found {cut(repr(name))}")
    return name.strip()


def _alert(event: object) -> Alert | None:
    if isinstance(event, Dropped):  # rule 3
        raise Closed(f"this reader lost {event.count} alerts: it is too slow", hint="open another stream")
    return event if isinstance(event, Alert) else None
