"""Runs tasks: what fails in one ends them all, and one that hangs lets the watchdog bite."""

import asyncio


class Bell:
    """What a task waits for: an asyncio.ThreadSafeFlag, at which it also answers the roll."""

    def __init__(self) -> None:
        self.on_answer = lambda: None
        self.is_awaited = False  # the roll was called, and nobody has answered here yet
        self._flag = asyncio.ThreadSafeFlag()
        self._rings = False

    def set(self) -> None:
        """Ring; in an interrupt, too."""
        self._rings = True
        self._flag.set()

    def call(self) -> None:
        """Have the task that waits here answer, now or as soon as it comes to wait."""
        self.is_awaited = True
        self._flag.set()

    async def wait(self) -> None:
        """Wait until it rings."""
        self._answer()
        while not self._rings:
            await self._flag.wait()
            self._answer()
        self._rings = False

    def _answer(self) -> None:
        if self.is_awaited:
            self.is_awaited = False
            self.on_answer()


class Roll:
    """Has the watchdog fed once those at all `bells` have answered a call."""

    def __init__(self, feed, *bells) -> None:
        self._feed = feed
        self._bells = bells
        for bell in bells:
            bell.on_answer = self._answered

    def call(self) -> None:
        """Call them all. They answer in the same wake-up; who is busy does as soon as he waits."""
        for bell in self._bells:
            bell.call()

    def _answered(self) -> None:
        for bell in self._bells:
            if bell.is_awaited:
                return
        self._feed()


async def run(*tasks) -> None:
    """Run `tasks` and those that they begin; raises what the first one that fails raises."""
    asyncio.get_event_loop().set_exception_handler(_fail)
    await asyncio.gather(*tasks)


def begin(task, most_ms: int) -> None:
    """Run a task that answers no roll; one that takes longer fails, and ends them all."""
    asyncio.create_task(asyncio.wait_for_ms(task, most_ms))


def _fail(_, context) -> None:
    raise context["exception"]
