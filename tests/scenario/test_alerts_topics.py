"""The topics `alerts` and `notifications` over real sockets, as docs/reference/http.md writes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from _doors import Open, Socket, opened
from _memoryalerts import MemoryAlerts
from _memorydesk import MemoryDesk

from bethna.core.alert_views import AlertsChanged
from bethna.core.alerts import LeafState
from bethna.core.errors import StoreError

RATES = pytest.mark.parametrize("rate", ["ui", "every"])
SENTENCES = ("BTC-USDT is above 65000, every time", "ETH-USDT is below 2000, every time")


@asynccontextmanager
async def listening(
    topic: str, rate: str = "ui", **options: Any
) -> AsyncIterator[tuple[Open, MemoryAlerts, Socket, Any]]:
    """A desk with two rules, and a client that has read the snapshot."""
    desk = MemoryDesk()
    alerts = MemoryAlerts(desk, **options)
    await alerts.add([alerts.read_sentence(each) for each in SENTENCES])
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe(topic, rate=rate)
        first = await socket.frame()
        assert (first["topic"], first["type"]) == (topic, "snapshot")
        yield served, alerts, socket, first["data"]


async def asked(served: Open, path: str) -> Any:
    return (await served.http.get(f"/api/v1/{path}")).json()


# --- alerts


@RATES
async def test_rules_begin_as_the_route_has_them_and_each_change_is_a_row(rate: str) -> None:
    async with listening("alerts", rate) as (served, alerts, socket, snapshot):
        assert snapshot == await asked(served, "alerts")
        await served.http.post(
            "/api/v1/alerts", json={"sentences": ["SOL-USDT is above 1", "POL-USDT is above 1"]}
        )
        assert await socket.quiet() == [], "nobody follows the first, so nothing was armed"
        await served.http.post("/api/v1/alerts", json={"sentences": ["POL-USDT is above 1"]})
        added = (await socket.frame())["data"]
        assert [row["name"] for row in added["alerts"]] == ["a3"]
        assert (added["removed"], added["limits"]["price_rules_armed"]) == ([], 3)
        await alerts.pause("a3", paused=True)
        paused = (await socket.frame())["data"]
        assert [(row["name"], row["phase"], row["holds"]) for row in paused["alerts"]] == [
            ("a3", "paused", None)
        ]
        await alerts.remove("a3")
        gone = (await socket.frame())["data"]
        assert (gone["alerts"], gone["removed"], gone["limits"]["price_rules_armed"]) == ([], ["a3"], 2)
        alerts.fire("a1")
        fired = (await socket.frame())["data"]["alerts"]
        assert [(row["name"], row["firings"], row["holds"]) for row in fired] == [("a1", 1, True)]
        assert fired[0] == await asked(served, "alerts/a1")


@RATES
async def test_what_changes_without_an_event_is_seen_within_a_second(rate: str) -> None:
    async with listening("alerts", rate) as (_, alerts, socket, snapshot):
        assert [row["holds"] for row in snapshot["alerts"]] == [None, None]
        alerts.stand("a1", LeafState.YES)
        alerts.stand("a2", LeafState.NO, unknown=True)
        frame = await socket.frame()
        rows = frame["data"]["alerts"]
        assert [(row["name"], row["holds"], row["unknown"]) for row in rows] == [
            ("a1", True, False), ("a2", None, True),
        ]  # fmt: skip
        alerts.publish(AlertsChanged())
        assert await socket.quiet() == [], "nothing is another way"


async def test_what_changed_several_times_is_one_row_of_one_frame() -> None:
    async with listening("alerts") as (_, alerts, socket, _snapshot):
        for _ in range(20):
            alerts.fire("a1")
        await alerts.remove("a2")
        data = (await socket.frame())["data"]
        assert [(row["name"], row["firings"]) for row in data["alerts"]] == [("a1", 20)]
        assert data["removed"] == ["a2"]


# --- notifications


@RATES
async def test_a_firing_is_said_once_with_its_row_and_every_device_agrees_on_what_is_read(rate: str) -> None:
    async with listening("notifications", rate) as (served, alerts, socket, snapshot):
        assert snapshot == {"notifications": [], "unread": 0}
        alert = alerts.fire("a1")
        data = (await socket.frame())["data"]
        assert (data["fired"], data["removed"], data["unread"]) == ([alert.key], [], 1)
        assert data["notifications"] == (await asked(served, "notifications"))["notifications"]
        async with served.socket() as other:
            await other.subscribe("notifications", rate=rate)
            assert (await other.frame())["data"]["unread"] == 1
            await served.http.post("/api/v1/notifications/read", json={"keys": [alert.key]})
            for each in (socket, other):
                read = (await each.frame())["data"]
                assert ([row["read"] for row in read["notifications"]], read["fired"]) == ([True], [])
                assert read["unread"] == 0
            await served.http.post("/api/v1/notifications/clear", json={"keys": None})
            for each in (socket, other):
                cleared = (await each.frame())["data"]
                assert (cleared["notifications"], cleared["removed"]) == ([], [alert.key])
        alerts.publish(AlertsChanged(rules=("a1",)))
        assert await socket.quiet() == []


async def test_every_key_is_said_whatever_became_of_its_row_in_the_meantime() -> None:
    async with listening("notifications", "ui", centre=2) as (served, alerts, socket, _):
        keys = [alerts.fire("a1").key for _ in range(4)]
        await alerts.mark([keys[2]], read=True)
        await alerts.clear([keys[3]])
        data = (await socket.frame())["data"]
        assert sorted(data["fired"]) == keys
        assert {row["key"] for row in data["notifications"]} == set(keys)
        assert set(data["removed"]) == {keys[0], keys[3]}, "it keeps two, and one was cleared"
        kept = {row["key"]: row for row in data["notifications"] if row["key"] not in data["removed"]}
        assert list(kept.values()) == (await asked(served, "notifications"))["notifications"]
        assert data["unread"] == 1


async def test_a_storm_beyond_all_bounds_is_a_new_snapshot() -> None:
    async with listening("notifications", "ui", centre=5) as (served, alerts, socket, _):
        for _ in range(1_001):
            alerts.fire("a1")
        frame = await socket.frame()
        assert (frame["type"], frame["seq"]) == ("snapshot", 2)
        assert frame["data"] == await asked(served, "notifications")
        alert = alerts.fire("a2")
        assert (await socket.frame())["data"]["fired"] == [alert.key]


async def test_an_alert_that_nobody_announced_is_a_row_and_not_a_toast() -> None:
    async with listening("notifications") as (_, alerts, socket, _snapshot):
        alert = alerts.fire_silently("a1")
        data = (await socket.frame())["data"]
        assert ([row["key"] for row in data["notifications"]], data["fired"]) == ([alert.key], [])
        alerts.publish(AlertsChanged(fired=(alert,)))
        late = (await socket.frame())["data"]
        assert ([row["key"] for row in late["notifications"]], late["fired"]) == ([alert.key], [alert.key])


# --- where there is nothing


@pytest.mark.parametrize("topic", ["alerts", "notifications"])
async def test_a_desk_without_alerts_says_so_and_the_connection_stays(topic: str) -> None:
    async with opened() as served, served.socket() as socket:
        await socket.subscribe(topic)
        frame = await socket.frame()
        assert (frame["topic"], frame["type"]) == (topic, "status")
        assert frame["data"]["error"]["code"] == "feature_off"
        await socket.subscribe(f"{topic}:a1")
        assert (await socket.error())["code"] == "unknown_topic"
        await socket.subscribe("prices")
        assert (await socket.until(lambda each: each["topic"] == "prices"))["type"] == "snapshot"


@pytest.mark.parametrize("topic", ["alerts", "notifications"])
async def test_a_journal_that_is_gone_ends_the_topic_with_its_words(topic: str) -> None:
    async with listening(topic) as (_, alerts, socket, _snapshot):
        alerts.damaged = StoreError("expected room on the disk, found none", hint="make room")
        alerts.publish(AlertsChanged())
        frame = await socket.frame()
        assert (frame["type"], frame["data"]["error"]["code"]) == ("status", "store_unusable")
        alerts.damaged = None
        await socket.subscribe(topic)
        assert (await socket.frame())["type"] == "snapshot"
