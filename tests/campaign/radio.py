"""Bad radio: seeded worlds in which syncs break off anywhere, and two stores that end up true.

The power goes, too, when nobody syncs and in the middle of it: that costs ten minutes at most.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable
from functools import partial
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
OFF_S = (0.5, 30.0, 1500.0)


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
    before = [1 + m % 120 for m in range(rng.choice((0, 0, 0, rng.randrange(2_000, 9_000))))]
    first = await rig(folder, seed, rng.choice((walk(), busy)), upload=upload, before=before)
    other = Rig(
        first.world, first.band, await first.world.computer(OTHER), Store(folder / "other.db"),
        before,
    )  # fmt: skip
    try:
        await first.pair()
        await other.pair()
        power = Power(first)
        await _trouble(first, other, power, rng)
        for its in (first, other):
            await _synced(its)
            its.check(EDGE_US, power.losses_us)
        told, again = [
            {item.seq: item for item in its.items() if item.kind is not Kind.HOLE}
            for its in (first, other)
        ]
        both = told.keys() & again.keys()
        assert [told[seq] for seq in both] == [again[seq] for seq in both], "two truths"
        odd = [e for its in (first, other) for e in its.troubles if isinstance(e, Unforeseen)]
        assert not odd, f"not foreseen: {odd[0]}"
        assert not [i for i in other.items() if i.kind is Kind.EVENT and i.detail == 5], "a fault"
    finally:
        other.store.close()
        first.close()


class Power:
    """The power of a band, and when it went."""

    def __init__(self, r: Rig) -> None:
        self._r = r
        self._away: asyncio.Task[None] | None = None
        self.losses_us: list[int] = []

    def reset(self) -> None:
        """Start the band again, if it has power."""
        if self._away is None:
            self._r.band.board.reset()

    def lose(self, seconds: float) -> None:
        """Take the power away for so long, if it is there."""
        if self._away is None:
            self.losses_us.append(self._r.world.now_us())
            self._r.band.power_off()
            self._away = asyncio.create_task(self._back(seconds))

    async def _back(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._r.band.power_on()
        self._away = None

    async def there(self) -> None:
        """Wait until it is there."""
        if self._away is not None:
            await self._away


async def _trouble(first: Rig, other: Rig, power: Power, rng: random.Random) -> None:
    """Two daemons for some hours of loss, spoilt and swallowed frames, absence, resets and losses
    of power."""
    world = first.world
    world.air.loss = rng.choice((0.0, 0.05, 0.2, 0.4))
    world.air.mangle = _spoiler(rng, power)
    every_s = rng.choice((200.0, 600.0)), rng.choice((300.0, 600.0, 1800.0))
    daemons = [
        asyncio.create_task(its.supervisor(every).run())
        for its, every in zip((first, other), every_s, strict=True)
    ]
    for _ in range(rng.randrange(4, 8)):
        await asyncio.sleep(rng.expovariate(1 / 1200))
        who = rng.choice((first.band.address, first.computer.address, OTHER))
        what = rng.randrange(4)
        if what == 0:
            power.reset()
        elif what == 1:
            power.lose(rng.choice(OFF_S))
        else:
            world.air.set_in_range(who, False)
            await asyncio.sleep(rng.choice((1.0, 30.0, 600.0, 4000.0)))
            world.air.set_in_range(who, True)
    for daemon in daemons:
        assert not daemon.done(), daemon
        await until_cancelled(daemon)
    world.air.loss = 0.0
    world.air.mangle = None
    await power.there()
    await asyncio.sleep(5.0)


def _spoiler(rng: random.Random, power: Power) -> Callable[..., bytes | None]:
    """Spoils one of so many requests and answers: a bit, a swallowed one, a reset of the band or a
    loss of its power."""
    one_of = rng.choice((20, 100, 1000))

    def mangle(_: str, __: str, payload: bytes) -> bytes | None:
        if len(payload) <= _HEAD or payload[4] not in _SPOILT or rng.randrange(one_of):
            return payload
        how = rng.randrange(8)
        if how == 0:
            goes = partial(power.lose, rng.choice(OFF_S)) if rng.randrange(2) else power.reset
            asyncio.get_running_loop().call_soon(goes)
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
