"""`bethna watch`: prices in a table that lives, until `q` or Ctrl-C; it draws nothing itself, that is in `drawing`."""

from __future__ import annotations

from typing import Any

import click

from bethna.cli.boundary import DONE
from bethna.cli.group import json_option
from bethna.cli.options import desk_options, symbols_argument


@click.command(short_help="Watch prices in a live table.")
@symbols_argument
@desk_options
@json_option
def watch(**options: Any) -> int:
    """Watch a table that lives: price, change, bid, ask, spread, age, trades a second, coverage.

    Without SYMBOL it shows what the desk follows, as that changes. `q` or Ctrl-C ends it. Where stdout is no terminal
    it prints the table once.

    \b
    bethna watch
    bethna watch ETH-USDT BTC-USDT
    bethna watch --json | jq .price
    """
    from bethna.cli.drawing import watch_desk
    from bethna.cli.running import run
    from bethna.cli.show import choice_of

    run(watch_desk(choice_of(options), options["symbols"], as_json=options["as_json"]))
    return DONE
