"""Desks by purpose: which features each follows; they add nothing to `RealTimeTrading`."""

from __future__ import annotations

from typing import NoReturn

from bethna.app.trading import RealTimeTrading
from bethna.config import Settings
from bethna.core.errors import FeatureOff
from bethna.core.instrument import Feature


def full(*symbols: str, source: str | None = None, settings: Settings | None = None) -> RealTimeTrading:
    """Prices, trades, books and candles."""
    return RealTimeTrading(*symbols, source=source, settings=settings)


def price_stream_only(
    *symbols: str, source: str | None = None, settings: Settings | None = None
) -> RealTimeTrading:
    """Prices alone: no depth stream, no snapshots."""
    features: tuple[Feature, ...] = ("prices",)
    return RealTimeTrading(*symbols, features=features, source=source, settings=settings)


def options_trading(*_symbols: str, **_options: object) -> NoReturn:
    """Options do not exist yet. Raises FeatureOff."""
    raise FeatureOff(
        "options",
        "options: this version has no options desk",
        hint="bethna.full(...) follows the spot market",
    )


def alerts_focused(*_symbols: str, **_options: object) -> NoReturn:
    """Alerts do not exist yet. Raises FeatureOff."""
    raise FeatureOff(
        "alerts",
        "alerts: this version has no alert rules",
        hint="bethna.full(...) and `desk.prices.on(symbol, callback)` call you back with each price",
    )
