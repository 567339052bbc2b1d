"""A line of what `make bench` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured, how much, and what was aimed at."""

    what: str
    figure: str
    aim: str = ""


def show(title: str, rows: Sequence[Row], how: str = "measured") -> None:
    """Print rows as a table; `how` its figures were got."""
    width = max(len(row.what) for row in rows)
    print(f"\n{title:{width}}  {how:>10}  aim")
    for row in rows:
        print(f"{row.what:{width}}  {row.figure:>10}  {row.aim}".rstrip(), flush=True)
