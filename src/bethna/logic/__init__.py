"""Machines: plain classes that are handed facts and the time and hand back what to do; no sockets, clocks or dice."""
