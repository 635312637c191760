"""Venues: one file (or small package) each, a Spec and a Codec, bytes <-> facts; pure, no sockets and no clocks."""
