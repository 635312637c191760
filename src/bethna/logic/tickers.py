"""What follows from a venue's rolling day; it keeps none."""

from __future__ import annotations

from bethna.core.market import Ticker


def change_pct(ticker: Ticker) -> float | None:
    """The change in 24 hours in percent, as the venue says it, else from what it says of the day's opening."""
    if ticker.change_pct is not None or not ticker.open:
        return ticker.change_pct
    return (ticker.last / ticker.open - 1.0) * 100.0
