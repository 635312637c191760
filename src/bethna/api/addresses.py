"""Who calls, by address, and a bounded table of what is known of each; it judges nobody.

Rules, cited by the code:

1. An IPv6 caller counts as its /64: a single home has 2**64 addresses. An IPv4 address in IPv6 clothes is itself.
2. The table holds `most` addresses; the one not seen for longest makes room, whoever calls from wherever.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Generic, TypeVar

from litestar.types import Scope

T = TypeVar("T")

MOST_ADDRESSES = 4096


def caller(scope: Scope) -> str:
    """The address that a request came from, as it is counted; empty where the server does not know."""
    client = scope.get("client")
    return network_of(client[0]) if client else ""


def network_of(host: str) -> str:
    """An address as it is counted (rule 1)."""
    if ":" not in host:
        return host
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"


class Table(Generic[T]):
    """Something for each address, made when it is first seen."""

    def __init__(self, make: Callable[[], T], most: int = MOST_ADDRESSES) -> None:
        self._make = make
        self._most = most
        self._rows: OrderedDict[str, T] = OrderedDict()

    def of(self, address: str) -> T:
        """What belongs to an address; it was seen now."""
        row = self._rows.get(address)
        if row is not None:
            self._rows.move_to_end(address)
            return row
        if len(self._rows) >= self._most:  # rule 2
            self._rows.popitem(last=False)
        row = self._rows[address] = self._make()
        return row

    def __len__(self) -> int:
        return len(self._rows)
