"""The store in a thread of its own: read only where it has changed since the last look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from veriband.errors import StoreError
from veriband.store import Store

MOST_KEPT = 32  # views

P = ParamSpec("P")
T = TypeVar("T")


class Reader:
    """Views of the store at `path`: what functions of it and of hashable things give.

    SQLite wants a connection to stay in its thread, and a server cannot wait for a judgement.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "store")
        self._store: Store | None = None
        self._file: tuple[int, ...] = ()
        self._changes = 0
        self._kept: dict[Hashable, Any] = {}

    async def look(
        self, view: Callable[Concatenate[Store, P], T], *about: P.args, **_: P.kwargs
    ) -> T:
        """What `view` gives of the store as it is now. Raises what it does, and StoreError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._look, view, about)

    async def change(
        self, action: Callable[Concatenate[Store, P], T], *about: P.args, **_: P.kwargs
    ) -> T:
        """What `action` gives, done with the store opened for writing. Raises as `look`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._change, action, about)

    def _change(self, action: Callable[..., T], about: tuple[Any, ...]) -> T:
        self._opened()  # or a store that went away would be made anew
        with closing(Store(self._path)) as store:
            return action(store, *about)

    def _look(self, view: Callable[..., T], about: tuple[Any, ...]) -> T:
        try:
            store = self._opened()
            changes = store.changes()
            if changes != self._changes or len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._changes = changes
            key = (view, about)
            if key not in self._kept:
                self._kept[key] = view(store, *about)
            return self._kept[key]
        except StoreError:
            self._close()  # it is opened anew the next time
            raise

    def _opened(self) -> Store:
        """The store; opened anew when another file lies at its path."""
        try:
            its = self._path.stat()
        except OSError as error:
            raise StoreError(
                f"The store {self._path} cannot be read: {error.strerror}. Put it back."
            ) from error
        # One that cannot be written here does not tell its changes, but its file's time does.
        file = (its.st_dev, its.st_ino, its.st_mtime_ns)
        if self._store is None or file != self._file:
            self._close()
            self._store, self._file = Store(self._path, reading=True), file
        return self._store

    def _close(self) -> None:
        self._kept.clear()
        if self._store is not None:
            self._store.close()
            self._store = None
