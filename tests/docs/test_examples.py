"""The examples run as their docstrings say, in processes of their own, against a desk that plays a recording."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from docs.console import PATIENCE_S, ROOT, Reader
from python_runs import market

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
TAPE = Path("captures", "tapes", "binance_btcusdt_20240808.jsonl.zst")
HASH = "474daf6c73024eb665bc60dd35d1657adeadf4d4fc7ea882acfe5af681046c96"


def run(name: str, *words: str, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *words],
        cwd=cwd,
        env=None if environment is None else dict(environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_says_how_to_run_it(example: Path) -> None:
    docstring = ast.get_docstring(ast.parse(example.read_text())) or ""
    assert f"python3 examples/{example.name}" in docstring or f"python examples/{example.name}" in docstring


@pytest.mark.needs("shared")
def test_the_audit_in_python_prints_candles_with_their_coverage(shared_dir: Path, tmp_path: Path) -> None:
    printed = run("audit_a_tape.py", str(shared_dir / TAPE), "5m", cwd=tmp_path).splitlines()
    assert printed[0] == "BTC-USDT@binance, candles of 5m"
    assert printed[1].endswith("12.43238 in 875 trades, closed, incomplete, not watched")
    assert printed[2].endswith("61685.99, 199.42863 in 8863 trades, closed, complete")
    assert len(printed) == 6
    assert printed[-1] == f"state hash {HASH}"


@pytest.mark.needs("shared")
def test_the_clients_of_a_running_desk_see_its_prices(shared_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "btc.jsonl.zst").symlink_to(shared_dir / TAPE)
    with Reader(tmp_path, {}) as reader:
        reader.read("```console\n$ bethna up --source tape:btc.jsonl.zst --speed 20\nBethNa is at ...\n```\n")
        read = run("read_api.py", f"127.0.0.1:{reader.port}", cwd=tmp_path).splitlines()
        watched = run("watch_prices.py", f"ws://127.0.0.1:{reader.port}", "3", cwd=tmp_path)
    assert read[0] == "ok, source tape"
    assert re.fullmatch(r"BTC-USDT@binance  6\d{4}\.\d+  coverage complete", read[1])
    assert read[2].startswith("  book trusted, ")
    assert re.fullmatch(r"  minute of 17231\d{11}: \d+ trades, [\d.]+ traded", read[3])
    assert len(watched.splitlines()) == 3
    assert re.fullmatch(r"(BTC-USDT@binance  6\d{4}\.\d+  complete\n){3}", watched)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with market(int.from_bytes(os.urandom(4)), tmp_path_factory.mktemp("examples")) as found:
        yield found


def test_trades_are_printed_with_their_certificates(simulated: dict[str, str], tmp_path: Path) -> None:
    lines = run("stream_trades.py", "BTC-USDT", "5", cwd=tmp_path, environment=simulated).splitlines()
    trades = [line for line in lines if re.fullmatch(r"\d+  (buy |sell)  [\d.e-]+ at [\d.]+  complete", line)]
    assert len(trades) == 5
    ids = [int(line.split()[0]) for line in trades]
    assert ids == list(range(ids[0], ids[0] + 5))


def test_a_move_of_the_price_calls_back(simulated: dict[str, str], tmp_path: Path) -> None:
    lines = run("price_alert.py", "BTC-USDT", "0.01", "2", cwd=tmp_path, environment=simulated).splitlines()
    assert len(lines) >= 2
    assert all(
        re.fullmatch(r"BTC-USDT moved [+-]\d+\.\d\d bp to [\d.]+ \(complete\)", line) for line in lines
    )


def test_an_alert_is_armed_fires_and_says_why(simulated: dict[str, str], tmp_path: Path) -> None:
    lines = run("arm_an_alert.py", "BTC-USDT", "1", cwd=tmp_path, environment=simulated).splitlines()
    assert re.fullmatch(r"over \d+ trades it would have fired \d+ times", lines[0])
    assert re.fullmatch(r"a\d+ is armed: BTC-USDT@binance leaves [\d,.]+ to [\d,.]+, every time", lines[1])
    assert len(lines) == 4
    assert re.fullmatch(r"BTC-USDT left .* at [\d,.]+ \(complete\)", lines[2])
    assert lines[3].startswith("why: It fired at ")


def test_the_imbalance_of_a_book_is_a_share(simulated: dict[str, str], tmp_path: Path) -> None:
    lines = run("book_imbalance.py", "BTC-USDT", "5", "3", cwd=tmp_path, environment=simulated).splitlines()
    shares = [float(line.rpartition(" ")[2]) for line in lines if "imbalance" in line]
    assert len(shares) == 3
    assert all(-1 <= share <= 1 for share in shares)


def test_candles_become_a_frame(simulated: dict[str, str], tmp_path: Path) -> None:
    printed = run("candles_frame.py", "BTC-USDT", "1m", "30m", cwd=tmp_path, environment=simulated)
    assert "datetime[ns, UTC]" in printed
    assert re.search(r"^31 candles of 1m: \{'(traded|quiet)': \d+.*\}$", printed, re.MULTILINE), printed


NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
KERNEL = """
import asyncio, json, sys
from IPython.core.interactiveshell import InteractiveShell

async def main(path):
    shell = InteractiveShell.instance()
    for cell in json.load(open(path))["cells"]:
        if cell["cell_type"] == "code":
            text = "".join(cell["source"])
            done = await shell.run_cell_async(text, transformed_cell=shell.transform_cell(text))
            done.raise_error()
            print("said:", repr(done.result))

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_from_top_to_bottom(
    notebook: Path, simulated: dict[str, str], tmp_path: Path
) -> None:
    """As a kernel runs it: all cells in one loop, which goes on between them."""
    done = subprocess.run(
        [sys.executable, "-c", KERNEL, str(notebook)],
        cwd=tmp_path, env={**simulated, "IPYTHONDIR": str(tmp_path)},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    said = [line.removeprefix("said: ") for line in done.stdout.splitlines() if line.startswith("said: ")]
    assert said[0].startswith("('twin', None, Simulation(seed=")
    assert "(19, {'complete'})" in said


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_kept_without_what_a_run_leaves_behind(notebook: Path) -> None:
    cells = json.loads(notebook.read_text())["cells"]
    assert {cell["cell_type"] for cell in cells} == {"markdown", "code"}
    for cell in cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
