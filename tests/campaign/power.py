"""Power cuts: a day's writes to flash, each cut off somewhere; a band starts on what is left."""

from __future__ import annotations

import asyncio
import random
import tempfile
from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tests.campaign import pages
from tests.campaign.pages import Facts
from tests.whole.rig import ZONE, Rig, stored
from veriband.link.pairing import pair
from veriband.link.session import connected
from veriband.records import Kind
from veriband.store import Store
from veriband_protocol.control import KEY_BYTES
from veriband_simulator.board import Board
from veriband_simulator.chips import Bus
from veriband_simulator.firmware import Firmware, find_firmware
from veriband_simulator.flash import SECTOR, Flash
from veriband_simulator.recorded_minutes import packaged
from veriband_simulator.wearers import Minute, Walk, Wearer
from veriband_simulator.world import World, play

START = datetime(2026, 3, 2, tzinfo=ZONE)
DAY_S = 24 * 3600.0
SECTORS = 4  # of the journal here, so that a day goes over sectors that are in use
OLD_MINUTES = 22_980  # in the journal before the day: five pages and most of a sixth
LIVED_S = 620.0  # after a cut: ten minutes, and they go to flash
UNFLUSHED_US = 11 * 60_000_000
OTHER = "F0:0D:5E:00:00:02"

# What a band has whose ring has been round once already.
_FILL = f"""
import time
from esp32 import Partition
from band.journal import Journal
from band.ring import Ring
journal = Journal(Ring(Partition.find(Partition.TYPE_DATA, label="journal")[0]))
journal.boot(1, 1, 0)
for n in range({OLD_MINUTES}):
    if journal.full():
        journal.flush()
    journal.minute(1 + n % 120)
journal.flush()
time.sleep(1000000)
"""
_FILES = ("settings", "data/bonds", "data/seal")
_SHOWN = (*_FILES, "the next passkey's counter")
_SHOW = f"""
import time
import vfs
from esp32 import NVS, Partition
vfs.mount(vfs.VfsLfs2(Partition.find(Partition.TYPE_DATA, label="wearer")[0]), "/data")
for name in {_FILES}:
    try:
        with open("/" + name + ".json") as f:
            print(f.read())
    except OSError:
        print("none")
try:
    print(NVS("veriband").get_i32("passkeys"))
except OSError:
    print("none")
time.sleep(1000000)
"""


class Op(NamedTuple):
    """A program of `data`, or an erase when that is None, at a time in us."""

    us: int
    address: int
    data: bytes | None


class RecordedFlash(Flash):
    """A flash that keeps what is done to it."""

    def __init__(self, image: bytes, world: World) -> None:
        super().__init__(len(image))
        self.image[:] = image
        self._world = world
        self.ops: list[Op] = []

    def program(self, address: int, data: bytes) -> None:
        super().program(address, data)
        self.ops.append(Op(self._world.now_us(), address, bytes(data)))

    def erase(self, address: int) -> None:
        super().erase(address)
        self.ops.append(Op(self._world.now_us(), address, None))


@dataclass(frozen=True)
class Day:
    """A day of a band: the flash it began with, all that was done to it, and what is true.

    `sent`: when a host had which number. `truth`: what the hosts were told, by number, seen to be
    what the chips counted. `cuts`: the ops to be cut, in turn.
    """

    firmware: Firmware
    image: bytes
    ops: tuple[Op, ...]
    sent: tuple[tuple[int, int], ...]
    truth: dict[int, Facts]
    ends_us: dict[int, int]
    cuts: tuple[int, ...]

    def before(self, op: int) -> Flash:
        """The flash as it was before an op."""
        flash = Flash(len(self.image))
        flash.image[:] = self.image
        for _, address, data in self.ops[:op]:
            if data is None:
                flash.erase(address)
            else:
                flash.program(address, data)
        return flash

    def journal(self, image: bytes | bytearray) -> pages.Journal:
        """The journal on a flash."""
        its = partition(self.firmware, "journal")
        return pages.read(bytes(image[its.start : its.stop]))


def partition(firmware: Firmware, label: str) -> range:
    """The flash addresses of a partition."""
    (found,) = (p for p in firmware.partitions if p.label == label)
    return range(found.start, found.start + found.size)


def small_journal(firmware: Firmware) -> Firmware:
    """That firmware on a flash whose journal has but SECTORS sectors."""
    return replace(
        firmware,
        partitions=tuple(
            replace(p, size=SECTORS * SECTOR) if p.label == "journal" else p
            for p in firmware.partitions
        ),
    )


def prepare(seed: int) -> Day:
    """The day of the campaign."""
    return record(seed, small_journal(find_firmware()), DAY_S)


def record(seed: int, firmware: Firmware, length_s: float) -> Day:
    """Play a day, or the part of it from eight o'clock on, on a band and keep its writes."""
    image = play(seed, flashed(seed, firmware), limit_s=DAY_S)
    return play(seed, _recorded(seed, firmware, image, length_s), limit_s=3 * DAY_S)


