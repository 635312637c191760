"""`pip wheel .` gives a wheel with the UI inside; it starts in an environment that has no Node and not our tree."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


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


@pytest.mark.needs("ui")
def test_it_starts_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "env"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    site = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    )
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # The dependencies as they are pinned here, without our editable tree: only .pth files name that, and
    # a folder on PYTHONPATH does not have its .pth files read.
    dependencies = os.pathsep.join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    environment = {"PYTHONPATH": dependencies, "PATH": str(home / "bin")}
    where = run(python, "-c", "import bethna; print(bethna.__file__)", cwd=tmp_path, **environment)
    assert Path(where.strip()).is_relative_to(home)
    said = run(python, "-c", "import bethna.cli; bethna.cli.main()", "--help", cwd=tmp_path, **environment)
    assert "up" in said
