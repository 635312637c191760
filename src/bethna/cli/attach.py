"""Which desk a verb asks: one that runs, or one of its own for as long as it is needed; it always says which.

Rules
  1. `--url` names a desk. `--source` and `--seed` never attach.
  2. Else the desk that runs on this machine is taken: live before simulated before a recording, of the source that the
     settings ask for where they ask for one.
  3. Where none runs, one is started that follows what is needed and ends with the command. It writes nothing, but the
     candles that were asked for, where they are kept for the next time.
  4. To whom we are attached, and that a market is simulated, is said on stderr before anything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Self

import click
from msgspec import Struct
from msgspec.structs import replace

from bethna.app.engines import AttachedEngine
from bethna.app.trading import RealTimeTrading
from bethna.cli.cells import source_words
from bethna.cli.grid import plain
from bethna.client.backend import Backend
from bethna.client.discover import RunningDesk, find_running
from bethna.client.facts import Book, book_of
from bethna.client.remote import connect
from bethna.config import DEFAULT_ORIGIN, Settings
from bethna.core.errors import CannotFollow, DeskUnreachable
from bethna.core.instrument import FEATURES, Feature, Instrument, parse_name
from bethna.core.market import InstrumentId


class Choice(Struct, frozen=True):
    """Which desk somebody wants.

    Attributes:
        own: never attach (rule 1).
    """

    settings: Settings
    url: str | None = None
    token: str | None = None
    own: bool = False


@asynccontextmanager
async def chosen_desk(
    choice: Choice,
    symbols: Sequence[str],
    features: Collection[Feature] = FEATURES,
    *,
    keep_candles: bool = False,
    alerts: bool = False,
) -> AsyncIterator[RealTimeTrading]:
    """The desk, announced; it is closed, or let go, with the block.

    Args:
        symbols, features: what a desk of one's own is to follow; no symbols are those of the settings.
        keep_candles, alerts: what else it has, see RealTimeTrading.

    Raises:
        DeskUnreachable, DeskRefused: the named desk does not answer, or says no. And what RealTimeTrading raises.
    """
    desk = None if choice.own else await _attached(choice)
    if desk is None:
        wanted = choice.settings
        if symbols:
            origins = {**wanted.origins, "symbols": "argument SYMBOL"}
            wanted = replace(wanted, symbols=tuple(symbols), origins=origins)
        desk = RealTimeTrading(
            *symbols, features=features, settings=wanted, keep_candles=keep_candles, alerts=alerts
        )
        _tell(_starting(choice))
        await desk.start(warn=False)
    try:
        _announce(desk)
        yield desk
    finally:
        await desk.close()


@asynccontextmanager
async def running_desk(choice: Choice, why: str) -> AsyncIterator[RealTimeTrading]:
    """The desk that runs, announced; it is let go with the block. None is started: `why` says so to a person.

    Raises:
        DeskUnreachable: none runs, or the named one does not answer. DeskRefused: it says no.
    """
    desk = await _attached(choice)
    if desk is None:
        raise DeskUnreachable(
            "", f"no desk runs here, and {why}", hint="start one with `bethna up`, then say it again"
        )
    try:
        _announce(desk)
        yield desk
    finally:
        await desk.close()


async def follow(
    desk: RealTimeTrading, symbol: str, settings: Settings
) -> tuple[InstrumentId, Instrument | None]:
    """The instrument that a symbol means, followed from now on; its steps where the desk says them.

    Raises:
        UnknownInstrument: no venue lists it. CannotFollow: this desk has what it has.
    """
    name = parse_name(symbol, settings.preferred_venue)
    if name.alias is not None:
        _tell(name.alias.notice)
    for followed in desk.symbols:
        if followed.partition("@")[0] == name.symbol and name.venue in ("", followed.partition("@")[2]):
            try:
                return followed, await desk.subscribe(followed)
            except CannotFollow:  # it is on a tape, which takes no wishes
                return followed, None
    instrument = await desk.subscribe(symbol)
    if desk.attached:
        _tell(f"the desk follows {instrument.id} from now on")
    return instrument.id, instrument


async def _attached(choice: Choice) -> RealTimeTrading | None:
    """Rules 1 and 2; None when no desk runs."""
    settings = choice.settings
    if choice.url is not None:
        return await _over(choice.url, choice.token, settings)
    for found in await asyncio.to_thread(find_running, settings):
        if not fits(settings, found):
            continue
        try:
            return await _over(found.url, choice.token or found.token, settings)
        except DeskUnreachable:  # it has just gone
            continue
    return None


def fits(settings: Settings, found: RunningDesk) -> bool:
    """Whether a running desk is on what the settings ask for (rule 2)."""
    if settings.origin("source") == DEFAULT_ORIGIN or settings.source == "auto":
        return True
    return settings.source in (found.source, found.source.partition(":")[0])


class AttachedDesk(RealTimeTrading):
    """A desk that runs elsewhere, which can be asked for more than it has at hand here."""

    def of(self, backend: Backend) -> Self:
        """The way to it."""
        self._backend = backend
        return self

    async def whole_book(self, instrument: InstrumentId, depth: int) -> Book:
        """A book as deep as it is certified, at most `depth`."""
        found = await self._backend.fetch("books", instrument, limit=depth)
        assert found.book is not None
        return book_of(found.book)


async def _over(url: str, token: str | None, settings: Settings) -> RealTimeTrading:
    backend = await connect(url, token, settings)
    return await AttachedDesk.over(AttachedEngine(backend)).of(backend).start(warn=False)


def _starting(choice: Choice) -> str:
    why = "starting a desk" if choice.own else "no desk runs here: starting one"
    return f"{why} for this command ({choice.settings.source})"


def _announce(desk: RealTimeTrading) -> None:
    """Rule 4."""
    simulation = desk.simulation
    seed = None if simulation is None else simulation.seed
    words = source_words(desk.source, seed, simulated=simulation is not None)
    if desk.attached:
        _tell(f"attached to {desk.attached} ({words})")
    elif simulation is not None:
        _tell(f"{words}: no price here was ever traded ({simulation.reason})")


def _tell(text: str) -> None:
    click.echo(plain(text), err=True)
