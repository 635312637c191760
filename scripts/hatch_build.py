"""Hatch build hook: a wheel and an sdist carry the built UI, so whoever installs them needs no Node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class UiBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's generic has no public config type
    """Builds `src/bethna/web_dist` when it is missing or older than `web/`; an editable install does without."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        # A process of its own: a build backend runs with an import path of its own making.
        script = Path(self.root) / "scripts" / "ui.py"
        status = subprocess.run([sys.executable, str(script)], cwd=self.root, check=False).returncode
        if status != 0 or not (Path(self.root) / "src/bethna/web_dist/index.html").is_file():
            raise RuntimeError("the wheel needs the built UI and there is none: see the lines above")
