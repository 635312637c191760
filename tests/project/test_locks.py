"""The locks hold what pyproject.toml asks for, and the pins agree."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent.parent


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    return {found[1]: found[2] for line in lines if (found := re.match(r"([a-z0-9.-]+)==(\S+)", line))}


def test_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    asked = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-build.lock": groups["build"],
        "requirements-dev.lock": [entry for entry in groups["dev"] if isinstance(entry, str)],
        "requirements-probe.lock": groups["probe"],
        "requirements-node.lock": [
            line
            for line in (ROOT / "requirements-node.in").read_text().splitlines()
            if not line.startswith("#")
        ],
    }
    for name, wanted in asked.items():
        locked = pins(name)
        for requirement in map(Requirement, wanted):
            assert canonicalize_name(requirement.name) in locked, (
                f"{name} lacks {requirement.name}: make lock"
            )
            assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), (
                f"{name}: {requirement}: make lock"
            )


def test_the_build_backend_is_the_pinned_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["build-system"]["requires"] == [
        f"hatchling=={pins('requirements-build.lock')['hatchling']}"
    ]


def test_a_developer_has_the_same_pins() -> None:
    dev = pins("requirements-dev.lock")
    for name in ("requirements.lock", "requirements-build.lock"):
        assert pins(name).items() <= dev.items()


def test_every_pin_has_hashes() -> None:
    for path in ROOT.glob("requirements*.lock"):
        text = path.read_text()
        assert text.count(" \\\n    --hash=sha256:") >= len(pins(path.name)) > 0
