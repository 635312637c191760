"""Run the fuzz targets (tests/fuzz) in turn, each for its share of the time; what they find is kept and fails.

    python scripts/fuzz.py [--seconds 600] [VENUE ...]

A target is a program for atheris: it reads its corpus from the folder it is handed and raises on a finding. The fuzzer
lives in `.fuzz/packages` beside `.venv`, not in it. What was learned stays in `.fuzz/corpus/VENUE`, and a finding in
`.fuzz/findings/`; the venues after it have their turn all the same. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from common import ROOT, VENV_PYTHON, StepFailed, answers, digest, installer, run, say

LOCK = ROOT / "requirements-fuzz.lock"
HOME = ROOT / ".fuzz"
PACKAGES = HOME / "packages"
STAMP = HOME / ".made-from"
PREFIX, SUFFIX = "fuzz_", "_codec"


def ensure_fuzzer() -> None:
    made_from = digest([LOCK], answers([VENV_PYTHON, "-V"]) or "")
    if STAMP.is_file() and STAMP.read_text() == made_from:
        return
    say(f"installing {LOCK.name} into {PACKAGES.relative_to(ROOT)}")
    shutil.rmtree(PACKAGES, ignore_errors=True)
    try:
        run(
            [*installer(VENV_PYTHON), "--require-hashes", "--no-deps", "--target", PACKAGES, "-r", LOCK],
        )
    except StepFailed as failure:
        raise StepFailed(f"the fuzzer has builds for Linux on x86-64 only: {failure}") from failure
    STAMP.write_text(made_from)


def fuzz(venue: str, target: Path, seconds: int) -> None:
    corpus, findings = HOME / "corpus" / venue, HOME / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    say(f"fuzzing {venue} for {seconds} s")
    run(
        [VENV_PYTHON, target, corpus, f"-max_total_time={seconds}", f"-artifact_prefix={findings}/{venue}-"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(PACKAGES), str(ROOT / "tests")))},
    )


def main() -> int:
    found = sorted(ROOT.glob(f"tests/fuzz/{PREFIX}*{SUFFIX}.py"))
    targets = {path.stem.removeprefix(PREFIX).removesuffix(SUFFIX): path for path in found}
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=int, default=600, help="for all venues together (default 600)")
    options.add_argument("venues", nargs="*", metavar="VENUE", help=f"only these of {', '.join(targets)}")
    chosen = options.parse_args()
    unknown = [venue for venue in chosen.venues if venue not in targets]
    if unknown or not targets:
        say(f"no target {', '.join(unknown) or 'at all'}; there are: {', '.join(targets) or 'none'}")
        return 2
    venues = chosen.venues or list(targets)
    share = max(1, chosen.seconds // len(venues))  # to libFuzzer no seconds are for ever
    failed = []
    try:
        ensure_fuzzer()
        for venue in venues:
            try:
                fuzz(venue, targets[venue], share)
            except StepFailed as failure:
                say(f"{venue}: {failure}")
                failed.append(venue)
    except StepFailed as failure:
        say(f"fuzzing stopped: {failure}")
        return 3
    if failed:
        say(f"findings in {', '.join(failed)}: see {(HOME / 'findings').relative_to(ROOT)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
