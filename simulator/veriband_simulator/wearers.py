"""Who wears a band: recorded minutes of real people, as the steps their feet make."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from itertools import accumulate
from zoneinfo import ZoneInfo

MINUTE_US = 60_000_000


@dataclass(frozen=True)
class RecordedDay:
    """A person's recorded day: steps of each of 1,440 minutes of the wearer's clock."""

    wearer: str
    start: datetime
    steps: tuple[int, ...]


class Walk:
    """Steps over time: `steps[m]` of them evenly over minute m, the first at `start_us`."""

    def __init__(self, steps: Sequence[int], start_us: int = 0) -> None:
        self._steps = tuple(steps)
        self._before = (0, *accumulate(steps))
        self._start_us = start_us

    def total(self, at_us: int) -> int:
        """Steps made until `at_us`, in us of the world's time."""
        minute, rest = divmod(max(0, at_us - self._start_us), MINUTE_US)
        if minute >= len(self._steps):
            return self._before[-1]
        return self._before[minute] + (rest * self._steps[minute] * 2 + MINUTE_US) // (
            2 * MINUTE_US
        )


def recorded_day(zone: ZoneInfo) -> RecordedDay:
    """The recorded day that comes with the simulator (data/README.md), its clock in `zone`."""
    text = files("veriband_simulator").joinpath("data/fitbit_day.csv").read_text()
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    start = datetime.fromisoformat(rows[0]["minute"]).replace(tzinfo=zone)
    return RecordedDay(rows[0]["wearer"], start, tuple(int(row["steps"]) for row in rows))
