"""A daemon that is killed anywhere, a full disk, a locked store, a clock set back."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.campaign import pages, power, victim
from tests.whole.rig import Rig, live, rig, stored, until_cancelled
from veriband.errors import StoreError
from veriband.records import Kind
from veriband.store import Store
from veriband_simulator.firmware import Firmware, find_firmware
from veriband_simulator.world import play

KILLS = 500
KINDS = ("statements", "edges", "bytes")
FIRST_BYTE = 1_024
HOUR_S = 3600.0
_HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
Trouble = Callable[[Rig], AbstractContextManager[None]]


@dataclass(frozen=True)
class Shared:
    """The flash that each case begins with, and how much a daemon does that is not killed."""

    firmware: Firmware
    flash: bytes
    most: dict[str, int]


def prepare(seed: int) -> Shared:
    """A band with an old journal; and a daemon that is left alone, to know what it does."""
    firmware = power.small_journal(find_firmware())
    flash = play(seed, power.flashed(seed, firmware), limit_s=power.DAY_S)
    with tempfile.TemporaryDirectory(prefix="veriband-daemon-") as folder:
        (Path(folder) / victim.FLASH).write_bytes(flash)
        return Shared(firmware, flash, json.loads(_run(Path(folder)).stdout))


def case(shared: Shared | None, seed: int, number: int) -> int:
    """Kill a daemon; after KILLS of them, the other troubles, which share nothing."""
    with tempfile.TemporaryDirectory(prefix="veriband-daemon-") as folder:
        if number >= KILLS:
            live(_troubled(Path(folder), seed, TROUBLES[number - KILLS]), seed)
        else:
            assert shared is not None
            _killed(shared, Path(folder), random.Random(f"{seed} kill {number}"), number)
    return 1


def _run(
    folder: Path, kind: str = "statements", number: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaign.victim", str(folder), kind, str(number)],
        cwd=Path(__file__).parents[2], env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    allowed = (0,) if not number else (0, -signal.SIGKILL, -signal.SIGXFSZ)
    assert done.returncode in allowed, f"status {done.returncode}: {done.stderr[-1000:]}"
    return done


def _killed(shared: Shared, folder: Path, rng: random.Random, number: int) -> None:
    """Kill it, start it again on what is left, and see that all is there, once."""
    (folder / victim.FLASH).write_bytes(shared.flash)
    kind = KINDS[number % len(KINDS)]
    first = FIRST_BYTE if kind == "bytes" else 1
    point = rng.randrange(first, shared.most[kind])
    killed = _run(folder, kind, point)
    assert killed.returncode, f"not killed at {point} of {shared.most[kind]} {kind}"
    try:
        _run(folder)
        _check(shared, folder)
    except AssertionError as error:
        raise AssertionError(f"killed at {point} of the {kind}: {error}") from error


def _check(shared: Shared, folder: Path) -> None:
    """Compare the store with what is on flash, item by item."""
    its = power.partition(shared.firmware, "journal")
    image = (folder / victim.FLASH).read_bytes()
    journal = pages.read(image[its.start : its.stop])
    store = Store(folder / victim.STORE)
    try:
        items = stored(store)
        cursors = store.read("SELECT seq FROM cursor")
        assert store.read("PRAGMA integrity_check") == [("ok",)]
    finally:
        store.close()
    seq = items[0].seq
    for item in items:
        assert item.seq == seq, f"after {seq - 1} comes {item.seq}"
        seq += item.count
    assert cursors == [(seq,)], f"the cursors are {cursors}, the items end at {seq}"
    assert seq >= journal.end, f"the store ends at {seq}, the journal at {journal.end}"
    found = {item.seq: pages.facts(item) for item in items}
    for number, its_own in journal.items.items():
        if its_own[1] is not Kind.HOLE:
            assert found.get(number) == its_own, f"{found.get(number)} is stored of {its_own}"


async def _troubled(folder: Path, seed: int, trouble: Trouble) -> None:
    """An hour, three hours of the trouble, and a sync when it is over."""
    r = await rig(folder, seed)
    try:
        await r.pair()
        await _kept(r, HOUR_S)
        with trouble(r):
            await _kept(r, 3 * HOUR_S)
        await r.supervisor().once()
        r.check()
    finally:
        r.close()


async def _kept(r: Rig, seconds: float) -> None:
    keeping = asyncio.create_task(r.supervisor().run())
    await asyncio.sleep(seconds)
    assert not keeping.done(), "the daemon has ended"
    await until_cancelled(keeping)


@contextmanager
def full_disk(r: Rig) -> Iterator[None]:
    """There is no room for another page."""
    page_count = r.store.read("PRAGMA page_count")[0][0]
    r.store.read(f"PRAGMA max_page_count = {page_count}")
    yield
    assert {type(trouble) for trouble in r.troubles} == {StoreError}, r.troubles
    assert "full" in str(r.troubles[0])
    r.store.read(f"PRAGMA max_page_count = {2**30}")


@contextmanager
def locked_store(r: Rig) -> Iterator[None]:
    """Another process writes and does not come to an end."""
    r.store.read("PRAGMA busy_timeout = 20")
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(r.store.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield
        other.stdin.close()
        other.wait()
    assert {type(trouble) for trouble in r.troubles} == {StoreError}, r.troubles
    assert "locked" in str(r.troubles[0])


@contextmanager
def clock_set_back(r: Rig) -> Iterator[None]:
    """The computer's clock is set back an hour, which sets the band's back."""
    right = r.world.utc_ms
    r.world.utc_ms = lambda: right() - 3_600_000  # type: ignore[method-assign]
    yield
    anchors = [item for item in r.items() if item.kind is Kind.ANCHOR]
    assert len(anchors) == 2, f"the clock was set {len(anchors)} times"
    assert not r.troubles, r.troubles


TROUBLES: tuple[Trouble, ...] = (full_disk, locked_store, clock_set_back)
