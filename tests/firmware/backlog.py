"""A band's journal as a long time without a host leaves it: written by its own code, at once."""

from __future__ import annotations

from collections.abc import Iterable

from band.journal import Journal
from band.ring import Ring
from band.vitals import ACTIVE_STEPS
from tests.firmware.partition import CutPartition
from veriband_protocol import items
from veriband_simulator.flash import SECTOR, Flash

FLUSH_MIN = 10
MEASURED_S = 6  # after a minute's end: the middle of the measurement that follows it


def lived(journal: Journal, minutes: Iterable[int]) -> None:
    """Journal minutes of so many steps, and after each active one a heart rate that was found."""
    for k, steps in enumerate(minutes, 1):
        if journal.full():
            journal.flush()
        journal.minute(steps)
        if k % FLUSH_MIN == 0:
            journal.flush()
        if steps >= ACTIVE_STEPS:
            ms = MEASURED_S * 1000
            journal.reading(ms, items.pack_sign(items.VITAL_HEART_RATE, items.STATUS_OK, 60, 90))
    journal.flush()


def backlog(
    flash: Flash, place: range, minutes: Iterable[int], utc_ms: int, boot: int = 1
) -> Journal:
    """The journal that lies in `place` of `flash` then, with one more boot: a clock, minutes of so
    many steps, heart rates."""
    journal = Journal(Ring(CutPartition(len(place) // SECTOR, flash, place.start)))
    journal.close_hole()
    journal.boot(boot, items.CAUSE_POWER_ON, 0)
    journal.anchor(0, utc_ms, 0, items.SOURCE_HOST)
    lived(journal, minutes)
    return journal
