"""One frozen Settings: defaults < file < environment < options; it reads nothing itself, `load` is handed the texts."""

from bethna.config.about import Setting, allowed, catalogue, shown
from bethna.config.load import load
from bethna.config.settings import DEFAULT_ORIGIN, DEFAULT_SYMBOLS, HostUrls, Secret, Settings

__all__ = [
    "DEFAULT_ORIGIN",
    "DEFAULT_SYMBOLS",
    "HostUrls",
    "Secret",
    "Setting",
    "Settings",
    "allowed",
    "catalogue",
    "load",
    "shown",
]
