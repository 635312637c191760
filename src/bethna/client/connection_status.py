"""How connections are, by venue and by instrument, looked up when asked; it remembers nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bethna.client.backend import Backend
from bethna.core.errors import UnknownInstrument
from bethna.core.status import InstrumentHealth, VenueHealth


class ConnectionStatus(Mapping[str, VenueHealth | InstrumentHealth]):
    """By a venue's name its `VenueHealth`, by an instrument, however it is spelled, its `InstrumentHealth`."""

    def __init__(self, backend: Callable[[], Backend]) -> None:
        self._backend = backend

    def __getitem__(self, name: str) -> VenueHealth | InstrumentHealth:
        """Raises UnknownInstrument for what is neither; it names the nearest."""
        backend = self._backend()
        venue = backend.venues().get(name)
        return venue if venue is not None else backend.instrument_health(backend.resolve(name))

    def __iter__(self) -> Iterator[str]:
        backend = self._backend()
        yield from backend.venues()
        yield from (instrument.id for instrument in backend.instruments())

    def __len__(self) -> int:
        backend = self._backend()
        return len(backend.venues()) + len(backend.instruments())

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and self[name] is not None
        except UnknownInstrument:
            return False

    def __repr__(self) -> str:
        return f"<connections: {', '.join(f'{name} {found.state}' for name, found in self.items())}>"
