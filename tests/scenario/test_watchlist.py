"""A desk's list changed while it runs, over the whole live path in virtual time: real sessions, healing and feeds."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from faultgrid.trial import START, Trial, VirtualHouse, house
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.app import Desk
from bethna.app.watchlist import KeptList
from bethna.config import load
from bethna.core.coverage import State
from bethna.core.errors import CannotFollow, StoreError, UnknownInstrument
from bethna.core.instrument import FEATURES, Feature
from bethna.core.market import InstrumentId
from bethna.core.status import StreamStatus, Trust
from bethna.store.watchlist import FILE, WatchlistFile

BTC, ETH, POL = (InstrumentId(f"{base}-USDT@binance") for base in ("BTC", "ETH", "POL"))
LIVE: dict[str, Any] = {"source": "live"}


def tried(seed: int, act: Callable[[VirtualHouse], Awaitable[None]]) -> None:
    clock = VirtualClock(START)
    trial = Trial(seed, (), 0.0, settings={"symbols": ("BTC-USDT",)})

    async def run() -> None:
        async with house(trial, clock) as found:
            await pass_time(10)
            await act(found)

    run_virtually(run(), clock)


def streams(found: VirtualHouse) -> set[str]:
    """The streams on the sockets of the venue."""
    return {
        stream
        for shard in found.desk.lines["binance"].pool._shards.values()
        for link in shard.links.values()
        for stream in link.session.held
    }


def test_one_more_is_followed_from_now_on_and_becomes_whole(seed: int) -> None:
    async def act(found: VirtualHouse) -> None:
        desk = found.desk
        assert await desk.follow("ethusdt") == (ETH, None)
        assert await desk.follow("MATICUSDT") == (POL, "MATIC was renamed to POL on 2024-09-13")
        assert await desk.follow("eth/usdt") == (ETH, None), "twice is once"
        assert [one.id for one in desk.instruments()] == [BTC, ETH, POL]
        await pass_time(20)
        for instrument in (BTC, ETH, POL):
            assert desk.price(instrument).price is not None
            assert desk.price(instrument).coverage.state is State.COMPLETE
            assert desk.book(instrument, 5).trust == Trust.TRUSTED
            assert desk.instrument_health(instrument).state == "live"
        assert desk.lines["binance"].pool.health().connections == 1, "on the socket that was there"
        assert not (await found.close()).lost

    tried(seed, act)


def test_what_is_followed_no_longer_ends_and_leaves_nothing(seed: int) -> None:
    async def act(found: VirtualHouse) -> None:
        desk = found.desk
        await desk.follow("ETH-USDT")
        await pass_time(10)
        heard: list[StreamStatus] = []
        desk.bus.channel("status", ETH).subscribe(heard.append)
        assert await desk.unfollow("ETHUSDT") == ETH
        assert [(each.state, each.connected) for each in heard] == [("ended", False)]
        with pytest.raises(UnknownInstrument, match="is not followed"):
            desk.price(ETH)
        await pass_time(10)
        assert not any(stream.startswith("ethusdt") for stream in streams(found))
        with pytest.raises(UnknownInstrument):
            await desk.unfollow("ETH-USDT")
        with pytest.raises(CannotFollow, match="it is the last one"):
            await desk.unfollow("BTC-USDT")
        assert (await desk.follow("ETH-USDT"))[0] == ETH
        await pass_time(20)
        assert desk.price(ETH).coverage.state is State.COMPLETE, "followed anew, it begins anew"

    tried(seed, act)


def test_what_no_venue_lists_is_refused_with_the_nearest(seed: int) -> None:
    async def act(found: VirtualHouse) -> None:
        with pytest.raises(UnknownInstrument, match="binance does not list ETHX-USDT") as error:
            await found.desk.follow("ETHX-USDT")
        assert error.value.nearest[0] == "ETHUSDT"
        with pytest.raises(UnknownInstrument, match="has no venue 'nowhere'"):
            await found.desk.follow("BTC-USDT@nowhere")
        with pytest.raises(UnknownInstrument):
            await found.desk.follow("?")
        assert [one.id for one in found.desk.instruments()] == [BTC]

    tried(seed, act)


def test_the_search_says_what_is_followed(seed: int) -> None:
    async def act(found: VirtualHouse) -> None:
        desk = found.desk
        answer = desk.symbols("usdt", 2)
        assert (answer.total, answer.listed, len(answer.found)) == (3, 3, 2)
        assert {each.instrument.id: each.followed for each in desk.symbols("usdt", 9).found} == {
            BTC: True, ETH: False, POL: False,
        }  # fmt: skip
        assert [each.instrument.id for each in desk.symbols("", 9).found] == [BTC]

    tried(seed, act)


def test_connections_are_shown_as_they_are(seed: int) -> None:
    async def act(found: VirtualHouse) -> None:
        (one,) = found.desk.connections()
        assert (one.venue, one.state, one.instruments) == ("binance", "ok", (BTC,))
        assert one.host.startswith("twin.invalid")
        assert one.streams == 4
        assert one.opened_at is not None
        assert one.last_message is not None
        assert START <= one.opened_at < one.last_message
        assert one.lag_ms is not None
        assert 0 <= one.lag_ms < 1000

    tried(seed, act)


@pytest.mark.parametrize(
    ("features", "wanted"),
    [
        (("prices",), {"trade", "bookTicker", "ticker"}),
        (("candles",), {"trade", "ticker"}),
        (("books",), {"depth@100ms", "bookTicker"}),
        (FEATURES, {"trade", "bookTicker", "ticker", "depth@100ms"}),
    ],
)
def test_a_feature_that_is_off_costs_no_stream(features: tuple[Feature, ...], wanted: set[str]) -> None:
    desk = Desk(load(options={**LIVE, "symbols": ("BTC-USDT",)}), features=features)
    line = desk.lines["binance"]
    line._known.set()
    line.follow([])
    line._want(line._names.values())
    held = {
        stream.partition("@")[2]
        for shard in line.pool._layout.sockets()
        for stream in line.pool._layout.streams(shard)
    }
    assert held == wanted
    assert desk.book(BTC, 5).trust == (Trust.WAITING if "books" in features else Trust.OFF)
    desk.feeds.stream_state(BTC, "stale", "cut", 1, connected=False)
    assert (desk.book(BTC, 5).trust == Trust.OFF) == ("books" not in features)


def test_a_tape_has_what_it_has(shared_dir: Path) -> None:
    tape = shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst"
    desk = Desk(load(options={"source": f"tape:{tape}", "speed": "max"}))
    desk.play_through()
    with pytest.raises(CannotFollow, match="plays a tape"):
        run_virtually(desk.follow("ETH-USDT"), VirtualClock(START))
    with pytest.raises(CannotFollow, match="plays a tape"):
        run_virtually(desk.unfollow("BTC-USDT"), VirtualClock(START))
    assert [each.followed for each in desk.symbols("btc", 5).found] == [True]


# --- what is remembered


def test_the_list_is_remembered_unless_the_user_named_it(tmp_path: Path) -> None:
    folder = {**LIVE, "data_dir": str(tmp_path)}
    first = KeptList(load(options=folder))
    assert first.settings.symbols == load(options=folder).symbols
    assert first.keep is not None
    first.keep([solana := "SOL-USDT@binance"])
    assert first.is_kept()
    assert KeptList(load(options=folder)).settings.symbols == (solana,)
    named = KeptList(load(options={**folder, "symbols": ("BTC-USDT",)}))
    assert (named.settings.symbols, named.keep) == (("BTC-USDT",), None)
    assert not named.is_kept()
    path = tmp_path / FILE
    path.unlink()
    path.mkdir()  # nothing can be written there
    with pytest.raises(StoreError):
        first.keep([solana])
    assert not first.is_kept()
    path.rmdir()
    first.keep([solana])
    assert first.is_kept()


def test_a_list_of_another_version_is_told_and_not_lost(tmp_path: Path) -> None:
    text = json.dumps({"version": 7, "symbols": ["XRP-USDT"]})
    (tmp_path / FILE).write_text(text)
    kept = KeptList(load(options={**LIVE, "data_dir": str(tmp_path)}))
    desk = Desk(kept.settings, keep=kept.keep)
    kept.tell(desk)
    assert [event.code for event in desk.events(5)] == ["watchlist_not_read"]
    assert "expected version 1, found version 7" in desk.notices()[0]
    assert (tmp_path / FILE).read_text() == text


def test_each_change_is_kept(seed: int, tmp_path: Path) -> None:
    file = WatchlistFile(tmp_path)

    async def act(found: VirtualHouse) -> None:
        found.desk._watchlist._keep = file.write
        await found.desk.follow("ETH-USDT")
        assert file.read() == (BTC, ETH)
        await found.desk.unfollow("BTC-USDT")
        assert file.read() == (ETH,)
        file.path.unlink()
        file.path.mkdir()  # nothing can be written there
        await found.desk.follow("POL-USDT")
        assert [each.code for each in found.desk.events(2)] == ["symbol_followed", "watchlist_not_kept"]
        assert POL in [one.id for one in found.desk.instruments()]

    tried(seed, act)
