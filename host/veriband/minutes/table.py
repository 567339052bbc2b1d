"""A table of minutes: `wearer`, `minute`, `steps`, and where known `heart_rate_bpm`, `sex`, `age`,
`height_m`, `rest_bpm`. What both kinds of files have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from veriband.analysis.expected import Wearers
from veriband.analysis.grid import Minutes, Strands
from veriband.analysis.segments import UNREAD, Bools, Floats, Ints, Rates, Steps
from veriband.errors import BadInput

WANTED = ("wearer", "minute", "steps")
HEART_RATE = "heart_rate_bpm"
ABOUT = ("sex", "age", "height_m", "rest_bpm")
KNOWN = (*WANTED, HEART_RATE, *ABOUT)
MOST_STEPS = 300  # a minute; sprinters make about five a second, and for seconds only
HEART_RATES = (25, 250)
FIRST_YEAR, LAST_YEAR = 2000, 2099
ABOUT_RANGES = {"age": (1.0, 120.0), "height_m": (0.5, 2.5), "rest_bpm": (25.0, 120.0)}
_SEXES = {"m": 0.0, "male": 0.0, "f": 1.0, "female": 1.0}
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some minutes of a table; `rows[i]` is the number of minute i's line or row."""

    minutes: Minutes
    rows: Sequence[int] | npt.NDArray[np.int64]


@dataclass(slots=True)
class Reason:
    """Why minutes were set aside: how many, and where the first one stands ("" unknown)."""

    count: int
    first: str


