"""Alerts on disk: rules, how they stand, their journal, firings and what is to be delivered; it evaluates nothing."""
