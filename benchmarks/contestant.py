"""A contestant's side of the conversation: JSON lines in, JSON lines out, one answer a line.

    {"op": "hello"}                               -> {"ok": true, "versions": {"python": "3.11.7", ...}}
    {"op": "load", "contest": C, "path": P}       -> {"ok": true, "plays": true}; false: its library has no such venue
    {"op": "round", "contest": C}                 -> {"ok": true, "us": 2.71, "passes": 5, "outcome": {...}}
    {"op": "profile", "contest": C}               -> {"ok": true, "text": "..."}
    anything that raises                          -> {"ok": false, "error": "ImportError", "message": "..."}

It needs the standard library only, for it runs inside the peers' environments.
"""

from __future__ import annotations

import cProfile
import gc
import io
import json
import os
import platform
import pstats
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.contest import Outcome, Seen, Work

ROUND_CPU_S = 0.25
MOST_PASSES = 20

OnFrame = Callable[[bytes, int], None]
OnSnapshot = Callable[[str, str, int], None]
Build = Callable[..., tuple[OnFrame, OnSnapshot, Callable[[], dict[str, Any]]]]


class Contestant(ABC):
    """One library under test. A pass starts from nothing: a new feed, a new book, new counts."""

    packages: tuple[str, ...] = ()
    wires: frozenset[str] = frozenset({"binance"})
    """What it has a way to read; it plays contests of these alone."""

    def versions(self) -> dict[str, str]:
        """What was measured. Raises ImportError where it is not there to be measured."""
        return {"python": platform.python_version()} | {
            name: metadata.version(name) for name in self.packages
        }

    @abstractmethod
    def prepare(self, work: Work) -> Any:
        """Put the frames into the form this contestant meets in life. Not timed."""

    @abstractmethod
    def play(self, work: Work, prepared: Any) -> tuple[float, Outcome]:
        """One pass: CPU seconds from first frame to last callback, and what the callbacks saw."""


class CallbackContestant(Contestant):
    """Any feed built by `build(read_top) -> (on_frame, on_snapshot, result)`.

    `on_frame(raw, ts_recv)` takes a frame's bytes, `on_snapshot(symbol, raw, ts_recv)` the REST answer's text;
    `result()` gives `trades`, `last_price`, `updates`, `bid`, `ask` (price and size) and, if `read_top` was
    asked for, `tops`: bid price, bid size, ask price, ask size after every update.
    """

    def __init__(self, build: Build, packages: tuple[str, ...]) -> None:
        self._build = build
        self.packages = packages

    def versions(self) -> dict[str, str]:
        self._build(read_top=False)
        return super().versions()

    def prepare(self, work: Work) -> list[tuple[bytes, int]]:
        return [(frame.raw.encode(), frame.ts_recv) for frame in work.frames]

    def play(self, work: Work, prepared: Any) -> tuple[float, Outcome]:
        on_frame, on_snapshot, result = self._build(read_top=work.reads_top)
        if work.has_depth:
            on_snapshot("BTCUSDT", work.snapshot, work.frames[0].ts_recv)
            for frame in work.prelude:
                on_frame(frame.raw.encode(), frame.ts_recv)
        started = time.process_time()
        for raw, ts_recv in prepared:
            on_frame(raw, ts_recv)
        spent = time.process_time() - started
        found = result()
        tops = found.get("tops") or []
        seen = Seen(found["trades"], found["last_price"], found["updates"], tops)
        return spent, seen.outcome(work, found["bid"], found["ask"])


def serve(contestant: Contestant) -> None:
    """Answer until stdin closes. What libraries print goes to stderr, so that it cannot garble an answer."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    loaded: dict[str, tuple[Work, Any]] = {}
    for line in sys.stdin:
        try:
            answer = {"ok": True} | _answer(contestant, loaded, json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever a contestant raises is its answer, by name
            answer = {"ok": False, "error": type(error).__name__, "message": str(error)}
        answers.write(json.dumps(answer) + "\n")


def _answer(
    contestant: Contestant, loaded: dict[str, tuple[Work, Any]], asked: dict[str, Any]
) -> dict[str, Any]:
    op = asked["op"]
    if op == "hello":
        return {"versions": contestant.versions()}
    if op == "load":
        work = Work.load(Path(asked["path"]))
        if not contestant.wires.issuperset(work.wires) or (work.of_venues and len(contestant.wires) == 1):
            return {"plays": False}
        loaded[asked["contest"]] = work, contestant.prepare(work)
        gc.collect()
        gc.freeze()
        return {"plays": True}
    work, prepared = loaded[asked["contest"]]
    if op == "profile":
        return {"text": _profile(contestant, work, prepared)}
    return _round(contestant, work, prepared)


def _round(contestant: Contestant, work: Work, prepared: Any) -> dict[str, Any]:
    spent, passes, outcomes = 0.0, 0, set()
    while not passes or (spent < ROUND_CPU_S and passes < MOST_PASSES):
        gc.collect()
        cost, outcome = contestant.play(work, prepared)
        spent, passes = spent + cost, passes + 1
        outcomes.add(outcome)
    if len(outcomes) > 1:
        raise RuntimeError(
            f"{work.contest}: {passes} passes over the same frames had {len(outcomes)} outcomes"
        )
    us = spent / passes / len(work.frames) * 1e6
    return {"us": us, "passes": passes, "outcome": asdict(outcomes.pop())}


def _profile(contestant: Contestant, work: Work, prepared: Any) -> str:
    profile, text = cProfile.Profile(), io.StringIO()
    profile.runcall(contestant.play, work, prepared)
    pstats.Stats(profile, stream=text).strip_dirs().sort_stats("tottime").print_stats(30)
    return text.getvalue()
