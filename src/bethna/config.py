"""One frozen Settings: defaults < file < environment; it reads nothing itself, `load` is handed the texts.

Every setting is documented in docs/reference/settings.md (a test says so). Unknown names are refused.
"""

from __future__ import annotations
