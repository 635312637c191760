"""Run the fuzz targets (tests/fuzz/fuzz_*.py), each for its share of the time; what they find is kept and fails.

    python scripts/fuzz.py [--seconds 600] [NAME ...]

A target is a program for atheris: it reads its corpus from the folders it is handed and raises on a finding. What was
learned stays in `.fuzz/corpus/NAME`, and a finding in `.fuzz/findings/`. Standard library only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from common import ROOT, VENV_PYTHON, StepFailed, answers, installer, run, say

LOCK = ROOT / "requirements-fuzz.lock"
HOME = ROOT / ".fuzz"


def ensure_fuzzer() -> None:
    if answers([VENV_PYTHON, "-c", "import atheris"]) is None:
        say(f"installing {LOCK.name}")
        try:
            run([*installer(VENV_PYTHON), "--require-hashes", "--no-deps", "-r", LOCK])
        except StepFailed as failure:
            raise StepFailed(f"the fuzzer has builds for Linux on x86-64 only: {failure}") from failure


def fuzz(target: Path, seconds: int) -> None:
    name = target.stem.removeprefix("fuzz_")
    corpus, findings = HOME / "corpus" / name, HOME / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    say(f"fuzzing {name} for {seconds} s")
    run([VENV_PYTHON, target, corpus, f"-max_total_time={seconds}", f"-artifact_prefix={findings}/{name}-"])


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=int, default=600, help="for all targets together (default 600)")
    options.add_argument("names", nargs="*", metavar="NAME", help="only these targets")
    chosen = options.parse_args()
    targets = {path.stem.removeprefix("fuzz_"): path for path in sorted(ROOT.glob("tests/fuzz/fuzz_*.py"))}
    unknown = [name for name in chosen.names if name not in targets]
    if unknown or not targets:
        say(f"no target {', '.join(unknown) or 'at all'}; there are: {', '.join(targets) or 'none'}")
        return 2
    names = chosen.names or list(targets)
    failed = []
    try:
        ensure_fuzzer()
        for name in names:
            try:
                fuzz(targets[name], chosen.seconds // len(names))
            except StepFailed as failure:
                say(f"{name}: {failure}")
                failed.append(name)
    except StepFailed as failure:
        say(f"fuzzing stopped: {failure}")
        return 3
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
