"""How a boot begins: what was kept over a reset is taken back, the boot journaled."""

import machine

from band.ring import MAX_ITEMS
from veriband_protocol import items

_BOOT_BYTES = 64  # more than what a boot begins with
_CAUSES = {
    machine.PWRON_RESET: items.CAUSE_POWER_ON,
    machine.WDT_RESET: items.CAUSE_WATCHDOG,
    machine.SOFT_RESET: items.CAUSE_SOFT,
    machine.DEEPSLEEP_RESET: items.CAUSE_SLEEP,
}


def resume(kept, journal, sampler, clock) -> None:
    """Go on where the boot before ended; `kept`: what RTC memory has, None after a loss of power.

    A band whose flash has failed counts in RAM; when that is full, what waits there gives way.
    """
    if kept and not (kept[0] == journal.epoch and journal.restore(kept[1], kept[5])):
        kept = None
    if kept is None:
        journal.close_hole()
    _make_room(journal)
    steps = sampler.begin(kept[2] if kept else None)
    cause = _CAUSES.get(machine.reset_cause(), items.CAUSE_RESET)
    journal.boot(journal.position().boot + 1, cause, steps or 0)
    if steps is None:
        sampler.miss()
    utc_ms = clock.kept_utc_ms()
    if kept and kept[3] and utc_ms is not None:
        after_ms = clock.set(utc_ms, *kept[4])
        journal.anchor(after_ms, utc_ms, clock.offset_min(), items.SOURCE_KEPT)


def _make_room(journal) -> None:
    if journal.used > MAX_ITEMS - _BOOT_BYTES:
        try:
            journal.flush()
        except OSError:
            journal.give_up()
