"""Which language the frames of a tape are in: by its recorder's note, else by the user's hosts, else by the URL.

It reads no frame.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from bethna.app.wanted import preferred_venue
from bethna.config import Settings
from bethna.core.errors import VenueUnknown
from bethna.venues.registry import INDEX, codec_to_read, readable_names, wire_name, wire_of_url
from bethna.venues.spec import Codec


class TapeCodecs:
    """One codec a language for the URLs of a tape."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codecs: dict[str, tuple[str, Codec]] = {}
        self._hosts = [
            (_place(url), wire_name(venue, settings.wire.get(venue, "")))
            for venue, hosts in settings.hosts.items()
            if venue != INDEX
            for host in hosts
            for url in (host.ws, host.rest)
        ]

    def __call__(self, url: str, wire: str | None = None) -> tuple[str, Codec]:
        """The venue and codec of a recorded URL. Without a URL, or on this machine, it is the preferred venue's.

        Args:
            wire: what the recorder says of it; a word that nobody here knows says nothing.

        Raises:
            VenueUnknown: the tape is of a venue that nobody here speaks.
        """
        name = wire if wire in readable_names() else self._of_hosts(url) or wire_of_url(url)
        host = urlsplit(url).hostname or ""
        if name is None and host and not _is_loopback(host):
            raise VenueUnknown(host, readable_names())
        name = name or preferred_venue(self._settings)
        if name not in self._codecs:
            self._codecs[name] = codec_to_read(name)
        return self._codecs[name]

    def _of_hosts(self, url: str) -> str | None:
        """The language of the user's own host, the one that says most of the URL where several do."""
        place = f"{_place(url)}/"
        found = [(base, name) for base, name in self._hosts if place.startswith(f"{base}/")]
        return max(found)[1] if found else None


def _place(url: str) -> str:
    """Host, port and path, without a slash at the end."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host == "::1" or host.startswith("127.")
