"""Preset ranges of the vital signs, by sex and age: what is outside is an anomaly (A claim 1).

They are for who is at rest, and no diagnosis. Sources of the shipped ones: NEWS2 (Royal College of
Physicians, 2017) where a single parameter scores 3, for what is critical and for a low systolic
pressure; hypertension from 140/90 mmHg on (ESC 2024) and a crisis above 180/120 (ACC/AHA 2017);
heart rates of children as in the American Heart Association's PALS, of others 50 to 100 bpm, as
sleepers and the fit go below 60. None of these tells the sexes apart; a configuration may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HEART_RATE = "heart rate"
SPO2 = "SpO2"
SYSTOLIC = "systolic pressure"
DIASTOLIC = "diastolic pressure"
INDICES = (HEART_RATE, SPO2, SYSTOLIC, DIASTOLIC)
UNITS = {HEART_RATE: "bpm", SPO2: "%", SYSTOLIC: "mmHg", DIASTOLIC: "mmHg"}
ADULT = 18  # whose age is not known is taken for one
OLDEST = 150
MOST = 300.0  # that any index can be


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included, an index is in its range; None: no limit.

    Below `critical_low` or above `critical_high` it is critical. Of whom: `sex` "m" or "f", None
    for both; ages from `from_age` to `to_age`, both included; with `wearer` of that one only.
    """

    index: str
    low: float | None = None
    high: float | None = None
    critical_low: float | None = None
    critical_high: float | None = None
    sex: str | None = None
    from_age: int = 0
    to_age: int = OLDEST
    wearer: str | None = None

    def fits(self, wearer: str, sex: str | None, age: int | None) -> bool:
        """Whether it is one for that wearer, of that sex and age, None where it is not known."""
        years = ADULT if age is None else age
        is_theirs = self.wearer in (None, wearer) and self.sex in (None, sex)
        return is_theirs and self.from_age <= years <= self.to_age

    @property
    def width(self) -> tuple[bool, int, bool]:
        """The less, the fewer people it is for."""
        return self.wearer is None, self.to_age - self.from_age, self.sex is None


SHIPPED = (
    Range(HEART_RATE, 60, 140, 50, 180, to_age=10),
    Range(HEART_RATE, 50, 100, 41, 130, from_age=11),
    Range(SPO2, low=92, critical_low=85),
    Range(SYSTOLIC, 91, 139, critical_high=180, from_age=11),
    Range(DIASTOLIC, high=89, critical_high=120, from_age=11),
)


def ranges_for(
    ranges: Iterable[Range], wearer: str, sex: str | None, age: int | None
) -> Mapping[str, Range]:
    """Of each index the range for the fewest people that a wearer is one of, if there is one; of
    two for as many the later."""
    found: dict[str, Range] = {}
    for its in ranges:
        best = found.get(its.index)
        if its.fits(wearer, sex, age) and (best is None or its.width <= best.width):
            found[its.index] = its
    return found