async def flashed(seed: int, firmware: Firmware) -> bytes:
    """A flash with the program, the settings and an old journal."""
    world = World(seed, START, firmware)
    try:
        band = world.add_band(Walk([0]))
        await band.power_on()
        await asyncio.sleep(1)  # it makes its files
        band.power_off()
        its = partition(firmware, "journal")
        band.board.flash.image[its.start : its.stop] = b"\xff" * len(its)
        old = _scripted(world, band.board.flash, _FILL)
        await old.power_on()
        old.close()
        return bytes(band.board.flash.image)
    finally:
        world.close()


def _scripted(world: World, flash: Flash, script: str) -> Board:
    """A board with that flash which runs a script."""
    address = "C0:98:E5:00:00:FF"
    rng = world.rng("script")
    return Board(world.firmware, world.air, address, Bus(), {}, rng, script=script, flash=flash)


def _lived(length_s: float) -> list[Minute]:
    """A recorded person's minutes: the day, or from eight o'clock on."""
    day = packaged("fitbit_day")
    begin = 0 if length_s >= DAY_S else 8 * 60
    return [
        Minute(steps, rate or 70.0)
        for steps, rate in zip(day.steps[begin:], day.heart_rate[begin:], strict=True)
    ]


async def _recorded(seed: int, firmware: Firmware, image: bytes, length_s: float) -> Day:
    world = World(seed, START, firmware)
    flash = RecordedFlash(image, world)
    band = world.add_band(Wearer(_lived(length_s), seed), flash=flash)
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(world, band, await world.computer(), Store(Path(folder) / "veriband.db"))
        try:
            sent = await _played(rig, length_s)
            boot = 2  # the day's first: the old journal has one
            items = [item for item in stored(rig.store) if item.kind is not Kind.HOLE]
            ends_us: dict[int, int] = {}
            for item in items:
                if item.boot < boot:
                    old = item.kind is Kind.BOOT or item.steps == 1 + (item.seq - 1) % 120
                    assert old, f"{item} is not what was put in"
                    continue
                begin = band.board.us_of(item.boot - boot + 1, item.t_ms)
                ends_us[item.seq] = end = begin + item.duration_ms * 1000
                if item.kind is Kind.MINUTE:
                    counted = band.chip.counted(end) - band.chip.counted(begin)
                    assert item.steps == counted, f"{item}, but the chip counted {counted}"
            return Day(
                firmware, image, tuple(flash.ops), tuple(sent),
                {item.seq: pages.facts(item) for item in items}, ends_us,
                tuple(_weighed(firmware, flash.ops)),
            )  # fmt: skip
        finally:
            rig.close()


async def _played(rig: Rig, length_s: float) -> list[tuple[int, int]]:
    """What happens in the day; when a host had which number."""
    sent: list[tuple[int, int]] = []
    band, world = rig.band, rig.world

    async def until(share: float, minutes: float = 0.0) -> None:
        await asyncio.sleep(share * length_s + minutes * 60 - world.now_us() / 1e6)

    async def sync() -> None:
        await rig.supervisor().once()
        rows = rig.store.read("SELECT max(seq) FROM cursor")
        sent.append((world.now_us(), rows[0][0]))

    await until(0.0, 5.3)
    await band.power_on()
    await rig.pair()
    for share in (0.1, 0.2, 0.3):
        await until(share, 6.4)
        await sync()
        device, _ = await rig.radio.find(band.address, 30)
        async with connected(rig.radio, device) as session:
            await session.enrol(bytes((round(share * 10),)) * KEY_BYTES)
    await until(0.35)
    band.board.reset()
    await until(0.5, 8.2)
    await sync()
    await until(0.5, 9.0)
    band.power_off()  # what it sent last is not on flash
    await until(0.5, 12.0)
    await band.power_on()
    await until(0.6)
    other = Rig(world, band, await world.computer(OTHER), rig.store)
    await band.press()
    await pair(other.radio, band.address, band.secret)
    for share in (0.7, 0.8, 0.9):
        await until(share, 5.7)
        await sync()
    await until(1.0)
    await sync()
    return sent


def _weighed(firmware: Firmware, ops: list[Op]) -> list[int]:
    """Each op, those that turn a page ten times."""
    its = partition(firmware, "journal")
    found: list[int] = []
    for number, op in enumerate(ops):
        turns = op.address in its and (op.address - its.start) % SECTOR == 0
        found += [number] * (10 if turns else 1)
    return found


def case(day: Day, seed: int, number: int) -> int:
    """Cut one write; raises AssertionError when the band that starts then is not as it must be."""
    op = day.cuts[number % len(day.cuts)]
    rng = random.Random(f"{seed} cut {number}")
    flash = day.before(op)
    before = day.journal(flash.image)
    _check_truth(day, op, before)
    what = tear(flash, day.ops[op], rng)
    try:
        play(seed, _started(day, op, flash, before), limit_s=DAY_S)
    except Exception as error:
        raise AssertionError(f"op {op} of {len(day.ops)}, {what}: {error}") from error
    return 1


