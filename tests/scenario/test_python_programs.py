"""Programs as people write them: scripts, threads, IPython, Ctrl-C, and desks that nobody closed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from python_runs import PATIENCE_S, market, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")

Surroundings = dict[str, str]


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with market(int.from_bytes(os.urandom(4)), tmp_path_factory.mktemp("programs")) as found:
        yield found


def test_importing_the_package_loads_nothing_else() -> None:
    heavy = ("litestar", "uvicorn", "polars", "pandas", "numpy", "httpx", "msgspec", "bethna.app")
    text = (
        f"import sys, bethna; print([each for each in {heavy!r} if each in sys.modules]); print(dir(bethna))"
    )
    loaded, names = run(text, os.environ).splitlines()
    assert loaded == "[]"
    assert "'full'" in names


def test_a_desk_without_doors_loads_nothing_that_serves_them() -> None:
    text = "import sys, bethna; bethna.full; print([e for e in ('litestar', 'uvicorn', 'polars') if e in sys.modules])"
    assert run(text, os.environ) == "[]\n"


def test_a_desk_loads_its_database_with_its_alerts_in_its_own_thread_and_none_without(tmp_path: Path) -> None:
    """Two threads that begin to import it at once, for candles and for alerts, would each see it half made."""
    text = (
        "import sys; from pathlib import Path; from bethna.app import Desk; from bethna.config import load; "
        "found = load(options={'source': 'live'}); Desk(found); print('sqlalchemy' in sys.modules); "
        f"Desk(found, alerts=Path({str(tmp_path)!r})); print('sqlalchemy.sql.roles' in sys.modules)"
    )
    assert run(text, os.environ) == "False\nTrue\n"


def test_every_name_is_there_and_is_what_its_room_calls_so() -> None:
    import bethna

    assert sorted(bethna.__all__) == bethna.__all__
    assert set(bethna.__all__) == set(bethna._ROOM_OF)
    for name in bethna.__all__:
        found = getattr(bethna, name)
        assert getattr(sys.modules[f"bethna.{bethna._ROOM_OF[name]}"], name) is found
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        bethna.nothing  # noqa: B018 - that there is none is the test


PLAIN = """
import bethna
price, book = bethna.price("ETH-USDT"), bethna.book("ethusdt", depth=3)
trades, candles = bethna.trades("ETH-USDT", 5), bethna.candles("BTC-USDT", "1s", limit=2)
assert price.price > 0 and price.coverage.provenance == "synthetic", price
assert len(book.bids) == len(book.asks) == 3 and book.best_bid < book.best_ask and book.trust == "trusted", book
assert 1 <= len(trades) <= 5 and 1 <= len(candles) <= 2
print(trades.to_polars().columns, len(candles.to_pandas()) == len(candles))
"""
PLAIN_SAYS = (
    "['instrument', 'trade_id', 'price', 'quantity', 'side', 'ts_event', 'ts_recv', 'coverage'] True\n"
)


def test_plain_calls_in_a_script(surroundings: Surroundings) -> None:
    assert run(PLAIN, surroundings) == PLAIN_SAYS


def test_plain_calls_in_the_middle_of_a_running_loop(surroundings: Surroundings) -> None:
    inside = f"import asyncio\nasync def main():\n    exec({PLAIN!r}, {{}})\nasyncio.run(main())"
    assert run(inside, surroundings) == PLAIN_SAYS


def test_plain_calls_from_many_threads_at_once_share_one_desk(surroundings: Surroundings) -> None:
    text = """
import threading, bethna
found, names = [], ["ETH-USDT", "BTC-USDT", "SOL-USDT"] * 4
def ask(name):
    found.append((name, bethna.price(name).instrument))
