"""BethNa: a real-time crypto trading desk: pure rooms below, sockets above, one place that wires.

docs/reference/python.md says what a program may use of it. Names are looked up when they are first used: importing this
loads nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bethna.app.plain import book, candles, price, trades
    from bethna.app.presets import alerts_focused, full, options_trading, price_stream_only
    from bethna.app.trading import RealTimeTrading, connect, open  # noqa: A004 - as a file is opened
    from bethna.client.facts import (
        Book,
        BookLevel,
        CertifiedTrade,
        DeskChangedWarning,
        SimulatedMarketWarning,
    )
    from bethna.client.streams import Stream, Subscription
    from bethna.client.tables import Table
    from bethna.config import Settings
    from bethna.core.alert_views import (
        Alert,
        ChannelView,
        Delivery,
        DeliveryState,
        Preview,
        Receipt,
        Rehearsed,
        RuleView,
        Why,
    )
    from bethna.core.alerts import (
        AlertRule,
        AllOf,
        AnyOf,
        Doubt,
        ExpiryNear,
        IndicatorIs,
        LeafState,
        Moment,
        OptionFigure,
        OptionIs,
        Outcome,
        Passage,
        Phase,
        PnlIs,
        PositionIs,
        PriceChannel,
        PriceCrosses,
        PriceIs,
        PriceMoves,
        QuietHours,
        Repeat,
        RuleState,
        Severity,
        Side,
        SignalGiven,
        SpreadIs,
        Step,
        SystemIs,
        Trouble,
        VolumeIs,
        Way,
    )
    from bethna.core.bars import Bar, BarKind, Refusal
    from bethna.core.consolidated import AppliedRate, BestPrice, ConsolidatedBook, VenueQuote
    from bethna.core.coverage import Coverage, Gap, Provenance, State
    from bethna.core.errors import (
        AlertChanged,
        BethnaError,
        CannotFollow,
        Closed,
        ConfigError,
        DeskRefused,
        DeskUnreachable,
        FeatureOff,
        LimitReached,
        NoDataYet,
        UnknownAlert,
        UnknownChannel,
        UnknownInstrument,
    )
    from bethna.core.instrument import Instrument
    from bethna.core.intervals import Interval
    from bethna.core.market import BookDelta, BookSnapshot, Candle, Greeks, PriceView
    from bethna.core.reference import IndexView, ValuationView
    from bethna.core.status import (
        BookStatus,
        Dropped,
        GapFound,
        GapMarked,
        Healed,
        InstrumentHealth,
        Simulation,
        StreamStatus,
        SystemEvent,
        VenueHealth,
    )

__all__ = [
    "Alert",
    "AlertChanged",
    "AlertRule",
    "AllOf",
    "AnyOf",
    "AppliedRate",
    "Bar",
    "BarKind",
    "BestPrice",
    "BethnaError",
    "Book",
    "BookDelta",
    "BookLevel",
    "BookSnapshot",
    "BookStatus",
    "Candle",
    "CannotFollow",
    "CertifiedTrade",
    "ChannelView",
    "Closed",
    "ConfigError",
    "ConsolidatedBook",
    "Coverage",
    "Delivery",
    "DeliveryState",
    "DeskChangedWarning",
    "DeskRefused",
    "DeskUnreachable",
    "Doubt",
    "Dropped",
    "ExpiryNear",
    "FeatureOff",
    "Gap",
    "GapFound",
    "GapMarked",
    "Greeks",
    "Healed",
    "IndexView",
    "IndicatorIs",
    "Instrument",
    "InstrumentHealth",
    "Interval",
    "LeafState",
    "LimitReached",
    "Moment",
    "NoDataYet",
    "OptionFigure",
    "OptionIs",
    "Outcome",
    "Passage",
    "Phase",
    "PnlIs",
    "PositionIs",
    "Preview",
    "PriceChannel",
    "PriceCrosses",
    "PriceIs",
    "PriceMoves",
    "PriceView",
    "Provenance",
    "QuietHours",
    "RealTimeTrading",
    "Receipt",
    "Refusal",
    "Rehearsed",
    "Repeat",
    "RuleState",
    "RuleView",
    "Settings",
    "Severity",
    "Side",
    "SignalGiven",
    "SimulatedMarketWarning",
    "Simulation",
    "SpreadIs",
    "State",
    "Step",
    "Stream",
    "StreamStatus",
    "Subscription",
    "SystemEvent",
    "SystemIs",
    "Table",
    "Trouble",
    "UnknownAlert",
    "UnknownChannel",
    "UnknownInstrument",
    "ValuationView",
    "VenueHealth",
    "VenueQuote",
    "VolumeIs",
    "Way",
    "Why",
    "alerts_focused",
    "book",
    "candles",
    "connect",
    "full",
    "open",
    "options_trading",
    "price",
    "price_stream_only",
    "trades",
]

_ROOMS = {
    "app.plain": "book candles price trades",
    "app.presets": "alerts_focused full options_trading price_stream_only",
    "app.trading": "RealTimeTrading connect open",
    "client.facts": "Book BookLevel CertifiedTrade DeskChangedWarning SimulatedMarketWarning",
    "client.streams": "Stream Subscription",
    "client.tables": "Table",
    "config": "Settings",
    "core.consolidated": "AppliedRate BestPrice ConsolidatedBook VenueQuote",
    "core.coverage": "Coverage Gap Provenance State",
    "core.alert_views": "Alert ChannelView Delivery DeliveryState Preview Receipt Rehearsed RuleView Why",
    "core.alerts": "AlertRule AllOf AnyOf Doubt ExpiryNear IndicatorIs LeafState Moment OptionFigure OptionIs "
    "Outcome Passage Phase PnlIs PositionIs PriceChannel PriceCrosses PriceIs PriceMoves "
    "QuietHours Repeat RuleState Severity Side SignalGiven SpreadIs Step SystemIs Trouble "
    "VolumeIs Way",
    "core.errors": "AlertChanged BethnaError CannotFollow Closed ConfigError DeskRefused DeskUnreachable "
    "FeatureOff LimitReached NoDataYet UnknownAlert UnknownChannel UnknownInstrument",
    "core.instrument": "Instrument",
    "core.bars": "Bar BarKind Refusal",
    "core.intervals": "Interval",
    "core.market": "BookDelta BookSnapshot Candle Greeks PriceView",
    "core.reference": "IndexView ValuationView",
    "core.status": "BookStatus Dropped GapFound GapMarked Healed InstrumentHealth Simulation StreamStatus SystemEvent "
    "VenueHealth",
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names.split()}


def __getattr__(name: str) -> object:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
