"""A wearer's days, put together: steps by verdict, vital signs, alerts, and what is missing."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

import numpy as np

from veriband.alerts.book import Book, Entry, Step
from veriband.alerts.machine import Phase
from veriband.analysis.cycles import Stay
from veriband.analysis.judgement import Mark
from veriband.civil import local_day
from veriband.judge.diary import Judged
from veriband.records import STRIP, Taken
from veriband.store.roster import Wearer
from veriband.vitals.readings import by_period
from veriband.vitals.signs import VITALS, status_text
from veriband_protocol.items import MINUTE_MS, STATUS_OK, VITAL_BLOOD_PRESSURE

_PARTS = {VITAL_BLOOD_PRESSURE: ("systolic pressure", "diastolic pressure")}


@dataclass(frozen=True, slots=True)
class Steps:
    """A day's steps by what becomes of them; the minutes that came, and those that did not up to
    now, as stretches (from, to) in UTC ms."""

    counted: int
    struck: int
    unverified: int
    minutes: int
    gaps: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The lowest, middle and highest of `count` values that count; `failed`: how often there was
    none, by why. `by_strip`: taken by a band, else typed in or by a meter."""

    name: str
    unit: str
    by_strip: bool
    count: int
    low: float = 0
    median: float = 0
    high: float = 0
    note: str = ""
    failed: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Day:
    """A day, and the cycle that ends on it."""

    date: date
    steps: Steps
    vitals: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """An alert, and its acknowledgements: the newest may be over, as it was raised anew."""

    entry: Entry
    acknowledged: tuple[Step, ...]


def days(first: date, last: date, zone: tzinfo) -> list[tuple[date, int, int]]:
    """(date, begin, end in UTC ms) of each day, the last one included. Raises VeribandError."""
    count = (last - first).days + 1
    dates = [first + timedelta(days=k) for k in range(count)]
    return [(day, *local_day(zone, datetime(day.year, day.month, day.day))) for day in dates]


def steps_of(its: Judged, begin_ms: int, end_ms: int, now_ms: int) -> Steps:
    """Those of a day, out of a judgement on it and others."""
    diary = its.diary
    at = diary.minute * MINUTE_MS
    inside = (at >= begin_ms) & (at < end_ms)
    marks, steps = its.marks[inside], diary.steps[inside]
    loose_at = diary.loose_minute * MINUTE_MS
    loose = diary.loose_steps[(loose_at >= begin_ms) & (loose_at < end_ms)].sum()
    minute = diary.minute[inside]
    until_ms = min(end_ms, now_ms)
    return Steps(
        int(steps[marks == Mark.COUNTED].sum()),
        int(steps[marks == Mark.STRUCK].sum()),
        int(steps[marks == Mark.UNVERIFIED].sum() + loose),
        len(minute),
        tuple(_missing(minute.tolist(), begin_ms // MINUTE_MS, until_ms // MINUTE_MS)),
    )


def _missing(minutes: Sequence[int], begin: int, end: int) -> Iterator[tuple[int, int]]:
    before = begin
    for minute in (*sorted(minutes), end):
        if minute > before:
            yield before * MINUTE_MS, min(minute, end) * MINUTE_MS
        before = max(before, minute + 1)


def vitals_of(taken: Iterable[Taken], cycle: date, stays: Sequence[Stay]) -> tuple[Range, ...]:
    """The vital signs of a cycle; what is uncalibrated is never mixed with what is not."""
    values: dict[tuple[int, int, bool], list[int]] = {}
    failed: dict[tuple[int, int, bool], Counter[str]] = {}
    for one in (one for period in by_period(taken, cycle, stays) for one in period):
        for sign in one.signs:
            if sign.vital not in VITALS:
                continue
            numbers = (sign.first, sign.second)[: len(_PARTS.get(sign.vital, ("",)))]
            for part, number in enumerate(numbers):
                key = sign.vital, part, one.source == STRIP
                values.setdefault(key, [])
                failed.setdefault(key, Counter())
                if sign.status == STATUS_OK:
                    values[key].append(number)
                else:
                    failed[key][status_text(sign.status)] += 1
    return tuple(_range(key, values[key], failed[key]) for key in sorted(values))


def _range(key: tuple[int, int, bool], its: Sequence[int], failed: Counter[str]) -> Range:
    vital, part, by_strip = key
    known = VITALS[vital]
    name = _PARTS.get(vital, (known.name,))[part]
    unit = known.text.rpartition(" ")[2]
    note = known.note if by_strip else ""
    middle = (min(its), float(np.round(statistics.median(its), 1)), max(its)) if its else (0, 0, 0)
    return Range(name, unit, by_strip, len(its), *middle, note, dict(failed))


def alerts_of(book: Book, wearer: Wearer, begin_ms: int, end_ms: int) -> list[Told]:
    """The alerts about a wearer that were open in that time, and who took them upon them."""
    return [
        Told(entry, tuple(s for s in book.steps(entry.number) if s.what == Phase.ACKNOWLEDGED))
        for entry in book.entries()
        if entry.cause.wearer == wearer.id and entry.raised_ms < end_ms
        if entry.alert.closed_ms is None or entry.alert.closed_ms >= begin_ms
    ]
