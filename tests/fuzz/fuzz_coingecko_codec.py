"""Any bytes into CoinGecko's codec give sound facts or one of three errors (`make fuzz`; not collected by pytest).

    make fuzz VENUE=coingecko ARGS="--seconds 600"

There is no socket: the first byte chooses the path that is answered, or one of its own. Every body is read as an answer
of HTTP 200 and of an error, since both are.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import atheris
from fuzz.harness import ODD, Fuzzer, written

with atheris.instrument_imports(include=["bethna"]):
    from coingecko_sound import NOW, assert_sound
    from sound_facts import Answerer, Event

    from bethna.core.errors import RateLimited, VenueAnswer, WireError
    from bethna.core.wire import RestEvent
    from bethna.venues.coingecko import CoinGecko, access
    from bethna.venues.coingecko.bars import bars
    from bethna.venues.coingecko.facts import SamplePage

CODEC = CoinGecko(access())
PATHS = (
    CODEC.ping_request().path,
    CODEC.coins_request().path,
    CODEC.prices_request(["BTC", "SOL"], "USD").path,
    CODEC.ohlc_request("BTC", "USD", 1).path,
    CODEC.ohlc_request("BTC", "EUR", 30).path,
    CODEC.ohlc_request("BTC", "USD", 365).path,
    CODEC.chart_request("ETH", "USD", 1).path,
)
MS = 1_789_992_000_000  # a midnight less two hours: on the grids of 30 minutes and of 4 hours
BODIES: tuple[Any, ...] = (
    {"gecko_says": "(V3) To the Moon!"},
    [{"id": "bitcoin", "symbol": "btc", "name": "Bitcoin"}],
    {
        "bitcoin": {"usd": 67187.33, "usd_24h_change": 3.63, "last_updated_at": 1711356300},
        "solana": {"usd": None},
    },
    [[MS - 1_800_000, 61942, 62211, 61721, 61845], [MS, 1.2e-07, 2, 1e-07, 1], [MS + 5, 1, 1, 1, None]],
    [[MS - 14_400_000, 61942, 62211, 61721, 61845], [MS, 1, 2, 1, 2], [MS + 5, 1, 1, 1, 1]],
    [[1_789_430_400_000, 1, 2, 1, 2], [1_789_776_000_000, 1, 2, 1, 2], [MS, 1, 1, 1, 1]],
    {"prices": [[MS, 69702.3087473573], [MS + 300_111, 7], [MS + 600_000, None]], "total_volumes": [[MS, 5]]},
)
ERRORS: tuple[Any, ...] = (
    {"status": {"error_code": 429, "error_message": "You've exceeded the Rate Limit."}},
    {"error": {"status": {"timestamp": "2026-01-01", "error_code": 10005, "error_message": "why"}}},
    {"error_code": 10010, "status": {"error_message": "why"}},
    {"error": "coin not found"},
)
SEEDS = (
    *(bytes([door]) + written(body) for door, body in enumerate(BODIES)),
    *(bytes([0]) + written(body) for body in ERRORS),
    b"\xff" + PATHS[3].encode() + b"\n" + written(BODIES[3]),
    b"\x00<!DOCTYPE html><html>",
)
KEYS = (
    "prices",
    "usd",
    "eur",
    "last_updated_at",
    "error",
    "status",
    "error_code",
    "error_message",
    "id",
    "bitcoin",
)


class Reader:
    """Reads a body as an answer and as an error; what comes out is checked here."""

    def decode_http(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        for status in (200, 401):
            with suppress(WireError, VenueAnswer, RateLimited):
                for fact in CODEC.decode(path, raw, ts_recv, status=status):
                    assert status == 200
                    assert_sound(fact)
                    if isinstance(fact, SamplePage):
                        for candle in bars(fact.instrument, fact.samples, 300 * 10**9, ts_recv):
                            assert 0 < candle.low <= candle.close <= candle.high
        return ()


def answerer(_path: str) -> Answerer:
    return Reader()


def hear(_door: int, _message: bytes) -> None:
    raise AssertionError("there is no socket")


def promise(_event: Event) -> None:
    raise AssertionError("the reader checks by itself")


if __name__ == "__main__":
    Fuzzer(
        hear, answerer, promise, first_path=0, paths=PATHS, seeds=SEEDS, odd=(*ODD, MS, MS + 1, 1.2e-07), keys=KEYS,
        now=NOW,
    ).run()  # fmt: skip
