"""docs/reference/http.md says of alerts what the doors do: fields, words, kinds of conditions, limits."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest
from _doors import opened
from _memoryalerts import MemoryAlerts
from _memorydesk import BTC, MemoryDesk
from docs.test_http_reference import section

from bethna.api import alerts_routes, alerts_source, alerts_wishes
from bethna.api.alerts_protocol import (
    ChannelRow,
    NotificationsDelta,
    PreviewAnswer,
    RehearsalAnswer,
    StepRow,
    WhyAnswer,
    WhyTrade,
)
from bethna.api.bodies import MAX_JSON_BYTES
from bethna.core.alert_views import Delivery, DeliveryState
from bethna.core.alerts import (
    AllOf,
    AnyOf,
    Doubt,
    Leaf,
    OptionFigure,
    Outcome,
    Phase,
    Repeat,
    Severity,
    Trouble,
)

SENTENCE = f"{BTC} crosses above 65,000, again below 64,800, every time, cooldown 10m, via telegram"


def example(title: str) -> Any:
    return json.loads(re.findall(r"```json\n(.*?)```", section(title), re.DOTALL)[0])


def listed(text: str, first: str) -> list[str]:
    """The names of the listing that begins with this field."""
    found = re.search(rf'`\{{("{first}".*?)\}}`', text, re.DOTALL)
    assert found, first
    return re.findall(r'"(\w+)"', found[1])


async def test_the_examples_have_the_fields_of_the_answers() -> None:
    desk = MemoryDesk()
    alerts = MemoryAlerts(desk)
    async with opened(desk) as served:
        await served.http.post("/api/v1/alerts", json={"sentences": [SENTENCE]})
        alerts.fire("a1")
        rules = (await served.http.get("/api/v1/alerts")).json()
        centre = (await served.http.get("/api/v1/notifications")).json()
    shown, told = example("GET /api/v1/alerts\n"), example("GET /api/v1/notifications")
    assert list(shown) == list(rules)
    assert list(shown["limits"]) == list(rules["limits"])
    [row], [found] = shown["alerts"], rules["alerts"]
    assert list(row) == list(found)
    assert (row["sentence"], row["rule"], row["lines"]) == (found["sentence"], found["rule"], found["lines"])
    assert list(told) == list(centre)
    assert list(told["notifications"][0]) == list(centre["notifications"][0])
    said = {*told["notifications"][0]["deliveries"][0]}
    assert said == {*Delivery.__struct_fields__} - {"rule", "firing"}


@pytest.mark.parametrize(
    ("title", "first", "answer"),
    [
        ("POST /api/v1/alerts/preview", "sentence", PreviewAnswer),
        ("POST /api/v1/alerts/rehearse", "over", RehearsalAnswer),
        ("GET /api/v1/alerts/{name}/why", "name", WhyAnswer),
        ("GET /api/v1/alerts/{name}/why", "trade_id", WhyTrade),
        ("GET /api/v1/alerts/{name}/why", "number", StepRow),
    ],
)
def test_the_listings_have_the_fields_of_the_answers(title: str, first: str, answer: Any) -> None:
    text = section(title)
    if answer is PreviewAnswer:
        text = text.partition("without arming it:")[2]
    assert listed(text, first) == list(answer.__struct_fields__)


def test_channels_and_deltas_have_their_fields() -> None:
    assert listed(section("GET /api/v1/channels"), "channels") == ["channels", *ChannelRow.__struct_fields__]
    topics = section("WebSocket /ws")
    assert listed(topics, "notifications") == list(NotificationsDelta.__struct_fields__)
    assert '`{"alerts": [changed rows], "removed": [names], "limits"}`' in topics


def test_every_word_that_a_rule_may_use_is_listed() -> None:
    text = section("GET /api/v1/alerts\n")
    kinds = [each.__struct_config__.tag for each in (*get_args(Leaf), AllOf, AnyOf)]
    words = set(re.findall(r"`(\w+)`", text))
    for wanted in (kinds, Repeat, Doubt, Severity, Phase, OptionFigure, Trouble):
        assert {str(each) for each in wanted} <= words
    for leaf in get_args(Leaf):
        assert set(leaf.__struct_fields__) <= words, leaf
    told = set(re.findall(r"`(\w+)`", section("GET /api/v1/notifications")))
    assert {str(each) for each in DeliveryState} <= told
    outcomes = section("GET /api/v1/alerts/{name}/why").partition("| `outcome` |")[2]
    assert {str(each) for each in Outcome} == set(
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?`) \|", outcomes, re.MULTILINE)))
    )


def test_limits_are_those_of_the_code() -> None:
    assert f"at most {alerts_wishes.MOST_AT_ONCE}." in section("POST /api/v1/alerts\n")
    assert f"larger than {MAX_JSON_BYTES // 2**20} MiB" in section("Errors")
    history = section("GET /api/v1/alerts/history")
    assert f"`limit` 1 to {alerts_routes.MOST_ALERTS}" in history
    assert f"newest `limit` (1 to {alerts_routes.MOST_STEPS})" in section("GET /api/v1/alerts/{name}/why")
    assert f"more than {alerts_source.MOST_FIRED} fire at once" in section("WebSocket /ws")
