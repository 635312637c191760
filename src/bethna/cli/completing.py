"""What the shell is offered behind a verb: symbols of the running desk, venues, sources; it must answer in an instant.

Whatever goes wrong here is no candidate, never a message: somebody is in the middle of typing. It imports neither
asyncio nor an HTTP library, and asks desks of this machine only, by loopback, for as long as `_PATIENCE_S`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from bethna.config import Settings

_PATIENCE_S = 0.5
_MOST_BYTES = 1 << 20
_SOURCES = (
    ("auto", "the live market, or a simulated one when no host answers"),
    ("live", "the live market"),
    ("twin", "a simulated market"),
    ("tape:", "a recording"),
)


def complete_symbol(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What the running desk follows, else what the settings name."""
    del param
    try:
        settings = _settings(ctx)
        found = list(_followed(settings)) or [(symbol, "") for symbol in settings.symbols]
    except Exception:  # noqa: BLE001 - rule of this file: no candidate, never a message
        return []
    taken = {_bare(each) for each in _given(ctx)}
    return [
        CompletionItem(symbol, help=status or None)
        for symbol, status in dict(found).items()
        if _bare(symbol).startswith(_bare(incomplete)) and _bare(symbol) not in taken
    ]


def complete_source(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The kinds of sources; behind `tape:` the shell's own files."""
    del ctx, param
    return [CompletionItem(word, help=about) for word, about in _SOURCES if word.startswith(incomplete)]


def complete_venue(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The venues whose frames are understood."""
    del ctx, param
    from bethna.venues.registry import readable_names

    return [CompletionItem(name) for name in readable_names() if name.startswith(incomplete)]


def complete_twin(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The venues that can be simulated (behind a comma one more), all of them, and the word that lists the faults."""
    del ctx, param
    from bethna.twins.registry import VENUES

    before, comma, word = incomplete.rpartition(",")
    if comma:
        taken = before.split(",")
        return [
            CompletionItem(f"{before},{each}")
            for each in VENUES
            if each.startswith(word) and each not in taken
        ]
    return [CompletionItem(each) for each in (*VENUES, "all", "faults") if each.startswith(word)]


def complete_alert(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The rules that the running desk has armed."""
    del param
    try:
        found = list(_of_desks(_settings(ctx), "/api/v1/alerts"))
        rows = [(str(row["name"]), str(row["sentence"])) for body in found for row in body["alerts"]]
    except Exception:  # noqa: BLE001 - rule of this file: no candidate, never a message
        return []
    taken = {str(each) for each in ctx.params.get("names") or ()}
    return [
        CompletionItem(name, help=sentence)
        for name, sentence in dict(rows).items()
        if name.startswith(incomplete) and name not in taken
    ]


def _settings(ctx: click.Context) -> Settings:
    from bethna.cli.surroundings import read_settings

    root = ctx.find_root()
    if root.obj is None:  # the group itself is not invoked while a word is completed
        root.obj = root.params.get("config_file")
    with ctx.scope(cleanup=False):
        return read_settings()


def _given(ctx: click.Context) -> list[str]:
    """The symbols that stand on the line already."""
    said = ctx.params.get("symbols") or ()
    return [str(each) for each in said]


def _bare(symbol: str) -> str:
    return re.sub(r"[-/_]", "", symbol).upper()


def _followed(settings: Settings) -> Iterator[tuple[str, str]]:
    for body in _of_desks(settings, "/api/v1/watchlist"):
        try:
            found = [(str(row["symbol"]), str(row["status"])) for row in body["watchlist"]]
        except (KeyError, TypeError):
            continue
        yield from found


def _of_desks(settings: Settings, path: str) -> Iterator[Any]:
    """What each desk of this machine answers."""
    from bethna.store.folder import data_root, running_desks

    for desk in running_desks(data_root(settings.data_dir)):
        if desk.url is None:
            continue
        token = desk.token or settings.token.reveal()
        try:
            yield from _ask(desk.url, token, path)
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _ask(url: str, token: str, path: str) -> Iterator[Any]:
    """The answer of one desk of this machine; nothing where it says no."""
    from http.client import HTTPConnection, HTTPException

    import msgspec

    where = urlsplit(url)
    headers: Mapping[str, str] = {"authorization": f"Bearer {token}"} if token else {}
    connection = HTTPConnection(where.hostname or "", where.port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        if answer.status != 200:
            return
        body = msgspec.json.decode(answer.read(_MOST_BYTES))
    except HTTPException:
        return
    finally:
        connection.close()
    yield body
