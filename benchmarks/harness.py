"""The measuring side: starts contestants, lets them take turns, checks each answer. It times nothing itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

from benchmarks import indicators, oracle, venue_oracle
from benchmarks.contest import INDICATORS, Outcome, Work
from benchmarks.environments import PEERS, Missing, interpreter
from benchmarks.frames import PROJECT

OURS, UNCOVERED, PROBE = "ours", "uncovered", "probe"
NAMES = (OURS, UNCOVERED, PROBE, *(peer.name for peer in PEERS))


class WrongAnswerError(Exception):
    """A contestant did not do the work: the run is worth nothing."""


@dataclass(slots=True)
class Result:
    """Microseconds of CPU a message, one figure a round."""

    rounds: list[float] = field(default_factory=list)
    passes: int = 0

    @property
    def us(self) -> float:
        return median(self.rounds)


class Process:
    """A contestant in a process of its own. Raises Missing if it cannot say hello."""

    def __init__(self, name: str, python: str, module: str) -> None:
        self.name = name
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed below
        self._process = subprocess.Popen(
            [python, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": path},
        )
        try:
            self.versions: dict[str, str] = self.ask("hello")["versions"]
        except WrongAnswerError as error:
            self.close()
            raise Missing(str(error)) from error

    def ask(self, op: str, **more: Any) -> dict[str, Any]:
        process = self._process
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(json.dumps({"op": op, **more}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WrongAnswerError(f"its process ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if not answer["ok"]:
            raise WrongAnswerError(f"{answer['error']}: {answer['message']}")
        return answer

    def close(self) -> None:
        self._process.communicate()
        self._errors.close()

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        return (self._errors.read().strip().splitlines() or ["no word from it"])[-1]


class Field:
    """Everybody who takes part, and by name and reason everybody who does not."""

    def __init__(self, skip: Iterable[str], extra_pythons: Iterable[str], say: Callable[[str], None]) -> None:
        self.present: list[Process] = []
        self.missing: dict[str, str] = {}
        self._say = say
        self._start(OURS, "benchmarks.ours", skip, lambda: sys.executable)
        self._start(UNCOVERED, "benchmarks.uncovered", skip, lambda: sys.executable)
        self._start(PROBE, "benchmarks.probe", skip, lambda: sys.executable)
        for peer in PEERS:
            self._start(peer.name, peer.module, skip, partial(interpreter, peer, extra_pythons, say))

    def __enter__(self) -> Field:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.present:
            process.close()

    def named(self, name: str) -> Process | None:
        return next((process for process in self.present if process.name == name), None)

    def compete(self, works: dict[str, Work], rounds: int) -> dict[str, dict[str, Result]]:
        """Contest by contest: one round nobody counts, then `rounds` in which everybody has a turn."""
        results: dict[str, dict[str, Result]] = {}
        with tempfile.TemporaryDirectory(prefix="bethna-bench-") as folder:
            for contest, work in works.items():
                expected = _replay(work)
                players = self._load(contest, work, Path(folder, f"{contest}.json"))
                results[contest] = {process.name: Result() for process in players}
                for number in range(rounds + 1):
                    self._say(
                        f"{contest}: round {number} of {rounds}" if number else f"{contest}: warming up"
                    )
                    for process in players:
                        answer = _checked(process, contest, expected)
                        if number:
                            result = results[contest][process.name]
                            result.rounds.append(answer["us"])
                            result.passes += answer["passes"]
        return results

    def profile(self, work: Work) -> str:
        ours = self.named(OURS)
        if ours is None:
            return f"{OURS}: {self.missing[OURS]}"
        with tempfile.TemporaryDirectory(prefix="bethna-bench-") as folder:
            self._load(work.contest, work, Path(folder, "profile.json"))
            text: str = ours.ask("profile", contest=work.contest)["text"]
        return text

    def _load(self, contest: str, work: Work, path: Path) -> list[Process]:
        """Those who play it."""
        work.save(path)
        return [
            process
            for process in self.present
            if process.ask("load", contest=contest, path=str(path))["plays"]
        ]

    def _start(self, name: str, module: str, skip: Iterable[str], python: Callable[[], str]) -> None:
        if name in skip:
            self.missing[name] = "skipped on request"
            return
        try:
            self.present.append(Process(name, python(), module))
        except Missing as reason:
            unbuilt = name == OURS and str(reason).startswith("ImportError")
            self.missing[name] = f"not built yet ({reason})" if unbuilt else str(reason)
            self._say(f"{name}: {self.missing[name]}")


def _replay(work: Work) -> Outcome:
    if work.contest == INDICATORS:
        return indicators.replay(work)
    return venue_oracle.replay(work) if work.of_venues else oracle.replay(work)


def _checked(process: Process, contest: str, expected: Outcome) -> dict[str, Any]:
    try:
        answer = process.ask("round", contest=contest)
    except WrongAnswerError as error:
        raise WrongAnswerError(f"{process.name} in {contest}: {error}") from error
    found = answer["outcome"]
    if found["top"] is not None:
        found["top"] = tuple(found["top"])
    found["figures"] = tuple(found["figures"])
    outcome = Outcome(**found)
    if not outcome.agrees(expected):
        raise WrongAnswerError(f"{process.name} in {contest}: expected {expected}, found {outcome}")
    return answer
