"""Example answers for the description of the API, as values of the Structs that real answers are; none of it is data.

What `bethna` fills in at run time (versions, seeds) is invented here; a test holds each example against its schema.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.openapi.spec import Example

from bethna.api.best import BestAnswer, BestBookAnswer, RateCard, VenueQuoteRow
from bethna.api.listings import (
    MOST_FOLLOWED,
    ConnectionRow,
    ConnectionsAnswer,
    SettingRow,
    SettingsAnswer,
    SymbolRow,
    SymbolsAnswer,
    WatchlistAnswer,
    WatchRow,
)
from bethna.api.protocol import (
    BookAnswer,
    CandleRow,
    CandlesAnswer,
    CoverageCard,
    EventRow,
    EventsAnswer,
    GapRow,
    HealthAnswer,
    InstrumentCard,
    InstrumentRow,
    InstrumentsAnswer,
    PriceRow,
    PricesAnswer,
    RestartAnswer,
    TradeRow,
    TradesAnswer,
    VenueCard,
    encode,
    error_answer,
)
from bethna.api.story import StoryAnswer, StoryInput
from bethna.core.coverage import Provenance, State
from bethna.core.intervals import Interval
from bethna.core.status import Trust

VENUE = "binance"  # house: venue-name - an example shows what a reader will see
SYMBOL, BASE, QUOTE = "BTC-USDT", "BTC", "USDT"
INSTRUMENT = f"{SYMBOL}@{VENUE}"
AT = 1_723_161_255_343_000  # us UTC
COVERAGE = CoverageCard(Provenance.LIVE, State.COMPLETE, [], (VENUE,), AT)
HEALED = CoverageCard(
    Provenance.LIVE,
    State.HEALED,
    [GapRow("trades", "3714511817", "3714511819", AT - 20_000_000, AT - 19_700_000, "missing", healed=True)],
    (VENUE,),
    AT,
)

HEALTH = HealthAnswer(
    "ok", "0.1.0", "live", None, None, AT, None,
    {VENUE: VenueCard("ok", "", 2, 2, 0, 0, 12.6, 99_573, 0, 0, 250, 6000, 250, 0, 1)},
    {
        INSTRUMENT: InstrumentCard(
            "live", "", VENUE, SYMBOL, Trust.TRUSTED, 19_904, 1, 0, 1, 6493, 0, 0, AT, 12, HEALED
        )
    },
    [],
)  # fmt: skip
INSTRUMENTS = InstrumentsAnswer(
    [
        InstrumentRow(
            INSTRUMENT, VENUE, SYMBOL, BASE, QUOTE, "BTCUSDT", 2, 5, 0.01, 0.00001, verified=True, kind="spot",
            quantity_unit=BASE, contract=None,
        )
    ]
)  # fmt: skip
PRICES = PricesAnswer(
    [
        PriceRow(
            INSTRUMENT, VENUE, SYMBOL, 61_602.02, AT, AT + 120, 12, False, 1.84, 61_602.01, 61_602.02, COVERAGE
        )
    ]
)  # fmt: skip
CANDLES = CandlesAnswer(
    INSTRUMENT, VENUE, SYMBOL, Interval.M1,
    [CandleRow(AT - 15_343_000, 61_590.0, 61_604.1, 61_588.7, 61_602.02, 12.80412, 940, False, HEALED)],
)  # fmt: skip
BOOK = BookAnswer(
    INSTRUMENT, VENUE, SYMBOL, [(61_602.01, 0.4), (61_602.0, 1.25)], [(61_602.02, 2.1), (61_602.5, 0.03)],
    "49981882171", Trust.TRUSTED, 1000, AT, AT + 120, 12, COVERAGE,
)  # fmt: skip
TRADES = TradesAnswer(
    INSTRUMENT, VENUE, SYMBOL, [TradeRow(61_602.02, 0.0021, "buy", "3714511842", AT, AT + 120)], HEALED
)
PAIR, DOLLAR = "BTC-USD", "USD"
RATE = RateCard(
    f"{QUOTE}-{DOLLAR}",
    0.9994,
    0.9996,
    f"{QUOTE}-{DOLLAR}@other",
    f"{QUOTE}-{DOLLAR}@other",
    AT,
    13,
    COVERAGE,
)
CONSOLIDATED = CoverageCard(Provenance.DERIVED, State.COMPLETE, [], ("other", VENUE), AT)
QUOTES = [
    VenueQuoteRow(
        f"{PAIR}@other", "other", PAIR, 61_580.1, 0.7, 61_580.2, 0.12, 61_580.1, 61_580.2, AT, AT + 120, 12, None, "",
        None, COVERAGE,
    ),
    VenueQuoteRow(
        INSTRUMENT, VENUE, SYMBOL, 61_565.048794, 0.4, 61_577.379192, 2.1, 61_602.01, 61_602.02, AT, AT + 120, 12,
        None, "", RATE, CONSOLIDATED,
    ),
    VenueQuoteRow(
        f"{PAIR}@third", "third", PAIR, 61_333.0, 0.1, 61_340.0, 0.5, 61_333.0, 61_340.0, AT - 9_000_000,
        AT - 9_000_000, 9012, "stale", "silent for 9 s", None, COVERAGE,
    ),
]  # fmt: skip
BEST = BestAnswer(
    PAIR, BASE, DOLLAR, (QUOTE,), 61_580.1, 0.7, 0.7, f"{PAIR}@other", 61_577.379192, 2.1, 2.1, INSTRUMENT,
    (f"{PAIR}@other", INSTRUMENT), QUOTES, AT, 13, CONSOLIDATED,
)  # fmt: skip
BEST_BOOK = BestBookAnswer(
    PAIR, BASE, DOLLAR, [(61_580.1, 0.7, {"other": 0.7})], [(61_580.2, 0.12, {"other": 0.12})], 1,
    f"{PAIR}@other", f"{PAIR}@other", None, [QUOTES[0], QUOTES[2]], AT + 120, 12, COVERAGE,
)  # fmt: skip
EVENTS = EventsAnswer(
    [EventRow(AT, "info", "trade_gap_healed", INSTRUMENT, "trades 3714511817 to 3714511819: 3 from history")]
)
RESTART = RestartAnswer("live")
SYMBOLS = SymbolsAnswer(
    [SymbolRow(INSTRUMENT, VENUE, SYMBOL, BASE, QUOTE, "BTCUSDT", tradable=True, followed=True)], 14, 1420
)
WATCHLIST = WatchlistAnswer([WatchRow(INSTRUMENT, VENUE, SYMBOL, "live", "")], MOST_FOLLOWED, kept=True)
CONNECTIONS = ConnectionsAnswer(
    [
        ConnectionRow(
            VENUE, 1, "stream.example.com:443", "ok", AT - 60_000_000, AT, 12, 99_573, 0, 41.7, 4, (INSTRUMENT,)
        )
    ]
)  # fmt: skip
SETTINGS = SettingsAnswer(
    [
        SettingRow(
            "port", "8701", "8700", "option --port",
            "The port that the desk listens on; 0 is any free one.", "a whole number from 0 to 65535",
        )
    ]
)  # fmt: skip
STORY = StoryAnswer(
    "bid", INSTRUMENT, 61_602.01, QUOTE, f"{VENUE} live", None, AT + 120, 12, COVERAGE,
    "Best bid of the venue's quote stream; the rebuilt book at update 49981882171 shows the same. "
    "The time of reception is that of the newest message of this instrument",
    [
        StoryInput("quote", None, "61602.01", None, None),
        StoryInput("book", "49981882171", "61602.01 x 0.40000 / 61602.02 x 2.10000", AT, AT + 120),
    ],
)  # fmt: skip


def example(answer: msgspec.Struct) -> list[Example]:
    """One example of an answer, as its JSON."""
    return [Example(value=msgspec.Raw(encode(answer)))]  # as bytes: the library would leave out what is null


def word(value: Any) -> list[Example]:
    """One example of a parameter."""
    return [Example(value=value)]


def refusal(code: str, message: str, hint: str) -> list[Example]:
    """One example of an error."""
    return example(error_answer(code, message, hint))
