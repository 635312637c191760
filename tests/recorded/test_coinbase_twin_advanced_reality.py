"""Coinbase's twin on its second wire against the samples of 2026: form, sides and count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coinbase_advanced_bench import AdvancedBench, said
from coinbase_twin_bench import BTC
from recorded.venue_frames import lines

pytestmark = pytest.mark.needs("shared")


@pytest.fixture
def samples(shared_dir: Path) -> list[dict[str, Any]]:
    return list(lines(shared_dir / "captures" / "samples" / "coinbase_advanced.jsonl"))


@pytest.fixture
def twin(seed: int) -> list[dict[str, Any]]:
    return said(AdvancedBench(seed=seed).listen("level2", "market_trades", "heartbeats"))


def form(value: Any) -> Any:
    """Keys in their order, and types."""
    match value:
        case dict():
            return tuple((key, form(inner)) for key, inner in value.items())
        case list():
            return frozenset(map(form, value))
        case _:
            return type(value).__name__


def of(frames: list[dict[str, Any]], channel: str, kind: str = "") -> list[dict[str, Any]]:
    return [
        each
        for each in frames
        if each.get("channel") == channel and (not kind or each["events"][0].get("type") == kind)
    ]


@pytest.mark.parametrize(
    ("channel", "kind"), [("l2_data", "snapshot"), ("market_trades", "snapshot"), ("heartbeats", "")]
)
def test_keys_and_types_are_the_same(
    channel: str, kind: str, samples: list[dict[str, Any]], twin: list[dict[str, Any]]
) -> None:
    real, made = ({form(each) for each in of(frames, channel, kind)} for frames in (samples, twin))
    assert real == made
    assert len(real) == 1


def test_an_ack_lists_channels_and_what_was_asked(
    samples: list[dict[str, Any]], twin: list[dict[str, Any]]
) -> None:
    for frames in (samples, twin):
        for each in of(frames, "subscriptions"):
            assert list(each) == ["channel", "timestamp", "sequence_num", "events"]
            (event,) = each["events"]
            assert all(isinstance(name, str) for names in event["subscriptions"].values() for name in names)
        assert of(frames, "subscriptions")[-1]["events"][0]["subscriptions"]["heartbeats"] == ["heartbeats"]


def test_an_error_has_neither_channel_nor_number(samples: list[dict[str, Any]]) -> None:
    bench = AdvancedBench()
    connection, wire = bench.open()
    bench.ask(connection, "no_such_channel", (BTC,))
    assert said(wire) == [each for each in samples if each.get("type") == "error"]


def texts(frames: list[dict[str, Any]]) -> Iterator[str]:
    for each in of(frames, "l2_data") + of(frames, "market_trades"):
        for event in each["events"]:
            for row in (*event.get("updates", ()), *event.get("trades", ())):
                yield from (
                    row[key] for key in ("price_level", "new_quantity", "price", "size") if key in row
                )


def test_numbers_have_no_zeros_at_their_end(
    samples: list[dict[str, Any]], twin: list[dict[str, Any]]
) -> None:
    for frames in (samples, twin):
        found = list(texts(frames))
        assert len(found) > 10
        assert all("." not in each or each[-1] not in "0." for each in found)


def test_the_first_frame_is_a_snapshot_that_begins_with_the_best_bid(
    samples: list[dict[str, Any]], twin: list[dict[str, Any]]
) -> None:
    for frames in (samples, twin):
        first = frames[0]
        assert (first["channel"], first["sequence_num"]) == ("l2_data", 0)
        rows = first["events"][0]["updates"]
        bids = [float(row["price_level"]) for row in rows if row["side"] == "bid"]
        assert rows[0]["side"] == "bid"
        assert bids == sorted(bids, reverse=True)


def test_trades_are_newest_first_and_their_numbers_text(
    samples: list[dict[str, Any]], twin: list[dict[str, Any]]
) -> None:
    for frames in (samples, twin):
        for each in of(frames, "market_trades"):
            for event in each["events"]:
                ids = [int(row["trade_id"]) for row in event["trades"]]
                assert ids == sorted(ids, reverse=True)
                assert {row["side"] for row in event["trades"]} <= {"BUY", "SELL"}


def test_heartbeats_tell_the_seconds_that_the_server_is_up(
    samples: list[dict[str, Any]], twin: list[dict[str, Any]]
) -> None:
    for frames in (samples, twin):
        for each in of(frames, "heartbeats"):
            (event,) = each["events"]
            current, up = event["current_time"].split(" m=+")
            assert current.endswith(" +0000 UTC")
            assert int(float(up)) == event["heartbeat_counter"]
            assert current[:10] == each["timestamp"][:10]


def test_the_text_has_no_spaces(shared_dir: Path) -> None:
    path = shared_dir / "captures" / "samples" / "coinbase_advanced.jsonl"
    wire = AdvancedBench().listen("level2", "market_trades", "ticker", "candles", "status", until_s=5)
    for text in (*path.read_text().splitlines(), *(each.decode() for each in wire.texts())):
        assert text == json.dumps(json.loads(text), separators=(",", ":"))
