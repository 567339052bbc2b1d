"""Minutes in a Parquet file. It is a table: the order of its rows means nothing."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from veriband.analysis.segments import UNREAD, Bools, Floats, Ints
from veriband.civil import next_change, offset_min
from veriband.errors import BadInput, VeribandError
from veriband.minutes.table import (
    ABOUT,
    FIRST_YEAR,
    HEART_RATE,
    KNOWN,
    LAST_YEAR,
    MOST_STEPS,
    Chunk,
    Table,
    clock_minute,
)

ROWS_AT_ONCE = 1 << 18
Codes = npt.NDArray[np.int32]
_PER_MINUTE = {"s": 60, "ms": 60_000, "us": 60_000_000, "ns": 60_000_000_000}
_FIRST, _LAST = (
    int(np.datetime64(f"{year}-01-01", "m").astype(np.int64))
    for year in (FIRST_YEAR, LAST_YEAR + 1)
)
_SEARCH_S = 399 * 86_400  # as far as next_change looks


class ParquetTable(Table):
    """A Parquet file with columns as in CSV; `minute` is a timestamp, or text as there."""

    row_word = "row"

    def __init__(self, path: Path, zone: tzinfo | None) -> None:
        super().__init__(path, zone)
        self._naive: Codes = np.zeros(0, np.int32)  # strand of each wearer, without an offset

    def _chunks(self) -> Iterator[Chunk]:
        try:
            arrow: Any = importlib.import_module("pyarrow")
            parquet: Any = importlib.import_module("pyarrow.parquet")
        except ModuleNotFoundError as error:
            raise VeribandError(
                "Parquet files need pyarrow, which is not installed: pip install '.[export]' in "
                "the checkout, or use CSV."
            ) from error
        try:
            schema: Any = parquet.read_schema(self.path)
            names: list[str] = schema.names
            self._see_columns(names)
            for field in schema:
                if field.name in KNOWN:
                    self._see_type(field, arrow.types)
            # With pre_buffer pyarrow would hold the whole file in memory.
            with parquet.ParquetFile(
                self.path, read_dictionary=["wearer"], pre_buffer=False
            ) as file:
                first = 1
                for batch in file.iter_batches(
                    ROWS_AT_ONCE, columns=[name for name in names if name in KNOWN]
                ):
                    self.done = first / file.metadata.num_rows
                    count = int(batch.num_rows)
                    rows = np.arange(first, first + count)
                    first += count
                    yield self._chunk(dict(zip(batch.schema.names, batch, strict=True)), rows)
        except (OSError, UnicodeDecodeError, arrow.ArrowException) as error:
            why = str(error).splitlines()[0].rstrip(".")
            raise BadInput(str(self.path), "", f"it cannot be read: {why}") from error

    def _see_type(self, field: Any, types: Any) -> None:
        """Refuse a column of which no value can be one."""
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        text = types.is_string(kind) or types.is_large_string(kind)
        fits = text or types.is_integer(kind)
        if field.name == "minute":
            fits = text or types.is_timestamp(kind)
        elif field.name != "wearer":
            fits = fits or types.is_floating(kind) or types.is_null(kind)
        if not fits:
            raise BadInput(
                str(self.path), f"column {field.name}", f"its type {field.type} is none for it"
            )

    def _chunk(self, column: dict[str, Any], rows: Ints) -> Chunk:
        wearer = self._wearer(column["wearer"], rows)
        strand, minute = self._when(column["minute"], wearer, rows)
        steps = self._steps(column["steps"], rows)
        rates = self._beats(column[HEART_RATE], rows) if self.has_rates else None
        self._see_people(column, wearer, rows)
        return self._checked(strand, minute, steps, rates, rows)

    def _wearer(self, column: Any, rows: Ints) -> Ints:
        """(n,) indices of wearers."""
        nobody = column.is_null().to_numpy(zero_copy_only=False)
        self._see_none("wearer", nobody, column, "is not a wearer's name", rows)
        if not hasattr(column, "dictionary"):
            column = column.dictionary_encode()
        try:
            codes = [self._code(str(name)) for name in column.dictionary.to_pylist()]
        except ValueError as error:
            raise BadInput(str(self.path), "column wearer", str(error)) from None
        return np.array(codes, np.int64)[column.indices.to_numpy()]

    def _when(self, column: Any, wearer: Ints, rows: Ints) -> tuple[Codes, Ints]:
        """(n,) strands and minutes of the wearers' clocks."""
        if not hasattr(column.type, "unit"):
            return self._when_in_words(column, wearer, rows)
        values = column.to_numpy(zero_copy_only=False)
        ticks: Ints = values.view(np.int64)
        per_minute = _PER_MINUTE[column.type.unit]
        minute = ticks // per_minute
        bad = (minute * per_minute != ticks) | (minute < _FIRST) | (minute >= _LAST)
        self._see_none(
            "minute",
            bad,
            values,
            f"is no minute's begin in {FIRST_YEAR}-{LAST_YEAR}",
            rows,
        )
        self._see_aware(column.type.tz is not None)
        if column.type.tz is None:
            self._naive = np.append(
                self._naive,
                np.array(
                    [self._strand(w, None) for w in range(len(self._naive), len(self.names))],
                    np.int32,
                ),
            )
            return self._naive[wearer], minute
        try:
            zone = self.zone or _named(column.type.tz)
        except ValueError:
            where = f"zone {column.type.tz!r} of column minute"
            raise BadInput(str(self.path), where, "there is none; name one with --zone") from None
        offset = _offsets(zone, minute)
        pairs, which = np.unique(np.stack((wearer, offset)), axis=1, return_inverse=True)
        strands = np.array([self._strand(int(w), int(o)) for w, o in pairs.T], np.int32)
        return strands[which], minute + offset

    def _when_in_words(self, column: Any, wearer: Ints, rows: Ints) -> tuple[Codes, Ints]:
        strands, minutes = np.zeros(len(rows), np.int32), np.zeros(len(rows), np.int64)
        for i, cell in enumerate(column.to_pylist()):
            try:
                minutes[i], offset = clock_minute(str(cell), self.zone)
                self._see_aware(offset is not None)
            except ValueError as error:
                raise self.bad(int(rows[i]), "minute", error) from None
            strands[i] = self._strand(int(wearer[i]), offset)
        return strands, minutes

    def _steps(self, column: Any, rows: Ints) -> Ints:
        """(n,) steps, UNREAD where there are none."""
        values = self._numbers(column, "steps", rows)
        bad = values < 0
        if values.dtype.kind == "f":
            bad |= np.isinf(values)
            bad |= (np.where(bad, 0, values) % 1 != 0) & ~np.isnan(values)
            self._see_none("steps", bad, values, "is not a whole number of steps", rows)
            values = np.where(np.isnan(values), UNREAD, np.minimum(values, MOST_STEPS + 1))
            return values.astype(np.int64)
        self._see_none("steps", bad, values, "is not a whole number of steps", rows)
        most = min(MOST_STEPS + 1, np.iinfo(values.dtype).max)
        return np.minimum(values, most).astype(np.int64)

    def _beats(self, column: Any, rows: Ints) -> Floats:
        """(n,) heart rates in bpm, NaN where there are none."""
        values = self._numbers(column, HEART_RATE, rows).astype(np.float64)
        bad = (values < 0) | np.isinf(values)
        self._see_none(HEART_RATE, bad, values, "is not a heart rate in bpm", rows)
        return values

    def _numbers(self, column: Any, name: str, rows: Ints) -> Any:
        """(n,) numbers, NaN for null."""
        values = column.to_numpy(zero_copy_only=False)
        if values.dtype.kind not in "iuf":
            raise self.bad(int(rows[0]), name, f"{column[0].as_py()!r} is not a number")
        return values

    def _see_none(self, name: str, bad: Bools, values: Any, why: str, rows: Ints) -> None:
        """Raise BadInput when any is bad."""
        if bad.any():
            i = int(bad.argmax())
            raise self.bad(int(rows[i]), name, f"{values[i]!s} {why}")

    def _see_people(self, column: dict[str, Any], wearer: Ints, rows: Ints) -> None:
        """Learn what the rows say of their wearers."""
        told = [name for name in ABOUT if name in column]
        if not told:
            return
        cells = zip(*(column[name].to_pylist() for name in told), strict=True)
        for who, person in dict.fromkeys(zip(wearer.tolist(), cells, strict=True)):
            said = dict(zip(told, person, strict=True))
            words = ["" if said.get(n) is None else str(said[n]) for n in ABOUT]
            try:
                self._see_about([(who, words)])
            except ValueError as error:
                raise BadInput(str(self.path), f"wearer {self.names[who]}", str(error)) from None


def _named(zone: str) -> tzinfo:
    """The zone of a timestamp type: a name, or an offset like +01:00. Raises ValueError."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        ahead = datetime.fromisoformat(f"2000-01-01T00:00{zone}").tzinfo
        if ahead is None:
            raise ValueError(zone) from None
        return ahead


def _offsets(zone: tzinfo, utc_minute: Ints) -> Ints:
    """(n,) minutes that clocks in `zone` are ahead at (n,) minutes of UTC since 1970."""
    at, last = int(utc_minute.min()) * 60, int(utc_minute.max()) * 60
    changes, offsets = [at], [offset_min(zone, at)]
    while at < last:
        change, then = next_change(zone, at)
        if change:
            changes.append(change)
            offsets.append(then)
        at = change or at + _SEARCH_S
    where = np.searchsorted(np.array(changes) // 60, utc_minute, side="right") - 1
    return np.array(offsets, np.int64)[where]