threads = [threading.Thread(target=ask, args=(name,)) for name in names]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert sorted(found) == sorted((name, f"{name}@binance") for name in names), found
print([each.name for each in threading.enumerate() if each.name == "bethna"])
"""
    assert run(text, surroundings) == "['bethna']\n"


def test_plain_calls_begin_anew_after_their_desk_was_ended_and_in_a_forked_child(
    surroundings: Surroundings,
) -> None:
    text = """
import os, bethna
from bethna.app import plain
first = bethna.price("ETH-USDT")
plain.end()
plain.end()
assert bethna.price("ETH-USDT").ts_event >= first.ts_event
child = os.fork()
if child == 0:
    os._exit(0 if bethna.price("BTC-USDT").price else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", text],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.stdout == "0\n", done.stderr


def test_plain_calls_say_what_is_wrong_and_in_time_what_is_missing(surroundings: Surroundings) -> None:
    text = """
import bethna
def ask(call, *words, **options):
    try:
        call(*words, **options)
    except bethna.BethnaError as error:
        print(type(error).__name__, "|", error, "|", error.hint)
bethna.price("ETH-USDT")
ask(bethna.price, "NOPE-USDT")
ask(bethna.price, "???")
ask(bethna.candles, "ETH-USDT", "2m")
ask(bethna.trades, "ETH-USDT", 0)
ask(bethna.price, "BTC-USDT", timeout_s=0)
ask(bethna.options_trading)
ask(bethna.alerts_focused, "???")
ask(bethna.full, "???")
ask(bethna.full, source="nowhere")
ask(bethna.RealTimeTrading, features=("tea",))
"""
    said = run(text, surroundings).splitlines()
    for line, expected in zip(
        said,
        [
            r"UnknownInstrument \| binance does not list NOPE-USDT \| nearest: .+",
            r"UnknownInstrument \| '\?\?\?' is not an instrument \| .+",
            r"ConfigError \| interval: expected one of .+ found '2m' \| write 1m",
            r"ConfigError \| limit: expected .+ found 0 \| .*",
            r"NoDataYet \| BTC-USDT.*prices?.*0 s.* \| .+",
            r"FeatureOff \| options: .+ \| .+",
            r"UnknownInstrument \| '\?\?\?' is not an instrument \| .+",
            r"UnknownInstrument \| '\?\?\?' is not an instrument \| .+",
            r"ConfigError \| source \(argument source\): expected .+ found 'nowhere' \| .+",
            r"ConfigError \| features: expected some of .+ found \('tea',\) \| .*",
        ],
        strict=True,
    ):
        assert re.fullmatch(expected, line), (line, expected)


def test_that_a_market_is_simulated_is_warned_of_once_and_where_it_was_opened(
    surroundings: Surroundings,
) -> None:
    text = """
import asyncio, bethna, warnings
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    bethna.price("ETH-USDT"), bethna.price("BTC-USDT")
    async def main():
        async with bethna.price_stream_only("ETH-USDT") as desk:
            assert desk.simulation.seed
        other = await bethna.open("ETH-USDT")
        await other.close()
    asyncio.run(main())
[one] = found
assert one.category is bethna.SimulatedMarketWarning and one.filename == "<string>", (one.category, one.filename)
print(one.message)
"""
    assert re.fullmatch(
        r"the market is simulated, seed \d+ \(.+\): no price was ever traded\n", run(text, surroundings)
    )


def test_who_makes_an_error_of_the_warning_has_no_desk(surroundings: Surroundings) -> None:
    text = """
import asyncio, bethna, warnings
warnings.simplefilter("error")
async def main():
    try:
        async with bethna.full("ETH-USDT"):
            raise AssertionError
    except bethna.SimulatedMarketWarning:
        print(len(asyncio.all_tasks()))
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", text],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_desk_of_one_cell_is_closed_in_another(surroundings: Surroundings) -> None:
    text = """
import asyncio, bethna
loop = asyncio.new_event_loop()
def cell(coroutine):
    return loop.run_until_complete(loop.create_task(coroutine))
desk = cell(bethna.open("ETH-USDT"))
assert desk.attached is None and desk.source == "twin"
cell(desk.ready("ETH-USDT", timeout_s=50))
stream = desk.trades.stream("ETH-USDT")
assert cell(anext(stream)).coverage.state == "complete"
cell(desk.close())
cell(desk.close())
async def rest():
    return [trade async for trade in stream]
cell(rest())  # what waited; then it ends
assert cell(rest()) == []
print(len(asyncio.all_tasks(loop)))
loop.close()
"""
    assert run(text, surroundings) == "0\n"


def test_ctrl_c_ends_a_desk_and_its_simulated_market(surroundings: Surroundings) -> None:
    text = """
import asyncio, bethna, sys
async def main():
    async with bethna.full("ETH-USDT") as desk:
        await desk.ready("ETH-USDT", timeout_s=50)
        [twin] = [each for each in open("/proc/self/task/%d/children" % __import__("os").getpid()).read().split()]
        print(twin, flush=True)
        async for price in desk.prices.stream("ETH-USDT"):
            pass
asyncio.run(main())
"""
    own = {name: value for name, value in surroundings.items() if name != "BETHNA_HOSTS"}
    with subprocess.Popen(
        [sys.executable, "-c", text], env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        twin = program.stdout.readline().strip()
        assert Path(f"/proc/{twin}").exists()
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=PATIENCE_S)
    assert errors.rstrip().endswith("KeyboardInterrupt"), errors
    assert "was destroyed" not in errors
    assert not Path(f"/proc/{twin}").exists()


@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "os.kill(os.getpid(), 9)"])
def test_who_forgets_to_close_is_not_held_up_and_leaves_no_market_behind(
    surroundings: Surroundings, ending: str
) -> None:
    text = f"""
import asyncio, bethna, os
async def main():
    desk = await bethna.open("ETH-USDT")
    desk.trades.on("ETH-USDT", print)
    async with asyncio.timeout(30):
        stream = desk.prices.stream("ETH-USDT")
        await anext(stream)
    print("twin", *open("/proc/self/task/%d/children" % os.getpid()).read().split(), flush=True)
    {ending}
asyncio.run(main())
"""
    own = {name: value for name, value in surroundings.items() if name != "BETHNA_HOSTS"}
    done = subprocess.run(
        [sys.executable, "-c", text], env=own, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == {"": 0, "r": 3, "o": -9}[ending[:1]], done.stderr
    assert "was destroyed" not in done.stderr
    [said] = [line for line in done.stdout.splitlines() if line.startswith("twin ")]
    wait_for_end(int(said.split()[1]))


def wait_for_end(pid: int) -> None:
    """Until that process is no more; its end is an event that the system tells."""
    try:
        told = os.pidfd_open(pid)
    except (ProcessLookupError, AttributeError):
        return
    import select

    try:
        assert select.select([told], [], [], PATIENCE_S)[0], "the simulated market lives on"
    finally:
        os.close(told)


def test_in_ipython_plain_calls_and_cells_work(surroundings: Surroundings, tmp_path: Path) -> None:
    cells = """
import bethna
bethna.price("ETH-USDT").price > 0
desk = await bethna.open("BTC-USDT")
await desk.ready("BTC-USDT", timeout_s=50)
trade = await anext(desk.trades.stream("BTC-USDT")); trade.instrument
table = await desk.candles.fetch("BTC-USDT", "1s"); len(table) > 0
bethna.book("BTC-USDT").best_bid > 0
await desk.close()
print("closed", 6 * 7)
exit
"""
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=nocolor", "--no-confirm-exit"],
        input=cells, env={**surroundings, "IPYTHONDIR": str(tmp_path), "PYTHONWARNINGS": "ignore"},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.findall(r"Out\[\d+\]: (.*)", done.stdout) == ["True", "'BTC-USDT@binance'", "True", "True"], (
        done.stdout
    )
    assert "closed 42" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
