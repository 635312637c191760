"""Downloads that are killed at any moment: what was told is there, nothing twice, and the next one goes on from there.

`make soak ARGS="tests/scenario/test_killed_downloads.py"` kills a hundred times.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import Campaign
from killed.download import BTC, PAGE

from bethna.core.bars import BarKind
from bethna.core.intervals import Interval
from bethna.store.candles.shelf import CandleShelf

MINUTE = 60 * 10**9
START = 1_706_745_600 * 10**9  # 2024-02-01 00:00 UTC
TESTS = Path(__file__).parents[1]


def truth(minute: int) -> tuple[float, float, int]:
    """Close, volume and trades of a minute; every seventh is quiet."""
    quiet = minute % 7 == 3
    return 100 + minute % 1009 / 8, 0.0 if quiet else minute % 13 + 0.125, 0 if quiet else minute % 5 + 1


class Asked:
    """How many rows the server was asked for."""

    def __init__(self) -> None:
        self.rows = 0


@contextmanager
def served(asked: Asked) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            start, limit = int(query["startTime"][0]) * 10**6, int(query["limit"][0])
            rows = []
            for number in range(limit):
                at = start + number * MINUTE
                close, volume, trades = truth((at - START) // MINUTE)
                told = [at // 10**6, "100", "300", "50", f"{close}", f"{volume}", (at + MINUTE) // 10**6 - 1]
                rows.append([*told, "1", trades, "1", "1", "0"])
            asked.rows += len(rows)
            body = json.dumps(rows).encode()
            with suppress(OSError):  # it was killed
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None: ...  # who asked was killed

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def download(folder: Path, url: str, end: int) -> subprocess.Popen[str]:
    paths = os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", "")))
    return subprocess.Popen(
        [sys.executable, "-m", "killed.download", str(folder), url, str(START), str(end)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip


def check(folder: Path) -> int:
    """Everything in the store is true and there once; how much there is, and whether it has no hole."""
    told: list[str] = []
    shelf = CandleShelf(folder, lambda: 0, told.append)
    shelf.open()
    bars = shelf.bars(BTC.id, Interval.M1, 0, 2**62)
    shelf.close()
    assert told == [], "nothing is damaged by a kill"
    for number, bar in enumerate(bars):  # pages come in order: no hole, nothing twice
        close, volume, trades = truth(number)
        assert (bar.open_time, bar.close) == (START + number * MINUTE, close)
        assert (bar.volume, bar.trades, bar.revision) == (volume, trades, 0)
        assert bar.kind is (BarKind.TRADED if trades else BarKind.QUIET)
    return len(bars)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
def test_killed_downloads_go_on(campaign: Campaign, tmp_path: Path) -> None:
    rng, asked = Random(campaign.seed), Asked()
    kills, cut, there = campaign.count(share=3, whole=100), 0, 0
    wanted = 4_000 * (kills + 1)
    end = START + wanted * MINUTE
    with served(asked) as url:
        for _ in range(kills):
            with download(tmp_path, url, end) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                try:
                    process.wait(rng.uniform(0.0, 2.0))
                except subprocess.TimeoutExpired:
                    cut += 1
                    process.kill()
                    process.wait()
            found = check(tmp_path)
            assert found >= there, f"seed {campaign.seed}"
            there = found
        with download(tmp_path, url, end) as process:
            told, errors = process.communicate(timeout=3_000)
        assert told.splitlines()[-1] == f"done {wanted} 0", errors
    assert check(tmp_path) == wanted
    assert cut > 0
    assert asked.rows <= wanted + (cut + 1) * 2 * PAGE, "what was there was not asked for again"
    print(f"{cut} kills, {wanted} bars, {asked.rows} asked for")
