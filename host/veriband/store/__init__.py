"""The store: what bands recorded, in SQLite."""

from veriband.store.store import Store

__all__ = ["Store"]
