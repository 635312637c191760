"""The command line as a person and a script meet it: exit codes, errors in both forms, pipes, signals, ports."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from scenario.cli_runs import PATIENCE_S, PROGRAM, end, error_of, line_of, run, running

from bethna.cli.boundary import exit_code
from bethna.cli.group import VERBS
from bethna.cli.port import explained, is_desk, url_of
from bethna.core.errors import AddressUnusable
from bethna.store.tapes import TapeWriter

TRADE = (
    b'{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100",'
    b'"T":1672515782136,"m":true,"M":true}'
)
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """A small tape of our own."""
    path = tmp_path / "small.jsonl.zst"
    with TapeWriter(path) as writer:
        writer.opened(
            0, "wss://stream.binance.com:9443/stream?streams=bnbbtc@trade", 1_672_515_782_000_000_000
        )
        writer.received(0, TRADE, 1_672_515_782_200_000_000)
    return path


# --- the group


def test_help_names_every_verb_and_the_exit_codes() -> None:
    done = run("--help")
    assert done.returncode == 0
    for verb in VERBS:
        assert f"  {verb} " in done.stdout.decode()
        assert run(verb, "--help").returncode == 0
    assert "130 Ctrl-C" in done.stdout.decode()


def test_help_imports_nothing_heavy() -> None:
    source = (
        "import sys; from bethna.cli import main; main(['--help']); "
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    unguarded = {name: value for name, value in os.environ.items() if name != "BETHNA_TEST_REFUSED"}
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True, env=unguarded
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1].replace("'", '"')))
    assert "click" in loaded
    assert not loaded & {
        "asyncio",
        "httpx",
        "litestar",
        "picows",
        "structlog",
        "uvicorn",
        "uvloop",
        "zstandard",
    }


def test_the_version_is_told() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout.decode().split()[0]) == (0, "bethna")


@pytest.mark.parametrize(
    "words",
    [
        ["nope"],
        ["up", "--nope"],
        ["up", "--port", "70000"],
        ["up", "--speed", "2"],
        ["up", "--loop"],
        ["decode"],
        ["audit"],
    ],
)
def test_wrong_usage_is_told_in_both_forms(words: list[str]) -> None:
    plain = run(*words)
    assert (plain.returncode, plain.stdout) == (2, b"")
    assert b"Usage:" in plain.stderr or b"Error:" in plain.stderr
    told = run(*words, "--json")
    assert told.returncode == 2
    assert error_of(told)["code"] == "usage"


@pytest.mark.parametrize(
    ("environment", "key"),
    [
        ({"BETHNA_PROT": "1"}, "BETHNA_PROT"),
        ({"BETHNA_TIMEOUT_S": "-1"}, "BETHNA_TIMEOUT_S"),
        ({"BETHNA_TRADE_STREAM": "binance=nope"}, "(variable BETHNA_TRADE_STREAM)"),
    ],
)
def test_a_wrong_setting_stops_before_anything_starts(
    environment: dict[str, str], key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in (["up", "--port", "0"], ["record"], ["audit", "--live", "BTCUSDT"]):
        told = run(*verb, "--json", environment={"BETHNA_DATA_DIR": str(tmp_path)} | environment)
        assert told.returncode == 2
        assert error_of(told)["code"] == "bad_setting"
        assert key in error_of(told)["message"]
        plain = run(*verb, environment={"BETHNA_DATA_DIR": str(tmp_path)} | environment)
        assert plain.returncode == 2
        assert "\nbethna: " in f"\n{plain.stderr.decode()}"
        assert key in plain.stderr.decode()


@pytest.mark.parametrize("name", ["BTC USDT", "../../x-USDT", "BTC-USDT@nowhere", "A" * 10_000])
def test_without_any_symbol_that_can_be_followed_nothing_starts(
    name: str, tape: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {"BETHNA_DATA_DIR": str(tmp_path / "data")}
    source = ["--source", f"tape:{tape}"]
    for verb in (["up", "--port", "0"], ["up", "--port", "0", *source], ["record", "new.jsonl.zst"]):
        told = run(*verb, "--symbol", name, "--json", environment=environment)
        assert told.returncode == 2
        assert error_of(told)["code"] in ("unknown_instrument", "bad_setting")
        assert (
            name.partition("@")[0][:40] in error_of(told)["message"]
            or "'nowhere'" in error_of(told)["message"]
        )
        assert len(error_of(told)["message"]) < 100
        assert not told.stderr
    assert not list(tmp_path.glob("new*"))


def test_the_settings_file_is_named_by_option_or_variable(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("port = 8123\n")
    for done in (
        run("--config", str(file), "doctor", "--offline", "--json"),
        run("doctor", "--offline", "--json", environment={"BETHNA_CONFIG": str(file)}),
    ):
        rows = {row["name"]: row for row in json.loads(done.stdout)["settings"]}
        assert rows["port"] == {"name": "port", "value": "8123", "origin": f"{file} line 1"}
    file.write_text("port = 0\n[venues.nowhere]\ntrade_stream = 'x'\n")
    assert "nowhere" in error_of(run("--config", str(file), "up", "--json"))["message"]
    file.write_text("port = 0\n[venues.coinbase]\nwire = 'exchange'\n")
    said = error_of(run("--config", str(file), "up", "--json"))["message"]
    assert said == f"wire of coinbase: expected advanced, found 'exchange' ({file} line 3)"
    file.write_bytes(b"\xff")
    for words in (["--config", str(file)], ["--config", str(tmp_path / "gone")], ["--config", str(tmp_path)]):
        assert error_of(run(*words, "up", "--json"))["code"] == "bad_setting"
    assert run("up", environment={"BETHNA_CONFIG": str(tmp_path / "gone")}).returncode == 2


# --- decode


def test_frames_in_objects_out() -> None:
    done = run("decode", "binance", "--ts", "1672515782200000", stdin=TRADE + b"\r\n\n" + TRADE)
    assert (done.returncode, done.stderr) == (0, b"")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first == second
    assert (first["type"], first["instrument"], first["side"]) == ("trade", "BNB-BTC@binance", "sell")
    assert (first["price"], first["quantity"], first["trade_id"]) == (0.001, 100.0, "12345")
    assert (first["ts_event"], first["ts_recv"]) == (1672515782136000, 1672515782200000)


def test_a_bad_frame_is_a_line_and_exit_code_1_and_the_rest_is_decoded() -> None:
    done = run("decode", "binance", "--json", stdin=b"\xff\xfe\n" + TRADE + b'\n{"e":"trade"}\n' + TRADE)
    assert (done.returncode, done.stderr) == (1, b"")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["type"] for line in lines] == ["error", "trade", "error", "trade"]
    assert set(lines[0]) == {"type", "code", "message", "excerpt"}
    assert lines[2]["excerpt"] == '{"e":"trade"}'


def test_nothing_in_nothing_out() -> None:
    done = run("decode", "binance")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_each_frame_is_answered_before_the_next_one_comes() -> None:
    with running("decode", "binance") as process:
        assert process.stdin is not None
        for _ in range(3):
            process.stdin.write(TRADE + b"\n")
            process.stdin.flush()
            assert line_of(process)["type"] == "trade"
        process.stdin.close()
        process.stdin = None
        assert process.wait(PATIENCE_S) == 0


@posix
def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.write_bytes((TRADE + b"\n") * 20_000)
    with frames.open("rb") as stdin:
        process = subprocess.Popen(
            [*PROGRAM, "decode", "binance"], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE_S) == 0


def test_a_line_without_an_end_is_damaged_input() -> None:
    done = run("decode", "binance", "--json", stdin=b"0" * ((64 << 20) + (1 << 17)))
    assert done.returncode == 4
    assert error_of(done)["code"] == "damaged_tape"


def test_an_unknown_venue_is_refused_with_what_there_is() -> None:
    done = run("decode", "binanse", "--json")
    assert done.returncode == 2
    assert "binance" in error_of(done)["hint"]


# --- up


@posix
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_the_desk_says_where_it_is_and_ends_when_told(tape: Path, how: signal.Signals, code: int) -> None:
    with running("up", "--source", f"tape:{tape}", "--speed", "max", "--port", "0", "--json") as process:
        said = line_of(process)
        assert (said["source"], said["pid"]) == (f"tape:{tape}", process.pid)
        assert asyncio.run(is_desk(said["url"]))
        found, errors = end(process, how)
        assert (found, errors.strip()) == (code, "")


def test_a_taken_port_names_the_desk_that_has_it(tape: Path) -> None:
    with running("up", "--source", f"tape:{tape}", "--port", "0", "--json") as process:
        url = line_of(process)["url"]
        port = url.rpartition(":")[2]
        told = run("up", "--port", port, "--json")
        assert told.returncode == 3
        assert f"a desk running at {url}" in error_of(told)["message"]
        assert f"open {url}" in error_of(told)["hint"]
        assert f"--port {int(port) + 1}" in error_of(told)["hint"]
        again = run("up", "--source", f"tape:{tape}", "--port", "0", "--json")
        assert again.returncode == 3
        assert error_of(again)["code"] == "store_unusable"
        assert f"process {process.pid} at {url}" in error_of(again)["message"]
        assert (
            b"a desk is running at " + url.encode()
            in run("doctor", "--offline", environment={"BETHNA_PORT": port}).stdout
        )


def test_a_port_that_another_program_has_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        told = run("up", "--port", port, "--json")
        assert told.returncode == 3
        assert "another program" in error_of(told)["message"]
        assert "--port" in error_of(told)["hint"]
        checked = run("doctor", "--offline", "--json", environment={"BETHNA_PORT": port})
        assert checked.returncode == 1


def test_an_address_that_is_not_ours_is_a_wrong_setting() -> None:
    error = AddressUnusable("192.0.2.1", 80, errno.EADDRNOTAVAIL, "not ours")
    assert explained(error).message == error.message
    assert exit_code(error) == 2
    assert exit_code(AddressUnusable("127.0.0.1", 80, errno.EADDRINUSE, "taken")) == 3


def test_a_desk_on_every_address_is_asked_on_the_loopback_one() -> None:
    assert url_of("0.0.0.0", 1) == "http://127.0.0.1:1"
    assert url_of("::", 1) == "http://[::1]:1"


def test_a_tape_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    for words in (["up", "--port", "0", "--source", f"tape:{tmp_path}/gone"], ["audit", f"{tmp_path}/gone"]):
        told = run(*words, "--json")
        assert told.returncode == 2
        assert "gone" in error_of(told)["message"]
    told = run("up", "--source", "tapes", "--json")
    assert (told.returncode, error_of(told)["code"]) == (2, "bad_setting")
    told = run("up", "--source", f"tape:{tmp_path}", "--record", "x.jsonl.zst", "--json")
    assert (told.returncode, error_of(told)["code"]) == (2, "usage")


def through_shell(line: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """The program with the streams that a shell gives it."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {line}', "sh", *PROGRAM, *words],
        input=TRADE,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )


