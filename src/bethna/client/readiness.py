"""Whether a desk has data of what it follows, and the wait until it has; it asks for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bethna.client.backend import Backend, Want
from bethna.core.errors import NoDataYet
from bethna.core.instrument import Feature
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.core.status import Trust

_SAID: dict[Feature, str] = {"prices": "price", "trades": "trades", "books": "book", "candles": "candles"}


def has(backend: Backend, instrument: InstrumentId, feature: Feature) -> bool:
    """Whether there is data; of a book only one that is trusted."""
    match feature:
        case "prices":
            return backend.price(instrument).price is not None
        case "trades":
            return backend.last_trade(instrument)[0] is not None
        case "books":
            return backend.book(instrument, 1).trust == Trust.TRUSTED
        case "candles":
            return backend.last_candle(instrument, Interval.M1) is not None


def missing(backend: Backend, instruments: Sequence[InstrumentId], features: Sequence[Feature]) -> list[str]:
    """What has no data yet: `ETH-USDT@venue book`. Of an index only a price is missed: nobody trades it."""
    return [
        f"{instrument} {_SAID[feature]}"
        for instrument, feature in expected(backend, instruments, features)
        if not has(backend, instrument, feature)
    ]


def expected(
    backend: Backend, instruments: Sequence[InstrumentId], features: Sequence[Feature]
) -> list[tuple[InstrumentId, Feature]]:
    """What there can be data of; who asks of an index for something else alone is not kept waiting, but told."""
    indices = {each.id for each in backend.instruments() if each.is_index}
    if "prices" not in features and instruments and indices.issuperset(instruments):
        raise NoDataYet(
            ", ".join(f"{each} {_SAID[feature]}" for each in instruments for feature in features),
            "an index has a price alone: nobody trades it",
        )
    return [
        (instrument, feature)
        for instrument in instruments
        for feature in features
        if feature == "prices" or instrument not in indices
    ]


async def wait_until_ready(
    backend: Backend, instruments: Sequence[InstrumentId], features: Sequence[Feature], timeout_s: float
) -> None:
    """Return when everything has data.

    Raises:
        NoDataYet: not within the time, or never, since the venue refused it or the desk has ended.
        BethnaError: what ended the desk.
    """
    moved = asyncio.Event()
    over: list[Exception | None] = []

    def ended(error: Exception | None) -> None:
        over.append(error)
        moved.set()

    wants = [
        Want(feature, instrument, Interval.M1 if feature == "candles" else None)
        for instrument, feature in expected(backend, instruments, features)
    ]
    listening = [backend.listen(want, lambda _: moved.set(), ended) for want in wants]
    try:
        async with asyncio.timeout(timeout_s):
            while lacking := missing(backend, instruments, features):
                _check_refused(backend, instruments, lacking)
                if over:
                    raise over[0] or NoDataYet(", ".join(lacking), "the desk has ended")
                moved.clear()
                await moved.wait()
    except TimeoutError:
        lacking = missing(backend, instruments, features)
        why = "; ".join(dict.fromkeys(filter(None, (_state(backend, each) for each in instruments))))
        raise NoDataYet(", ".join(lacking), f"waited {timeout_s:g} s; {why}") from None
    finally:
        for close in listening:
            close()


def _check_refused(backend: Backend, instruments: Sequence[InstrumentId], lacking: Sequence[str]) -> None:
    for instrument in instruments:
        health = backend.instrument_health(instrument)
        if health.state == "refused":
            raise NoDataYet(", ".join(lacking), health.message, hint="follow one that the venue lists")


def _state(backend: Backend, instrument: InstrumentId) -> str:
    """How the instrument is and, where that says little, how the way to its venue is."""
    health = backend.instrument_health(instrument)
    venue = backend.venues().get(instrument.partition("@")[2])
    of_venue = "" if venue is None else f"{venue.venue} is {venue.state} {venue.message}".strip()
    of_instrument = f"{instrument} is {health.state} {health.message}".strip()
    return f"{of_instrument}, {of_venue}" if of_venue else of_instrument
