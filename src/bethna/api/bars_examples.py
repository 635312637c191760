"""An example answer of the route of series, for the description of the API; none of it is data."""

from __future__ import annotations

from bethna.api import indicators_examples
from bethna.api.bars import BarRow, BarsAnswer, RefusalRow
from bethna.api.protocol import CoverageCard, GapRow
from bethna.core.bars import BarKind
from bethna.core.coverage import Provenance, State
from bethna.core.intervals import Interval

VENUE = "coinbase"  # house: venue-name - an example shows what a reader will see
SYMBOL = "BTC-USD"
INSTRUMENT = f"{SYMBOL}@{VENUE}"
AT, HOUR = 1_723_158_000_000_000, 3_600_000_000  # us UTC
HISTORY = CoverageCard(Provenance.HISTORY, State.COMPLETE, [], (VENUE,), None)
LIVE = CoverageCard(Provenance.LIVE, State.COMPLETE, [], (VENUE,), AT + 4 * HOUR - 9_000_000)
NOBODY = CoverageCard(
    Provenance.HISTORY,
    State.UNKNOWN,
    [GapRow("candles", None, None, AT, AT + HOUR, "source_failed", healed=False)],
    (),
    None,
)

BARS = BarsAnswer(
    INSTRUMENT, VENUE, SYMBOL, Interval.H1, None,
    [
        BarRow(
            AT, AT + HOUR, BarKind.UNKNOWN, None, None, None, None, None, None, True, "", 0, NOBODY
        ),
        BarRow(
            AT + HOUR, AT + 2 * HOUR, BarKind.TRADED, 61_837.63, 61_905.0, 61_700.01, 61_828.0, 41.20519, None, True,
            VENUE, 0, HISTORY,
        ),
        BarRow(
            AT + 2 * HOUR, AT + 3 * HOUR, BarKind.QUIET, 61_828.0, 61_828.0, 61_828.0, 61_828.0, 0.0, 0, True, VENUE,
            0, HISTORY,
        ),
        BarRow(
            AT + 3 * HOUR, AT + 4 * HOUR, BarKind.TRADED, 61_828.5, 61_860.8, 61_583.22, 61_685.99, 19.94286, 3_120,
            False, "live", 0, LIVE,
        ),
    ],
    [RefusalRow(VENUE, f"expected an answer to /products/{SYMBOL}/candles, found HTTP 503", AT, AT + HOUR)],
    indicators_examples.ROWS,
)  # fmt: skip
