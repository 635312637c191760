"""The command line: one file a verb, errors and exit codes in one place; it computes nothing itself.

Exit codes: 0 done, 1 a check failed, 2 usage or settings, 3 unavailable, 4 damaged input, 130 Ctrl-C.
JSON goes to stdout, logs go to stderr.
"""

from bethna.cli.boundary import main

__all__ = ["main"]
