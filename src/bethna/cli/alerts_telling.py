"""Tells rules, alerts, their reasons and rehearsals: calm lines for people, objects for programs; it asks no desk.

Rules
  1. An object is what the HTTP reference has under the same name, with its `type`; a line is never parsed back.
  2. Instants are shown in the zone that was asked for, and say which.
  3. Why begins with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import click
import msgspec
from msgspec import Struct, to_builtins

from bethna.api.alerts import (
    alert_row,
    channels_answer,
    notification_row,
    rehearsal_answer,
    why_answer,
    words,
)
from bethna.cli.alert_words import (
    Plot,
    alert_words,
    channel_words,
    deliveries_words,
    names,
    number,
    plot,
    rehearsed_words,
    short_key,
    state_words,
    times,
)
from bethna.cli.cells import Digits, lasted
from bethna.cli.grid import MISSING, Column, Grid, plain
from bethna.cli.zones import UTC_ZONE, Zone
from bethna.core.alert_views import Alert, ChannelView, Receipt, Rehearsed, RuleView, Why
from bethna.core.alerts import Step

Object = dict[str, Any]


class Says(Protocol):
    """Where lines go: `Output` is one."""

    async def say(self, text: str) -> None:
        """One line."""
        ...

    async def drained(self) -> None:
        """Wait until all of it is written."""
        ...


class AlertsTelling:
    """Where answers go."""

    def __init__(self, out: Says, *, as_json: bool = False, zone: Zone = UTC_ZONE) -> None:
        self._out = out
        self._as_json = as_json
        self._zone = zone
        self._begun = False
        titles = (
            Column("KEY", 4, "left"), Column("ALERT", 5, "left"), Column("DATA", 8, "left"),
            Column("READ", 4, "left"), Column("TOLD", 4, "left"),
        )  # fmt: skip
        self._history = Grid((self._time("FIRED"), *titles))

    async def rules(self, views: Sequence[RuleView]) -> None:
        """All of them, a line each."""
        if self._as_json:
            await self._object("alerts", alerts=[to_builtins(alert_row(view)) for view in views])
            return
        if not views:
            await self._out.say(
                'no rule is armed; arm one: bethna alerts add "BTC-USDT crosses above 65,000"'
            )
            return
        titles = (
            Column("NAME", 4, "left"), Column("STATE", 5, "left"), Column("FIRED", 5),
            self._time("LAST"), Column("RULE", side="left"),
        )  # fmt: skip
        await self._table(titles, [self._rule_cells(view) for view in views])

    async def rule(self, view: RuleView) -> None:
        """One, after something was done with it: a line."""
        if self._as_json:
            await self._object("alert", **to_builtins(alert_row(view)))
        else:
            await self._out.say(plain(f"{view.name}  {state_words(view)}  {view.sentence}"))

    async def not_told(self, views: Sequence[RuleView], channels: Sequence[ChannelView]) -> None:
        """Channels that these rules name and that would tell nobody as they are: a note each, beside the answer."""
        for each in channels:
            of = [view.name for view in views if each.name in view.rule.channels]
            if not of or (each.ready and not each.off):
                continue
            where = f"by {each.fallback} and " if each.fallback and not each.ready else "only "
            click.echo(
                plain(f"{each.name} is {channel_words(each)}; {names(of)} tells {where}on the page"), err=True
            )

    async def shown(self, view: RuleView) -> None:
        """One, with all that is known of it."""
        if self._as_json:
            await self.rule(view)
            return
        state = view.state
        last = "" if state.last_fired is None else f", last {self._zone.said(state.last_fired)}"
        said = [
            ("rule", view.sentence),
            ("state", state_words(view)),
            ("version", f"{view.version}, armed {self._zone.said(view.armed)}"),
            ("fired", ("never" if not state.firings else times(state.firings, "time")) + last),
            ("severity", str(view.rule.severity)),
            ("channels", names(view.rule.channels)),
        ]
        if view.rule.note:
            said.append(("note", view.rule.note))
        said += [("level", f"{line.instrument} {line.role} {number(line.price)}") for line in view.lines]
        await self._out.say(view.name)
        for name, words_ in said:
            await self._out.say(plain(f"  {name:<10}{words_}"))

    async def removed(self, name: str) -> None:
        """One that is armed no longer."""
        if self._as_json:
            await self._object("removed", name=name)
        else:
            await self._out.say(plain(f"{name}  removed; `bethna alerts why {name}` still answers"))

    async def drained(self) -> None:
        """Wait until all of it is written."""
        await self._out.drained()

    # what has fired ----------------------------------------------------------------------------------------------

    async def history(self, alerts: Sequence[Alert]) -> None:
        """The newest, newest last."""
        if self._as_json:
            await self._object(
                "notifications", alerts=[to_builtins(notification_row(each)) for each in alerts]
            )
            return
        if not alerts:
            await self._out.say("nothing has fired yet")
            return
        for each in alerts:
            self._history.measure(self._alert_cells(each))
        for each in alerts:
            await self.alert(each)

    async def alert(self, alert: Alert) -> None:
        """One as it comes: a line below those before it, or an object."""
        if self._as_json:
            await self._object("notification", **to_builtins(notification_row(alert)))
            return
        line = self._history.line(self._alert_cells(alert))
        if not self._begun:
            self._begun = True
            await self._out.say(self._history.head())
        await self._out.say(line)

    async def why(self, why: Why) -> None:
        """Why a rule did, or did not, fire (rule 3)."""
        if self._as_json:
            await self._object("why", **to_builtins(why_answer(why)))
            return
        state = "removed" if why.view is None else state_words(why.view)
        await self._out.say(plain(f"{why.name}  {why.reason}"))
        await self._out.say(plain(f"  asked about {self._zone.said(why.at)}; now {state}"))
        await self._out.say(plain(f"  {why.sentence}"))
        await self._part(
            "Journal", _JOURNAL, [self._step_cells(each) for each in why.steps], "nothing is written"
        )
        if why.later:
            await self._part("Later", _JOURNAL, [self._step_cells(each) for each in why.later], "")
        price, quantity = Digits(), Digits()
        price.see(each.price for each in why.trades)
        quantity.see(each.quantity for each in why.trades)
        trades = [
            [
                self._zone.clock(each.ts_event),
                price.write(each.price),
                quantity.write(each.quantity),
                each.side,
                str(each.trade_id),
            ]
            for each in why.trades
        ]
        await self._part("Trades around", _TRADES, trades, why.around or "none")
        if trades and why.around:
            await self._out.say(plain(f"  {why.around}"))
        told = [[short_key(each), each.title, deliveries_words(each)] for each in why.alerts]
        await self._part("Told", _TOLD, told, "nothing was told", times=False)

    async def rehearsed(self, found: Rehearsed) -> None:
        """What a rule would have told, and when."""
        if self._as_json:
            await self._object("rehearsal", **to_builtins(rehearsal_answer(found)))
            return
        await self._out.say(plain(found.sentence))
        span = f"{self._zone.said(found.start)} to {self._zone.said(found.end)} ({lasted(found.end - found.start)})"
        await self._out.say(span)
        for line in rehearsed_words(found):
            await self._out.say(f"  {line}")
        for line in _plotted(plot(found)):
            await self._out.say(line)

    # channels ----------------------------------------------------------------------------------------------------

    async def channels(self, channels: Sequence[ChannelView]) -> None:
        """Where alerts may go."""
        if self._as_json:
            await self._object("channels", **to_builtins(channels_answer(channels)))
            return
        if not channels:
            await self._out.say("no channel is set; BETHNA_ALERT_CHANNELS names them")
            return
        rows = [
            [
                each.name, each.kind, each.target, channel_words(each), each.fallback or MISSING,
                str(each.waiting), str(each.sent), str(each.dead),
            ]
            for each in channels
        ]  # fmt: skip
        await self._table(_CHANNELS, rows)

    async def receipt(self, name: str, receipt: Receipt) -> None:
        """What came of a test."""
        if self._as_json:
            await self._object("receipt", name=name, ok=receipt.ok, said=receipt.said)
        else:
            said = f": {receipt.said}" if receipt.said else ""
            await self._out.say(plain(f"{name}  {'sent' if receipt.ok else 'failed'}{said}"))

    async def done(self, what: str, keys: Sequence[str] | None) -> None:
        """Something was done with the centre."""
        if self._as_json:
            await self._object(what, keys=None if keys is None else list(keys))
        else:
            await self._out.say(f"{what}  {'all of the centre' if keys is None else plain(names(keys))}")

    # within ------------------------------------------------------------------------------------------------------

    def _alert_cells(self, alert: Alert) -> list[str]:
        read = "no" if alert.read is None else "yes"
        return [
            self._zone.clock(alert.fired), plain(short_key(alert)), plain(alert.title), alert_words(alert),
            read if alert.cleared is None else "cleared", deliveries_words(alert),
        ]  # fmt: skip

    def _rule_cells(self, view: RuleView) -> list[str]:
        state = view.state
        last = MISSING if state.last_fired is None else self._zone.clock(state.last_fired)
        return [view.name, state_words(view), str(state.firings), last, plain(view.sentence)]

    def _step_cells(self, step: Step) -> list[str]:
        moment = step.moment
        trade = MISSING if moment.trade_id is None else str(moment.trade_id)
        before, after = (" ".join(state.leaves) for state in (step.before, step.after))
        return [
            self._zone.clock(step.at), str(step.number), trade, before, after,
            str(moment.state), plain(words(step)),
        ]  # fmt: skip

    def _time(self, title: str) -> Column:
        """Rule 2."""
        return Column(f"{title} ({self._zone.name})", 23, "left")

    async def _part(
        self,
        title: str,
        columns: Sequence[Column],
        rows: Sequence[Sequence[str]],
        none: str,
        *,
        times: bool = True,
    ) -> None:
        """A heading, and below it a table or why there is none."""
        await self._out.say("")
        if not rows:
            await self._out.say(plain(f"{title}: {none}"))
            return
        await self._out.say(title)
        first = (self._time("TIME"),) if times else ()
        await self._table((*first, *columns), rows, "  ")

    async def _table(
        self, columns: Sequence[Column], rows: Sequence[Sequence[str]], before: str = ""
    ) -> None:
        grid = Grid(columns)
        for row in rows:
            grid.measure(row)
        await self._out.say(before + grid.head())
        for row in rows:
            await self._out.say(before + grid.line(row))

    async def _object(self, kind: str, **said: object) -> None:
        await self._out.say(msgspec.json.encode({"type": kind, **said}).decode())


class _Margin(Struct, frozen=True):
    """What stands left of a plot."""

    high: str
    low: str

    @property
    def width(self) -> int:
        return max(len(self.high), len(self.low), len("fired"))


def _plotted(drawn: Plot) -> list[str]:
    """A plot with its labels."""
    high, low = (number(each) for each in drawn.labels) if drawn.labels is not None else ("", "")
    margin = _Margin(high, low)
    last = len(drawn.rows) - 1
    labels = [high if not place else low if place == last else "" for place in range(len(drawn.rows))]
    lines = [f"  {label:>{margin.width}} |{row}" for label, row in zip(labels, drawn.rows, strict=True)]
    return [*lines, f"  {'fired':>{margin.width}} |{drawn.counts}|"]


_JOURNAL = (
    Column("LINE", 4), Column("TRADE", 5), Column("BEFORE", 6, "left"), Column("AFTER", 5, "left"),
    Column("DATA", 8, "left"), Column("WHAT", side="left"),
)  # fmt: skip
_TRADES = (Column("PRICE", 10), Column("QUANTITY", 10), Column("SIDE", 4, "left"), Column("ID", 4))
_TOLD = (Column("KEY", 4, "left"), Column("ALERT", 5, "left"), Column("WHERE", side="left"))
_CHANNELS = (
    Column("NAME", 4, "left"), Column("KIND", 4, "left"), Column("TO", 4, "left"), Column("STATE", 5, "left"),
    Column("FALLBACK", 4, "left"), Column("WAITING", 4), Column("SENT", 4), Column("DEAD", 4),
)  # fmt: skip
