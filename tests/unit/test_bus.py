"""The bus: synchronous, in order, and one bad listener never stops another."""

from __future__ import annotations

from bethna.core.market import InstrumentId, Trade
from bethna.core.status import SystemEvent
from bethna.runtime.bus import Bus, TradesEvent
from bethna.runtime.clocks import ManualClock
from bethna.runtime.mailbox import Newest

BTC = InstrumentId("BTC-USDT@binance")
ETH = InstrumentId("ETH-USDT@binance")


def trade(number: int) -> Trade:
    return Trade(BTC, 1.0, 1.0, "buy", number, number, number)


def test_everybody_hears_an_event_in_the_order_of_subscribing() -> None:
    bus = Bus(ManualClock())
    heard: list[tuple[str, TradesEvent]] = []
    channel = bus.channel("trades", BTC)
    channel.subscribe(lambda event: heard.append(("first", event)))
    box = Newest[TradesEvent](10)
    channel.subscribe(box)
    channel.subscribe(lambda event: heard.append(("second", event)))
    bus.channel("trades", ETH).subscribe(lambda event: heard.append(("other", event)))
    channel.publish(trade(1))
    assert heard == [("first", trade(1)), ("second", trade(1))]
    assert box.drain() == [trade(1)]


def test_a_channel_is_always_the_same_object() -> None:
    bus = Bus(ManualClock())
    publish = bus.channel("trades", BTC).publish
    box = Newest[TradesEvent](10)
    bus.channel("trades", BTC).subscribe(box)
    publish(trade(1))
    assert len(box) == 1
    assert [str(channel) for channel in bus.channels()] == ["system", f"trades:{BTC}"]


def test_a_closed_subscription_hears_nothing_and_its_mailbox_keeps_what_it_has() -> None:
    channel = Bus(ManualClock()).channel("trades", BTC)
    box = Newest[TradesEvent](10)
    subscription = channel.subscribe(box)
    channel.publish(trade(1))
    subscription.close()
    subscription.close()
    channel.publish(trade(2))
    assert (box.drain(), channel.subscribers) == ([trade(1)], 0)


def test_a_tap_that_raises_is_dropped_and_reported_and_the_others_go_on() -> None:
    clock = ManualClock(5)
    bus = Bus(clock)
    reports = Newest[SystemEvent](10)
    bus.channel("system").subscribe(reports)
    channel = bus.channel("trades", BTC)
    heard: list[TradesEvent] = []

    def breaks(event: TradesEvent) -> None:
        heard.append(event)
        raise ZeroDivisionError("on purpose")

    after = Newest[TradesEvent](10)
    channel.subscribe(breaks, "the bad one")
    channel.subscribe(after)
    channel.publish(trade(1))
    channel.publish(trade(2))
    assert heard == [trade(1)]
    assert after.drain() == [trade(1), trade(2)]
    [report] = reports.drain()
    assert isinstance(report, SystemEvent)
    assert (report.ts, report.level, report.code, report.subject) == (
        5,
        "error",
        "task_failed",
        "the bad one",
    )
    assert "ZeroDivisionError: on purpose (at test_bus.py:" in report.message


def test_subscribing_while_an_event_is_published_begins_with_the_next() -> None:
    channel = Bus(ManualClock()).channel("trades", BTC)
    late = Newest[TradesEvent](10)

    def join(_event: TradesEvent) -> None:
        first.close()
        channel.subscribe(late)

    first = channel.subscribe(join)
    channel.publish(trade(1))
    assert len(late) == 0
    channel.publish(trade(2))
    assert late.drain() == [trade(2)]


def test_reports_go_where_the_owner_said() -> None:
    reports: list[SystemEvent] = []
    bus = Bus(ManualClock(), reports.append)

    def breaks(_event: TradesEvent) -> None:
        raise ZeroDivisionError

    bus.channel("trades", BTC).subscribe(breaks)
    bus.channel("trades", BTC).publish(trade(1))
    assert [report.subject for report in reports] == [f"trades:{BTC}"]


def test_metrics_see_every_mailbox_that_listens() -> None:
    bus = Bus(ManualClock())
    channel = bus.channel("trades", BTC)
    channel.subscribe(Newest[TradesEvent](1), "tape")
    channel.subscribe(lambda _event: None, "a tap has no mailbox")
    channel.publish(trade(1))
    channel.publish(trade(2))
    [use] = bus.mailboxes()
    assert (use.channel, use.name, use.statistics.policy) == (f"trades:{BTC}", "tape", "newest")
    assert (use.statistics.depth, use.statistics.peak, use.statistics.dropped) == (1, 1, 1)


def test_a_tap_that_fails_in_nested_calls_is_reported_once_and_never_called_again() -> None:
    reports: list[SystemEvent] = []
    channel = Bus(ManualClock(), reports.append).channel("trades", BTC)
    heard: list[TradesEvent] = []

    def publishes_once_more(event: TradesEvent) -> None:
        if event == trade(1):
            channel.publish(trade(2))  # the others hear 2 before 1

    def breaks(event: TradesEvent) -> None:
        heard.append(event)
        if event == trade(2):
            channel.publish(trade(3))
        raise ZeroDivisionError

    channel.subscribe(publishes_once_more)
    channel.subscribe(breaks, "the bad one")
    channel.publish(trade(1))
    assert heard == [trade(2), trade(3)]
    assert [report.subject for report in reports] == ["the bad one"]
