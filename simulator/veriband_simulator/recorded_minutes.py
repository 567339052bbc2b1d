"""Recorded minutes of real people: those that come with the simulator, and anybody's CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

COLUMNS = ("minute", "steps", "heart_rate_bpm")
DAY = 24 * 60
MOST_STEPS = 300  # in a minute
MOST_BPM = 250.0
MOST_DIGITS = 10
PACKAGED = ("fitbit_day", "evening_run")


class BadMinutes(ValueError):
    """A recording cannot be read; says where and what is allowed."""


@dataclass(frozen=True)
class RecordedMinutes:
    """Minutes in a row: steps, and heart rates in bpm: None unknown, 0 not worn."""

    steps: tuple[int, ...]
    heart_rate: tuple[float | None, ...]


def packaged(name: str) -> RecordedMinutes:
    """One of PACKAGED (data/README.md)."""
    text = files("veriband_simulator").joinpath(f"data/{name}.csv").read_text("utf-8")
    return parsed(text, f"{name}.csv")


def read(path: Path) -> RecordedMinutes:
    """A CSV file with the columns `minute,steps,heart_rate_bpm`. Raises BadMinutes."""
    try:
        return parsed(path.read_text("utf-8-sig"), str(path))
    except (OSError, UnicodeError, csv.Error) as error:
        raise BadMinutes(f"{path} cannot be read: {error}") from error


def parsed(text: str, name: str) -> RecordedMinutes:
    """The recording in a text. `minute` counts from 0, or is a time as 2016-04-19 09:30.

    Lines that begin with # say something else. A minute that is missing has no steps and an
    unknown heart rate; the first one given is the recording's first. Raises BadMinutes.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    rows = csv.reader(lines)
    head = tuple(next(rows, ()))
    if head not in (COLUMNS, COLUMNS[:2]):
        raise BadMinutes(
            f"{name}: the columns are {','.join(head)!r}, not {','.join(COLUMNS)!r} "
            f"or {','.join(COLUMNS[:2])!r}."
        )
    minutes: dict[int, tuple[int, float | None]] = {}
    last = -1
    for minute, steps, rate in _cells(rows, name, len(head)):
        if minute <= last:
            raise BadMinutes(f"{name}: minute {minute} of it does not come after {last}.")
        last = minute
        minutes[minute] = steps, rate
    if not minutes:
        raise BadMinutes(f"{name} has no minutes.")
    row = [minutes.get(m, (0, None)) for m in range(min(minutes), last + 1)]
    return RecordedMinutes(tuple(steps for steps, _ in row), tuple(rate for _, rate in row))


def _cells(
    rows: Iterator[list[str]], name: str, width: int
) -> Iterator[tuple[int, int, float | None]]:
    first: datetime | None = None
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise BadMinutes(f"{name}, row {number}: {len(row)} cells, not {width}.")
        where = f"{name}, row {number}"
        minute = _whole(row[0])
        if minute is None:
            try:
                time = datetime.fromisoformat(row[0])
                first = first or time
                minute = int((time - first).total_seconds() // 60)
            except (ValueError, TypeError):
                raise BadMinutes(
                    f"{where}: minute {row[0][:40]!r} is neither a number nor a time as "
                    "2016-04-19 09:30."
                ) from None
        if minute >= DAY:
            raise BadMinutes(f"{where}: it is more than a day after the first.")
        steps = _whole(row[1])
        if steps is None or steps > MOST_STEPS:
            raise BadMinutes(f"{where}: {row[1][:40]!r} is not 0 to {MOST_STEPS} steps.")
        yield minute, steps, _rate(row[2], where) if width > 2 and row[2] else None


def _whole(cell: str) -> int | None:
    return int(cell) if cell.isdecimal() and len(cell) < MOST_DIGITS else None


def _rate(cell: str, where: str) -> float:
    try:
        rate = float(cell)
    except ValueError:
        rate = -1.0
    if rate and not 20 <= rate <= MOST_BPM:
        raise BadMinutes(
            f"{where}: {cell[:40]!r} is not 20 to {MOST_BPM:g} bpm, 0 (not worn) or empty "
            "(unknown)."
        )
    return rate
