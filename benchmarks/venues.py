"""Frames of the other venues, and of four at once: from recordings where they are long enough, else from the twins.

A twin's frames are made in time that goes when it is told, without a socket; every run makes the same. Only trades and
books are kept, which every contestant listens to.

    coinbase    the recording of Coinbase Exchange, five products, half a minute of 2021
    kraken_v1   the recording of Kraken's first wire, five pairs, half a minute of 2021, books of 1000 levels
    kraken      Kraken's second wire, which the desk speaks; from its twin, books of ten levels
    deribit     two perpetuals; from the twin (the recording has forty frames)
    venues      Binance, Coinbase Exchange, Kraken and Deribit at once, in the order in which their twins spoke
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from benchmarks.contest import Frame, Kind, Work
from benchmarks.frames import PROJECT
from bethna.core.clock import NS_PER_S
from bethna.twins.line import Answer
from bethna.twins.registry import build, chosen

START = 1_800_000_000 * NS_PER_S
SEED, PACE, SECONDS, STEP_NS = 20260930, 3.0, 40, NS_PER_S // 20
SNAPSHOT_AT = 10
"""In steps: then the REST snapshot of Binance is taken."""
BOOK_DEPTH = 10
ADDRESS = "127.0.0.1"
TAPES = {
    "coinbase": Path("captures", "tapes", "coinbase_exchange.jsonl"),
    "kraken_v1": Path("captures", "tapes", "kraken_v1.jsonl"),
}
SYMBOLS = {
    "binance": ("BTCUSDT",),
    "coinbase": ("BTC-USD", "ETH-USD"),
    "kraken": ("BTC/USD", "ETH/USD"),
    "deribit": ("BTC-PERPETUAL", "ETH-PERPETUAL"),
}
PATHS = {
    "binance": "/stream?streams=btcusdt@trade/btcusdt@depth@100ms",
    "coinbase": "/",
    "kraken": "/v2",
    "deribit": "/ws/api/v2",
}
SNAPSHOT_PATH = "/api/v3/depth?symbol=BTCUSDT&limit=1000"
OF_TWINS = {"kraken": ("kraken",), "deribit": ("deribit",), "venues": tuple(SYMBOLS)}


def contests(names: Iterable[str]) -> dict[str, Work]:
    """The contests of these names; one whose recording is absent is of the twin, and says so."""
    works = {}
    for name in names:
        tape = Path(os.environ.get("BETHNA_SHARED") or PROJECT.parent / "shared") / TAPES.get(name, "")
        if name in TAPES and tape.is_file():
            works[name] = _recorded(name, tape)
        elif name in OF_TWINS or name in SYMBOLS:
            works[name] = of_twins(name, OF_TWINS.get(name, (name,)))
    return works


def kind_of(wire: str, raw: str) -> tuple[Kind, bool] | None:
    """What a frame is, and whether it is a book's snapshot; None of what is neither trade nor book."""
    if wire == "kraken_v1":
        return _kind_of_v1(raw)
    said = json.loads(raw)
    if wire == "binance":
        return ("trade" if said["data"]["e"] == "trade" else "depth"), False
    if wire == "coinbase":
        if said["type"] == "match":
            return "trade", False
        return ("depth", said["type"] == "snapshot") if said["type"] in ("snapshot", "l2update") else None
    if wire == "kraken":
        if said.get("channel") == "trade":
            return "trade", False
        return ("depth", said["type"] == "snapshot") if said.get("channel") == "book" else None
    if said.get("method") != "subscription":
        return None
    if said["params"]["channel"].startswith("trades."):
        return "trade", False
    return "depth", said["params"]["data"]["type"] == "snapshot"


def _kind_of_v1(raw: str) -> tuple[Kind, bool] | None:
    if not raw.startswith("["):
        return None
    said = json.loads(raw)
    if said[-2] == "trade":
        return "trade", False
    return ("depth", "as" in said[1]) if said[-2].startswith("book") else None


