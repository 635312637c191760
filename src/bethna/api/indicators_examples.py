"""Example answers of indicators, for the description of the API; none of it is data."""

from __future__ import annotations

from bethna.api.indicators import IndicatorCard, IndicatorRow, IndicatorsAnswer, ParameterRow
from bethna.core.coverage import State

ROWS = [
    IndicatorRow(
        "ema(20)", "price", {"value": [None, 61_790.2, 61_793.8, 61_783.5]},
        [State.UNKNOWN, State.INCOMPLETE, None, None],
    ),
]  # fmt: skip

CARDS = IndicatorsAnswer(
    [
        IndicatorCard(
            "ema", "exponential moving average", "price", "own",
            [ParameterRow("period", "bars", 20, 2, 10_000, whole=True)], ["value"],
        ),
        IndicatorCard("obv", "on-balance volume (Granville)", "own", "free", [], ["value"]),
    ]
)  # fmt: skip
