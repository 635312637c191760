"""Example answers of the routes of indices and valuations, for the description of the API; none of it is data."""

from __future__ import annotations

from bethna.api.protocol import CoverageCard
from bethna.api.reference import GreeksCard, IndexRow, IndicesAnswer, ValuationRow, ValuationsAnswer
from bethna.core.coverage import Provenance, State

VENUE = "deribit"  # house: venue-name - an example shows what a reader will see
INDEX, CONTRACT = f"BTC-USD-INDEX@{VENUE}", f"BTC-25DEC26-76000-C@{VENUE}"
AT = 1_790_755_217_219_000  # us UTC
COVERAGE = CoverageCard(Provenance.LIVE, State.UNVERIFIED, [], (VENUE,), AT)

INDICES = IndicesAnswer(
    [
        IndexRow(
            INDEX, VENUE, "BTC-USD-INDEX", "price", "USD", 83_250.78, AT, AT + 21_000, 340, False, 20_000, COVERAGE
        ),
        IndexRow(
            f"BTC-DVOL@{VENUE}", VENUE, "BTC-DVOL", "volatility", "%", 38.41, AT, AT + 21_000, 340, False, 20_000,
            COVERAGE,
        ),
    ]
)  # fmt: skip
VALUATIONS = ValuationsAnswer(
    [
        ValuationRow(
            CONTRACT, VENUE, "BTC-25DEC26-76000-C", "option", "BTC", "BTC", 0.1296, 83_250.78, 84_222.23, "BTC-25DEC26",
            0.3825, 0.356, 0.4038, GreeksCard(0.74092, 2.0e-5, 132.3649, -29.43212, 121.30652), 480.6, None, None,
            AT, AT + 21_000, 340, False, 20_000, COVERAGE,
        )
    ]
)  # fmt: skip
