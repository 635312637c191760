"""Desks by purpose: which features each follows; they add nothing to `RealTimeTrading`."""

from __future__ import annotations

from typing import NoReturn

from bethna.app.trading import RealTimeTrading
from bethna.config import Settings
from bethna.core.errors import FeatureOff
from bethna.core.instrument import Feature


def full(*symbols: str, source: str | None = None, settings: Settings | None = None) -> RealTimeTrading:
    """Prices, trades, books, candles and alerts, whose rules are kept in the data folder from the first one on."""
    return RealTimeTrading(*symbols, source=source, settings=settings, alerts=True)


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


def alerts_focused(
    *symbols: str, source: str | None = None, settings: Settings | None = None
) -> RealTimeTrading:
    """A desk whose point is alerts: prices, trades and books (of which spreads are), and `desk.alerts`.

    Rules and what fired are kept in the data folder from the first rule on: who opens it again goes on with them. One
    process at a time keeps the alerts of a source.
    """
    features: tuple[Feature, ...] = ("prices", "trades", "books")
    return RealTimeTrading(*symbols, features=features, source=source, settings=settings, alerts=True)
