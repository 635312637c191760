"""The description of the API: every route is in it with an example, every example and every answer fits its schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from _doors import opened
from _memoryalerts import MemoryAlerts
from _memorydesk import BTC, START, MemoryDesk

from bethna.api.listings import setting_rows
from bethna.config import Settings
from bethna.core.clock import NS_PER_US
from bethna.core.market import Greeks, IndexPrice, InstrumentId, Valuation
from bethna.core.status import ConnectionHealth

Schema = dict[str, Any]
ROUTES = {
    "/api/v1/health": {"get"},
    "/api/v1/instruments": {"get"},
    "/api/v1/prices": {"get"},
    "/api/v1/candles": {"get"},
    "/api/v1/bars": {"get"},
    "/api/v1/indicators": {"get"},
    "/api/v1/book/{instrument}": {"get"},
    "/api/v1/trades/{instrument}": {"get"},
    "/api/v1/best/{pair}": {"get"},
    "/api/v1/best/{pair}/book": {"get"},
    "/api/v1/indices": {"get"},
    "/api/v1/indices/{instrument}": {"get"},
    "/api/v1/valuations": {"get"},
    "/api/v1/valuations/{instrument}": {"get"},
    "/api/v1/alerts": {"get", "post"},
    "/api/v1/alerts/preview": {"post"},
    "/api/v1/alerts/rehearse": {"post"},
    "/api/v1/alerts/history": {"get"},
    "/api/v1/alerts/remove": {"post"},
    "/api/v1/alerts/{name}": {"get", "put", "delete"},
    "/api/v1/alerts/{name}/pause": {"post"},
    "/api/v1/alerts/{name}/resume": {"post"},
    "/api/v1/alerts/{name}/why": {"get"},
    "/api/v1/notifications": {"get"},
    "/api/v1/notifications/read": {"post"},
    "/api/v1/notifications/clear": {"post"},
    "/api/v1/channels": {"get"},
    "/api/v1/channels/{name}/test": {"post"},
    "/api/v1/push": {"get", "put", "delete"},
    "/api/v1/events": {"get"},
    "/api/v1/symbols": {"get"},
    "/api/v1/watchlist": {"get"},
    "/api/v1/watchlist/{instrument}": {"put", "delete"},
    "/api/v1/connections": {"get"},
    "/api/v1/settings": {"get"},
    "/api/v1/story": {"get"},
    "/api/v1/restart": {"post"},
    "/metrics": {"get"},
}
# What a schema may say without constraining a value.
NOTES = {"description", "title", "examples", "default", "format"}
KNOWN = {
    "$ref", "type", "properties", "additionalProperties", "required", "items", "prefixItems", "oneOf", "anyOf",
    "allOf", "enum", "const", "minimum", "maximum", "maxLength", "minItems", "maxItems",
}  # fmt: skip
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
    "number": (int, float),
}  # fmt: skip


def flaws(value: Any, schema: Schema, whole: Schema, where: str = "$") -> Iterator[str]:
    """Where a value does not fit; a keyword that is not known here is a flaw too, lest it be passed over."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        yield from flaws(value, whole["components"]["schemas"][name], whole, where)
        return
    yield from (f"{where}: {word} is not known to this test" for word in schema.keys() - NOTES - KNOWN)
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(is_kind(value, kind) for kind in kinds):
        yield f"{where}: {value!r} is no {kinds}"
    elif isinstance(value, dict):
        yield from of_object(value, schema, whole, where)
    elif isinstance(value, list):
        yield from of_array(value, schema, whole, where)
    else:
        yield from of_plain(value, schema, where)
    for alternatives in filter(None, (schema.get("oneOf"), schema.get("anyOf"))):
        tried = [list(flaws(value, inner, whole, where)) for inner in alternatives]
        if all(tried):
            yield from tried[-1]
    for inner in schema.get("allOf", ()):
        yield from flaws(value, inner, whole, where)


