"""Probe a desk's HTTP API with schemathesis: what its description allows must be answered, what it forbids refused.

    python scripts/probe.py [ARGUMENTS OF SCHEMATHESIS ...]

The desk runs on a simulated market in a data folder of its own and ends with the probe; schemathesis lives in `.probe`,
since its pins are not ours. Standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from common import BIN, ROOT, StepFailed, digest, installer, run, say

LOCK = ROOT / "requirements-probe.lock"
HOME = ROOT / ".probe"
PROBE = HOME / BIN.name
STAMP = HOME / ".made-from"
FAILED, UNAVAILABLE = 1, 3


def ensure_probe() -> None:
    made_from = digest([LOCK])
    if STAMP.is_file() and STAMP.read_text() == made_from:
        return
    say(f"installing {LOCK.name} into {HOME.name}")
    venv.create(HOME, clear=True, with_pip=True)
    run([*installer(PROBE / "python"), "--require-hashes", "--no-deps", "-r", LOCK])
    STAMP.write_text(made_from)


def probe(arguments: list[str], folder: Path) -> int:
    surroundings = {
        **os.environ,
        "BETHNA_DATA_DIR": str(folder),
        "BETHNA_SOURCE": "twin",
        "BETHNA_API_RATE_PER_S": "0",  # what is probed is what the routes say, not how often they may be asked
    }
    with (folder / "desk.log").open("w") as log:
        desk = subprocess.Popen(
            [str(BIN / "bethna"), "up", "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            env=surroundings,
            text=True,
        )
        try:
            assert desk.stdout is not None
            line = desk.stdout.readline()
            if not line:
                raise StepFailed(f"the desk did not start: {(folder / 'desk.log').read_text()[-400:]}")
            url = json.loads(line)["url"]
            say(f"probing {url}")
            wanted = [
                str(PROBE / "schemathesis"),
                "run",
                f"{url}/schema/openapi.json",
                "--suppress-health-check=all",
            ]
            found = subprocess.run([*wanted, *arguments], cwd=folder, check=False).returncode
        finally:
            desk.terminate()
            ended = desk.wait(30)
    said = (folder / "desk.log").read_text()
    if ended or "Traceback" in said or "internal_error" in said:
        say(f"the desk ended with {ended}; its log: {said[-2000:]}")
        return FAILED
    return FAILED if found else 0


def main() -> int:
    try:
        ensure_probe()
        with tempfile.TemporaryDirectory(prefix="bethna-probe-") as folder:
            return probe(sys.argv[1:], Path(folder))
    except StepFailed as failure:
        say(f"probe stopped: {failure}")
        return UNAVAILABLE


if __name__ == "__main__":
    sys.exit(main())
