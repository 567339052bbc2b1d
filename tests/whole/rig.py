"""A band on a wearer, a computer beside it and a store: what the tests of the whole begin with."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from bumble.core import UUID

from tests.firmware.backlog import backlog
from veriband.errors import VeribandError
from veriband.link.pairing import pair
from veriband.link.radio import Radio
from veriband.link.reach import FIND_S
from veriband.link.session import Session, connected
from veriband.link.supervisor import Supervisor
from veriband.records import Item, Kind
from veriband.store import Store
from veriband.store.roster import Band
from veriband_protocol import items, uuids
from veriband_simulator.agent import SimulatedAgent
from veriband_simulator.backend import bleak_backend, bonded_devices
from veriband_simulator.central import Central
from veriband_simulator.firmware import Firmware
from veriband_simulator.wearers import MINUTE_US, Walk, Wearer
from veriband_simulator.world import SimulatedBand, World, play

T = TypeVar("T")
ZONE = ZoneInfo("America/New_York")
EDGE_US = 1_000  # a minute is read so late when something else happens at its end
MOST_LOST_US = 11 * 60_000_000  # ten minutes, and the one under way
START = datetime(2026, 3, 2, 9, 0, 20, tzinfo=ZONE)


@dataclass
class Rig:
    """The whole of it; `close` at the end."""

    world: World
    band: SimulatedBand
    computer: Central
    store: Store
    before: Sequence[int] = ()
    troubles: list[VeribandError] = field(default_factory=list)

    @property
    def radio(self) -> Radio:
        """The computer's radio."""
        return radio_of(self.computer)

    @property
    def known(self) -> Band:
        """The band as the store knows it."""
        return self.store.bands()[0]

    async def pair(self) -> None:
        """Press the button and pair."""
        await self.band.press()
        await pair(self.radio, self.band.address, self.band.secret)
        self.store.add_band(self.band.address, self.band.secret, self.world.utc_ms())

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[Session]:
        """A session with the band."""
        device, _ = await self.radio.find(self.band.address, FIND_S)
        async with connected(self.radio, device) as session:
            yield session

    def supervisor(self, every_s: float = 600.0, store: Store | None = None) -> Supervisor:
        """The daemon's keeper of this band."""
        return Supervisor(
            self.radio, store or self.store, self.known, self.world.utc_ms, ZONE,
            every_s=every_s, rng=self.world.rng("host"), on_trouble=self.troubles.append,
        )  # fmt: skip

    def items(self) -> list[Item]:
        """Everything stored of the band's newest log, in order."""
        return stored(self.store)

    def check(self, slack_us: int = 0, losses_us: Sequence[int] = ()) -> dict[Kind, int]:
        """See that the store has exactly what the chip counted; the steps by kind of item.

        Every second of every boot lies in one minute or gap; each minute, gap and boot has the
        steps that the chip counted in it (a gap for a sensor reset: none). A step may belong to
        the item before, if it was made up to `slack_us` after that one's end. Where the power
        went, at `losses_us`, the last ten minutes of the boot may be a hole. Minutes of so many
        steps `before` have a boot of their own.
        """
        chip, board = self.band.chip, self.band.board
        old = 1 if self.before else 0  # boots before

        def is_true(steps: int | None, begin_us: int, end_us: int) -> bool:
            first, last = [
                range(chip.counted(us), chip.counted(us + slack_us) + 1)
                for us in (begin_us, end_us)
            ]
            return steps is not None and last[0] - first[-1] <= steps <= last[-1] - first[0]

        sums = {kind: 0 for kind in Kind}
        found = self.items()
        earlier = [item for item in found if old and item.boot == 1]
        minutes = [item.steps for item in earlier if item.kind is Kind.MINUTE]
        assert minutes == list(self.before), "not the minutes from before"
        end_us = board.started_us[0]
        expected_t, seq, is_open = 0, 0, False
        for item in found:
            assert item.seq == seq, f"item {seq} is missing"
            seq = item.seq + item.count
            sums[item.kind] += item.steps or 0
            if item.boot <= old:
                continue
            assert not is_open or item.kind in (Kind.HOLE, Kind.BOOT), f"{item} behind a hole"
            start_us = board.us_of(item.boot, 0)
            if item.kind is Kind.BOOT:
                before, end_us, expected_t, is_open = end_us, start_us, 0, False
                lost_us = [us for us in losses_us if before <= us <= start_us]
                if lost_us:
                    late_us = min(lost_us) - before
                    assert late_us <= MOST_LOST_US, f"{late_us / 6e7:.1f} minutes lost: {item}"
                    assert not item.steps, f"steps of a chip that had no power: {item}"
                elif item.boot > 1:
                    assert is_true(item.steps, before, start_us), f"item {item.seq}: {item}"
            elif item.kind is Kind.HOLE:
                assert any(us >= end_us for us in losses_us), f"{item}, but no loss of power"
                is_open = True
            elif item.duration_ms:
                assert item.t_ms == expected_t, f"a hole in time before item {item.seq}"
                expected_t += item.duration_ms
                begin_us, end_us = start_us + item.t_ms * 1000, start_us + expected_t * 1000
                if item.kind is Kind.MINUTE or item.detail != 3:
                    counted = chip.counted(end_us) - chip.counted(begin_us)
                    right = is_true(item.steps, begin_us, end_us)
                    assert right, f"item {item.seq}: {item.steps}, chip {counted}"
        return sums

    def partition(self, label: str) -> range:
        """The flash addresses of a partition."""
        (found,) = (p for p in self.world.firmware.partitions if p.label == label)
        return range(found.start, found.start + found.size)

    def frame(self, source: str, payload: bytes, uuid: str = uuids.JOURNAL_DATA) -> bytes | None:
        """The notification of `uuid` that a data PDU on the air carries, if it carries one."""
        table = self.computer.table(self.band.address) or []
        wanted = UUID(uuid)
        handle = next((c.handle for s in table for c in s.characteristics if c.uuid == wanted), 0)
        if source != self.band.address or payload[:7] != frame_head(len(payload), handle):
            return None
        return payload[7:]

    def close(self) -> None:
        """End it."""
        self.store.close()
        self.world.close()


