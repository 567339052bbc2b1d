"""A daemon that tells alerts while they come and go, in a process that may be killed:
`python -m tests.campaign.telling FOLDER SEED TROUBLE NUMBER`.

It has the real book and teller, with terminals that are programs and write what they are told into
files; waits are a thousandth of the real ones. It prints how many statements it made.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from tests.campaign import victim
from veriband.alerts import book as books
from veriband.alerts import teller
from veriband.alerts.book import Book, Cause
from veriband.alerts.limits import Limits
from veriband.alerts.machine import HOUR_MS, Ladder, Rung, Severity
from veriband.alerts.teller import Teller, program
from veriband.errors import VeribandError
from veriband.store import Store

STORE, OBSERVED = "veriband.db", "observed"
TERMINALS = ("phone", "daughter")
LADDER = Ladder((Rung(0, TERMINALS[:1]), Rung(60, TERMINALS[1:])), HOUR_MS, HOUR_MS)
UNLIMITED = Limits(0, 1 << 30, 1 << 30)
SUBJECTS = 12
STEPS = 40
QUIET_S = 15.0
LASTING_S = 0.2  # of a full disk, or a lock
_HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
_RANDOM = "$(od -An -N1 -tu1 /dev/urandom)"
PROGRAMS = {  # what a terminal does with its input; {0}: its file
    "well": "cat >> {0}",
    "flaky": f"cat >> {{0}}; [ {_RANDOM} -ge 64 ]",
    "slow": f"sleep 0.05; [ {_RANDOM} -ge 64 ] || sleep 30; cat >> {{0}}",
}


def now_ms() -> int:
    """The computer's clock."""
    return time.time_ns() // 1_000_000


class Observer:
    """Has alerts begin, get worse, end, and be acknowledged; what was committed is in a file."""

    def __init__(self, book: Book, rng: random.Random, file: Path) -> None:
        self._book = book
        self._rng = rng
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._causes: dict[str, Cause] = {}

    def step(self) -> None:
        """Something happens. Raises VeribandError."""
        subject = f"subject {self._rng.randrange(SUBJECTS)} of {os.getpid()}"
        cause = self._causes.get(subject)
        if cause is None:
            cause = Cause(None, subject, now_ms(), facts={"text": subject})
        else:
            what = self._rng.choice(("worse", "over", "more", "acknowledged"))
            if what == "acknowledged":
                self._acknowledge(subject)
                return
            if what == "worse":
                cause = replace(cause, severity=Severity.CRITICAL)
            if what == "over":
                cause = replace(cause, until_ms=now_ms())
            if what == "more":
                cause = replace(cause, facts={"text": f"{subject}, {self._rng.random():.9f}"})
        self._book.observe(None, {subject: [cause]}, now_ms())
        os.write(self._file, f"{subject}\n".encode())
        os.fsync(self._file)
        self._causes[subject] = cause

    def _acknowledge(self, subject: str) -> None:
        for entry in self._book.entries(is_open=True):
            if entry.cause.subject == subject and not entry.alert.acknowledged_by:
                self._book.acknowledge(entry.number, "Ben", "", now_ms())


def end_all(book: Book) -> None:
    """All is over, and somebody has seen it."""
    for entry in book.entries(is_open=True):
        over = replace(entry.cause, until_ms=entry.cause.until_ms or now_ms())
        book.observe(None, {over.subject: [over]}, now_ms())
        if not book.entry(entry.number).alert.is_closed and not entry.alert.acknowledged_by:
            book.acknowledge(entry.number, "Cleo", "", now_ms())


async def until_told(book: Book) -> None:
    """Until nothing is owed and nothing is about to be."""
    async with asyncio.timeout(QUIET_S):
        while book.overdue(now_ms() + HOUR_MS) or any(
            entry.alert.rung < len(LADDER.rungs)
            for entry in book.entries(is_open=True)
            if not entry.alert.acknowledged_by
        ):
            await asyncio.sleep(0.01)


async def story(book: Book, folder: Path, seed: str, is_last: bool) -> None:
    """Live, or, as the last one, tell what is left until nothing is."""
    rng = random.Random(f"{seed} {is_last}")
    observer = Observer(book, rng, folder / OBSERVED)
    if is_last:
        await until_told(book)
        end_all(book)
        await until_told(book)
        return
    for _ in range(STEPS):
        with suppress(VeribandError):
            observer.step()
        await asyncio.sleep(rng.uniform(0, 0.02))
    await asyncio.sleep(0.2)


async def live(
    store: Store, folder: Path, kind: str, work: Callable[[Book], Awaitable[None]]
) -> None:
    """Tell while `work` goes on."""
    book = Book(store, lambda _: LADDER, UNLIMITED)
    terminals = {
        name: program(["/bin/sh", "-c", PROGRAMS[kind].format(folder / name)])
        for name in TERMINALS
    }
    telling = asyncio.create_task(Teller(store, book, terminals, UTC, now_ms).run())
    await work(book)
    assert not telling.done(), "the teller has ended"
    telling.cancel()
    with suppress(asyncio.CancelledError):
        await telling


async def full_disk(path: Path, begin_s: float) -> None:
    """For a while no file can grow beyond the store's log, which cannot grow either."""
    await asyncio.sleep(begin_s)
    size = path.with_name(f"{path.name}-wal").stat().st_size
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    await asyncio.sleep(LASTING_S)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


async def locked_store(path: Path, begin_s: float) -> None:
    """For a while another process writes and does not come to an end."""
    await asyncio.sleep(begin_s)
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _HOLD, str(path),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert other.stdin is not None and other.stdout is not None
    assert await other.stdout.readline() == b"held\n"
    await asyncio.sleep(LASTING_S)
    other.stdin.close()
    await other.wait()


def main(folder: Path, seed: str, trouble: str, number: int) -> None:
    """A life with that trouble, killed at that statement (0: not) or, with "bytes", byte; "": the
    last one, without any."""
    for name, value in (("LONGEST_S", 0.1), ("PROGRAM_S", 0.3)):
        setattr(teller, name, value)
    books.FIRST_RETRY_MS, books.LAST_RETRY_MS = 5, 40
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if trouble == "bytes":  # of a file: the write that goes beyond is cut off, and kills
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
    store = Store(folder / STORE)
    counted = victim.killed_at(store, "statements", 0 if trouble == "bytes" else number)
    if trouble == "locked":
        store.db.execute("PRAGMA busy_timeout = 20")
    kind = {"slow": "slow", "full": "flaky", "statements": "flaky"}.get(trouble, "well")

    troubles = {"full": full_disk, "locked": locked_store}

    async def work(book: Book) -> None:
        with_trouble = troubles.get(trouble)
        async with asyncio.TaskGroup() as group:
            if with_trouble:
                begin_s = random.Random(seed).uniform(0.05, 0.3)
                group.create_task(with_trouble(folder / STORE, begin_s))
            await story(book, folder, seed, not trouble)

    asyncio.run(live(store, folder, kind, work))
    size = (folder / f"{STORE}-wal").stat().st_size
    store.close()
    print(json.dumps({"statements": counted.statements, "bytes": size}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
