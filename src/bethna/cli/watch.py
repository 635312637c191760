"""`bethna watch`: prices in a table that lives, until `q` or Ctrl-C; how it looks is in `watching` and `screen`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from bethna.cli.boundary import DONE
from bethna.cli.group import json_option
from bethna.cli.options import desk_options, symbols_argument

if TYPE_CHECKING:
    from bethna.app.trading import RealTimeTrading
    from bethna.cli.attach import Choice
    from bethna.cli.desk_time import DeskTime
    from bethna.cli.output import Output
    from bethna.cli.watching import Rates, Watched
    from bethna.core.instrument import Feature
    from bethna.core.market import InstrumentId

Named = Callable[[], Sequence["InstrumentId"]]
PRICES: tuple[Feature, ...] = ("prices",)
DRAW_S = 0.25
LOOK_S = 1.0
FIRST_S = 20.0


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
    from bethna.cli.running import run
    from bethna.cli.show import choice_of

    run(_watch(choice_of(options), options["symbols"], as_json=options["as_json"]))
    return DONE


async def _watch(choice: Choice, symbols: tuple[str, ...], *, as_json: bool) -> None:
    from bethna.cli.attach import chosen_desk, follow
    from bethna.cli.desk_time import DeskTime
    from bethna.cli.output import Output

    out = Output()
    async with chosen_desk(choice, symbols, PRICES) as desk:
        named = [(await follow(desk, symbol, choice.settings))[0] for symbol in symbols]
        wanted = tuple(dict.fromkeys(named))

        def watched() -> Sequence[InstrumentId]:
            return wanted or desk.symbols

        time = DeskTime(desk)
        if as_json:
            await _tell(desk, watched, time, out)
        elif sys.stdout.isatty():
            await _draw(desk, watched, time, out)
        else:
            await _once(desk, watched, time, out)
        await out.drained()


async def _once(desk: RealTimeTrading, watched: Named, time: DeskTime, out: Output) -> None:
    """The table as it is when each has a price, or when that takes too long."""
    from bethna.cli.watching import Board, Rates
    from bethna.core.errors import NoDataYet

    try:
        await desk.ready(*watched(), timeout_s=FIRST_S, features=PRICES)
    except NoDataYet:
        if not any(desk.prices.get(each) for each in watched()):
            raise
    for line in Board().lines("", _rows(desk, watched(), Rates()), time.now_ns()):
        await out.say(line)


async def _tell(desk: RealTimeTrading, watched: Named, time: DeskTime, out: Output) -> None:
    """A line for each price that changes, of whatever is watched by then; ends with the source."""
    import msgspec

    from bethna.cli.objects import price_object

    async def tell(instrument: InstrumentId) -> None:
        async for view in desk.prices.stream(instrument):
            await out.say(msgspec.json.encode(price_object(view, time.now_ns())).decode())

    reading: dict[InstrumentId, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as group:
        while True:
            followed = set(desk.symbols)
            for gone in [each for each in reading if each not in followed]:
                del reading[gone]
            for each in watched():
                if each in followed and each not in reading:
                    reading[each] = group.create_task(tell(each), name=f"prices {each}")
            if not reading or all(task.done() for task in reading.values()):
                return
            await asyncio.wait(reading.values(), timeout=LOOK_S)


async def _draw(desk: RealTimeTrading, watched: Named, time: DeskTime, out: Output) -> None:
    """Draw until somebody presses `q`."""
    from bethna.cli.screen import Screen, frame
    from bethna.cli.watching import Board, Rates

    over, again = asyncio.Event(), asyncio.Event()
    first = 0

    def pressed(key: str) -> None:
        nonlocal first
        if key == "q":
            over.set()
        else:
            most = max(0, len(watched()) - 1)
            first = max(0, min(most, first + (1 if key == "down" else -1)))
            again.set()

    async def draw(screen: Screen) -> None:
        board, rates = Board(), Rates()
        while True:
            again.clear()
            rows = _rows(desk, watched(), rates)
            lines = board.lines(
                _title(desk, time),
                rows,
                time.now_ns(),
                room=screen.size(),
                first=first,
                colours=in_colours(os.environ),
            )
            await out.write(frame(lines))
            try:
                async with asyncio.timeout(DRAW_S):
                    await again.wait()
            except TimeoutError:
                continue

    async with Screen(out, pressed, again.set) as screen, asyncio.TaskGroup() as group:
        drawing = group.create_task(draw(screen), name="draw")
        await over.wait()
        drawing.cancel()


def in_colours(environment: Mapping[str, str]) -> bool:
    """Whether a terminal is drawn upon in colours: not where NO_COLOR is set to anything, nor on a dumb one."""
    return not environment.get("NO_COLOR") and environment.get("TERM", "") != "dumb"


def _rows(desk: RealTimeTrading, instruments: Sequence[InstrumentId], rates: Rates) -> list[Watched]:
    from bethna.cli.watching import Watched

    health = desk.health()
    rates.see(health.now * 1000, {name: card.trades for name, card in health.instruments.items()})
    rows = []
    for each in instruments:
        card = health.instruments.get(each)
        if card is None or each not in desk.symbols:
            rows.append(Watched(each, None, message="not followed any more"))
        else:
            rows.append(Watched(each, desk.prices.get(each), rates.rate(each), card.message or card.status))
    return rows


def _title(desk: RealTimeTrading, time: DeskTime) -> str:
    from bethna.cli.cells import clock_time, source_words

    simulation = desk.simulation
    words = source_words(
        desk.source, None if simulation is None else simulation.seed, simulated=simulation is not None
    )
    where = desk.attached or "a desk of this command"
    now = clock_time(time.now_ns()).partition(".")[0]
    return f"{words} | {desk.health().status} | {now} UTC | {where} | q ends"
