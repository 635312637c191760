"""A real desk in a process of its own, on the simulated market: found, attached to, killed, healed."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from _attached import PATIENCE_S, Heard, attached, until
from scenario.cli_runs import end, line_of, running

from bethna.client.backend import Want
from bethna.client.discover import find_answering, find_running
from bethna.client.remote import RemoteBackend, connect
from bethna.config import Secret, Settings
from bethna.core.coverage import Provenance
from bethna.core.errors import DeskRefused, DeskUnreachable
from bethna.core.instrument import FEATURES
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, Candle, InstrumentId, PriceView, Trade
from bethna.core.status import GapMarked, StreamStatus, Trust

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX systems")
UP = ("up", "--source", "twin", "--seed", "11", "--symbol", "BTC-USDT", "--symbol", "ETH-USDT", "--json")
BTC = InstrumentId("BTC-USDT@binance")


def surroundings(folder: Path, **more: str) -> dict[str, str]:
    return {"BETHNA_DATA_DIR": str(folder), **more}


async def told(process: Any) -> dict[str, Any]:
    return await asyncio.to_thread(line_of, process)


async def has_data(remote: RemoteBackend) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await until(
            lambda: (
                remote.price(BTC).price is not None
                and remote.book(BTC, 20).trust == Trust.TRUSTED
                and remote.last_trade(BTC)[0] is not None
                and remote.last_candle(BTC, Interval.M1) is not None
            )
        )


async def test_a_real_desk_is_found_and_says_the_same_as_its_api(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    assert find_running(settings) == []
    with pytest.raises(DeskUnreachable):
        await connect(settings=settings)
    with running(*UP, "--port", "0", environment=surroundings(tmp_path)) as process:
        said = await told(process)
        [found] = await find_answering(settings)
        assert (found.url, found.source, found.pid, found.token) == (
            said["url"],
            "twin:11",
            said["pid"],
            None,
        )
        remote = await connect(settings=settings)
        assert remote.url == said["url"]
        await has_data(remote)
        simulation = remote.simulation()
        assert simulation is not None
        assert (remote.source(), simulation.seed, tuple(remote.features())) == ("twin", 11, FEATURES)
        assert remote.price(BTC).coverage.provenance is Provenance.SYNTHETIC
        await same_as_the_api(remote)
        await all_is_heard(remote)
        await remote.close()
        end(process, signal.SIGTERM)
    assert find_running(settings) == []


async def same_as_the_api(remote: RemoteBackend) -> None:
    """Each trade that was heard is one that the API has, and a book that stood still is the API's."""
    heard, book = Heard(remote, Want("trades", BTC)), Heard(remote, Want("books", BTC))
    await until(lambda: len(heard.of(Trade)) >= 5 and book.of(BookSnapshot) and len(book.of(BookDelta)) >= 5)
    async with httpx.AsyncClient(base_url=remote.url, trust_env=False, timeout=PATIENCE_S) as http:
        rows = (await http.get(f"/api/v1/trades/{BTC}?limit=1000")).json()["trades"]
        kept = {int(row["trade_id"]): row for row in rows}
        for trade in heard.of(Trade):
            row = kept[trade.trade_id]
            assert (trade.price, trade.quantity, trade.side) == (row["price"], row["quantity"], row["side"])
            assert (trade.ts_event, trade.ts_recv) == (row["ts_event"] * 1000, row["ts_recv"] * 1000)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = (await http.get(f"/api/v1/book/{BTC}?depth=20")).json()
                await until(lambda: (remote.book(BTC, 20).update_id or 0) >= int(answer["update_id"]))  # noqa: B023 - awaited here
                view = remote.book(BTC, 20)
                if view.update_id == int(answer["update_id"]):
                    break
        assert [[*level] for level in view.bids] == answer["bids"]
        assert [[*level] for level in view.asks] == answer["asks"]
    heard.stop()
    book.stop()


