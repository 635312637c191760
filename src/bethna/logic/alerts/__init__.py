"""Alerts as machines: rules are checked, watched and stepped here in event time; nothing is stored or sent."""
