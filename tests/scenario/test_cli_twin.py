"""`bethna twin` as a person, a script and a desk meet it: exit codes, faults, the truth, one seed twice."""

from __future__ import annotations

import json
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
from scenario.cli_runs import PATIENCE_S, end, error_of, line_of, run, running
from websockets.sync.client import connect

from bethna.cli.completing import complete_twin
from bethna.cli.twin import _ports
from bethna.core.clock import NS_PER_MS
from bethna.twins.faults import NAMES, PARAMETERS
from bethna.twins.registry import VENUES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "twin.md").read_text("utf-8")
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")
TWIN = ("twin", "binance", "--port", "0", "--symbols", "BTCUSDT,ETHUSDT", "--json")


def get(url: str, target: str, method: str = "GET", body: bytes | None = None) -> tuple[int, Any]:
    """One request to a twin."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)) as connection:
        connection.request(method, target, body)
        answer = connection.getresponse()
        said = answer.read()
        is_json = "json" in (answer.getheader("content-type") or "")
        return answer.status, json.loads(said) if is_json else said


# --- its life


@posix
def test_one_line_says_where_it_is_and_it_serves() -> None:
    with running(*TWIN, "--seed", "7") as process:
        said = line_of(process)
        assert set(said) == {"url", "ws", "seed", "pid", "venues"}
        assert said["venues"] == {"binance": {"url": said["url"], "ws": said["ws"]}}
        assert (said["seed"], said["pid"]) == (7, process.pid)
        assert get(said["url"], "/api/v3/ping") == (200, {})
        state = get(said["url"], "/twin/state")[1]
        assert (state["seed"], state["symbols"], state["name"], state["truth"]) == (7, 2, "binance", None)
        shown = next(json.loads(line) for line in PAGE.splitlines() if line.startswith('{"simulation"'))
        assert list(state) == list(shown)
        assert list(state["counts"]) == list(shown["counts"])
        with connect(f"{said['ws']}/ws/btcusdt@trade", proxy=None) as stream:
            assert json.loads(stream.recv(timeout=PATIENCE_S))["e"] == "trade"
        code, errors = end(process, signal.SIGTERM)
    assert code == 0
    assert errors.startswith("the simulated binance ends after ")
    assert errors.count("\n") == 1
    assert "1 upgrades, 1 requests, faults struck: none; seed 7" in errors


@posix
def test_for_a_person_it_says_that_nothing_is_real() -> None:
    with running(*TWIN[:-1]) as process:
        assert process.stdout is not None
        first, second = (process.stdout.readline().decode() for _ in range(2))
        assert first.startswith("SIMULATED binance, seed ")
        assert "2 symbols: nothing here was ever traded" in first
        assert "ws://127.0.0.1:" in second
        code, errors = end(process, signal.SIGINT)
    assert code == 130
    assert "the simulated binance ends" in errors
    assert "Traceback" not in errors


def test_a_fresh_seed_is_another_one_each_time() -> None:
    seeds = set()
    for _ in range(2):
        with running(*TWIN, "--attached") as process:
            seeds.add(line_of(process)["seed"])
    assert len(seeds) == 2
    assert 0 not in seeds


def test_one_that_is_attached_ends_with_its_stdin_and_says_nothing() -> None:
    with running(*TWIN, "--attached") as process:
        said = line_of(process)
        with connect(f"{said['ws']}/ws/btcusdt@trade", proxy=None) as stream:
            stream.recv(timeout=PATIENCE_S)
            assert process.stdin is not None
            process.stdin.write(b"words are not its end")
            process.stdin.close()
            assert process.wait(PATIENCE_S) == 0
        assert process.stdout is not None
        assert process.stderr is not None
        assert (process.stdout.read(), process.stderr.read()) == (b"", b"")


def test_one_that_is_attached_to_no_pipe_is_refused(tmp_path: Path) -> None:
    import subprocess

    from scenario.cli_runs import PROGRAM

    (tmp_path / "file").write_text("")
    with (tmp_path / "file").open("rb") as file:
        done = subprocess.run(
            [*PROGRAM, *TWIN, "--attached"], stdin=file, capture_output=True, timeout=PATIENCE_S, check=False
        )
    assert done.returncode == 2
    assert "--attached needs a pipe" in error_of(done)["message"]


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = run("twin", "binance", "--port", port, "--json")
        plain = run("twin", "binance", "--port", port)
    assert (told.returncode, plain.returncode) == (3, 3)
    assert f"port {port}" in error_of(told)["message"]
    assert "--port" in error_of(told)["hint"]
    assert f"port {port}" in plain.stderr.decode()
    assert b"Traceback" not in plain.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["twin"], "VENUE"),
        (["twin", "nope"], "binance"),
        (["twin", "Binance"], "binance"),
        (["twin", "binance,nope"], "nope"),
        (["twin", "binance,"], "expected one of"),
        (["twin", "binance", "--port", "65536"], "65536"),
        (["twin", "binance", "--port", "one"], "one"),
        (["twin", "binance", "--port", "1,2"], "one port, or 1 for binance, found 2"),
        (["twin", "binance,kraken", "--port", "65535"], "at most 65534 for 2 venues"),
        (["twin", "binance,kraken", "--symbols", "BTCUSDT"], "expected a number"),
        (["twin", "binance,kraken", "--symbols", "0"], "expected a number"),
        (["twin", "kraken", "--faults-of", "binance"], "--faults-of: expected one of kraken"),
        (["twin", "binance", "--pace", "0"], "--pace"),
        (["twin", "binance", "--pace", "nan"], "--pace"),
        (["twin", "binance", "--seed", "-1"], "--seed"),
        (["twin", "binance", "--symbols", "0"], "at least one"),
        (["twin", "binance", "--symbols", "99999"], "and at most 452, found 99999"),
        (["twin", "binance", "--symbols", ""], "at least one"),
        (["twin", "binance", "--symbols", "BTCUSDT,BTCUSDX"], "BTCUSDX"),
        (["twin", "binance", "--symbols", "A" * 5000], "AAAA..."),
        (["twin", "faults", "--port", "1"], "faults"),
    ],
)
def test_wrong_usage_is_refused_before_anything_starts(words: list[str], said: str) -> None:
    told = run(*words, "--json")
    assert told.returncode == 2
    error = error_of(told)
    assert said in error["message"]
    assert len(error["message"]) < 300
    plain = run(*words)
    assert (plain.returncode, plain.stdout) == (2, b"")
    assert b"Traceback" not in plain.stderr


def test_a_number_of_symbols_takes_the_liveliest() -> None:
    with running("twin", "binance", "--port", "0", "--symbols", "3", "--json", "--attached") as process:
        url = line_of(process)["url"]
        listed = get(url, "/api/v3/exchangeInfo")[1]["symbols"]
        assert len(listed) == 3
        assert "BTCUSDT" in {each["symbol"] for each in listed}


# --- faults


def test_the_kinds_of_faults_are_listed() -> None:
    plain = run("twin", "faults").stdout.decode()
    told = json.loads(run("twin", "faults", "--json").stdout)
    assert [each["kind"] for each in told["kinds"]] == list(NAMES)
    assert told["parameters"] == PARAMETERS
    for name in (*NAMES, *PARAMETERS):
        assert name in plain
        assert name in json.dumps(told)
    helped = run("twin", "--help").stdout.decode()
    assert "binance" in helped
    assert all(name in helped for name in NAMES)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[[fault]]\nkind = "cutt"\n', 2, "cutt"),
        ('[[fault]]\nkind = "cut"\n\n[[fault]]\nkind = "slow"\nat_s = -3\n', 6, "at_s"),
        ('[[fault]]\nkind = "cut"\nat_s = "soon"\n', 3, "soon"),
        ('[[fault]]\nkind = "cut"\nsymbol = "SOLUSDT"\n', 3, "SOLUSDT"),
        ('[[fault]]\nkind = "cut\n', 2, "TOML"),
        ('[[faults]]\nkind = "cut"\n', 1, "fault"),
    ],
)
def test_a_wrong_plan_is_refused_with_its_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(text)
    told = run(*TWIN, "--faults", str(plan))
    assert told.returncode == 2
    error = error_of(told)
    assert error["code"] == "bad_fault_file"
    assert f"{plan} line {line}" in error["message"]
    assert words in error["message"]
    plain = run(*TWIN[:-1], "--faults", str(plan))
    assert (plain.returncode, plain.stdout) == (2, b"")
    assert f"{plan} line {line}" in plain.stderr.decode()


def test_a_plan_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"# caf\xe9\n")
    for path in (tmp_path / "gone", tmp_path, tmp_path / "latin"):
        done = run(*TWIN, "--faults", str(path))
        assert done.returncode == 2
        assert error_of(done)["code"] == "bad_fault_file"
        assert str(path) in error_of(done)["message"]


def test_a_plan_and_control_calls_make_it_misbehave(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    text = '[[fault]]\nkind = "http_5xx"\nendpoint = "/api/v3/time"\nstatus = 502\nfor_s = 600\n'
    plan.write_text(text, "utf-8-sig", newline="\r\n")  # as some editors write
    with running(*TWIN, "--attached", "--faults", str(plan)) as process:
        url = line_of(process)["url"]
        assert get(url, "/api/v3/time")[0] == 502
        assert get(url, "/api/v3/ping")[0] == 200
        assert get(url, "/twin/faults", "DELETE") == (200, {"ended": 1})
        assert get(url, "/api/v3/time")[0] == 200
        assert get(url, "/twin/faults", "POST", b'{"kind": "http_451"}')[0] == 200
        assert get(url, "/api/v3/time")[0] == 451
        assert get(url, "/twin/state")[1]["venue"]["struck"]["http_451"] == 1


# --- several venues


@posix
def test_several_venues_are_one_process_each_on_its_port(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text('[[fault]]\nkind = "http_5xx"\nvenue = "kraken"\nfor_s = 600\n')
    words = (
        "--port",
        "0",
        "--seed",
        "7",
        "--symbols",
        "3",
        "--json",
        "--faults",
        str(tmp_path / "plan.toml"),
    )
    with running("twin", "all", *words, "--truth", str(tmp_path / "truth.jsonl")) as process:
        said = line_of(process)
        assert set(said) == {"seed", "pid", "venues"}
        assert (said["seed"], said["pid"]) == (7, process.pid)
        assert len({place["url"] for place in said["venues"].values()}) == len(VENUES)
        for venue, place in said["venues"].items():
            state = get(place["url"], "/twin/state")[1]
            assert (state["name"], state["seed"]) == (venue, 7)
            assert state["symbols"] == min(3, len(VENUES[venue].listings()))
            faults = get(place["url"], "/twin/faults")[1]["faults"]
            assert [fault["kind"] for fault in faults] == (["http_5xx"] if venue == "kraken" else [])
        starts = {get(place["url"], "/twin/state")[1]["started_at"] for place in said["venues"].values()}
        assert len(starts) == 1
        binance, kraken = (said["venues"][name]["url"] for name in ("binance", "kraken"))
        assert get(binance, "/api/v3/ping") == (200, {})
        assert get(kraken, "/0/public/Time")[0] == 503
        code, errors = end(process, signal.SIGTERM)
    assert code == 0
    ends = [line.partition(" after ")[0] for line in errors.splitlines()]
    assert ends == [f"the simulated {venue} ends" for venue in VENUES]
    assert {line["venue"] for line in lines_of(tmp_path / "truth.jsonl")} == set(VENUES)


def test_ports_follow_each_other_or_are_named() -> None:
    with running("twin", "binance,kraken", "--port", "0", "--json", "--attached") as first:
        free = [int(place["url"].rpartition(":")[2]) for place in line_of(first)["venues"].values()]
        first.kill()
    ports = ",".join(map(str, free))
    with running("twin", "binance,kraken", "--port", ports, "--json", "--attached") as process:
        said = line_of(process)["venues"]
        assert [int(place["url"].rpartition(":")[2]) for place in said.values()] == free
    assert _ports((9700,), ("a", "b", "c")) == (9700, 9701, 9702)
    assert _ports((0,), ("a", "b")) == (0, 0)


def test_a_plan_for_several_venues_has_to_say_whose_a_fault_is(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text('[[fault]]\nkind = "cut"\n')
    told = run("twin", "binance,kraken", "--json", "--faults", str(tmp_path / "plan.toml"))
    assert (told.returncode, error_of(told)["code"]) == (2, "bad_fault_file")
    assert (
        "plan.toml line 1: venue: expected one of binance, kraken, found nothing" in error_of(told)["message"]
    )


def test_behind_a_comma_the_shell_offers_another_venue() -> None:
    context = click.Context(click.Command("twin"))
    offered = [item.value for item in complete_twin(context, click.Option(["--x"]), "binance,")]
    assert offered == [f"binance,{venue}" for venue in VENUES if venue != "binance"]
    assert [item.value for item in complete_twin(context, click.Option(["--x"]), "")] == [
        *VENUES,
        "all",
        "faults",
    ]


# --- the truth


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a truth file so far."""
    for line in path.read_bytes().split(b"\n")[:-1]:
        yield json.loads(line)


