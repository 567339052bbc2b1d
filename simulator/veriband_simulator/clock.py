"""The world's clock: an asyncio loop whose time jumps from one deadline to the next."""

from __future__ import annotations

import asyncio
import itertools
import math
import selectors
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from types import FrameType

    from _typeshed import FileDescriptorLike

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_Events = list[tuple[selectors.SelectorKey, int]]


class Deadlock(RuntimeError):
    """Nothing will ever happen again in the world, or its time limit has passed."""


class Stopped(KeyboardInterrupt):
    """The signal `number` asked the world to end: Ctrl-C, SIGTERM, or SIGHUP of a terminal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Deadline(float):
    """A deadline that comes after the equal ones made before it. (The heap of the stock loop
    does not keep the order of equal deadlines, which are the normal case in virtual time.)"""

    __slots__ = ("_order",)
    _order: int

    def __new__(cls, when_s: float, order: int) -> _Deadline:
        self = super().__new__(cls, when_s)
        self._order = order
        return self

    def __lt__(self, other: float, /) -> bool:
        if isinstance(other, _Deadline) and float(self) == float(other):
            return self._order < other._order
        return float(self) < other


class _Selector(selectors.BaseSelector):
    """Watches real files, and leaves it to `wait` how to wait for them."""

    def __init__(self, wait: Callable[[float | None], _Events]) -> None:
        self.real = selectors.DefaultSelector()
        self._wait = wait

    def register(
        self, fileobj: FileDescriptorLike, events: int, data: Any = None
    ) -> selectors.SelectorKey:
        return self.real.register(fileobj, events, data)

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self.real.unregister(fileobj)

    def modify(
        self, fileobj: FileDescriptorLike, events: int, data: Any = None
    ) -> selectors.SelectorKey:
        return self.real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        return self.real.get_map()

    def close(self) -> None:
        self.real.close()

    def select(self, timeout: float | None = None) -> _Events:
        return self._wait(timeout)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop over virtual time, which starts at 0.0 s and only moves when all is done.

    Callbacks of equal deadlines run in the order in which they were scheduled. While a job of
    an executor runs, time stands still. `limit_s` is the virtual time at which a runaway world
    is stopped. `speed` None runs as fast as possible; a number is how many virtual seconds a
    real one holds (when the world's own work takes longer than that, it is caught up).

    Raises ValueError for a limit or a speed that is not positive and finite. Running it raises
    `Deadlock` when the limit is passed, or when no callback, job or file is left to wait for.
    """

    _scheduled: list[asyncio.TimerHandle]  # the base class's heap

    def __init__(self, *, limit_s: float, speed: float | None = None) -> None:
        self._now_s = 0.0
        self._limit_s = limit_s
        self._speed = speed
        self._started_s = time.monotonic()
        self._order = itertools.count()
        self._jobs = 0
        self._files = _Selector(self._wait)
        super().__init__(self._files)
        for value in (limit_s, speed):
            if value is not None and not 0 < value < math.inf:
                self.close()
                raise ValueError(f"limit_s={limit_s}, speed={speed}: must be positive and finite")
        # Just enough for a timer to be due at its own deadline, whatever the rounding.
        self._clock_resolution = 2 * math.ulp(limit_s)
        self._pool = ThreadPoolExecutor(thread_name_prefix="world")
        self.set_default_executor(self._pool)

    def time(self) -> float:
        """The virtual time in seconds."""
        return self._now_s

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As in asyncio; `when` in virtual seconds."""
        deadline = _Deadline(when, next(self._order))
        return super().call_at(deadline, callback, *args, context=context)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As in asyncio; virtual time stands still until the job has ended."""
        job = (executor or self._pool).submit(func, *args)
        self._jobs += 1
        result = asyncio.wrap_future(job, loop=self)
        # Added after the result's own callback: time moves once the result has arrived.
        job.add_done_callback(lambda _: self.call_soon_threadsafe(self._job_ended))
        return result

    def _job_ended(self) -> None:
        self._jobs -= 1

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """As in asyncio, waiting for as long as it takes."""
        self._jobs += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._jobs -= 1

    def _wait(self, timeout_s: float | None) -> _Events:
        """Instead of waiting for `timeout_s`: move the clock to the next deadline."""
        real = self._files.real
        has_files = len(real.get_map()) > 1  # one is the loop's own, to wake it up
        if timeout_s == 0:
            return real.select(0) if has_files else []
        if self._jobs:
            return real.select(None)
        if timeout_s is None:
            if not has_files:
                raise Deadlock(f"at {self._now_s} s the world is idle for ever: {self._waiting()}")
            return self._pace(real.select(None), math.inf)
        deadline_s = float(self._scheduled[0].when())
        if deadline_s > self._limit_s:
            raise Deadlock(f"the limit of {self._limit_s} s has passed: {self._waiting()}")
        if self._speed is not None:
            ahead_s = self._started_s + deadline_s / self._speed - time.monotonic()
            events = real.select(max(ahead_s, 0.0))
            if events:
                return self._pace(events, deadline_s)
        else:
            events = real.select(0)
            if events:
                return events
        self._now_s = deadline_s
        return events

    def _pace(self, events: _Events, most_s: float) -> _Events:
        """A file woke a paced world: move the clock to now, but not beyond `most_s`."""
        if self._speed is not None:
            passed_s = (time.monotonic() - self._started_s) * self._speed
            self._now_s = max(self._now_s, min(passed_s, most_s))
        return events

    def _waiting(self) -> str:
        names = sorted(
            f"{task.get_name()} ({getattr(task.get_coro(), '__qualname__', '?')})"
            for task in asyncio.all_tasks(self)
        )
        return f"waiting are {', '.join(names) or 'no tasks'}"


class _Signals:
    """Ends the world when a signal asks for it, and then raises `Stopped`.

    Main is cancelled in each turn of the loop until it ends, as `asyncio.wait_for` of Python 3.11
    swallows a cancellation that comes at the wrong moment. A signal that is ignored, or that
    somebody else handles, is left alone.
    """

    def __init__(self) -> None:
        self._heard: int | None = None
        self._main: asyncio.Task[Any] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Signals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                handler = signal.getsignal(number)
                if handler in (signal.default_int_handler, signal.SIG_DFL):
                    self._before[number] = handler
                    signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._heard is not None:
            raise Stopped(self._heard)

    def end(self, main: asyncio.Task[Any]) -> None:
        """Cancel `main` when a signal comes, or has come already."""
        self._main = main
        if self._heard is not None:
            main.get_loop().call_soon(self._cancel)

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self._heard is None:
            self._heard = number
            if self._main is not None and not self._main.done():
                self._main.get_loop().call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._main is not None and not self._main.done():
            self._main.cancel()
            self._main.get_loop().call_soon(self._cancel)


async def _end_tasks() -> None:
    """Cancel all other tasks, again and again as a cancellation may be swallowed."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0)


def run(main: Coroutine[Any, Any, T], *, limit_s: float, speed: float | None = None) -> T:
    """Run `main` in a world of its own and return its result: `asyncio.run` in virtual time.

    Tasks left over are cancelled. Ctrl-C, SIGTERM and SIGHUP cancel `main` and raise `Stopped`.
    Raises `Deadlock` as `VirtualLoop` does.
    """
    with (
        _Signals() as signals,
        asyncio.Runner(loop_factory=lambda: VirtualLoop(limit_s=limit_s, speed=speed)) as runner,
    ):
        loop = runner.get_loop()
        task = loop.create_task(main)
        signals.end(task)
        try:
            return loop.run_until_complete(task)
        finally:
            loop.run_until_complete(_end_tasks())
