"""Standings in a terminal and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from veriband.contest.standings import Standing, places
from veriband.store.roster import Contest
from veriband.terminal import printable

CAUTION = (
    "A verdict is no diagnosis: expected heart rates come from an illustrative model, and a "
    "suspicion is a question to ask."
)
_COLUMNS = ("claimed", "struck", "unverified", "counted")


def table(standings: Sequence[Standing]) -> str:
    """A line a wearer, the first first."""
    lines = [["", "wearer", *_COLUMNS, "verdict"]]
    for place, standing in places(standings):
        numbers = [f"{getattr(standing, column):,}" for column in _COLUMNS]
        lines.append([str(place), printable(standing.wearer), *numbers, standing.verdict.word])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in (1, len(line) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def row(standing: Standing) -> dict[str, Any]:
    """A standing for programs."""
    return {
        "wearer": standing.wearer,
        **{column: getattr(standing, column) for column in _COLUMNS},
        "verdict": standing.verdict.word,
        "evidence": [item.row() for item in standing.evidence],
    }


def rules(of: Contest) -> str:
    """What counts in a contest."""
    unverified = "counts" if of.counts_unverified else "does not count"
    sealed = "what is not sealed is unverified, " if of.sealed else ""
    return f"rule {of.rule}, {sealed}what is unverified {unverified}"
