"""Readings in words, and the cautions that go with them."""

from __future__ import annotations

from veriband.records import Sign, Taken
from veriband.vitals.signs import VITALS, status_text, value
from veriband_protocol.items import STATUS_OK, VITAL_HEART_RATE

# Below whatever shows vital signs; before it, what is to be said of some of them.
CAUTION = (
    "Veriband is no medical device and makes no diagnosis: decide nothing about your health by "
    "these numbers. If you feel unwell, call a doctor."
)
NOT_CALIBRATED = "* uncalibrated: no housing has been measured against a reference."
ESTIMATED = (
    "A blood pressure by the hub is an estimate of what has changed since the cuff: before you "
    "act on it, measure with a cuff."
)


def told(taken: Taken) -> str:
    """Vital signs that were taken together, with their source and what it said about them."""
    signs = sorted(taken.signs, key=_is_by_the_way)
    remarks = taken.remarks and f" ({taken.remarks})"
    return f"{', '.join(map(_said, signs))}, {taken.source}{remarks}"


def _said(sign: Sign) -> str:
    """A vital sign's name and value, and its status where that is not ok."""
    words = [VITALS[sign.vital].name, *([value(sign)] if sign.first else [])]
    status = [] if sign.status == STATUS_OK else [status_text(sign.status)]
    return ", ".join([" ".join(words), *status]) if sign.first else " ".join([*words, *status])


def _is_by_the_way(sign: Sign) -> bool:
    return sign.vital == VITAL_HEART_RATE
