"""What bands tell of themselves, in words: a battery that got low, files lost, handed on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

from veriband.civil import clock
from veriband.store import Store
from veriband.store.roster import Band
from veriband_protocol import battery
from veriband_protocol.items import EVENT_FILES_LOST, EVENT_HANDED_OVER, EVENT_LOW_BATTERY


def _low(data: bytes) -> str:
    try:
        which, mv = battery.unpack_battery(data)
    except ValueError:
        return "a battery was low"
    volts = f"{mv / 1000:.2f} V"
    if which == battery.CELL:
        return f"the strip's coin cell was low ({volts}): change it"
    return f"its battery was low ({volts}): charge it"


def _lost(_: bytes) -> str:
    return "its files were damaged and made anew: it must be paired again"


def _handed_on(_: bytes) -> str:
    return "it was handed on: say who wears it from then on (veriband wearer wears --help)"


_WORDS: dict[int, Callable[[bytes], str]] = {
    EVENT_LOW_BATTERY: _low,
    EVENT_FILES_LOST: _lost,
    EVENT_HANDED_OVER: _handed_on,
}


def happened(store: Store, band: Band, begin: int, end: int, zone: tzinfo) -> list[str]:
    """A line for each, from one UTC ms to before another."""
    return [
        f"{clock(at_ms, zone)}  {_WORDS[code](data)}."
        for at_ms, code, data in store.events(band, begin, end)
        if code in _WORDS
    ]


def volts(case_mv: int, cell_mv: int) -> str:
    """Both batteries' voltages; 0: not known."""
    case = f"{case_mv / 1000:.2f} V" if case_mv else "not known"
    cell = f"{cell_mv / 1000:.2f} V" if cell_mv else "not known"
    return f"battery {case}, coin cell on the strip {cell}"
