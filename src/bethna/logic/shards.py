"""Which streams travel on which socket; it opens none.

Rules
  1. A stream is on one socket. The streams of a group (one instrument) stay together where the cap allows it.
  2. What is placed never moves: adding or removing others does not reconnect anybody.
  3. No socket carries more than `cap` streams.
  4. A group goes to the first socket with room for all of it, oldest first; else to a new one.
     A group larger than the cap is spread over as many sockets as it needs.
  5. A socket without streams is gone; its number is never used again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Shards:
    """The placement of streams. Groups are named by the caller; adding one that is there replaces its streams."""

    def __init__(self, cap: int) -> None:
        if cap < 1:
            raise ValueError(f"expected a cap of at least one stream a socket, found {cap}")
        self._cap = cap
        self._sockets: dict[int, dict[str, str]] = {}
        self._groups: dict[str, dict[str, int]] = {}
        self._next = 1

    def sockets(self) -> tuple[int, ...]:
        """The numbers of the sockets in use, oldest first."""
        return tuple(self._sockets)

    def streams(self, socket: int) -> tuple[str, ...]:
        """What a socket carries, in the order of placing; nothing for one that is gone."""
        return tuple(self._sockets.get(socket, ()))

    def groups(self, socket: int) -> tuple[str, ...]:
        """Whose streams a socket carries, each once."""
        return tuple(dict.fromkeys(self._sockets.get(socket, {}).values()))

    def placed(self, group: str) -> dict[str, int]:
        """Stream -> socket of one group."""
        return dict(self._groups.get(group, {}))

    def carrier(self, stream: str) -> int:
        """The socket of a stream, 0 where it is on none."""
        return next((number for number, carried in self._sockets.items() if stream in carried), 0)

    def add(self, group: str, streams: Iterable[str]) -> set[int]:
        """Place a group; the sockets whose streams changed. A stream that another group placed is left where it is."""
        wanted = dict.fromkeys(streams)
        held = self._groups.get(group, {})
        changed = self._take_off(group, [stream for stream in held if stream not in wanted])
        taken = {stream for carried in self._sockets.values() for stream in carried}
        fresh = [stream for stream in wanted if stream not in taken]
        for start in range(0, len(fresh), self._cap):
            changed.add(self._place(group, fresh[start : start + self._cap]))
        return changed

    def remove(self, group: str) -> set[int]:
        """Take a group off; the sockets whose streams changed (some may be gone now, rule 5)."""
        return self._take_off(group, list(self._groups.get(group, ())))

    def _place(self, group: str, streams: Sequence[str]) -> int:
        room = (
            number for number, carried in self._sockets.items() if len(carried) + len(streams) <= self._cap
        )
        socket = next(room, 0)  # rule 4
        if not socket:
            socket = self._next
            self._next += 1
        self._sockets.setdefault(socket, {}).update(dict.fromkeys(streams, group))
        self._groups.setdefault(group, {}).update(dict.fromkeys(streams, socket))
        return socket

    def _take_off(self, group: str, streams: Sequence[str]) -> set[int]:
        changed = set()
        placed = self._groups.get(group, {})
        for stream in streams:
            socket = placed.pop(stream)
            del self._sockets[socket][stream]
            if not self._sockets[socket]:
                del self._sockets[socket]  # rule 5
            changed.add(socket)
        if not placed:
            self._groups.pop(group, None)
        return changed
