"""Runs the listings of a page of docs/ the way a reader would: its shell blocks and Python blocks, from top to bottom.

    ```console      each line `$ COMMAND` is run in the page's folder, which holds the recording btc.jsonl.zst. The
                    lines below it are all that it prints, stdout and stderr; `...` stands for anything.
    ```python       is run to its end
    ```json         is JSON, whole or line by line
    ```sh           is not run: it needs a network, a bare machine or somebody's consent

Rules
  1. A command succeeds, or the next one is `echo $?`.
  2. `bethna up` that announces itself is a desk: it is left running until the page ends. `make run ARGS="..."` is the
     same command after the set-up, which is not done here. `bethna twin VENUE` is left running in the same way.
  3. Every desk gets a free port; commands say 8700 and so does the output that is compared. Twins: 9700.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PORT = "8700"
TWIN_PORT = "9700"
PATIENCE_S = 60
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MAKE_RUN = re.compile(r'make run(?: ARGS="(.*)")?')


@dataclass(frozen=True)
class Block:
    """One fenced listing and the line of the page that it begins at."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Command:
    """One `$` line and what the page says it prints."""

    text: str
    printed: str


def blocks(page: str) -> Iterator[Block]:
    """Every fenced listing that names its language."""
    for found in _BLOCK.finditer(page):
        yield Block(found[1], found[2], page.count("\n", 0, found.start()) + 1)


def commands(block: Block) -> list[Command]:
    """The commands of a console block. One that ends in a backslash goes on in the next line."""
    text = block.text.replace("\\\n", "")
    found = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    assert not found[0].strip(), f"line {block.line}: a console block begins with a command"
    return [Command(*pair) for pair in zip(found[1::2], found[2::2], strict=True)]


def check_json(text: str) -> None:
    """JSON as a whole, or each line of it."""
    try:
        json.loads(text)
    except ValueError:
        for line in text.splitlines():
            json.loads(line)


def agrees(printed: str, found: str) -> bool:
    """Whether the output is what the page says; `...` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in printed.strip().split("..."))
    return re.fullmatch(pattern, found.strip(), re.DOTALL) is not None


class Reader:
    """Somebody who types the page into a terminal. `surroundings` are variables on top of ours."""

    def __init__(self, folder: Path, surroundings: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "BETHNA_DATA_DIR": str(folder / "data"),
            "BETHNA_PORT": "0",
            "BETHNA_LOG_LEVEL": "error",
            "COLUMNS": "100",
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            **surroundings,
        }
        self.port = PORT
        self.twin_port = TWIN_PORT
        self.desks: list[subprocess.Popen[str]] = []
        self._code = 0

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        codes = []
        for desk in self.desks:
            desk.terminate()
            codes.append(desk.wait(PATIENCE_S))
            if desk.stdout is not None:
                desk.stdout.close()
        assert codes == [0] * len(codes), f"desks ended with {codes}"

    def read(self, page: str) -> int:
        """Do what the page says; how many listings were run."""
        done = 0
        for block in blocks(page):
            if block.kind == "console":
                self._console(block)
            elif block.kind == "python":
                self._python(block)
            elif block.kind == "json":
                check_json(block.text)
            else:
                continue
            done += 1
        self._settled("the page's last command")
        return done

    def _console(self, block: Block) -> None:
        for command in commands(block):
            if command.text != "echo $?":  # rule 1
                self._settled(command.text)
            found = self._run(command.text)
            assert agrees(command.printed, found), (
                f"line {block.line}: $ {command.text}\n--- the page says\n{command.printed}--- it prints\n{found}"
            )

    def _settled(self, before: str) -> None:
        assert self._code == 0, f"a command before `{before}` failed with {self._code} and nobody looked"

    def _run(self, text: str) -> str:
        made = _MAKE_RUN.fullmatch(text)
        if made is not None:  # rule 2
            text = f"bethna up {made[1] or ''}"
        if text == "echo $?":
            code, self._code = self._code, 0
            return str(code)
        text = text.replace(PORT, self.port).replace(TWIN_PORT, self.twin_port)
        stays = text.startswith(("bethna up", "bethna twin binance"))
        if text.startswith("bethna twin binance"):
            text += " --port 0"  # rule 3
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {text}" if stays else text],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if text.startswith("bethna up"):
            return self._desk(process)
        if stays:
            return self._twin(process)
        printed, _ = process.communicate(timeout=PATIENCE_S)
        self._code = process.returncode
        return printed.replace(self.port, PORT).replace(self.twin_port, TWIN_PORT)

    def _twin(self, process: subprocess.Popen[str]) -> str:
        """Up to its announcement, or to its end when it does not start."""
        printed = ""
        assert process.stdout is not None
        for line in process.stdout:
            printed += line
            found = re.search(r"^Streams at ws://127\.0\.0\.1:(\d+),", line)
            if found is not None:
                self.desks.append(process)
                self.twin_port = found[1]
                return printed.replace(self.twin_port, TWIN_PORT)
        process.stdout.close()
        self._code = process.wait(PATIENCE_S)
        return printed

    def _desk(self, process: subprocess.Popen[str]) -> str:
        """Up to its announcement, or to its end when it does not start."""
        printed = ""
        assert process.stdout is not None
        for line in process.stdout:
            printed += line
            found = re.search(r"BethNa is at http://127\.0\.0\.1:(\d+) \((\w+)", line)
            if found is not None:
                self.desks.append(process)
                self.port = self.environment["BETHNA_PORT"] = found[1]  # rule 3
                if found[2] == "tape" or "BETHNA_HOSTS" in self.environment:
                    wait_for_a_price(self.port)
                return printed.replace(self.port, PORT)
        process.stdout.close()
        self._code = process.wait(PATIENCE_S)
        return printed.replace(self.port, PORT)

    def _python(self, block: Block) -> None:
        done = subprocess.run(
            [sys.executable, "-c", block.text.replace(PORT, self.port)],
            cwd=self.folder,
            env={
                "BETHNA_SOURCE": "twin",
                **self.environment,
            },  # a program's own desk looks for no live market here
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"line {block.line}: {done.stderr}"


def wait_for_a_price(port: str) -> None:
    """A reader is slower than a desk: return when the first trade has been seen."""
    with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as socket:
        socket.send('{"op": "subscribe", "topics": ["prices"]}')
        while True:
            rows = json.loads(socket.recv(timeout=PATIENCE_S))["data"].get("prices", [])
            if any(row["price"] is not None for row in rows):
                return
