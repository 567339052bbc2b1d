"""A wearer's minutes out of the store, from whatever bands, and the judgement on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import numpy as np

from veriband.analysis import rest
from veriband.analysis.expected import Wearers
from veriband.analysis.judgement import Codes, Judgement
from veriband.analysis.segments import HOUR, MISSING, Bools, Floats, Ints, Segments
from veriband.civil import offset_min
from veriband.judge.engine import RULES
from veriband.minutes.table import HEART_RATES
from veriband.records import Kind
from veriband.store import Store
from veriband.store.roster import Wearer
from veriband.store.store import LATEST
from veriband_protocol.items import MINUTE_MS, STATUS_NOT_WORN, STATUS_OK

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


Reader = Callable[[Store, Wearer, int, int, int], Diary]


def read(
    store: Store, wearer: Wearer, from_utc_ms: int, to_utc_ms: int, as_of_utc_ms: int = LATEST
) -> Diary:
    """What is stored of a wearer, what came after `as_of_utc_ms` left out. Raises StoreError."""
    steps: list[tuple[int, int, int]] = []
    rates: list[tuple[int, int, int]] = []
    for worn in store.worn(wearer):
        begin = max(from_utc_ms, worn.from_utc_ms)
        end = to_utc_ms if worn.to_utc_ms is None else min(to_utc_ms, worn.to_utc_ms)
        steps += store.steps(worn.band, begin, end, as_of_utc_ms)
        rates += store.heart_rates(worn.band, begin, end, as_of_utc_ms)
    return written(steps, rates)


def written(steps: Sequence[tuple[int, int, int]], rates: Sequence[tuple[int, int, int]]) -> Diary:
    """A diary of what Store.steps and Store.heart_rates give.

    A heart rate belongs to the minute in which it was taken, and to no other; one outside of
    HEART_RATES, as nobody has it, is unknown. Of a minute that two bands have, the first counts;
    steps of the other are in no minute.
    """
    table = np.array(steps, np.int64).reshape(-1, 3)
    table = table[np.argsort(table[:, 0], kind="stable")]
    minutes = table[table[:, 2] == Kind.MINUTE]
    start, count = minutes[:, 0], minutes[:, 1]
    others = table[(table[:, 2] != Kind.MINUTE) & (table[:, 1] > 0)]
    nearest = (start + MINUTE_MS // 2) // MINUTE_MS
    minute, first = np.unique(nearest, return_index=True)
    twice = np.delete(np.arange(len(start)), first)
    twice = twice[count[twice] > 0]
    return Diary(
        minute, count[first], _rates(start, np.array(rates, np.int64).reshape(-1, 3))[first],
        np.concatenate((others[:, 0] // MINUTE_MS, nearest[twice])),
        np.concatenate((others[:, 1], count[twice])),
    )  # fmt: skip


def _rates(start: Ints, rates: Ints) -> Floats:
    """The mean heart rate taken in each of the minutes that begin at `start` (UTC ms).

    0 where there is none, and one said that the band was not worn.
    """
    at, status, bpm = rates[:, 0], rates[:, 1], rates[:, 2]
    row: Ints = np.searchsorted(start, at, side="right") - 1
    inside: Bools = row >= 0
    inside[inside] = at[inside] < start[row[inside]] + MINUTE_MS
    low, high = HEART_RATES
    ok = inside & (status == STATUS_OK) & (low <= bpm) & (bpm <= high)
    count = np.bincount(row[ok], minlength=len(start))
    total = np.bincount(row[ok], bpm[ok], len(start))
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


def judged(
    store: Store, wearer: Wearer, zone: tzinfo, rule: str, from_utc_ms: int, to_utc_ms: int,
    as_of_utc_ms: int = LATEST, reader: Reader = read,
) -> Judged:  # fmt: skip
    """The minutes from `from_utc_ms` to `to_utc_ms` as `rule` judges them.

    What came before is looked at, too: windows roll, and resting rates are learned. `zone`: of the
    wearer's clock unless they have their own. Raises VeribandError.
    """
    whole = reader(store, wearer, from_utc_ms - HISTORY_MS, to_utc_ms, as_of_utc_ms)
    segments = whole.segments(wearer.zone_or(zone))
    judgement = RULES[rule](segments, rest.learn(segments, about(wearer, from_utc_ms)))
    cells = segments.begin[:, None] + np.arange(HOUR)
    at = segments.steps != MISSING
    order = np.argsort(cells[at])
    marks = judgement.marks[at][order]

    def inside(minute: Ints) -> Bools:
        """Which lie in that time; of two contests in a row no minute counts in both."""
        return (minute * MINUTE_MS >= from_utc_ms) & (minute * MINUTE_MS < to_utc_ms)

    its, loose = inside(whole.minute), inside(whole.loose_minute)
    diary = Diary(
        whole.minute[its], whole.steps[its], whole.heart_rate[its],
        whole.loose_minute[loose], whole.loose_steps[loose],
    )  # fmt: skip
    return Judged(diary, marks[its], judgement)
