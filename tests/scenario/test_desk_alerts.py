"""The alerts of a whole desk before a twin on real sockets: armed, fired, explained, rehearsed and delivered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from scenario.alert_ends import End, serve
from scenario.twin_house import House, twin

from bethna.app.engines import OwnEngine
from bethna.app.trading import RealTimeTrading
from bethna.config import Secret, Settings
from bethna.config.settings import HostUrls
from bethna.core.alert_views import Alert, DeliveryState
from bethna.core.alerts import AlertRule, Outcome, Phase, PriceIs, Side
from bethna.core.errors import (
    AlertChanged,
    CannotFollow,
    ConfigError,
    FeatureOff,
    LimitReached,
    NoDataYet,
    UnknownAlert,
    UnknownChannel,
    UnknownInstrument,
)
from bethna.core.instrument import FEATURES

PATIENCE_S = 30.0


@dataclass
class Bench:
    desk: RealTimeTrading
    house: House

    async def price(self) -> float:
        """The last one, once there is one."""
        await self.desk.ready("BTC-USDT", features=("prices", "trades"), timeout_s=PATIENCE_S)
        price = self.desk.prices["BTC-USDT"].price
        assert price is not None
        return price

    async def fired(self, count: int = 1) -> list[Alert]:
        found: list[Alert] = []
        async with asyncio.timeout(PATIENCE_S):
            async for alert in self.desk.alerts.stream():
                found.append(alert)
                if len(found) == count:
                    break
        return found


@asynccontextmanager
async def desk_over(
    house: House, folder: Path, seed: int, *, alerts: bool = True, **settings: Any
) -> AsyncIterator[Bench]:
    given = Settings(
        source="live", symbols=("BTC-USDT",), data_dir=str(folder),
        hosts={"binance": (HostUrls(f"ws://{house.authority}", f"http://{house.authority}"),)},
        trade_stream={"binance": "trade"}, origins={"symbols": "the test"}, **settings,
    )  # fmt: skip
    async with RealTimeTrading.over(OwnEngine(given, FEATURES, alerts=alerts, rng=Random(seed))) as desk:
        yield Bench(desk, house)


@asynccontextmanager
async def bench(folder: Path, seed: int, **given: Any) -> AsyncIterator[Bench]:
    async with (
        twin(seed, symbols="BTCUSDT,ETHUSDT", pace=30.0) as house,
        desk_over(house, folder, seed, **given) as run,
    ):
        yield run


async def test_a_sentence_is_armed_fires_and_can_explain_itself(tmp_path: Path, seed: int) -> None:
    async with bench(tmp_path, seed) as run:
        price = await run.price()
        waiting = asyncio.create_task(run.fired())
        armed = await run.desk.alerts.add(f"BTC-USDT crosses {price + 0.003}, every time, note mine")
        (alert,) = await waiting
        assert (alert.rule, alert.firing, alert.note, alert.late) == ("a1", 1, "mine", False)
        assert armed.lines[0].price == price + 0.003
        executions = {each.trade_id: each for each in run.house.truth.executions["BTCUSDT"]}
        assert alert.trade_id is not None
        tick = run.house.made.world.markets["BTCUSDT"].listing.tick
        assert alert.value == pytest.approx(executions[alert.trade_id].price * tick / 10**8)
        assert alert.fired == executions[alert.trade_id].ts
        why = await run.desk.alerts.why("a1", alert.fired)
        assert why.reason.startswith("It fired at ")
        assert [step.outcome for step in why.steps][-1] is Outcome.FIRED
        assert alert.trade_id in [trade.trade_id for trade in why.trades]
        assert next(each.key for each in await run.desk.alerts.history(1000)) == alert.key
        assert alert.key in [each.key for each in await run.desk.alerts.notifications()]
        await run.desk.alerts.mark([alert.key])
        read = {each.key: each.read for each in await run.desk.alerts.notifications()}
        assert read[alert.key] is not None
        await run.desk.alerts.clear()
        assert alert.key not in [each.key for each in await run.desk.alerts.notifications()]
        assert alert.key in [each.key for each in await run.desk.alerts.history(1000)]


async def test_rules_go_on_with_the_next_desk_and_what_is_followed_too(tmp_path: Path, seed: int) -> None:
    async with twin(seed, symbols="BTCUSDT,ETHUSDT", pace=30.0) as house:
        async with desk_over(house, tmp_path, seed) as run:
            await run.price()
            await run.desk.alerts.add(["ETH-USDT is below 1", "BTC-USDT is below 1, every time"])
            assert "ETH-USDT@binance" in run.desk.symbols
            with pytest.raises(CannotFollow, match="a1 watches it"):
                await run.desk.unsubscribe("ETH-USDT")
            await run.desk.alerts.pause("a2")
        async with desk_over(house, tmp_path, seed) as run:
            rules = {each.name: each for each in await run.desk.alerts.list()}
            assert rules["a2"].state.phase is Phase.PAUSED
            assert rules["a1"].state.phase is Phase.ACTIVE
            async with asyncio.timeout(PATIENCE_S):
                while "ETH-USDT@binance" not in run.desk.symbols:
                    await run.price()
            await run.desk.ready("ETH-USDT", timeout_s=PATIENCE_S)
            await run.desk.alerts.remove("a2")
            with pytest.raises(UnknownAlert):
                await run.desk.alerts.get("a2")
            assert "armed no longer" in (await run.desk.alerts.why("a2")).reason


async def test_what_cannot_be_armed_says_why_and_arms_nothing(tmp_path: Path, seed: int) -> None:
    async with bench(tmp_path, seed, alert_price_rules=3) as run:
        await run.price()
        alerts = run.desk.alerts
        with pytest.raises(ConfigError, match=r"rule 2 of 2: .*above 0"):
            await alerts.add(
                ["BTC-USDT is above 1", AlertRule(PriceIs(run.desk.symbols[0], Side.ABOVE, 0.0))]
            )
        with pytest.raises(ConfigError, match="expected a condition"):
            await alerts.add("BTC-USDT does something")
        with pytest.raises(UnknownInstrument) as unknown:
            await alerts.add("BTC-USDX is above 1")
        assert "BTCUSDT" in unknown.value.nearest
        with pytest.raises(ConfigError, match="expected a zone such as Europe/Berlin"):
            await alerts.add("BTC-USDT is above 1, quiet 22:00-07:00 Nope/Zone")
        with pytest.raises(UnknownChannel, match="'telegram'"):
            await alerts.add("BTC-USDT is above 1", via=["telegram"])
        with pytest.raises(LimitReached, match="at most 3 armed rules of prices, found 0 and 1000 more"):
            await alerts.add(["BTC-USDT is above 1"] * 1000)
        assert await alerts.list() == []
        assert await asyncio.to_thread(lambda: [*tmp_path.rglob("alerts.sqlite")]) == []
        await alerts.add("BTC-USDT is above 1")
        await alerts.edit("a1", "BTC-USDT is above 2")
        with pytest.raises(AlertChanged):
            await alerts.edit("a1", "BTC-USDT is above 3", version=1)


async def test_a_rehearsal_over_trades_of_before_is_what_the_same_trades_tell(
    tmp_path: Path, seed: int
) -> None:
    async with bench(tmp_path, seed) as run:
        price = await run.price()
        sentence = f"BTC-USDT crosses {price + 0.003}"
        found = await run.desk.alerts.rehearse(sentence, per_day=10)
        executions = [
            each for each in run.house.truth.executions["BTCUSDT"] if found.start <= each.ts <= found.end
        ]
        tick = run.house.made.world.markets["BTCUSDT"].listing.tick
        above = [each.price * tick / 10**8 > price + 0.003 for each in executions]
        crossed = [
            each.ts for was, now, each in zip(above, above[1:], executions[1:], strict=False) if was != now
        ]
        assert list(found.fired[-len(crossed) :] if crossed else ()) == crossed
        assert found.over == "trades"
        with pytest.raises(NoDataYet):  # the market is younger than a minute: its one bar is open yet
            await run.desk.alerts.rehearse(sentence, over="bars", last="2d")
        with pytest.raises(ConfigError, match="expected a window within what is known of before"):
            await run.desk.alerts.rehearse("BTC-USDT moves 5% in 7d")
        with pytest.raises(ConfigError, match="expected conditions of prices and volume"):
            await run.desk.alerts.rehearse("BTC-USDT spread above 5 bps")


async def test_an_alert_arrives_at_a_webhook_and_says_so(tmp_path: Path, seed: int) -> None:
    async with serve(End()) as end:
        channels = Secret(f"hook={end.url()}")
        async with bench(tmp_path, seed, alert_channels=channels, webhook_private=True) as run:
            price = await run.price()
            waiting = asyncio.create_task(run.fired())
            await run.desk.alerts.add(f"BTC-USDT crosses {price + 0.003}", via=["hook"])
            (alert,) = await waiting
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    kept = {each.key: each for each in await run.desk.alerts.history(1000)}
                    if any(each.state is DeliveryState.SENT for each in kept[alert.key].deliveries):
                        break
            assert end.taken[0].said["title"] == alert.title
            (channel,) = [each for each in await run.desk.alerts.channels() if each.name == "hook"]
            assert (channel.off, channel.ready) == (False, True)


async def test_a_desk_without_alerts_says_so(tmp_path: Path, seed: int) -> None:
    async with bench(tmp_path, seed, alerts=False) as run:
        with pytest.raises(FeatureOff):
            await run.desk.alerts.list()