class Table(ABC):
    """A file of minutes. `chunks` may be called again and gives the same again.

    Times without an offset are the wearer's clock and stay so; those with one are read on the
    clock of `zone`, or on the clock they are written in where that is None.
    """

    row_word = "line"

    def __init__(self, path: Path, zone: tzinfo | None) -> None:
        self.path = path
        self.zone = zone
        self.names: list[str] = []
        self.aware: bool | None = None  # whether times have offsets
        self.has_rates = False
        self.set_aside: dict[str, Reason] = {}
        self.done = 0.0  # share of the file that was read
        self._codes: dict[str, int] = {}
        self._strand_codes: dict[tuple[int, int], int] = {}
        self._strands = Strands(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._about: dict[str, dict[int, float]] = {name: {} for name in ABOUT}
        self._first_time = True
        self._state: tuple[int, int] | None = None  # size and time of change

    @abstractmethod
    def _chunks(self) -> Iterator[Chunk]: ...

    def chunks(self) -> Iterator[Chunk]:
        """The minutes, in the order of the file. Raises BadInput."""
        try:
            now = self.path.stat()
        except OSError as error:
            raise BadInput(str(self.path), "", f"it cannot be read: {error.strerror}") from error
        state = (now.st_size, now.st_mtime_ns)
        if self._state not in (None, state):
            raise BadInput(str(self.path), "", "it changed while it was read")
        self._state = state
        yield from self._chunks()
        self._first_time = False

    def strands(self) -> Strands:
        """The strands that were met so far."""
        if len(self._strands.wearer) < len(self._strand_codes):
            pairs = np.array(list(self._strand_codes), np.int64).reshape(-1, 2)
            self._strands = Strands(pairs[:, 0], pairs[:, 1])
        return self._strands

    def wearers(self) -> Wearers:
        """What the table says of the wearers that were met so far."""
        column = {name: np.full(len(self.names), np.nan) for name in ABOUT}
        for name, known in self._about.items():
            column[name][list(known)] = list(known.values())
        return Wearers(column["sex"] == 1, column["age"], column["height_m"], column["rest_bpm"])

    def bad(self, row: int, column: str, why: object) -> BadInput:
        """The error for a cell."""
        return BadInput(str(self.path), f"{self.row_word} {row}, column {column}", str(why))

    def note(self, why: str, count: int, first_row: int | None) -> None:
        """Note that so many minutes were set aside."""
        first = "" if first_row is None else f"{self.row_word} {first_row}"
        reason = self.set_aside.setdefault(why, Reason(0, first))
        reason.count += count

    def _aside(self, why: str, rows: Ints) -> None:
        """Note that these rows were set aside; a table that is read again has noted it."""
        if self._first_time:
            self.note(why, len(rows), int(rows[0]))

    # For the two kinds of tables.

    def _see_columns(self, columns: Sequence[str]) -> None:
        missing = [name for name in WANTED if name not in columns]
        doubled = [n for n in KNOWN if list(columns).count(n) > 1]
        if missing:
            there = ", ".join(columns) or "none"
            raise BadInput(
                str(self.path), "", f"no column {missing[0]!r} (its columns are: {there})"
            )
        if doubled:
            raise BadInput(str(self.path), "", f"two columns are called {doubled[0]!r}")
        self.has_rates = HEART_RATE in columns

    def _code(self, name: str) -> int:
        """The index of a wearer."""
        code = self._codes.get(name)
        if code is None:
            if not name.strip():
                raise ValueError("a wearer without a name")
            code = self._codes[name] = len(self.names)
            self.names.append(name)
        return code

    def _strand(self, wearer: int, offset: int | None) -> int:
        return self._strand_codes.setdefault((wearer, offset or 0), len(self._strand_codes))

    def _see_aware(self, aware: bool) -> None:
        """Times with offsets and times without do not mix."""
        if self.aware is None:
            self.aware = aware
        if self.aware != aware:
            raise ValueError("times with an offset from UTC and times without cannot be mixed")

    def _see_about(self, rows: Iterable[tuple[int, Sequence[str]]]) -> None:
        """Learn about wearers from (wearer, cells of ABOUT in their order)."""
        for wearer, cells in rows:
            for name, cell in zip(ABOUT, cells, strict=True):
                if not cell.strip():
                    continue
                value = about(name, cell)
                if self._about[name].setdefault(wearer, value) != value:
                    raise ValueError(f"wearer {self.names[wearer]} has two values of {name}")

    def _checked(
        self, strand: npt.NDArray[np.int32], minute: Ints, steps: Ints, rates: Floats | None,
        rows: Sequence[int] | npt.NDArray[np.int64],
    ) -> Chunk:  # fmt: skip
        """A chunk, with what cannot be set aside. `steps`: negative where not known."""
        at = np.asarray(rows)
        many = steps > MOST_STEPS
        if many.any():
            self._aside(f"more than {MOST_STEPS} steps in a minute", at[many])
            steps = np.where(many, UNREAD, steps)
        heart_rate: Rates | None = None
        if rates is not None:
            low, high = HEART_RATES
            odd: Bools = ((rates != 0) & (rates < low)) | (rates > high)
            if odd.any():
                self._aside(f"a heart rate outside {low} to {high} bpm, taken as unknown", at[odd])
                rates = np.where(odd, np.nan, rates)
            heart_rate = rates.astype(np.float32)
        its_steps: Steps = steps.astype(np.int16)
        return Chunk(Minutes(strand, minute.astype(np.int32), its_steps, heart_rate), rows)


def about(name: str, cell: str) -> float:
    """The value of a cell of ABOUT. Raises ValueError."""
    if name == "sex":
        if cell.strip().lower() not in _SEXES:
            raise ValueError(f"sex {cell!r} is neither m nor f")
        return _SEXES[cell.strip().lower()]
    low, high = ABOUT_RANGES[name]
    value = _number(cell)
    if not low <= value <= high:
        raise ValueError(f"{name} {cell!r} is not a number from {low:g} to {high:g}")
    return value


def _number(cell: str) -> float:
    """The number in a cell, NaN where there is none."""
    try:
        return np.nan if "_" in cell else float(cell)
    except ValueError:
        return np.nan


def whole_steps(cell: str) -> int:
    """Steps from a cell, UNREAD from an empty one. Raises ValueError."""
    if not cell:
        return UNREAD
    value = _number(cell)
    if not value.is_integer() or value < 0:
        raise ValueError(f"{cell!r} is not a whole number of steps")
    return int(min(value, MOST_STEPS + 1))


def beats(cell: str) -> float:
    """A heart rate in bpm from a cell, NaN from an empty one. Raises ValueError."""
    if not cell:
        return np.nan
    value = _number(cell)
    if not 0 <= value < np.inf:
        raise ValueError(f"{cell!r} is not a heart rate in bpm")
    return value


@lru_cache(1 << 16)
def clock_minute(cell: str, zone: tzinfo | None) -> tuple[int, int | None]:
    """(minutes since 1970 of the wearer's clock, its minutes ahead of UTC or None) from a cell.

    Raises ValueError.
    """
    try:
        when = datetime.fromisoformat(cell.strip())
        if len(cell.strip()) < len("2016-04-19T10:00"):
            raise ValueError
    except ValueError:
        raise ValueError(f"{cell!r} is not a time like 2016-04-19T10:00") from None
    if when.second or when.microsecond:
        raise ValueError(f"{cell!r} is not the begin of a minute")
    if not FIRST_YEAR <= when.year <= LAST_YEAR:
        raise ValueError(f"{cell!r} is not between {FIRST_YEAR} and {LAST_YEAR}")
    offset = None
    if when.tzinfo is not None:
        if zone is not None:
            when = when.astimezone(zone)
        ahead = when.utcoffset()
        assert ahead is not None
        offset = round(ahead.total_seconds()) // 60
        when = when.replace(tzinfo=None)
    return (when - _EPOCH).days * 1440 + when.hour * 60 + when.minute, offset
