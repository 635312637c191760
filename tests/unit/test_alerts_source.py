"""What a slow reader of alerts is told: each firing or a new snapshot, and counts that are as new as the rows."""

from __future__ import annotations

import json
from typing import Any

from _memoryalerts import MemoryAlerts
from _memorydesk import MemoryDesk

from bethna.api.alerts_source import AlertsSource, NotificationsSource
from bethna.api.hub import Hub
from bethna.api.lines import Line
from bethna.api.topics import Topic, TopicKind
from bethna.core.alert_views import AlertsChanged
from bethna.runtime.mailbox import DEFAULT_KEYS


class Reader:
    """A client that reads when it is told to."""

    def __init__(self, kind: TopicKind, *, centre: int = 200) -> None:
        desk = MemoryDesk()
        self.alerts = MemoryAlerts(desk, centre=centre)
        self.hub = Hub(desk, desk.bus)
        self.calls = 0
        self.line = self.hub.line(self, Topic(kind), "ui", None)

    def ready(self, _line: Line, /) -> None:
        self.calls += 1

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.line.frames()]


async def armed(kind: TopicKind, *, centre: int = 200) -> Reader:
    reader = Reader(kind, centre=centre)
    sentence = "BTC-USDT is above 65000, every time"
    await reader.alerts.add([reader.alerts.read_sentence(sentence)])
    [first] = reader.read()
    assert (first["type"], first["seq"]) == ("snapshot", 1)
    return reader


async def test_frames_that_were_not_read_become_one_with_every_key_and_the_newest_count() -> None:
    reader = await armed("notifications")
    keys = []
    for _ in range(3):
        keys.append(reader.alerts.fire("a1").key)
        reader.hub.frame()
    await reader.alerts.mark([keys[0]], read=True)
    reader.hub.frame()
    [frame] = reader.read()
    assert frame["data"]["fired"] == keys
    assert [(row["key"], row["read"]) for row in frame["data"]["notifications"]] == [
        (keys[0], True), (keys[1], False), (keys[2], False),
    ]  # fmt: skip
    assert frame["data"]["unread"] == 2, "the count of the first frame would be 1"


async def test_who_does_not_read_a_storm_is_told_that_it_lost_some_and_gets_a_snapshot() -> None:
    reader = await armed("notifications", centre=3)
    for _ in range(DEFAULT_KEYS // 900 + 1):
        for _ in range(900):
            reader.alerts.fire("a1")
        reader.hub.frame()
    frames = reader.read()
    assert [frame["type"] for frame in frames] == ["status", "snapshot"]
    assert frames[0]["data"]["dropped"] > 0
    assert [row["firing"] for row in frames[1]["data"]["notifications"]] == [4498, 4499, 4500]
    alert = reader.alerts.fire("a1")
    reader.hub.frame()
    assert [frame["data"]["fired"] for frame in reader.read()] == [[alert.key]]


async def test_a_row_that_came_back_into_the_centre_is_not_removed_by_older_news() -> None:
    reader = await armed("notifications", centre=1)
    first, second = reader.alerts.fire("a1"), reader.alerts.fire("a1")
    reader.hub.frame()
    await reader.alerts.clear([second.key])
    reader.hub.frame()
    [frame] = reader.read()
    assert frame["data"]["fired"] == [first.key, second.key]
    assert [row["key"] for row in frame["data"]["notifications"]] == [first.key]
    assert frame["data"]["removed"] == [second.key]


async def test_a_rule_that_was_removed_and_of_which_nothing_was_read_is_gone() -> None:
    reader = await armed("alerts")
    reader.alerts.fire("a1")
    reader.hub.frame()
    await reader.alerts.remove("a1")
    reader.hub.frame()
    [frame] = reader.read()
    assert (frame["data"]["alerts"], frame["data"]["removed"]) == ([], ["a1"])
    assert frame["data"]["limits"]["price_rules_armed"] == 0
    reader.alerts.publish(AlertsChanged(rules=("a1", "never there")))
    reader.hub.frame()
    assert reader.read() == []


async def test_each_topic_hears_what_is_its_own_and_asks_once_however_much_happens() -> None:
    desk = MemoryDesk()
    alerts = MemoryAlerts(desk)
    await alerts.add([alerts.read_sentence("BTC-USDT is above 65000, every time")])
    marks = {"alerts": 0, "notifications": 0}
    rules = AlertsSource(desk, desk.bus, Topic("alerts"), "every")
    centre = NotificationsSource(desk, desk.bus, Topic("notifications"), "every")
    rules.mark = lambda: marks.update(alerts=marks["alerts"] + 1)
    centre.mark = lambda: marks.update(notifications=marks["notifications"] + 1)
    for source in (rules, centre):
        source.open()
        assert source.collect() == []
    alert = alerts.fire_silently("a1")
    alerts.publish(AlertsChanged(alerts=(alert.key,)))
    assert marks == {"alerts": 0, "notifications": 1}
    alerts.publish(AlertsChanged(rules=("a1",)))
    assert marks == {"alerts": 1, "notifications": 1}
    for _ in range(5):
        alerts.publish(AlertsChanged())
    assert marks == {"alerts": 1, "notifications": 1}
    assert [len(rules.collect()), len(centre.collect())] == [2, 2], "a row and a value each"
    rules.close()
    centre.close()
    alerts.fire("a1")
    assert marks == {"alerts": 1, "notifications": 1}
