"""Minutes in any order become segments, in as little room as there is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriband.analysis.grid import DAY, Grid, Minutes, Strands
from veriband.analysis.segments import DOUBLED, HOUR, MISSING

NOON = 27_000_000 - 27_000_000 % DAY + 12 * 60
Row = tuple[int, int, int]  # wearer, minute, steps

rows = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(NOON - 3 * DAY, NOON + 3 * DAY)),
    st.integers(0, 300),
    max_size=60,
)


def strands(wearers: int) -> Strands:
    return Strands(np.arange(wearers), np.zeros(wearers, np.int64))


def minutes(of: Iterable[Row]) -> Minutes:
    wearer, minute, steps = np.array([*of]).reshape(-1, 3).T
    return Minutes(wearer.astype(np.int32), minute.astype(np.int32), steps.astype(np.int16))


def held(grid: Grid, wearers: int) -> dict[tuple[int, int], int]:
    """What a grid gives back, by wearer and minute."""
    result: dict[tuple[int, int], int] = {}
    latest = (-1, 0)
    for of in grid.segments(strands(wearers)):
        for wearer, begin, steps in zip(of.wearer, of.begin, of.steps, strict=True):
            assert (wearer, begin) > latest, "not in order, or a wearer divided"
            latest = (wearer, begin)
            assert begin % HOUR == 0
            assert (steps != MISSING).any(), "an empty hour"
            for m in np.flatnonzero(steps != MISSING):
                result[int(wearer), int(begin + m)] = int(steps[m])
    return result


@given(rows, st.integers(1, 20), st.integers(1, 40 * DAY))
def test_what_is_put_in_comes_out_in_order_whatever_the_room(
    given_rows: dict[tuple[int, int], int], at_once: int, cells: int
) -> None:
    table = [(w, m, s) for (w, m), s in given_rows.items()]
    result: dict[tuple[int, int], int] = {}
    first: int | None = 0
    passes = 0
    while first is not None:
        grid = Grid(first, cells, with_rates=False)
        for k in range(0, len(table), at_once):
            grid.add(minutes(table[k : k + at_once]), strands(6))
        assert grid.surplus() == 0
        part = held(grid, 6)
        assert all(wearer >= first for wearer, _ in part)
        assert not result.keys() & part.keys()
        result |= part
        assert grid.next_first is None or grid.next_first > first
        first = grid.next_first
        passes += 1
    assert result == given_rows
    assert passes <= 6


@given(rows)
def test_a_minute_given_twice_differently_is_set_aside(
    given_rows: dict[tuple[int, int], int],
) -> None:
    once = [(w, m, s) for (w, m), s in given_rows.items()]
    same, other = once[: len(once) // 3], once[len(once) // 2 :]
    table = [*once, *same, *((w, m, s + 1) for w, m, s in other)]
    if not table:
        return
    grid = Grid(0, 100 * DAY, with_rates=False)
    for k in range(0, len(table), 7):
        grid.add(minutes(table[k : k + 7]), strands(6))
    assert grid.surplus() == len(same) + len(other)
    flagged = 0
    for k in range(0, len(table), 7):
        flagged += grid.set_aside_doubled(minutes(table[k : k + 7]), strands(6)).sum()
    assert grid.doubled() == len(other)
    assert flagged >= len(other)
    doubled = {(w, m) for w, m, _ in other}
    expected = {(w, m): DOUBLED if (w, m) in doubled else s for w, m, s in once}
    assert held(grid, 6) == expected


def test_heart_rates_stay_with_their_minutes() -> None:
    rng = np.random.default_rng(1)
    at = rng.permutation(np.arange(NOON, NOON + 2000))
    rates = (at % 200).astype(np.float32)
    rates[at % 3 == 0] = np.nan
    grid = Grid(0, 100 * DAY, with_rates=True)
    for part in np.array_split(np.arange(2000), 7):
        grid.add(
            Minutes(np.zeros(len(part), np.int32), at[part].astype(np.int32),
                    np.zeros(len(part), np.int16), rates[part]),
            strands(1),
        )  # fmt: skip
    (of,) = grid.segments(strands(1))
    assert of.heart_rate is not None
    minute = of.begin[:, None] + np.arange(60)
    there = of.steps != MISSING
    expected = np.where(there & (minute % 3 != 0), minute % 200, np.nan)
    np.testing.assert_array_equal(of.heart_rate, expected)


def test_hours_of_a_wearer_whose_clock_changed_stand_in_order() -> None:
    """Two strands of one wearer: an hour ahead of UTC, then two; the hour between is short."""
    both = Strands(np.array([0, 0]), np.array([60, 120]))
    grid = Grid(0, 100 * DAY, with_rates=False)
    change = NOON
    for strand, offset, utc in (
        (1, 120, range(change, change + 90)),
        (0, 60, range(change - 60, change)),
    ):
        local = np.array([m + offset for m in utc], np.int32)
        n = len(local)
        grid.add(Minutes(np.full(n, strand, np.int32), local, np.full(n, 9, np.int16)), both)
    (of,) = grid.segments(both)
    assert of.begin.tolist() == [change - 60, change, change + 60]
    assert of.offset.tolist() == [60, 120, 120]
    assert of.follows().tolist() == [True, True, False]


@pytest.mark.parametrize("offset", [60, 30])
def test_a_minute_in_two_strands_of_a_wearer_is_set_aside(offset: int) -> None:
    both = Strands(np.array([0, 0, 1]), np.array([0, offset, 0]))
    grid = Grid(0, 100 * DAY, with_rates=False)
    for strand, utc in ((0, range(NOON, NOON + 60)), (1, range(NOON + 10, NOON + 20))):
        local = np.array(utc, np.int32) + strand * offset
        n = len(local)
        grid.add(Minutes(np.full(n, strand, np.int32), local, np.full(n, 9, np.int16)), both)
    other = np.arange(NOON, NOON + 60, dtype=np.int32)
    grid.add(Minutes(np.full(60, 2, np.int32), other, np.full(60, 8, np.int16)), both)
    (of,) = grid.segments(both)
    assert grid.clashes == 10
    assert (of.steps == DOUBLED).sum() == 20
    assert (of.steps == 9).sum() == 50
    assert (of.steps == 8).sum() == 60
