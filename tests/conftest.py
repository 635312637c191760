"""House rules of the test run: no silent skip, fresh seeds that can be run again, nothing leaves this machine.

@pytest.mark.needs("shared", "chromium")     skipped and named at the end where it is missing; fails if strict
BETHNA_TEST_STRICT=1                         a lack is a failure
BETHNA_TEST_SEED=123                         the run with that seed again (the header prints the seed)
BETHNA_TEST_SOAK=1                           campaigns run whole (`make soak`)
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from _network import LOG, Guard, child_environment, install
from _pytest.terminal import TerminalReporter
from _requirements import LOOKUPS, Lack, find

STRICT = os.environ.get("BETHNA_TEST_STRICT", "") not in ("", "0")
SOAK = os.environ.get("BETHNA_TEST_SOAK", "") not in ("", "0")
KEPT = ("BETHNA_SHARED", "BETHNA_TEST_")

guard_key = pytest.StashKey[Guard]()
seed_key = pytest.StashKey[int]()
folder_key = pytest.StashKey[Path]()
lacks_key = pytest.StashKey[dict[str, list[Lack]]]()


@dataclass(frozen=True)
class Campaign:
    """How much of a long campaign this run does, and its seeds: fresh ones every run, printed at the top."""

    seed: int
    soak: bool

    def count(self, share: int, whole: int) -> int:
        """`share` in `make test`, `whole` in `make soak`."""
        return whole if self.soak else share

    def seeds(self, share: int, whole: int) -> Iterator[int]:
        rng = random.Random(self.seed)
        for _ in range(self.count(share, whole)):
            yield rng.getrandbits(32)


# --- the surroundings of a run


def own_surroundings(folder: Path) -> None:
    """A data folder, settings and runtime folder of our own: nobody's desk is touched, nobody's settings are read."""
    for name in list(os.environ):
        if name.startswith("BETHNA_") and not name.startswith(KEPT):
            del os.environ[name]
    os.environ["BETHNA_DATA_DIR"] = str(folder / "data")
    for name in ("CONFIG", "DATA", "STATE", "CACHE", "RUNTIME"):
        place = folder / "xdg" / name.lower()
        place.mkdir(parents=True, mode=0o700)
        os.environ[f"XDG_{name}_{'DIR' if name == 'RUNTIME' else 'HOME'}"] = str(place)


def hypothesis_profiles() -> None:
    slow = (hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large)
    base = hypothesis.settings(deadline=None, print_blob=True)
    hypothesis.settings.register_profile("default", base, max_examples=100)
    hypothesis.settings.register_profile("ci", base, max_examples=100, suppress_health_check=slow)
    hypothesis.settings.register_profile("soak", base, max_examples=5_000, suppress_health_check=slow)
    named = os.environ.get("BETHNA_TEST_PROFILE")
    hypothesis.settings.load_profile(
        named or ("soak" if SOAK else "ci" if os.environ.get("CI") else "default")
    )


def seed_of(config: pytest.Config) -> int:
    """One for all processes of a run (`make test` has one for each core): the first one draws it."""
    told: dict[str, int] | None = getattr(config, "workerinput", None)
    if told is not None:
        return told["bethna_seed"]
    named = os.environ.get("BETHNA_TEST_SEED")
    return int(named) if named else random.SystemRandom().getrandbits(32)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """What pytest-xdist asks before it begins a process."""
    node.workerinput["bethna_seed"] = node.config.stash[seed_key]


def hear_ctrl_c() -> None:
    """A shell begins what it sends to the background deaf to Ctrl-C, and every desk of a test would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    seed = seed_of(config)
    hear_ctrl_c()
    folder = Path(tempfile.mkdtemp(prefix="bethna-tests-"))
    own_surroundings(folder)
    config.stash[seed_key] = seed
    config.stash[folder_key] = folder
    config.stash[lacks_key] = {}
    config.stash[guard_key] = install()
    os.environ.update(child_environment(folder / "refused.txt"))
    hypothesis_profiles()
    if config.getoption("hypothesis_seed", None) is None:
        hypothesis.core.global_force_seed = seed  # type: ignore[assignment]  # what --hypothesis-seed sets


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder_key in config.stash:
        shutil.rmtree(config.stash[folder_key], ignore_errors=True)


