"""The contest of indicators: RSI(14), MACD(12,26,9) and Bollinger(20,2) of bars as they close. It sees no feed.

A pass feeds every bar to all three, from nothing. The figures read are those of every thousandth bar from the two
thousandth on: until then what was seeded differently (talipp's MACD begins its fast average at the first bar, its RSI
with a change less) has faded below the tolerance. They are held against a replay of its own: the averages in decimals
of 30 digits, the deviation from exact sums over the window.
"""

from __future__ import annotations

import random
from decimal import Decimal, localcontext
from itertools import pairwise
from math import fsum, sqrt

from benchmarks.contest import CHUNK, FIRST_READ, INDICATORS, Frame, Outcome, Work

BARS, SEED, START, STEP = 100_000, 20260930, 60_000.0, 0.002
RSI, FAST, SLOW, SIGNAL, WINDOW, WIDTH = 14, 12, 26, 9, 20, 2.0


def contest() -> Work:
    """A seeded walk of closes to the cent; made up, for what they are does not change what they cost."""
    rng, price, frames = random.Random(SEED), START, []
    for number in range(BARS):
        price = max(price * (1 + rng.gauss(0, STEP)), 1.0)
        frames.append(Frame("bar", repr(round(price, 2)), number, "bars"))
    return Work(INDICATORS, "", (), tuple(frames), "closes of a seeded walk")


def replay(work: Work) -> Outcome:
    """What everybody must have read."""
    closes = [float(frame.raw) for frame in work.frames]
    rsi, macd = _rsi(closes), _macd(closes)
    figures: list[float] = []
    for end in range(FIRST_READ, len(closes) + 1, CHUNK):
        window = closes[end - WINDOW : end]
        mean = fsum(window) / WINDOW
        away = WIDTH * sqrt(fsum((each - mean) ** 2 for each in window) / WINDOW)
        figures += (rsi[end - 1], *macd[end - 1], mean - away, mean, mean + away)
    return Outcome(trades=len(closes), figures=tuple(figures))


def _rsi(closes: list[float]) -> list[float]:
    """Wilder's, from averages of nothing: it has faded when figures are read, as other seeds have."""
    said = [0.0]
    with localcontext(prec=30):
        gain = loss = Decimal(0)
        for before, close in pairwise(closes):
            change = Decimal(close) - Decimal(before)
            gain += (max(change, Decimal(0)) - gain) / RSI
            loss += (max(-change, Decimal(0)) - loss) / RSI
            said.append(float(100 * gain / (gain + loss)) if gain + loss else 0.0)
    return said


def _macd(closes: list[float]) -> list[tuple[float, float, float]]:
    said = []
    with localcontext(prec=30):
        fast = slow = Decimal(closes[0])
        signal = Decimal(0)
        shares = [Decimal(2) / (period + 1) for period in (FAST, SLOW, SIGNAL)]
        for close in map(Decimal, closes):
            fast += (close - fast) * shares[0]
            slow += (close - slow) * shares[1]
            line = fast - slow
            signal += (line - signal) * shares[2]
            said.append((float(line), float(signal), float(line - signal)))
    return said
