"""Made-up frames in the venue's format for where the recording is absent. Seeded: every run makes the same."""

from __future__ import annotations

import json
import random

from benchmarks.contest import SYMBOL, Frame

SEED = 20240808
DEPTHS = 4_000
TRADES_A_DEPTH = 3
LEVELS = 1_000
MID = 6_000_000
"""The first price in ticks of 0.01."""
START_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000


class _Market:
    """A price that wanders and a book around it that is never crossed."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.mid = MID
        self.sides: dict[str, dict[int, int]] = {"b": {}, "a": {}}
        for distance in range(1, LEVELS + 1):
            self.sides["b"][self.mid - distance] = rng.randint(1, 500_000)
            self.sides["a"][self.mid + distance] = rng.randint(1, 500_000)

    def step(self) -> dict[str, list[list[str]]]:
        """Move, and say what changed: sizes in units of 0.00001, 0 removes."""
        self.mid += self._rng.randint(-12, 12)
        changed: dict[str, dict[int, int]] = {"b": {}, "a": {}}
        for side, away in (("b", -1), ("a", 1)):
            levels = self.sides[side]
            for price in [price for price in levels if (price - self.mid) * away <= 0]:
                changed[side][price] = 0
            for _ in range(min(int(self._rng.lognormvariate(2.3, 1.0)), 500)):
                price = self.mid + away * (1 + int(self._rng.expovariate(0.01)))
                changed[side][price] = 0 if self._rng.random() < 0.35 else self._rng.randint(1, 500_000)
            best = self.mid + away
            changed[side][best] = self._rng.randint(1, 500_000)
            for price, size in changed[side].items():
                if size:
                    levels[price] = size
                else:
                    levels.pop(price, None)
        return {side: _levels(changed[side], -1 if side == "b" else 1) for side in ("b", "a")}


def synthesise() -> tuple[str, tuple[Frame, ...]]:
    """A snapshot, and one outdated depth frame followed by trades and depth frames that connect to it."""
    rng = random.Random(SEED)
    market = _Market(rng)
    update_id, trade_id, now = 1_000_000, 500_000, START_NS
    snapshot = json.dumps(
        {
            "lastUpdateId": update_id,
            "bids": _levels(market.sides["b"], -1),
            "asks": _levels(market.sides["a"], 1),
        },
        separators=(",", ":"),
    )
    frames = [_depth(update_id - 9, update_id - 2, {"b": [], "a": []}, now)]
    for _ in range(DEPTHS):
        now += STEP_NS
        for _ in range(TRADES_A_DEPTH):
            trade_id += 1
            frames.append(_trade(trade_id, market.mid + rng.choice((-1, 1)), rng, now))
        changes = market.step()
        first = update_id + 1
        update_id += rng.randint(1, 40)
        frames.append(_depth(first, update_id, changes, now))
    return snapshot, tuple(frames)


def _levels(side: dict[int, int], order: int) -> list[list[str]]:
    nearest_first = sorted(side, key=lambda price: price * order)
    return [[f"{price / 100:.8f}", f"{side[price] / 100_000:.8f}"] for price in nearest_first]


def _trade(trade_id: int, price: int, rng: random.Random, now: int) -> Frame:
    event = {
        "e": "trade", "E": now // 1_000_000, "s": SYMBOL, "t": trade_id, "p": f"{price / 100:.8f}",
        "q": f"{rng.randint(1, 100_000) / 100_000:.8f}", "T": now // 1_000_000 - 1,
        "m": rng.random() < 0.5, "M": True,
    }  # fmt: skip
    return Frame("trade", _wrapped("trade", event), now)


def _depth(first: int, last: int, changes: dict[str, list[list[str]]], now: int) -> Frame:
    event = {"e": "depthUpdate", "E": now // 1_000_000, "s": SYMBOL, "U": first, "u": last, **changes}
    return Frame("depth", _wrapped("depth@100ms", event), now)


def _wrapped(stream: str, event: dict[str, object]) -> str:
    name = f"{SYMBOL.lower()}@{stream}"
    return json.dumps({"stream": name, "data": event}, separators=(",", ":"))
