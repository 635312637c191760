"""Every setting with its default, its range and its meaning; where values come from is the business of `load`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

PREFIX = "BETHNA_"
DEFAULT_ORIGIN = "default"


class Secret:
    """A text that shows itself only when asked."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; never for a log, an error or a page."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(***)" if self._text else "Secret(empty)"


class HostUrls(Struct, frozen=True, gc=False):
    """Where a venue is served: base URLs of its sockets and its REST calls, without a trailing slash."""

    ws: str
    rest: str


def _range(low: float, high: float, meaning: str) -> Meta:
    return Meta(ge=low, le=high, description=meaning)


def _told(allowed: str, meaning: str) -> Meta:
    return Meta(description=meaning, extra={"allowed": allowed})


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that can be set. Durations are seconds, sizes as named; see docs/reference/settings.md.

    Attributes:
        origins: per setting where its value came from: `default`, `bethna.toml line 3`, `variable BETHNA_PORT`,
            `option --port`.
    """

    source: Annotated[str, _told("`live` or `tape:PATH`", "Where market data comes from.")] = "live"
    speed: Annotated[
        float | None,
        _told(
            "a number from 0.001 to 100000, or `max` (flat out)", "How fast a tape plays; 1 is as recorded."
        ),
    ] = 1.0
    loop: Annotated[bool, Meta(description="Whether a tape starts over at its end.")] = False
    symbols: Annotated[
        tuple[str, ...],
        _told(
            "1 to 500 names such as `BTC-USDT` or `BTC-USDT@venue`",
            "The instruments to follow; a tape brings its own unless this is set.",
        ),
    ] = ("ETH-USDT", "BTC-USDT", "SOL-USDT", "POL-USDT")
    preferred_venue: Annotated[
        str,
        _told(
            "the name of a venue, or empty",
            "The venue that a bare symbol means; empty is the first registered.",
        ),
    ] = ""

    host: Annotated[
        str,
        _told(
            "a host name or address",
            "The address that the desk listens on; the default is this machine only.",
        ),
    ] = "127.0.0.1"
    port: Annotated[int, _range(0, 65535, "The port that the desk listens on; 0 is any free one.")] = 8700
    data_dir: Annotated[
        str,
        _told(
            "a folder, or empty", "Where the desk keeps its data; empty is the platform's user-data folder."
        ),
    ] = ""

    timeout_s: Annotated[float, _range(0.1, 300, "The longest wait for a connection or a REST answer.")] = (
        10.0
    )
    heartbeat_s: Annotated[
        float, _range(1, 600, "How often a socket is probed; one that does not answer is replaced.")
    ] = 30.0
    ack_timeout_s: Annotated[
        float, _range(0.1, 300, "The longest wait for a venue to answer a subscription.")
    ] = 10.0
    first_delay_s: Annotated[
        float, _range(0.01, 60, "The wait before the first reconnection; doubles from there, with jitter.")
    ] = 1.0
    max_delay_s: Annotated[float, _range(0.01, 3600, "The longest wait between two reconnections.")] = 60.0
    reconnect_attempts: Annotated[
        int, _range(1, 1000, "Failed attempts in a row after which health says failing; attempts go on.")
    ] = 5
    stable_after_s: Annotated[
        float,
        _range(0, 3600, "How long data must have flowed before the wait starts at its first value again."),
    ] = 30.0
    hosts: Annotated[
        Mapping[str, tuple[HostUrls, ...]],
        _told(
            "`venue=WS|REST[,WS|REST...][;venue=...]`",
            "Hosts to use instead of a venue's own, in order of preference.",
        ),
    ] = {}
    trade_stream: Annotated[
        Mapping[str, str],
        _told(
            "`venue=NAME[;venue=NAME]`", "Which of a venue's trade streams to follow, where it has several."
        ),
    ] = {}

    buffer: Annotated[int, _range(10, 1_000_000, "Events kept for a reader who is slower than the data.")] = (
        1000
    )
    book_snapshot_limit: Annotated[
        int,
        _range(
            5,
            5000,
            "Levels a side that a book snapshot asks for; a book is never shown deeper than certified.",
        ),
    ] = 1000
    book_every_ms: Annotated[
        Literal[100, 1000],
        Meta(description="How often a venue sends book changes, where it leaves the choice."),
    ] = 100
    heal_timeout_s: Annotated[
        float,
        _range(
            0.1,
            300,
            "How long trades wait for a gap to be healed before they are released with the gap marked.",
        ),
    ] = 10.0
    heal_max_trades: Annotated[
        int, _range(0, 1_000_000, "The largest gap that is healed; a larger one is marked.")
    ] = 10_000

    tape_rotate_mb: Annotated[int, _range(1, 100_000, "A recording's segment ends at this size, in MB.")] = (
        256
    )
    tape_rotate_s: Annotated[int, _range(10, 604_800, "A recording's segment ends after this long.")] = 3600
    tape_buffer_mb: Annotated[
        int,
        _range(
            1, 4096, "Bytes that may wait for the disk, in MB; with more the recording stops and says so."
        ),
    ] = 64

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least severe log line to write.")
    ] = "info"
    log_format: Annotated[
        Literal["auto", "text", "json"],
        Meta(description="How log lines look; auto is text on a terminal, else JSON."),
    ] = "auto"

    origins: Mapping[str, str] = {}

    def origin(self, name: str) -> str:
        """Where the value of a setting came from."""
        return self.origins.get(name, DEFAULT_ORIGIN)


class Setting(Struct, frozen=True, gc=False):
    """What there is to know about one setting; all of it text as the documentation shows it."""

    name: str
    variable: str
    default: str
    allowed: str
    meaning: str


TYPES: dict[str, Any] = {
    name: hint for name, hint in get_type_hints(Settings, include_extras=True).items() if name != "origins"
}


def _meta(name: str) -> Meta:
    return next(part for part in get_args(TYPES[name]) if isinstance(part, Meta))


def allowed(name: str) -> str:
    """The values that a setting takes, in words."""
    meta = _meta(name)
    if meta.extra is not None:
        return str(meta.extra["allowed"])
    kind = get_args(TYPES[name])[0]
    if kind is bool:
        return "true or false"
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f"`{choice}`" for choice in get_args(kind))
    return f"a {'whole ' if kind is int else ''}number from {shown(meta.ge)} to {shown(meta.le)}"


def shown(value: object) -> str:
    """A setting's value as a person would write it; secrets stay hidden."""
    match value:
        case None:
            return "max"
        case bool():
            return str(value).lower()
        case float():
            return repr(value).removesuffix(".0")
        case HostUrls():
            return f"{value.ws}|{value.rest}"
        case tuple():
            return ",".join(shown(item) for item in value)
        case Mapping():
            return ";".join(f"{venue}={shown(item)}" for venue, item in value.items())
        case _:
            return str(value)


def catalogue() -> tuple[Setting, ...]:
    """Every setting, in the order of the documentation."""
    defaults = Settings()
    return tuple(
        Setting(
            name,
            PREFIX + name.upper(),
            shown(getattr(defaults, name)),
            allowed(name),
            _meta(name).description or "",
        )
        for name in TYPES
    )
