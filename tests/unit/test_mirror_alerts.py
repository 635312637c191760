"""The topic `notifications` as a listener hears it: each alert once, from when it came, of one desk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from bethna.api.alerts import notification_row
from bethna.api.alerts_protocol import NotificationsAnswer, NotificationsDelta
from bethna.api.protocol import HealthAnswer
from bethna.api.topics import Topic
from bethna.client.alert_facts import rule_of, typed_rule
from bethna.client.mirror_alerts import REMEMBERED, AlertsChannel
from bethna.client.mirror_channel import Ear
from bethna.client.remote_facts import Frame, FrameError
from bethna.core.alert_views import Alert
from bethna.core.alerts import AlertRule, PriceIs, Severity, Side
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.core.market import InstrumentId
from bethna.core.status import StreamStatus

BTC = InstrumentId("BTC-USDT@one")


class Around:
    """The desk's time stands."""

    def now(self) -> int:
        return 0

    def last_message(self, instrument: InstrumentId) -> int | None:
        raise NotImplementedError

    def how(self, instrument: InstrumentId) -> StreamStatus:
        raise NotImplementedError

    def heard_health(self, health: HealthAnswer) -> None:
        raise NotImplementedError

    def heard_prices(self, instruments: Sequence[InstrumentId]) -> None:
        raise NotImplementedError


def alert(number: int, journal: str = "j") -> Alert:
    return Alert(
        f"{journal}:a1.{number}", "a1", number, 0, "a1 fired", "", "", Severity.INFO, "", BTC, number * NS_PER_S,
        number * NS_PER_S, 1.0, None, State.COMPLETE, False, False,
    )  # fmt: skip


class Bench:
    """A channel, and one listener who came at a time."""

    def __init__(self, since: int) -> None:
        self.channel = AlertsChannel(Topic("notifications"), Around())
        self.heard: list[Any] = []
        self.channel.join(Ear(self.heard.append, lambda _: None, since * NS_PER_S))
        self.seq = 0

    def snapshot(self, *alerts: Alert) -> None:
        said = NotificationsAnswer([notification_row(each) for each in alerts], 0)
        self.seq = 1
        self._take("snapshot", said)

    def delta(self, *alerts: Alert, fired: Sequence[Alert] = ()) -> None:
        rows = [notification_row(each) for each in alerts]
        self.seq += 1
        self._take("delta", NotificationsDelta(rows, [each.key for each in fired], [], 0))

    def _take(self, kind: Any, said: object) -> None:
        frame = Frame("notifications", kind, self.seq, Raw(msgspec.json.encode(said)))
        assert self.channel.follows(frame)
        self.channel.take(frame)

    @property
    def firings(self) -> list[int]:
        return [each.firing for each in self.heard]


def test_of_the_first_snapshot_what_was_told_since_one_came_is_news() -> None:
    bench = Bench(since=3)
    begun = [bench.channel.begun]
    bench.snapshot(alert(1), alert(2), alert(3), alert(4))
    assert [*begun, bench.channel.begun] == [False, True]
    assert bench.firings == [3, 4]
    assert bench.heard[0] == alert(3)


def test_what_has_just_fired_is_news_once_and_what_was_read_is_none() -> None:
    bench = Bench(since=3)
    bench.snapshot()
    bench.delta(
        alert(2), fired=[alert(2)]
    )  # by the desk's clock it was before; it has just fired all the same
    bench.delta(alert(2), alert(3), fired=[alert(2), alert(3)])
    bench.delta(alert(3))
    assert bench.firings == [2, 3]


def test_after_a_lost_connection_what_was_not_there_before_is_news() -> None:
    bench = Bench(since=1)
    bench.snapshot(alert(1))
    bench.delta(alert(2), fired=[alert(2)])
    bench.channel.ask("every")
    bench.snapshot(alert(2), alert(3), alert(4))
    assert bench.firings == [1, 2, 3, 4]


def test_another_desk_at_the_same_address_tells_no_news_of_its_past() -> None:
    bench = Bench(since=1)
    bench.snapshot(alert(1))
    bench.channel.anew = True
    bench.channel.ask("every")
    bench.snapshot(alert(5, "k"))
    bench.delta(alert(6, "k"), fired=[alert(6, "k")])
    assert bench.firings == [1, 6]


def test_keys_are_remembered_for_longer_than_a_centre_is() -> None:
    bench = Bench(since=1)
    bench.snapshot(*(alert(number) for number in range(1, REMEMBERED + 11)))
    assert len(bench.firings) == REMEMBERED + 10
    bench.delta(alert(REMEMBERED), fired=[alert(REMEMBERED)])
    assert len(bench.firings) == REMEMBERED + 10


def test_a_rule_comes_back_as_it_went_and_one_of_another_version_is_told() -> None:
    rule = AlertRule(PriceIs(BTC, Side.ABOVE, 65_000.0), expires=1_700_000_000_123_456_000, note="ä")
    typed = typed_rule(rule)
    assert typed["expires"] == 1_700_000_000_123_456
    assert rule_of(typed) == rule
    assert typed_rule(rule_of({"condition": typed["condition"]}))["expires"] is None
    with pytest.raises(FrameError, match="expected a rule as this version knows it") as caught:
        rule_of({"condition": {"type": "moon_is", "phase": "full"}})
    assert "bethna --version" in caught.value.hint
