"""Vital signs in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from veriband.records import Measured
from veriband_protocol.items import (
    STATUS_OK,
    STATUSES,
    VITAL_BLOOD_PRESSURE,
    VITAL_HEART_RATE,
    VITAL_SPO2,
)

CAUTION = (
    "Veriband is no medical device: decide nothing about your health by these numbers. If you "
    "feel unwell, call a doctor."
)
_NAMES = {
    VITAL_HEART_RATE: "heart rate",
    VITAL_SPO2: "SpO2",
    VITAL_BLOOD_PRESSURE: "blood pressure",
}
_UNITS = {VITAL_HEART_RATE: " bpm", VITAL_SPO2: " %", VITAL_BLOOD_PRESSURE: " mmHg"}


def name(vital: int) -> str:
    """A vital sign's name."""
    return _NAMES.get(vital, f"vital sign {vital}")


def told(measured: Iterable[Measured]) -> str:
    """Vital signs that were taken together, with their source and what it said about them."""
    signs = sorted(measured, key=lambda each: -each.vital)  # a pulse is by the way
    remarks = signs[0].remarks and f" ({signs[0].remarks})"
    return f"{', '.join(map(_sign, signs))}, {signs[0].source}{remarks}"


def _sign(measured: Measured) -> str:
    value = "/".join(map(str, measured.values)) + _UNITS.get(measured.vital, "")
    status = STATUSES[measured.status] if measured.status < len(STATUSES) else "status unknown"
    if measured.status == STATUS_OK:
        return f"{name(measured.vital)} {value}"
    return f"{name(measured.vital)} {f'{value}, ' if measured.values else ''}{status}"


def moment(utc_ms: int, zone: tzinfo) -> str:
    """A moment on the clock in `zone`."""
    return f"{datetime.fromtimestamp(utc_ms / 1000, zone):%Y-%m-%d %H:%M}"
