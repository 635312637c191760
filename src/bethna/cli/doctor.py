"""`bethna doctor`: what is there, what is missing and what to do about it; it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bethna.cli.boundary import CHECK_FAILED, DONE, UNAVAILABLE, USAGE
from bethna.cli.group import json_option
from bethna.cli.surroundings import read_settings, settings_file, usual_settings_file
from bethna.core.errors import ConfigError

if TYPE_CHECKING:
    from bethna.cli.checks import Check
    from bethna.config import Settings

_MARKS = {"ok": "ok  ", "warning": "WARN", "failed": "FAIL", "unreachable": "FAIL", "skipped": "skip"}


@click.command(short_help="Say what is missing and what to do.")
@click.option("--offline", is_flag=True, help="Ask no venue: look at this machine only.")
@json_option
def doctor(offline: bool, as_json: bool) -> int:
    """Look at everything the desk needs, and print every setting with where it came from.

    Python, the event loop, the page, the port, the data folder and who uses it, how the desks that run here are and
    what memory they take, and for each host of each venue whether it answers and how far its clock is from ours. For
    what is missing it says what to do, and which section of the documentation says more.

    Exit codes: 0 it can run, 1 something here does not work, 2 a setting is wrong, 3 a venue answers on none of its
    hosts.
    """
    from bethna.cli import checks

    found = [checks.check_python(), checks.check_platform(), checks.check_package()]
    try:
        settings = read_settings()
        found.append(checks.check_settings_file(settings_file(), usual_settings_file()))
    except ConfigError as error:
        found.append(checks.Check("settings", "failed", error.message, error.hint, see=checks.See.SETTING))
        found.append(checks.Check("the rest", "skipped", "not looked at before the settings are right"))
        _print(found, None, as_json)
        return USAGE
    hosts = _hosts(settings, offline)
    folder = [*checks.check_folder(settings), *checks.check_led(settings)]
    found += [checks.check_port(settings), *folder, *_desks(settings), *hosts]
    found.append(checks.check_source(settings, hosts))
    _print(found, settings, as_json)
    return _verdict(found)


def _desks(settings: Settings) -> list[Check]:
    from bethna.cli.desks import check_desks
    from bethna.cli.running import run

    return run(check_desks(settings)) or []


def _hosts(settings: Settings, offline: bool) -> list[Check]:
    from bethna.cli.checks import Check

    if offline:
        return [Check("venues", "skipped", "no venue was asked", "leave out --offline to ask them")]
    if settings.source == "twin":
        hint = "set BETHNA_SOURCE=live to ask the live venues"
        return [Check("venues", "skipped", "no venue was asked: the market is simulated", hint)]
    from bethna.cli.reach import check_hosts
    from bethna.cli.reach_index import check_index
    from bethna.cli.running import run

    index = run(check_index(settings))
    return [*(run(check_hosts(settings)) or []), *([] if index is None else [index])]


def _verdict(found: list[Check]) -> int:
    """A venue is out of reach when its sockets, or its REST calls, answer on no host: the desk needs one of each."""
    if any(check.state == "failed" for check in found):
        return CHECK_FAILED
    by_need: dict[tuple[str, str], list[str]] = {}
    for check in found:
        venue, _, need = check.name.partition(" ")
        if need.endswith(("REST", "socket")):
            by_need.setdefault((venue, need.rpartition(" ")[2]), []).append(check.state)
    if any(set(states) == {"unreachable"} for states in by_need.values()):
        return UNAVAILABLE
    return DONE


def _print(found: list[Check], settings: Settings | None, as_json: bool) -> None:
    rows = [] if settings is None else _rows(settings)
    if as_json:
        import msgspec

        body = {
            "checks": [{**msgspec.to_builtins(check), "see": check.see.where} for check in found],
            "settings": [{"name": name, "value": value, "origin": origin} for name, value, origin in rows],
        }
        click.echo(msgspec.json.encode(body).decode())
        return
    for check in found:
        click.echo(f"{_MARKS[check.state]}  {check.name}: {check.found}")
        if check.hint:
            click.echo(f"      {check.hint}")
        if check.see:
            click.echo(f"      see {check.see.where}")
    if rows:
        click.echo("\nSettings")
    for name, value, origin in rows:
        click.echo(f"  {name:<20} {value or '-':<40} {origin}")


def _rows(settings: Settings) -> list[tuple[str, str, str]]:
    from bethna.config import catalogue, shown

    return [
        (each.name, shown(getattr(settings, each.name)), settings.origin(each.name)) for each in catalogue()
    ]
