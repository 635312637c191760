"""The alerts of one desk, from trades as they leave the feeds to firings that are on the disk; it delivers nothing."""

from bethna.services.alerting.ears import PastTrades
from bethna.services.alerting.service import Alerting, ArmedRule

__all__ = ["Alerting", "ArmedRule", "PastTrades"]
