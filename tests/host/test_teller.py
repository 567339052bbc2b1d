"""Terminals are told what is owed to them: programs, slow ones, broken ones, killed ones."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from veriband.alerts import teller
from veriband.alerts.book import Book, Cause
from veriband.alerts.machine import HOUR_MS, MINUTE_MS, Ladder, Phase, Rung
from veriband.alerts.teller import NotTold, Teller, Terminal, program
from veriband.errors import StoreError
from veriband.store import Store
from veriband_simulator import clock

NOW = 1_795_600_000_000
FACTS = {
    "index": "heart rate", "side": "high", "limit": 100, "worst": 131, "unit": "bpm",
    "readings": 3, "own": None, "uncalibrated": False,
}  # fmt: skip
LADDER = Ladder(
    (Rung(0, ("phone",)), Rung(2 * MINUTE_MS, ("daughter",)), Rung(5 * MINUTE_MS, ("page",)))
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "veriband.db")) as store:
        store.add_wearer("anna", zone="Europe/Berlin")
        yield store


@pytest.fixture
def book(store: Store) -> Book:
    return Book(store, lambda _: LADDER)


def raised(book: Book, subject: str = "anomaly/heart rate/high") -> None:
    book.observe(1, {subject: [Cause(1, subject, NOW, facts=FACTS)]}, NOW)


class Phone:
    """A terminal that notes what it is told, and does what `mood` says."""

    def __init__(self, mood: Callable[[], Awaitable[None]] | None = None) -> None:
        self.told: list[tuple[int, bool]] = []
        self._mood = mood

    async def __call__(self, telling: Mapping[str, Any]) -> None:
        self.told.append((telling["version"], telling["loud"]))
        if self._mood:
            await self._mood()


def play(
    store: Store, book: Book, terminals: Mapping[str, Terminal], for_s: float,
    story: Callable[[Teller], Awaitable[None]] | None = None,
) -> list[str]:  # fmt: skip
    """What was said while the teller ran for so many seconds of a virtual clock."""
    said: list[str] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()

        def now_ms() -> int:
            return NOW + round((loop.time() - begin) * 1000)

        its = Teller(store, book, terminals, UTC, now_ms, said.append)
        running = asyncio.create_task(its.run())
        if story:
            await story(its)
        await asyncio.sleep(for_s)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    clock.run(work(), limit_s=for_s + 1000)
    return said


def test_each_rung_is_told_when_its_time_has_come(store: Store, book: Book) -> None:
    raised(book)
    phone, daughter = Phone(), Phone()
    play(store, book, {"phone": phone, "daughter": daughter}, 119)
    assert (phone.told, daughter.told) == ([(2, True)], [])
    play(store, book, {"phone": phone, "daughter": daughter}, 121)
    assert (phone.told, daughter.told) == ([(2, True), (3, False)], [(3, True)])
    assert book.entry(1).alert.phase is Phase.ESCALATED


def test_a_terminal_that_confirms_by_itself_is_not_told(store: Store, book: Book) -> None:
    raised(book)
    assert play(store, book, {}, 600) == []
    assert {owed.terminal for owed in book.owed(NOW + HOUR_MS)} == {"phone", "daughter", "page"}


def test_a_broken_terminal_is_tried_later_and_later_until_it_is_mended(
    store: Store, book: Book
) -> None:
    raised(book)
    times = 0

    async def broken() -> None:
        nonlocal times
        times += 1
        if times < 5:
            raise NotTold("no paper")

    phone = Phone(broken)
    said = play(store, book, {"phone": phone}, 5 + 10 + 20 + 40 + 1)
    assert said == ["phone was not told of alert 1: no paper"] * 4
    assert phone.told == [(2, True)] * 5
    assert book.entry(1).alert.phase is Phase.DELIVERED


def test_a_slow_terminal_holds_up_no_other(store: Store, book: Book) -> None:
    raised(book)
    slow, quick = Phone(lambda: asyncio.sleep(3600)), Phone()
    play(store, book, {"phone": slow, "daughter": quick}, 200)
    assert (slow.told, quick.told) == ([(2, True)], [(3, True)])


def test_what_is_new_while_a_terminal_is_told_is_told_next(store: Store, book: Book) -> None:
    raised(book)

    async def story(its: Teller) -> None:
        await asyncio.sleep(5)
        book.acknowledge(1, "Ben", "", NOW + 5_000)
        its.wake()

    phone = Phone(lambda: asyncio.sleep(10))
    play(store, book, {"phone": phone}, 60, story)
    assert phone.told == [(2, True), (3, False)]


def test_a_store_that_cannot_be_written_is_said_and_nothing_is_lost(
    store: Store, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised(book)
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise StoreError("The disk is full.")

        patch.setattr(book, "delivered", full)
        phone = Phone()
        said = play(store, book, {"phone": phone}, 30)
        assert set(said) == {"The disk is full."} and len(phone.told) == 1
    play(store, book, {"phone": phone}, 30)
    assert phone.told == [(2, True)] * 2


# Programs, with the real loop.


def python(code: str) -> Terminal:
    return program([sys.executable, "-c", code])


def test_a_program_gets_the_alert_as_json(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    keep = f"import sys; open({str(file)!r}, 'w').write(sys.stdin.read())"
    asyncio.run(python(keep)({"alert": 1, "text": "ähm\n"}))  # type: ignore[arg-type]
    assert json.loads(file.read_text()) == {"alert": 1, "text": "ähm\n"}


@pytest.mark.parametrize(
    ("terminal", "why"),
    [
        (python("raise SystemExit('no paper')"), "ended with status 1: no paper"),
        (python("import os; os.kill(os.getpid(), 9)"), "ended with status -9"),
        (program(["/nowhere/tell"]), "/nowhere/tell cannot be run: No such file"),
    ],
)
def test_a_program_that_fails_says_why(terminal: Terminal, why: str) -> None:
    with pytest.raises(NotTold, match=why):
        asyncio.run(terminal({}))  # type: ignore[arg-type]


def test_a_program_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller, "PROGRAM_S", 0.2)
    with pytest.raises(NotTold, match="did not end"):
        asyncio.run(python("import time; time.sleep(1000)")({}))  # type: ignore[arg-type]


def test_what_a_program_that_does_not_end_has_begun_is_killed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teller, "PROGRAM_S", 0.3)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    held = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    begun = time.monotonic()
    with pytest.raises(NotTold, match="did not end"):
        asyncio.run(program(["/bin/sh", "-c", f"sleep 100 > {fifo}; true"])({}))
    os.set_blocking(held, True)
    assert os.read(held, 1) == b"", "its end: nobody holds it any more"
    os.close(held)
    assert time.monotonic() - begun < 50, "it has waited for what was begun"


def test_a_program_that_leaves_something_behind_has_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teller, "PROGRAM_S", 5)
    file = tmp_path / "pid"
    asyncio.run(program(["/bin/sh", "-c", f"sleep 100 & echo $! > {file}"])({}))
    os.kill(int(file.read_text()), signal.SIGKILL)


def test_where_no_complaint_can_be_kept_a_program_is_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(teller.tempfile, "TemporaryFile", full)
    asyncio.run(python("pass")({}))
    with pytest.raises(NotTold, match="ended with status 1"):
        asyncio.run(python("raise SystemExit('no paper')")({}))
