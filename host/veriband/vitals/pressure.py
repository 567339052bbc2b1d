"""Blood pressure in words: what was measured, and whether the hub's calibration still holds."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from veriband.errors import StoreError
from veriband.link.session import Calibration
from veriband.store import Store
from veriband.store.roster import Band
from veriband_protocol import items
from veriband_protocol.control import CALIBRATION_S
from veriband_protocol.sockets import CHIP_HUB, STRIP_BYTES, unpack_strip

REMIND_MS = 86_400_000
_NOW = {
    items.STATUS_NOT_WORN: "no finger on the hub, lay one on and leave it there",
    items.STATUS_NO_PULSE: "a weak pulse, lay the fingertip on flat and warm, without pressing",
    items.STATUS_MOVING: "it moves, keep the hand still",
}


def progress(state: Calibration) -> str:
    """How a calibration goes, and what to do that it goes on."""
    if state.status in _NOW:
        return f"{state.progress} %: {_NOW[state.status]}"
    return f"{state.progress} %"


def holding(utc_s: int, zone: tzinfo) -> str:
    """Since when and until when a calibration made at `utc_s` holds (0: there is none)."""
    if not utc_s:
        return "Blood pressure: not calibrated with a cuff."
    made = datetime.fromtimestamp(utc_s, zone)
    until = made + timedelta(seconds=CALIBRATION_S)
    return f"Blood pressure: calibrated {made:%Y-%m-%d %H:%M}, holds until {until:%Y-%m-%d}."


class Reminder:
    """Looks once a day, at a sync, whether the hub on a band's strip wants a cuff."""

    def __init__(self, store: Store, band: Band, zone: tzinfo) -> None:
        self._store = store
        self._band = band
        self._zone = zone
        self._next_ms = 0

    def due(self, utc_ms: int) -> str | None:
        """What to say at `utc_ms`, if anything."""
        if utc_ms < self._next_ms:
            return None
        self._next_ms = utc_ms + REMIND_MS
        try:
            return reminder(self._store, self._band, utc_ms, self._zone)
        except StoreError:
            return None  # the next sync tells of it


def reminder(store: Store, band: Band, utc_ms: int, zone: tzinfo) -> str | None:
    """What to do about the calibration of the hub on a band's strip; None when there is no hub, or
    it holds. By what the band has journaled until `utc_ms`."""
    strip = store.last_event(band, items.EVENT_STRIP, utc_ms)
    if strip is None or len(strip[1]) != STRIP_BYTES or not unpack_strip(strip[1])[1] & CHIP_HUB:
        return None
    made = store.last_event(band, items.EVENT_CALIBRATED, utc_ms, bytes((items.STATUS_OK,)))
    if made is not None and utc_ms - made[0] < 1000 * CALIBRATION_S:
        return None
    state = "is not calibrated"
    if made is not None:
        state = f"was calibrated on {datetime.fromtimestamp(made[0] / 1000, zone):%Y-%m-%d}"
    return (
        f"The blood-pressure hub on its strip {state}: it needs three readings of a cuff every "
        f"30 days, with 'veriband calibrate {band.address}'."
    )
