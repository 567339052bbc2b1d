"""The virtual clock: order, jumps, deadlocks, executors, interruption, pace."""

import asyncio
import os
import signal
import threading
import time

import pytest

from veriband_simulator import clock
from veriband_simulator.clock import Deadlock, Stopped, VirtualLoop, run


def test_time_starts_at_zero_and_jumps_exactly():
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        times = [loop.time()]
        for at_s in (0.1, 86_400.0, 86_400.3):
            await asyncio.sleep(at_s - loop.time())
            times.append(loop.time())
        return times

    began = time.monotonic()
    assert run(main(), limit_s=90_000) == [0.0, 0.1, 86_400.0, 86_400.3]
    assert time.monotonic() - began < 30


def test_equal_deadlines_fire_in_the_order_of_their_scheduling():
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        fired: list[int] = []
        for number in range(50):
            loop.call_at(1.0, fired.append, number)
        early = loop.call_at(0.5, lambda: loop.call_at(1.0, fired.append, 50))
        assert early.when() == 0.5
        await asyncio.sleep(2)
        return fired

    assert run(main(), limit_s=10) == list(range(51))


def test_a_world_that_is_idle_for_ever_is_a_deadlock_that_names_who_waits():
    async def main() -> None:
        await asyncio.sleep(3)
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match=r"at 3.0 s .* idle .*main"):
        run(main(), limit_s=10)


def test_the_limit_stops_a_runaway_world():
    async def main() -> None:
        while True:
            await asyncio.sleep(60)

    with pytest.raises(Deadlock, match="limit of 3600 s"):
        run(main(), limit_s=3600)


def test_left_over_tasks_are_cancelled():
    ended: list[str] = []

    async def left() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append("left")

    async def main() -> None:
        task = asyncio.create_task(left())
        await asyncio.sleep(1)
        assert not task.done()

    run(main(), limit_s=10)
    assert ended == ["left"]


def test_time_stands_still_while_a_job_runs_in_a_thread():
    release = threading.Event()

    def job() -> str:
        release.wait(10)
        return threading.current_thread().name

    async def main() -> tuple[float, list[float]]:
        loop = asyncio.get_running_loop()
        ticks: list[float] = []

        async def tick() -> None:
            while True:
                await asyncio.sleep(1)
                ticks.append(loop.time())

        ticking = asyncio.create_task(tick())
        await asyncio.sleep(2.5)
        threading.Timer(0.05, release.set).start()
        name = await asyncio.to_thread(job)
        assert name != threading.main_thread().name
        after_s = loop.time()
        ticking.cancel()
        return after_s, ticks

    assert run(main(), limit_s=100) == (2.5, [1.0, 2.0])


def test_a_cancelled_job_holds_time_until_it_has_ended():
    release = threading.Event()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        threading.Timer(0.05, release.set).start()
        job = asyncio.ensure_future(asyncio.to_thread(release.wait, 10))
        await asyncio.sleep(0)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        await asyncio.sleep(1)
        assert release.is_set()
        return loop.time()

    assert run(main(), limit_s=100) == 1.0


def test_a_left_over_task_that_swallows_a_cancellation_is_ended():
    swallowed: list[bool] = []

    async def left() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            swallowed.append(True)
        await asyncio.sleep(1000)

    async def main() -> None:
        task = asyncio.create_task(left())
        await asyncio.sleep(1)
        assert not task.done()

    run(main(), limit_s=10)
    assert swallowed == [True]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("speed", [None, 1.0])
def test_a_signal_cancels_main_and_is_raised(speed: float | None, number: signal.Signals):
    cancelled: list[bool] = []

    async def main() -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        try:
            while True:
                await asyncio.sleep(0.01 if speed is None else 3600)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    before = signal.getsignal(number)
    with pytest.raises(Stopped) as stopped:
        run(main(), limit_s=1e9, speed=speed)
    assert stopped.value.number == number
    assert cancelled == [True]
    assert signal.getsignal(number) == before


def test_ctrl_c_ends_a_main_that_swallows_a_cancellation():
    swallowed: list[bool] = []

    async def main() -> None:
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            swallowed.append(True)
        await asyncio.sleep(1)

    with pytest.raises(Stopped):
        run(main(), limit_s=10)
    assert swallowed == [True]


def test_ctrl_c_while_the_loop_is_made_ends_the_world(monkeypatch: pytest.MonkeyPatch):
    def interrupted(**options: float) -> VirtualLoop:
        signal.raise_signal(signal.SIGINT)
        return VirtualLoop(**options)

    async def main() -> None:
        await asyncio.sleep(1)
        raise AssertionError("it lives on")

    monkeypatch.setattr(clock, "VirtualLoop", interrupted)
    with pytest.raises(Stopped):
        run(main(), limit_s=10)


def test_a_signal_that_is_ignored_stays_ignored():
    async def main() -> str:
        signal.raise_signal(signal.SIGHUP)
        await asyncio.sleep(1)
        return "alive"

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run(main(), limit_s=10) == "alive"
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_paced_world_takes_its_real_time_and_no_less():
    async def main() -> float:
        for _ in range(100):
            await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert run(main(), limit_s=1000, speed=1000) == 100.0
    assert time.monotonic() - began >= 0.1


def test_a_paced_world_serves_real_sockets():
    async def main() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            answer = await reader.read()
            writer.close()
            return answer

    assert run(main(), limit_s=1e6, speed=10) == b"hello\n"


@pytest.mark.parametrize("limit_s", [0.0, -1.0, float("inf"), float("nan")])
def test_a_limit_must_be_a_limit(limit_s: float):
    with pytest.raises(ValueError, match="limit_s"):
        VirtualLoop(limit_s=limit_s)
