"""Malformed writes to a band, which answers or refuses and is not deaf; and lies to a daemon."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bumble import att
from bumble.core import UUID
from bumble.device import Connection, Device
from bumble.hci import Address, OwnAddressType

from tests.campaign import lies
from tests.whole.rig import EDGE_US, START, Rig, live, rig
from veriband.link.session import BandInfo, JournalState
from veriband.records import Kind
from veriband_protocol import control, uuids, wire
from veriband_simulator.device import make_device
from veriband_simulator.remote import in_background
from veriband_simulator.wearers import Walk

STRANGER = "F0:0D:5E:00:00:66"
WRITERS, WRITES = 500, 2_000  # cases, and of each
LIARS, LIES = 16, 105  # the cases after them
BURST = 40  # that nobody waits for
HEAP_SLACK = 1_024  # bytes: small things that come and go
_FOREVER = Walk([90 + m % 40 for m in range(24 * 60)])


def prepare(seed: int) -> None:
    """Each case is a world of its own."""


def case(_: None, seed: int, number: int) -> int:
    """WRITES of them: from a bonded computer in even cases, from a stranger in odd ones. After
    WRITERS cases, lies."""
    if number >= WRITERS:
        return lies.play_case(seed, number, LIES)
    return play_case(seed, number, WRITES)


def play_case(seed: int, number: int, writes: int) -> int:
    """As `case`, so many of them."""
    rng = random.Random(f"{seed} hostile {number}")
    with tempfile.TemporaryDirectory(prefix="veriband-hostile-") as folder:
        live(_story(Path(folder), rng, writes, number % 2 == 0), seed * 1_000_003 + number)
    return writes


async def _story(folder: Path, rng: random.Random, writes: int, is_bonded: bool) -> None:
    r = await rig(folder, rng.getrandbits(30), _FOREVER)
    try:
        await r.pair()
        await r.supervisor().once()
        info, state = await _asked(r)
        table = r.computer.table(r.band.address)
        assert table is not None
        stacks_own = (UUID.from_16_bits(0x1800), UUID.from_16_bits(0x1801))
        ours = [service for service in table if service.uuid not in stacks_own]
        characteristics = [c for service in ours for c in service.characteristics]
        targets = Targets(
            tuple(c.handle for c in characteristics if c.uuid == UUID(uuids.CONTROL_REQUEST)),
            tuple(c.handle for c in characteristics if c.uuid == UUID(uuids.JOURNAL_REQUEST)),
            tuple(c.cccd for c in characteristics if c.cccd is not None),
            tuple(c.handle for c in characteristics),
            state,
        )
        stranger = make_device(r.world.air, STRANGER, "stranger")
        await stranger.power_on()
        connect = partial(_bonded, r) if is_bonded else partial(_strange, r, stranger)
        await _attack(connect, targets, rng, writes)
        await asyncio.sleep(60.0)  # what was asked for is answered, who is a stranger dropped
        after, its = await _asked(r)
        grown = after.heap_used - info.heap_used
        assert grown < HEAP_SLACK, f"the heap has grown by {grown} bytes"
        assert its.epoch == state.epoch and its.upto >= state.upto, f"{its}, before {state}"
        assert len(r.band.board.started_us) == 1, "it started again"
        await r.supervisor().once()
        r.check(EDGE_US)
        faults = [i for i in r.items() if i.kind is Kind.EVENT and i.detail == 5]
        assert not faults, f"a fault: {faults[0].raw!r}"
    finally:
        r.close()


async def _asked(r: Rig) -> tuple[BandInfo, JournalState]:
    """What a well-behaved host is told: who it is, its journal's state; and it can be read."""
    async with r.session() as session:
        info, state = await session.info(), await session.state()
        async with aclosing(session.batches(state.epoch, state.upto - 1)) as batches:
            batch = await anext(batches)
        assert batch.upto >= state.upto
        return info, state


