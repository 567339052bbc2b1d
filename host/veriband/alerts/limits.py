"""How many alerts are too many: what is held back, and why. What is critical never is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from veriband.alerts.machine import HOUR_MS, MINUTE_MS, Severity

DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a wearer: rest after an alert about the same subject, most alerts an hour and a day."""

    rest_ms: int = 30 * MINUTE_MS
    an_hour: int = 3
    a_day: int = 6


def why_held_back(
    severity: Severity,
    now_ms: int,
    raised_ms: Sequence[int],
    closed_ms: int | None,
    limits: Limits,
) -> str | None:
    """Why an alert may not be raised now; None if it may.

    `raised_ms`: when the wearer's alerts were raised; `closed_ms`: when the last about the same
    subject was closed. What lies ahead of now, as the clock was set back, counts as now.
    """
    if severity is Severity.CRITICAL:
        return None
    if closed_ms is not None and now_ms - min(closed_ms, now_ms) < limits.rest_ms:
        return "so soon after the last one"
    ages_ms = [now_ms - min(at_ms, now_ms) for at_ms in raised_ms]
    if sum(age < HOUR_MS for age in ages_ms) >= limits.an_hour:
        return f"{limits.an_hour} in an hour"
    if sum(age < DAY_MS for age in ages_ms) >= limits.a_day:
        return f"{limits.a_day} in a day"
    return None
