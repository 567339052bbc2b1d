"""A recorded PPG: read from CSV, and played as the light and the motion that chips see."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

STANDARD_GRAVITY = 9.80665  # m/s2
LEVEL = 100_000  # counts: a worn sensor's mean, at the band's LED current
TOP = (1 << 18) - 1  # of the chip's converter
SAMPLE_US = 40_000  # the band's averaging of light
SLOWEST_HZ, FASTEST_HZ = 10, 4000
LONGEST_GAP_S = 2.0
MOST = 1e12  # of any number; the seconds since 1970 are less
COLUMNS = ("time_s", "ir", "red", "ax", "ay", "az")
Series = np.ndarray[tuple[int], np.dtype[np.float64]]


class BadRecording(Exception):
    """The file cannot be played; the text says where it is wrong and how."""


class Signal:
    """Samples at rising times (s), as a line between them; its means over any stretch of time."""

    def __init__(self, times: Series, values: Series) -> None:
        self._times, self._values = times, values
        areas = np.diff(times) * (values[1:] + values[:-1]) / 2
        self._area = np.concatenate((np.zeros(1), np.cumsum(areas)))

    def _until(self, s: float) -> float:
        """The area under the line up to `s`."""
        s = min(max(s, self._times[0]), self._times[-1])
        k = min(int(np.searchsorted(self._times, s, "right")) - 1, len(self._times) - 2)
        step = s - self._times[k]
        slope = (self._values[k + 1] - self._values[k]) / (self._times[k + 1] - self._times[k])
        return float(self._area[k] + step * (self._values[k] + slope * step / 2))

    def mean(self, start: float, end: float) -> float:
        """The mean from `start` to `end` in s, within the recording; the value if they meet."""
        start, end = (min(max(s, self._times[0]), self._times[-1]) for s in (start, end))
        if end <= start:
            return float(np.interp(end, self._times, self._values))
        return (self._until(end) - self._until(start)) / (end - start)


@dataclass(frozen=True)
class Recording:
    """Light in counts and acceleration in g over `seconds`; `notes` say what was assumed."""

    seconds: float
    infrared: Signal
    red: Signal | None
    axes: tuple[Signal, ...]  # three or none
    notes: tuple[str, ...]

    def light(self, us: int) -> tuple[int, int]:
        """(red, infrared) of the sample that ends at `us` from the recording's start."""
        end = us / 1e6
        start = end - SAMPLE_US / 1e6
        infrared = round(self.infrared.mean(start, end))
        red = LEVEL if self.red is None else round(self.red.mean(start, end))
        return red, infrared

    def acceleration(self, us: int) -> tuple[float, float, float]:
        """x, y and z in g at `us` from the recording's start; at rest if there is none."""
        if not self.axes:
            return (0.0, 0.0, 1.0)
        end = us / 1e6
        x, y, z = (axis.mean(end - 1 / 26, end) for axis in self.axes)
        return x, y, z


def read_recording(path: Path, rate_hz: float | None, scale: float | None) -> Recording:
    """A recording from a CSV file: columns ir and, if there are, time_s, red and ax, ay, az.

    `rate_hz` gives the times of a file without time_s, and must fit those of one with it. Light is
    multiplied by `scale`, or brought to LEVEL with None. Raises BadRecording and OSError.
    """
    columns = _read(path)
    times = _times(columns, rate_hz)
    moves = np.diff(times, prepend=-1.0) > 0  # a clock may be coarser than the samples
    times = times[moves]
    columns = {name: values[moves] for name, values in columns.items()}
    infrared = columns["ir"]
    if scale is None:
        level = float(infrared.mean())
        if level <= 0:
            raise BadRecording(
                f"The mean of ir is {level:g}: without a level there is nothing to scale."
            )
        scale = LEVEL / level
    axes, notes = _axes(columns)
    if (infrared * scale > TOP).mean() > 0.01:
        notes.append(f"Some of ir is above the converter's {TOP} counts, and clipped.")
    return Recording(
        float(times[-1]),
        Signal(times, infrared * scale),
        Signal(times, columns["red"] * scale) if "red" in columns else None,
        tuple(Signal(times, axis) for axis in axes),
        tuple(notes),
    )


