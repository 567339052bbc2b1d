"""Tells terminals what is owed to them, again and again until they confirm."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from datetime import tzinfo
from typing import IO, Any

from veriband.alerts.book import Book, Owed
from veriband.alerts.words import telling
from veriband.errors import VeribandError
from veriband.store import Store

PROGRAM_S = 60.0  # for a program, or it is killed and has failed
LONGEST_S = 60.0  # between two looks at what is due: this computer may have slept
MOST_OUTPUT = 200  # characters of what a program says about its failure

Terminal = Callable[[Mapping[str, Any]], Awaitable[None]]


class NotTold(VeribandError):
    """A terminal could not be told."""


def program(command: Sequence[str]) -> Terminal:
    """A terminal that is a program: it gets each telling as JSON at its standard input, and has
    confirmed when it ends with status 0."""

    async def tell(telling: Mapping[str, Any]) -> None:
        with _complaints() as said:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=said or asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                raise NotTold(f"{command[0]} cannot be run: {error.strerror}") from error
            try:
                async with asyncio.timeout(PROGRAM_S):
                    await process.communicate(json.dumps(telling).encode())
            except TimeoutError as error:
                raise NotTold(f"{command[0]} did not end within {PROGRAM_S:g} s") from error
            finally:
                if process.returncode is None:
                    _kill(process)
                    await process.wait()
            if process.returncode:
                why = _end_of(said).strip()[-MOST_OUTPUT:]
                raise NotTold(f"{command[0]} ended with status {process.returncode}: {why}")

    return tell


@contextlib.contextmanager
def _complaints() -> Generator[IO[bytes] | None]:
    """Where a program complains; None on a full disk. No pipe, which whatever it leaves behind
    would hold open: asyncio waits for its end, not only for the program's."""
    with contextlib.ExitStack() as stack:
        file = None
        with contextlib.suppress(OSError):
            file = stack.enter_context(tempfile.TemporaryFile())
        yield file


def _end_of(said: IO[bytes] | None) -> str:
    if said is None:
        return ""
    said.seek(max(0, said.seek(0, os.SEEK_END) - 4 * MOST_OUTPUT))
    return said.read().decode(errors="replace")


def _kill(process: Process) -> None:
    """End a program, and on POSIX what it has begun: a shell's commands outlive the shell."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


class Teller:
    """Tells the `terminals`, by name, for as long as `run` runs; those of other names confirm by
    themselves. `zone`: of wearers who have none of their own. `on_look` is called whenever it has
    looked at what is due, at least every LONGEST_S."""

    def __init__(
        self,
        store: Store,
        book: Book,
        terminals: Mapping[str, Terminal],
        zone: tzinfo,
        utc_ms: Callable[[], int],
        on_trouble: Callable[[str], None] = lambda _: None,
        on_look: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._book = book
        self._terminals = terminals
        self._zone = zone
        self._utc_ms = utc_ms
        self._on_trouble = on_trouble
        self._on_look = on_look
        self._news = asyncio.Event()
        self._told: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Look now: something was observed."""
        self._news.set()

    async def run(self) -> None:
        """Tell for ever. A store that cannot be written is told of and tried again."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                wait_s = LONGEST_S
                try:
                    wait_s = self._look(group)
                except VeribandError as error:
                    self._on_trouble(str(error))
                self._on_look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._news.wait()

    def _look(self, group: asyncio.TaskGroup) -> float:
        """Let alerts go on, and tell each terminal that is not being told something already; how
        many seconds to wait then."""
        now_ms = self._utc_ms()
        due_ms = self._book.advance(now_ms)
        for owed in self._book.owed(now_ms):
            name = owed.terminal
            if name in self._terminals and (name not in self._told or self._told[name].done()):
                self._told[name] = group.create_task(self._tell(owed))
        next_ms = [ms for ms in (due_ms, self._book.next_owed_ms(now_ms)) if ms is not None]
        return min([LONGEST_S, *(max(ms - now_ms, 0) / 1000 for ms in next_ms)])

    async def _tell(self, owed: Owed) -> None:
        number, version = owed.entry.number, owed.entry.alert.version
        try:
            try:
                await self._terminals[owed.terminal](self._telling(owed))
            except NotTold as error:
                self._on_trouble(f"{owed.terminal} was not told of alert {number}: {error}")
                self._book.failed(owed, self._utc_ms(), str(error))
            else:
                self._book.delivered(number, owed.terminal, version, self._utc_ms())
        except VeribandError as error:  # of the store: it is owed still
            self._on_trouble(str(error))
        else:
            self.wake()

    def _telling(self, owed: Owed) -> Mapping[str, Any]:
        wearer = next((w for w in self._store.wearers() if w.id == owed.entry.cause.wearer), None)
        if wearer is None:
            return telling(owed, None, self._zone)
        return telling(owed, wearer.name, wearer.zone_or(self._zone))
