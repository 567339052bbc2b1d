"""Puts minutes that come in any order into segments, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from veriband.analysis.segments import DOUBLED, HOUR, MISSING, Bools, Ints, Rates, Segments, Steps

DAY = 24 * HOUR
MOST_DAYS = 1 << 17  # since 1970: to the year 2328
HOURS_AT_ONCE = 4096
PAGES_AT_ONCE = 1024
_UNSEEN, _NOT_HERE = -1, -2


@dataclass(frozen=True, slots=True)
class Minutes:
    """n minutes in any order, all (n,).

    `strand`: index into Strands. `minute`: from 1970 on, of the wearer's clock. `steps` as in
    Segments, but never MISSING. `heart_rate`: bpm, 0 not worn, NaN unknown; None: of none known.
    """

    strand: npt.NDArray[np.int32]
    minute: npt.NDArray[np.int32]
    steps: Steps
    heart_rate: Rates | None = None

    def __len__(self) -> int:
        return len(self.minute)


@dataclass(frozen=True, slots=True)
class Strands:
    """The minutes of one wearer with one offset of the clock are a strand; both arrays (k,).

    `wearer`: index. `offset`: minutes that clock is ahead of UTC, 0 where unknown.
    """

    wearer: Ints
    offset: Ints


class Grid:
    """The minutes of the wearers from index `first` on, of as many as `cells` minutes hold.

    A day of a strand is a page of 1,440 cells, given out when the day is first met. When there is
    no more room the wearers of the highest indices are let go; `next_first` is then the first of
    them, who wants a grid of its own over the same minutes. One wearer always has room.
    """

    def __init__(self, first: int, cells: int, with_rates: bool) -> None:
        self.first = first
        self.next_first: int | None = None
        self.clashes = 0  # minutes that were found in two strands of a wearer
        self._room = max(1, cells // DAY)
        # Reserved, not filled: memory is taken when a page is first written.
        self._steps: Steps = np.empty((self._room, DAY), np.int16)
        self._rates: Rates = np.empty((self._room if with_rates else 0, DAY), np.float32)
        self._with_rates = with_rates
        self._pages = 0
        self._row: npt.NDArray[np.int32] = np.zeros(0, np.int32)  # of each strand, or why none
        self._strands: Ints = np.zeros(0, np.int64)  # of each row
        self._days: Ints = np.zeros(0, np.int64)  # of each column
        self._column: npt.NDArray[np.int32] = np.full(MOST_DAYS, -1, np.int32)  # of each day
        # By row and column: the page, or -1.
        self._table: npt.NDArray[np.int32] = np.zeros((0, 0), np.int32)
        self._added: Ints = np.zeros(0, np.int64)  # to each row

    def add(self, minutes: Minutes, strands: Strands) -> None:
        """Put minutes in. `strands`: all that were met so far."""
        while True:
            rows, mine = self._mine(minutes, strands)
            if not len(mine):
                return
            self._widen(mine.minute)
            if self._table.size > self._room * DAY // 4 and self._halve(strands):
                continue
            keys = self._keys(rows, mine)
            new = np.unique(keys[self._table.ravel()[keys] < 0])
            if self._pages + len(new) <= self._room:
                break
            self._make_room(new // len(self._days), strands)
        self._table.ravel()[new] = np.arange(self._pages, self._pages + len(new))
        self._steps[self._pages : self._pages + len(new)] = MISSING
        self._pages += len(new)
        cells = self._cells(keys, mine)
        self._steps.ravel()[cells] = mine.steps
        if mine.heart_rate is not None:
            self._rates.ravel()[cells] = mine.heart_rate
        self._added += np.bincount(rows, minlength=len(self._added))

    def surplus(self) -> int:
        """How many minutes were put in where there was one already."""
        return int(self._added.sum()) - self._pages * DAY + self._count(MISSING)

    def doubled(self) -> int:
        """How many minutes were found to be given twice and differently."""
        return self._count(DOUBLED)

    def _count(self, value: int) -> int:
        used = self._steps[: self._pages]
        return sum(
            int(np.count_nonzero(used[page : page + PAGES_AT_ONCE] == value))
            for page in range(0, self._pages, PAGES_AT_ONCE)
        )

    def set_aside_doubled(self, minutes: Minutes, strands: Strands) -> Bools:
        """Which of `minutes`, all of which were added, are not what the grid holds now.

        Their minutes were given twice and differently: they are DOUBLED from now on.
        """
        doubled = np.zeros(len(minutes), np.bool_)
        rows, mine = self._mine(minutes, strands)
        cells = self._cells(self._keys(rows, mine), mine)
        differs = self._steps.ravel()[cells] != mine.steps
        if mine.heart_rate is not None:
            rates = self._rates.ravel()[cells]
            both_unknown = np.isnan(rates) & np.isnan(mine.heart_rate)
            differs |= (rates != mine.heart_rate) & ~both_unknown
        self._steps.ravel()[cells[differs]] = DOUBLED
        if self._with_rates:
            self._rates.ravel()[cells[differs]] = np.nan
        doubled[np.flatnonzero(self._row[minutes.strand] >= 0)] = differs
        return doubled

    def segments(self, strands: Strands) -> Iterator[Segments]:
        """All hours with any minute, a few thousand at once, no wearer divided among two."""
        row, column = np.nonzero(self._table >= 0)
        strand = self._strands[row]
        page, day = self._table[row, column], self._days[column]
        wearer, offset = strands.wearer[strand], strands.offset[strand]
        order = np.lexsort((day * DAY - offset, wearer))
        page, day, wearer, offset = page[order], day[order], wearer[order], offset[order]
        starts = np.flatnonzero(np.diff(wearer, prepend=-1)).tolist()
        begin = 0
        for end in [*starts[1:], len(page)]:
            if (end - begin) * 24 >= HOURS_AT_ONCE or end == len(page):
                at = slice(begin, end)
                yield self._hours(page[at], day[at], wearer[at], offset[at])
                begin = end

    def _hours(self, page: Ints, day: Ints, wearer: Ints, offset: Ints) -> Segments:
        steps = self._steps[page].reshape(-1, HOUR)
        begin = (day[:, None] * DAY + np.arange(0, DAY, HOUR) - offset[:, None]).ravel()
        wearer, offset = np.repeat(wearer, 24).astype(np.int32), np.repeat(offset, 24)
        rates = self._rates[page].reshape(-1, HOUR) if self._with_rates else None
        if rates is not None:
            rates[steps == MISSING] = np.nan
        hours = Segments(wearer, begin, offset, steps, rates)
        some = np.flatnonzero((steps != MISSING).any(axis=1))
        hours = hours.take(some[np.lexsort((begin[some], wearer[some]))])
        self._set_aside_clashes(hours)
        return hours

    def _set_aside_clashes(self, hours: Segments) -> None:
        """Minutes that a wearer has in two strands, by clocks with different offsets, are
        DOUBLED."""
        for ahead in range(1, len(hours)):
            apart = hours.begin[ahead:] - hours.begin[:-ahead]
            over = np.flatnonzero((apart < HOUR) & (hours.wearer[ahead:] == hours.wearer[:-ahead]))
            if not len(over):
                return
            for row in over:
                shift = int(apart[row])
                first, second = hours.steps[row, shift:], hours.steps[row + ahead, : HOUR - shift]
                both = (first != MISSING) & (second != MISSING)
                first[both] = second[both] = DOUBLED
                self.clashes += int(both.sum())

    def _mine(self, minutes: Minutes, strands: Strands) -> tuple[Ints, Minutes]:
        """The rows of those minutes whose wearers are here, and these minutes."""
        met = len(strands.wearer)
        if met > len(self._row):
            self._row = np.append(self._row, np.full(met - len(self._row), _UNSEEN, np.int32))
        rows = self._row[minutes.strand]
        if (rows == _UNSEEN).any():
            unseen = np.unique(minutes.strand[rows == _UNSEEN])
            here = strands.wearer[unseen] >= self.first
            if self.next_first is not None:
                here &= strands.wearer[unseen] < self.next_first
            self._row[unseen[~here]] = _NOT_HERE
            self._take_in(unseen[here])
            rows = self._row[minutes.strand]
        if (rows < 0).any():
            at = rows >= 0
            rates = None if minutes.heart_rate is None else minutes.heart_rate[at]
            rows = rows[at]
            minutes = Minutes(minutes.strand[at], minutes.minute[at], minutes.steps[at], rates)
        return rows.astype(np.int64), minutes

    def _take_in(self, strands: Ints) -> None:
        """Give these strands rows of the table."""
        self._row[strands] = np.arange(len(strands)) + len(self._strands)
        self._strands = np.append(self._strands, strands)
        self._added = np.append(self._added, np.zeros(len(strands), np.int64))

    def _widen(self, minute: npt.NDArray[np.int32]) -> None:
        """Let the table have a row for each strand, and a column for each day that there is."""
        day = minute // DAY
        new = np.unique(day[self._column[day] < 0])
        self._column[new] = np.arange(len(self._days), len(self._days) + len(new))
        self._days = np.append(self._days, new)
        rows, columns = self._table.shape
        if rows < len(self._strands) or columns < len(self._days):
            sides = ((0, len(self._strands) - rows), (0, len(self._days) - columns))
            self._table = np.pad(self._table, sides, constant_values=-1)

    def _keys(self, rows: Ints, minutes: Minutes) -> Ints:
        """Where in the table the pages of minutes stand."""
        return rows * len(self._days) + self._column[minutes.minute // DAY]

    def _cells(self, keys: Ints, minutes: Minutes) -> Ints:
        return self._table.ravel()[keys] * np.int64(DAY) + minutes.minute % DAY

    def _make_room(self, rows: Ints, strands: Strands) -> None:
        """Let wearers go until an eighth of the room is free, after one more page for each of
        `rows`; where only one wearer is left, enlarge the room."""
        need = (self._table >= 0).sum(axis=1) + np.bincount(rows, minlength=len(self._strands))
        wearer = strands.wearer[self._strands]
        by_wearer = np.bincount(wearer - self.first, weights=need)
        fits = int((np.cumsum(by_wearer) <= self._room - self._room // 8).sum())
        if not self._let_go(self.first + max(1, fits), strands):  # one wearer, or so
            more = int(by_wearer.sum()) * 2 - self._room
            self._steps = np.append(self._steps, np.empty((more, DAY), np.int16), axis=0)
            if self._with_rates:
                self._rates = np.append(self._rates, np.empty((more, DAY), np.float32), axis=0)
            self._room += more

    def _halve(self, strands: Strands) -> bool:
        """Let the later half of the wearers go; False when there is but one."""
        last = int(strands.wearer[self._strands].max())
        return self._let_go((self.first + last + 1) // 2, strands)

    def _let_go(self, cut: int, strands: Strands) -> bool:
        """Let the wearers from index `cut` on go; False when there are none, or no others."""
        wearer = strands.wearer[self._strands]
        if not wearer.min() < cut <= wearer.max():
            return False
        self.next_first = cut
        stay = np.flatnonzero(wearer < cut)
        self._row[self._strands] = _NOT_HERE
        self._row[self._strands[stay]] = np.arange(len(stay))
        self._strands, self._added = self._strands[stay], self._added[stay]
        self._table = self._table[stay[stay < len(self._table)]]
        at = self._table >= 0
        pages = np.sort(self._table[at])
        self._table[at] = np.searchsorted(pages, self._table[at])
        self._pages = len(pages)
        for to in range(0, len(pages), PAGES_AT_ONCE):  # downwards only, so in place
            moved = pages[to : to + PAGES_AT_ONCE]
            self._steps[to : to + len(moved)] = self._steps[moved]
            if self._with_rates:
                self._rates[to : to + len(moved)] = self._rates[moved]
        return True
