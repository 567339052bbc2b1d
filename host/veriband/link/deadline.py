"""Deadlines that hold: whatever is awaited, the one who waits goes on in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")

GRACE_S = 5.0  # for what is cancelled to clean up
_running: set[asyncio.Future[Any]] = set()  # asyncio itself only has weak references


async def within(seconds: float, work: Awaitable[T]) -> T:
    """Await `work`. Raises TimeoutError after `seconds`, at the latest GRACE_S after them.

    It is cancelled then, as when the one who waits is cancelled; if that does not end it, it is
    cancelled once more and left behind.
    """
    task = started(work)
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


def started(work: Awaitable[T]) -> asyncio.Future[T]:
    """`work` as a task that may be left behind: it is kept, and its error may go unseen."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_forget)
    return task


def _forget(task: asyncio.Future[Any]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # or asyncio would log what nobody waits for any more
