"""What `bethna doctor` asks of the index source: is it there, and does it take the key? It asks for no price.

It is asked where the settings say something of it; else nobody has asked for it, and a question costs of a small quota.
"""

from __future__ import annotations

from random import Random

from bethna.app.index_source import index_access, index_history
from bethna.cli.checks import Check, See
from bethna.config import Settings
from bethna.core.errors import ConfigError, VenueError, WireError
from bethna.net.network import INTERNET, Network
from bethna.runtime.clocks import SystemClock
from bethna.venues.registry import INDEX


async def check_index(settings: Settings, network: Network = INTERNET) -> Check:
    """One request, within the settings' timeout. That it is not there is a warning: the desk works without."""
    try:
        door = index_access(settings)
    except ConfigError as error:
        return Check(INDEX, "failed", error.message, error.hint, see=See.SETTING)
    plan = f"{door.plan.name} plan, {door.requests_per_minute} requests a minute"
    if settings.index_plan == "keyless" and not settings.hosts.get(INDEX):
        return Check(INDEX, "skipped", f"not asked, {plan}: it is asked for bars when `also={INDEX}` says so")
    history = index_history(settings, SystemClock(), Random(), network)
    if isinstance(history, str):
        return Check(INDEX, "skipped", history)
    try:
        await history.ping()
    except (VenueError, WireError) as error:
        return Check(INDEX, "warning", f"{error.message} ({plan})", error.hint, see=See.INDEX)
    finally:
        await history.close()
    return Check(INDEX, "ok", f"{door.rest} answers, {plan}")
