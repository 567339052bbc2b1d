"""Blood pressure from a finger to the store: taught by a cuff, asked for, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.whole.rig import EDGE_US, ZONE, Rig, asked, live, rig
from veriband.errors import BadBatch, CalibrationLost, NoPressure, UnlikelyCuff
from veriband.link.calibration import calibrate
from veriband.link.session import Calibration, Session
from veriband.records import Kind, Sign, reading
from veriband.vitals.pressure import reminder
from veriband_protocol import control, items, sockets
from veriband_simulator.board import DETECT_PINS
from veriband_simulator.chips import Chip
from veriband_simulator.max32664 import Max32664d
from veriband_simulator.wearers import Minute, Wearer

CUFF = ((128, 82), (131, 84), (127, 81))  # of which the means are 128.7 and 82.3
DAY_S = 86_400
CUT_OFF = (
    items.STATUS_OK, items.STATUS_NO_SENSOR, items.STATUS_TIMED_OUT, items.STATUS_FAILED,
)  # fmt: skip
SITS = Wearer([Minute(m % 3, 70) for m in range(300)], seed=1)  # and so no pulse is measured


def told(folder: Path, story: Callable[[Rig], Coroutine[Any, Any, None]]) -> None:
    """A story about a band with a hub on its strip; the clock is set. No step is lost in it, and
    nothing is a fault."""

    async def whole() -> None:
        r = await rig(folder, 1, SITS, hub=True)
        try:
            await r.pair()
            await r.supervisor().once()
            await story(r)
            await r.supervisor().once()
            assert r.troubles == []
            events = {item.detail for item in r.items() if item.kind is Kind.EVENT}
            assert items.EVENT_FAULT not in events
            assert not hub(r).is_lit
        finally:
            r.close()

    live(whole())


def hub(r: Rig) -> Max32664d:
    assert r.band.strip is not None
    assert r.band.strip.hub is not None
    return r.band.strip.hub


async def calibrated(r: Rig, tell: Callable[[Calibration], None] = lambda _: None) -> Calibration:
    hub(r).finger(128, 82)
    return await calibrate(r.radio, r.band.address, CUFF, r.world.utc_ms, ZONE, tell)


async def pressure(r: Rig) -> Sign:
    """What a measurement gives."""
    return (await asked(r, lambda session: session.measure(items.VITAL_BLOOD_PRESSURE)))[0]


def readings(r: Rig) -> list[tuple[Sign, ...]]:
    """All that is stored, in order."""
    return [
        reading(item.seq, item.boot, item.t_ms, item.raw).signs
        for item in r.items()
        if item.kind is Kind.READING
    ]


def outcomes(r: Rig) -> list[int]:
    """How the calibrations in the journal ended."""
    return [
        item.raw[0]
        for item in r.items()
        if item.kind is Kind.EVENT and item.detail == items.EVENT_CALIBRATED
    ]


async def at(r: Rig, days: float) -> None:
    """Move the band's clock on."""
    utc_ms = r.world.utc_ms() + round(days * DAY_S * 1000)
    await asked(r, lambda session: session.set_clock(utc_ms, 0, 0, 0))


