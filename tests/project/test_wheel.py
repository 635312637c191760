"""`pip wheel .` gives a wheel with the UI inside; it starts in an environment that has no Node and not our tree."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TAPE = "captures/tapes/binance_btcusdt_20240808.jsonl.zst"
MAIN = "import bethna.cli; bethna.cli.main()"
URL = re.compile(r"http://127\.0\.0\.1:\d+")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, cwd=ROOT)
    (built,) = folder.glob("bethna-*.whl")
    return built


@pytest.mark.needs("ui")
def test_the_wheel_carries_the_ui_and_no_more_than_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "bethna/web_dist/index.html" in names
    assert any(name.startswith("bethna/web_dist/assets/") and name.endswith(".js") for name in names)
    assert "bethna/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"bethna"}


@pytest.fixture
def empty(wheel: Path, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A Python with the wheel and the pinned dependencies, nothing on its PATH, and what makes it so."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # Our own packages serve as the dependencies, without our tree: only a .pth file leads there, and a folder on
    # PYTHONPATH does not have its .pth files read.
    dependencies = os.pathsep.join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    return python, {"PYTHONPATH": dependencies, "PATH": str(home / "bin")}


@pytest.mark.needs("ui")
def test_it_is_the_wheel_that_starts(empty: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    python, environment = empty
    where = run(python, "-c", "import bethna; print(bethna.__file__)", cwd=tmp_path, **environment)
    assert Path(where.strip()).is_relative_to(tmp_path)
    assert "up" in run(python, "-c", MAIN, "--help", cwd=tmp_path, **environment)


@pytest.mark.needs("ui", f"shared:{TAPE}")
def test_its_desk_serves_the_page(
    empty: tuple[Path, dict[str, str]], tmp_path: Path, shared_dir: Path
) -> None:
    python, environment = empty
    words = [str(python), "-c", MAIN, "up", "--source", f"tape:{shared_dir / TAPE}", "--port", "0"]
    with subprocess.Popen(
        words,
        cwd=tmp_path,
        env={**os.environ, **environment, "BETHNA_DATA_DIR": str(tmp_path / "data")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as desk:
        assert desk.stdout is not None
        said = []
        try:
            url = None
            for line in desk.stdout:
                said.append(line)
                if url := URL.search(line):
                    break
            assert url is not None, f"the desk named no URL: {''.join(said)}"
            page = httpx.get(f"{url[0]}/", trust_env=False)
            health = httpx.get(f"{url[0]}/api/v1/health", trust_env=False).json()
        finally:
            desk.send_signal(signal.SIGINT)
            desk.communicate(timeout=30)
    assert page.status_code == 200
    assert "/assets/" in page.text
    assert health["source"] == "tape"
