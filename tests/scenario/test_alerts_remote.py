"""`desk.alerts` over a desk behind an address: the same facts as from within, each alert once, and the same errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from _attached import Heard, attached, until
from _doors import opened
from _memorydesk import BTC, ETH, MemoryDesk
from _memoryhouse import MemoryHouse
from _toldalerts import ToldAlerts, with_alerts
from msgspec.structs import replace
from scenario.test_remote_heals import Address

from bethna.app.engines import AttachedEngine
from bethna.app.trading import RealTimeTrading
from bethna.client.alerts import Alerts
from bethna.client.backend import Want
from bethna.client.remote import connect
from bethna.core.alert_views import Alert, Receipt, RuleView
from bethna.core.alerts import AlertRule, Phase, PriceCrosses, PriceIs, Side, Way
from bethna.core.clock import NS_PER_S
from bethna.core.errors import (
    AlertChanged,
    BethnaError,
    ConfigError,
    DeskUnreachable,
    FeatureOff,
    LimitReached,
    StoreError,
    UnknownAlert,
    UnknownChannel,
    UnknownInstrument,
)

BOTH_LOOPS = True
EVERY = "BTC-USDT crosses above 65,000, every time, via telegram"
WANT = Want("alerts")
HOUR = 3600 * NS_PER_S
"""The clock of a desk in memory stands; what fires after somebody came fires later than that."""


class Both:
    """The nouns of one desk: from within, and over its API."""

    def __init__(self, desk: MemoryDesk, kept: ToldAlerts, far: Alerts, url: str) -> None:
        self.desk = desk
        self.kept = kept
        self.near = MemoryHouse(desk).alerts
        self.far = far
        self.url = url


@asynccontextmanager
async def both() -> AsyncIterator[Both]:
    desk, kept = with_alerts(BTC, ETH)
    async with (
        opened(desk) as served,
        attached(served.url) as remote,
        RealTimeTrading.over(AttachedEngine(remote)) as trading,
    ):
        yield Both(desk, kept, trading.alerts, served.url)


def without(view: RuleView) -> RuleView:
    """As the wire has it."""
    state = view.state
    since, due = (None if ts is None else ts // 1_000 * 1_000 for ts in (state.since, state.due))
    return replace(view, state=replace(state, since=since, due=due))


def told(alert: Alert) -> Alert:
    """The same."""
    return replace(alert, cleared=None, read=None if alert.read is None else alert.read // 1_000 * 1_000)


async def test_rules_are_the_same_from_within_and_from_afar() -> None:
    async with both() as desk:
        crosses = PriceCrosses(BTC, Way.UP, 65_000.0, rearm=64_800.0)
        typed = AlertRule(crosses, expires=desk.desk.clock.now_ns() + 3600 * NS_PER_S, note="ä, 'b'")
        armed = [
            await desk.far.add(EVERY),
            *await desk.far.add([typed, "ETH-USDT is above 9,000"], via=["mail"]),
        ]
        assert [view.rule.channels for view in armed] == [("telegram",), ("mail",), ("mail",)]
        assert armed[1].rule == replace(typed, channels=("mail",))
        assert armed[2].sentence.startswith("ETH-USDT@binance is above 9,000")
        listed = await desk.far.list()
        assert listed == [without(each) for each in await desk.near.list()]
        assert listed == sorted(
            armed, key=lambda view: view.name
        )  # of one call the desk takes sentences first
        desk.kept.fire("a1")
        desk.kept.stand("a3", unknown=True)
        assert [without(each) for each in await desk.near.list()] == await desk.far.list()
        assert await desk.far.get("a3") == without(await desk.near.get("a3"))
        assert await desk.far.preview(typed) == await desk.near.preview(typed)
        assert await desk.far.preview(EVERY) == await desk.near.preview(EVERY)
        assert await desk.far.channels() == await desk.near.channels()


async def test_edited_paused_resumed_and_removed_from_afar() -> None:
    async with both() as desk:
        await desk.far.add(EVERY)
        assert (await desk.far.edit("a1", "BTC-USDT is below 60,000")).version == 2
        rule = AlertRule(PriceIs(BTC, Side.ABOVE, 70_000.0))
        assert (await desk.far.edit("a1", rule, 2)).rule == rule
        with pytest.raises(AlertChanged) as caught:
            await desk.far.edit("a1", EVERY, 2)
        assert (caught.value.name, caught.value.version) == ("a1", 3)
        assert (await desk.far.pause("a1")).state.phase is Phase.PAUSED
        assert (await desk.near.get("a1")).state.phase is Phase.PAUSED
        assert (await desk.far.resume("a1")).state.phase is Phase.ACTIVE
        await desk.far.remove("a1")
        assert await desk.far.list() == []
        await desk.far.add([EVERY, EVERY, EVERY])
        with pytest.raises(UnknownAlert):
            await desk.far.remove("a2", "a1")
        await desk.far.remove("a2", "a4")
        assert [each.name for each in await desk.near.list()] == ["a3"]


async def test_what_fired_why_and_the_centre() -> None:
    async with both() as desk:
        await desk.far.add(EVERY)
        desk.desk.trade(BTC, 65_001.0)
        first = desk.kept.fire("a1")
        desk.desk.clock.advance(60 * NS_PER_S)
        second = desk.kept.fire("a1", late=True)
        assert await desk.far.history() == [told(first), told(second)]
        assert await desk.far.history(limit=1) == [told(second)]
        await desk.far.mark(first.key)
        assert await desk.far.notifications() == [told(each) for each in await desk.near.notifications()]
        assert [each.read is None for each in await desk.near.notifications()] == [False, True]
        await desk.far.clear([first.key])
        assert [each.key for each in await desk.near.notifications()] == [second.key]
        await desk.far.clear()
        assert await desk.far.notifications() == []
        near, far = await desk.near.why("a1", first.fired), await desk.far.why("a1", first.fired)
        assert (far.reason, far.at, far.trades, far.around) == (
            near.reason,
            near.at,
            near.trades,
            near.around,
        )
        assert [(each.number, each.outcome, each.moment, each.fired) for each in far.steps] == [
            (each.number, each.outcome, each.moment, each.fired) for each in near.steps
        ]
        assert [each.after.leaves for each in far.later] == [each.after.leaves for each in near.later]
        await desk.far.remove("a1")
        gone = await desk.far.why("a1")
        assert (gone.view, gone.sentence) == (None, near.sentence)
        assert gone.trades == near.trades  # whose they are, the alerts say


async def test_a_rehearsal_and_a_test_of_a_channel() -> None:
    async with both() as desk:
        for wish in (EVERY, AlertRule(PriceCrosses(BTC, Way.UP, 65_000.0))):
            far = await desk.far.rehearse(wish, "bars", "2h", 5.0)
            assert desk.kept.asked == {"over": "bars", "span_ns": 7200 * NS_PER_S, "per_day": 5.0}
            assert far == await desk.near.rehearse(wish, "bars", "2h", 5.0)
        await desk.far.rehearse(EVERY)
        assert desk.kept.asked == {"over": "trades", "span_ns": None, "per_day": None}
        assert await desk.far.test_channel("telegram") == Receipt(True, "200 OK")
        desk.kept.receipt = Receipt(False, "401 Unauthorized", final=True)
        assert await desk.far.test_channel("telegram") == Receipt(False, "401 Unauthorized")


async def test_the_same_errors_with_the_desks_own_words() -> None:
    async with both() as desk:
        await desk.far.add(EVERY)
        calls: list[tuple[type[BethnaError], Callable[[Alerts], Coroutine[Any, Any, object]]]] = [
            (UnknownAlert, lambda alerts: alerts.get("a 9/ä")),
            (UnknownAlert, lambda alerts: alerts.get("history")),
            (UnknownAlert, lambda alerts: alerts.pause("a9")),
            (UnknownAlert, lambda alerts: alerts.remove("a9")),
            (UnknownAlert, lambda alerts: alerts.why("a9")),
            (UnknownChannel, lambda alerts: alerts.test_channel("fax")),
            (UnknownChannel, lambda alerts: alerts.test_channel("../fax")),
            (AlertChanged, lambda alerts: alerts.edit("a1", EVERY, 7)),
            (LimitReached, lambda alerts: alerts.add([EVERY] * 5)),
            (UnknownInstrument, lambda alerts: alerts.add("SOL-USDT crosses above 1")),
            (ConfigError, lambda alerts: alerts.add([EVERY, "BTC-USDT crosses above 65,000 soon"])),
            (ConfigError, lambda alerts: alerts.rehearse("BTC-USDT crosses")),
        ]
        for kind, call in calls:
            found = []
            for alerts in (desk.near, desk.far):
                with pytest.raises(kind) as caught:
                    await call(alerts)
                found.append(caught.value)
            near, far = found
            assert (far.code, far.message, far.hint) == (near.code, near.message, near.hint)
            for field in ("name", "version", "setting", "known"):
                assert getattr(far, field, None) == getattr(near, field, None), (kind, field)


async def test_a_desk_without_alerts_and_one_whose_journal_is_broken() -> None:
    async with both() as desk:
        stream = desk.far.stream()
        desk.desk.alerts = None
        with pytest.raises(FeatureOff, match="this desk keeps no alerts"):
            await desk.far.list()
        stream.close()
        desk.desk.alerts = desk.kept
        desk.kept.damaged = StoreError("the journal cannot be read", hint="make room")
        with pytest.raises(StoreError, match="the journal cannot be read"):
            await desk.far.history()


async def test_a_stream_of_a_desk_without_alerts_ends_with_why() -> None:
    async with opened(MemoryDesk((BTC,))) as served, attached(served.url) as remote:
        heard = Heard(remote, WANT)
        await until(lambda: heard.ended)
        assert isinstance(heard.ended[0], FeatureOff)


async def test_each_alert_is_heard_once_from_now_on() -> None:
    async with both() as desk:
        await desk.far.add(EVERY)
        desk.kept.fire("a1")
        async with desk.far.stream() as stream, desk.far.stream() as other:
            desk.desk.clock.advance(HOUR)
            fired = [desk.kept.fire("a1", price) for price in (65_001.0, 65_002.0)]
            assert [await anext(stream) for _ in fired] == [told(each) for each in fired]
            await desk.far.mark()
            fired.append(desk.kept.fire("a1"))
            assert await anext(stream) == told(fired[2])
            assert [(await anext(other)).firing for _ in fired] == [2, 3, 4]
        heard: list[Alert] = []
        subscription = desk.far.on(heard.append)
        desk.desk.clock.advance(HOUR)
        last = desk.kept.fire("a1")
        await until(lambda: heard)
        assert heard == [told(last)]
        subscription.close()


async def test_what_fired_while_the_connection_was_lost_is_heard_once() -> None:
    desk, kept = with_alerts(BTC)
    address = Address()
    async with address.serves(desk):
        remote = await connect(address.url)
        await kept.add([kept.read_sentence(EVERY)])
        heard = Heard(remote, WANT)
        desk.clock.advance(HOUR)
        kept.fire("a1")
        await until(lambda: len(heard.events) == 1)
    kept.fire("a1")
    kept.fire("a1")
    async with address.serves(desk):
        await until(lambda: len(heard.events) == 3)
        kept.fire("a1")
        await until(lambda: len(heard.events) == 4)
        assert [each.firing for each in heard.of(Alert)] == [1, 2, 3, 4]
        await remote.close()
    assert heard.ended == [None]
    with pytest.raises((DeskUnreachable, BethnaError)):
        await remote.alerts().rules()
