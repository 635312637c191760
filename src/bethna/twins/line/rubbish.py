"""Frames that are none: what a broken venue may send; each is a function of the dice and of the frame it replaces."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_NOTHING = (b"", b" ", b"null", b"[]", b"{}", b"0", b'"trade"', b"NaN", b"{" * 2000, b"[" * 2000)
_NO_FRAMES = (
    b"\xc1",  # a reserved bit
    b"\x83\x04rest",  # a reserved kind of frame
    b"\x89\x7e\x01\x00" + b"p" * 256,  # a ping longer than pings are
    b"\x80\x04lost",  # the continuation of nothing
    b"\x81\x84\x00\x00\x00\x00mask",  # masked, which a server never does
)


def rubbish(rng: Random, frame: bytes, wrong: Callable[[bytes], bytes]) -> bytes:
    """A text that takes a frame's place and can be mistaken for none.

    Args:
        wrong: makes of the frame one that looks like the venue's and is none (`Speech.wrong`).
    """
    match rng.randrange(4):
        case 0:
            return frame[: rng.randrange(1, max(2, len(frame)))]
        case 1:
            return rng.randbytes(rng.randrange(1, 200)).decode("latin-1").encode()
        case 2:
            return wrong(frame)
        case _:
            return rng.choice(_NOTHING)


def no_frame(rng: Random) -> bytes:
    """Bytes that break the WebSocket protocol wherever they come."""
    return rng.choice(_NO_FRAMES)
