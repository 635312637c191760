"""The desk's own lists for the wire: symbols to find, the watchlist, connections and settings; no market figure.

Instants are integer microseconds UTC, missing is null; what follows what is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET, Struct, UnsetType

from bethna.api.answers import age_ms, micros_or_none
from bethna.api.reader import DeskReader
from bethna.config import Secret, Settings, catalogue, shown
from bethna.core.instrument import split_id
from bethna.core.status import StreamState, VenueState

MOST_FOLLOWED = 500


class SymbolRow(Struct, frozen=True, gc=False):
    """An instrument that a venue lists; `tradable` when it trades there now."""

    instrument: str
    venue: str
    symbol: str
    base: str
    quote: str
    venue_symbol: str
    tradable: bool
    followed: bool


class SymbolsAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/symbols, best match first; `total` counts all matches, `listed` all that can be searched."""

    symbols: list[SymbolRow]
    total: int
    listed: int


class WatchRow(Struct, frozen=True, gc=False):
    """One followed instrument and how its data is; `message` says why when it is not live."""

    instrument: str
    venue: str
    symbol: str
    status: StreamState
    message: str


class WatchlistAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/watchlist, in the order of following; `most` may be followed, `kept` when it survives a restart."""

    watchlist: list[WatchRow]
    most: int
    kept: bool
    notice: str | UnsetType = UNSET


class ConnectionRow(Struct, frozen=True, gc=False):
    """One socket to a venue; `lag_ms` is how old the newest trade or book update was when it came."""

    venue: str
    number: int
    host: str
    status: VenueState
    opened_at: int | None
    last_message: int | None
    age_ms: int | None
    messages: int
    wire_errors: int
    lag_ms: float | None
    streams: int
    instruments: tuple[str, ...]


class ConnectionsAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/connections."""

    connections: list[ConnectionRow]


class SettingRow(Struct, frozen=True, gc=False):
    """One setting as a person would write it; of a secret that is set, `value` is `***`, else null."""

    name: str
    value: str | None
    default: str | None
    origin: str
    about: str
    allowed: str


class SettingsAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/settings."""

    settings: list[SettingRow]


def symbols_answer(desk: DeskReader, query: str, limit: int) -> SymbolsAnswer:
    """What the desk's venues list and the text may mean."""
    found = desk.symbols(query, limit)
    rows = [
        SymbolRow(
            each.instrument.id,
            each.instrument.venue,
            each.instrument.symbol,
            each.instrument.base,
            each.instrument.quote,
            each.instrument.venue_symbol,
            each.instrument.tradable,
            each.followed,
        )
        for each in found.found
    ]
    return SymbolsAnswer(rows, found.total, found.listed)


def watchlist_answer(desk: DeskReader, *, kept: bool, notice: str | None = None) -> WatchlistAnswer:
    """What the desk follows, and how each is."""
    rows = []
    for instrument in desk.instruments():
        health = desk.instrument_health(instrument.id)
        symbol, venue = split_id(instrument.id)
        rows.append(WatchRow(instrument.id, venue, symbol, health.state, health.message))
    return WatchlistAnswer(rows, MOST_FOLLOWED, kept, notice or UNSET)


def connections_answer(desk: DeskReader) -> ConnectionsAnswer:
    """Every socket, as it is now."""
    now_ns = desk.clock.now_ns()
    return ConnectionsAnswer(
        [
            ConnectionRow(
                each.venue,
                each.number,
                each.host,
                each.state,
                micros_or_none(each.opened_at),
                micros_or_none(each.last_message),
                age_ms(now_ns, each.last_message),
                each.messages,
                each.wire_errors,
                each.lag_ms,
                each.streams,
                tuple(each.instruments),
            )
            for each in desk.connections()
        ]
    )


def setting_rows(settings: Settings) -> list[SettingRow]:
    """Every setting of a run, in the order of the documentation."""
    defaults = Settings()
    return [
        SettingRow(
            each.name,
            _shown(getattr(settings, each.name)),
            _shown(getattr(defaults, each.name)),
            settings.origin(each.name),
            each.meaning,
            each.allowed,
        )
        for each in catalogue()
    ]


def settings_answer(rows: Iterable[SettingRow]) -> SettingsAnswer:
    """The settings that the desk was made with."""
    return SettingsAnswer(list(rows))


def _shown(value: object) -> str | None:
    return None if isinstance(value, Secret) and not value else shown(value)
