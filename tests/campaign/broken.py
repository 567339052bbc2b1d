"""Journals broken on purpose: the power cuts must find each, or they prove nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.campaign import power
from tests.firmware.altered import altered
from veriband.errors import BadBatch
from veriband_simulator.firmware import Firmware

HOURS = 2
MOST_CUTS = 200


@dataclass(frozen=True)
class Breakage:
    """A module of the band's with one line changed."""

    what: str
    module: str
    line: str
    broken: str

    def firmware(self) -> Firmware:
        """The firmware with that line."""
        return power.small_journal(altered(self.module, self.line, self.broken))


BREAKAGES = (
    Breakage(
        "a block's CRC is not looked at", "ring",
        'return length if int.from_bytes(view[size - 3 : size], "little") == crc else -1',
        "return length",
    ),
    Breakage(
        "what follows a torn block is written over", "ring",
        "self._write_at = end if self._erased(end) else PAGE",
        "self._write_at = end",
    ),
    Breakage(
        "numbers are given out that are not reserved", "journal",
        "            self.ring.reserve(self.seq + _AHEAD)",
        "            self.ring.reserved = self.seq + _AHEAD",
    ),
    Breakage(
        "a page's header is believed without its CRC", "page",
        ' or struct.unpack_from("<I", head, _BODY)[0] != crc:',
        ":",
    ),
)  # fmt: skip


def prepare(seed: int) -> None:
    """Each case has a firmware and a day of its own."""


def case(_: None, seed: int, number: int) -> int:
    """Cut the power on a broken journal until that is noticed."""
    breakage = BREAKAGES[number]
    if not noticed(breakage, seed):
        raise AssertionError(f"{breakage.what}: {MOST_CUTS} cuts did not notice it")
    return 1


def noticed(breakage: Breakage, seed: int) -> str:
    """What the first cut in its journal told that noticed it, or the day's own host; nothing when
    none did."""
    try:
        day = power.record(seed, breakage.firmware(), HOURS * 3600.0)
    except BadBatch as refused:
        return str(refused)
    its = power.partition(day.firmware, "journal")
    day = replace(day, cuts=tuple(op for op in day.cuts if day.ops[op].address in its))
    for number in range(MOST_CUTS):
        try:
            power.case(day, seed, number)
        except Exception as error:
            return f"cut {number}: {type(error).__name__}: {error}"
    return ""
