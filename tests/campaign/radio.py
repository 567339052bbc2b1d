"""Bad radio: seeded worlds in which syncs break off anywhere, and two stores that end up true."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.whole.rig import EDGE_US, Rig, live, rig, until_cancelled, walk
from veriband.errors import Unforeseen, VeribandError
from veriband.records import Kind
from veriband.store import Store
from veriband_simulator.wearers import MINUTE_US, Walk

OTHER = "F0:0D:5E:00:00:02"
_HEAD = 7  # L2CAP header 4, ATT opcode 1, handle 2
_SPOILT = (0x12, 0x1B)  # ATT: write request, notification: what carries our requests and answers
MOST_TRIES = 40


def prepare(seed: int) -> None:
    """Each case is a world of its own."""


def case(_: None, seed: int, number: int) -> int:
    """Play two to five hours of a world."""
    with tempfile.TemporaryDirectory(prefix="veriband-radio-") as folder:
        live(_story(Path(folder), f"{seed} radio {number}", seed * 1_000_003 + number), number)
    return 1


async def _story(folder: Path, dice: str, seed: int) -> None:
    rng = random.Random(dice)
    upload = rng.choice(("increments", "totals"))
    busy = Walk([rng.randrange(60, 180) for _ in range(600)], MINUTE_US // 3)
    first = await rig(folder, seed, rng.choice((walk(), busy)), upload=upload)
    other = Rig(
        first.world, first.band, await first.world.computer(OTHER), Store(folder / "other.db")
    )
    try:
        await first.pair()
        await other.pair()
        await _trouble(first, other, rng)
        for its in (first, other):
            await _synced(its)
            its.check(EDGE_US)
        told = {item.seq: item for item in first.items()}
        assert told == {item.seq: item for item in other.items() if item.seq in told}
        odd = [e for its in (first, other) for e in its.troubles if isinstance(e, Unforeseen)]
        assert not odd, f"not foreseen: {odd[0]}"
        assert not [i for i in other.items() if i.kind is Kind.EVENT and i.detail == 5], "a fault"
    finally:
        other.store.close()
        first.close()


async def _trouble(first: Rig, other: Rig, rng: random.Random) -> None:
    """Two daemons for some hours of loss, spoilt and swallowed frames, absence and resets."""
    world, board = first.world, first.band.board
    world.air.loss = rng.choice((0.0, 0.05, 0.2, 0.4))
    world.air.mangle = _spoiler(rng, board.reset)
    every_s = rng.choice((200.0, 600.0)), rng.choice((300.0, 600.0, 1800.0))
    daemons = [
        asyncio.create_task(its.supervisor(every).run())
        for its, every in zip((first, other), every_s, strict=True)
    ]
    for _ in range(rng.randrange(4, 8)):
        await asyncio.sleep(rng.expovariate(1 / 1200))
        who = rng.choice((first.band.address, first.computer.address, OTHER))
        what = rng.randrange(3)
        if what == 0:
            board.reset()
        else:
            world.air.set_in_range(who, False)
            await asyncio.sleep(rng.choice((1.0, 30.0, 600.0, 4000.0)))
            world.air.set_in_range(who, True)
    for daemon in daemons:
        assert not daemon.done(), daemon
        await until_cancelled(daemon)
    world.air.loss = 0.0
    world.air.mangle = None
    await asyncio.sleep(5.0)


def _spoiler(rng: random.Random, reset: Callable[[], None]) -> Callable[..., bytes | None]:
    """Spoils one of so many requests and answers: a bit, a swallowed one, a reset of the band."""
    one_of = rng.choice((20, 100, 1000))

    def mangle(_: str, __: str, payload: bytes) -> bytes | None:
        if len(payload) <= _HEAD or payload[4] not in _SPOILT or rng.randrange(one_of):
            return payload
        how = rng.randrange(8)
        if how == 0:
            asyncio.get_running_loop().call_soon(reset)
            return payload
        if how == 1:
            return None
        spoilt = bytearray(payload)
        spoilt[rng.randrange(_HEAD, len(spoilt))] ^= 1 << rng.randrange(8)
        return bytes(spoilt)

    return mangle


async def _synced(its: Rig) -> None:
    """Sync in quiet; what was broken off before may cost some tries."""
    for _ in range(MOST_TRIES):
        try:
            await its.supervisor().once()
            return
        except VeribandError as error:
            last = error
            await asyncio.sleep(10.0)
    raise AssertionError(f"no sync in quiet: {last}")