def test_what_a_cuff_taught_it_tells_a_finger_for_30_days(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        for _ in range(3):  # and it is journaled once
            sign = await pressure(r)
            assert sign == (items.VITAL_BLOOD_PRESSURE, items.STATUS_UNCALIBRATED, 0, 0)
        states: list[Calibration] = []
        begun_s = r.world.utc_ms() // 1000
        ended = await calibrated(r, states.append)
        assert begun_s + 55 < ended.utc_s < begun_s + 90
        progress = [state.progress for state in states[:-1]]
        assert progress == sorted(progress)
        assert len(set(progress)) > 30
        hub(r).finger(141, 90, 76.6, 96.4)
        signs = await asked(r, lambda session: session.measure(items.VITAL_BLOOD_PRESSURE))
        assert signs == [
            Sign(items.VITAL_BLOOD_PRESSURE, items.STATUS_OK, 142, 90),
            Sign(items.VITAL_HEART_RATE, items.STATUS_OK, 77, 100),
            Sign(items.VITAL_SPO2, items.STATUS_OK, 96, 100),
        ]
        await r.supervisor().once()
        uncalibrated = Sign(items.VITAL_BLOOD_PRESSURE, items.STATUS_UNCALIBRATED, 0, 0)
        assert readings(r) == [(uncalibrated,), tuple(signs)]
        assert outcomes(r) == [items.STATUS_OK]
        r.check(EDGE_US)
        assert reminder(r.store, r.known, r.world.utc_ms(), ZONE) is None
        r.band.power_off()
        await r.band.power_on()
        await asyncio.sleep(2)
        unset = await pressure(r)
        assert unset.status == items.STATUS_UNCALIBRATED, "its age is not known"
        await at(r, 30 - 5 / 1440)
        assert await pressure(r) == (items.VITAL_BLOOD_PRESSURE, items.STATUS_OK, 142, 90)
        await at(r, 30)
        assert (await pressure(r)).status == items.STATUS_UNCALIBRATED
        await at(r, -1.1)
        assert (await pressure(r)).status == items.STATUS_UNCALIBRATED, "the clock was wrong then"
        await at(r, 0)

    told(tmp_path, story)


def lifted(r: Rig) -> None:
    hub(r).lifted()


def weak(r: Rig) -> None:
    hub(r).finger(128, 82, signal="weak")


def moving(r: Rig) -> None:
    hub(r).finger(128, 82, signal="moving")


def far_off(r: Rig) -> None:
    hub(r).finger(175, 110)


def sensor_lost(r: Rig) -> None:
    hub(r).finger(128, 82)
    later(r, lambda: setattr(hub(r), "sensor_lost", True))


def hangs(r: Rig) -> None:
    later(r, lambda: setattr(hub(r), "hung", True))


def browns_out(r: Rig) -> None:
    later(r, hub(r).power_on)


def is_pulled(r: Rig) -> None:
    later(r, r.band.pull_strip)


def holds_the_bus(r: Rig) -> None:
    later(r, lambda: r.band.board.bus.hold(hub(r), 9))


def nacks(r: Rig) -> None:
    later(r, lambda: setattr(hub(r), "nacks", 3))


def later(r: Rig, what: Callable[[], None]) -> None:
    """Do it in the midst of the measurement."""
    hub(r).finger(128, 82)
    asyncio.get_running_loop().call_later(10, what)


def test_each_way_to_fail_has_its_status_and_the_next_one_succeeds(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await calibrated(r)
        for fails, status in (
            (lifted, items.STATUS_NOT_WORN),
            (weak, items.STATUS_NO_PULSE),
            (moving, items.STATUS_MOVING),
            (far_off, items.STATUS_FAILED),
            (sensor_lost, items.STATUS_FAILED),
            (hangs, items.STATUS_NO_SENSOR),
            (browns_out, items.STATUS_NO_SENSOR),
            (is_pulled, items.STATUS_NO_SENSOR),
            (holds_the_bus, items.STATUS_OK),
            (nacks, items.STATUS_OK),
        ):
            fails(r)
            begun_us = r.world.now_us()
            assert (await pressure(r)).status == status, fails.__name__
            assert r.world.now_us() - begun_us < 70e6
            assert not hub(r).is_lit or fails is is_pulled
            r.band.plug_strip()
            await asyncio.sleep(5)
        await r.supervisor().once()
        r.check(EDGE_US)
        statuses = [signs[0].status for signs in readings(r)]
        assert statuses == [1, 2, 3, 8, 8, 4, 0, 0], "no sensor is told once"

    told(tmp_path, story)


def test_a_calibration_is_the_bands_whatever_becomes_of_the_connection(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        loop = asyncio.get_running_loop()
        address = r.band.address
        loop.call_later(20, r.world.air.set_in_range, address, False)
        loop.call_later(60, r.world.air.set_in_range, address, True)
        ended = await calibrated(r)
        assert ended.status == items.STATUS_OK
        loop.call_later(10, r.band.board.reset)
        with pytest.raises(CalibrationLost, match="started again"):
            await calibrated(r)
        assert (await asked(r, Session.calibration)).utc_s == ended.utc_s, "it holds on"
        assert (await pressure(r)).status == items.STATUS_OK

    told(tmp_path, story)


def test_a_calibration_that_fails_says_why_and_leaves_the_last_one(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        with pytest.raises(NoPressure, match="was not calibrated \\(not worn\\): lay a fingertip"):
            await calibrate(r.radio, r.band.address, CUFF, r.world.utc_ms, ZONE, lambda _: None)
        assert (await pressure(r)).status == items.STATUS_UNCALIBRATED
        before = await calibrated(r)
        later(r, r.band.pull_strip)
        with pytest.raises(NoPressure, match="no sensor"):
            await calibrated(r)
        with pytest.raises(NoPressure, match="no sensor"):
            await calibrated(r)
        r.band.plug_strip("cover")
        await asyncio.sleep(3)
        hub(r).finger(128, 82)
        vector_cut(r)
        with pytest.raises(NoPressure, match="no sensor"):
            await calibrated(r)
        r.band.plug_strip()
        await asyncio.sleep(3)
        state = await asked(r, Session.calibration)
        assert state == Calibration(False, items.STATUS_NO_SENSOR, 0, before.utc_s)
        assert (await pressure(r)) == (items.VITAL_BLOOD_PRESSURE, items.STATUS_OK, 129, 82)
        await r.supervisor().once()
        assert outcomes(r) == [1, 0, 4, 4]

    told(tmp_path, story)


def vector_cut(r: Rig) -> None:
    """Pull the strip in the middle of the vector."""
    receive = hub(r).receive

    def cut(size: int) -> bytes:
        data = receive(size)
        if size > 800:
            hub(r).receive = receive
            r.band.pull_strip()
        return data

    hub(r).receive = cut


def test_one_thing_at_a_time(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        references = bytes((128, 131, 127, 82, 84, 81))
        hub(r).finger(128, 82)
        async with r.session() as session:
            assert (await session.calibration(references)).is_running
            assert (await session.calibration(references)).status == items.STATUS_BUSY
            measured = await session.measure(items.VITAL_BLOOD_PRESSURE)
            assert [sign.status for sign in measured] == [items.STATUS_BUSY]
            await asyncio.sleep(70)
            assert (await session.calibration()).status == items.STATUS_OK
        await r.supervisor().once()
        assert readings(r) == []

    told(tmp_path, story)


def test_a_hub_that_starts_while_the_strip_is_looked_at_is_not_missed(tmp_path: Path) -> None:
    """A finger that presses on it moves the contact."""

    async def story(r: Rig) -> None:
        hub(r).finger(128, 82)
        async with r.session() as session:
            for level in (1, 0):
                r.band.board.set_pin(DETECT_PINS["case"], level)
            await asyncio.sleep(1.0)
            await session.calibration(bytes((128, 131, 127, 82, 84, 81)))
            await asyncio.sleep(70)
            assert (await session.state()).strip.chips & sockets.CHIP_HUB
            assert (await session.calibration()).status == items.STATUS_OK

    told(tmp_path, story)


def test_what_no_cuff_reads_is_refused_at_both_ends(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        for cuff, why in (
            (((128, 82), (141, 84), (127, 81)), "too far apart"),
            (((128, 82), (131, 91), (127, 81)), "too far apart"),
            (((79, 50), (80, 50), (81, 50)), "out of range"),
            (((300, 82), (300, 84), (300, 81)), "out of range"),
            (((95, 82), (96, 81), (97, 82)), "too close"),
            (((128, 82), (131, 84)), "three are needed"),
        ):
            with pytest.raises(UnlikelyCuff, match=f"{why}.*sit still for five minutes"):
                await calibrate(r.radio, r.band.address, cuff, r.world.utc_ms, ZONE, print)
        async with r.session() as session:
            for body, why in (
                (bytes((128, 141, 127, 82, 84, 81)), "out of range"),
                (bytes(5), "wrong length"),
                (bytes(7), "wrong length"),
            ):
                with pytest.raises(BadBatch, match=why):
                    await session.request(control.CALIBRATE, body)
            assert not (await session.calibration()).is_running

    told(tmp_path, story)


def test_cut_off_anywhere_it_gives_a_status_and_never_a_false_pressure(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        rng = Random("cut")
        await calibrated(r)
        for _ in range(12):
            hub(r).finger(150, 95)
            cut_off(r, rng.choice((rng.randint(0, 30), rng.randint(0, 600))), rng.randint(0, 9))
            back = asyncio.get_running_loop().call_later(rng.uniform(0, 40), r.band.plug_strip)
            sign = await pressure(r)
            assert sign.status in CUT_OFF
            assert sign.status or sign == (items.VITAL_BLOOD_PRESSURE, items.STATUS_OK, 151, 95)
            back.cancel()
            r.band.board.bus.meanwhile = None
            r.band.plug_strip()
            await asyncio.sleep(4)
        assert (await pressure(r)).status == items.STATUS_OK
        await r.supervisor().once()
        r.check(EDGE_US)

    told(tmp_path, story)


def cut_off(r: Rig, transactions: int, clocks: int) -> None:
    """Pull the strip in the middle of a transaction of the hub's, some transactions later."""
    left = transactions

    def pull(chip: Chip) -> None:
        nonlocal left
        left -= chip is hub(r)
        if left < 0:
            r.band.board.bus.meanwhile = None
            r.band.pull_strip()
            if clocks:
                r.band.board.bus.hold(chip, clocks)

    r.band.board.bus.meanwhile = pull
