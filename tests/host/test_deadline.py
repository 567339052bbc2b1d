"""Deadlines hold for what does not care about them."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from veriband.link.deadline import GRACE_S, within
from veriband_simulator import clock


def play(story: Coroutine[Any, Any, None]) -> None:
    clock.run(story, limit_s=3600)


async def stubborn(cancellations: list[float], most: int) -> None:
    """Never ends by itself, and only at the cancellation after the first `most`."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancellations.append(asyncio.get_running_loop().time())
            if len(cancellations) > most:
                raise


@pytest.mark.parametrize(
    ("most", "ends_s", "cancelled_s"),
    [
        (0, 10.0, [10.0]),
        (1, 10.0 + GRACE_S, [10.0, 10.0 + GRACE_S]),
        (2, 10.0 + GRACE_S, [10.0, 10.0 + GRACE_S]),
    ],
)
@pytest.mark.parametrize("how", ["deadline", "cancelled"])
def test_who_waits_goes_on_in_time(
    most: int, ends_s: float, cancelled_s: list[float], how: str
) -> None:
    async def story() -> None:
        cancellations: list[float] = []
        waiting = asyncio.create_task(
            within(10.0 if how == "deadline" else 1000.0, stubborn(cancellations, most))
        )
        if how == "cancelled":
            asyncio.get_running_loop().call_later(10.0, waiting.cancel)
        with pytest.raises(TimeoutError if how == "deadline" else asyncio.CancelledError):
            await waiting
        assert asyncio.get_running_loop().time() == ends_s
        await asyncio.sleep(60)
        assert cancellations == cancelled_s

    play(story())


def test_what_is_done_in_time_is_given_back_as_it_is() -> None:
    async def failing() -> None:
        await asyncio.sleep(1)
        raise KeyError("its own")

    async def story() -> None:
        assert await within(10, asyncio.sleep(1, "result")) == "result"
        with pytest.raises(KeyError, match="its own"):
            await within(10, failing())
        assert asyncio.get_running_loop().time() == 2

    play(story())