def is_kind(value: object, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def of_object(value: dict[str, Any], schema: Schema, whole: Schema, where: str) -> Iterator[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    yield from (f"{where}: {name} is missing" for name in schema.get("required", ()) if name not in value)
    for name, inner in value.items():
        if name in known:
            yield from flaws(inner, known[name], whole, f"{where}.{name}")
        elif isinstance(others, dict):
            yield from flaws(inner, others, whole, f"{where}.{name}")
        elif known:
            yield f"{where}: {name} is not described"


def of_array(value: list[Any], schema: Schema, whole: Schema, where: str) -> Iterator[str]:
    first = schema.get("prefixItems", [])
    if first and len(first) != len(value):
        yield f"{where}: {len(value)} items, expected {len(first)}"
    for number, item in enumerate(value):
        inner = first[number] if number < len(first) else schema.get("items")
        if isinstance(inner, dict):
            yield from flaws(item, inner, whole, f"{where}[{number}]")


def of_plain(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if is_kind(value, "number") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{where}: {value!r} is out of range"
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        yield f"{where}: longer than {schema['maxLength']}"


async def described() -> Schema:
    async with opened() as served:
        whole: Schema = (await served.http.get("/schema/openapi.json")).json()
    return whole


def operations(whole: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


async def test_every_route_is_described_and_no_other() -> None:
    whole = await described()
    assert {path: set(methods) for path, methods in whole["paths"].items()} == ROUTES
    assert all(operation["description"] for _, _, operation in operations(whole))


async def test_every_example_fits_its_schema(subtests: pytest.Subtests) -> None:
    whole = await described()
    for path, method, operation in operations(whole):
        for parameter in operation.get("parameters", ()):
            shown = parameter.get("examples") or parameter["schema"].get("examples") or {}
            values = [each["value"] for each in shown.values()] if isinstance(shown, dict) else shown
            with subtests.test(f"{method} {path} {parameter['name']}"):
                assert values or "default" in parameter["schema"] or not parameter.get("required")
                for value in values:
                    assert list(flaws(value, parameter["schema"], whole)) == []
        for media in operation.get("requestBody", {}).get("content", {}).values():
            with subtests.test(f"{method} {path} body"):
                for value in media["schema"].get("examples", ()):
                    assert list(flaws(value, media["schema"], whole)) == []
        for status, response in operation["responses"].items():
            for kind, media in response.get("content", {}).items():
                if kind != "application/json":
                    continue
                with subtests.test(f"{method} {path} {status}"):
                    examples = [each["value"] for each in media["examples"].values()]
                    assert examples, "an answer without an example"
                    for example in examples:
                        assert list(flaws(example, media["schema"], whole)) == []


async def test_real_answers_fit_their_schema_too(subtests: pytest.Subtests) -> None:
    index, option = InstrumentId("BTC-DVOL@deribit"), InstrumentId("BTC-25DEC26-76000-C@deribit")
    desk = MemoryDesk([BTC, index, option])
    desk.move(BTC, [(1.0, 1.0)], [(2.0, 1.0)])
    desk.trade(BTC, 1.5)
    desk.say_figure(IndexPrice(index, 38.4, START, START))
    desk.say_figure(Valuation(option, 0.1, 1.0, START, START, greeks=Greeks(0.5, 0.1, 0.1, -0.1, 0.1)))
    desk.say("started")
    desk.sockets = [ConnectionHealth("binance", 1, "h:1", "ok", START, None, 1, 0, 1.5, 4, (BTC,))]
    alerts = MemoryAlerts(desk)
    await alerts.add([alerts.read_sentence(f"{BTC} crosses above 65000")])
    alerts.fire("a1")
    asked = {
        "/api/v1/health": "", "/api/v1/instruments": "", "/api/v1/prices": "", "/api/v1/events": "",
        "/api/v1/candles": f"instrument={BTC}&interval=1m",
        "/api/v1/bars": f"instrument={BTC}&interval=1m&indicators=sma(3),obv", "/api/v1/indicators": "",
        "/api/v1/book/{instrument}": "",
        "/api/v1/trades/{instrument}": "", "/api/v1/best/{pair}": "convert=EUR", "/api/v1/best/{pair}/book": "",
        "/api/v1/indices": "", "/api/v1/indices/{instrument}": "", "/api/v1/valuations": "",
        "/api/v1/valuations/{instrument}": "",
        "/api/v1/symbols": "query=usdt", "/api/v1/watchlist": "",
        "/api/v1/alerts": "", "/api/v1/alerts/history": "", "/api/v1/alerts/{name}": "",
        "/api/v1/alerts/{name}/why": "", "/api/v1/notifications": "", "/api/v1/channels": "", "/api/v1/push": "",
        "/api/v1/connections": "", "/api/v1/settings": "",
        "/api/v1/story": f"figure=candle&instrument={BTC}&interval=1m&open_time={START // NS_PER_US}",
    }  # fmt: skip
    async with opened(desk, settings=setting_rows(Settings())) as served:
        whole = (await served.http.get("/schema/openapi.json")).json()
        assert set(asked) == {path for path, methods in ROUTES.items() if "get" in methods} - {"/metrics"}
        for path, query in asked.items():
            with subtests.test(path):
                named = index if "indices" in path else option if "valuations" in path else BTC
                answer = await served.http.get(
                    f"{path.format(instrument=named, pair='BTC-USDT', name='a1')}?{query}"
                )
                assert answer.status_code == 200
                schema = whole["paths"][path]["get"]["responses"]["200"]["content"]["application/json"][
                    "schema"
                ]
                assert list(flaws(answer.json(), schema, whole)) == []
                wrong = answer.json()
                wrong[next(iter(wrong))] = 7.5
                assert list(flaws(wrong, schema, whole)), "this check finds nothing"


async def test_its_pages_of_the_library_are_not_served() -> None:
    async with opened() as served:
        for path in (
            "/schema/swagger",
            "/schema/redoc",
            "/schema/elements",
            "/schema/rapidoc",
            "/schema/openapi.yaml",
        ):
            assert (await served.http.get(path)).status_code == 404
