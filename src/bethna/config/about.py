"""What each setting means and may be, for reading it, for refusing it and for the documentation; it holds no values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

from bethna.config.settings import HostUrls, Settings

PREFIX = "BETHNA_"


def _between(low: float, high: float, meaning: str) -> Meta:
    return Meta(ge=low, le=high, description=meaning)


def _told(allowed: str, meaning: str) -> Meta:
    return Meta(description=meaning, extra={"allowed": allowed})


def _means(meaning: str) -> Meta:
    return Meta(description=meaning)


_ABOUT: Mapping[str, Meta] = {
    "source": _told(
        "`auto`, `live`, `twin` or `tape:PATH`",
        "Where market data comes from; `auto` is the live market, or a simulated one when no host answers.",
    ),
    "speed": _told("a number from 0.001 to 100000, or `max`", "The pace of a tape: 1 is as recorded, `max` flat out."),
    "loop": _means("Whether a tape starts over at its end."),
    "twin_seed": _between(0, 2**32 - 1, "The seed of the simulated market; 0 takes a fresh one."),
    "twin_pace": _between(0.01, 1000, "How lively the simulated market is; 1 is as on an ordinary day."),
    "twin_past_days": _between(0, 3650, "How many days of candles the simulated market has from before its start."),
    "twin_faults": _told("a file, or empty", "What the simulated venue does wrong, and when."),
    "live_probe_s": _between(1, 86_400, "How often the live market is looked for while `auto` simulates one."),
    "symbols": _told("1 to 500 names such as `BTC-USDT` or `BTC-USDT@venue`", "The instruments to follow."),
    "preferred_venue": _told("the name of a venue, or empty", "What a bare symbol means; empty is the first venue."),
    "host": _told("a host name or address", "Where the desk listens; the default is for this machine only."),
    "port": _between(0, 65535, "The port that the desk listens on; 0 is any free one."),
    "allowed_hosts": _told("names as `desk.example.com`", "Further names of the desk, besides the loopback ones."),
    "allowed_origins": _told("origins such as `https://desk.example.com`", "Pages elsewhere that may use the desk."),
    "token": _told(
        "16 to 200 letters, digits and `-._~`, or empty",
        "What callers must bring; empty is none on this machine, and a fresh one beyond loopback.",
    ),
    "api_rate_per_s": _between(0, 100_000, "Requests a second that one address may make; 0 is no limit."),
    "data_dir": _told("a folder, or empty", "The desk's data; empty is the platform's user-data folder."),
    "hosts": _told("`VENUE=WS|REST[,WS|REST...][;VENUE=...]`", "Hosts instead of a venue's own, best first."),
    "trade_stream": _told("`VENUE=NAME[;VENUE=NAME]`", "The trade stream to follow, where a venue has several."),
    "wire": _told("`VENUE=NAME[;VENUE=NAME]`", "The wire to speak, where a venue has several; none is its usual one."),
    "proxy": _told("a URL `http://`, `https://` or `socks5://`, or empty", "A proxy for all that goes to venues."),
    "timeout_s": _between(0.1, 300, "The longest wait for a connection, for a REST answer and for a pong."),
    "heartbeat_s": _between(1, 600, "The silence after which a socket is pinged."),
    "ack_timeout_s": _between(0.1, 300, "A subscription that is not answered is sent again after this."),
    "first_delay_s": _between(0.01, 60, "The first wait before a reconnection, at most; doubles each time."),
    "max_delay_s": _between(0.01, 3600, "The longest wait before any reconnection."),
    "reconnect_attempts": _between(1, 1000, "Failures in a row after which health says failing; attempts go on."),
    "stable_after_s": _between(0, 3600, "How long data must flow before the count of failures starts over."),
    "silent_s": _between(1, 3600, "A socket without any data after opening is replaced after this."),
    "stale_min_s": _between(1, 3600, "The least silence that makes a lively instrument stale."),
    "stale_max_s": _between(1, 86_400, "The silence that makes any instrument stale, however quiet it usually is."),
    "stale_unknown_s": _between(1, 86_400, "The same for an instrument whose pace is not known yet."),
    "best_max_age_s": _between(1, 86_400, "An older price of a venue takes no part in the best price of all venues."),
    "streams_per_socket": _between(0, 1024, "Streams that share a socket at most; 0 is the venue's own limit."),
    "blocked_s": _between(1, 86_400, "How long a host that answered `not from here` is avoided."),
    "clock_every_s": _between(5, 86_400, "How often a venue's clock is compared with ours."),
    "buffer": _between(10, 1_000_000, "Events kept for a reader who is slower than the data."),
    "book_snapshot_limit": _between(5, 5000, "Levels a side that a book snapshot asks for; no book is shown deeper."),
    "book_compare_s": _between(0, 86_400, "How often an unproven book is compared with a snapshot; 0 is never."),
    "heal_timeout_s": _between(0.1, 300, "How long trades wait for a gap to heal; then they pass, it is marked."),
    "heal_max_trades": _between(0, 1_000_000, "The largest gap that is healed; a larger one is marked."),
    "tape_rotate_mb": _between(1, 100_000, "A recording's segment ends at this size, in MB as compressed."),
    "tape_rotate_s": _between(10, 604_800, "A recording's segment ends after this long."),
    "tape_buffer_mb": _between(1, 4096, "MB that may wait for the disk; beyond, the recording stops and says so."),
    "candle_days": _between(0, 36_500, "Days that candles are kept on disk; 0 is for ever."),
    "index_plan": _means("How the index source is asked for history: without a key, or by a plan with one."),
    "index_key": _told("a key such as `CG-...`, or empty", "The key of that plan; it goes to its own host alone."),
    "index_per_minute": _between(0, 100_000, "Requests a minute to the index source; 0: the plan's 5, 30 or 250."),
    "index_per_month": _between(0, 1_000_000_000, "Requests a month; 0: the plan's, which is 10,000 of demo."),
    "alert_price_rules": _between(0, 100_000, "How many rules of prices and volume may be armed at once."),
    "alert_signal_rules": _between(0, 100_000, "How many rules of signals may be armed at once."),
    "alert_notifications": _between(1, 10_000, "How many alerts the notification centre holds; the journal keeps all."),
    "alert_days": _between(0, 36_500, "Days that the journal of alerts remembers; 0 is for ever."),
    "alert_toast_s": _between(1, 600, "How long a toast stays; a critical one stays until it is dismissed."),
    "alert_channels": _told(
        "`NAME=URL[;NAME=URL]`, or empty",
        "Where alerts may go: `https://` is a webhook, any other address one of Apprise (`tgram://`, `mailto://`).",
    ),
    "alert_fallback": _told("`NAME=NAME[;NAME=NAME]`", "The channel that is tried when one cannot be reached."),
    "alert_per_minute": _between(1, 1000, "Messages a minute to one channel; more alerts become one message."),
    "alert_outward": _means("Whether channels are used on a recording or a simulated market, too."),
    "webhook_secret": _told("16 to 200 characters, or empty", "What webhooks are signed with (HMAC-SHA256)."),
    "webhook_private": _means("Whether webhooks may go to private addresses, such as those of this network."),
    "push_contact": _told(
        "`mailto:ADDRESS` or `https://ADDRESS`, or empty",
        "Whom push services may write to about pushes of this desk (RFC 8292); some push for nobody without one.",
    ),
    "log_level": _means("The least severe log line to write."),
    "log_format": _means("How log lines look; auto is text on a terminal, else JSON."),
}  # fmt: skip

# Every setting with its type and range; a setting without words about it does not import.
TYPES: Mapping[str, Any] = {
    name: Annotated[hint, _ABOUT[name]]
    for name, hint in get_type_hints(Settings).items()
    if name != "origins"
}


class Setting(Struct, frozen=True, gc=False):
    """What there is to know about one setting, as text for the documentation."""

    name: str
    variable: str
    default: str
    allowed: str
    meaning: str


def catalogue() -> tuple[Setting, ...]:
    """Every setting, in the order of the documentation."""
    defaults = Settings()
    return tuple(
        Setting(
            name,
            PREFIX + name.upper(),
            shown(getattr(defaults, name)),
            allowed(name),
            _ABOUT[name].description or "",
        )
        for name in TYPES
    )


def allowed(name: str) -> str:
    """The values that a setting takes, in words."""
    meta = _ABOUT[name]
    if meta.extra is not None:
        return str(meta.extra["allowed"])
    kind = get_args(TYPES[name])[0]
    if kind is bool:
        return "`true` or `false`"
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
