"""`bethna alerts`: rules of the running desk, what has fired and why; it attaches, and judges nothing itself.

Rules live in a desk that stays. Where none runs, nothing is started: a rule would be forgotten with the command.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bethna.cli.boundary import CHECK_FAILED, DONE
from bethna.cli.completing import complete_alert
from bethna.cli.group import json_option
from bethna.cli.options import address_options, desk_options, timeout_option
from bethna.cli.spans import Instant, Length
from bethna.cli.zones import UTC_ZONE, ZoneName

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bethna.cli.alerts_asking import Desk
    from bethna.cli.alerts_telling import AlertsTelling
    from bethna.cli.attach import Choice
    from bethna.cli.zones import Zone

    Ask = Callable[[Desk, AlertsTelling], Awaitable[object]]

F = TypeVar("F", bound=Callable[..., Any])
MOST_HISTORY = 1000
_NS_PER_S = 1_000_000_000
_TOO_LATE_NS = (2**53 - 1) * 1_000
"""What a desk can be asked about is a number of microseconds that JSON keeps exactly."""

name_argument = click.argument("name", metavar="NAME", shell_complete=complete_alert)
names_argument = click.argument("names", metavar="NAME...", nargs=-1, shell_complete=complete_alert)
zone_option = click.option(
    "--zone",
    type=ZoneName(),
    metavar="ZONE",
    help="Show times in this zone: Europe/Berlin, local, +02:00 (default: UTC).",
)


def attached(command: F) -> F:
    """Which desk, and JSON."""
    return address_options(json_option(command))


class InOrder(click.Group):
    """Lists its commands as they are written."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of this file."""
        del ctx
        return list(self.commands)


@click.group(cls=InOrder, short_help="Arm alerts, and see what fired and why.")
def alerts() -> None:
    """Arm alerts in the running desk, see what has fired, and why.

    A rule is a sentence. It lives in the desk that runs on this machine (or at --url), also when nobody looks.

    \b
    bethna alerts add "BTC-USDT crosses above 65,000, every time, cooldown 10m, via telegram"
    bethna alerts rehearse "ETH-USDT moves up 2% in 15m" --last 2h --per-day 5
    bethna alerts why a1
    """


@alerts.command()
@click.argument("sentences", metavar="[SENTENCE]...", nargs=-1)
@click.option(
    "--via",
    multiple=True,
    metavar="NAME",
    help="A channel for those that name none; several times for several.",
)
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Sentences, one a line, beside those given; # begins a comment, - is stdin.",
)
@attached
def add(sentences: tuple[str, ...], via: tuple[str, ...], path: Path | None, **options: Any) -> int:
    """Arm each SENTENCE: all of them, or none. Words without quotes are one sentence.

    \b
    bethna alerts add "BTC-USDT crosses above 65,000" "ETH-USDT is below 2,000, for 30s" --via telegram
    bethna alerts add --file rules.txt
    """
    wanted = _sentences(sentences) + ([] if path is None else _lines(path))
    if not wanted:
        raise click.UsageError('expected a sentence, such as "BTC-USDT crosses above 65,000", found none')
    from bethna.cli.alerts_asking import adding

    return _run(options, adding(wanted, via))


@alerts.command("list")
@zone_option
@attached
def list_(**options: Any) -> int:
    """List the armed rules, and where each stands."""
    from bethna.cli.alerts_asking import listing

    return _run(options, listing)


@alerts.command()
@name_argument
@zone_option
@attached
def show(name: str, **options: Any) -> int:
    """Show all that is known of a rule."""
    from bethna.cli.alerts_asking import showing

    return _run(options, showing(name))


@alerts.command()
@name_argument
@click.argument("sentence", nargs=-1, required=True)
@click.option(
    "--version",
    type=click.IntRange(1),
    metavar="N",
    help="The version that was read: refused where somebody has edited it since.",
)
@attached
def edit(name: str, sentence: tuple[str, ...], version: int | None, **options: Any) -> int:
    """Put SENTENCE in place of the rule NAME; its journal goes on."""
    from bethna.cli.alerts_asking import editing

    return _run(options, editing(name, " ".join(sentence), version))


@alerts.command()
@names_argument
@attached
def pause(names: tuple[str, ...], **options: Any) -> int:
    """Judge rules no longer, until they are resumed."""
    from bethna.cli.alerts_asking import pausing

    return _run(options, pausing(_some(names), paused=True))


@alerts.command()
@names_argument
@attached
def resume(names: tuple[str, ...], **options: Any) -> int:
    """Judge paused rules again, as if they were new."""
    from bethna.cli.alerts_asking import pausing

    return _run(options, pausing(_some(names), paused=False))


@alerts.command()
@names_argument
@click.option("--all", "all_of_them", is_flag=True, help="All of them.")
@attached
def remove(names: tuple[str, ...], all_of_them: bool, **options: Any) -> int:
    """Arm rules no longer; why they fired can still be asked."""
    if all_of_them and names:
        raise click.UsageError("--all removes all of them: give it, or names")
    from bethna.cli.alerts_asking import removing

    return _run(options, removing(() if all_of_them else _some(names, " or --all")))


@alerts.command()
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_HISTORY),
    default=20,
    show_default=True,
    metavar="N",
    help="How many; with --follow these come first.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@zone_option
