"""The two classes of `_asyncio` in virtual time: the run queue and the task.

Written from MicroPython's documented behaviour; the C classes read the real clock.
"""

from time import ticks_diff, ticks_ms

core = None  # asyncio.core, once it is loaded


class TaskQueue:
    """Tasks by the tick at which they are due; equal ones come out first in, first out."""

    def __init__(self) -> None:
        self._tasks = []

    def peek(self):
        """The earliest task, or None."""
        return self._tasks[0] if self._tasks else None

    def push(self, task, ticks=None) -> None:
        """Put in `task`, due at `ticks` (None: now)."""
        task.data = None
        task.ph_key = ticks_ms() if ticks is None else ticks
        tasks = self._tasks
        at = len(tasks)
        while at and ticks_diff(tasks[at - 1].ph_key, task.ph_key) > 0:
            at -= 1
        tasks.insert(at, task)

    def pop(self):
        """Take out the earliest task."""
        return self._tasks.pop(0)

    def remove(self, task) -> None:
        """Take out `task`."""
        self._tasks.remove(task)


class Task:
    """A coroutine and where it stands.

    state: True while it runs and nobody waits for it, a TaskQueue of those who wait, None once it
    ended unseen, False once somebody has seen that.
    data: the exception to throw in or that it ended with, or what it waits in.
    """

    def __init__(self, coro, globals=None) -> None:
        self.coro = coro
        self.data = None
        self.state = True
        self.ph_key = 0

    def done(self) -> bool:
        """Whether it ended."""
        return not self.state

    def __iter__(self):
        if self.state is True:
            self.state = TaskQueue()
        elif not self.state:
            self.state = False
        elif not isinstance(self.state, TaskQueue):
            raise RuntimeError("somebody else waits for this task")
        return self

    def __next__(self):
        if not self.state:
            raise self.data
        waiter = core.cur_task
        self.state.push(waiter)
        waiter.data = self

    def cancel(self) -> bool:
        """Throw CancelledError into it, or into the task that it waits for; False if it ended."""
        if self.done():
            return False
        if self is core.cur_task:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):
            task = task.data
        queue = task.data if hasattr(task.data, "remove") else core._task_queue
        queue.remove(task)
        core._task_queue.push(task)
        task.data = core.CancelledError
        return True
