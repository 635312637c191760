"""`bethna up`: the desk with its page and its API, until Ctrl-C; what it does is in `bethna.app`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bethna.cli.boundary import DONE
from bethna.cli.group import json_option
from bethna.cli.options import source_options
from bethna.cli.surroundings import log_to_stderr, read_settings
from bethna.core.errors import AddressUnusable

if TYPE_CHECKING:
    from bethna.config import Settings


@click.command(short_help="Start the desk: page, API and WebSocket.")
@source_options
@click.option("--host", help="The address to listen on (default: 127.0.0.1, for this machine only).")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="The port to listen on (default: 8700); 0 is any free one."
)
@click.option(
    "--record",
    "record_to",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also record what the live wire says into FILE (NAME.jsonl.zst), in segments NAME.0001.jsonl.zst, ...",
)
@json_option
def up(record_to: Path | None, as_json: bool, **options: object) -> int:
    """Start the desk: its page, API and WebSocket on one port. Ctrl-C ends it.

    \b
    bethna up                                           the live market
    bethna up --symbol BTC-USDT --symbol ETH-USDT       these instruments
    bethna up --source tape:FILE --speed 20             a recording, 20 times as fast
    bethna up --source tape:FILE --speed max --loop     flat out, over and over
    """
    from bethna.api.server import listen, url_of
    from bethna.app import serve
    from bethna.cli.running import run

    settings = read_settings(**options)
    _check_source(settings, record_to)
    log_to_stderr(settings)
    try:
        listener = listen(settings.host, settings.port)
    except AddressUnusable as error:
        from bethna.cli.port import explained

        raise explained(error) from error
    with listener:
        url = url_of(listener)
        run(serve(settings, listener, ready=lambda: _announce(settings, url, as_json), record_to=record_to))
    return DONE


def _check_source(settings: Settings, record_to: Path | None) -> None:
    if record_to is not None and settings.source != "live":
        raise click.UsageError("--record needs --source live: a tape is a recording already")
    for name in ("speed", "loop"):
        if settings.source == "live" and settings.origin(name).startswith("option"):
            raise click.UsageError(f"--{name} needs --source tape:PATH: the live market has its own pace")


def _announce(settings: Settings, url: str, as_json: bool) -> None:
    if as_json:
        import os

        import msgspec

        said = {"url": url, "source": settings.source, "pid": os.getpid()}
        click.echo(msgspec.json.encode(said).decode())
    else:
        click.echo(f"BethNa is at {url} ({settings.source}). Ctrl-C ends it.")
