"""A day's steps by the hour of the wearer's clock, and how they look in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from veriband.records import Kind
from veriband.store.store import Span

BAR = 40
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True)
class Hour:
    """An hour that begins at `start`: steps in minutes, steps in gaps, minutes that are known."""

    start: datetime
    minute_steps: int
    gap_steps: int
    minutes: int

    @property
    def steps(self) -> int:
        """All steps of the hour."""
        return self.minute_steps + self.gap_steps


def by_hour(spans: Sequence[Span], zone: tzinfo, begin_ms: int, end_ms: int) -> list[Hour]:
    """The hours from `begin_ms` to `end_ms` (UTC ms); a span counts in the hour it begins in."""
    hours: list[Hour] = []
    i = 0
    for start_ms in range(begin_ms, end_ms, 3_600_000):
        minute_steps = gap_steps = minutes = 0
        while i < len(spans) and spans[i].utc_ms < min(start_ms + 3_600_000, end_ms):
            if spans[i].kind is Kind.MINUTE:
                minute_steps += spans[i].steps
                minutes += 1
            else:
                gap_steps += spans[i].steps
            i += 1
        start = datetime.fromtimestamp(start_ms / 1000, UTC).astimezone(zone)
        hours.append(Hour(start, minute_steps, gap_steps, minutes))
    return hours


def table(hours: Sequence[Hour], chip: Sequence[int] | None = None) -> str:
    """The hours as rows with a bar each; with `chip`, the step chip's own count beside them."""
    most = max((hour.steps for hour in hours), default=0)
    head = "hour   " + ("   chip" if chip is not None else "") + "  steps  minutes"
    lines = [head]
    for i, hour in enumerate(hours):
        counted = f"{chip[i]:7d}" if chip is not None else ""
        gap = f"  ({hour.gap_steps} in gaps)" if hour.gap_steps else ""
        row = f"{hour.start:%H:%M}  {counted}{hour.steps:7d}{hour.minutes:9d}  "
        lines.append(f"{row}{bar(hour.steps, most)}{gap}".rstrip())
    total = f"{sum(chip):7d}" if chip is not None else ""
    lines.append(
        f"day    {total}{sum(h.steps for h in hours):7d}{sum(h.minutes for h in hours):9d}"
    )
    return "\n".join(lines)


def bar(value: int, most: int) -> str:
    """A bar of up to 40 characters."""
    eighths = round(value * BAR * 8 / most) if most else 0
    if not can_show("█" + _EIGHTHS):
        return "#" * round(eighths / 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def can_show(text: str) -> bool:
    """Whether the encoding of the output has these characters."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
