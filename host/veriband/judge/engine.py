"""Judges a table of minutes in bounded memory, whatever its size and order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from veriband.analysis import claims, gated, rest
from veriband.analysis.expected import Wearers
from veriband.analysis.grid import Grid
from veriband.analysis.judgement import Judgement
from veriband.analysis.segments import Segments
from veriband.minutes.table import Table

Rule = Callable[[Segments, Wearers], Judgement]

RULES: dict[str, Rule] = {"gated": gated.judge, "claims": claims.judge}
DOUBLED = "given twice, and differently"
CLASHING = "given twice, by clocks with different offsets from UTC"
REPEATED = "given twice, and the same; each was judged once"


def judge_table(
    table: Table,
    rule: Rule,
    memory: int,
    on_progress: Callable[[], None] = lambda: None,
) -> Iterator[Judgement]:
    """The judgements on a table's wearers, some wearers at a time, in the order they first occur.

    `memory`: bytes for minutes; a table that needs more is read again for each part.
    Resting heart rates that the table does not give are learned from it. Raises BadInput.
    """
    first: int | None = 0
    while first is not None:
        grid = _filled(table, first, memory, on_progress)
        wearers = table.wearers()
        for segments in grid.segments(table.strands()):
            yield rule(segments, rest.learn(segments, wearers))
        if grid.clashes:
            table.note(CLASHING, grid.clashes, None)
        first = grid.next_first
        del grid  # or there would be two while the next one is filled


def _filled(table: Table, first: int, memory: int, on_progress: Callable[[], None]) -> Grid:
    """A grid of the wearers from `first` on, as many as there is room for."""
    grid: Grid | None = None
    for chunk in table.chunks():
        if grid is None:
            grid = Grid(first, memory // (6 if table.has_rates else 2), table.has_rates)
        grid.add(chunk.minutes, table.strands())
        on_progress()
    if grid is None:
        return Grid(first, 0, False)
    if surplus := grid.surplus():
        _see_doubled(table, grid, surplus)
    return grid


def _see_doubled(table: Table, grid: Grid, surplus: int) -> None:
    """Read the table again to set aside the minutes that it gives twice and differently."""
    row: int | None = None
    for chunk in table.chunks():
        doubled = grid.set_aside_doubled(chunk.minutes, table.strands())
        if doubled.any() and row is None:
            row = int(np.asarray(chunk.rows)[doubled][0])
    if row is None:
        table.note(REPEATED, surplus, None)
    else:
        table.note(DOUBLED, grid.doubled(), row)
