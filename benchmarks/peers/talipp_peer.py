"""talipp: its incremental RSI, MACD and BB, each given every close as it comes.

It keeps every value that it ever said; that is how it comes, and its own `purge_oldest` would cost it more. Its answers
are read once in a thousand bars, outside the clock, though a user would read them after every bar.
"""

from __future__ import annotations

import time
from typing import Any

from talipp.indicators import BB, MACD, RSI

from benchmarks.contest import CHUNK, FIRST_READ, Outcome, Work
from benchmarks.contestant import Contestant, serve


class Talipp(Contestant):
    packages = ("talipp",)
    wires = frozenset({"bars"})

    def prepare(self, work: Work) -> list[list[float]]:
        closes = [float(frame.raw) for frame in work.frames]
        return [closes[start : start + CHUNK] for start in range(0, len(closes), CHUNK)]

    def play(self, work: Work, prepared: Any) -> tuple[float, Outcome]:
        rsi, macd, bands = RSI(14), MACD(12, 26, 9), BB(20, 2)
        add_rsi, add_macd, add_bands = rsi.add, macd.add, bands.add
        spent, seen, figures = 0.0, 0, []
        for piece in prepared:
            started = time.process_time()
            for close in piece:
                add_rsi(close)
                add_macd(close)
                add_bands(close)
            spent += time.process_time() - started
            seen += len(piece)
            if seen >= FIRST_READ:
                moved, band = macd[-1], bands[-1]
                figures += [rsi[-1], moved.macd, moved.signal, moved.histogram, band.lb, band.cb, band.ub]
        return spent, Outcome(trades=seen, figures=tuple(figures))


if __name__ == "__main__":
    serve(Talipp())
