"""`bethna indices` and `bethna valuations`: what venues compute and nobody trades, once or as it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bethna.cli.boundary import DONE
from bethna.cli.group import json_option
from bethna.cli.options import desk_options, follow_option, symbols_argument, timeout_option

if TYPE_CHECKING:
    from bethna.cli.attach import Choice
    from bethna.config import Settings
    from bethna.core.instrument import Feature
    from bethna.core.reference import ReferenceKind


@click.command(short_help="Show price and volatility indices.")
@symbols_argument
@follow_option
@timeout_option
@desk_options
@json_option
def indices(**options: Any) -> int:
    """Show the indices named, or all that the desk follows: figures that a venue computes and nobody trades.

    \b
    bethna indices
    bethna indices BTC-USD-INDEX@VENUE BTC-DVOL@VENUE --follow
    """
    return _show(options, "indices")


@click.command(short_help="Show what contracts are worth, Greeks included.")
@symbols_argument
@follow_option
@timeout_option
@desk_options
@json_option
def valuations(**options: Any) -> int:
    """Show what venues say that perpetuals, futures and options are worth: those named, or all that the desk follows.

    \b
    bethna valuations BTC-PERPETUAL@VENUE
    bethna valuations BTC-25DEC26-76000-C@VENUE --json
    """
    return _show(options, "valuations")


def _show(options: dict[str, Any], kind: ReferenceKind) -> int:
    from bethna.cli.running import run
    from bethna.cli.show import choice_of

    run(_ask(choice_of(options), options, kind))
    return DONE


async def _ask(choice: Choice, options: dict[str, Any], kind: ReferenceKind) -> None:
    from bethna.cli.attach import chosen_desk, follow
    from bethna.cli.desk_time import DeskTime
    from bethna.cli.output import Output
    from bethna.cli.reference_telling import AskedReferences, ReferenceTelling, tell_references

    out = Output()
    symbols: tuple[str, ...] = options["symbols"]
    prices: tuple[Feature, ...] = ("prices",)
    async with chosen_desk(choice, symbols or wanted_symbols(choice.settings, kind), prices) as desk:
        named = [(await follow(desk, symbol, choice.settings))[0] for symbol in symbols]
        asked = AskedReferences(
            kind, tuple(named), follow=options["follow"], as_json=options["as_json"],
            timeout_s=options["timeout_s"],
        )  # fmt: skip
        await tell_references(desk, asked, ReferenceTelling(out, DeskTime(desk).now_ns, asked))
        await out.drained()


def wanted_symbols(settings: Settings, kind: ReferenceKind) -> tuple[str, ...]:
    """What a desk of the command's own is to follow where nothing is named: what the settings name of that kind, and
    of a recording whatever it has.
    """
    from bethna.core.errors import UnknownInstrument
    from bethna.core.instrument import guessed, parse_name
    from bethna.logic.references import has_kind

    found: list[str] = []
    if settings.source.startswith("tape:"):
        return ()
    for text in settings.symbols:
        try:
            name = parse_name(text, settings.preferred_venue)
        except UnknownInstrument:
            continue
        if has_kind(kind, guessed(name.id)):
            found.append(text)
    return tuple(found)