@dataclass(frozen=True)
class Targets:
    """Handles, by what they are, and a state of which requests can be made."""

    control: tuple[int, ...]
    journal: tuple[int, ...]
    cccds: tuple[int, ...]
    others: tuple[int, ...]
    state: JournalState

    def write(self, rng: random.Random) -> tuple[int, bytes]:
        """A handle, and something malformed for it."""
        kind = rng.randrange(10)
        if kind == 0:
            return rng.choice(self.cccds), rng.randbytes(2)  # the stack's: never another length
        if kind == 1:
            return rng.choice(self.others), _noise(rng)
        valid = self._control(rng) if kind < 6 else self._read(rng)
        handles = self.control if kind < 6 else self.journal
        return rng.choice(handles), rng.choice((_noise, _spoilt, _cut, _longer))(rng, valid)

    def _control(self, rng: random.Random) -> bytes:
        opcode = rng.choice(
            (
                control.FILE, control.CLOCK, control.CLOCK, control.TIME, control.CALIBRATE,
                rng.randrange(7, 256),
            )
        )  # fmt: skip
        utc_s = round(START.timestamp())
        clock = control.pack_clock(utc_s, rng.randrange(65_536), rng.randrange(-2000, 2000), 0, 0)
        cuff = bytes((128, 131, 127, 82, 84, 81))
        body = {control.CLOCK: clock, control.CALIBRATE: cuff}.get(opcode, b"\xff")
        return bytes((opcode,)) + body

    def _read(self, rng: random.Random) -> bytes:
        state = self.state
        epoch = rng.choice((state.epoch, rng.getrandbits(32)))
        seq = rng.choice((state.upto, state.upto + rng.randrange(1000, 2**31), 2**32 - 1))
        frames, batches = rng.choice((0, 1, 32, 33, 255)), rng.choice((0, 1, 3, 255))
        return wire.pack_read(epoch, seq, frames, batches, rng.randbytes(8))


def _noise(rng: random.Random, _: bytes = b"") -> bytes:
    return rng.randbytes(rng.choice((0, 1, 2, 5, 14, 20, 21, 63, 64, 65, 200, 244)))


def _spoilt(rng: random.Random, valid: bytes) -> bytes:
    spoilt = bytearray(valid)
    for _ in range(rng.randrange(3)):
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def _cut(rng: random.Random, valid: bytes) -> bytes:
    return valid[: rng.randrange(len(valid))]


def _longer(rng: random.Random, valid: bytes) -> bytes:
    return valid + rng.randbytes(rng.randrange(1, 60))


async def _bonded(r: Rig) -> Connection:
    """A connection of the computer's, encrypted with its bond."""
    remote = await r.computer.connect(r.band.address)
    await remote.pair()
    return remote.connection


async def _strange(r: Rig, stranger: Device) -> Connection:
    """A connection of somebody's who does nothing when asked to pair."""
    band = Address(r.band.address, Address.PUBLIC_DEVICE_ADDRESS)
    connection = await stranger.connect(band, own_address_type=OwnAddressType.PUBLIC, timeout=None)
    await connection.gatt_client.request_mtu(247)
    return connection


async def _attack(
    connect: Callable[[], Awaitable[Connection]], targets: Targets, rng: random.Random, most: int
) -> None:
    """Write and write; whoever is dropped connects again."""
    done = 0
    while done < most:
        connection = await connect()
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection.once("disconnection", lambda _, gone=gone: gone.set_result(None))
        while done < most and not gone.done():
            done += await _written(connection, gone, targets, rng, most - done)
    if not gone.done():
        await connection.disconnect()


async def _written(
    connection: Connection,
    gone: asyncio.Future[None],
    targets: Targets,
    rng: random.Random,
    most: int,
) -> int:
    """One write that is waited for, or a burst of them that is not; how many."""
    client = connection.gatt_client
    burst = min(most, BURST) if rng.randrange(100) == 0 else 0
    for _ in range(burst):
        await client.write_value(*targets.write(rng), False)
    if burst:
        await asyncio.wait((gone,), timeout=1.0)
        return burst
    task = in_background(client.write_value(*targets.write(rng), True))
    await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
    if not gone.done():
        with suppress(att.ATT_Error):  # refused
            task.result()
    return 1