async def all_is_heard(remote: RemoteBackend) -> None:
    trades, book = Heard(remote, Want("trades", BTC)), Heard(remote, Want("books", BTC))
    prices, candles = Heard(remote, Want("prices", BTC)), Heard(remote, Want("candles", BTC, Interval.S1))
    await until(
        lambda: (
            len(trades.of(Trade)) > 20
            and len(book.of(BookDelta)) > 20
            and prices.of(PriceView)
            and len({each.open_time for each in candles.of(Candle)}) > 2
        )
    )
    ids = [each.trade_id for each in trades.of(Trade)]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    last = book.of(BookSnapshot)[0].last_id
    for delta in book.of(BookDelta):
        assert delta.first_id <= last + 1 <= delta.last_id
        last = delta.last_id


async def test_a_desk_that_is_killed_and_started_again_is_attached_to_again(tmp_path: Path) -> None:
    with running(*UP, "--port", "0", environment=surroundings(tmp_path)) as process:
        said = await told(process)
        port = said["url"].rpartition(":")[2]
        remote, second = await connect(said["url"]), await connect(said["url"])
        await has_data(remote)
        heard, others = Heard(remote, Want("trades", BTC)), Heard(second, Want("trades", BTC))
        await until(lambda: len(heard.of(Trade)) > 3 and len(others.of(Trade)) > 3)
        process.kill()
        await asyncio.to_thread(process.wait)
    for each in (heard, others):
        await until(lambda: [one.state for one in each.of(StreamStatus)][-1:] == ["waiting"])  # noqa: B023 - awaited here
    assert not heard.of(StreamStatus)[-1].connected
    assert remote.price(BTC).stale
    assert remote.health().status == "down"
    before = len(heard.of(Trade))
    with running(*UP, "--port", port, environment=surroundings(tmp_path)) as process:
        await told(process)
        await until(lambda: len(heard.of(Trade)) > before + 3 and not remote.price(BTC).stale)
        await until(lambda: remote.health().status == "ok")
        assert all(len(each.of(GapMarked)) >= 1 for each in (heard,))  # another desk: another count, or a gap
        for each in (heard, others):
            await until(lambda: each.of(StreamStatus)[-1].state == "live")  # noqa: B023 - awaited here
        await remote.close()
        await second.close()
        end(process, signal.SIGTERM)


async def test_the_token_of_a_desk_of_this_machine_need_not_be_typed(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    environment = surroundings(tmp_path)
    with running(*UP, "--host", "0.0.0.0", "--port", "0", environment=environment) as process:
        said = await told(process)
        [found] = await find_answering(settings)
        assert found.token == said["token"]
        assert said["token"] not in repr(found)
        with pytest.raises(DeskRefused) as error:
            await connect(said["url"], settings=Settings(data_dir=str(tmp_path / "elsewhere")))
        assert error.value.code == "token_required"
        async with attached(said["url"], said["token"]) as named:
            assert named.source() == "twin"
        remote = await connect(said["url"], settings=settings)
        await has_data(remote)
        heard = Heard(remote, Want("trades", BTC))
        await until(lambda: heard.of(Trade))
        end(process, signal.SIGTERM)
    await until(lambda: heard.of(StreamStatus))
    port = said["url"].rpartition(":")[2]
    with running(*UP, "--host", "0.0.0.0", "--port", port, environment=environment) as process:
        again = await told(process)
        assert again["token"] != said["token"]
        await until(lambda: heard.of(StreamStatus)[-1].connected)  # with the new token, by its note
        await remote.close()
        end(process, signal.SIGTERM)


async def test_a_token_that_the_settings_have_is_used(tmp_path: Path) -> None:
    mine = "a-token-of-my-own"
    settings = Settings(data_dir=str(tmp_path), token=Secret(mine))
    with running(*UP, "--port", "0", environment=surroundings(tmp_path, BETHNA_TOKEN=mine)) as process:
        await told(process)
        remote = await connect(settings=settings)
        assert remote.source() == "twin"
        await remote.close()
        end(process, signal.SIGTERM)
