"""`bethna decode`: a venue's frames in, facts as JSON out; it keeps no state and follows no feed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

import click

from bethna.cli.boundary import CHECK_FAILED, DONE
from bethna.cli.completing import complete_venue
from bethna.cli.group import json_option
from bethna.core.errors import TapeError, WireError

_READ_BYTES = 1 << 16
_MAX_FRAME_BYTES = 64 << 20


@click.command(short_help="Decode frames on stdin to JSON lines.")
@click.argument("venue", shell_complete=complete_venue)
@click.option(
    "--ts",
    type=click.IntRange(0, 2**63 // 1000),
    metavar="US",
    help="The receive time to use, us UTC (default: now).",
)
@json_option
def decode(venue: str, ts: int | None, as_json: bool) -> int:
    """Decode a VENUE's frames: one a line on stdin, one JSON object a line on stdout.

    VENUE is binance, coinbase, kraken or deribit, in the language that the desk speaks with it; coinbase_advanced
    (Advanced Trade) and kraken_v1 (version 1) are other wires of the same venues.

    A frame may hold several facts, and gives as many lines. A bad frame gives a line of type "error", and exit code 1
    at the end; the frames after it are decoded all the same.

    \b
    echo '{"e":"trade",...}' | bethna decode binance
    """
    del as_json  # it always is
    for name, stream in ("stdin", sys.stdin), ("stdout", sys.stdout):
        if stream is None:
            raise click.UsageError(f"expected frames on stdin and a reader of stdout, found {name} closed")
    import msgspec

    from bethna.api.decoded import describe, describe_error
    from bethna.runtime.clocks import SystemClock
    from bethna.venues.registry import codec_to_read

    now_ns = SystemClock().now_ns
    connection = codec_to_read(venue)[1].connection(1)
    encode = msgspec.json.encode
    out = sys.stdout.buffer
    bad = False
    for frames in frames_of(sys.stdin.buffer):
        for frame in frames:
            ts_recv = now_ns() if ts is None else ts * 1000
            try:
                lines = [encode(describe(event)) for event in connection.decode(frame, ts_recv)]
            except WireError as error:
                bad = True
                lines = [encode(describe_error(error))]
            out.writelines(line + b"\n" for line in lines)
        out.flush()
    return CHECK_FAILED if bad else DONE


def frames_of(stream: BinaryIO) -> Iterator[list[bytes]]:
    """The non-empty lines of `stream`, as many at a time as have arrived, so that a person and a pipe get answers."""
    descriptor = stream.fileno()
    rest: list[bytes] = []
    waiting = 0
    line = 1
    while block := _read(descriptor):
        head, newline, tail = block.rpartition(b"\n")
        if newline:
            lines = b"".join((*rest, head)).split(b"\n")
            line += len(lines)
            yield [text for text in lines if text.strip()]
            rest, waiting = [], 0
        rest.append(tail)
        waiting += len(tail)
        if waiting > _MAX_FRAME_BYTES:
            raise TapeError(
                "stdin", line, f"stdin, line {line}: expected a frame, found a line without an end"
            )
    if waiting:
        yield [b"".join(rest)]


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _READ_BYTES)
    except OSError as error:  # opened for writing, a disk that fails
        raise TapeError(
            "stdin", 0, f"expected frames on stdin, found it unreadable: {error.strerror}"
        ) from error
