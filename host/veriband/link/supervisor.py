"""Keeps at a band: connect, sync, rest; after a failure try again, later and later."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import tzinfo
from typing import Protocol

from veriband.errors import BandVanished, Unforeseen, VeribandError
from veriband.link.ladder import Ladder
from veriband.link.radio import Radio
from veriband.link.reach import reached
from veriband.link.session import Session
from veriband.link.sync import Synced, UtcMs, sync
from veriband.store import Store
from veriband.store.roster import Band

DEADLINE_S = 300.0  # for a whole attempt, from looking for the band to having left it
ENDING_S = 30.0  # of these, kept for breaking it off
FIRST_RETRY_S = 0.25
LAST_RETRY_S = 60.0
JITTER = 0.3


class Watcher(Protocol):
    """Looks at what has come from a band, after each sync."""

    @property
    def within_s(self) -> float:
        """How soon the band is to be synced again, by what was seen at the last look."""
        ...

    def look(self, now_utc_ms: int) -> Collection[int]:
        """The vital signs (items.VITAL_*) that are to be measured now. Raises VeribandError."""
        ...


class Supervisor:
    """Syncs one band every `every_s` seconds, for as long as `run` runs, and earlier where one of
    the `watchers` wants that; what they want to be measured is asked for.

    The `ladder`, one for all bands, is told how each attempt ended.
    """

    def __init__(
        self,
        radio: Radio,
        store: Store,
        band: Band,
        utc_ms: UtcMs,
        zone: tzinfo,
        *,
        every_s: float = 600.0,
        watchers: Sequence[Watcher] = (),
        ladder: Ladder | None = None,
        rng: random.Random | None = None,
        on_sync: Callable[[Synced], None] = lambda _: None,
        on_trouble: Callable[[VeribandError], None] = lambda _: None,
    ) -> None:
        self._radio = radio
        self._store = store
        self._band = band
        self._utc_ms = utc_ms
        self._zone = zone
        self._every_s = every_s
        self._watchers = watchers
        self._ladder = ladder
        self._rng = rng or random.Random()
        self._on_sync = on_sync
        self._on_trouble = on_trouble
        self._asked: list[int] = []
        self._called = asyncio.Event()

    def ask(self, vital: int) -> None:
        """Have a vital sign (items.VITAL_*) measured as soon as the band can be reached, and what
        it gave fetched: somebody waits for it."""
        if vital not in self._asked:
            self._asked.append(vital)
        self._called.set()

    async def once(self) -> Synced:
        """Find, connect, sync, disconnect, within DEADLINE_S. Raises VeribandError, whatever
        happens."""
        with self._foreseen():
            return await self._once()

    @contextmanager
    def _foreseen(self) -> Generator[None]:
        try:
            yield
        except VeribandError:
            raise
        except Exception as error:
            raise Unforeseen(self._band.address, error) from error

    async def _once(self) -> Synced:
        try:
            async with asyncio.timeout(DEADLINE_S - ENDING_S):
                sleeps = self._store.sleeps(self._band, self._utc_ms())
                async with reached(self._radio, self._band.address, sleeps) as session:
                    synced = await sync(session, self._store, self._band, self._utc_ms, self._zone)
                    await self._look(session)
                    return synced
        except TimeoutError as error:
            raise BandVanished(self._band.address, "a sync that took too long") from error

    async def _look(self, session: Session) -> None:
        """Have measured what is wanted now; the band journals it for the next sync."""
        for look in (self._take_asked, *(watcher.look for watcher in self._watchers)):
            try:
                with self._foreseen():
                    for vital in look(self._utc_ms()):
                        await session.measure(vital)
            except VeribandError as error:  # what was synced is synced
                self._note(error)

    def _take_asked(self, _: int) -> list[int]:
        """What was asked for, which is not asked of the band twice."""
        asked, self._asked = self._asked, []
        if asked:
            self._called.set()  # the next sync, which fetches it, is due at once
        return asked

    async def run(self) -> None:
        """Sync for ever; failures are noted in the store and tried again."""
        retry_s = FIRST_RETRY_S
        while True:
            try:
                synced = await self.once()
            except VeribandError as error:
                self._note(error)
                await self._climb(error)
                wait_s = retry_s * (1 + self._rng.uniform(-JITTER, JITTER))
                retry_s = min(retry_s * 2, LAST_RETRY_S)
            else:
                self._on_sync(synced)
                if self._ladder:
                    self._ladder.synced(self._band.address)
                retry_s = FIRST_RETRY_S
                wait_s = min([self._every_s, *(its.within_s for its in self._watchers)])
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._called.wait()
            self._called.clear()

    async def _climb(self, error: VeribandError) -> None:
        try:
            with self._foreseen():
                if self._ladder:
                    await self._ladder.failed(self._band.address, error)
        except VeribandError as second:
            self._note(second)

    def _note(self, error: VeribandError) -> None:
        note(self._store, self._utc_ms(), self._band, error, self._on_trouble)


def note(
    store: Store,
    utc_ms: int,
    band: Band | None,
    error: VeribandError,
    on_trouble: Callable[[VeribandError], None],
) -> None:
    """Keep a trouble with a band (None: with this computer's radio) in the store, and tell it."""
    try:
        store.notice(utc_ms, band, type(error).__name__, str(error))
    except VeribandError as second:
        on_trouble(second)
    on_trouble(error)
