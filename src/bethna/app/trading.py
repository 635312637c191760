"""A desk as a program holds it: `RealTimeTrading`, and the ways to get one; it computes nothing itself."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Self

from bethna.api.protocol import HealthAnswer
from bethna.app.engines import AttachedEngine, OwnEngine
from bethna.app.household import Engine, Household
from bethna.app.reading import log_quietly, read_settings, with_arguments
from bethna.app.wanted import wanted_names
from bethna.client.alerts import Alerts
from bethna.client.backend import Backend
from bethna.client.best import Best
from bethna.client.candles import Candles
from bethna.client.connection_status import ConnectionStatus
from bethna.client.facts import SimulatedMarketWarning
from bethna.client.nouns import Books, Prices, Trades
from bethna.client.readiness import wait_until_ready
from bethna.client.references import Indices, Valuations
from bethna.client.streams import Stream
from bethna.config import Settings
from bethna.core.errors import ConfigError, DeskUnreachable, FeatureOff
from bethna.core.instrument import FEATURES, Feature, Instrument
from bethna.core.market import InstrumentId
from bethna.core.status import Dropped, Simulation, SourceKind, SystemEvent

_warned: set[str] = set()
"""Of what this process was warned already."""


class RealTimeTrading:
    """A desk of prices, trades, books and candles. Use as `async with RealTimeTrading("ETH-USDT") as desk`.

    Args:
        symbols: what to follow; none means those of the settings.
        features: what of the market is followed; of the rest there is never data.
        source: `auto`, `live`, `twin` or `tape:PATH`; None is the settings' own.
        settings: None reads file and variables, as the command line does.
        keep_candles: what is fetched of the past is kept in the data folder, for the next time.
        alerts: it has alerts; rules and what fired are kept in the data folder, from the first rule on.

    Raises:
        ConfigError: a setting, a feature or the source is not understood. UnknownInstrument: a symbol cannot be read.
    """

    def __init__(
        self,
        *symbols: str,
        features: Collection[Feature] = FEATURES,
        source: str | None = None,
        settings: Settings | None = None,
        keep_candles: bool = False,
        alerts: bool = False,
    ) -> None:
        check_features(features)
        found = with_arguments(settings or read_settings(), symbols, source)
        log_quietly(found)
        refused = wanted_names(found)[1]
        if symbols and refused:
            raise refused[0][1]
        self._hold(OwnEngine(found, features, keep_candles=keep_candles, alerts=alerts))

    def _hold(self, engine: Engine) -> None:
        house = self._house = Household(engine)
        self.prices = Prices(house)
        self.trades = Trades(house)
        self.books = Books(house)
        self.candles = Candles(house)
        self.best = Best(house)
        self.indices = Indices(house)
        self.valuations = Valuations(house)
        self.alerts = Alerts(house)
        self.connection_status = ConnectionStatus(house.backend)

    @classmethod
    def over(cls, engine: Engine) -> Self:
        """One over another engine."""
        desk = cls.__new__(cls)
        desk._hold(engine)  # noqa: SLF001 - its own
        return desk

    async def start(self, *, warn: bool = True) -> Self:
        """Run: for who cannot write `async with`. Whoever starts it closes it.

        Raises:
            ConfigError, VenueError, TapeError, DeskUnreachable: it cannot run, and nothing is left of it.
        """
        await self._house.open()
        if warn:
            try:
                warn_if_simulated(self.simulation, stacklevel=2)
            except SimulatedMarketWarning:  # warnings are errors here
                await self.close()
                raise
        return self

    async def __aenter__(self) -> Self:
        await self._house.open()
        try:
            warn_if_simulated(self.simulation, stacklevel=2)
        except SimulatedMarketWarning:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failed = self._house.error
        await self.close()
        if failed is not None and error is None:
            raise failed

    async def close(self) -> None:
        """End everything: streams, callbacks, sockets, and the simulated market if it was ours. Twice is fine."""
        await self._house.close()

    async def ready(
        self, *symbols: str, timeout_s: float = 10.0, features: Collection[Feature] | None = None
    ) -> None:
        """Wait until every feature of these symbols (of all that are followed, without one) has data.

        Raises:
            NoDataYet: not in time, or the venue refused it; names what is missing.
            FeatureOff, ConfigError: a feature is off in this desk; there is no such feature.
            UnknownInstrument: it is not followed.
        """
        backend = self._house.backend()
        named = [backend.resolve(symbol) for symbol in symbols] or list(self.symbols)
        on = tuple(backend.features())
        wanted = on if features is None else tuple(features)
        if features is not None:
            check_features(features)
        for each in wanted:
            if each not in on:
                raise FeatureOff(each, f"expected a desk with {each}, found one of {', '.join(on)} alone")
        await wait_until_ready(backend, named, wanted, timeout_s)

    async def subscribe(self, symbol: str) -> Instrument:
        """Follow one more from now on. Raises UnknownInstrument with the nearest, or CannotFollow."""
        return await self._house.backend().follow(symbol)

    async def unsubscribe(self, symbol: str) -> None:
        """Follow it no longer; its streams end. Raises UnknownInstrument, or CannotFollow for the last one."""
        await self._house.backend().unfollow(symbol)

    @property
    def symbols(self) -> tuple[InstrumentId, ...]:
        """What is followed."""
        return tuple(instrument.id for instrument in self._house.backend().instruments())

    @property
    def source(self) -> SourceKind:
        """`live`, `twin` or `tape`."""
        return self._house.backend().source()

    @property
    def simulation(self) -> Simulation | None:
        """What is simulated, with its seed and the reason; None for a real market or its recording."""
        return self._house.backend().simulation()

    @property
    def features(self) -> tuple[Feature, ...]:
        """What is on."""
        return tuple(self._house.backend().features())

    @property
    def attached(self) -> str | None:
        """The address of the desk that this one is attached to, None for one of its own."""
        return self._house.backend().url

    @property
    def failed(self) -> bool:
        """Whether an error has ended it; every call raises that error."""
        return self._house.error is not None

    def health(self) -> HealthAnswer:
        """As GET /api/v1/health has it."""
        return self._house.backend().health()

    def events(self) -> Stream[SystemEvent | Dropped]:
        """What a person may want to know, of the whole desk, from now on."""
        return self._house.events()


async def open(  # noqa: A001 - `bethna.open`, as a file is opened
    *symbols: str,
    features: Collection[Feature] = FEATURES,
    source: str | None = None,
    settings: Settings | None = None,
) -> RealTimeTrading:
    """The desk that runs on this machine, asked to follow the symbols; else one of your own. Close it in the end.

    A running one is taken when its source is what `source`, or the setting, asks for: with `auto` live or simulated.

    Raises:
        what RealTimeTrading raises; DeskRefused: the running desk says no.
    """
    desk = await begin(*symbols, features=features, source=source, settings=settings)
    return await _warned_of(desk)


async def connect(
    url: str | None = None, *, token: str | None = None, settings: Settings | None = None
) -> RealTimeTrading:
    """The running desk alone, over its API.

    Raises:
        DeskUnreachable: none answers. DeskRefused: it says no, such as to a wrong token.
    """
    from bethna.client.remote import connect as attach

    found = settings or read_settings()
    log_quietly(found)
    backend = await attach(url, token, found)
    return await _warned_of(await RealTimeTrading.over(AttachedEngine(backend)).start(warn=False))


async def begin(
    *symbols: str,
    features: Collection[Feature] = FEATURES,
    source: str | None = None,
    settings: Settings | None = None,
) -> RealTimeTrading:
    """As `open`, without a word about a simulation."""
    check_features(features)
    found = with_arguments(settings or read_settings(), symbols, source)
    log_quietly(found)
    backend = await _running(found)
    if backend is None:
        own = RealTimeTrading(*symbols, features=features, settings=found)
        return await own.start(warn=False)
    desk = await RealTimeTrading.over(AttachedEngine(backend)).start(warn=False)
    try:
        for symbol in symbols:
            await desk.subscribe(symbol)
    except BaseException:
        await desk.close()
        raise
    return desk


async def _running(settings: Settings) -> Backend | None:
    """The desk that runs on this machine on a source that fits; None when there is none, or it has just gone."""
    from bethna.client.discover import find_answering
    from bethna.client.remote import connect as attach

    for found in await find_answering(settings):
        kind = found.source.partition(":")[0]
        if kind not in ("live", "twin") or settings.source not in ("auto", kind):
            continue
        try:
            backend = await attach(found.url, found.token, settings)
        except DeskUnreachable:
            continue
        return backend
    return None


async def _warned_of(desk: RealTimeTrading) -> RealTimeTrading:
    try:
        warn_if_simulated(desk.simulation, stacklevel=3)
    except SimulatedMarketWarning:
        await desk.close()
        raise
    return desk


def warn_if_simulated(simulation: Simulation | None, *, stacklevel: int) -> None:
    """Say once in a process, for each simulated market, that it is one."""
    if simulation is None or f"simulated {simulation.seed}" in _warned:
        return
    _warned.add(f"simulated {simulation.seed}")
    seed = "" if simulation.seed is None else f", seed {simulation.seed}"
    warnings.warn(
        f"the market is simulated{seed} ({simulation.reason}): no price was ever traded",
        SimulatedMarketWarning,
        stacklevel=stacklevel + 1,
    )


def check_features(features: Collection[str]) -> None:
    """Raises ConfigError for one that there is not, and for none."""
    unknown: Sequence[str] = [each for each in features if each not in FEATURES]
    if unknown or not features or isinstance(features, str):
        raise ConfigError("features", f"features: expected some of {', '.join(FEATURES)}, found {features!r}")
