"""Light sleep: what asyncio does instead of waiting while the radio is off."""

import time
from asyncio import core  # pyright: ignore[reportAttributeAccessIssue]

from band import lines

_LEAST_MS = 20  # a shorter wait is not worth it


class _Idle(core.IOQueue):
    """asyncio's queue of who waits for events, in which it waits for the next task, too."""

    def __init__(self, allowed) -> None:
        super().__init__()
        self._allowed = allowed

    def wait_io_event(self, dt: int) -> None:
        """Wait `dt` ms (-1: for ever), or until somebody is ready."""
        if dt < _LEAST_MS or not self._allowed() or not lines.may_sleep():
            super().wait_io_event(dt)
            return
        super().wait_io_event(0)
        left = time.ticks_diff(core._task_queue.peek().ph_key, time.ticks_ms())
        if left > 0:  # nobody has become ready
            lines.light_sleep(left)


def when(allowed) -> None:
    """Sleep whenever no task is due and `allowed()`. To be called before any task runs."""
    core._io_queue = _Idle(allowed)
