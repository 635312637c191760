"""`desk.alerts` over a desk in memory: rules by sentence and typed, all or none, what fires once, refusals."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from _memorydesk import BTC, ETH, START
from _memoryhouse import MemoryHouse, settle, waiting
from _toldalerts import ToldAlerts, with_alerts

from bethna.client.alerts import PENDING, Alerts
from bethna.core.alert_views import Alert
from bethna.core.alerts import (
    AlertRule,
    AllOf,
    LeafState,
    Phase,
    PriceCrosses,
    PriceIs,
    Repeat,
    Side,
    SignalGiven,
    Way,
)
from bethna.core.clock import NS_PER_S
from bethna.core.errors import (
    AlertChanged,
    Closed,
    ConfigError,
    FeatureOff,
    LimitReached,
    UnknownAlert,
    UnknownChannel,
    UnknownInstrument,
)
from bethna.core.market import InstrumentId

ABOVE = "BTC-USDT crosses above 65,000"
CROSSES = AlertRule(PriceCrosses(BTC, Way.UP, 65_000.0))


class Bench:
    """A house whose desk keeps alerts."""

    def __init__(self) -> None:
        self.desk, self.kept = with_alerts(BTC, ETH)
        self.house = MemoryHouse(self.desk)

    @property
    def alerts(self) -> Alerts:
        return self.house.alerts


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_sentence_is_armed_and_read_again(bench: Bench) -> None:
    armed = await bench.alerts.add(ABOVE, via=["telegram"])
    assert (armed.name, armed.version, armed.rule.channels) == ("a1", 1, ("telegram",))
    assert armed.sentence == "BTC-USDT@binance crosses above 65,000, once, via telegram"
    assert await bench.alerts.get("a1") == armed
    assert await bench.alerts.list() == [armed]
    assert "add, list, get" in repr(bench.alerts)


async def test_a_typed_rule_names_its_instrument_as_anybody_would(bench: Bench) -> None:
    spelled = PriceIs(InstrumentId("ethusdt"), Side.BELOW, 2_000.0)
    both = AllOf((PriceCrosses(InstrumentId("BTC/USDT"), Way.UP, 65_000.0), spelled))
    armed = await bench.alerts.add(AlertRule(both), via="mail")
    condition = armed.rule.condition
    assert isinstance(condition, AllOf)
    assert [getattr(part, "instrument", None) for part in condition.parts] == [BTC, ETH]
    assert armed.rule.channels == ("mail",)
    signal = await bench.alerts.add(AlertRule(SignalGiven(BTC, 80.0)))
    assert signal.waits_for == ("signal",)


async def test_several_are_armed_together_or_none(bench: Bench) -> None:
    named = AlertRule(PriceIs(ETH, Side.ABOVE, 3_000.0), channels=("mail",))
    armed = await bench.alerts.add([ABOVE, named], via=("telegram",))
    assert [view.rule.channels for view in armed] == [("telegram",), ("mail",)]
    with pytest.raises(ConfigError, match=r"^rule 2 of 2: expected a comma"):
        await bench.alerts.add([ABOVE, "BTC-USDT crosses above 65,000 soon"])
    with pytest.raises(LimitReached) as caught:
        await bench.alerts.add([ABOVE] * 4)
    assert caught.value.setting == "alert_price_rules"
    assert len(await bench.alerts.list()) == 2
    assert await bench.alerts.add(["ETH-USDT is above 9,000"]) == [(await bench.alerts.list())[-1]]


async def test_what_is_no_rule_is_refused_plainly(bench: Bench) -> None:
    wrong: Any
    for wrong in (7, [7], [ABOVE, None]):
        with pytest.raises(ConfigError, match="expected a sentence or an AlertRule, found"):
            await bench.alerts.add(wrong)
    with pytest.raises(ConfigError, match="expected a rule, found none"):
        await bench.alerts.add([])
    with pytest.raises(UnknownInstrument):
        await bench.alerts.add("SOL-USDT crosses above 1")
    with pytest.raises(UnknownInstrument):
        await bench.alerts.add(AlertRule(PriceIs(InstrumentId("SOL-USDT"), Side.ABOVE, 1.0)))
    with pytest.raises(UnknownChannel, match="found 'fax'"):
        await bench.alerts.add(ABOVE, via=["fax"])
    with pytest.raises(ConfigError, match="via: expected texts"):
        await bench.alerts.add(ABOVE, via=[7])  # type: ignore[list-item]  # what a program may say
    assert await bench.alerts.list() == []


async def test_edited_by_two_the_second_is_told(bench: Bench) -> None:
    armed = await bench.alerts.add(ABOVE)
    second = await bench.alerts.edit("a1", "BTC-USDT crosses above 66,000", armed.version)
    assert (second.version, second.sentence) == (2, "BTC-USDT@binance crosses above 66,000, once")
    with pytest.raises(AlertChanged) as caught:
        await bench.alerts.edit("a1", CROSSES, armed.version)
    assert caught.value.version == 2
    assert (await bench.alerts.edit("a1", CROSSES)).version == 3  # whatever it is by now


async def test_paused_resumed_and_removed(bench: Bench) -> None:
    await bench.alerts.add(ABOVE)
    assert (await bench.alerts.pause("a1")).state.phase is Phase.PAUSED
    assert (await bench.alerts.resume("a1")).state.phase is Phase.ACTIVE
    await bench.alerts.remove("a1")
    assert await bench.alerts.list() == []
    await bench.alerts.add([ABOVE, ABOVE, ABOVE])
    await bench.alerts.remove("a2", "a4")
    assert [each.name for each in await bench.alerts.list()] == ["a3"]
    assert (await bench.alerts.why("a1")).view is None
    calls: list[Callable[[], Coroutine[Any, Any, object]]] = [
        lambda: bench.alerts.get("a1"),
        lambda: bench.alerts.pause("a1"),
        lambda: bench.alerts.remove("a1"),
        lambda: bench.alerts.remove("a2", "a1"),
        lambda: bench.alerts.edit("a1", ABOVE),
        lambda: bench.alerts.why("a9"),
    ]
    for call in calls:
        with pytest.raises(UnknownAlert):
            await call()
    for empty in ("", " ", 7):
        with pytest.raises(ConfigError, match="name: expected one such as a3"):
            await bench.alerts.get(empty)  # type: ignore[arg-type]  # what a program may say


async def test_a_stream_says_each_alert_once_from_now_on(bench: Bench) -> None:
    await bench.alerts.add("BTC-USDT crosses above 65,000, every time")
    bench.kept.fire("a1")
    async with bench.alerts.stream() as stream:
        assert await waiting(stream) == []
        fired = [bench.kept.fire("a1", price) for price in (65_001.0, 65_002.0)]
        assert await waiting(stream) == fired
        bench.kept.stand("a1", unknown=True)
        await bench.alerts.mark()
        assert await waiting(stream) == []
    bench.kept.fire("a1")
    assert [each.firing for each in await bench.alerts.history()] == [1, 2, 3, 4]
    assert [each.firing for each in await bench.alerts.history(limit=1)] == [4]


async def test_a_callback_gets_what_a_stream_yields(bench: Bench) -> None:
    await bench.alerts.add("BTC-USDT crosses above 65,000, every time")
    heard: list[Alert] = []
    subscription = bench.alerts.on(heard.append)
    fired = bench.kept.fire("a1")
    await settle()
    assert heard == [fired]
    subscription.close()


async def test_a_reader_who_is_too_slow_is_told_and_loses_nothing_silently(bench: Bench) -> None:
    await bench.alerts.add("BTC-USDT crosses above 65,000, every time")
    async with bench.alerts.stream() as stream:
        for _ in range(PENDING + 1):
            bench.kept.fire("a1")
        with pytest.raises(Closed, match="this reader lost 1 alerts"):
            await anext(stream)


async def test_a_closed_desk_ends_its_streams(bench: Bench) -> None:
    stream = bench.alerts.stream()
    await bench.house.local.close()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    with pytest.raises(Closed):
        await bench.alerts.list()


async def test_why_takes_a_time_in_any_form(bench: Bench) -> None:
    await bench.alerts.add("BTC-USDT crosses above 65,000, every time")
    bench.desk.trade(BTC, 65_001.0)
    fired = bench.kept.fire("a1")
    bench.desk.clock.advance(60 * NS_PER_S)
    bench.kept.fire("a1")
    why = await bench.alerts.why("a1")
    assert (len(why.steps), why.reason, [each.firing for each in why.alerts]) == (2, "fired", [1, 2])
    moment = datetime.fromtimestamp(START // NS_PER_S, UTC)
    for at in (fired.fired, moment, moment.isoformat(), "2024-08-09T01:54:00+02:00"):
        why = await bench.alerts.why("a1", at)
        assert (why.at, len(why.steps), len(why.later)) == (START, 1, 1)
        assert [trade.price for trade in why.trades] == [65_001.0]
    with pytest.raises(ConfigError, match="at: expected a date or an instant"):
        await bench.alerts.why("a1", "yesterday")
    with pytest.raises(ConfigError, match="limit"):
        await bench.alerts.why("a1", limit=0)


async def test_a_rehearsal_and_a_preview_arm_nothing(bench: Bench) -> None:
    preview = await bench.alerts.preview("BTC-USDT crosses above 65,000, again below 64,800")
    assert [line.price for line in preview.lines] == [65_000.0, 64_800.0]
    assert (preview.leaves, preview.instrument, preview.price) == ((LeafState.UNSEEN,), BTC, None)
    found = await bench.alerts.rehearse(ABOVE, over="bars", last="2h", per_day=5.0)
    assert (len(found.fired), found.wished_per_day, found.enough) == (3, 5.0, False)
    assert bench.kept.asked == {"over": "bars", "span_ns": 7200 * NS_PER_S, "per_day": 5.0}
    await bench.alerts.rehearse(CROSSES, last=timedelta(minutes=5))
    assert bench.kept.asked["span_ns"] == 300 * NS_PER_S
    with pytest.raises(ConfigError, match="over: expected trades or bars"):
        await bench.alerts.rehearse(ABOVE, over="ticks")  # type: ignore[arg-type]  # what a program may say
    with pytest.raises(ConfigError, match="last: expected a length"):
        await bench.alerts.rehearse(ABOVE, last="soon")
    assert await bench.alerts.list() == []


async def test_the_centre_is_read_and_cleared(bench: Bench) -> None:
    await bench.alerts.add("BTC-USDT crosses above 65,000, every time")
    first, second = bench.kept.fire("a1"), bench.kept.fire("a1")
    await bench.alerts.mark(first.key)
    assert [each.read is None for each in await bench.alerts.notifications()] == [False, True]
    await bench.alerts.mark()
    await bench.alerts.mark([second.key], read=False)
    assert [each.read is None for each in await bench.alerts.notifications()] == [False, True]
    await bench.alerts.clear([first.key])
    assert [each.key for each in await bench.alerts.notifications()] == [second.key]
    await bench.alerts.clear()
    assert await bench.alerts.notifications() == []
    assert len(await bench.alerts.history()) == 2


async def test_channels_and_their_test(bench: Bench) -> None:
    assert [each.name for each in await bench.alerts.channels()] == ["telegram", "mail"]
    assert (await bench.alerts.test_channel("telegram")).ok
    with pytest.raises(UnknownChannel) as caught:
        await bench.alerts.test_channel("fax")
    assert caught.value.known == ("telegram", "mail")


async def test_a_desk_without_alerts_says_so(bench: Bench) -> None:
    bench.desk.alerts = None
    with pytest.raises(FeatureOff, match="this desk keeps no alerts") as caught:
        await bench.alerts.list()
    assert caught.value.hint
    with pytest.raises(FeatureOff):
        bench.alerts.stream()


def test_the_double_is_an_alerts_desk(bench: Bench) -> None:
    assert isinstance(bench.kept, ToldAlerts)
    assert bench.kept.read_sentence(f"{ABOVE}, every time").repeat is Repeat.EVERY
