"""Playing a tape: when feeds are told the time, what two sockets mean, what happens at damage and at the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bethna.core.clock import NS_PER_S
from bethna.core.market import InstrumentId
from bethna.core.status import SystemEvent
from bethna.core.wire import MarketEvent, RestEvent
from bethna.logic.feed import FeedSettings
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock, SystemClock
from bethna.services.feeds import Feeds
from bethna.services.playback import FRAMES_PER_TURN, KEPT_EXCERPTS, MAX_TICKS, TapePlayer
from bethna.venues.binance import BinanceCodec
from bethna.venues.spec import Codec

BTC = InstrumentId("BTC-USDT@binance")
ETH = InstrumentId("ETH-USDT@binance")
START = 1_700_000_000 * NS_PER_S
SOCKET = "wss://stream.binance.com:9443/stream?streams=btcusdt@trade/ethusdt@trade"
DEPTH = "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5000"


def line(
    at_s: float, kind: str, raw: object = "", conn: int | None = 1, url: str | None = None
) -> dict[str, Any]:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    entry = {"ts": START + round(at_s * NS_PER_S), "kind": kind, "raw": text}
    return entry | ({} if conn is None else {"conn": conn}) | ({} if url is None else {"url": url})


def trade(at_s: float, trade_id: int, conn: int = 1) -> dict[str, Any]:
    ms = round(START / 1e6 + at_s * 1e3)
    data = {
        "e": "trade",
        "E": ms,
        "s": "BTCUSDT",
        "t": trade_id,
        "p": "1.0",
        "q": "1.0",
        "T": ms,
        "m": True,
        "M": True,
    }
    return line(at_s, "rx", {"stream": "btcusdt@trade", "data": data}, conn)


def opened(at_s: float, conn: int = 1, url: str = SOCKET) -> dict[str, Any]:
    return line(at_s, "open", conn=conn, url=url)


def closed(at_s: float, conn: int = 1) -> dict[str, Any]:
    return line(at_s, "close", "gone", conn)


class Sink(Feeds):
    """Real feeds that note what they are told, in order."""

    def __init__(self, clock: ManualClock) -> None:
        self.bus = Bus(clock)
        self.told: list[Any] = []
        super().__init__(self.bus, clock, FeedSettings(), follow_unknown=True)

    def apply(self, event: MarketEvent, conn: int = 0) -> None:
        self.told.append(type(event).__name__)
        self.follow(self.describe(event.instrument))
        super().apply(event, conn)

    def apply_rest(self, events: Iterable[RestEvent], now: int) -> None:
        super().apply_rest(events, now)

    def tick(self, now: int) -> None:
        self.told.append((now - START) / NS_PER_S)
        super().tick(now)

    def set_overlapping(self, instruments: Iterable[InstrumentId], overlapping: bool) -> None:
        listed = sorted(instruments)
        if listed:
            self.told.append((overlapping, *listed))
        super().set_overlapping(listed, overlapping)

    def finish(self, now: int) -> None:
        self.told.append("finish")
        super().finish(now)


class Stage:
    """One tape and a player of it."""

    def __init__(self, folder: Path, lines: Iterable[dict[str, Any] | str], **options: Any) -> None:
        path = folder / "small.jsonl"
        path.write_text(
            "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines)
        )
        self.codec = BinanceCodec()
        self.clock = ManualClock()
        self.sink = Sink(self.clock)
        self.events: list[SystemEvent] = []
        self.player = TapePlayer(
            path, self.codec_for, self.sink, self.clock, SystemClock(), report=self.events.append, **options
        )

    def codec_for(self, url: str, wire: str | None) -> tuple[str, Codec]:
        return "binance", self.codec

    def told(self) -> list[Any]:
        self.player.play_through()
        return self.sink.told


# --- time (rules 1 and 2)


def test_every_whole_second_is_told_before_the_frame_that_passes_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [trade(0.5, 1), trade(0.9, 2), trade(1.0, 3), trade(3.2, 4)])
    assert stage.told() == ["Trade", "Trade", 1.0, "Trade", 2.0, 3.0, "Trade", "finish"]
    assert stage.clock.now_ns() == START + round(3.2 * NS_PER_S)


@pytest.mark.parametrize(
    ("silence_s", "ticks"), [(MAX_TICKS, MAX_TICKS), (MAX_TICKS + 1, MAX_TICKS + 1), (MAX_TICKS + 2, 1)]
)
def test_a_long_silence_is_told_once(tmp_path: Path, silence_s: int, ticks: int) -> None:
    told = Stage(tmp_path, [trade(0, 1), trade(silence_s, 2)]).told()
    assert told == ["Trade", *told[1:-2], "Trade", "finish"]
    assert len(told[1:-2]) == ticks
    assert told[-3] == silence_s


def test_a_clock_that_was_set_back_does_not_stop_the_time(tmp_path: Path) -> None:
    lines = [trade(0, 1), trade(1, 4), *(trade(-3600 + n, 4 + n) for n in range(1, 15))]
    stage = Stage(tmp_path, lines)
    stage.player.play_through()
    ticks = [each for each in stage.sink.told if isinstance(each, float)]
    assert ticks == [1.0, *(-3599.0 + n for n in range(14))]
    gaps = list(stage.sink.feed(BTC).sequence.log.gaps())
    assert [(gap.first_id, gap.last_id, gap.healed) for gap in gaps] == [(2, 3, False)]
    assert "finish" in stage.sink.told


def test_a_small_step_back_changes_nothing(tmp_path: Path) -> None:
    assert Stage(tmp_path, [trade(0.5, 1), trade(1.5, 2), trade(0.9, 3), trade(2.1, 4)]).told() == [
        "Trade", 1.0, "Trade", "Trade", 2.0, "Trade", "finish",
    ]  # fmt: skip


# --- two sockets (rule 4)


def test_while_two_sockets_carry_a_stream_duplicates_are_expected(tmp_path: Path) -> None:
    only_btc = SOCKET.replace("/ethusdt@trade", "")
    lines = [
        opened(0, 1), trade(0.1, 1, 1), opened(0.2, 2, only_btc), trade(0.3, 2, 1), trade(0.3, 2, 2),
        closed(0.4, 1), trade(0.5, 2, 2), closed(0.6, 2),
    ]  # fmt: skip
    stage = Stage(tmp_path, lines)
    told = [each for each in stage.told() if isinstance(each, tuple)]
    assert told == [(True, BTC), *told[1:]]
    assert set(told[1:]) == {(False, BTC), (False, ETH)}
    log = stage.sink.feed(BTC).sequence.log
    assert (log.overlaps, log.duplicates) == (1, 1)


def test_of_three_sockets_two_still_overlap(tmp_path: Path) -> None:
    lines = [
        opened(0, 1),
        opened(0, 2),
        opened(0, 3),
        trade(0.1, 1),
        closed(0.2, 1),
        trade(0.3, 1, 2),
        closed(0.4, 2),
    ]
    stage = Stage(tmp_path, lines)
    stage.player.play_through()
    log = stage.sink.feed(BTC).sequence.log
    assert (log.overlaps, log.duplicates) == (1, 0)
    assert not stage.sink.feed(BTC).sequence.overlapping


def test_a_socket_number_that_is_used_again_does_not_overlap_with_itself(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [opened(0, 1), trade(0.1, 1), opened(5, 1), trade(5.1, 2), trade(5.2, 2)])
    stage.player.play_through()
    assert stage.sink.feed(BTC).sequence.log.duplicates == 1


# --- what is not a market event


def test_bad_and_unknown_frames_are_counted_and_their_beginning_is_kept(tmp_path: Path) -> None:
    bad = [line(0.1, "rx", f"no frame {n}") for n in range(KEPT_EXCERPTS + 5)]
    unknown = line(0.2, "rx", {"stream": "btcusdt@later", "data": {"e": "news", "E": 1}})
    answers = [
        line(0.3, "http", {"code": -1121, "msg": "Invalid symbol."}, None, DEPTH),
        line(0.3, "http", "no body", None, DEPTH),
        line(
            0.4, "http", {"lastUpdateId": 5, "bids": [["1.0", "1.0"]], "asks": [["2.0", "1.0"]]}, None, DEPTH
        ),
        line(0.5, "http", "who asked?", None),
    ]
    acked = line(0.6, "rx", {"result": None, "id": 1})
    stage = Stage(tmp_path, [opened(0), *bad, unknown, *answers, acked, trade(0.7, 1)])
    stage.player.play_through()
    player = stage.player
    assert (player.wire_errors, player.unknown_messages, player.rest_errors) == (KEPT_EXCERPTS + 6, 1, 1)
    assert player.excerpts == [f"no frame {n}" for n in range(KEPT_EXCERPTS)]
    assert player.frames == KEPT_EXCERPTS + 5 + 1 + 3 + 1 + 1, "an answer to nobody knows what is no frame"
    book = stage.sink.feed(BTC).booksync.book
    assert book is not None
    assert book.update_id == 5


# --- damage, end, loop


def test_damage_ends_the_playing_and_says_where(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [trade(0, 1), trade(0.1, 2), '{"ts": 17', trade(0.3, 3)], loop=True)
    stage.player.play_through()
    assert stage.sink.feed(BTC).trades == 2
    assert stage.player.damage is not None
    assert stage.player.damage.line == 3
    assert [(event.code, event.level) for event in stage.events] == [("damaged_tape", "error")]
    assert stage.player.tape_position().damage == stage.player.damage.message
    assert stage.sink.told[-1] == "finish"


async def test_a_damaged_tape_is_not_played_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [trade(0, 1), '{"ts": 17'], loop=True)
    await stage.player.run()
    assert stage.player.loops == 0
    assert [event.code for event in stage.events] == ["damaged_tape", "tape_ended"]


async def test_an_empty_tape_ends_at_once_even_in_a_loop(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [], loop=True)
    await stage.player.run()
    assert stage.player.ended
    assert (stage.events, stage.sink.told) == ([], [])


async def test_the_position_runs_and_the_end_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [opened(0), trade(1, 1), trade(2, 2)], end=START + 2 * NS_PER_S)
    before = stage.player.tape_position()
    assert (before.position, before.start, before.ended, before.end) == (
        None,
        None,
        False,
        START + 2 * NS_PER_S,
    )
    assert stage.player.venue_health(lambda _: None) == []
    await stage.player.run()
    after = stage.player.tape_position()
    assert (after.position, after.start, after.ended, after.end) == (
        START + 2 * NS_PER_S,
        START,
        True,
        START + 2 * NS_PER_S,
    )
    (health,) = stage.player.venue_health(lambda _: 7)
    assert (health.venue, health.state, health.connections, health.clock_offset_ns, health.messages) == (
        "binance", "ended", 0, 7, 2,
    )  # fmt: skip
    assert [event.code for event in stage.events] == ["tape_ended"]


async def test_a_loop_begins_again_with_nothing_in_hand(tmp_path: Path) -> None:
    """The second time the same trades are no duplicates, and time begins where the tape begins."""
    stage = Stage(tmp_path, [opened(0), trade(0.5, 1), trade(1.5, 2)], loop=True)
    heard = 0
    enough = 3

    def hear(_: object) -> None:
        nonlocal heard
        heard += 1
        stage.player.loop = stage.player.loops < enough

    stage.sink.bus.channel("trades", BTC).subscribe(hear)
    await stage.player.run()
    assert (stage.player.loops, heard) == (enough, 2 * (enough + 1))
    assert stage.sink.told == ["Trade", 1.0, "Trade", "finish"] * (enough + 1)
    log = stage.sink.feed(BTC).sequence.log
    assert (stage.sink.feed(BTC).trades, log.duplicates) == (2, 0)


async def test_flat_out_gives_way_to_others_and_ends_in_the_same_state(tmp_path: Path) -> None:
    lines = [trade(n / 1000, n) for n in range(1, 3 * FRAMES_PER_TURN)]
    straight, stage = Stage(tmp_path, lines), Stage(tmp_path, lines)
    straight.player.play_through()
    seen: list[int] = []
    playing = asyncio.ensure_future(stage.player.run())
    while not playing.done():
        seen.append(stage.player.frames)
        await asyncio.sleep(0)
    await playing
    assert seen == [0, FRAMES_PER_TURN - 1, 2 * FRAMES_PER_TURN - 1]
    assert stage.sink.state_hash() == straight.sink.state_hash()


async def test_a_paced_tape_takes_its_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [trade(0, 1), trade(10, 2)], speed=200.0)
    pace = SystemClock()
    began = pace.monotonic_ns()
    await stage.player.run()
    assert pace.monotonic_ns() - began >= 10 * NS_PER_S / 200
    assert stage.player.tape_position().speed == 200.0
