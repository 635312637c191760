"""The error tree, classed by who must act; it holds no recovery, only fields and plain words.

    BethnaError
      ConfigError                       the operator: refuse to start, name the key
        VenueUnknown(host)              a recording of a venue that we do not speak
      VenueError(venue)
        ConnectError, ConnectionLost, HeartbeatMissed      the session: back off, reconnect
        RateLimited(retry_after_s)                         the caller waits that long
        SubscriptionRejected(symbol, reason)               this want is dead, the others live
        WireError(excerpt)                                 count it, keep the excerpt
        SequenceGap(expected, found)                       the book's owner: new snapshot
        VenueAnswer(status, code)                          the caller: the venue said no
      TapeError(path, line)             the reader of a recording: play up to the damage, say where
      StoreError                        the operator: folder, lock, disk
      AddressUnusable(host, port, errno) the operator: another port, or stop who holds it
      UnknownInstrument(text, nearest)  the caller: names nothing we know
      InvariantError                    corrupt data or our bug
        CrossedBook, NotFinite, NegativeQuantity
      NoDataYet(what)                   the caller: wait for it; names what is missing
      NoHistory(instrument, refusals)   the caller: another span, another venue's bars beside it, or later
      FeatureOff(feature)               the caller: open the desk with it, or wait for the release that brings it
      CannotFollow                      the caller: this source has what it has (a tape), or the list is full
      UnknownAlert(name)                the caller: no rule of that name is armed
      UnknownChannel(name)              the caller: no channel of that name is set
      AlertChanged(name, version)       the caller: somebody else has edited it; look, and edit again
      LimitReached(setting)             the caller: as many as the settings allow are armed
      DeskUnreachable(url)              the caller: no desk answers there, or it went away
      DeskRefused(code)                 the caller: an attached desk said no, in its own words
      Closed                            the caller used a closed thing

Every error has `code` (a stable snake_case word), `message` (expected X, found Y) and `hint` (what to do next).
"""

from __future__ import annotations

from collections.abc import Sequence

EXCERPT_CHARS = 200
NAME_CHARS = 40


