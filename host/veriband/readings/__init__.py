"""Readings that no band took: what is plausible, how they are told, and their commands."""
