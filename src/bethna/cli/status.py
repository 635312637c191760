"""`bethna status`: how the desk that runs here is; it starts none and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

from bethna.cli.boundary import CHECK_FAILED, DONE
from bethna.cli.group import json_option
from bethna.cli.options import address_options
from bethna.cli.surroundings import read_settings
from bethna.core.errors import ConnectError, DeskRefused, DeskUnreachable

if TYPE_CHECKING:
    from bethna.cli.standing import Standing
    from bethna.config import Settings
    from bethna.net.http import HttpClient

T = TypeVar("T")
_ASK_S = 5.0


@click.command(short_help="Say how the running desk is.")
@address_options
@json_option
def status(url: str | None, token: str | None, as_json: bool) -> int:
    """Say how the desk is that runs here: source, venues, connections, lag, gaps, heals. It starts nothing.

    Exit codes: 0 it is well, 1 it is degraded or down, 3 no desk runs.
    """
    from bethna.cli.running import run

    settings = read_settings()
    standing = run(_ask(settings, url, token))
    if standing is None:  # SIGTERM
        return DONE
    if as_json:
        import msgspec

        said = {"url": standing.url, "pid": standing.pid, **msgspec.to_builtins(standing.health)}
        click.echo(msgspec.json.encode(said).decode())
    else:
        from bethna.cli.standing import lines_of

        click.echo("\n".join(lines_of(standing)))
    return DONE if standing.health.status == "ok" else CHECK_FAILED


async def _ask(settings: Settings, url: str | None, token: str | None) -> Standing:
    """What the desk says. Raises DeskUnreachable, DeskRefused, or ConfigError for what is no address."""
    import asyncio

    from bethna.client.discover import find_answering, find_running
    from bethna.client.remote_link import address_of

    if url is not None:
        url, within = address_of(url)
        known = await asyncio.to_thread(find_running, settings)
        noted = [desk.token for desk in known if desk.url == url]
        return await _standing(settings, url, token or within or next(iter(noted), settings.token.reveal()))
    found = await find_answering(settings)
    if not found:
        raise DeskUnreachable("", "no desk runs here")
    for other in found[1:]:
        click.echo(f"also running: {other.url} ({other.source}); --url names one", err=True)
    return await _standing(settings, found[0].url, token or found[0].token)


async def _standing(settings: Settings, url: str, token: str | None) -> Standing:
    from bethna.api.listings import ConnectionsAnswer
    from bethna.api.protocol import HealthAnswer, InstrumentsAnswer
    from bethna.cli.standing import Standing
    from bethna.client.discover import bearing
    from bethna.net.http import HttpClient
    from bethna.runtime.clocks import SystemClock
    from bethna.store.folder import data_root, running_desks

    async with HttpClient(SystemClock(), headers=bearing(token)) as client:
        health = await _get(client, url, "health", HealthAnswer)
        connections = await _get(client, url, "connections", ConnectionsAnswer)
        followed = await _get(client, url, "instruments", InstrumentsAnswer)
    noted = [desk for desk in running_desks(data_root(settings.data_dir)) if desk.url == url]
    here = noted[0] if noted else None
    return Standing(
        url,
        health,
        connections.connections,
        pid=None if here is None else here.pid,
        started=None if here is None else here.started,
        instruments=followed.instruments,
    )


async def _get(client: HttpClient, url: str, what: str, shape: type[T]) -> T:
    """One answer of a desk, health also when it is down."""
    import msgspec

    from bethna.api.protocol import ErrorAnswer

    try:
        answer = await client.get(f"{url}/api/v1/{what}", venue="desk", timeout_s=_ASK_S)
    except ConnectError as error:
        raise DeskUnreachable(url, f"no desk answers at {url}: {error.message}") from error
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        refused = msgspec.json.decode(answer.body, type=ErrorAnswer).error
    except (msgspec.DecodeError, RecursionError):
        raise DeskUnreachable(
            url,
            f"expected a desk of this version at {url}, found something else (HTTP {answer.status})",
            hint="look at the address, or update the older of the two",
        ) from None
    raise DeskRefused(refused.code, refused.message, hint=refused.hint)