@posix
@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("<&-", 2, "stdin closed"),
        (">&-", 2, "stdout closed"),
        ("0>/dev/null", 2, "found it unreadable"),
        (">/dev/full", 3, "No space left on device"),
        ("2>&-", 0, ""),
    ],
)
def test_a_stream_that_cannot_be_used_is_a_plain_error(line: str, code: int, said: str) -> None:
    if "full" in line and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = through_shell(line, "decode", "binance")
    assert done.returncode == code
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


@posix
@pytest.mark.parametrize("words", [("--json",), ()])
def test_an_audit_whose_answer_cannot_be_written_fails_plainly(tape: Path, words: tuple[str, ...]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    for wanted in (str(tape), "nowhere"):  # an answer, and an error
        done = through_shell(">/dev/full", "audit", wanted, *words)
        assert "Traceback" not in done.stderr.decode()
        if wanted == str(tape) or words:
            assert done.returncode == 3
            assert "bethna: cannot write to stdout: No space" in done.stderr.decode()
    assert through_shell(">&-", "audit", str(tape)).returncode == 0


@posix
def test_a_desk_that_cannot_say_where_it_is_ends_plainly(tape: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BETHNA_DATA_DIR", str(tmp_path))
        done = through_shell(">/dev/full", "up", "--source", f"tape:{tape}", "--port", "0")
    assert done.returncode == 3
    assert "bethna: cannot write to stdout: No space" in done.stderr.decode()


def test_a_recording_without_a_frame_is_damaged_input(tmp_path: Path) -> None:
    with TapeWriter(tmp_path / "opened.jsonl.zst") as writer:
        writer.opened(0, "wss://stream.binance.com:9443/stream", 1)
    (tmp_path / "empty.jsonl").touch()
    for name in (tmp_path / "empty.jsonl", tmp_path / "opened.jsonl.zst", os.devnull):
        told = run("audit", "--json", str(name))
        assert (told.returncode, error_of(told)["code"]) == (4, "damaged_tape")
        assert error_of(told)["message"] == "expected a recording, found no frame in it"
        plain = run("audit", str(name))
        assert (plain.returncode, plain.stdout) == (4, b"")
    for words in (("up", "--port", "0", "--source", f"tape:{tmp_path / 'empty.jsonl'}"),):
        told = run(*words, "--json")
        assert (told.returncode, error_of(told)["code"]) == (4, "damaged_tape")


def test_a_recording_without_a_name_is_wrong_usage() -> None:
    told = run("audit", "--json", "")
    assert (told.returncode, error_of(told)["code"]) == (2, "usage")
    assert "name of a recording" in error_of(told)["message"]


def test_a_tape_of_another_venue_is_told_without_a_stack_trace(tmp_path: Path) -> None:
    path = tmp_path / "foreign.jsonl.zst"
    with TapeWriter(path) as writer:
        writer.opened(0, "wss://ws.example.com/v2", 1)
        writer.received(0, b"{}", 2)
    done = run(
        "up", "--source", f"tape:{path}", "--port", "0", environment={"BETHNA_DATA_DIR": str(tmp_path)}
    )
    assert done.returncode == 2
    said = done.stderr.decode().splitlines()
    assert len(said) == 2
    assert "ws.example.com" in said[0]


def test_what_a_library_says_is_one_line_of_json(tape: Path, tmp_path: Path) -> None:
    environment = {"BETHNA_DATA_DIR": str(tmp_path), "BETHNA_LOG_FORMAT": "json"}
    words = ("up", "--source", f"tape:{tape}", "--speed", "0.001", "--port", "0", "--json")
    with running(*words, environment=environment) as process:
        port = int(line_of(process)["url"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as rude:
            rude.sendall(b"hello\r\n\r\n")
            rude.recv(100)
        code, errors = end(process, signal.SIGTERM)
    assert code == 0
    said = [json.loads(line) for line in errors.splitlines()]
    assert [line["said"] for line in said if line["event"] == "library_spoke"] == [
        "Invalid HTTP request received."
    ]


def test_a_client_that_is_cut_off_in_the_middle_of_its_request_is_no_error(
    tape: Path, tmp_path: Path
) -> None:
    environment = {"BETHNA_DATA_DIR": str(tmp_path), "BETHNA_LOG_FORMAT": "json"}
    words = ("up", "--source", f"tape:{tape}", "--speed", "0.001", "--port", "0", "--json")
    head = b"POST /api/v1/restart HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    with running(*words, environment=environment) as process:
        port = int(line_of(process)["url"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as slow:
            slow.sendall(head + b"content-length: 99\r\nexpect: 100-continue\r\n\r\n")
            assert b"100 Continue" in slow.recv(100)  # its body is waited for
            code, errors = end(process, signal.SIGTERM)
    assert code == 0
    said = [json.loads(line) for line in errors.splitlines()]
    assert any("graceful shutdown exceeded" in line.get("said", "") for line in said)
    assert {line["level"] for line in said} == {"info"}


def test_the_program_ends_with_the_code_of_main() -> None:
    assert PROGRAM[0] == sys.executable
    assert run("--version").returncode == 0
    assert run("--nope").returncode == 2
