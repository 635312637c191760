"""What the venue says of a request that it does not understand: its codes and its words; it decides nothing.

{"code":-1121,"msg":"Invalid symbol."}
"""

from __future__ import annotations

from bethna.core.errors import BethnaError

BAD_REQUEST = 400
NOT_FOUND = 404


class Refused(BethnaError):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP. number: the venue's code, negative. said: the venue's words.
    """

    code = "refused"

    def __init__(self, number: int, said: str, status: int = BAD_REQUEST) -> None:
        super().__init__(f"{number} {said}")
        self.status = status
        self.number = number
        self.said = said


def illegal(name: str, legal: str) -> Refused:
    """Characters that a parameter cannot have."""
    return Refused(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def duplicate() -> Refused:
    """A parameter was sent twice."""
    return Refused(-1101, "Duplicate values for a parameter detected.")


def missing(name: str) -> Refused:
    """A mandatory parameter was not sent."""
    return Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def missing_both(name: str, other: str) -> Refused:
    """One of two had to be sent."""
    return Refused(-1102, f"Param '{name}' or '{other}' must be sent, but both were empty/null!")


def unread(read: int, sent: int) -> Refused:
    """Parameters that the endpoint does not know."""
    return Refused(
        -1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
    )


def empty(name: str) -> Refused:
    """A parameter without a value."""
    return Refused(-1105, f"Parameter '{name}' was empty.")


def overflowed(name: str) -> Refused:
    """A number beyond 64 bits."""
    return Refused(-1108, f"Parameter '{name}' overflowed.")


def bad_interval() -> Refused:
    """No such kline interval."""
    return Refused(-1120, "Invalid interval.")


def bad_symbol() -> Refused:
    """No such symbol."""
    return Refused(-1121, "Invalid symbol.")


def bad_status() -> Refused:
    """No such status of symbols."""
    return Refused(-1122, "Invalid symbolStatus.")


def bad_combination() -> Refused:
    """Optional parameters that exclude each other."""
    return Refused(-1128, "Combination of optional parameters invalid.")


def invalid(name: str) -> Refused:
    """A value that makes no sense."""
    return Refused(-1130, f"Data sent for parameter '{name}' is not valid.")


def bad_ticker_type() -> Refused:
    """Neither FULL nor MINI."""
    return Refused(-1139, "Invalid ticker type.")


def twice_listed() -> Refused:
    """A symbol occurs twice in a list."""
    return Refused(-1151, "Symbol is present multiple times in the list.")


def other_status() -> Refused:
    """The symbol has another status."""
    return Refused(-1220, "The symbol's status does not match the requested symbolStatus.")


def no_path(path: str) -> Refused:
    """Nothing is served there, as under the retired /api/v1."""
    return Refused(-5000, f"Path {path}, Method GET is invalid", NOT_FOUND)
