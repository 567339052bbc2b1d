"""The strip, plugged and pulled: what the band finds and says of it, and that it counts on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.whole.rig import EDGE_US, Rig, live, rig
from veriband.link.session import Session, connected
from veriband.records import Kind
from veriband.strip import NO_STRIP, Strip
from veriband_protocol import items, sockets
from veriband_simulator import world
from veriband_simulator.board import DETECT_PINS
from veriband_simulator.chips import Chip, Faulty
from veriband_simulator.max32664 import Max32664d
from veriband_simulator.wearers import Minute, Wearer

IDENTITY = world.FIRST_IDENTITY + 1
CHIPS = sockets.CHIP_EEPROM | sockets.CHIP_PULSE
IN_CASE = Strip(sockets.SOCKET_CASE, CHIPS, IDENTITY)
IN_COVER = Strip(sockets.SOCKET_COVER, CHIPS, IDENTITY)
SETTLED_S = 2.0
WALKS = Wearer([Minute(100 + m % 23, 84) for m in range(5 * 60)], seed=1)
EXPECTED = (items.EVENT_BONDED, items.EVENT_STRIP, items.EVENT_CYCLE)


class Register(Faulty):
    """A chip that says the same whatever it is asked."""

    address = 0x55

    def read(self, register: int, size: int) -> bytes:
        return bytes(size)

    def receive(self, size: int) -> bytes:
        return bytes(size)

    def write(self, register: int, data: bytes) -> None:
        self.acknowledge()


def now_us() -> int:
    return round(asyncio.get_running_loop().time() * 1e6)


def told(
    folder: Path, story: Callable[[Rig], Coroutine[Any, Any, None]], wearer: Wearer = WALKS
) -> None:
    """A story about a band on that wearer, its strip in the case; the clock is set."""

    async def whole() -> None:
        r = await rig(folder, 1, wearer)
        try:
            await r.pair()
            await r.supervisor().once()
            await story(r)
        finally:
            r.close()

    live(whole())


async def asked(r: Rig, what: Callable[[Session], Coroutine[Any, Any, Any]]) -> Any:
    device, _ = await r.radio.find(r.band.address, 30)
    async with connected(r.radio, device) as session:
        return await what(session)


async def strip(r: Rig) -> Strip:
    """What the band says is in."""
    return (await asked(r, Session.state)).strip


def its(r: Rig) -> world.Strip:
    assert r.band.strip is not None
    return r.band.strip


async def synced(r: Rig) -> list[Strip]:
    """What the journal says of the strip, in order; all else is as it should be."""
    found = await journaled(r)
    r.check(EDGE_US)
    return found


async def journaled(r: Rig) -> list[Strip]:
    """What the journal says of the strip, in order; no fault is in it."""
    await r.supervisor().once()
    assert r.troubles == []
    events = [item for item in r.items() if item.kind is Kind.EVENT]
    assert {event.detail for event in events} <= set(EXPECTED)
    return [
        Strip(*sockets.unpack_strip(event.raw))
        for event in events
        if event.detail == items.EVENT_STRIP
    ]


def test_it_is_the_same_strip_in_either_socket(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        assert await strip(r) == IN_CASE
        r.band.pull_strip()
        await asyncio.sleep(SETTLED_S)
        assert await strip(r) == NO_STRIP
        pulled_ms = r.world.utc_ms()
        r.band.plug_strip("cover")
        await asyncio.sleep(SETTLED_S)
        assert await strip(r) == IN_COVER
        assert (await asked(r, Session.heart_rate)).status != items.STATUS_NO_SENSOR
        assert await synced(r) == [IN_CASE, NO_STRIP, IN_COVER]
        assert r.store.strip_out_since(r.known, r.world.utc_ms()) is None
        since = r.store.strip_out_since(r.known, pulled_ms)
        assert since is not None
        assert pulled_ms - 10_000 < since < pulled_ms

    told(tmp_path, story)


def wrong_id(strip: world.Strip) -> None:
    strip.pulse.read = lambda register, size: b"\x11" * size


def hub(strip: world.Strip) -> None:
    strip.hub = Max32664d(now_us)


def hub_of_another_firmware(strip: world.Strip) -> None:
    strip.hub = Max32664d(now_us, (40, 6, 0))


def another_chip_at_the_hubs_address(strip: world.Strip) -> None:
    strip.others.append(Register())


def unreadable(strip: world.Strip) -> None:
    strip.eeprom.content[5] ^= 1


def nacks(strip: world.Strip) -> None:
    strip.eeprom.nacks = strip.pulse.nacks = 2


def no_eeprom(strip: world.Strip) -> None:
    strip.eeprom.silent = True


def dead(strip: world.Strip) -> None:
    strip.eeprom.silent = strip.pulse.silent = True


@pytest.mark.parametrize(
    ("is_so", "chips", "identity"),
    [
        (wrong_id, sockets.CHIP_EEPROM, IDENTITY),
        (hub, CHIPS | sockets.CHIP_HUB, IDENTITY),
        (hub_of_another_firmware, CHIPS, IDENTITY),
        (another_chip_at_the_hubs_address, CHIPS, IDENTITY),
        (unreadable, CHIPS, 0),
        (nacks, CHIPS, IDENTITY),
        (no_eeprom, sockets.CHIP_PULSE, 0),
        (dead, 0, 0),
    ],
)
def test_what_is_on_it_is_found_by_asking(
    tmp_path: Path, is_so: Callable[[world.Strip], None], chips: int, identity: int
) -> None:
    async def story(r: Rig) -> None:
        r.band.pull_strip()
        await asyncio.sleep(SETTLED_S)
        is_so(its(r))
        r.band.plug_strip()
        await asyncio.sleep(SETTLED_S)
        found = Strip(sockets.SOCKET_CASE, chips, identity)
        assert await strip(r) == found
        assert await synced(r) == [IN_CASE, NO_STRIP, found]

    told(tmp_path, story)


def test_contacts_that_bounce_are_one_event(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        for _ in range(20):
            r.band.pull_strip()
            await asyncio.sleep(0.003)
            r.band.plug_strip()
            await asyncio.sleep(0.002)
        await asyncio.sleep(SETTLED_S)
        assert await synced(r) == [IN_CASE], "it is in as before"
        for _ in range(20):
            r.band.plug_strip("cover")
            await asyncio.sleep(0.003)
            r.band.pull_strip()
            await asyncio.sleep(0.002)
        await asyncio.sleep(SETTLED_S)
        assert await synced(r) == [IN_CASE, NO_STRIP]

    told(tmp_path, story)


def test_with_one_in_each_socket_neither_is_used(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        r.band.board.set_pin(DETECT_PINS["cover"], 0)
        await asyncio.sleep(SETTLED_S)
        both = Strip(sockets.SOCKET_CASE | sockets.SOCKET_COVER, 0, 0)
        assert await strip(r) == both
        assert (await asked(r, Session.heart_rate)).status == items.STATUS_NO_SENSOR
        r.band.board.set_pin(DETECT_PINS["cover"], 1)
        await asyncio.sleep(SETTLED_S)
        assert await synced(r) == [IN_CASE, both, IN_CASE]

    told(tmp_path, story)


def test_without_it_the_bus_is_left_alone_and_nothing_wakes_the_band(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        r.band.pull_strip()
        await asyncio.sleep(SETTLED_S)
        board = r.band.board
        before = board.bus.transactions
        found = await asked(r, Session.heart_rate)
        assert (found.status, found.bpm, found.quality) == (items.STATUS_NO_SENSOR, 0, 0)
        assert board.bus.transactions == before
        r.world.air.set_in_range(r.band.address, False)
        await asyncio.sleep(60)
        wakes = board.wakes
        await asyncio.sleep(3600)
        assert board.wakes - wakes <= 61

    told(tmp_path, story)


def test_a_measurement_that_it_is_pulled_from_ends(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        asking = asyncio.create_task(asked(r, Session.heart_rate))
        await asyncio.sleep(8)

        def pull(chip: Chip) -> None:
            if chip is r.band.pulse:
                r.band.pull_strip()
                r.band.board.bus.hold(chip, 5)  # its data contact is the last to open

        r.band.board.bus.meanwhile = pull
        assert (await asking).status == items.STATUS_NO_SENSOR
        assert await synced(r) == [IN_CASE, NO_STRIP]

    told(tmp_path, story)


def test_a_bus_that_it_holds_at_each_minutes_end_costs_no_step(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        eeprom = its(r).eeprom
        for clocks in range(1, 10):
            now = r.world.utc_ms()
            await r.world.until(now - now % 60_000 + 59_500)
            r.band.board.bus.hold(eeprom, clocks)
            await asyncio.sleep(1)
        assert await synced(r) == [IN_CASE]
        minutes = [i.steps for i in r.items() if i.kind is Kind.MINUTE][-9:]
        assert all(steps and 100 <= steps < 123 for steps in minutes)

    told(tmp_path, story)


def test_a_start_finds_what_is_in_then(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        r.band.board.bus.hold(its(r).pulse)  # the reset comes in mid-read
        r.band.board.reset()
        await asyncio.sleep(SETTLED_S + 1)
        assert await strip(r) == IN_CASE
        assert await synced(r) == [IN_CASE, IN_CASE]
        r.band.power_off()
        r.band.pull_strip()
        await r.band.power_on()
        await asyncio.sleep(SETTLED_S)
        await r.supervisor().once()
        started_ms = r.world.utc_ms()
        assert await strip(r) == NO_STRIP
        since = r.store.strip_out_since(r.known, started_ms + 1)
        assert since is not None
        assert started_ms - 20_000 < since < started_ms
        r.band.power_off()
        r.band.plug_strip("cover")
        await r.band.power_on()
        await asyncio.sleep(SETTLED_S)
        assert await journaled(r) == [IN_CASE, IN_CASE, IN_COVER]

    told(tmp_path, story)


async def _mistreat(r: Rig, rng: Random) -> None:
    """Something that hands do to a strip."""
    band = r.band
    what = rng.choice(("pull", "pull", "plug", "plug", "cut off", "cut off", "bounce", "hold"))
    if what == "pull":
        band.pull_strip()
    elif what == "plug":
        band.plug_strip(rng.choice(("case", "cover")))
    elif what == "hold":
        band.board.bus.hold(rng.choice(its(r).chips), rng.randint(1, 9))
    elif what == "bounce":
        for _ in range(rng.randint(1, 9)):
            band.plug_strip("case")
            await asyncio.sleep(rng.uniform(0.0005, 0.4))
            band.pull_strip()
            await asyncio.sleep(rng.uniform(0.0005, 0.02))
        if rng.random() < 0.5:
            band.plug_strip("case")
    else:
        _cut_off(r, rng.randint(0, 400), rng.choice((0, 0, 3, 9)))


def _cut_off(r: Rig, transactions: int, clocks: int) -> None:
    """Pull the strip in the middle of a transaction, of any chip, some transactions later."""
    left = transactions

    def pull(chip: Chip) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            r.band.board.bus.meanwhile = None
            r.band.pull_strip()
            if clocks:
                r.band.board.bus.hold(its(r).pulse, clocks)

    r.band.board.bus.meanwhile = pull


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_hands_do_to_it_no_step_is_lost_and_nothing_is_a_fault(
    tmp_path: Path, seed: int
) -> None:
    async def story(r: Rig) -> None:
        rng = Random(f"{seed} hands")
        while r.world.now_us() < 3.5 * 3600e6:
            await asyncio.sleep(rng.choice((0.1, 1.0, 8.0, 60.0, 200.0)) * rng.random())
            await _mistreat(r, rng)
        r.band.board.bus.meanwhile = None
        r.band.pull_strip()
        await asyncio.sleep(120)
        r.band.plug_strip("cover")
        await asyncio.sleep(SETTLED_S)
        assert await strip(r) == IN_COVER
        assert (await asked(r, Session.heart_rate)).status != items.STATUS_NO_SENSOR
        events = await synced(r)
        assert len(events) > 20
        assert all(one != other for one, other in pairwise(events))
        assert events[-2:] == [NO_STRIP, IN_COVER]
        assert {event.identity for event in events} == {0, IDENTITY}
        assert len(r.band.board.started_us) == 1
        assert [item for item in r.items() if item.kind is Kind.GAP][1:] == []

    told(tmp_path, story)
