"""The examples run as their docstrings say, in processes of their own, against a desk that plays a recording."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs.console import PATIENCE_S, ROOT, Reader

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
TAPE = Path("captures", "tapes", "binance_btcusdt_20240808.jsonl.zst")
HASH = "474daf6c73024eb665bc60dd35d1657adeadf4d4fc7ea882acfe5af681046c96"


def run(name: str, *words: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *words],
        cwd=cwd,
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
