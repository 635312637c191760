"""What a venue must tell so that its frames can be sent, damaged and accounted for; nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

Role = Literal["trades", "diffs", "book", ""]
"""What a stream says, as far as faults tell: executions, changes of the book, whole books, anything else."""


class Stream(Protocol):
    """A well-formed name of a stream; a frozen Struct of the venue is one.

    Attributes:
        name: as subscribed; the ledger names it so. symbol: of its market as the world lists it, "" of all or none.
        suffix: the name without its symbol, as faults spell it. every_ns: 0 is with each step of the market; else
            pushed at multiples of this by the venue's clock.
        role: what it says. rank: its place among those that one step makes speak, the least first.
    """

    @property
    def name(self) -> str: ...

    @property
    def symbol(self) -> str: ...

    @property
    def suffix(self) -> str: ...

    @property
    def every_ns(self) -> int: ...

    @property
    def role(self) -> Role: ...

    @property
    def rank(self) -> int: ...


Ids = tuple[int | None, int | None]
"""First and last id of a payload; None where it has none."""


def _no_ids(_payload: bytes) -> Ids:
    return None, None


def _unwrapped(_name: str, payload: bytes) -> bytes:
    return payload


def _unspoiled(_frame: bytes) -> bytes | None:
    return None


class Speech(Struct, frozen=True):
    """A venue's ways with its frames; each is a function of bytes and of nothing else.

    Attributes:
        wrong: a text that looks like the given frame and can be no message of the venue: garbage.
        ids_of: first and last id that a payload carries, for the ledger: trade ids, or update ids.
        wrap: (name of a stream, payload) -> the frame for connections that want payloads wrapped.
        spoil: the frame with a checksum that is wrong; None when it carries none.
    """

    wrong: Callable[[bytes], bytes]
    ids_of: Callable[[bytes], Ids] = _no_ids
    wrap: Callable[[str, bytes], bytes] = _unwrapped
    spoil: Callable[[bytes], bytes | None] = _unspoiled
