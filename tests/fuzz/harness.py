"""What the fuzz targets of all venues share: the doors of an input, changes that keep JSON well-formed, the run.

A target is a program (`make fuzz`; not collected by pytest) that hands its venue's part to `Fuzzer`. What must hold of
every fact stands in `sound_facts`. Nothing here knows a venue.

The first byte of an input is its door. The doors below `first_path` are the sockets, the venue's own business; those
from there on are REST answers to the paths that we ask for, in turn, and OWN_PATH one to a path that stands in front
of the body, on a line of its own.
"""

import copy
import json
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["bethna"]):
    from sound_facts import Answerer, Decoder, Promise, answer, outcome, places, says_it_once

OWN_PATH = 0xFF
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63 - 1, 1 << 63, 1 << 70, 1e400, -1e-400, 1e-320, 0.1, "", "0", "-1", "NaN", "Infinity"),
    *("1e999", "0x10", "1_0", "0.-10000", "\u0661", "\ud800", "\u00df@", "A" * 200, "1" * 400, [], {}, [[]], [["1"]]),
)  # fmt: skip
"""Values that no venue means, or that only one of them could."""


def written(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def told_alike(seasoned: Decoder, fresh: Decoder, message: bytes, now: int, promise: Promise) -> None:
    """A codec that has lived through all inputs says of every message what a fresh one says.

    One that is new for every input would hide what one frame leaves behind for the next.
    """
    events = outcome(seasoned, message, now, promise)
    if outcome(fresh, message, now, lambda _: None) != events and says_it_once(message):
        raise AssertionError(f"what the codec had seen before changed what it said: {events}")


@dataclass(frozen=True)
class Fuzzer:
    """One venue's target.

    Attributes:
        hear: takes the door of a socket and what came through it; raises on a finding.
        answerer: the codec that reads the answer to a path.
        promise: what must hold of every fact, soundness included.
        paths: what we ask for; door `first_path` is an answer to the first of them.
        seeds: inputs, the first byte of each its door; all but a few are JSON behind it.
        odd, keys: values and keys to put where others stand.
        now: when everything arrives, ns UTC.
        conversations: for sockets that hear several messages, one a line, by door: messages to put between.
        number: the key by which such messages are counted.
    """

    hear: Callable[[int, bytes], None]
    answerer: Callable[[str], Answerer]
    promise: Promise
    first_path: int
    paths: Sequence[str]
    seeds: Sequence[bytes]
    odd: Sequence[Any]
    keys: Sequence[str]
    now: int
    conversations: dict[int, Sequence[bytes]] | None = None
    number: str | None = None

    def one_input(self, raw: bytes) -> None:
        door, message = raw[0] if raw else 0, raw[1:]
        if door < self.first_path:
            self.hear(door, message)
            return
        path = self.paths[(door - self.first_path) % len(self.paths)]
        if door == OWN_PATH:
            head, _, message = message.partition(b"\n")
            path = head.decode("utf-8", "replace")
        answer(self.answerer(path), path, message, self.now, self.promise)

    # where inputs come from

    def mutate(self, raw: bytes, longest: int, seed: int) -> bytes:
        """Half the time changes that leave JSON well-formed, which bytes at random seldom do.

        A part of them starts from a seed again: the corpus forgets a spelling that reaches no new line of Python, and
        what msgspec does with it cannot be seen.
        """
        rng = random.Random(seed)
        if rng.random() < 0.5:
            mutated: bytes = atheris.Mutate(raw, longest)
            return mutated
        if not raw or rng.random() < 0.3:
            raw = rng.choice(self.seeds)
        between = (self.conversations or {}).get(raw[0])
        if between is None:
            return self._other_frame(raw, rng)[:longest]
        return self._other_conversation(raw, between, rng)[:longest]

    def _other_frame(self, raw: bytes, rng: random.Random) -> bytes:
        """One message, changed; a seed in its place where it is no JSON."""
        head, text = self._split(raw)
        changed = self._changed(text, rng)
        while changed is None:
            head, text = self._split(rng.choice(self.seeds))
            changed = self._changed(text, rng)
        return head + changed

    @staticmethod
    def _split(raw: bytes) -> tuple[bytes, bytes]:
        """What stands before the JSON, the door and with OWN_PATH the path, and the JSON."""
        end = raw.find(b"\n") + 1 if raw[0] == OWN_PATH else 0
        return raw[: end or 1], raw[end or 1 :]

    def _other_conversation(self, raw: bytes, between: Sequence[bytes], rng: random.Random) -> bytes:
        """One message, changed, and sometimes one more: it is the order that leaves something behind."""
        lines = raw[1:].split(b"\n")
        at = rng.randrange(len(lines))
        if rng.random() < 0.4:
            lines.insert(at, rng.choice(between) if rng.random() < 0.7 else rng.choice(lines))
        lines[at] = self._changed(lines[at], rng, one_line=True) or lines[at]
        return raw[:1] + b"\n".join(lines)

    def _changed(self, text: bytes, rng: random.Random, *, one_line: bool = False) -> bytes | None:
        """JSON with one to three of its places changed, None where the standard library cannot read or write it."""
        try:
            value = json.loads(text)
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                self._change(value, rng)
            separators = (",", ":") if one_line or rng.random() < 0.8 else (", ", " : ")
            return json.dumps(value, separators=separators).encode()
        except (ValueError, RecursionError):
            return None

    def _change(self, value: Any, rng: random.Random) -> None:
        """One change of one place: another value, another place's value, another key, last of all, or gone."""
        if (
            self.number is not None
            and isinstance(value, dict)
            and self.number in value
            and rng.random() < 0.2
        ):
            value[self.number] = rng.randrange(12)
            return
        spots = places(value)
        if not spots:
            return
        container, key = rng.choice(spots)
        kind = rng.randrange(5)
        if kind == 0:
            container[key] = copy.deepcopy(rng.choice(self.odd))
        elif kind == 1:
            other, other_key = rng.choice(spots)
            container[key] = copy.deepcopy(other[other_key])
        elif kind == 2 and isinstance(container, dict):
            container[rng.choice(self.keys)] = container.pop(key)
        elif kind == 3 and isinstance(container, dict):
            container[key] = container.pop(key)
        else:
            del container[key]

    # the run

    def run(self) -> None:
        """Every seed once, then libFuzzer by the arguments of the command line, the first folder being the corpus."""
        with tempfile.TemporaryDirectory(prefix="bethna-fuzz-") as scratch:
            folders = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
            corpus = Path(folders[0]) if folders else Path(scratch)
            for number, seed in enumerate(self.seeds):
                self.one_input(seed)
                if corpus.is_dir():  # not when libFuzzer is to run one kept finding again
                    (corpus / f"seed-{number}").write_bytes(seed)
            arguments = [*sys.argv, *(() if folders else (scratch,))]
            atheris.Setup(arguments, self.one_input, custom_mutator=self.mutate)
            atheris.Fuzz()
