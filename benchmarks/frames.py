"""Where the frames come from and how contests are cut from them. Nothing here is timed."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.contest import Frame, Work
from benchmarks.synthetic import synthesise

PROJECT = Path(__file__).resolve().parent.parent
RECORDING = Path("captures", "tapes", "binance_btcusdt_20240808.jsonl.zst")
TOP_FRAMES = 1_500
"""Some peers sort the book at each look: enough to measure that, few enough to wait for."""


@dataclass(frozen=True, slots=True)
class Source:
    """One symbol's frames in recorded order, and the snapshot that its depth frames go with."""

    name: str
    synthetic: bool
    reason: str
    snapshot: str
    frames: tuple[Frame, ...]


def load() -> Source:
    """The recording, else made-up frames that say why."""
    shared = Path(os.environ.get("BETHNA_SHARED") or PROJECT.parent / "shared")
    path = shared / RECORDING
    try:
        return _recorded(path.name, _records(path))
    except (OSError, RuntimeError) as error:
        reason = f"no {RECORDING.name}: {type(error).__name__}"
        if isinstance(error, RuntimeError):
            reason = str(error)
        snapshot, frames = synthesise()
        return Source("made-up frames", True, reason, snapshot, frames)


def contests(source: Source, names: Iterable[str]) -> dict[str, Work]:
    """Cut the contests. Frames are left as they were; in `mix` two streams alternate, each in its own order."""
    last_id = json.loads(source.snapshot)["lastUpdateId"]
    trades = [frame for frame in source.frames if frame.kind == "trade"]
    depths = [frame for frame in source.frames if frame.kind == "depth"]
    old = tuple(frame for frame in depths if json.loads(frame.raw)["data"]["u"] <= last_id)
    fresh = depths[len(old) :]
    mixed = [frame for pair in zip(trades, fresh, strict=False) for frame in pair]
    cuts = {"trades": trades, "depth": fresh, "mix": mixed, "top": fresh[:TOP_FRAMES]}
    return {
        name: Work(name, source.snapshot, () if name == "trades" else old, _never_backwards(cuts[name]))
        for name in names
    }


def _never_backwards(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """In `mix` the busier stream lags behind the other; a clock that is told the time must not run backwards."""
    latest, told = 0, []
    for frame in frames:
        latest = max(latest, frame.ts_recv)
        told.append(replace(frame, ts_recv=latest))
    return tuple(told)


def _recorded(name: str, lines: Iterator[str]) -> Source:
    snapshot, frames = "", []
    for line in lines:
        record = json.loads(line)
        if record["kind"] == "http":
            snapshot = snapshot or record["raw"]
        elif record["kind"] == "rx":
            stream = record["raw"][:60].split('"')[3]
            if stream.endswith("@trade"):
                frames.append(Frame("trade", record["raw"], record["ts"]))
            elif "@depth" in stream:
                frames.append(Frame("depth", record["raw"], record["ts"]))
    return Source(name, False, "", snapshot, tuple(frames))


def _records(path: Path) -> Iterator[str]:
    with path.open("rb") as packed:
        try:
            import zstandard
        except ImportError:
            return iter(_unpack_by_program(path).splitlines())
        text = zstandard.ZstdDecompressor().stream_reader(packed).read()
        return iter(io.StringIO(text.decode("utf-8")))


def _unpack_by_program(path: Path) -> str:
    program = shutil.which("zstd")
    if program is None:
        raise RuntimeError(
            "the recording is packed with zstd: neither the zstandard package nor a zstd program"
        )
    return subprocess.run([program, "-dc", str(path)], capture_output=True, check=True, text=True).stdout
