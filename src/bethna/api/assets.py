"""The built page: every file of `web_dist`, read once and served from memory.

What is not in the table does not exist, so no path can lead out of the folder. It builds nothing.
"""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from msgspec import Struct

# Far above the real bundle; a folder that is larger is not our build.
MAX_TOTAL_BYTES = 64 * 1024 * 1024
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".txt": "text/plain",
}
# Vite puts a hash of the content into these names, so they never change.
_HASHED = "assets/"
_FOREVER = "public, max-age=31536000, immutable"
_ASK = "no-cache"

MISSING_PAGE = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>BethNa</title></head>
<body><h1>The page was not built yet</h1>
<p>Run <code>make setup</code> in the project's folder, then start the desk again.</p>
<p>The API is up: <a href="/api/v1/health">/api/v1/health</a>.</p></body></html>
"""


class Asset(Struct, frozen=True, gc=False):
    """One file of the page."""

    body: bytes
    media_type: str
    etag: str
    cache_control: str


class Assets:
    """The page's files by path (`index.html`, `assets/app-1a2b.js`)."""

    def __init__(self, files: dict[str, Asset]) -> None:
        self._files = files

    @property
    def built(self) -> bool:
        """Whether there is a page at all."""
        return "index.html" in self._files

    def find(self, path: str) -> Asset | None:
        """The file for a page path, without its leading slash; a path that looks like no file is the page itself."""
        found = self._files.get(path)
        if found is not None or "." in path.rpartition("/")[2]:
            return found
        return self._files.get("index.html")


def load_assets(folder: Path | None) -> Assets:
    """Read a built page. A folder that is missing, or is not there yet, gives a page that says so.

    Links that lead out of the folder, hidden files, and everything beyond MAX_TOTAL_BYTES are left out.
    """
    if folder is None or not folder.is_dir():
        return Assets({})
    root = folder.resolve()
    files: dict[str, Asset] = {}
    total = 0
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        hidden = any(part.startswith(".") for part in name.split("/"))
        if hidden or not path.is_file() or not path.resolve().is_relative_to(root):
            continue
        body = path.read_bytes()
        total += len(body)
        if total > MAX_TOTAL_BYTES:
            break
        files[name] = _asset(name, body)
    return Assets(files)


def _asset(name: str, body: bytes) -> Asset:
    suffix = Path(name).suffix
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Asset(body, media_type, etag, _FOREVER if name.startswith(_HASHED) else _ASK)
