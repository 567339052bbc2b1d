"""Minutes in a CSV file. It is a log: within a wearer, time may not go backwards."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from functools import partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from veriband.analysis.grid import Minutes
from veriband.analysis.segments import Ints
from veriband.errors import BadInput
from veriband.minutes.table import (
    ABOUT,
    HEART_RATE,
    KNOWN,
    Chunk,
    Table,
    beats,
    clock_minute,
    whole_steps,
)

if TYPE_CHECKING:
    from _csv import Reader

T = TypeVar("T")
LINES_AT_ONCE = 1 << 16
LONGEST = 1 << 20
BACKWARDS = "time goes backwards there (if the lines are merely not sorted: --any-order)"


class CsvTable(Table):
    """A CSV file in UTF-8 whose first line names the columns."""

    def __init__(self, path: Path, zone: tzinfo | None, any_order: bool) -> None:
        super().__init__(path, zone)
        self._any_order = any_order

    def _chunks(self) -> Iterator[Chunk]:
        latest = np.zeros(0, np.int64)  # minute of each wearer
        try:
            with self.path.open("rb") as file:
                size = max(1, self.path.stat().st_size)
                text = io.TextIOWrapper(file, "utf-8-sig", newline="")
                reader = csv.reader(self._short(text), strict=True)
                try:
                    names = [name.strip() for name in next(reader, ())]
                    self._see_columns(names)
                    wanted = [k for k, name in enumerate(names) if name in KNOWN]
                    names, count = [names[k] for k in wanted], len(names)
                    known = itemgetter(*wanted)
                    while lines := list(islice(self._lines(reader, count, known), LINES_AT_ONCE)):
                        self.done = file.tell() / size
                        numbers, cells = zip(*lines, strict=True)
                        columns = zip(names, zip(*cells, strict=True), strict=True)
                        chunk = self._chunk(dict(columns), numbers)
                        if not self._any_order:
                            chunk, latest = self._forwards(chunk, latest)
                        yield chunk
                except csv.Error as error:
                    where = f"line {reader.line_num}"
                    raise BadInput(str(self.path), where, str(error)) from error
        except OSError as error:
            raise BadInput(str(self.path), "", f"it cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise BadInput(str(self.path), "", f"it is no UTF-8 text: {error.reason}") from error

    def _short(self, text: io.TextIOWrapper) -> Iterator[str]:
        """The lines, one that is far too long refused before it fills the memory."""
        while line := text.readline(LONGEST):
            if len(line) == LONGEST:
                raise BadInput(str(self.path), "", f"a line of {LONGEST} characters or more")
            yield line

    def _lines(
        self, reader: Reader, columns: int, known: Callable[[list[str]], tuple[str, ...]]
    ) -> Iterator[tuple[int, tuple[str, ...]]]:
        """(its number, the cells that are wanted) of each line."""
        for cells in reader:
            if not cells:
                continue
            if len(cells) != columns:
                raise BadInput(
                    str(self.path), f"line {reader.line_num}",
                    f"{len(cells)} cells, where the first line names {columns} columns",
                )  # fmt: skip
            yield reader.line_num, known(cells)

    def _chunk(self, cells: dict[str, tuple[str, ...]], lines: Sequence[int]) -> Chunk:
        read = partial(self._column, lines)
        wearer = read("wearer", cells["wearer"], self._code)
        times = read("minute", cells["minute"], self._clock)
        steps = read("steps", cells["steps"], whole_steps)
        rates = None
        if self.has_rates:
            rates = np.array(read(HEART_RATE, cells[HEART_RATE], beats), np.float64)
        if any(name in cells for name in ABOUT):
            nothing = ("",) * len(lines)
            said = zip(*(cells.get(name, nothing) for name in ABOUT), strict=True)
            people = list(zip(wearer, said, strict=True))
            for person in dict.fromkeys(people):
                try:
                    self._see_about([person])
                except ValueError as error:
                    line = lines[people.index(person)]
                    raise BadInput(str(self.path), f"line {line}", str(error)) from None
        strand = [self._strand(w, offset) for w, (_, offset) in zip(wearer, times, strict=True)]
        return self._checked(
            np.array(strand, np.int32), np.array([minute for minute, _ in times], np.int64),
            np.array(steps, np.int64), rates, lines,
        )  # fmt: skip

    def _column(
        self, lines: Sequence[int], name: str, cells: Sequence[str], read: Callable[[str], T]
    ) -> list[T]:
        """The values of cells; a bad one is named by its line."""
        values: list[T] = []
        try:
            values.extend(map(read, cells))
        except ValueError as error:
            raise self.bad(lines[len(values)], name, error) from None
        return values

    def _clock(self, cell: str) -> tuple[int, int | None]:
        minute, offset = clock_minute(cell, self.zone)
        self._see_aware(offset is not None)
        return minute, offset

    def _forwards(self, chunk: Chunk, latest: Ints) -> tuple[Chunk, Ints]:
        """The chunk without minutes before the latest one of their wearer, and the latest."""
        strands, minutes = self.strands(), chunk.minutes
        wearer = strands.wearer[minutes.strand]
        minute = minutes.minute - strands.offset[minutes.strand]
        latest = np.append(latest, np.zeros(len(self.names) - len(latest), np.int64))
        order = np.argsort(wearer, kind="stable")
        far = np.int64(1 << 40)  # more than any minute: each wearer counts on from there
        on_from = np.maximum(minute, latest[wearer])
        reached = np.maximum.accumulate((wearer * far + on_from)[order])
        back = np.zeros(len(minutes), np.bool_)
        back[order] = wearer[order] * far + minute[order] < reached
        latest[wearer[order]] = reached - wearer[order] * far
        if not back.any():
            return chunk, latest
        rows = np.asarray(chunk.rows)
        self._aside(BACKWARDS, rows[back])
        rates = minutes.heart_rate
        return Chunk(
            Minutes(
                minutes.strand[~back], minutes.minute[~back], minutes.steps[~back],
                None if rates is None else rates[~back],
            ),
            rows[~back],
        ), latest  # fmt: skip