def tear(flash: Flash, op: Op, rng: random.Random) -> str:
    """Do a part of an op; what of it."""
    if op.data is None:
        sector = slice(op.address, op.address + SECTOR)
        old = int.from_bytes(flash.image[sector], "little")
        noise = rng.getrandbits(8 * SECTOR)
        how = rng.randrange(3)
        torn = (old | noise, noise, old | noise >> rng.randrange(8 * SECTOR))[how]
        flash.image[sector] = torn.to_bytes(SECTOR, "little")
        return f"an erase at {op.address:#x} torn, way {how}"
    whole = rng.randrange(len(op.data))
    torn = op.data[whole] | rng.getrandbits(8)
    flash.program(op.address, op.data[:whole] + bytes((torn,)))
    return f"{whole} of {len(op.data)} bytes at {op.address:#x}, the next {torn:#04x}"


def _check_truth(day: Day, op: int, before: pages.Journal) -> None:
    """See that what lies on flash before the cut is true, and not more than ten minutes old."""
    for seq, its in before.items.items():
        assert its[1] is Kind.HOLE or its == day.truth[seq], (
            f"on flash {its}, not {day.truth[seq]}"
        )
    late = [
        seq
        for seq, end_us in day.ends_us.items()
        if end_us < day.ops[op].us - UNFLUSHED_US and seq >= before.end
    ]
    assert not late, f"not flushed in time: items {late[:5]}"


async def _started(day: Day, op: int, flash: Flash, before: pages.Journal) -> None:
    """Start a band on what is left, let it live for ten minutes, and look at its flash."""
    world = World(1, START, day.firmware)
    try:
        address = day.ops[op].address
        in_files = any(address in partition(day.firmware, label) for label in ("nvs", "wearer"))
        band = world.add_band(Walk([90 + m % 40 for m in range(20)], 7_000_000), flash=flash)
        await band.power_on()
        await asyncio.sleep(LIVED_S)
        assert len(band.board.started_us) == 1, f"it started again: {band.board.console()}"
        band.board.close()
        after = day.journal(flash.image)
        boot = _check_kept(day, op, before, after)
        its_own = [its for seq, its in sorted(after.items.items()) if seq > boot]
        lived = [its for its in its_own if its[1] is not Kind.READING]  # it has no sensor
        assert [its[1] for its in lived] == [Kind.MINUTE] * 10, f"it went on with {lived}"
        for k, its in enumerate(lived):
            begin, end = band.board.us_of(1, k * 60_000), band.board.us_of(1, (k + 1) * 60_000)
            counted = band.chip.counted(end) - band.chip.counted(begin)
            assert its[3:6] == (k * 60_000, 60_000, counted), f"{its}, the chip {counted}"
        if in_files:
            await _check_files(day, op, world, flash)
    finally:
        world.close()


def _check_kept(day: Day, op: int, before: pages.Journal, after: pages.Journal) -> int:
    """Compare the journal after a cut with the one before; the number of the new boot."""
    boot = max(seq for seq, its in after.items.items() if its[1] is Kind.BOOT)
    boots = [its[2] for its in before.items.values() if its[1] is Kind.BOOT]
    known = max(boots, default=list(before.items.values())[-1][2])
    assert after.items[boot][2] in (known + 1, known + 2), f"boot {after.items[boot]}, {known}"
    missing = before.items.keys() - after.items.keys()
    assert not missing or missing == before.pages[0].items.keys(), (
        f"flushed and lost: {sorted(missing)[:5]}, {len(missing)} in all"
    )
    for seq in before.items.keys() & after.items.keys():
        assert after.items[seq] == before.items[seq], f"{after.items[seq]}, {before.items[seq]}"
    for seq, its in after.items.items():
        if seq < boot and its[1] is not Kind.HOLE:
            assert its == day.truth.get(seq), f"nobody put in {its}"
    told = bisect_right(day.sent, day.ops[op].us, key=lambda row: row[0])
    sent = day.sent[told - 1][1] if told else 0
    assert boot >= max(sent, before.reserved, before.end), f"number {boot} again, sent {sent}"
    return boot


async def _check_files(day: Day, op: int, world: World, flash: Flash) -> None:
    """See that each file is as it was before what was cut, or as it is after."""
    now = await _shown(world, flash)
    before, after = [await _shown(world, day.before(n)) for n in (op, op + 1)]
    for name, its, *either in zip(_SHOWN, now, before, after, strict=True):
        assert its in either, f"{name} is {its!r}, not one of {either}"


async def _shown(world: World, flash: Flash) -> tuple[str, ...]:
    """The files on a flash."""
    board = _scripted(world, flash, _SHOW)
    await board.power_on()
    shown = tuple(board.console().splitlines())
    board.close()
    return shown
