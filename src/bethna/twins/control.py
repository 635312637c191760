"""The control calls: what a person or a test asks of a running twin in JSON; it opens no socket and knows no venue.

    GET    /twin/state    what it is, how late it runs, its clients, what its venue says of itself
    GET    /twin/kinds    the kinds of faults with their parameters
    GET    /twin/faults   what is active or planned
    POST   /twin/faults   one fault or a list of them; `at_s` counts from now; all of them or none
    DELETE /twin/faults   ends everything that is active or planned

Rules
  1. They come from this machine (the peer's address), to a loopback name (Host), and from no page of another origin.
     Anything else is refused, whatever it asks: a page on the internet must not steer a twin.
  2. Instants are integer microseconds UTC; errors are `{"error": {"code", "message", "hint"}}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from ipaddress import ip_address

import msgspec

from bethna.core.clock import NS_PER_US
from bethna.core.errors import cut
from bethna.twins.faults import PARAMETERS, SHEETS, Fault, FaultError, Faults, KindSheet, Words, read_fault
from bethna.twins.faults.plan import TOO_DEEP
from bethna.twins.faults.words import BINANCE
from bethna.twins.line.seam import Answer

PREFIX = "/twin"
MAX_FAULTS = 10_000
_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z._-]+)(?::[0-9]{1,5})?", re.ASCII)
_JSON = {"content-type": "application/json", "cache-control": "no-store"}


class Control:
    """Answers control calls.

    Args:
        symbols: what the venue lists; a fault of another symbol is refused.
        state: what `GET /twin/state` says at an instant.
        words: of the venue; a fault that it cannot have is refused.
    """

    def __init__(
        self,
        faults: Faults,
        symbols: Collection[str],
        state: Callable[[int], dict[str, object]],
        words: Words = BINANCE,
    ) -> None:
        self._faults = faults
        self._symbols = symbols
        self._state = state
        self._words = words

    def is_for(self, target: str) -> bool:
        """Whether a request is one of these calls."""
        return target == PREFIX or target.startswith((PREFIX + "/", PREFIX + "?"))

    def call(
        self, method: str, target: str, headers: Mapping[str, str], peer: str, body: bytes, now: int
    ) -> Answer:
        """Answer one call.

        Args:
            headers: by lower-case name. peer: the address that it comes from.
        """
        refusal = _stranger(headers, peer)
        if refusal:  # rule 1
            return _error(403, "forbidden", refusal, "call it from the machine that it runs on")
        path = target.partition("?")[0].rstrip("/")
        match path, method:
            case "/twin/state", "GET" | "HEAD":
                return _said(self._state(now))
            case "/twin/kinds", "GET" | "HEAD":
                return _said({"kinds": kinds(self._words), "parameters": parameters_of(self._words)})
            case "/twin/faults", "GET" | "HEAD":
                return _said({"faults": self._standing(now)})
            case "/twin/faults", "POST":
                return self._add(body, now)
            case "/twin/faults", "DELETE":
                return _said({"ended": self._faults.clear(now)})
            case "/twin/state" | "/twin/kinds" | "/twin/faults", _:
                allowed = "GET, POST, DELETE" if path == "/twin/faults" else "GET"
                answer = _error(
                    405, "method_not_allowed", f"expected {allowed}, found {cut(method)}", "see /twin/kinds"
                )
                answer.headers["allow"] = allowed
                return answer
            case _:
                known = "/twin/state, /twin/kinds, /twin/faults"
                return _error(404, "not_found", f"expected {known}, found {cut(path)}", "")

    def _add(self, body: bytes, now: int) -> Answer:
        try:
            asked = msgspec.json.decode(body)
        except (ValueError, RecursionError) as error:
            reason = TOO_DEEP if isinstance(error, RecursionError) else error
            return _error(400, "bad_fault", f"expected a fault in JSON, found: {reason}", _EXAMPLE)
        wanted = asked if isinstance(asked, list) else [asked]
        if not 0 < len(wanted) <= MAX_FAULTS:
            return _error(
                400, "bad_fault", f"expected 1 to {MAX_FAULTS} faults, found {len(wanted)}", _EXAMPLE
            )
        try:
            faults = [read_fault(each, self._symbols, self._words) for each in wanted]
        except FaultError as error:
            return _error(400, "bad_fault", error.message, error.hint or _EXAMPLE)
        for fault in faults:
            self._faults.add(fault, now)
        return _said({"added": len(faults), "faults": self._standing(now)})

    def _standing(self, now: int) -> list[dict[str, object]]:
        return [
            {**told(fault), "begins_at": begin // NS_PER_US, "active": active}
            for fault, begin, active in self._faults.standing(now)
        ]


_EXAMPLE = '{"kind": "cut"} is one; GET /twin/kinds lists what there is'


def told(fault: Fault) -> dict[str, object]:
    """A fault as somebody would write it: its kind and what the kind takes."""
    sheet = SHEETS[fault.kind]
    return {name: getattr(fault, name) for name in ("kind", "at_s", "for_s", *sheet.parameters)}


def kinds(words: Words | None = None) -> list[dict[str, object]]:
    """Every kind of fault that a venue (None: any) can have: its name, its meaning, what it takes with the defaults."""
    return [
        {"kind": name, "meaning": sheet.meaning, "parameters": defaults_of(sheet)}
        for name, sheet in SHEETS.items()
        if words is None or words.fits(name)
    ]


def parameters_of(words: Words) -> dict[str, str]:
    """The parameters that the kinds of a venue take, and what they may be."""
    taken = {"at_s", "for_s"}.union(*(SHEETS[kind].parameters for kind in words.kinds()))
    return {name: allowed for name, allowed in PARAMETERS.items() if name in taken}


def defaults_of(sheet: KindSheet) -> dict[str, object]:
    """What a kind takes, with the defaults; None where there is none, and where it has to be given."""
    plain = Fault(kind=sheet.name)
    names = ("at_s", *(() if sheet.instant else ("for_s",)), *sheet.parameters)
    return {name: None if name in sheet.required else getattr(plain, name) for name in names}


def fault_table() -> list[tuple[str, str, str, str]]:
    """Every kind: its name, how long it lasts, what else it takes, what it means; for the command and the pages."""
    return [(name, _lasts(sheet), _takes(sheet), _means(sheet)) for name, sheet in SHEETS.items()]


def _lasts(sheet: KindSheet) -> str:
    return "once" if sheet.instant else f"{Fault(kind=sheet.name, offset_s=1.0).for_s:g} s"


def _means(sheet: KindSheet) -> str:
    return f"{sheet.meaning} (only {', '.join(sheet.venues)})" if sheet.venues else sheet.meaning


def _takes(sheet: KindSheet) -> str:
    said = []
    for name, default in defaults_of(sheet).items():
        if name in sheet.required:
            said.append(f"{name} (needed)")
        elif default in ("", None):
            said.append(name)
        elif name not in ("at_s", "for_s"):
            said.append(f"{name} = {msgspec.json.encode(default).decode().removesuffix('.0')}")
    return ", ".join(said)


def _stranger(headers: Mapping[str, str], peer: str) -> str:
    """Why a caller may not steer the twin (rule 1); empty when it may."""
    if not is_loopback(peer):
        return f"expected a control call from this machine, found one from {cut(peer)}"
    host = headers.get("host", "").lower()
    named = _HOST.fullmatch(host)
    if named is None or named[1] not in _NAMES:
        return f"expected a control call to a loopback name, found Host {cut(host)!r}"
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
        return f"expected a control call from no page, found Origin {cut(origin)!r}"
    return ""


def is_loopback(address: str) -> bool:
    """Whether a peer's address is of this machine's loopback."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def _said(body: dict[str, object]) -> Answer:
    return Answer(200, dict(_JSON), msgspec.json.encode(body))


def _error(status: int, code: str, message: str, hint: str) -> Answer:
    body = {"error": {"code": code, "message": message, "hint": hint}}
    return Answer(status, dict(_JSON), msgspec.json.encode(body))