def wait_for_trades(url: str, count: int) -> None:
    """Until the twin has told of that many trades of BTCUSDT; each is in its truth soon after."""
    with connect(f"{url}/ws/btcusdt@trade", proxy=None, max_queue=None) as stream:
        for _ in range(count):
            stream.recv(timeout=PATIENCE_S)


def test_the_truth_is_in_its_file_and_agrees_with_what_it_said(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    with running(*TWIN, "--attached", "--pace", "20", "--truth", str(truth)) as process:
        said = line_of(process)
        with connect(f"{said['ws']}/ws/btcusdt@trade", proxy=None, max_queue=None) as stream:
            heard = [json.loads(stream.recv(timeout=PATIENCE_S)) for _ in range(50)]
        state = get(said["url"], "/twin/state")[1]["truth"]
        assert (state["file"], state["failed"]) == (str(truth), None)
        assert state["lines"] > 50
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
    known = {
        line["trade_id"]: line
        for line in lines_of(truth)
        if line["type"] == "trade" and line["symbol"] == "BTCUSDT"
    }
    first = next(lines_of(truth))
    listing = next(each for each in first["listings"] if each["symbol"] == "BTCUSDT")
    for trade in heard:
        line = known[trade["t"]]
        assert round(float(trade["p"]) * 1e8) == line["price"] * listing["tick"]
        assert round(float(trade["q"]) * 1e8) == line["quantity"] * listing["lot"]
        assert (trade["m"], trade["T"]) == (line["buyer_is_maker"], line["ts"] // NS_PER_MS)
    assert all(later == earlier + 1 for earlier, later in pairwise(known))


@pytest.mark.parametrize("path", ["gone/truth.jsonl", ".", "/dev/full"])
def test_a_truth_that_cannot_be_begun_stops_the_start(path: str, tmp_path: Path) -> None:
    if path == "/dev/full" and not Path(path).exists():
        pytest.skip("a device of Linux")
    told = run(*TWIN, "--truth", str(tmp_path / path))
    assert told.returncode == 3
    error = error_of(told)
    assert error["code"] == "store_unusable"
    assert str(tmp_path / path) in error["message"]


@posix
def test_a_disk_that_fills_up_is_told_and_the_market_goes_on(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000)); "
    )
    with running(*TWIN, "--pace", "100", "--truth", str(truth), before=limit) as process:
        said = line_of(process)
        assert process.stderr is not None
        told = process.stderr.readline().decode()
        assert str(truth) in told
        assert "the market goes on without it" in told
        wait_for_trades(said["ws"], 5)
        state = get(said["url"], "/twin/state")[1]["truth"]
        assert str(truth) in state["failed"]
        code, errors = end(process, signal.SIGTERM)
    assert code == 3
    assert "the simulated binance ends" in errors