def pytest_report_header(config: pytest.Config) -> list[str]:
    seed = config.stash[seed_key]
    return [
        f"seed: {seed} (BETHNA_TEST_SEED={seed} runs the same again)",
        f"strict: {'yes, a lack is a failure' if STRICT else 'no'}; campaigns: {'whole' if SOAK else 'a share'}",
    ]


# --- needs: no silent skip


def needs_of(item: pytest.Item) -> list[str]:
    return [str(name) for mark in item.iter_markers("needs") for name in mark.args]


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    lacks = config.stash[lacks_key]
    for item in items:
        if SOAK and item.get_closest_marker("campaign"):
            item.add_marker(pytest.mark.soak)
        for name in needs_of(item):
            if name.partition(":")[0] not in LOOKUPS:
                raise pytest.UsageError(
                    f"{item.nodeid} needs {name!r}, which tests/_requirements.py does not know"
                )
            found = find(name)
            if isinstance(found, Lack):
                lacks.setdefault(item.nodeid, []).append(found)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    lacking = item.config.stash[lacks_key].get(item.nodeid)
    if lacking:
        text = "; ".join(f"{lack.reason}: {lack.remedy}" for lack in lacking)
        if STRICT:
            pytest.fail(f"could not run: {text}", pytrace=False)
        pytest.skip(text)


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    if terminalreporter.getreports("failed") or terminalreporter.getreports("error"):
        terminalreporter.write_line(f"seed of this run: BETHNA_TEST_SEED={config.stash[seed_key]}", bold=True)
    skipped = terminalreporter.getreports("skipped")
    if not skipped:
        return
    terminalreporter.section("could not run", sep="=", yellow=True)
    by_reason: dict[str, list[str]] = {}
    for report in skipped:
        where = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        by_reason.setdefault(where.removeprefix("Skipped: "), []).append(report.nodeid)
    for reason, names in sorted(by_reason.items()):
        terminalreporter.write_line(reason)
        for name in names:
            terminalreporter.write_line(f"    {name}")


# --- the network guard


@pytest.fixture(autouse=True)
def _stay_on_this_machine(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails the test whose code, or whose child process, asked for another machine, also when it hid the refusal."""
    guard = request.config.stash[guard_key]
    log = Path(os.environ[LOG])
    guard.refused.clear()
    if request.node.get_closest_marker("outside"):
        with guard.open_door():
            yield
        return
    yield
    refused = guard.refused + (log.read_text().splitlines() if log.exists() else [])
    log.unlink(missing_ok=True)
    if refused:
        pytest.fail(f"the test reached beyond this machine: {', '.join(refused)}", pytrace=False)


# --- what tests ask for


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A number for this test in this run; the same again under the same BETHNA_TEST_SEED, in whatever order."""
    text = f"{request.config.stash[seed_key]} {request.node.nodeid}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


@pytest.fixture
def rng(seed: int) -> random.Random:
    return random.Random(seed)


@pytest.fixture
def campaign(seed: int) -> Campaign:
    return Campaign(seed, SOAK)


def required(request: pytest.FixtureRequest, name: str) -> Path:
    found = find(name)
    if isinstance(found, Lack):
        pytest.fail(
            f"{request.node.nodeid} uses {name!r} without @pytest.mark.needs({name!r})", pytrace=False
        )
    return found


@pytest.fixture
def shared_dir(request: pytest.FixtureRequest) -> Path:
    """The folder of recordings; the test says `@pytest.mark.needs("shared")`."""
    return required(request, "shared")


@pytest.fixture
def chromium_path(request: pytest.FixtureRequest) -> Path:
    """A Chromium; the test says `@pytest.mark.needs("chromium")`."""
    return required(request, "chromium")
