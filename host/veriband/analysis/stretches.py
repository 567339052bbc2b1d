"""Stretches of minutes: runs of flags, rolling windows, sums over them; all on (N,) arrays."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from veriband.analysis.segments import Bools, Floats, Ints

Numbers = Bools | Ints | Floats


@overload
def sums(values: Bools | Ints) -> Ints: ...
@overload
def sums(values: Floats) -> Floats: ...
def sums(values: Numbers) -> Numbers:
    """(N + 1,) the sum of all values before each position and at the end."""
    kind = np.float64 if values.dtype.kind == "f" else np.int64
    result: Any = np.zeros(len(values) + 1, kind)
    np.cumsum(values, out=result[1:])
    return result


def runs(flags: Bools, joined: Bools | None = None) -> tuple[Ints, Ints]:
    """(starts, ends) of the longest runs of flags, ends excluded; none reaches over what is not
    `joined` to its next."""
    begins, ends = flags.copy(), flags.copy()
    linked = True if joined is None else joined[:-1]
    begins[1:] &= ~(flags[:-1] & linked)
    ends[:-1] &= ~(flags[1:] & linked)
    return np.flatnonzero(begins), np.flatnonzero(ends) + 1


def full_windows(flags: Bools, length: int) -> Ints:
    """Where `length` flags in a row begin."""
    before = sums(flags)
    return np.flatnonzero(before[length:] - before[:-length] == length)


def covered(starts: Ints, ends: Ints, size: int) -> Bools:
    """(size,) what lies in any of the stretches."""
    steps = np.zeros(size + 1, np.int64)
    np.add.at(steps, starts, 1)
    np.subtract.at(steps, ends, 1)
    return np.cumsum(steps[:-1]) > 0


def since_break(flags: Bools, joined: Bools) -> Ints:
    """(N,) how many flags lie before each flag without a break."""
    begins = flags.copy()
    begins[1:] &= ~(flags[:-1] & joined[:-1])
    here = np.arange(len(flags))
    return here - np.maximum.accumulate(np.where(begins, here, 0))


def bridged(flags: Bools, most: int, joined: Bools) -> Bools:
    """`flags` with those that are not filled where at most `most` of them lie between two."""
    starts, ends = runs(~flags, joined)
    inner = (starts > 0) & (ends < len(flags)) & (ends - starts <= most)
    starts, ends = starts[inner], ends[inner]
    inner = flags[starts - 1] & joined[starts - 1] & flags[ends] & joined[ends - 1]
    return flags | covered(starts[inner], ends[inner], len(flags))
