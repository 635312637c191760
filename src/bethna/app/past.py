"""The wait of who asks for the past alone, which is there whether anybody trades now or not; it asks for nothing."""

from __future__ import annotations

import asyncio

from bethna.app.trading import RealTimeTrading
from bethna.core.errors import CannotFollow, NoDataYet
from bethna.core.instrument import Instrument

STEP_S = 0.5
PATIENCE_S = 10.0
"""A desk that has just begun learns its venues' clocks and lists in this time, or says without them what it knows."""


async def past_of(desk: RealTimeTrading, symbol: str, timeout_s: float = PATIENCE_S) -> Instrument | None:
    """Return when the past of a followed symbol can be asked for: at its first data, or when there will be none.

    Returns:
        what is known of it; None on a tape, which knows what it holds alone.

    Raises:
        UnknownInstrument: its venue does not list it. FeatureOff, Closed: as of any call.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    on = desk.features
    features = ("trades",) if "trades" in on else on[:1]
    found: Instrument | None = None
    while True:
        left = until - loop.time()
        try:
            await desk.ready(symbol, timeout_s=max(0.0, min(left, STEP_S)), features=features)
        except NoDataYet:
            found = await _described(desk, symbol)
            if left > STEP_S and found is not None and found.tradable and not _is_refused(desk, found):
                continue
            return found
        return await _described(desk, symbol)


async def _described(desk: RealTimeTrading, symbol: str) -> Instrument | None:
    try:
        return await desk.subscribe(symbol)
    except CannotFollow:
        return None


def _is_refused(desk: RealTimeTrading, found: Instrument) -> bool:
    card = desk.health().instruments.get(found.id)
    return card is not None and card.status == "refused"
