"""A band's flash as a long time without a host leaves it: written by its own journal, at once."""

from __future__ import annotations

from collections.abc import Iterable

from band.journal import Journal
from band.ring import Ring
from tests.firmware.partition import CutPartition
from veriband_protocol import items
from veriband_simulator.flash import SECTOR, Flash

FLUSH_MIN = 10
BPM_EVERY_MIN = 60  # a heart rate


def backlog(flash: Flash, place: range, minutes: Iterable[int], utc_ms: int) -> Journal:
    """The journal that lies in `place` of `flash` then: one boot, a clock, minutes of so many
    steps, a heart rate every hour."""
    journal = Journal(Ring(CutPartition(len(place) // SECTOR, flash, place.start)))
    journal.boot(1, items.CAUSE_POWER_ON, 0)
    journal.anchor(0, utc_ms, 0, items.SOURCE_HOST)
    for k, steps in enumerate(minutes):
        if k % FLUSH_MIN == 0 or journal.full():
            journal.flush()
        if k % BPM_EVERY_MIN == 0:
            journal.reading(0, items.VITAL_HEART_RATE, items.STATUS_OK, 60, 90)
        journal.minute(steps)
    journal.flush()
    return journal
