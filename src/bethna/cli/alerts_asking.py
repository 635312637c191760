"""Asks a running desk for its alerts, and has the answers told; which desk it is, it is told.

Rules
  1. Rules live in the desk: where none runs nothing is started, since a rule needs one that stays. A rehearsal arms
     nothing, so it may start one of its own, which follows what the sentence names.
  2. Following begins with what has fired and goes on without a hole or a repetition: it listens before it asks.
  3. Several names are paused or resumed one after the other; the first that cannot be is an error, and says what was
     done before. They are removed all or none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bethna.cli.alert_words import short_key
from bethna.cli.alerts_telling import AlertsTelling
from bethna.cli.attach import Choice, chosen_desk, follow
from bethna.client.alerts import Alerts, Over
from bethna.config import Settings
from bethna.core.alert_views import RuleView
from bethna.core.errors import Closed, ConfigError, cut
from bethna.core.instrument import Feature, parse_name
from bethna.core.market import InstrumentId
from bethna.core.status import SourceKind
from bethna.logic.alerts.sentence import parse

_FOLLOWED: tuple[Feature, ...] = ("prices", "trades")
_TRADES: tuple[Feature, ...] = ("trades",)


class Desk(Protocol):
    """What is asked of a desk here: `RealTimeTrading` is one."""

    alerts: Alerts

    @property
    def source(self) -> SourceKind: ...


Ask = Callable[[Desk, AlertsTelling], Awaitable[object]]


def adding(sentences: Sequence[str], via: Sequence[str]) -> Ask:
    """Arm all of them, or none."""

    async def ask(desk: Desk, telling: AlertsTelling) -> None:
        views = await desk.alerts.add(list(sentences), via=via)
        await telling.rules(views)
        await _warn(desk, telling, views)

    return ask


async def listing(desk: Desk, telling: AlertsTelling) -> None:
    """What is armed."""
    await telling.rules(await desk.alerts.list())


def showing(name: str) -> Ask:
    """One rule."""

    async def ask(desk: Desk, telling: AlertsTelling) -> None:
        await telling.shown(await desk.alerts.get(name))

    return ask


def editing(name: str, sentence: str, version: int | None) -> Ask:
    """Another rule in its place."""

    async def ask(desk: Desk, telling: AlertsTelling) -> None:
        view = await desk.alerts.edit(name, sentence, version)
        await telling.rule(view)
        await _warn(desk, telling, [view])

    return ask


async def _warn(desk: Desk, telling: AlertsTelling, views: Sequence[RuleView]) -> None:
    """Of channels that these name and that could tell nobody now."""
    if any(view.rule.channels for view in views):
        await telling.not_told(views, await desk.alerts.channels())


def pausing(names: Sequence[str], *, paused: bool) -> Ask:
    """Judge them no longer, or again (rule 3)."""

    async def ask(desk: Desk, telling: AlertsTelling) -> None:
        for name in names:
            await telling.rule(await (desk.alerts.pause(name) if paused else desk.alerts.resume(name)))

    return ask


def removing(names: Sequence[str]) -> Ask:
    """Arm them no longer, all or none; without names whatever is armed."""

    async def ask(desk: Desk, telling: AlertsTelling) -> None:
        gone = list(dict.fromkeys(names or [view.name for view in await desk.alerts.list()]))
        if gone:
            await desk.alerts.remove(*gone)
        for name in gone:
            await telling.removed(name)

    return ask


def remembering(limit: int, *, follow: bool) -> Ask:
    """What has fired; followed, each from then on (rule 2)."""

    async def ask(desk: Desk, telling: AlertsTelling) -> None:
        if not follow:
            await telling.history(await desk.alerts.history(limit))
            return
        async with desk.alerts.stream() as stream:
            before = await desk.alerts.history(limit)
            for each in before:
                await telling.alert(each)
            known = {each.key for each in before}
            async for alert in stream:
                if alert.key not in known:
                    await telling.alert(alert)
        if desk.source != "tape":
            raise Closed("the desk has ended", hint="`bethna up` starts one")

    return ask


def explaining(name: str, at: int | None) -> Ask:
    """Why a rule did, or did not, fire; `at` ns UTC."""

    async def ask(desk: Desk, telling: AlertsTelling) -> None:
        await telling.why(await desk.alerts.why(name, at))

    return ask


def rehearsing(sentence: str, over: Over, last_s: int | None, per_day: float | None) -> Ask:
    """What a rule would have told."""

    async def ask(desk: Desk, telling: AlertsTelling) -> None:
        last = None if last_s is None else f"{last_s}s"
        await telling.rehearsed(await desk.alerts.rehearse(sentence, over, last, per_day))

    return ask


async def rehearse_somewhere(
    choice: Choice, sentence: str, ask: Ask, telling: AlertsTelling, timeout_s: float
) -> None:
    """Rule 1. Raises what the sentence is refused with, before anything is started."""
    symbols = named_in(sentence, choice.settings)
    async with chosen_desk(choice, symbols, _FOLLOWED, alerts=True) as desk:
        for symbol in symbols:
            await follow(desk, symbol, choice.settings)
        if desk.attached is None:
            await desk.ready(timeout_s=timeout_s, features=_TRADES)
        await ask(desk, telling)
        await telling.drained()


def named_in(sentence: str, settings: Settings) -> tuple[str, ...]:
    """The symbols of a sentence, as they are written, each once. Raises ConfigError, UnknownInstrument."""
    found: dict[str, None] = {}

    def note(symbol: str) -> InstrumentId:
        found[symbol] = None
        return parse_name(symbol, settings.preferred_venue).id

    parse(sentence, note)
    return tuple(found)


async def asking_channels(desk: Desk, telling: AlertsTelling) -> None:
    """Where alerts may go."""
    await telling.channels(await desk.alerts.channels())


def testing(name: str) -> Callable[[Desk, AlertsTelling], Awaitable[bool]]:
    """Send a test; whether it arrived."""

    async def ask(desk: Desk, telling: AlertsTelling) -> bool:
        receipt = await desk.alerts.test_channel(name)
        await telling.receipt(name, receipt)
        return receipt.ok

    return ask


def reading(keys: Sequence[str]) -> Ask:
    """Mark as read; without keys all of the centre."""

    async def ask(desk: Desk, telling: AlertsTelling) -> None:
        await desk.alerts.mark(await _whole_keys(desk, keys))
        await telling.done("read", keys or None)

    return ask


def clearing(keys: Sequence[str]) -> Ask:
    """Out of the centre; without keys all of it."""

    async def ask(desk: Desk, telling: AlertsTelling) -> None:
        await desk.alerts.clear(await _whole_keys(desk, keys))
        await telling.done("cleared", keys or None)

    return ask


async def _whole_keys(desk: Desk, keys: Sequence[str]) -> list[str] | None:
    """Keys as people write them, `a3.1`, as those for good; None is all. Raises ConfigError for one that is none."""
    if not keys:
        return None
    centre = await desk.alerts.notifications()
    known = {short_key(each): each.key for each in centre} | {each.key: each.key for each in centre}
    for key in keys:
        if key not in known:
            raise ConfigError(
                "key", f"expected the key of an alert in the centre, found {cut(key)!r}",
                hint="`bethna alerts history` has them, such as a3.1; those that were cleared are not in it",
            )  # fmt: skip
    return [known[key] for key in keys]