class BethnaError(Exception):
    """Root of every error that BethNa raises on purpose.

    Attributes:
        code: stable snake_case identifier, the same in logs, JSON and exit paths.
        message: what was expected and what was found.
        hint: what to do next, empty when there is nothing to do.
    """

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(BethnaError):
    """A setting is unknown or out of range; `key` and `origin` say which one and where it came from."""

    code = "bad_setting"

    def __init__(self, key: str, message: str, *, origin: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.key = key
        self.origin = origin


class VenueUnknown(ConfigError):
    """A recording of a venue that this desk does not speak."""

    code = "unknown_venue"

    def __init__(self, host: str, known: tuple[str, ...]) -> None:
        super().__init__(
            "source",
            f"expected a recording of a venue that this desk speaks, found one of {host}",
            hint=f"known venues: {', '.join(known)}",
        )
        self.host = host


class UnknownInstrument(BethnaError):
    """A text that names no instrument we know; `nearest` holds the closest names, best first."""

    code = "unknown_instrument"

    def __init__(
        self, text: str, nearest: tuple[str, ...] = (), *, message: str = "", hint: str = ""
    ) -> None:
        said = message or f"{cut(text)!r} is not an instrument"
        near = f"nearest: {', '.join(nearest)}" if nearest else "write it as BTC-USDT or BTC-USDT@venue"
        super().__init__(said, hint=hint or near)
        self.text = text
        self.nearest = nearest


class VenueError(BethnaError):
    """Anything that goes wrong between us and one venue."""

    code = "venue_error"

    def __init__(self, venue: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.venue = venue


class ConnectError(VenueError):
    """A connection could not be made: refused, timed out, name not found or upgrade denied (`status`)."""

    code = "connect_failed"

    def __init__(self, venue: str, message: str, *, status: int | None = None, hint: str = "") -> None:
        super().__init__(venue, message, hint=hint)
        self.status = status


class ConnectionLost(VenueError):
    """An open connection ended without our asking."""

    code = "connection_lost"


class HeartbeatMissed(VenueError):
    """An open connection that stays silent for longer than its heartbeat."""

    code = "heartbeat_missed"


class RateLimited(VenueError):
    """The venue, or our own quota keeper, says wait `retry_after_s` seconds."""

    code = "rate_limited"

    def __init__(self, venue: str, retry_after_s: float, message: str = "", *, banned: bool = False) -> None:
        super().__init__(venue, message or f"{venue} asks to wait {retry_after_s:.1f} s")
        self.retry_after_s = retry_after_s
        self.banned = banned


class SubscriptionRejected(VenueError):
    """The venue refused one symbol or stream; the others live on."""

    code = "subscription_rejected"

    def __init__(self, venue: str, symbol: str, reason: str, *, hint: str = "") -> None:
        super().__init__(venue, f"{venue} refused {symbol}: {reason}", hint=hint)
        self.symbol = symbol
        self.reason = reason


class WireError(VenueError):
    """A frame that does not follow the venue's protocol; `excerpt` keeps its beginning."""

    code = "bad_frame"

    def __init__(self, venue: str, message: str, frame: bytes | str = b"") -> None:
        super().__init__(venue, message)
        self.excerpt = excerpt_of(frame)


class SequenceGap(VenueError):
    """Updates of a book do not join: expected the update after one id, found another."""

    code = "sequence_gap"

    def __init__(self, venue: str, expected: int, found: int) -> None:
        super().__init__(venue, f"expected update {expected}, found {found}")
        self.expected = expected
        self.found = found


class VenueAnswer(VenueError):
    """A REST call that the venue answered with an error of its own (`status` HTTP, `venue_code` theirs)."""

    code = "venue_refused"

    def __init__(
        self, venue: str, status: int, message: str, *, venue_code: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(venue, message, hint=hint)
        self.status = status
        self.venue_code = venue_code


class TapeError(BethnaError):
    """A recording that cannot be read beyond `line` (1-based; 0 when it cannot be opened at all)."""

    code = "damaged_tape"

    def __init__(self, path: str, line: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.line = line


class StoreError(BethnaError):
    """The data folder cannot be used: locked by another writer, full, or not writable."""

    code = "store_unusable"


class AddressUnusable(BethnaError):
    """The desk cannot listen where it should; `errno` is the system's word for why (EADDRINUSE: it is taken)."""

    code = "address_unusable"

    def __init__(self, host: str, port: int, errno: int | None, reason: str) -> None:
        super().__init__(
            f"cannot listen on {host} port {port}: {reason} (errno {errno})",
            hint="choose another with --port (0 takes a free one) or --host",
        )
        self.host = host
        self.port = port
        self.errno = errno


class InvariantError(BethnaError):
    """Data that cannot be true: corrupt input or a bug of ours."""

    code = "invariant_broken"


class CrossedBook(InvariantError):
    """Best bid at or above best ask."""

    code = "crossed_book"


class NotFinite(InvariantError):
    """A price or quantity that is NaN or infinite."""

    code = "not_finite"


class NegativeQuantity(InvariantError):
    """A quantity below zero."""

    code = "negative_quantity"


class NoDataYet(BethnaError):
    """Nothing of that kind has been seen of an instrument; `what` names it."""

    code = "no_data_yet"

    def __init__(self, what: str, why: str = "", *, hint: str = "") -> None:
        super().__init__(
            f"{what}: nothing has been seen yet{f' ({why})' if why else ''}",
            hint=hint or "wait for it with `async for`, or look at `desk.health()` for what is missing",
        )
        self.what = what


class NoHistory(BethnaError):
    """Of a span no source could tell anything; `refusals` are who was asked and why each could not."""

    code = "no_history"

    def __init__(self, instrument: str, refusals: Sequence[tuple[str, str]]) -> None:
        asked = "; ".join(f"{source}: {reason}" for source, reason in refusals)
        super().__init__(
            f"{instrument}: nothing is known of the span ({asked})",
            hint="ask again later, for another span, or for another venue's bars beside it (--also, `also=`)",
        )
        self.refusals = tuple(refusals)


class FeatureOff(BethnaError):
    """A feature is off in this desk, or does not exist yet."""

    code = "feature_off"

    def __init__(self, feature: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.feature = feature


class CannotFollow(BethnaError):
    """An instrument cannot be followed, or left, on this source."""

    code = "cannot_follow"


class UnknownAlert(BethnaError):
    """No rule of that name is armed."""

    code = "unknown_alert"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"expected the name of an armed rule, found {cut(name)!r}", hint="`bethna alerts list` has them"
        )
        self.name = name


class UnknownChannel(BethnaError):
    """No channel of that name is set; `known` are those that are."""

    code = "unknown_channel"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        have = ", ".join(known) or "none"
        super().__init__(
            f"expected the name of a channel, found {cut(name)!r}",
            hint=f"there are: {have}; set more with BETHNA_ALERT_CHANNELS",
        )
        self.name = name
        self.known = tuple(known)


class AlertChanged(BethnaError):
    """A rule was edited by somebody else meanwhile; `version` is what it is now."""

    code = "alert_changed"

    def __init__(self, name: str, expected: int, version: int, sentence: str) -> None:
        super().__init__(
            f"{name}: expected version {expected}, found {version}: {sentence}",
            hint="somebody else has edited it; read it again, then edit that version",
        )
        self.name = name
        self.version = version


class LimitReached(BethnaError):
    """As many are there as the settings allow; `setting` says which one."""

    code = "limit_reached"

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message, hint=f"remove some, or set {setting} higher")
        self.setting = setting


class DeskUnreachable(BethnaError):
    """No desk answers at `url`, or the one that did has gone."""

    code = "desk_unreachable"

    def __init__(self, url: str, message: str, *, hint: str = "start one with `bethna up`") -> None:
        super().__init__(message, hint=hint)
        self.url = url


class DeskRefused(BethnaError):
    """A desk that we are attached to refused a request; `code`, message and hint are its own."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class Closed(BethnaError):
    """A closed thing was used."""

    code = "closed"


def cut(text: str) -> str:
    """A name that somebody typed, for a message: as much of it as names are long."""
    return text if len(text) <= NAME_CHARS else f"{text[:NAME_CHARS]}..."


def excerpt_of(frame: bytes | str) -> str:
    """The first characters of a frame as printable text, for counting and for a person to look at."""
    text = frame if isinstance(frame, str) else bytes(frame[: EXCERPT_CHARS * 4]).decode("utf-8", "replace")
    return text[:EXCERPT_CHARS]
