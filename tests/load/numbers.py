"""What is read of running processes: the desk's own metrics as text, and the kernel's word on memory and CPU."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_SAMPLE = re.compile(r"^bethna_(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_BOUND = re.compile(r'le="([^"]+)"')
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Metrics:
    """One answer of `GET /metrics`.

    Attributes:
        sums: by name, over all labels. lag: samples of the loop's lag up to each bound in seconds, cumulative.
    """

    sums: dict[str, float]
    lag: dict[float, float]

    def __getitem__(self, name: str) -> float:
        """The sum of a metric over its labels; 0 when it was not told."""
        return self.sums.get(name, 0.0)


def metrics(text: str) -> Metrics:
    """Read the text format."""
    sums: dict[str, float] = defaultdict(float)
    lag: dict[float, float] = {}
    for name, labels, value in _SAMPLE.findall(text):
        if name == "loop_lag_seconds_bucket":
            bound = _BOUND.search(labels)
            assert bound is not None, labels
            lag[float(bound[1])] = float(value)
        else:
            sums[name] += float(value)
    return Metrics(dict(sums), lag)


def lag_between(early: Metrics, late: Metrics, share: float) -> float:
    """The bound in seconds that this share of the samples between two answers stayed within.

    Args:
        share: 0.99 is the 99th percentile, 1.0 the worst; the answer is the upper bound of its bucket.
    """
    counts = {bound: late.lag[bound] - early.lag.get(bound, 0.0) for bound in sorted(late.lag)}
    total = max(counts.values(), default=0.0)
    if not total:
        raise ValueError("expected samples of the loop's lag between the two answers, found none")
    return next(bound for bound, count in counts.items() if count >= share * total)


def resident_bytes(pid: int) -> int:
    """Memory in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def cpu_s(pid: int) -> float:
    """User and system time since its start, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
