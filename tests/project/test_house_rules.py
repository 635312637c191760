"""The rules of the test run hold: a run of pytest inside the run, over a folder with our conftest and one file."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent


def run_pytest(folder: Path, source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    tests = folder / "tests"
    shutil.copytree(TESTS / "_child", tests / "_child")
    for name in ("conftest.py", "_requirements.py", "_network.py"):
        shutil.copy(TESTS / name, tests / name)
    (tests / "test_it.py").write_text(source)
    shutil.copy(ROOT / "pyproject.toml", folder / "pyproject.toml")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


NEEDY = """
import pytest

@pytest.mark.needs("shared", "command:no-such-program")
def test_needy() -> None:
    raise AssertionError("ran")

def test_content() -> None:
    pass
"""


def test_a_lack_is_named_with_its_reason_and_remedy(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, NEEDY, BETHNA_SHARED=str(tmp_path))
    assert done.returncode == 0
    section = done.stdout.partition("could not run")[2]
    assert "tests/test_it.py::test_needy" in section
    assert "no recordings" in section
    assert "set BETHNA_SHARED" in section
    assert "no no-such-program on the PATH" in section
    assert "test_content" not in section
    assert "1 passed, 1 skipped" in done.stdout


def test_a_lack_fails_when_strict(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, NEEDY, BETHNA_SHARED=str(tmp_path), BETHNA_TEST_STRICT="1")
    assert done.returncode == 1
    assert "could not run: no recordings" in done.stdout
    assert "1 passed, 1 error" in done.stdout


def test_an_unknown_need_is_refused(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, NEEDY.replace("command:no-such-program", "shard"))
    assert done.returncode != 0
    assert "needs 'shard', which tests/_requirements.py does not know" in done.stdout + done.stderr


OUTWARD = {
    "connect": "socket.create_connection(('192.0.2.1', 9), timeout=1)",
    "connect_ex": "with socket.socket() as s: s.connect_ex(('192.0.2.1', 9))",
    "look-up": "socket.getaddrinfo('venue.example', 443)",
    "datagram": "with socket.socket(type=socket.SOCK_DGRAM) as s: s.sendto(b'', ('192.0.2.1', 9))",
    "asyncio": "asyncio.run(asyncio.wait_for(asyncio.open_connection('192.0.2.1', 9), 1))",
    "child": "subprocess.run([sys.executable, '-c', 'import socket; socket.getaddrinfo(\"venue.example\", 443)'])",
}
UVLOOP = """
    import uvloop
    async def outward():
        await asyncio.get_running_loop().create_connection(asyncio.Protocol, '192.0.2.1', 9)
    uvloop.run(outward())
"""
SWALLOWS = """
import asyncio, contextlib, socket, subprocess, sys

def test_hides_it() -> None:
  with contextlib.suppress(OSError):
    {body}

def test_stays_here() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        socket.create_connection(("localhost", server.getsockname()[1])).close()
"""


@pytest.mark.parametrize("body", OUTWARD.values(), ids=OUTWARD.keys())
def test_reaching_out_fails_the_test_even_when_it_hides_the_refusal(tmp_path: Path, body: str) -> None:
    done = run_pytest(tmp_path, SWALLOWS.format(body=body))
    assert "the test reached beyond this machine" in done.stdout
    assert "2 passed, 1 error" in done.stdout


@pytest.mark.needs("module:uvloop")
def test_uvloop_is_guarded_too(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, SWALLOWS.format(body=UVLOOP))
    assert "the test reached beyond this machine: uvloop.create_connection to '192.0.2.1'" in done.stdout


SEEDED = """
from hypothesis import given, strategies as st

def test_seed(seed: int) -> None:
    print("drew", seed)

@given(st.integers())
def test_given(n: int) -> None:
    print("given", n)
"""


def test_a_seed_runs_the_same_again(tmp_path: Path) -> None:
    def drawn(name: str, seed: str) -> list[str]:
        done = run_pytest(tmp_path / name, SEEDED, BETHNA_TEST_SEED=seed, PYTEST_ADDOPTS="-s")
        assert f"BETHNA_TEST_SEED={seed}" in done.stdout
        return [line for line in done.stdout.splitlines() if "drew" in line or "given" in line]

    first = drawn("a", "7")
    assert len(first) > 50
    assert drawn("b", "7") == first
    assert drawn("c", "8") != first
