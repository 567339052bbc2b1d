"""What was measured of a wearer, as causes of alerts: anomalies, with the cycle's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from veriband.alerts.book import Book, Cause
from veriband.alerts.machine import MINUTE_MS, Severity
from veriband.analysis.anomalies import (
    LOW,
    OWN_CYCLES,
    Anomaly,
    Value,
    by_the_letter,
    persistent,
)
from veriband.analysis.cycles import Stay, period_of, reach
from veriband.analysis.ranges import (
    DIASTOLIC,
    HEART_RATE,
    INDICES,
    SPO2,
    SYSTOLIC,
    UNITS,
    Range,
    ranges_for,
)
from veriband.civil import iso
from veriband.records import Kind, Taken
from veriband.store import Store
from veriband.store.roster import Wearer
from veriband.vitals.readings import by_period
from veriband.vitals.table import rows_for_programs
from veriband_protocol.items import (
    STATUS_OK,
    VITAL_BLOOD_PRESSURE,
    VITAL_HEART_RATE,
    VITAL_SPO2,
)

KIND = "anomaly"  # the first word of the subject of such a cause
LOOKED_AT = 3  # cycles, if no alert from before is open
STILL_STEPS = 20  # a minute; as few, for STILL_MIN minutes, are rest
STILL_MIN = 10
SOON_MS = 15 * MINUTE_MS  # another reading is worth while as long as the last one is that new
_INDICES = {
    VITAL_HEART_RATE: (HEART_RATE,),
    VITAL_SPO2: (SPO2,),
    VITAL_BLOOD_PRESSURE: (SYSTOLIC, DIASTOLIC),
}
_VITALS = {HEART_RATE: VITAL_HEART_RATE, SPO2: VITAL_SPO2}  # that a band can be asked for


def look(
    store: Store,
    book: Book,
    wearer: Wearer,
    stays: Sequence[Stay],
    ranges: Sequence[Range],
    now_ms: int,
    *,
    to_the_letter: bool = False,
) -> int | None:
    """Find the anomalies of a wearer and enter them in the book.

    The vital sign (items.VITAL_*) of which another reading is wanted soon, as one that is outside
    is not enough; None: of none. `stays` as in analysis.cycles. Raises StoreError.
    """
    its = _Look(store, wearer, stays, now_ms)
    open_since = book.open_since(wearer.id, KIND)
    from_ms = min(its.begin_ms(LOOKED_AT), *open_since.values(), now_ms)
    taken = store.taken(wearer, from_ms - (OWN_CYCLES + 1) * 24 * 60 * MINUTE_MS, now_ms + 1)
    values = its.values(taken)
    age = None if wearer.birth_year is None else its.today.year - wearer.birth_year
    found: dict[str, list[Cause]] = {subject: [] for subject in open_since}
    wanted: int | None = None
    for index, limits in ranges_for(ranges, wearer.name, wearer.sex, age).items():
        anomalies = (by_the_letter if to_the_letter else persistent)(values[index], limits)
        for anomaly in anomalies:
            if anomaly.last_ms < from_ms:
                continue
            if to_the_letter or anomaly.is_confirmed:
                subject = f"{KIND}/{index}/{anomaly.side}"
                subject += f"/{anomaly.cycle}" if to_the_letter else ""
                found.setdefault(subject, []).append(its.cause(subject, anomaly, taken))
            elif now_ms - anomaly.last_ms < SOON_MS and index in _VITALS:
                wanted = _VITALS[index]
    book.observe(wearer.id, found, now_ms)
    return wanted


class _Look:
    """What is known of a wearer at a moment."""

    def __init__(self, store: Store, wearer: Wearer, stays: Sequence[Stay], now_ms: int) -> None:
        self._store = store
        self._wearer = wearer
        self._stays = stays
        self.today = period_of(now_ms, stays).cycle
        known_ms = [store.known_until(worn.band, now_ms) for worn in store.worn(wearer)]
        until_ms = max((at for at in known_ms if at is not None), default=None)
        self._whole = None if until_ms is None else period_of(until_ms, stays).cycle

    def begin_ms(self, cycles: int) -> int:
        """When the cycle so many before the one under way begins, or a little earlier."""
        return reach(self.today - timedelta(days=cycles))[0]

    def values(self, taken: Sequence[Taken]) -> Mapping[str, list[Value]]:
        """The values of each index in `taken`, in the order of time."""
        found: dict[str, list[Value]] = {index: [] for index in INDICES}
        walked = self._walked(taken[0].utc_ms, taken[-1].utc_ms) if taken else set[int]()
        for one in taken:
            minute = one.utc_ms // MINUTE_MS
            at_rest = walked.isdisjoint(range(minute - STILL_MIN, minute + 1))
            cycle = period_of(one.utc_ms, self._stays).cycle
            for sign in one.signs:
                if sign.status == STATUS_OK and sign.vital in _INDICES:
                    for index, value in zip(_INDICES[sign.vital], sign[2:], strict=False):
                        found[index].append(Value(one.utc_ms, value, cycle, at_rest))
        return found

    def _walked(self, from_ms: int, to_ms: int) -> set[int]:
        """The minutes since 1970 in which the wearer was not at rest."""
        found: set[int] = set()
        for worn in self._store.worn(self._wearer):
            begin = max(from_ms - STILL_MIN * MINUTE_MS, worn.from_utc_ms)
            end = to_ms + 1 if worn.to_utc_ms is None else min(to_ms + 1, worn.to_utc_ms)
            found |= {
                at // MINUTE_MS
                for at, steps, kind in self._store.steps(worn.band, begin, end)
                if kind == Kind.MINUTE and steps >= STILL_STEPS
            }
        return found

    def cause(self, subject: str, anomaly: Anomaly, taken: Sequence[Taken]) -> Cause:
        """An anomaly as a cause. The cycle's result is as far as it was known at the last reading
        outside, then the whole."""
        whole = self._whole is not None and self._whole > anomaly.cycle
        its = anomaly.limits
        facts: dict[str, Any] = {
            "index": anomaly.index,
            "side": anomaly.side,
            "limit": its.range.low if anomaly.side == LOW else its.range.high,
            "worst": anomaly.worst,
            "unit": UNITS[anomaly.index],
            "readings": anomaly.readings,
            "last": iso(anomaly.last_ms),
            "own": its.own,
            "uncalibrated": anomaly.index == SPO2,
            "cycle": anomaly.cycle.isoformat(),
            "is_whole": whole,
            "result": self._result(anomaly, taken, whole),
        }
        severity = Severity.CRITICAL if anomaly.is_critical else Severity.WARNING
        return Cause(
            self._wearer.id, subject, anomaly.since_ms, severity, anomaly.until_ms,
            anomaly.cycle.isoformat(), facts,
        )  # fmt: skip

    def _result(
        self, anomaly: Anomaly, taken: Sequence[Taken], whole: bool
    ) -> list[dict[str, object]]:
        until_ms = taken[-1].utc_ms if whole else anomaly.last_ms
        known = [one for one in taken if one.utc_ms <= until_ms]
        return rows_for_programs(by_period(known, anomaly.cycle, self._stays), self._stays)
