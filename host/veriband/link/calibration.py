"""Calibrates the hub on a band's strip by a cuff's readings, over connections that may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import tzinfo

from veriband.errors import (
    BandAsleep,
    BandNotFound,
    BandVanished,
    CalibrationLost,
    NoPressure,
    UnlikelyCuff,
)
from veriband.link.radio import Radio
from veriband.link.reach import reached
from veriband.link.session import Calibration, Session
from veriband.link.sync import UtcMs, right_clock
from veriband_protocol.control import unlikely
from veriband_protocol.items import STATUS_BUSY, STATUS_OK, STATUS_UNCALIBRATED

LOOK_S = 1.0
AGAIN_S = 2.0
MOST_S = 300.0  # the band itself gives up after two minutes; the rest is for finding it again

Tell = Callable[[Calibration], None]


async def calibrate(
    radio: Radio,
    address: str,
    readings: Sequence[tuple[int, int]],
    utc_ms: UtcMs,
    zone: tzinfo,
    tell: Tell,
    sleeps: bool = False,
) -> Calibration:
    """Begin with three readings of a cuff, (systolic, diastolic) in mmHg, and look on until it is
    done; `tell` is told what changes. A band that is lost meanwhile is looked for again; `sleeps`
    as in reached.

    Raises UnlikelyCuff, NoPressure when it failed, CalibrationLost, and what Session raises.
    """
    references = bytes(min(255, value) for kind in zip(*readings, strict=True) for value in kind)
    if why := unlikely(references):
        raise UnlikelyCuff(why)
    try:
        async with reached(radio, address, sleeps) as session:
            await right_clock(session, utc_ms, zone)
            begun = await session.calibration(references)
            if begun.status == STATUS_BUSY or not begun.is_running:
                raise NoPressure(address, begun.status, calibrated=True)
            ended = await _looked_on(session, tell)
    except BandVanished:
        ended = await _found_again(radio, address, tell, sleeps)
    if ended.status == STATUS_UNCALIBRATED:
        raise CalibrationLost(address)
    if ended.status != STATUS_OK:
        raise NoPressure(address, ended.status, calibrated=True)
    return ended


async def _looked_on(session: Session, tell: Tell) -> Calibration:
    told = None
    while True:
        state = await session.calibration()
        if state != told:
            told = state
            tell(state)
        if not state.is_running:
            return state
        await asyncio.sleep(LOOK_S)


async def _found_again(radio: Radio, address: str, tell: Tell, sleeps: bool) -> Calibration:
    give_up_s = asyncio.get_running_loop().time() + MOST_S
    while True:
        await asyncio.sleep(AGAIN_S)
        try:
            async with reached(radio, address, sleeps) as session:
                return await _looked_on(session, tell)
        except (BandAsleep, BandNotFound, BandVanished):
            if asyncio.get_running_loop().time() > give_up_s:
                raise
