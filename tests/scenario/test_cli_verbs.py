"""The verbs that show a desk, over a real desk on a twin, and each over one of its own: pipes, signals, errors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import pytest
from scenario.cli_runs import PATIENCE_S, PROGRAM, end, error_of, line_of, run, running

from bethna.api.protocol import BookAnswer, CandlesAnswer, HealthAnswer, PriceRow, TradesAnswer
from bethna.venues.registry import readable_names

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")


class Desk(NamedTuple):
    """A desk that runs, and the variables by which a command finds it."""

    url: str
    pid: int
    around: dict[str, str]

    def ask(self, method: str, path: str) -> Any:
        """One request to it."""
        with closing(HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_S)) as connection:
            connection.request(method, path)
            return json.loads(connection.getresponse().read())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One for all tests of this file, with prices of everything that it follows."""
    around = {"BETHNA_DATA_DIR": str(tmp_path_factory.mktemp("data")), "BETHNA_LOG_LEVEL": "error"}
    follows = ("--symbol", "BTC-USDT", "--symbol", "ETH-USDT")
    words = ("up", "--source", "twin", "--seed", "7", "--port", "0", "--json")
    with running(*words, *follows, environment=around) as process:
        said = line_of(process)
        done = run("watch", environment=around)
        assert done.returncode == 0, done.stderr
        yield Desk(said["url"], said["pid"], around)
        assert end(process, signal.SIGTERM)[0] == 0


