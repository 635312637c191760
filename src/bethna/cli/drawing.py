"""Watches a desk until somebody ends it: as a table on a terminal, once into a pipe, as lines for programs.

How the table looks is in `watching`, the terminal in `screen`; it asks a desk for nothing but what that has in memory.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence

import msgspec

from bethna.app.trading import RealTimeTrading
from bethna.cli.attach import Choice, chosen_desk, follow
from bethna.cli.cells import clock_time, source_words
from bethna.cli.desk_time import DeskTime
from bethna.cli.objects import price_object
from bethna.cli.output import Output
from bethna.cli.screen import Screen, frame
from bethna.cli.watching import Board, Rates, Watched
from bethna.core.clock import NS_PER_US
from bethna.core.errors import NoDataYet
from bethna.core.instrument import Feature
from bethna.core.market import InstrumentId

Named = Callable[[], Sequence[InstrumentId]]
PRICES: tuple[Feature, ...] = ("prices",)
DRAW_S = 0.25
LOOK_S = 1.0
FIRST_S = 20.0
OTHER_LINES = 3
"""Title, head, and the line that says which rows are shown."""


async def watch_desk(choice: Choice, symbols: tuple[str, ...], *, as_json: bool) -> None:
    """Watch the chosen desk; without symbols whatever it follows. Raises what finding the desk raises."""
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
    try:
        await desk.ready(*watched(), timeout_s=FIRST_S, features=PRICES)
    except NoDataYet:
        if not any(desk.prices.get(each) for each in watched()):
            raise
    for line in Board().lines("", _rows(desk, watched(), Rates()), time.now_ns()):
        await out.say(line)


async def _tell(desk: RealTimeTrading, watched: Named, time: DeskTime, out: Output) -> None:
    """A line for each price that changes, of whatever is watched by then; ends with the source."""

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
        nonlocal first
        board, rates = Board(), Rates()
        while True:
            again.clear()
            rows, room = _rows(desk, watched(), rates), screen.size()
            first = min(first, max(0, len(rows) - (room[1] - OTHER_LINES)))
            lines = board.lines(
                _title(desk, time),
                rows,
                time.now_ns(),
                room=room,
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
    health = desk.health()
    rates.see(health.now * NS_PER_US, {name: card.trades for name, card in health.instruments.items()})
    rows = []
    for each in instruments:
        card = health.instruments.get(each)
        if card is None or each not in desk.symbols:
            rows.append(Watched(each, None, message="not followed any more"))
        else:
            rows.append(Watched(each, desk.prices.get(each), rates.rate(each), card.message or card.status))
    return rows


def _title(desk: RealTimeTrading, time: DeskTime) -> str:
    simulation = desk.simulation
    words = source_words(
        desk.source, None if simulation is None else simulation.seed, simulated=simulation is not None
    )
    where = desk.attached or "a desk of this command"
    now = clock_time(time.now_ns()).partition(".")[0]
    return f"{words} | {desk.health().status} | {now} UTC | {where} | q ends"
