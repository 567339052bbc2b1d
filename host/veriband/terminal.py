"""Texts of others, as a terminal may show them."""

from __future__ import annotations


def printable(text: str) -> str:
    """A text as it can be shown: what a terminal would act upon is spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
