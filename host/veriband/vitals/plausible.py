"""What a vital sign of a living person can be: what is outside was mistyped or misread."""

from __future__ import annotations

from veriband.minutes.table import HEART_RATES
from veriband.records import Sign
from veriband_protocol.items import (
    STATUS_OK,
    VITAL_BLOOD_PRESSURE,
    VITAL_HEART_RATE,
    VITAL_SPO2,
)

# What cuffs and finger clips of the trade can show, or a little less.
SYSTOLIC, DIASTOLIC = (50, 300), (20, 200)  # mmHg
SPO2 = (40, 100)  # percent


def heart_rate(bpm: int) -> Sign:
    """A heart rate. Raises ValueError for one that nobody has, as all of these."""
    return Sign(VITAL_HEART_RATE, STATUS_OK, _within("a heart rate", bpm, HEART_RATES, "bpm"), 0)


def spo2(percent: int) -> Sign:
    """An oxygen saturation."""
    return Sign(VITAL_SPO2, STATUS_OK, _within("an oxygen saturation", percent, SPO2, "%"), 0)


def blood_pressure(systolic: int, diastolic: int) -> Sign:
    """A blood pressure in mmHg."""
    if systolic <= diastolic:
        raise ValueError(
            f"{systolic}/{diastolic} is no blood pressure: the first number, the systolic, is "
            "the higher one"
        )
    if systolic < SYSTOLIC[0] and diastolic < DIASTOLIC[0]:
        raise ValueError(
            f"{systolic}/{diastolic} mmHg is no blood pressure of a living person; if it was "
            "measured in kPa, multiply both by 7.5"
        )
    _within("a systolic pressure", systolic, SYSTOLIC, "mmHg")
    _within("a diastolic pressure", diastolic, DIASTOLIC, "mmHg")
    return Sign(VITAL_BLOOD_PRESSURE, STATUS_OK, systolic, diastolic)


def _within(what: str, value: int, bounds: tuple[int, int], unit: str) -> int:
    low, high = bounds
    if not low <= value <= high:
        raise ValueError(f"{what} of {value} {unit} cannot be: it is from {low} to {high}")
    return value
