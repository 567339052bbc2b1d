"""Power profiles: a band that sleeps counts, is reached, and can be paired with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.whole.rig import Rig, live, radio_of, rig, until_cancelled
from veriband.errors import BandAsleep
from veriband.link.pairing import pair
from veriband.link.reach import reached
from veriband.link.session import Session
from veriband.records import Kind
from veriband_protocol import items, sockets
from veriband_protocol.profile import ENDURANCE, RESPONSIVE
from veriband_simulator.at24c02 import At24c02, labelled
from veriband_simulator.wearers import Minute, Wearer

# A band to which somebody connects in the moment before its radio goes off, who is never told of
# again: NimBLE's events end there.
CAUGHT = """
import boot
import asyncio
from band.app import Band

band = Band()
radio = band._radio
off = radio.off

def off_too_late():
    radio.off = off
    radio._irq(1, (0, 0, b"\\0\\1\\2\\3\\4\\5"))
    while radio.queue:
        radio.queue.popleft()
    off()

radio.off = off_too_late
asyncio.run(band.main())
"""
WALK_S = 1800.0
MINUTES = [Minute(0, 72)] * 5 + [Minute(172, 148)] * 20 + [Minute(0, 75)] * 90


def told(folder: Path, story: Callable[[Rig], Coroutine[Any, Any, None]]) -> None:
    """A story about a band that sleeps, its clock set, on the arm of somebody who walks."""

    async def whole() -> None:
        r = await rig(folder, 1, Wearer(MINUTES, "wearer"))
        try:
            await r.pair()
            async with r.session() as session:
                assert await session.choose_profile(ENDURANCE) == ENDURANCE
            await r.supervisor().once()
            await story(r)
        finally:
            r.close()

    live(whole())


@asynccontextmanager
async def awake(r: Rig) -> AsyncGenerator[Session]:
    """A session with the band when it is next awake."""
    sleeps = r.store.sleeps(r.known, r.world.utc_ms())
    async with reached(r.radio, r.band.address, sleeps) as session:
        yield session


def events(r: Rig, code: int) -> list[bytes]:
    return [i.raw for i in r.items() if i.kind is Kind.EVENT and i.detail == code]


def used_s(r: Rig, what: str) -> float:
    return r.band.board.usage.total(what)


def test_a_sleeping_band_counts_what_its_chip_counts(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        asleep, radio = used_s(r, "asleep"), used_s(r, "radio on")
        await asyncio.sleep(WALK_S)
        assert used_s(r, "asleep") - asleep > 0.98 * WALK_S
        assert used_s(r, "radio on") - radio < 0.01 * WALK_S
        await r.supervisor().once()
        sums = r.check()
        assert sums[Kind.MINUTE] == 3440 and not sums[Kind.GAP]
        found = r.store.heart_rates(r.known, 0, 1 << 60)
        assert sum(status == items.STATUS_OK for _, status, _ in found) > 10
        assert events(r, items.EVENT_PROFILE) == [bytes((ENDURANCE,))]
        assert not r.troubles and not events(r, items.EVENT_FAULT)

    told(tmp_path, story)


def test_a_heart_rate_comes_within_a_minute_whenever_it_is_asked_for(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        loop = asyncio.get_running_loop()
        waits: list[float] = []
        for _ in range(8):
            await asyncio.sleep(97.3)
            asked_s = loop.time()
            async with awake(r) as session:
                found = await session.heart_rate()
            waits.append(loop.time() - asked_s)
            assert found.status in (items.STATUS_OK, items.STATUS_MOVING)
        assert max(waits) <= 60, waits
        assert min(waits) < 30 < max(waits), "the radio was on all the time"

    told(tmp_path, story)


def test_the_daemon_keeps_at_it(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        keeping = asyncio.create_task(r.supervisor().run())
        await asyncio.sleep(WALK_S)
        await until_cancelled(keeping)
        assert not r.troubles
        assert r.check()[Kind.MINUTE] > 2000
        assert used_s(r, "connected") < 60

    told(tmp_path, story)


def test_its_button_wakes_it_and_lets_another_computer_pair(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        other = await r.world.computer("F0:0D:5E:00:00:02")
        await asyncio.sleep(70)
        await r.band.press()
        await asyncio.sleep(20)  # it is open for a minute
        await pair(radio_of(other), r.band.address, r.band.secret)
        await asyncio.sleep(100)
        radio = used_s(r, "radio on")
        await asyncio.sleep(100)
        assert used_s(r, "radio on") - radio < 3, "it does not sleep again"
        await r.supervisor().once()
        assert len(events(r, items.EVENT_BONDED)) == 2

    told(tmp_path, story)


def test_it_does_not_sleep_while_its_motor_has_power(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        r.band.plug_strip("cover")
        for held_s in (0.1, 0.2, 0.3):  # begin, end, begin, until it ends by itself
            await asyncio.sleep(61.01)
            await r.band.press(held_s)
        await asyncio.sleep(30)
        assert len(r.band.board.motor) > 30 and not r.band.board.motor_duty

    told(tmp_path, story)


def test_a_strip_that_is_pulled_and_plugged_while_it_sleeps_is_noticed(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        for change in (r.band.pull_strip, r.band.plug_strip):
            await asyncio.sleep(130)
            change()
        await asyncio.sleep(130)
        async with awake(r) as session:
            assert (await session.state()).strip.sockets == sockets.SOCKET_CASE
        await r.supervisor().once()
        where = [raw[0] for raw in events(r, items.EVENT_STRIP)]
        assert where == [sockets.SOCKET_CASE, 0, sockets.SOCKET_CASE]

    told(tmp_path, story)


def test_a_strip_that_is_changed_for_another_while_it_sleeps_is_told_within_a_minute(
    tmp_path: Path,
) -> None:
    async def story(r: Rig) -> None:
        assert r.band.strip is not None
        for number in range(1, 4):
            await asyncio.sleep(131.7)
            r.band.pull_strip()
            await asyncio.sleep(4)
            r.band.strip.eeprom = At24c02(r.world.now_us, labelled(number))
            r.band.plug_strip()
            await asyncio.sleep(65)
            async with awake(r) as session:
                assert (await session.state()).strip.identity == number

    told(tmp_path, story)


@pytest.mark.parametrize("loses_power", [False, True])
def test_its_profile_is_kept_and_no_step_is_doubled(tmp_path: Path, loses_power: bool) -> None:
    async def story(r: Rig) -> None:
        await asyncio.sleep(700)
        losses = [r.world.now_us()] if loses_power else []
        if loses_power:
            r.band.power_off()
            await asyncio.sleep(1)
            await r.band.power_on()
        else:
            r.band.board.reset()
        await asyncio.sleep(900)
        radio = used_s(r, "radio on")
        await asyncio.sleep(100)
        assert used_s(r, "radio on") - radio < 3
        async with awake(r) as session:
            assert await session.profile() == ENDURANCE
        await r.supervisor().once()
        r.check(losses_us=losses)

    told(tmp_path, story)


def test_somebody_who_stays_connected_keeps_it_awake_and_does_not_start_it_again(
    tmp_path: Path,
) -> None:
    async def story(r: Rig) -> None:
        async with awake(r) as session:
            await asyncio.sleep(400)  # the watchdog bites after 150
            state = await session.state()
        assert state.boot == 1
        radio = used_s(r, "radio on")
        await asyncio.sleep(100)
        assert used_s(r, "radio on") - radio < 3, "it does not sleep again"

    told(tmp_path, story)


def test_who_connects_as_the_radio_goes_off_does_not_keep_it_on(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        r.band.board._script = CAUGHT
        r.band.board.reset()
        await asyncio.sleep(100)
        radio = used_s(r, "radio on")
        await asyncio.sleep(100)
        assert used_s(r, "radio on") - radio < 3
        await r.supervisor().once()

    told(tmp_path, story)


def test_a_responsive_band_answers_at_once_again(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await asyncio.sleep(100)
        async with awake(r) as session:
            assert await session.choose_profile(RESPONSIVE) == RESPONSIVE
        await asyncio.sleep(100)
        asleep = used_s(r, "asleep")
        for _ in range(5):
            await asyncio.sleep(13)
            async with asyncio.timeout(3):
                await r.supervisor().once()
        assert used_s(r, "asleep") == asleep
        assert not r.store.sleeps(r.known, r.world.utc_ms())

    told(tmp_path, story)


def test_one_that_is_away_is_told_as_asleep(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        r.world.air.set_in_range(r.band.address, False)
        with pytest.raises(BandAsleep, match="responsive"):
            await r.supervisor().once()

    told(tmp_path, story)