def objects(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    """The JSON lines of a command that went well."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- attached


def test_it_says_to_which_desk_it_is_attached_and_that_the_market_is_simulated(desk: Desk) -> None:
    for verb in (
        ["price", "ETH-USDT"],
        ["trades", "ETHUSDT"],
        ["book", "eth/usdt"],
        ["candles", "ETH-USDT"],
        ["watch"],
    ):
        done = run(*verb, environment=desk.around)
        assert done.returncode == 0
        assert done.stderr.decode() == f"attached to {desk.url} (SIMULATED, seed 7)\n"
        assert "SIMULATED" in done.stdout.decode()
        assert "UTC" in done.stdout.decode() or verb == ["watch"]


def test_one_object_is_what_http_answers(desk: Desk) -> None:
    [price] = objects(run("price", "ETH-USDT", "--json", environment=desk.around))
    assert msgspec.convert(price, PriceRow).price is not None
    [trades] = objects(run("trades", "ETH-USDT", "--json", "--limit", "7", environment=desk.around))
    answer = msgspec.convert(trades, TradesAnswer)
    assert len(answer.trades) == 7
    known = {row["trade_id"]: row for row in desk.ask("GET", "/api/v1/trades/ETH-USDT?limit=1000")["trades"]}
    assert [known[row["trade_id"]] for row in trades["trades"]] == trades["trades"]
    [book] = objects(run("book", "ETH-USDT", "--json", "--depth", "33", environment=desk.around))
    levels = msgspec.convert(book, BookAnswer)
    assert (len(levels.bids), len(levels.asks), levels.trust) == (33, 33, "trusted")
    [candles] = objects(run("candles", "ETH-USDT", "--json", "--interval", "1s", environment=desk.around))
    rows = msgspec.convert(candles, CandlesAnswer).candles
    assert rows
    assert [row.open_time for row in rows] == sorted(row.open_time for row in rows)


def test_lines_for_people_have_a_head_and_what_was_asked_for(desk: Desk) -> None:
    lines = run("trades", "BTC-USDT", "--limit", "4", environment=desk.around).stdout.decode().splitlines()
    assert lines[0].split() == ["TIME", "(UTC)", "SIDE", "PRICE", "QUANTITY", "ID", "COVERAGE"]
    assert len(lines) == 5
    book = run("book", "BTC-USDT", "--depth", "3", environment=desk.around).stdout.decode().splitlines()
    assert [len(line.split()) for line in book[1:5]] == [4, 4, 4, 4]
    bids, asks = ([float(line.split()[place]) for line in book[2:5]] for place in (1, 2))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


@posix
def test_trades_go_on_without_a_hole_or_a_repetition(desk: Desk) -> None:
    words = ("trades", "BTC-USDT", "--follow", "--json", "--limit", "50")
    with running(*words, environment=desk.around) as process:
        heard = [line_of(process) for _ in range(120)]
        code, errors = end(process, signal.SIGINT)
    assert code == 130
    assert "Traceback" not in errors
    ids = [int(line["trade_id"]) for line in heard if line["type"] == "trade"]
    assert len(ids) > 100
    assert ids == list(range(ids[0], ids[0] + len(ids)))


@posix
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["price", "ETH-USDT", "--follow"], "price"),
        (["book", "ETH-USDT", "--follow", "--depth", "25"], "book"),
        (["candles", "ETH-USDT", "--follow", "--interval", "1s", "--limit", "3"], "candle"),
        (["watch"], "price"),
    ],
)
def test_it_goes_on_until_ctrl_c(words: list[str], kind: str, desk: Desk) -> None:
    with running(*words, "--json", environment=desk.around) as process:
        heard = [line_of(process) for _ in range(6)]
        code, errors = end(process, signal.SIGINT)
    assert {line["type"] for line in heard} == {kind}
    assert code == 130
    assert errors.split("\n") == [
        f"attached to {desk.url} (SIMULATED, seed 7)",
        "",
        "",
    ]  # the shell's ^C has a line of its own


@posix
def test_closed_candles_are_told_once_in_their_order(desk: Desk) -> None:
    words = ("candles", "BTC-USDT", "--follow", "--json", "--interval", "1s", "--limit", "5")
    with running(*words, environment=desk.around) as process:
        closed: list[int] = []
        while len(closed) < 9:
            line = line_of(process)
            if line["closed"]:
                closed.append(line["open_time"])
        end(process, signal.SIGTERM)
    assert [later - earlier for earlier, later in pairwise(closed)] == [1_000_000] * 8


@posix
@pytest.mark.parametrize("wish", ["SIGTERM", "SIGHUP"])
def test_a_wish_to_end_is_no_failure(desk: Desk, wish: str) -> None:
    with running("trades", "BTC-USDT", "--follow", environment=desk.around) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert end(process, getattr(signal, wish))[0] == 0


@posix
def test_streams_that_somebody_closed_before_are_no_sockets_of_ours(desk: Desk) -> None:
    environment = {**os.environ, **desk.around}
    for closed, code in (("<&-", 0), ("2>&-", 0), (">&-", 0)):
        command = f'exec "{sys.executable}" -m bethna price BTC-USDT {closed}'
        done = subprocess.run(
            ["sh", "-c", command], env=environment, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == code, (closed, done)


@posix
def test_a_reader_who_stops_reading_does_not_hold_up_ctrl_c(desk: Desk) -> None:
    words = ("book", "BTC-USDT", "--follow", "--json", "--depth", "1000")
    with running(*words, environment=desk.around) as process:
        line_of(process)  # and no more: some hundred kilobytes a second are waiting soon
        with running(
            "candles", "BTC-USDT", "--follow", "--interval", "1s", "--json", environment=desk.around
        ) as clock:
            for _ in range(8):
                line_of(clock)
            end(clock, signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130


@posix
@pytest.mark.parametrize("words", ["trades BTC-USDT --follow", "price BTC-USDT -f --json", "watch --json"])
def test_a_pipe_that_is_closed_ends_it_quietly(words: str, desk: Desk) -> None:
    with running(*words.split(), environment=desk.around) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr is not None
        assert process.stderr.read().decode() == f"attached to {desk.url} (SIMULATED, seed 7)\n"


def test_a_symbol_that_is_not_followed_yet_is_followed_from_then_on(desk: Desk) -> None:
    done = run("book", "SOL-USDT", "--json", environment=desk.around)
    assert objects(done)[0]["symbol"] == "SOL-USDT"
    assert "the desk follows SOL-USDT@binance from now on" in done.stderr.decode()
    assert "SOL-USDT" in [row["symbol"] for row in desk.ask("GET", "/api/v1/watchlist")["watchlist"]]
    assert "from now on" not in run("book", "SOL-USDT", environment=desk.around).stderr.decode()
    [pol] = objects(run("book", "MATICUSDT", "--json", environment=desk.around))
    assert pol["symbol"] == "POL-USDT"


@posix
def test_a_symbol_that_is_taken_from_the_list_ends_it_with_a_reason(desk: Desk) -> None:
    with running("book", "ADA-USDT", "--follow", "--json", environment=desk.around) as process:
        assert line_of(process)["type"] == "book"
        desk.ask("DELETE", "/api/v1/watchlist/ADA-USDT")
        out, _ = process.communicate(timeout=PATIENCE_S)
    last = json.loads(out.splitlines()[-1])
    assert (process.returncode, last["error"]["code"]) == (2, "cannot_follow")


@pytest.mark.parametrize(
    ("words", "code", "exits"),
    [
        (["price", "NOPE-USDT"], "unknown_instrument", 2),
        (["price", "???"], "unknown_instrument", 2),
        (["price", "BTC-USDT", "--url", "http://127.0.0.1:1"], "desk_unreachable", 3),
        (["price", "BTC-USDT", "--url", "ftp://x"], "bad_setting", 2),
        (["watch", "--url", "http://127.0.0.1:1"], "desk_unreachable", 3),
        (["status", "--url", "http://127.0.0.1:1"], "desk_unreachable", 3),
        (["status", "--url", "http://"], "bad_setting", 2),
        (["price", "BTC-USDT", "--url", "x", "--source", "twin"], "usage", 2),
        (["price", "BTC-USDT", "--source", "live", "--seed", "7"], "usage", 2),
        (["price", "BTC-USDT", "--timeout", "0s"], "usage", 2),
        (["trades", "BTC-USDT", "--limit", "0"], "usage", 2),
        (["book", "BTC-USDT", "--depth", "5001"], "usage", 2),
        (["candles", "BTC-USDT", "--interval", "2m"], "usage", 2),
        (["price"], "usage", 2),
        (["completion", "fish"], "usage", 2),
    ],
)
def test_errors_are_told_in_both_forms(words: list[str], code: str, exits: int, desk: Desk) -> None:
    told = run(*words, "--json", environment=desk.around)
    assert (told.returncode, error_of(told)["code"]) == (exits, code)
    assert error_of(told)["hint"]
    plain = run(*words, environment=desk.around)
    assert (plain.returncode, plain.stdout) == (exits, b"")
    assert b"Traceback" not in plain.stderr + told.stderr


def test_something_else_that_listens_is_no_desk(desk: Desk) -> None:
    twin = next(iter(desk.ask("GET", "/api/v1/connections")["connections"]))["host"]
    for words in (["status"], ["price", "BTC-USDT"]):
        told = run(*words, "--json", "--url", f"http://{twin}", environment=desk.around)
        assert told.returncode == 3
        assert error_of(told)["code"].startswith("desk")


# --- status, completion


def test_status_says_how_the_desk_is(desk: Desk) -> None:
    told = run("status", "--json", environment=desk.around)
    said = json.loads(told.stdout)
    assert (told.returncode, said["url"], said["pid"]) == (0, desk.url, desk.pid)
    assert msgspec.convert(said, HealthAnswer).simulation is not None
    plain = run("status", environment=desk.around).stdout.decode()
    for word in (
        desk.url,
        "SIMULATED, seed 7",
        f"process {desk.pid}",
        "QUOTA",
        "LAG",
        "ETH-USDT@binance",
        "UTC",
    ):
        assert word in plain
    named = run("status", "--url", f"{desk.url}/", "--json", environment=desk.around)
    assert json.loads(named.stdout)["pid"] == desk.pid


def test_status_starts_nothing(tmp_path: Path) -> None:
    told = run("status", "--json", environment={"BETHNA_DATA_DIR": str(tmp_path / "none")})
    assert (told.returncode, error_of(told)["code"]) == (3, "desk_unreachable")
    assert "bethna up" in error_of(told)["hint"]
    assert not (tmp_path / "none").exists()


def completed(words: str, environment: dict[str, str]) -> list[str]:
    """What bash is offered behind these words."""
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_BETHNA_COMPLETE": "bash_complete"}
    done = run(environment={**environment, **asked})
    assert (done.returncode, done.stderr) == (0, b"")
    return [line.partition(",")[2] for line in done.stdout.decode().splitlines() if line]


def test_the_symbols_of_the_running_desk_are_completed(desk: Desk, tmp_path: Path) -> None:
    followed = [row["symbol"] for row in desk.ask("GET", "/api/v1/watchlist")["watchlist"]]
    assert completed("bethna price ", desk.around) == followed
    assert completed("bethna price et", desk.around) == ["ETH-USDT"]
    assert "BTC-USDT" not in completed("bethna watch BTC-USDT ", desk.around)
    nobody = {"BETHNA_DATA_DIR": str(tmp_path), "BETHNA_SYMBOLS": "XRP-USDT"}
    assert completed("bethna price ", nobody) == ["XRP-USDT"]
    assert completed("bethna price ", {**nobody, "BETHNA_PORT": "none"}) == []
    assert completed("bethna --config /nope price ", nobody) == []


def test_verbs_options_venues_and_sources_are_completed(tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path)}
    assert completed("bethna can", around) == ["candles"]
    assert set(completed("bethna decode ", around)) == set(readable_names())
    assert completed("bethna decode kraken_", around) == ["kraken_v1"]
    assert completed("bethna twin f", around) == ["faults"]
    assert completed("bethna price BTC-USDT --sou", around) == ["--source"]
    assert completed("bethna up --source ", around) == ["auto", "live", "twin", "tape:"]
    lengths = completed("bethna candles BTC-USDT --interval 1", around)
    assert sorted(lengths) == ["12h", "15m", "1M", "1d", "1h", "1m", "1s", "1w"]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_script_is_one_that_the_shell_understands(shell: str) -> None:
    import shutil

    script = run("completion", shell).stdout
    assert b"_BETHNA_COMPLETE" in script
    assert json.loads(run("completion", shell, "--json").stdout)["script"].strip() == script.decode().strip()
    program = shutil.which(shell)
    if program is not None:
        assert subprocess.run([program, "-n"], input=script, capture_output=True, check=False).returncode == 0


def test_completion_imports_nothing_heavy(desk: Desk) -> None:
    source = (
        "import sys, atexit; atexit.register(lambda: print(sorted({n.partition('.')[0] for n in sys.modules}), "
        "file=sys.stderr)); " + PROGRAM[-1]
    )
    around = {name: value for name, value in os.environ.items() if name != "BETHNA_TEST_REFUSED"}
    asked = {"COMP_WORDS": "bethna price ", "COMP_CWORD": "2", "_BETHNA_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={**around, **desk.around, **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(done.stderr.splitlines()[-1].replace("'", '"')))
    assert "BTC-USDT" in done.stdout
    assert not loaded & {"asyncio", "httpx", "litestar", "picows", "structlog", "uvicorn", "uvloop"}


# --- a desk of one's own


@posix
@pytest.mark.parametrize(
    "words", ["price ETH-USDT", "trades ETH-USDT", "book ETH-USDT", "candles ETH-USDT", "watch"]
)
def test_where_none_runs_one_is_started_and_ends_with_the_command(words: str, tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path), "BETHNA_SOURCE": "twin"}
    done = run(*words.split(), environment=around)
    assert done.returncode == 0, done.stderr
    first, second = done.stderr.decode().splitlines()
    assert first == "no desk runs here: starting one for this command (twin)"
    assert second.startswith("SIMULATED, seed ")
    assert "no price here was ever traded" in second
    assert "SIMULATED" in done.stdout.decode()
    assert list(tmp_path.iterdir()) == []


def test_a_seed_or_a_source_never_attaches(desk: Desk) -> None:
    done = run("price", "ETH-USDT", "--seed", "11", "--json", environment=desk.around)
    assert objects(done)[0]["type"] == "price"
    assert "starting a desk for this command (twin)" in done.stderr.decode()
    assert "SIMULATED, seed 11" in done.stderr.decode()
    assert desk.url not in done.stderr.decode()


@posix
def test_ctrl_c_ends_a_desk_of_ones_own_and_its_twin(tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path), "BETHNA_SOURCE": "twin"}
    with running("trades", "BTC-USDT", "--follow", "--json", environment=around) as process:
        line_of(process)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        twins = children.read_text().split() if children.exists() else []
        code, errors = end(process, signal.SIGINT)
    assert code == 130
    assert "Traceback" not in errors
    assert twins or not children.exists()
    assert not any(Path(f"/proc/{twin}").exists() for twin in twins)


def test_an_unknown_symbol_is_refused_by_a_desk_of_ones_own_too(tmp_path: Path) -> None:
    around = {"BETHNA_DATA_DIR": str(tmp_path), "BETHNA_SOURCE": "twin"}
    told = run("price", "FOO-USDT", "--json", environment=around)
    assert (told.returncode, error_of(told)["code"]) == (2, "unknown_instrument")


def test_no_data_in_time_is_told(tmp_path: Path) -> None:
    nobody = "binance=ws://127.0.0.1:1|http://127.0.0.1:1"
    around = {"BETHNA_DATA_DIR": str(tmp_path), "BETHNA_SOURCE": "live", "BETHNA_HOSTS": nobody}
    told = run("price", "BTC-USDT", "--timeout", "1s", "--json", environment=around)
    assert (told.returncode, error_of(told)["code"]) == (3, "no_data_yet")
    assert "BTC-USDT@binance price" in error_of(told)["message"]
    assert "--timeout" in error_of(told)["hint"]
