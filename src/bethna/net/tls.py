"""Whom we trust when a venue shows its certificate: the host's own store and certifi's, for sockets and REST alike."""

from __future__ import annotations

import ssl
from functools import cache

import certifi


@cache
def trust() -> ssl.SSLContext:
    """The one client context: host names and chains are checked.

    The host's store knows a company's own authority (SSL_CERT_FILE is heeded); certifi fills it where it is empty, as
    with some builds of Python.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
