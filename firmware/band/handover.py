"""Handing the band on: whatever is the wearer's is wiped, at the next start if need be."""

from machine import RTC

_RTC_BYTES = 2048


def wiped(notes, *partitions) -> bool:
    """Whether it was ordered; then RTC memory and every sector of `partitions` have been erased.

    To be called before anything is read from them. The order stands (notes.HAND_OVER) until there
    are new files and the new journal tells of it: what a loss of power cuts off is begun anew.
    """
    if not notes.number(notes.HAND_OVER):
        return False
    RTC().memory(bytes(_RTC_BYTES))  # a shorter one would leave the rest of what is there
    for flash in partitions:
        for sector in range(flash.ioctl(4, 0)):
            _erase(flash, sector)
    return True


def _erase(flash, sector: int) -> None:
    """Erase a sector; one that cannot be erased any more is written over, if it can be."""
    try:
        flash.ioctl(6, sector)
    except OSError:
        try:
            flash.writeblocks(sector, bytes(flash.ioctl(5, 0)), 0)
        except OSError:
            pass
