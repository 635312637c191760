"""What a shard asks of its pool; no behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bethna.core.market import InstrumentId
from bethna.core.status import EventLevel, StreamState
from bethna.core.wire import VenueCondition
from bethna.services.connections.link import Link


class ShardOwner(Protocol):
    """What a shard asks of its pool."""

    def spawn(self, link: Link) -> None:
        """Run a link; `Shard.link_gone` is called when its socket is gone."""
        ...

    def wanted(self, shard: int) -> Sequence[str]:
        """The streams of a shard that the venue has not refused."""
        ...

    def carried(self, shard: int) -> Sequence[InstrumentId]:
        """The instruments of a shard."""
        ...

    def tell(self, instrument: InstrumentId, state: StreamState, reason: str, *, connected: bool) -> None:
        """An instrument's state may have changed; `connected`: a socket carries it."""
        ...

    def refuse(self, stream: str, reason: str) -> None:
        """The venue does not serve a stream."""
        ...

    def is_refused(self, instrument: InstrumentId) -> bool:
        """The venue does not serve an instrument, or a stream of it."""
        ...

    def all_refused(self, shard: int) -> bool:
        """The venue serves nothing of what a shard carries."""
        ...

    def condition(self, connection: int, said: VenueCondition) -> None:
        """The venue said how it is."""
        ...

    def report(self, level: EventLevel, code: str, message: str, subject: str = "") -> None:
        """Something for a person; the subject is the venue unless said otherwise."""
        ...

    def failed(self, failures: int, reason: str) -> None:
        """A connection failed for the `failures`-th time in a row."""
        ...

    def shut_out(self, status: int) -> None:
        """The venue does not let us in, and no other host is left to try at once."""
        ...
