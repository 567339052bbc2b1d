"""The vital signs that there are, and how each is said."""

from __future__ import annotations

from dataclasses import dataclass

from veriband.records import Sign
from veriband_protocol.items import (
    STATUSES,
    VITAL_BLOOD_PRESSURE,
    VITAL_HEART_RATE,
    VITAL_SPO2,
)

UNCALIBRATED = "uncalibrated"


@dataclass(frozen=True, slots=True)
class Vital:
    """A vital sign: its name, its value as text with {first} and {second} of a Sign, and what
    these two are called in JSON. `note` qualifies every value."""

    name: str
    text: str
    fields: tuple[str, str]
    note: str = ""

    @property
    def has_quality(self) -> bool:
        """Whether the second number is the value's quality in percent."""
        return self.fields[1] == "quality_percent"

    @property
    def key(self) -> str:
        """Its name in JSON."""
        return self.name.lower().replace(" ", "_")


VITALS = {
    VITAL_HEART_RATE: Vital("heart rate", "{first} bpm", ("bpm", "quality_percent")),
    VITAL_SPO2: Vital("SpO2", "{first} %", ("percent", "quality_percent"), UNCALIBRATED),
    VITAL_BLOOD_PRESSURE: Vital(
        "blood pressure", "{first}/{second} mmHg", ("systolic_mmhg", "diastolic_mmhg")
    ),
}


def value(sign: Sign) -> str:
    """The value of a sign that has one, as 72 bpm."""
    return VITALS[sign.vital].text.format(first=sign.first, second=sign.second)


def described(sign: Sign) -> str:
    """Of a sign whose status is ok: its value, what qualifies it, its quality."""
    vital = VITALS[sign.vital]
    note = f" ({vital.note})" if vital.note else ""
    quality = f", quality {sign.second} %" if vital.has_quality else ""
    return f"{value(sign)}{note}{quality}"


def status_text(status: int) -> str:
    """A status in words."""
    return STATUSES[status] if status < len(STATUSES) else f"status {status}"


def as_json(sign: Sign, by_strip: bool) -> dict[str, object]:
    """A sign for programs: its status, and its numbers where it has a value. What was not taken
    `by_strip` has no quality, and is no matter of our calibration."""
    vital = VITALS[sign.vital]
    told: dict[str, object] = {"status": status_text(sign.status)}
    if sign.first:
        told |= dict(zip(vital.fields, sign[2:], strict=True))
    if by_strip and vital.note == UNCALIBRATED:
        told["calibrated"] = False
    if not by_strip:
        told.pop("quality_percent", None)
    return told
