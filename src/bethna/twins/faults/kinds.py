"""What can go wrong: every kind of fault with its parameters, their defaults and what it means; nothing happens here.

    cut                   TCP drop of the connections that carry the stream, without a close frame
    accept_and_cut        an upgrade succeeds and is cut at once, before any frame
    half_open             connections go dead for good: nothing is sent, not even pings, nothing is read, TCP stays;
                          those that stand when it begins and those that come while it is active
    silent                connections opened while it is active ack and ping and never carry data, to their end
    slow                  frames leave `delay_s` late, in order; without symbol and stream acks and pings too
    garbage               a frame is replaced by rubbish and lost; `raw`: by bytes that are no WebSocket frame
    fragmented            a message comes in several frames, now and then with a ping in between; nothing is lost
    duplicate             a frame comes `count` times more, at once or `delay_s` later
    reorder               a frame is held until `count` others of its stream have passed, at most `delay_s`
    missing_diff          diffs of the book are not sent, `count` in a row
    missing_trades        trades and aggregates are not sent, `count` in a row; `history = false`: REST lacks them too
    refused_subscription  SUBSCRIBE is answered with an error, in turn nested and flat, and nothing of it is subscribed;
                          streams in a URL stay silent
    late_ack              answers to control frames leave `delay_s` late: data comes before the ack
    stale_snapshot        GET /api/v3/depth shows the book of `delay_s` ago
    snapshot_race         the answer to GET /api/v3/depth leaves `delay_s` late, diffs go on
    http_5xx              requests and upgrades are answered with `status`
    http_429              requests and upgrades are answered with 429 and Retry-After
    http_418              the address is banned: 418, Retry-After, body code -1003
    http_451              requests and upgrades are answered with 451
    unreachable           requests and upgrades are cut unanswered; connections that stand live on
    clock_skew            the venue's clock runs `offset_s` off while it is active
    clock_jump            the venue's clock steps by `offset_s` and stays there
    recycle               connections reach the end of their 24 h now: a close frame, then the cut
    shutdown_notice       a serverShutdown event now, the cut `delay_s` later
    bad_checksum          books come with a checksum that is wrong; nothing is lost
    dropped_sequence      `count` numbers of the connection's own count are used up by no frame; nothing is lost
    silent_book           books subscribed by then, or while it is active, say nothing until they are subscribed anew;
                          trades and heartbeats go on
    maintenance           it is announced and connections are closed `delay_s` later; requests and upgrades are denied
                          while it is active
    rename                a symbol goes on as `to`: streams of the old name are silent, the old name is unknown
    http_html             requests and upgrades are answered with 200 and a page in HTML

Frames are struck connection by connection, each with dice of its own: what one lost, another may have got.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from msgspec import Struct

Kind = Literal[
    "cut",
    "accept_and_cut",
    "half_open",
    "silent",
    "slow",
    "garbage",
    "fragmented",
    "duplicate",
    "reorder",
    "missing_diff",
    "missing_trades",
    "refused_subscription",
    "late_ack",
    "stale_snapshot",
    "snapshot_race",
    "http_5xx",
    "http_429",
    "http_418",
    "http_451",
    "unreachable",
    "clock_skew",
    "clock_jump",
    "recycle",
    "shutdown_notice",
    "bad_checksum",
    "dropped_sequence",
    "silent_book",
    "maintenance",
    "rename",
    "http_html",
]
NAMES: tuple[Kind, ...] = get_args(Kind)


class KindSheet(Struct, frozen=True):
    """One kind of fault.

    Attributes:
        name: as a plan says it. meaning: one sentence.
        parameters: what it takes besides `at_s` and `for_s`.
        defaults: of `for_s` and of parameters whose default differs from kind to kind.
        instant: it happens once, so `for_s` is 0. acts: it happens by itself, not when a frame or request comes by.
        required: parameters without which it would do nothing.
        venues: names of those that it fits, whatever wire of theirs; none: every one.
    """

    name: Kind
    meaning: str
    parameters: tuple[str, ...]
    defaults: dict[str, Any]
    instant: bool = False
    acts: bool = False
    required: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()

    def fits(self, venue: str) -> bool:
        """Whether a venue, or a further wire of it (`coinbase_advanced`), can have it."""
        return not self.venues or venue.partition("_")[0] in self.venues


_STREAM = ("symbol", "stream", "share")
_HTTP = ("symbol", "endpoint", "share", "on")


def _sheet(
    name: Kind,
    for_s: float,
    parameters: tuple[str, ...],
    meaning: str,
    *,
    acts: bool = False,
    required: tuple[str, ...] = (),
    venues: tuple[str, ...] = (),
    **defaults: float,
) -> KindSheet:
    return KindSheet(
        name,
        meaning,
        parameters,
        {"for_s": for_s, **defaults},
        instant=not for_s,
        acts=acts,
        required=required,
        venues=venues,
    )


_PUSHED = ("coinbase", "kraken", "deribit")
SHEETS: dict[str, KindSheet] = {
    sheet.name: sheet
    for sheet in (
        _sheet("cut", 0.0, _STREAM, "TCP connections drop without a close frame", acts=True),
        _sheet("accept_and_cut", 10.0, ("share",), "upgrades succeed and are cut before any frame"),
        _sheet(
            "half_open",
            30.0,
            _STREAM,
            "connections go dead for good: nothing is sent, nothing is read, TCP stays",
            acts=True,
        ),
        _sheet("silent", 30.0, ("share",), "new connections ack and ping and never carry data"),
        _sheet("slow", 10.0, (*_STREAM, "delay_s"), "frames leave delay_s late, in order"),
        _sheet(
            "garbage",
            5.0,
            (*_STREAM, "raw"),
            "frames are replaced by rubbish; raw: by bytes that are no WebSocket frame",
        ),
        _sheet("fragmented", 10.0, _STREAM, "messages come in several frames with pings in between"),
        _sheet(
            "duplicate",
            10.0,
            (*_STREAM, "count", "delay_s"),
            "frames come count times more, at once or delay_s later",
            delay_s=0.0,
        ),
        _sheet(
            "reorder",
            10.0,
            (*_STREAM, "count", "delay_s"),
            "frames are held until count others of their stream have passed, at most delay_s",
        ),
        _sheet("missing_diff", 5.0, (*_STREAM, "count"), "diffs of the book are not sent, count in a row"),
        _sheet(
            "missing_trades",
            5.0,
            (*_STREAM, "count", "history"),
            "trades are not sent, count in a row; history = false: REST lacks them too",
        ),
        _sheet(
            "refused_subscription", 30.0, _STREAM, "SUBSCRIBE is refused; streams named in a URL stay silent"
        ),
        _sheet(
            "late_ack",
            30.0,
            (*_STREAM, "delay_s"),
            "answers to control frames leave delay_s late, data before them",
            delay_s=3.0,
        ),
        _sheet(
            "stale_snapshot",
            30.0,
            ("symbol", "share", "delay_s"),
            "GET /api/v3/depth shows the book of delay_s ago",
            delay_s=5.0,
        ),
        _sheet(
            "snapshot_race",
            30.0,
            ("symbol", "share", "delay_s"),
            "the answer to GET /api/v3/depth leaves delay_s late while diffs go on",
            delay_s=2.0,
        ),
        _sheet(
            "http_5xx", 30.0, (*_HTTP, "status"), "requests and upgrades are answered with status", status=503
        ),
        _sheet(
            "http_429",
            30.0,
            (*_HTTP, "retry_after_s"),
            "requests and upgrades are answered with 429 and Retry-After",
        ),
        _sheet(
            "http_418",
            30.0,
            (*_HTTP, "retry_after_s"),
            "the address is banned: 418 with Retry-After, code -1003",
            venues=("binance",),
        ),
        _sheet("http_451", 30.0, _HTTP, "requests and upgrades are answered with 451"),
        _sheet("unreachable", 30.0, ("share", "on"), "requests and upgrades are cut unanswered"),
        _sheet(
            "clock_skew",
            30.0,
            ("offset_s",),
            "the venue's clock runs offset_s off",
            acts=True,
            required=("offset_s",),
        ),
        _sheet(
            "clock_jump",
            0.0,
            ("offset_s",),
            "the venue's clock steps by offset_s and stays there",
            acts=True,
            required=("offset_s",),
        ),
        _sheet(
            "recycle",
            0.0,
            _STREAM,
            "connections reach the end of their 24 h: a close frame, then the cut",
            acts=True,
        ),
        _sheet(
            "shutdown_notice",
            0.0,
            (*_STREAM, "delay_s"),
            "a serverShutdown event, the cut delay_s later",
            acts=True,
            delay_s=10.0,
            venues=("binance",),
        ),
        _sheet(
            "bad_checksum",
            5.0,
            _STREAM,
            "books come with a checksum that is wrong; nothing is lost",
            venues=("kraken",),
        ),
        _sheet(
            "dropped_sequence",
            5.0,
            (*_STREAM, "count"),
            "count numbers of the connection's own count are used up by no frame; nothing is lost",
            venues=("coinbase",),
        ),
        _sheet(
            "silent_book",
            10.0,
            _STREAM,
            "books say nothing until they are subscribed anew, all else goes on",
            acts=True,
            venues=_PUSHED,
        ),
        _sheet(
            "maintenance",
            30.0,
            ("share", "on", "delay_s", "retry_after_s"),
            "it is announced, connections are closed delay_s later, requests and upgrades are denied",
            acts=True,
            delay_s=5.0,
            venues=_PUSHED,
        ),
        _sheet(
            "rename",
            0.0,
            ("symbol", "to"),
            "a symbol goes on as to; streams of the old name are silent, the old name is unknown",
            acts=True,
            required=("symbol", "to"),
            venues=_PUSHED,
        ),
        _sheet(
            "http_html",
            30.0,
            _HTTP,
            "requests and upgrades are answered with 200 and a page in HTML",
            venues=_PUSHED,
        ),
    )
}
PARAMETERS = {
    "at_s": "seconds from 0 to 1e9",
    "for_s": "seconds from 0 to 1e9; 0 strikes once",
    "symbol": "a symbol as the venue spells it, such as BTCUSDT; empty for every",
    "stream": "a stream without its symbol, such as trade or depth@100ms, or the beginning of some, such as depth*",
    "endpoint": "a path such as /api/v3/depth, or /ws or /stream",
    "share": "a number above 0 and up to 1: of the frames, requests or connections",
    "delay_s": "seconds from 0 to 1e9",
    "count": "a whole number from 1 to 1000000",
    "status": "a whole number from 500 to 599",
    "retry_after_s": "seconds from 0 to 1e9",
    "offset_s": "seconds from -1e9 to 1e9, not 0",
    "history": "true or false",
    "raw": "true or false",
    "on": "rest, ws or both",
    "to": "a symbol as the venue spells it, that it does not list",
}
"""Every parameter and what it may be, for messages, for the command and for the docs."""
