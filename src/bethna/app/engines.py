"""What a desk in a program runs on: one of its own over a decided source, or one that it is attached to; no facade."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from bethna.app.elsewhere import alert_folder, candle_folder
from bethna.app.household import Began, told
from bethna.client.backend import Backend
from bethna.config import Settings
from bethna.core.clock import Clock
from bethna.core.instrument import Feature
from bethna.net.network import INTERNET, Network
from bethna.store.folder import data_root, source_folder

if TYPE_CHECKING:
    from bethna.app.markets import Market


class OwnEngine:
    """A desk in this process: it connects to the venues itself, and keeps nothing in the data folder but what is said.

    Args:
        keep_candles: whether candles are kept there; those of a simulation never are.
        alerts: whether it has alerts; their journal is made in the data folder with the first rule.
        pace, rng, network: the host's, unless a test brings its own.
    """

    def __init__(
        self,
        settings: Settings,
        features: Collection[Feature],
        *,
        pace: Clock | None = None,
        rng: Random | None = None,
        network: Network = INTERNET,
        keep_candles: bool = False,
        alerts: bool = False,
    ) -> None:
        # Here: a program that attaches to a desk needs none of it, and this one should not wait for it in its loop.
        from bethna.app.desk import Desk
        from bethna.app.sources import chosen_market
        from bethna.client.local import LocalBackend

        self._desk, self._market, self._backend = Desk, chosen_market, LocalBackend
        self.settings = settings
        self._has_alerts = alerts
        self._keep_candles = keep_candles
        self._features = features
        self._pace = pace
        self._rng = rng
        self._network = network

    async def run(self, began: Began) -> None:
        """See `Engine`."""
        async with self._market(
            self.settings, clock=self._pace, rng=self._rng, network=self._network
        ) as market:
            desk = self._desk(
                market.settings, pace=self._pace, rng=self._rng, network=self._network,
                simulation=market.simulation, features=self._features, candles=self._candles(market),
                alerts=self._alerts(market),
            )  # fmt: skip
            if desk.alerts is not None:
                await desk.alerts.start()  # before the first trade
            backend = self._backend(desk, desk.bus, asyncio.get_running_loop())
            try:
                async with asyncio.TaskGroup() as group:
                    beside = [group.create_task(market.watch(desk), name="market")]
                    if desk.alerts is not None:
                        beside.append(group.create_task(desk.alerts.run(), name="alerts"))
                    running = group.create_task(desk.run(), name="desk")
                    began(backend)
                    await running
                    for task in beside:
                        task.cancel()
            except Exception as error:
                backend.finish(told(error))
                raise
            backend.finish()

    def _candles(self, market: Market) -> Path | None:
        if not self._keep_candles or market.simulation is not None:
            return None
        return self._folder(market) / candle_folder(market.settings)

    def _alerts(self, market: Market) -> Path | None:
        return self._folder(market) / alert_folder(market.settings) if self._has_alerts else None

    def _folder(self, market: Market) -> Path:
        return data_root(self.settings.data_dir) / source_folder(market.folder)


class AttachedEngine:
    """A desk that runs elsewhere; it keeps itself connected."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def run(self, began: Began) -> None:
        """See `Engine`."""
        try:
            began(self._backend)
            await asyncio.Event().wait()  # until cancelled
        finally:
            await self._backend.close()