def story_of(path: Path) -> list[dict[str, Any]]:
    """What happened, in times since the world's start; candles are cut by the clock and left out."""
    first, *lines = (line for line in lines_of(path) if line["type"] != "candle")
    begin = -(-first.pop("start") // NS_PER_MS) * NS_PER_MS
    for line in lines:
        if "ts" in line:
            line["ts"] -= begin
    return [first, *lines]


def test_two_twins_on_one_seed_are_one_world(tmp_path: Path, seed: int) -> None:
    stories = []
    for number, wanted in enumerate((seed, seed, seed + 1)):
        truth = tmp_path / f"{number}.jsonl"
        # one is asked a lot, the other nothing: a world does not mind
        options = ("--seed", str(wanted % 2**32 or 1), "--pace", "50", "--truth", str(truth), "--attached")
        with running(*TWIN, *options) as process:
            said = line_of(process)
            wait_for_trades(said["ws"], 300)
            for _ in range(20 * number):
                get(said["url"], "/api/v3/depth?symbol=ETHUSDT")
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(PATIENCE_S) == 0
        stories.append(story_of(truth))
    one, two, other = stories
    common = min(len(one), len(two))
    assert sum(line["type"] == "trade" for line in one[:common]) >= 300
    assert one[:common] == two[:common]
    assert one[1:50] != other[1:50]
