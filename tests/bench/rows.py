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


def show(title: str, rows: Sequence[Row]) -> None:
    """Print rows as a table."""
    width = max(len(row.what) for row in rows)
    print(f"\n{title:{width}}  {'measured':>10}  aim")
    for row in rows:
        print(f"{row.what:{width}}  {row.figure:>10}  {row.aim}".rstrip(), flush=True)
