"""Candles and samples of an index as the venue makes them, from points; pure, in the venue's time.

Rules
  1. A candle is stamped with its close. It has the points from its opening to before its close, but none from before
     what was asked: the first may be partial.
  2. The last row is the candle that forms: stamped with now, off the grid. On the grid there is none.
  3. How long candles are and how often samples come follows from the days: nobody asks for it.
  4. Candles of four days close at one midnight in four, a day behind the multiples from 1970.
  5. Samples come a little after each step, by dice; daily ones at 00:00 UTC. The last one is of now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from bethna.core.clock import NS_PER_MS, NS_PER_S

MINUTE = 60 * NS_PER_S
HOUR = 60 * MINUTE
DAY = 24 * HOUR
JITTER = 50 * NS_PER_S
HALF_HOUR, FOUR_HOURS, FOUR_DAYS = 30 * MINUTE, 4 * HOUR, 4 * DAY
FIVE_MINUTES = 5 * MINUTE
Point = tuple[int, float]
Row = tuple[int, float, float, float, float]


def candle_width(days: int) -> int:
    """Rule 3."""
    if days <= 2:
        return HALF_HOUR
    return FOUR_HOURS if days <= 30 else FOUR_DAYS


def sample_step(span: int, ago: int) -> int:
    """How far apart samples are of a stretch of `span` ns that begins `ago` ns before now (rule 3)."""
    if span <= DAY:
        return FIVE_MINUTES if ago <= DAY else HOUR
    return HOUR if span <= 90 * DAY else DAY


def candles(points: Sequence[Point], width: int, start: int, now: int) -> list[Row]:
    """Rows `(ms of the close, open, high, low, close)` of the points since `start` (rules 1, 2 and 4)."""
    phase = DAY if width == FOUR_DAYS else 0
    inside: dict[int, list[float]] = {}
    for ts, price in points:
        if start <= ts <= now:
            inside.setdefault((ts - phase) // width * width + phase, []).append(price)
    rows: list[Row] = []
    for opens, prices in sorted(inside.items()):
        stamp = min(opens + width, now // NS_PER_MS * NS_PER_MS)
        if stamp > opens:
            rows.append((stamp // NS_PER_MS, prices[0], max(prices), min(prices), prices[-1]))
    return rows


def samples(
    price_at: Callable[[int], float | None], step: int, start: int, end: int, now: int, dice: str
) -> list[tuple[int, float]]:
    """`(ms, price)` from `start` to `end`, and of now when that is not behind `end` (rule 5)."""
    found: list[tuple[int, float]] = []
    for base in range(-(-start // step) * step, min(end, now), step):
        late = 0 if step == DAY else Random(f"{dice}/{base}").randrange(JITTER) // NS_PER_MS * NS_PER_MS
        ts = base + late
        price = price_at(ts)
        if price is not None and ts <= min(end, now - NS_PER_MS):
            found.append((ts // NS_PER_MS, price))
    last = price_at(now)
    if start <= now <= end and last is not None:
        found.append((now // NS_PER_MS, last))
    return found
