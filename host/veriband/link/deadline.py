"""Deadlines that hold: whatever is awaited, the one who waits goes on in time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

GRACE_S = 5.0  # for what is cancelled to clean up
_running: set[asyncio.Task[Any]] = set()  # asyncio itself only has weak references


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`. Raises TimeoutError after `seconds`, at the latest GRACE_S after them.

    It is cancelled then, as when the one who waits is cancelled; if that does not end it, it is
    cancelled once more and left behind.
    """
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_forget)
    try:
        await asyncio.wait((task,), timeout=seconds)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,), timeout=GRACE_S)
            task.cancel()


def _forget(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # what nobody waits for any more need not be logged
