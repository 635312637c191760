"""How we come to the venue: the plan, its host, its key and its limits; it sends nothing.

Rules
  1. A key goes to the host of its plan and to no other. What does not match is refused here, before anything is sent:
     the venue would count the request, and a stranger would have the key.
  2. A key stands in a header, never in a path, and in no `repr` and no error.
"""

from __future__ import annotations

import re

from bethna.core.clock import NS_PER_S, iso_utc
from bethna.core.errors import ConfigError, cut
from bethna.venues.coingecko.spec import DAY_NS, PLANS, Plan

_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}")
_HIDDEN = b"***"
MOST_REQUESTS = 1_000_000_000


class Access:
    """A door with its key; made by `access`.

    Attributes:
        plan: which one. rest: base URL of every request. requests_per_minute, requests_per_month: what the quota keeper
            may let pass, errors counted; the second is None where the plan has no such limit.
    """

    __slots__ = ("_key", "plan", "requests_per_minute", "requests_per_month", "rest")

    def __init__(self, plan: Plan, key: str, rest: str, per_minute: int, per_month: int | None) -> None:
        self.plan = plan
        self.rest = rest
        self.requests_per_minute = per_minute
        self.requests_per_month = per_month
        self._key = key

    def __repr__(self) -> str:
        key = "hidden" if self._key else "none"
        return f"Access({self.plan.name}, {self.rest}, key {key}, {self.requests_per_minute} a minute)"

    def headers(self, url: str) -> dict[str, str]:
        """The headers of a request to `url`.

        Raises:
            ConfigError: it is not at this plan's host, where alone the key may go (rule 1).
        """
        if not url.startswith(f"{self.rest}/"):
            raise ConfigError(
                "url",
                f"expected a request to {self.rest}, found one to {_host(url)}",
                hint=f"the key of the {self.plan.name} plan is for its own host only; nothing was sent",
            )
        found = {"accept": "application/json"}
        if self.plan.key_header is not None:
            found[self.plan.key_header] = self._key
        return found

    def hidden(self, raw: bytes) -> bytes:
        """The same bytes without our key, should the venue repeat it (rule 2)."""
        return raw.replace(self._key.encode(), _HIDDEN) if self._key else raw

    def earliest(self, now: int) -> int:
        """From when on the plan has history, ns UTC; 0 where it has all. `now`: ns UTC."""
        days = self.plan.history_days
        if days is None:
            return 0
        return max(0, -(-(now - days * DAY_NS) // NS_PER_S) * NS_PER_S)

    def check_start(self, start: int, now: int) -> None:
        """Nothing older than the plan shows is asked for: the venue would refuse and count it.

        Raises:
            ConfigError: `start` (ns UTC) lies before `earliest(now)`; the message names the date.
        """
        earliest = self.earliest(now)
        if start < earliest:
            raise ConfigError(
                "start",
                f"expected a start at {iso_utc(earliest)} or later, found one {_days(earliest - start)} before that: "
                f"the {self.plan.name} plan shows {self.plan.history_days} days",
                hint=f"ask from {iso_utc(earliest)[:10]} on, or take older history from a venue or a pro key",
            )


def access(
    plan: str = "keyless",
    *,
    demo_key: str = "",
    pro_key: str = "",
    rest: str | None = None,
    requests_per_minute: int | None = None,
    requests_per_month: int | None = None,
) -> Access:
    """A door by the settings.

    Args:
        plan: keyless, demo or pro. demo_key, pro_key: at most one, and that of the plan.
        rest: another base URL, for a twin; None is the plan's own host.
        requests_per_minute, requests_per_month: None takes the careful figure of the plan.

    Raises:
        ConfigError: no such plan, or a key or a figure that does not fit; a key is not shown.
    """
    found = PLANS.get(plan)
    if found is None:
        raise ConfigError("plan", f"expected one of {', '.join(PLANS)}, found {cut(plan)!r}")
    key = _matching(found, {"demo": demo_key, "pro": pro_key})
    for name, figure in (
        ("requests_per_minute", requests_per_minute),
        ("requests_per_month", requests_per_month),
    ):
        if figure is not None and not 1 <= figure <= MOST_REQUESTS:
            raise ConfigError(name, f"expected a whole number from 1 to {MOST_REQUESTS}, found {figure}")
    return Access(
        found,
        key,
        (rest or found.rest).rstrip("/"),
        found.requests_per_minute if requests_per_minute is None else requests_per_minute,
        found.requests_per_month if requests_per_month is None else requests_per_month,
    )


def _matching(plan: Plan, keys: dict[str, str]) -> str:
    """The key of the plan. Raises ConfigError (rule 1)."""
    for kind, key in keys.items():
        if key and kind != plan.name:
            raise ConfigError(
                f"{kind}_key",
                f"expected no {kind} key for the {plan.name} plan, found one: it does not match {_host(plan.rest)}",
                hint=f"set the plan to {kind}, or take the {kind} key away; nothing was sent",
            )
    if plan.key_header is None:
        return ""
    key = keys[plan.name]
    if not key:
        raise ConfigError(
            f"{plan.name}_key",
            f"expected a {plan.name} key for {_host(plan.rest)}, found none",
            hint=f"set {plan.name}_key, or set the plan to keyless",
        )
    if not _KEY.fullmatch(key):
        raise ConfigError(
            f"{plan.name}_key",
            "expected a key of at most 200 letters, digits, - and _, found something else (not shown)",
            hint="copy it again from the venue's page of keys, it looks like CG-...",
        )
    return key


def _host(url: str) -> str:
    """The host of a URL, for a message: never its path or query."""
    return cut(url.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2])


def _days(span: int) -> str:
    days = -(-span // DAY_NS)
    return f"{days} day{'' if days == 1 else 's'}"