async def asked(r: Rig, what: Callable[[Session], Coroutine[Any, Any, Any]]) -> Any:
    """What comes of a session with the band."""
    async with r.session() as session:
        return await what(session)


def frame_head(size: int, handle: int) -> bytes:
    """L2CAP header and ATT header of a notification of `handle`, `size` bytes in all."""
    return struct.pack("<HHBH", size - 4, 4, 0x1B, handle)


def stored(store: Store) -> list[Item]:
    """Everything in the store, in order."""
    rows = store.db.execute(
        "SELECT seq, kind, boot, t_ms, duration_ms, steps, count, detail, raw FROM item "
        "ORDER BY epoch, seq"
    )
    return [Item(row[0], Kind(row[1]), *row[2:]) for row in rows]


def radio_of(computer: Central) -> Radio:
    """A computer's radio, its backend and its agent."""
    client, scanner = bleak_backend(computer)
    return Radio(client, scanner, SimulatedAgent(computer), bonded=bonded_devices(computer))


def walk(steps_a_minute: int = 100, minutes: int = 24 * 60) -> Walk:
    """Somebody who walks for 7 minutes of every 20, faster and slower."""
    return Walk(
        [steps_a_minute + m % 37 if m % 20 < 7 else 0 for m in range(minutes)], MINUTE_US // 3
    )


async def rig(
    folder: Path,
    seed: int = 1,
    wearer: Walk | Wearer | None = None,
    start: datetime = START,
    count: int | None = None,
    upload: str = "increments",
    before: Sequence[int] = (),
    firmware: Firmware | None = None,
    hub: bool = False,
) -> Rig:
    """A rig with its band switched on, not paired; its chip running already, at `count`; in its
    journal minutes of so many steps `before`; `firmware`: another than the built one; on its strip
    a `hub`."""
    world = World(seed, start, firmware)
    band = world.add_band(wearer or walk(), upload, hub=hub)
    computer = await world.computer()
    if count is not None:
        for register, value in ((0x10, 0x28), (0x01, 0x80), (0x04, 0x08), (0x01, 0x00)):
            band.chip.write(register, bytes((value,)))
        band.chip.preload(count)
    its = Rig(world, band, computer, Store(folder / "veriband.db"), before)
    await band.board.power_on()
    if before:  # that was boot 1, in which they will have been
        band.board.power_off()
        place = its.partition("journal")
        band.board.flash.image[place.start : place.stop] = b"\xff" * len(place)
        backlog(band.board.flash, place, before, world.utc_ms() - len(before) * items.MINUTE_MS)
        await band.board.power_on()
    return its


def live(story: Coroutine[Any, Any, T], seed: int = 1, hours: float = 30.0) -> T:
    """Play a story in virtual time."""
    return play(seed, story, limit_s=hours * 3600)


async def until_cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.wait((task,))
