"""Lines to a reader who is slow, stops or goes away: the loop never waits, nothing is lost unsaid, the end is quick."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress

import pytest

from bethna.cli.output import Output


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def read_all(descriptor: int, wanted: int) -> bytes:
    found = b""
    while len(found) < wanted and (part := os.read(descriptor, 65536)):
        found += part
    return found


async def test_lines_come_in_order_and_whole(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lines = [f"{number} {'ü' * (number % 50)}" for number in range(5000)]
    wanted = "".join(f"{line}\n" for line in lines).encode()
    reading = asyncio.create_task(asyncio.to_thread(read_all, reader, len(wanted)))
    out = Output(writer, "utf-8")
    for line in lines:
        await out.say(line)
    await out.drained()
    assert await reading == wanted


async def test_a_reader_who_stops_holds_up_the_speaker_and_not_the_loop(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    out = Output(writer, "utf-8")
    said, many = 0, asyncio.Event()

    async def speak() -> None:
        nonlocal said
        while True:
            await out.say("x" * 999)
            said += 1
            if said == 60:
                many.set()

    speaking = asyncio.create_task(speak())
    await many.wait()
    for _ in range(2000):  # the loop runs, whoever reads or not
        await asyncio.sleep(0)
    assert said * 1000 < 1 << 20  # a pipe and a buffer at most
    taken = await asyncio.to_thread(read_all, reader, 2 << 20)  # it goes on as soon as somebody reads
    assert len(taken) >= 2 << 20
    assert set(taken.split(b"\n")[:-1]) == {b"x" * 999}
    speaking.cancel()
    with suppress(asyncio.CancelledError):
        await speaking
    os.close(reader)  # lets the thread go


async def test_a_closed_pipe_is_told_at_once(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.close(reader)
    out = Output(writer, "utf-8")
    with suppress(BrokenPipeError):
        await out.say("one")
    async with asyncio.timeout(10):
        await out.broken.wait()
    with pytest.raises(BrokenPipeError):
        await out.say("two")
    with pytest.raises(BrokenPipeError):
        await out.drained()


async def test_a_full_disk_is_told() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        out = Output(descriptor, "utf-8")
        with suppress(OSError):
            await out.say("one")
        with pytest.raises(OSError, match="No space left"):
            await out.drained()
    finally:
        os.close(descriptor)


async def test_what_has_no_letters_in_the_encoding_is_marked(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    out = Output(writer, "ascii")
    await out.say("币安")
    await out.drained()
    assert os.read(reader, 100) == b"??\n"


async def test_a_descriptor_that_does_not_wait_is_waited_for(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.set_blocking(writer, False)
    out = Output(writer, "utf-8")
    reading = asyncio.create_task(asyncio.to_thread(read_all, reader, 300_000))
    for _ in range(300):
        await out.say("x" * 999)
    await out.drained()
    assert len(await reading) == 300_000
