"""Dice that are thrown by number: what the n-th throw of a name shows is known without the throws before it.

They are for what has to be told in any order, such as a past that is asked for from either end; what happens step by
step draws from `random.Random`. The mixing is that of SplitMix64 (Steele, Lea and Flood 2014).
"""

from __future__ import annotations

from hashlib import blake2b
from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Throws = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
BITS = 10
FACES = 1 << BITS

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIXES = ((30, np.uint64(0xBF58476D1CE4E5B9)), (27, np.uint64(0x94D049BB133111EB)))
_LAST = np.uint64(31)
_SPREAD = sqrt(3.0) / 65_536.0


class Dice:
    """All throws of one name."""

    __slots__ = ("_key",)

    def __init__(self, name: str) -> None:
        key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
        self._key = np.array([key], np.uint64)

    def throws(self, first: int, count: int) -> Throws:
        """The throws `first`, `first + 1`, ...: 64 bits each, which do not depend on each other."""
        bits = np.arange(first, first + count, dtype=np.uint64) * _STEP + self._key
        for shift, factor in _MIXES:
            bits = (bits ^ (bits >> np.uint64(shift))) * factor
        return bits ^ (bits >> _LAST)

    def normals(self, first: int, count: int) -> Floats:
        """The same as numbers of mean 0 and variance 1, nearly normal (sums of four), at most 3.5 away."""
        halves = self.throws(first, count).view(np.uint16).reshape(count, 4)
        sums: Floats = (halves.sum(axis=1, dtype=np.int64) - 131_070) * _SPREAD
        return sums


def face(throws: Throws, place: int, bits: int = BITS) -> npt.NDArray[np.int64]:
    """`bits` bits of each throw, from bit `place` on."""
    return ((throws >> np.uint64(place)) & np.uint64((1 << bits) - 1)).view(np.int64)


def lognormal(spread: float, most: float) -> Floats:
    """`FACES` equally likely values, ascending, of mean 1: log-normal with this deviation of the logarithm, cut off."""
    values = [min(most, exp(spread * NormalDist().inv_cdf((index + 0.5) / FACES))) for index in range(FACES)]
    mean = sum(values) / FACES
    return np.array([value / mean for value in values])


def exponential() -> Floats:
    """`FACES` equally likely values, ascending, of an exponential distribution of mean about 1."""
    return np.array([-log(1 - (index + 0.5) / FACES) for index in range(FACES)])
