"""Our own indicators on closed bars, coverage included; what a peer does beside them is in `peers/`."""

from __future__ import annotations

import time

from benchmarks.contest import CHUNK, FIRST_READ, Outcome, Work
from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.indicators.registry import parse

WALK = InstrumentId("BTC-USDT@walk")


def prepare_bars(work: Work) -> list[list[Bar]]:
    """Closed bars, in pieces after each of which the figures are read."""
    whole = Coverage()
    bars = [
        Bar(
            WALK, Interval.H1, frame.ts_recv * Interval.H1.ns, BarKind.TRADED, close, close, close, close,
            1.0, None, True, "walk", whole,
        )
        for frame in work.frames
        for close in (float(frame.raw),)
    ]  # fmt: skip
    return [bars[start : start + CHUNK] for start in range(0, len(bars), CHUNK)]


def play_indicators(prepared: list[list[Bar]]) -> tuple[float, Outcome]:
    """One pass, from new machines."""
    rsi, macd, bands = (parse(text).machine() for text in ("rsi(14)", "macd(12,26,9)", "bollinger(20,2)"))
    update_rsi, update_macd, update_bands = rsi.update, macd.update, bands.update
    spent, seen, figures = 0.0, 0, []
    strength = moved = band = None
    for piece in prepared:
        started = time.process_time()
        for bar in piece:
            strength = update_rsi(bar)
            moved = update_macd(bar)
            band = update_bands(bar)
        spent += time.process_time() - started
        seen += len(piece)
        if seen >= FIRST_READ and moved is not None and band is not None:
            figures += [
                strength,
                moved.line,
                moved.signal,
                moved.histogram,
                band.lower,
                band.middle,
                band.upper,
            ]
    return spent, Outcome(trades=seen, figures=tuple(figures))
