"""The settings of a run as one frozen value; what each may be is said in `about`, where it came from in `origins`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

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
        return "***" if self._text else ""


class HostUrls(Struct, frozen=True, gc=False):
    """Where a venue is served: base URLs of its sockets and its REST calls, without a trailing slash."""

    ws: str
    rest: str


DEFAULT_SYMBOLS: tuple[str, ...] = (
    "ETH-USDT", "BTC-USDT", "SOL-USDT", "POL-USDT",
    "BTC-PERPETUAL@deribit", "ETH-PERPETUAL@deribit",  # house: venue-name - whose contracts they are
    "BTC-USD-INDEX@deribit", "ETH-USD-INDEX@deribit",  # house: venue-name - whose indices they are
    "BTC-DVOL@deribit", "ETH-DVOL@deribit",  # house: venue-name - whose indices they are
)  # fmt: skip
"""What a desk follows of which nobody has said anything; `app.desk` leaves out what the user's `hosts` do not have."""


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that can be set; docs/reference/settings.md says what each means. Durations are seconds.

    Attributes:
        source: `auto` is decided once, before there is a desk, by `bethna.app.chosen_market`.
        speed: None is flat out, written `max`. streams_per_socket: 0 is the venue's own limit.
        twin_seed: 0 takes a fresh seed. api_rate_per_s: 0 is no limit.
        index_per_minute, index_per_month: 0 is the plan's own figure.
        origins: per setting where its value came from: `bethna.toml line 3`, `variable BETHNA_PORT`, `option --port`;
            a default has no entry.
    """

    source: str = "auto"
    speed: float | None = 1.0
    loop: bool = False
    twin_seed: int = 0
    twin_pace: float = 1.0
    twin_past_days: int = 400
    twin_faults: str = ""
    live_probe_s: float = 60.0
    symbols: tuple[str, ...] = DEFAULT_SYMBOLS
    preferred_venue: str = ""

    host: str = "127.0.0.1"
    port: int = 8700
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    token: Secret = Secret()
    api_rate_per_s: float = 100.0
    data_dir: str = ""

    hosts: Mapping[str, tuple[HostUrls, ...]] = {}
    trade_stream: Mapping[str, str] = {}
    wire: Mapping[str, str] = {}
    proxy: Secret = Secret()
    timeout_s: float = 10.0
    heartbeat_s: float = 30.0
    ack_timeout_s: float = 5.0
    first_delay_s: float = 1.0
    max_delay_s: float = 60.0
    reconnect_attempts: int = 5
    stable_after_s: float = 60.0
    silent_s: float = 30.0
    stale_min_s: float = 15.0
    stale_max_s: float = 300.0
    stale_unknown_s: float = 60.0
    best_max_age_s: float = 5.0
    streams_per_socket: int = 0
    blocked_s: float = 3600.0
    clock_every_s: float = 300.0

    buffer: int = 1000
    book_snapshot_limit: int = 1000
    book_compare_s: float = 60.0
    heal_timeout_s: float = 10.0
    heal_max_trades: int = 10_000

    tape_rotate_mb: int = 256
    tape_rotate_s: int = 3600
    tape_buffer_mb: int = 64
    candle_days: int = 0

    index_plan: Literal["keyless", "demo", "pro"] = "keyless"
    index_key: Secret = Secret()
    index_per_minute: int = 0
    index_per_month: int = 0

    alert_price_rules: int = 50
    alert_signal_rules: int = 100
    alert_notifications: int = 200
    alert_days: int = 90
    alert_toast_s: float = 5.0
    alert_channels: Secret = Secret()
    alert_fallback: Mapping[str, str] = {}
    alert_per_minute: int = 10
    alert_outward: bool = False
    webhook_secret: Secret = Secret()
    webhook_private: bool = False
    push_contact: str = ""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "text", "json"] = "auto"

    origins: Mapping[str, str] = {}

    def origin(self, name: str) -> str:
        """Where the value of a setting came from."""
        return self.origins.get(name, DEFAULT_ORIGIN)
