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
PERIOD_MIN, DAY_MIN = 120, 1440
MEASURED_S = 6  # after a minute's end: the middle of the measurement that follows it


def is_measured(k: int, steps: int) -> bool:
    """Whether a measurement follows minute `k` (from 0) of so many steps, as it is the first of a
    period or active."""
    return k % PERIOD_MIN == 0 or steps >= ACTIVE_STEPS


def lived(journal: Journal, minutes: Iterable[int]) -> None:
    """Journal minutes of so many steps; after each active one a heart rate, after the first of a
    period SpO2 with it, which were found; after the first of all and of each day from then on the
    begin of a cycle."""
    for k, steps in enumerate(minutes):
        if journal.full():
            journal.flush()
        journal.minute(steps)
        if k % DAY_MIN == 0:
            journal.event(0, items.EVENT_CYCLE, b"\x00\x00")
        if k % FLUSH_MIN == FLUSH_MIN - 1:
            journal.flush()
        if is_measured(k, steps):
            signs = items.pack_sign(items.VITAL_HEART_RATE, items.STATUS_OK, 60, 90)
            if k % PERIOD_MIN == 0:
                signs += items.pack_sign(items.VITAL_SPO2, items.STATUS_OK, 97, 90)
            journal.reading(MEASURED_S * 1000, signs)
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
