"""A wearer's minutes out of the store, from whatever bands, and the judgement on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import numpy as np

from veriband.analysis import rest
from veriband.analysis.expected import Wearers
from veriband.analysis.judgement import Codes, Judgement
from veriband.analysis.segments import HOUR, MISSING, Bools, Floats, Ints, Segments
from veriband.civil import offset_min, zone_named
from veriband.judge.engine import RULES
from veriband.records import Kind, Reading
from veriband.store import Store
from veriband.store.roster import Wearer
from veriband.store.store import LATEST, Span
from veriband_protocol.items import MINUTE_MS, STATUS_NOT_WORN, STATUS_OK, VITAL_HEART_RATE

HISTORY_MS = 14 * 24 * 3_600_000  # of which the resting heart rate is learned
_QUARTER = 15  # minutes; offsets of clocks change on whole ones


@dataclass(frozen=True, slots=True)
class Diary:
    """n minutes in the order of time, all (n,), and m amounts of steps in no minute, (m,).

    `minute`: since 1970 of UTC. `heart_rate`: bpm, 0 not worn, NaN unknown.
    """

    minute: Ints
    steps: Ints
    heart_rate: Floats
    loose_minute: Ints
    loose_steps: Ints

    def segments(self, zone: tzinfo) -> Segments:
        """As hours of the clock in `zone`, of wearer 0."""
        quarters, index = np.unique(self.minute // _QUARTER, return_inverse=True)
        offsets = [offset_min(zone, int(q) * _QUARTER * 60) for q in quarters]
        offset = np.array(offsets, np.int64)[index]
        begin = (self.minute + offset) // HOUR * HOUR - offset
        pairs, row = np.unique(np.stack((begin, offset), axis=1), axis=0, return_inverse=True)
        row = row.ravel()
        n = len(pairs)
        steps = np.full((n, HOUR), MISSING, np.int16)
        rates = np.full((n, HOUR), np.nan, np.float32)
        column = self.minute - begin
        steps[row, column] = self.steps
        rates[row, column] = self.heart_rate
        return Segments(np.zeros(n, np.int32), pairs[:, 0], pairs[:, 1], steps, rates)


@dataclass(frozen=True, slots=True)
class Judged:
    """A diary and the judgement on it: `marks` (n,) is the Mark of each of its minutes."""

    diary: Diary
    marks: Codes
    judgement: Judgement


def read(
    store: Store, wearer: Wearer, from_utc_ms: int, to_utc_ms: int, as_of_utc_ms: int = LATEST
) -> Diary:
    """What is stored of a wearer, what came after `as_of_utc_ms` left out. Raises StoreError."""
    spans: list[Span] = []
    readings: list[tuple[int, Reading]] = []
    for worn in store.worn(wearer):
        begin = max(from_utc_ms, worn.from_utc_ms)
        end = to_utc_ms if worn.to_utc_ms is None else min(to_utc_ms, worn.to_utc_ms)
        spans += store.spans(worn.band, begin, end, as_of_utc_ms)
        readings += store.readings(worn.band, begin, end, as_of_utc_ms)
    return written(spans, readings)


def written(spans: Sequence[Span], readings: Sequence[tuple[int, Reading]]) -> Diary:
    """A diary of spans and of readings, each with its time in UTC ms.

    A reading belongs to the minute in which it was taken, and to no other. Of a minute that two
    bands have, the first counts; steps of the other are in no minute.
    """
    minutes = sorted((s for s in spans if s.kind is Kind.MINUTE), key=lambda s: s.utc_ms)
    start = np.array([s.utc_ms for s in minutes], np.int64)
    steps = np.array([s.steps for s in minutes], np.int64)
    nearest = (start + MINUTE_MS // 2) // MINUTE_MS
    minute, first = np.unique(nearest, return_index=True)
    twice = np.delete(np.arange(len(start)), first)
    others = [s for s in spans if s.kind is not Kind.MINUTE and s.steps]
    loose = np.array([s.utc_ms // MINUTE_MS for s in others], np.int64)
    return Diary(
        minute, steps[first], _rates(start, readings)[first],
        np.concatenate((loose, nearest[twice])),
        np.concatenate((np.array([s.steps for s in others], np.int64), steps[twice])),
    )  # fmt: skip


def _rates(start: Ints, readings: Sequence[tuple[int, Reading]]) -> Floats:
    """The mean heart rate taken in each of the minutes that begin at `start` (UTC ms).

    0 where there is none, and one said that the band was not worn.
    """
    rates = [r for r in readings if r[1].vital == VITAL_HEART_RATE]
    at = np.array([utc_ms for utc_ms, _ in rates], np.int64)
    value = np.array([r.value for _, r in rates], np.float64)
    status = np.array([r.detail for _, r in rates], np.int64)
    row = np.searchsorted(start, at, side="right") - 1
    inside: Bools = (row >= 0) & (at < start[row] + MINUTE_MS) if len(start) else row >= 0
    known = row[inside & (status == STATUS_OK)]
    count = np.bincount(known, minlength=len(start))
    total = np.bincount(known, value[inside & (status == STATUS_OK)], len(start))
    result: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    unworn = row[inside & (status == STATUS_NOT_WORN)]
    result[unworn[count[unworn] == 0]] = 0.0
    return result


def about(wearer: Wearer, utc_ms: int) -> Wearers:
    """What is known of a wearer at that time, for the rules."""
    age = np.nan
    if wearer.birth_year is not None:
        age = datetime.fromtimestamp(utc_ms / 1000, UTC).year - wearer.birth_year
    known = (age, wearer.height_m, wearer.rest_bpm)
    columns = [np.array([np.nan if v is None else v], np.float64) for v in known]
    return Wearers(np.array([wearer.sex == "f"]), *columns)


def own_zone(wearer: Wearer, default: tzinfo) -> tzinfo:
    """The zone of a wearer's clock. Raises VeribandError for an unknown one."""
    return default if wearer.zone is None else zone_named(wearer.zone)


def judged(
    store: Store, wearer: Wearer, zone: tzinfo, rule: str, from_utc_ms: int, to_utc_ms: int,
    as_of_utc_ms: int = LATEST,
) -> Judged:  # fmt: skip
    """The minutes from `from_utc_ms` to `to_utc_ms` as `rule` judges them.

    What came before is looked at, too: windows roll, and resting rates are learned. `zone`: of the
    wearer's clock unless they have their own. Raises VeribandError.
    """
    whole = read(store, wearer, from_utc_ms - HISTORY_MS, to_utc_ms, as_of_utc_ms)
    segments = whole.segments(own_zone(wearer, zone))
    judgement = RULES[rule](segments, rest.learn(segments, about(wearer, from_utc_ms)))
    cells = segments.begin[:, None] + np.arange(HOUR)
    at = segments.steps != MISSING
    order = np.argsort(cells[at])
    marks = judgement.marks[at][order]
    inside = whole.minute * MINUTE_MS >= from_utc_ms
    late = whole.loose_minute * MINUTE_MS >= from_utc_ms
    diary = Diary(
        whole.minute[inside], whole.steps[inside], whole.heart_rate[inside],
        whole.loose_minute[late], whole.loose_steps[late],
    )  # fmt: skip
    return Judged(diary, marks[inside], judgement)
