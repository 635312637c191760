"""What a desk follows, changed while it runs: for every client alike, and remembered where there is a memory.

Rules
  1. A symbol is looked up before it is followed: what no venue lists is refused by name with what comes nearest. While
     a venue's catalogue cannot be had, names are guessed, and the venue itself may refuse them later.
  2. Following what is followed, and keeping a list that did not change, do nothing.
  3. A list that could not be kept is followed all the same, and told.
  4. The last one stays: a desk without any symbol would have nothing to say.
  5. A symbol of a venue that the desk has no line to yet begins one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from bethna.api.reader import SymbolFound, SymbolsFound
from bethna.app.live import LiveLine
from bethna.config import DEFAULT_ORIGIN, Settings
from bethna.core.errors import CannotFollow, ConfigError, StoreError, UnknownInstrument, cut
from bethna.core.instrument import Instrument, InstrumentName, instrument_id, parse_name
from bethna.core.market import InstrumentId
from bethna.core.status import EventLevel
from bethna.logic.nearest import nearest
from bethna.logic.symbol_search import search
from bethna.services.feeds import Feeds
from bethna.store.folder import data_root
from bethna.store.watchlist import WatchlistFile

MOST_FOLLOWED = 500

Keep = Callable[[Sequence[str]], None]
"""Remembers a list of symbols; raises StoreError when it cannot."""
Tell = Callable[[EventLevel, str, str, str], None]
Begin = Callable[[str], LiveLine]


class Watchlist:
    """The list of one desk.

    Args:
        lines: one a venue; none for a tape, whose list is what is on it. begin: makes one more (rule 5).
        keep: called with the symbols after each change; None where nothing is remembered.
    """

    def __init__(
        self,
        lines: Mapping[str, LiveLine],
        feeds: Feeds,
        preferred_venue: str,
        tell: Tell,
        keep: Keep | None,
        timeout_s: float,
        *,
        begin: Begin,
    ) -> None:
        self._lines = lines
        self._begin = begin
        self._feeds = feeds
        self._preferred = preferred_venue
        self._tell = tell
        self._keep = keep
        self._timeout_s = timeout_s

    def find(self, query: str, limit: int) -> SymbolsFound:
        """See `DeskReader.symbols`."""
        followed = {instrument.id: instrument for instrument in self._feeds.instruments()}
        listed = {each.id: each for line in self._lines.values() for each in line.catalogue()}
        known = len(listed)
        listed.update((each, found) for each, found in followed.items() if each not in listed)
        matches: Sequence[Instrument] = (
            search(query, listed.values()) if query.strip() else tuple(followed.values())
        )
        found = tuple(SymbolFound(each, each.id in followed) for each in matches[:limit])
        return SymbolsFound(found, len(matches), known if self._lines else len(followed))

    async def add(self, text: str) -> tuple[InstrumentId, str | None]:
        """See `DeskReader.follow`."""
        name = parse_name(text, self._preferred)
        notice = name.alias.notice if name.alias else None
        followed = [instrument.id for instrument in self._feeds.instruments()]
        if name.alias is not None:  # the name as written wins over its alias when it is followed
            written = instrument_id(name.symbol.replace(name.alias.new, name.alias.old, 1), name.venue)
            if written in followed and self._feeds.state(written) != "refused":
                return written, None
        if name.id in followed and self._feeds.state(name.id) != "refused":
            return name.id, notice
        line = self._line(text, name)
        if name.id not in followed and len(followed) >= MOST_FOLLOWED:
            raise CannotFollow(
                f"{name.id} is not followed: the list has {MOST_FOLLOWED} symbols already",
                hint="remove one first",
            )
        listed = await line.look_up(name, self._timeout_s)
        if listed is None and line.catalogue():  # rule 1
            near = tuple(nearest(name, line.catalogue()))
            raise UnknownInstrument(text, near, message=f"{name.venue} does not list {cut(name.symbol)}")
        line.follow([name])
        self._changed("symbol_followed", name.id, "is followed from now on")
        return name.id, notice

    async def remove(self, instrument: InstrumentId) -> None:
        """See `DeskReader.unfollow`."""
        if not self._lines:
            raise _of_a_tape(instrument)
        if len(self._feeds.instruments()) == 1:  # rule 4
            raise CannotFollow(f"{instrument} stays: it is the last one", hint="follow another one first")
        line = self._lines[instrument.partition("@")[2]]
        line.unfollow(instrument)
        self._changed("symbol_unfollowed", instrument, "is not followed any more")
        await asyncio.sleep(0)  # streams of it end before the answer

    def _line(self, text: str, name: InstrumentName) -> LiveLine:
        if not self._lines:
            raise _of_a_tape(name.id)
        line = self._lines.get(name.venue)
        if line is not None:
            return line
        try:
            return self._begin(name.venue)
        except ConfigError as error:
            message = f"this desk has no venue {cut(name.venue)!r}"
            raise UnknownInstrument(text, message=message, hint=error.hint) from error

    def _changed(self, code: str, instrument: InstrumentId, said: str) -> None:
        self._tell("info", code, instrument, f"{instrument} {said}")
        if self._keep is None:
            return
        try:
            self._keep([each.id for each in self._feeds.instruments()])
        except StoreError as error:  # rule 3
            self._tell("error", "watchlist_not_kept", "watchlist", f"{error.message}. {error.hint}")


class KeptList:
    """The list that outlives a desk, where there is one: not for a tape, nor where the user named the symbols.

    Attributes:
        settings: those of the desk, with the kept symbols instead of the default ones.
        keep: for the desk; None where changes last as long as the desk.
        is_kept: whether the list, as it is, outlives the desk.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keep: Keep | None = None
        self._fails = False
        self._error: StoreError | None = None
        if settings.source.startswith("tape:") or settings.origin("symbols") != DEFAULT_ORIGIN:
            return
        file = WatchlistFile(data_root(settings.data_dir))

        def keep(symbols: Sequence[str]) -> None:
            self._fails = True
            file.write(symbols)
            self._fails = False

        self.keep = keep
        try:
            symbols = file.read()
        except StoreError as error:
            self._error = error
            return
        if symbols:
            self.settings = replace(settings, symbols=symbols[:MOST_FOLLOWED])

    def is_kept(self) -> bool:
        """See the class."""
        return self.keep is not None and not self._fails

    def tell(self, desk: Notified) -> None:
        """What could not be read."""
        if self._error is not None:
            said = f"{self._error.message}. {self._error.hint}"
            desk.notify("warning", "watchlist_not_read", "watchlist", said)


class Notified(Protocol):
    """Who tells the user."""

    def notify(self, level: EventLevel, code: str, subject: str, message: str, /) -> None:
        """In the event log and in the notices."""
        ...


def _of_a_tape(instrument: InstrumentId) -> CannotFollow:
    return CannotFollow(
        f"{cut(instrument)}: expected a desk on a market, found one that plays a tape",
        hint="a tape has what was recorded; `bethna up` follows the market",
    )