@attached
def history(limit: int, follow: bool, **options: Any) -> int:
    """Show what has fired, newest last, and where it was told."""
    from bethna.cli.alerts_asking import remembering

    return _run(options, remembering(limit, follow=follow))


@alerts.command()
@name_argument
@click.option(
    "--at",
    type=Instant(),
    metavar="TIME",
    help="About this time by the venue's clock; in --zone (default: now).",
)
@zone_option
@attached
def why(name: str, at: datetime | None, **options: Any) -> int:
    """Say why a rule did, or did not, fire: the reason, its journal, the trades around, what went where.

    \b
    bethna alerts why a1
    bethna alerts why a1 --at 2026-11-26T14:05 --zone Europe/Berlin
    """
    from bethna.cli.alerts_asking import explaining

    return _run(options, explaining(name, _instant(options["zone"], at)))


@alerts.command()
@click.argument("sentence", nargs=-1, required=True)
@click.option(
    "--over",
    type=click.Choice(("trades", "bars")),
    default="trades",
    show_default=True,
    help="trades is exact; bars reaches farther and is a lower bound.",
)
@click.option(
    "--last",
    "last_ns",
    type=Length(),
    metavar="LENGTH",
    help="So far back, such as 2h or 30d (default: what is quick).",
)
@click.option(
    "--per-day",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="A rate that you wish: says which cooldown or re-arm level would meet it.",
)
@zone_option
@timeout_option
@desk_options
@json_option
def rehearse(
    sentence: tuple[str, ...], over: str, last_ns: int | None, per_day: float | None, **options: Any
) -> int:
    """Say what SENTENCE would have told over the past: how often, when, how clustered. Nothing is armed.

    Where no desk runs, one is started for it.
    """
    from bethna.cli.alerts_asking import rehearse_somewhere, rehearsing
    from bethna.cli.alerts_telling import AlertsTelling
    from bethna.cli.output import Output
    from bethna.cli.running import run
    from bethna.cli.show import choice_of

    said, choice = " ".join(sentence), choice_of(options)
    last_s = None if last_ns is None else last_ns // _NS_PER_S
    ask = rehearsing(said, "bars" if over == "bars" else "trades", last_s, per_day)

    async def tell() -> None:
        telling = AlertsTelling(Output(), as_json=options["as_json"], zone=options["zone"] or UTC_ZONE)
        await rehearse_somewhere(choice, said, ask, telling, options["timeout_s"])

    run(tell())
    return DONE


@alerts.command()
@attached
def channels(**options: Any) -> int:
    """Show where alerts may go, and what is missing."""
    from bethna.cli.alerts_asking import asking_channels

    return _run(options, asking_channels)


@alerts.command("test-channel")
@click.argument("name")
@attached
def test_channel(name: str, **options: Any) -> int:
    """Send a message that says it is a test over the channel NAME; exit code 1 where it does not arrive."""
    from bethna.cli.alerts_asking import testing

    return _run(options, testing(name))


@alerts.command()
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@attached
def read(keys: tuple[str, ...], **options: Any) -> int:
    """Mark alerts as read on every page and device: those of these keys, or all."""
    from bethna.cli.alerts_asking import reading

    return _run(options, reading(keys))


@alerts.command()
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@attached
def clear(keys: tuple[str, ...], **options: Any) -> int:
    """Clear the notification centre, or alerts of these keys out of it; the history keeps them."""
    from bethna.cli.alerts_asking import clearing

    return _run(options, clearing(keys))


def _run(options: dict[str, Any], ask: Ask) -> int:
    """Ask the running desk; what is not True or None failed."""
    from bethna.cli.running import run
    from bethna.cli.show import choice_of

    zone = options.pop("zone", None) or UTC_ZONE
    found = run(_ask(choice_of(options), ask, zone, as_json=options["as_json"]))
    return CHECK_FAILED if found is False else DONE


async def _ask(choice: Choice, ask: Ask, zone: Zone, *, as_json: bool) -> object:
    from bethna.cli.alerts_telling import AlertsTelling
    from bethna.cli.attach import running_desk
    from bethna.cli.output import Output

    out = Output()
    async with running_desk(choice, "a rule needs a desk that stays") as desk:
        found = await ask(desk, AlertsTelling(out, as_json=as_json, zone=zone))
        await out.drained()
    return found


def _sentences(words: tuple[str, ...]) -> list[str]:
    """Words of which none has a space inside were not quoted: they are one sentence."""
    if len(words) > 1 and not any(" " in word.strip() for word in words):
        return [" ".join(words)]
    return [word for word in words if word.strip()]


def _lines(path: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(
            f"--file: expected text in UTF-8, found {error.reason} at byte {error.start}"
        ) from None
    except OSError as error:
        raise click.UsageError(f"--file: cannot read {path}: {error.strerror}") from None
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _some(names: tuple[str, ...], more: str = "") -> tuple[str, ...]:
    if not names:
        raise click.UsageError(f"expected names such as a1{more}, found none; `bethna alerts list` has them")
    return names


def _instant(zone: Zone | None, when: datetime | None) -> int | None:
    if when is None:
        return None
    try:
        at = (zone or UTC_ZONE).read(when)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if not 0 <= at < _TOO_LATE_NS:
        raise click.UsageError(f"--at: expected a moment from 1970 to 2255, found {when:%Y-%m-%d}")
    return at