def _read(path: Path) -> dict[str, Series]:
    """The known columns of the file, each as long as the others, finite numbers all."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _parsed(csv.reader(file))
    except UnicodeDecodeError as error:
        raise BadRecording(f"This is no text: {error.reason} at byte {error.start}.") from None
    except csv.Error as error:
        raise BadRecording(f"This is no CSV: {error}.") from None


def _parsed(rows: Iterator[list[str]]) -> dict[str, Series]:
    header = [name.strip() for name in next(rows, list[str]())]
    if not header:
        raise BadRecording("The file is empty.")
    known = [(at, name) for at, name in enumerate(header) if name in COLUMNS]
    names = [name for _, name in known]
    if "ir" not in names:
        raise BadRecording(f"Line 1: there is no column ir; there are {', '.join(header)[:80]}.")
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise BadRecording(f"Line 1: the column {doubled[0]} is there twice.")
    if 0 < sum(name in names for name in ("ax", "ay", "az")) < 3:
        raise BadRecording("Line 1: of ax, ay and az there must be all or none.")
    values = {name: array("d") for name in names}
    for line, row in enumerate(rows, 2):
        if not row:
            continue
        for at, name in known:
            values[name].append(_number(row, at, name, line))
    if len(values["ir"]) < 2:
        raise BadRecording("The file has no samples.")
    return {name: np.frombuffer(its) for name, its in values.items()}


def _number(row: Sequence[str], at: int, name: str, line: int) -> float:
    text = row[at].strip() if at < len(row) else ""
    try:
        value = float(text)
    except ValueError:
        what = f"{text[:40]!r} is no number" if text else "there is nothing"
        raise BadRecording(f"Line {line}, column {name}: {what}.") from None
    if not abs(value) <= MOST:
        raise BadRecording(f"Line {line}, column {name}: {text[:40]} is no number to play.")
    return value


def _times(columns: dict[str, Series], rate_hz: float | None) -> Series:
    """The samples' times from the first on, in s."""
    if rate_hz is not None and not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
        raise BadRecording(
            f"--rate {rate_hz:g}: a recording has {SLOWEST_HZ} to {FASTEST_HZ} samples a second."
        )
    count = len(columns["ir"])
    if "time_s" not in columns:
        if rate_hz is None:
            raise BadRecording("Line 1: there is no column time_s: give --rate.")
        return np.arange(count) / rate_hz
    times = columns["time_s"] - columns["time_s"][0]
    steps = np.diff(times)
    if (steps < 0).any():
        raise BadRecording(f"Line {np.argmax(steps < 0) + 3}, column time_s: time goes back.")
    if not steps.any():
        raise BadRecording("Column time_s: time stands still.")
    usual_hz = 1 / float(np.median(steps[steps > 0]))
    if usual_hz < 0.9 * SLOWEST_HZ:
        raise _unusual(usual_hz)
    if (steps > LONGEST_GAP_S).any():
        line, gap = np.argmax(steps > LONGEST_GAP_S) + 3, steps[steps > LONGEST_GAP_S][0]
        raise BadRecording(
            f"Line {line}, column time_s: {gap:.1f} s without a sample; split the file."
        )
    its_hz = (count - 1) / times[-1]
    if not 0.9 * SLOWEST_HZ <= its_hz <= 1.1 * FASTEST_HZ:
        raise _unusual(its_hz)
    if rate_hz is not None and not 0.8 <= its_hz / rate_hz <= 1.25:
        raise BadRecording(
            f"Column time_s: {its_hz:.1f} samples a second, but --rate says {rate_hz:g}."
        )
    return times


def _unusual(hz: float) -> BadRecording:
    return BadRecording(
        f"Column time_s: {hz:.1f} samples a second; {SLOWEST_HZ} to {FASTEST_HZ} can be played. "
        "Is it in seconds?"
    )


def _axes(columns: dict[str, Series]) -> tuple[list[Series], list[str]]:
    """The acceleration in g, if there is any, and what is to be said of it."""
    if "ax" not in columns:
        return [], []
    axes = [columns[name] for name in ("ax", "ay", "az")]
    size = float(np.median(np.sqrt(sum(axis * axis for axis in axes))))
    if not 0.7 * STANDARD_GRAVITY < size < 1.5 * STANDARD_GRAVITY:
        return axes, []
    note = f"ax, ay, az: {size:.1f} at rest, so in m/s2; divided by {STANDARD_GRAVITY}."
    return [axis / STANDARD_GRAVITY for axis in axes], [note]