def _recorded(name: str, path: Path) -> Work:
    said: list[tuple[Frame, bool]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        kind = kind_of(name, record["raw"]) if record["kind"] == "rx" else None
        if kind is not None:
            said.append((Frame(kind[0], record["raw"], record["ts"], name), kind[1]))
    return _cut(name, said, path.name)


def of_twins(name: str, venues: Sequence[str]) -> Work:
    """What the twins say, trades and books, in the order of their time."""
    twins = []
    for venue in venues:
        listings = chosen(",".join(SYMBOLS[venue]), venue)
        lively = [replace(each, rate=max(each.rate, 10.0)) for each in listings]
        found = build(venue, seed=SEED, start=START, listings=lively, pace=PACE).venue
        twins.append((venue, found, _connect(venue, found)))
    snapshot = ""
    for step in range(1, SECONDS * NS_PER_S // STEP_NS + 1):
        now = START + step * STEP_NS
        for venue, twin, wire in twins:
            wire.now = now
            twin.advance(now)
            if venue == "binance" and step == SNAPSHOT_AT:
                answer = twin.http("GET", SNAPSHOT_PATH, {}, ADDRESS, now)
                snapshot = answer.body.decode()
    heard = [
        (at, place, number, venue, raw)
        for place, (venue, _, wire) in enumerate(twins)
        for number, (at, raw) in enumerate(wire.said)
    ]
    said = []
    for at, _, _, venue, raw in sorted(heard):
        kind = kind_of(venue, raw)
        if kind is not None:
            said.append((Frame(kind[0], raw, at, venue), kind[1]))
    return _cut(name, said, "made by the twin" if len(venues) == 1 else "made by the twins", snapshot)


def _cut(name: str, said: list[tuple[Frame, bool]], origin: str, snapshot: str = "") -> Work:
    """What comes up to the last snapshot is prelude, as are the updates that the REST snapshot has already."""
    begun = max((index for index, (_, is_snapshot) in enumerate(said) if is_snapshot), default=-1) + 1
    if snapshot:
        last_id = json.loads(snapshot)["lastUpdateId"]
        begun = max(begun, *(index + 1 for index, (frame, _) in enumerate(said) if _is_old(frame, last_id)))
    frames = tuple(frame for frame, _ in said)
    return Work(name, snapshot, frames[:begun], frames[begun:], origin)


def _is_old(frame: Frame, last_id: int) -> bool:
    return frame.wire == "binance" and frame.kind == "depth" and json.loads(frame.raw)["data"]["u"] <= last_id


class _Wire:
    """Keeps what a twin sends, with the time to which it was told to go."""

    def __init__(self) -> None:
        self.now = START
        self.said: list[tuple[int, str]] = []

    def text(self, payload: bytes) -> None:
        self.said.append((self.now, payload.decode()))

    def fragments(self, parts: Sequence[bytes], ping: bytes | None = None) -> None:
        self.text(b"".join(parts))

    def raw(self, data: bytes) -> None:
        """Nothing here is damaged."""

    def ping(self, payload: bytes) -> None:
        """Forty seconds need no pong."""

    def close(self, code: int, reason: str) -> None:
        raise RuntimeError(f"the twin has hung up: {code} {reason}")

    def cut(self) -> None:
        raise RuntimeError("the twin has hung up")


def _connect(venue: str, twin: Any) -> _Wire:
    found = twin.upgrade(PATHS[venue], ADDRESS, START)
    if isinstance(found, Answer):
        raise RuntimeError(  # noqa: TRY004 - not a type: a refusal
            f"the twin of {venue} lets nobody in: {found.status}"
        )
    wire = _Wire()
    found.attach(wire, START)
    for message in _subscriptions(venue):
        found.text(json.dumps(message).encode(), START)
    return wire


def _subscriptions(venue: str) -> list[dict[str, Any]]:
    symbols = list(SYMBOLS[venue])
    match venue:
        case "coinbase":
            return [{"type": "subscribe", "product_ids": symbols, "channels": ["level2_batch", "matches"]}]
        case "kraken":
            book = {"channel": "book", "symbol": symbols, "depth": BOOK_DEPTH}
            return [
                {"method": "subscribe", "params": params}
                for params in (book, {"channel": "trade", "symbol": symbols, "snapshot": False})
            ]
        case "deribit":
            channels = [f"{kind}.{symbol}.100ms" for kind in ("book", "trades") for symbol in symbols]
            return [
                {"jsonrpc": "2.0", "id": 1, "method": "public/subscribe", "params": {"channels": channels}}
            ]
        case _:
            return []
