"""Veriband's host: syncs bands, keeps what they recorded, judges it."""

__version__ = "0.1.0"
