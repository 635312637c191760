"""The pages of the measurement, in a process of their own: each subscribes what the terminal does and notes ages.

Among them are some that subscribe and read nothing: their sockets fill up, and the desk has to do without them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import time
from dataclasses import dataclass, field

import msgspec
import websockets

from bethna.cli.running import loop_factory

HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class _Item(msgspec.Struct):
    kind: str
    ts_recv: int = 0
    count: int = 0


class _Data(msgspec.Struct):
    items: list[_Item] = []
    dropped: int = 0


class _Frame(msgspec.Struct):
    topic: str | None
    seq: int
    type: str
    data: _Data


@dataclass
class Seen:
    """What all pages together saw."""

    ages_ms: list[float] = field(default_factory=list)
    frames: int = 0
    bytes: int = 0
    dropped: int = 0
    holes: int = 0
    counting: bool = False


def topics(symbol: int) -> list[str]:
    one = f"C{symbol:03d}-USDT@binance"
    return ["health", "prices", "events", f"book:{one}", f"trades:{one}", f"candles:{one}:1m"]


async def page(url: str, symbol: int, seen: Seen) -> None:
    """One page: reads until it is cancelled."""
    decode = msgspec.json.Decoder(_Frame).decode
    counts: dict[str, int] = {}
    async with websockets.connect(url, compression=None, max_queue=None) as connection:
        await connection.send(json.dumps({"op": "subscribe", "topics": topics(symbol), "rate": "ui"}))
        async for text in connection:
            frame = decode(text)
            if frame.topic is None:
                continue
            seen.holes += frame.seq != counts.get(frame.topic, 0) + 1
            counts[frame.topic] = frame.seq
            if not seen.counting:
                continue
            seen.frames += 1
            seen.bytes += len(text)
            if frame.topic.startswith("trades") and frame.type == "delta":
                newest = frame.data.items[-1]
                seen.ages_ms.append((time.time_ns() / 1e3 - newest.ts_recv) / 1e3)
                seen.dropped += sum(item.count for item in frame.data.items if item.kind == "dropped")


def deaf(host: str, port: int, symbol: int) -> socket.socket:
    """A client that subscribes and then reads nothing."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect((host, port))
    made.sendall(HANDSHAKE.encode())
    body = json.dumps({"op": "subscribe", "topics": topics(symbol), "rate": "every"}).encode()
    head = bytes((0x81, 0x80 | 126)) + len(body).to_bytes(2, "big") + bytes(4)
    made.sendall(head + body)
    return made


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--pages", type=int, required=True)
    parser.add_argument("--deaf", type=int, required=True)
    parser.add_argument("--symbols", type=int, required=True)
    options = parser.parse_args()
    ws = options.url.replace("http:", "ws:") + "/ws"
    host, _, port = options.url.removeprefix("http://").partition(":")
    seen = Seen()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as group:
        pages = [
            group.create_task(page(ws, number % options.symbols, seen)) for number in range(options.pages)
        ]
        silent = [deaf(host, int(port), number % options.symbols) for number in range(options.deaf)]
        print("begun", flush=True)
        await reader.readline()
        seen.counting = True
        await reader.readline()
        seen.counting = False
        for each in pages:
            each.cancel()
        for made in silent:
            made.close()
    print(
        json.dumps(
            {
                "ages_ms": seen.ages_ms,
                "frames": seen.frames,
                "bytes": seen.bytes,
                "dropped": seen.dropped,
                "holes": seen.holes,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())
