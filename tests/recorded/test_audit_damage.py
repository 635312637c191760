"""Seeded damage to a real recording: what was deleted, doubled or swapped is named, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from conftest import Campaign

from bethna.api.audit import named_gaps
from bethna.app import Desk
from bethna.config import load
from bethna.core.market import InstrumentId
from bethna.store.tapes import TapeReader

BTC = InstrumentId("BTC-USDT@binance")
MARGIN = 5


class Frame(NamedTuple):
    line: int
    stream: str
    first: int
    last: int


class Named(NamedTuple):
    stream: str
    first: int
    last: int
    reason: str


class Recording:
    """The lines of the tape, and where each numbered frame of each stream stands."""

    def __init__(self, path: Path) -> None:
        self.lines: list[str] = []
        self.frames: dict[str, list[Frame]] = {"trades": [], "book": [], "quotes": []}
        for number, entry in enumerate(TapeReader(path)):
            raw = entry.raw.decode()
            line = {"ts": entry.ts, "kind": entry.kind, "raw": raw}
            line |= {"conn": entry.conn} if entry.conn is not None else {}
            line |= {"url": entry.url} if entry.url is not None else {}
            self.lines.append(json.dumps(line))
            if entry.kind == "rx":
                self._note(number, json.loads(raw))

    def _note(self, number: int, message: dict[str, dict[str, int]]) -> None:
        body = message["data"]
        if "t" in body:
            self.frames["trades"].append(Frame(number, "trades", body["t"], body["t"]))
        elif "U" in body:
            self.frames["book"].append(Frame(number, "book", body["U"], body["u"]))
        else:
            self.frames["quotes"].append(Frame(number, "quotes", body["u"], body["u"]))


class Damage:
    """One seed's damage: the lines that are left, and what an honest audit must name."""

    def __init__(self, recording: Recording, seed: int) -> None:
        rng = Random(seed)
        self.lines: list[str | None] = list(recording.lines)
        self.doubled: dict[int, str] = {}
        self.expected: set[Named] = set()
        for stream, frames in recording.frames.items():
            spots = range(MARGIN, len(frames) - MARGIN, MARGIN)  # apart, so that each damage is its own
            for spot in rng.sample(spots, rng.randint(0, 4)):
                kinds = ["double", "swap"] if stream == "quotes" else ["delete", "double", "swap"]
                self._do(rng.choice(kinds), frames[spot], frames[spot + 1])

    def _do(self, kind: str, frame: Frame, following: Frame) -> None:
        stream, first, last = frame.stream, frame.first, frame.last
        if kind == "delete":
            self.lines[frame.line] = None
            self.expected.add(Named(stream, first, last, "missing"))
        elif kind == "double":
            self.doubled[frame.line] = self.lines[frame.line] or ""
            self.expected.add(Named(stream, first, last, "duplicate"))
        else:
            lines = self.lines
            lines[frame.line], lines[following.line] = lines[following.line], lines[frame.line]
            self.expected.add(Named(stream, first, last, "reordered"))

    def text(self) -> Iterator[str]:
        for number, line in enumerate(self.lines):
            if line is not None:
                yield line + "\n"
            if number in self.doubled:
                yield self.doubled[number] + "\n"


def check(recording: Recording, seed: int, folder: Path) -> None:
    damage = Damage(recording, seed)
    path = folder / "damaged.jsonl"
    path.write_text("".join(damage.text()))
    desk = Desk(load(options={"source": f"tape:{path}", "speed": "max"}))
    desk.play_through()
    found = {
        Named(gap.stream, gap.first_id or 0, gap.last_id or 0, gap.reason)
        for gap in named_gaps(desk.feeds.feed(BTC))
    }
    assert found == damage.expected, f"seed {seed}"


@pytest.mark.needs("shared")
@pytest.mark.campaign
def test_seeded_damage_is_named_exactly(shared_dir: Path, campaign: Campaign, tmp_path: Path) -> None:
    recording = Recording(shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst")
    for seed in campaign.seeds(share=8, whole=500):
        check(recording, seed, tmp_path)
