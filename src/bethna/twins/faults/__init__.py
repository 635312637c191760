"""What goes wrong, when and to whom: kinds of faults, plans and their state in time; it harms nothing itself."""

from __future__ import annotations

from bethna.twins.faults.facts import Fault, FaultError
from bethna.twins.faults.faults import Faults
from bethna.twins.faults.kinds import NAMES, PARAMETERS, SHEETS, Kind, KindSheet
from bethna.twins.faults.plan import Plans, read_fault, read_plan, read_plans
from bethna.twins.faults.random_plans import random_plan
from bethna.twins.faults.words import Words

__all__ = [
    "NAMES",
    "PARAMETERS",
    "SHEETS",
    "Fault",
    "FaultError",
    "Faults",
    "Kind",
    "KindSheet",
    "Plans",
    "Words",
    "random_plan",
    "read_fault",
    "read_plan",
    "read_plans",
]
