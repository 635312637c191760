"""`bethna up`: the desk with its page and its API, until Ctrl-C; what it does is in `bethna.app`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bethna.cli.boundary import DONE, stop_writing
from bethna.cli.group import json_option
from bethna.cli.options import source_options
from bethna.cli.surroundings import log_to_stderr, read_settings
from bethna.core.errors import AddressUnusable

if TYPE_CHECKING:
    from bethna.app import Market
    from bethna.config import Settings
    from bethna.core.status import SystemEvent

_FRAME_WIDTH = 76
_MOST_SAID = 1000
_SAID = frozenset(
    {
        "symbol_refused", "subscription_rejected", "instrument_unlisted", "not_trading",
        "place_refused", "access_refused", "venue_banned", "venue_ban_over", "recording_stopped",
    }
)  # fmt: skip


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
@click.option("--open", "open_it", is_flag=True, help="Open the page in the browser once the desk listens.")
@json_option
def up(record_to: Path | None, open_it: bool, as_json: bool, **options: object) -> int:
    """Start the desk: its page, API and WebSocket on one port. Ctrl-C ends it.

    \b
    bethna up                                           the live market; simulated when no host answers
    bethna up --symbol BTC-USDT --symbol ETH-USDT       these instruments
    bethna up --source twin --seed 7 --faults FILE      a simulated market that misbehaves
    bethna up --source tape:FILE --speed 20             a recording, 20 times as fast
    bethna up --source tape:FILE --speed max --loop     flat out, over and over
    bethna up --host 0.0.0.0                            for other machines too, with a token
    """
    settings = _with_recording(read_settings(**options), record_to)
    _check_options(settings)
    log_to_stderr(settings)

    from bethna.api.server import listen, url_of
    from bethna.app.serving import serve, with_token
    from bethna.cli.running import run

    try:
        listener = listen(settings.host, settings.port)
    except AddressUnusable as error:
        from bethna.cli.port import explained

        raise explained(error) from error
    with listener:
        settings = with_token(settings, listener)
        said = _Announcement(url_of(listener), settings, as_json=as_json, open_it=open_it)
        run(serve(settings, listener, ready=said, record_to=record_to, told=Refusals()))
    return DONE


def _with_recording(settings: Settings, record_to: Path | None) -> Settings:
    """What is recorded is the live wire: with --record, auto is live, and nothing else will do."""
    if record_to is None or settings.source == "live":
        return settings
    if settings.source == "auto":
        from msgspec.structs import replace

        return replace(settings, source="live")
    if settings.source == "twin":
        raise click.UsageError(
            "--record needs --source live: a tape of a simulated market would pass for one of the real market"
        )
    raise click.UsageError("--record needs --source live: a tape is a recording already")


def _check_options(settings: Settings) -> None:
    """An option that would do nothing is refused, lest somebody relies on it."""
    for name in ("speed", "loop"):
        if not settings.source.startswith("tape:") and settings.origin(name).startswith("option"):
            raise click.UsageError(f"--{name} needs --source tape:PATH: another source has its own pace")
    for name in ("twin_seed", "twin_faults"):
        if settings.source not in ("auto", "twin") and settings.origin(name).startswith("option"):
            option = settings.origin(name).removeprefix("option ")
            raise click.UsageError(f"{option} needs --source twin: {settings.source} is not simulated")


class Refusals:
    """Says at once, on stderr, what does not do what it was begun for, and why; the rest is the event log's.

    A symbol that brings nothing, a venue that lets nobody in or has banned the address, a recording that has ended.
    """

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, event: SystemEvent) -> None:
        """One event of the desk; what was said once is not said again."""
        line = f"bethna: {event.subject}: {event.message}"
        if event.code not in _SAID or line in self._said or len(self._said) >= _MOST_SAID:
            return
        self._said.add(line)
        with suppress(OSError):  # nobody listens there any more, and the desk goes on
            click.echo(line, err=True)


class _Announcement:
    """Says where the desk is and on which source, each time that one begins."""

    def __init__(self, url: str, settings: Settings, *, as_json: bool, open_it: bool) -> None:
        from bethna.app.serving import FRESH

        token = settings.token.reveal()
        self._url = url
        self._entrance = f"{url}/?token={token}" if token else url
        # a token that somebody set is their secret: it is not printed
        self._fresh_token = token if settings.origin("token") == FRESH else None
        self._everywhere = settings.host in ("0.0.0.0", "::")  # noqa: S104 - read, not bound
        self._as_json = as_json
        self._open_it = open_it
        self._said = False

    def __call__(self, market: Market) -> None:
        """Who read the first line may have closed the pipe since: a later one ends no desk."""
        try:
            self._announce(market)
        except OSError:
            if not self._said:
                raise
            stop_writing()
        if self._open_it and not self._said:
            from bethna.cli.browser import open_page

            open_page(self._entrance)
        self._said = True

    def _announce(self, market: Market) -> None:
        source, simulation = market.settings.source, market.simulation
        if self._as_json:
            import os

            import msgspec

            twin = None if market.twin is None else {"url": market.twin.url, "pid": market.twin.pid}
            said = {
                "url": self._url,
                "source": source,
                "pid": os.getpid(),
                "simulation": simulation,
                "twin": twin,
                "token": self._fresh_token,
            }
            click.echo(msgspec.json.encode(said).decode())
            return
        if simulation is not None:
            click.echo(_framed(market))
        where = self._url if self._fresh_token is None else self._entrance
        click.echo(f"BethNa is at {where} ({source}). Ctrl-C ends it.")
        if self._everywhere:
            click.echo("From another machine, write the address of this one instead of the loopback one.")


def _framed(market: Market) -> str:
    """What nobody may overlook, in a frame."""
    import textwrap

    simulation = market.simulation
    assert simulation is not None
    lines = [f"SIMULATED MARKET, seed {simulation.seed}", "No price here was ever traded.", ""]
    lines += textwrap.wrap(f"Why: {simulation.reason}.", _FRAME_WIDTH)
    if market.looks_again:
        lines += textwrap.wrap(
            "The live market is asked again from time to time; when it answers, the page offers it.",
            _FRAME_WIDTH,
        )
    if market.twin is not None:
        lines += ["", f"Make it misbehave: {market.twin.url}/twin/faults"]
    bar = "+" + "-" * (_FRAME_WIDTH + 2) + "+"
    return "\n".join([bar, *(f"| {line:<{_FRAME_WIDTH}} |" for line in lines), bar])
