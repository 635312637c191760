"""The UI's own unit tests (vitest), as one test of this run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.needs("node")
@pytest.mark.timeout(300)
def test_the_ui_passes_its_own_tests() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/node.py", "npm", "run", "--silent", "test"],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
