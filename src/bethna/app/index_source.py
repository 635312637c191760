"""CoinGecko as the settings have it: plan, key, host and quota; what is asked of it, and when, is not decided here.

Rules
  1. On a simulated market there is the twin's index or none, and no key goes there; a tape asks nobody.
  2. A key that does not fit its plan is refused before the desk begins. It is not shown.
"""

from __future__ import annotations

from random import Random

from bethna.app.quota import runtime_quota
from bethna.config import Settings
from bethna.core.clock import Clock
from bethna.core.coverage import Provenance
from bethna.core.errors import ConfigError
from bethna.logic.quota_ledger import Terms
from bethna.net.network import Network
from bethna.services.index_history import IndexHistory
from bethna.store.quota_keeper import Tell
from bethna.venues.coingecko import Access, CoinGecko, access
from bethna.venues.coingecko.past import IndexPast
from bethna.venues.coingecko.spec import NAME, WIRE_ROOT


def index_access(settings: Settings) -> Access:
    """The door by the settings (rules 1 and 2). Raises ConfigError."""
    hosts = settings.hosts.get(NAME, ())
    rest = f"{hosts[0].rest}{WIRE_ROOT}" if hosts else None
    if settings.source == "twin":
        return access(rest=rest)
    plan, key = settings.index_plan, settings.index_key.reveal()
    if key and plan == "keyless":
        raise ConfigError(
            "index_key",
            f"index_key ({settings.origin('index_key')}): expected no key for the keyless plan, found one",
            origin=settings.origin("index_key"),
            hint="set index_plan to demo or pro, whichever the key is of, or take the key away; nothing was sent",
        )
    try:
        return access(
            plan,
            demo_key=key if plan == "demo" else "",
            pro_key=key if plan == "pro" else "",
            rest=rest,
            requests_per_minute=settings.index_per_minute or None,
            requests_per_month=settings.index_per_month or None,
        )
    except ConfigError as error:
        raise ConfigError(
            "index_key",
            f"index_key ({settings.origin('index_key')}): {error.message}",
            origin=settings.origin("index_key"),
            hint=f"set index_key to the key of the {plan} plan, or index_plan to keyless",
        ) from error


def index_history(
    settings: Settings, clock: Clock, rng: Random, network: Network, tell: Tell | None = None
) -> IndexHistory | str:
    """The caller of one desk, or in words why it has none (rule 1). Raises ConfigError (rule 2)."""
    door = index_access(settings)
    simulated = settings.source == "twin"
    if simulated and not settings.hosts.get(NAME):
        return f"the simulated market has no {NAME}: lead `hosts` to a twin of it, too"
    if settings.source not in ("live", "twin"):
        return "a tape is played: nobody is asked"
    terms = Terms(door.requests_per_minute, counted=False)
    quota = runtime_quota(f"{NAME}-{door.plan.name}", door.rest, terms, clock, rng, network, tell)
    return IndexHistory(
        IndexPast(CoinGecko(door)), clock, Provenance.SYNTHETIC if simulated else Provenance.HISTORY, quota, network,
        proxy=settings.proxy.reveal() or None, timeout_s=settings.timeout_s,
    )  # fmt: skip
