"""Our TaskQueue and Task under MicroPython's asyncio: they do what its own C classes do."""

from pathlib import Path

import pytest

from tests.firmware.micropython import run_micropython

VTASK = Path(__file__).parents[2] / "simulator/veriband_simulator/shims/vtask.py"

OURS = f"""
import sys

class Module:
    pass

names = {{"__name__": "vtask"}}
exec(open({str(VTASK)!r}).read(), names)
module = Module()
module.TaskQueue, module.Task = names["TaskQueue"], names["Task"]
sys.modules["_asyncio"] = module
from asyncio import core
names["core"] = core
"""

STORY = """
import asyncio
from asyncio import core

log = []

async def work(name, turns, result=None, error=None):
    for k in range(turns):
        log.append((name, k))
        await asyncio.sleep_ms(0)
    if error:
        raise error
    return result

async def waits(event, name):
    await event.wait()
    log.append((name, "woken"))

async def cancelled(name):
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        log.append((name, "cancelled"))
        raise

async def outer(inner):
    try:
        await inner
    except asyncio.CancelledError:
        log.append(("outer", "saw it"))

async def main():
    log.append(await asyncio.gather(work("a", 2, 1), work("b", 3, 2), work("c", 1, 3)))
    log.append(await asyncio.gather(work("d", 1, error=ValueError("no")), return_exceptions=True))
    event = asyncio.Event()
    tasks = [asyncio.create_task(waits(event, n)) for n in "xyz"]
    await asyncio.sleep_ms(0)
    event.set()
    for task in tasks:
        await task
        log.append((task.state, task.done()))
    quick = asyncio.create_task(work("quick", 0, 7))
    log.append((quick.state, quick.done()))
    await asyncio.sleep_ms(0)
    log.append((quick.state, quick.done(), await quick, quick.state))
    inner = asyncio.create_task(cancelled("inner"))
    task = asyncio.create_task(outer(inner))
    await asyncio.sleep_ms(0)
    await asyncio.sleep_ms(0)
    log.append((task.data is inner, type(inner.state) is core.TaskQueue))
    log.append(task.cancel())
    await task
    log.append((inner.done(), task.cancel()))
    try:
        core.cur_task.cancel()
    except RuntimeError as error:
        log.append(str(error))
    lock = asyncio.Lock()
    async def hold(name):
        async with lock:
            log.append(name)
            await asyncio.sleep_ms(0)
    await asyncio.gather(hold("first"), hold("second"))
    try:
        await asyncio.wait_for(work("late", 10**6), 0)
    except asyncio.TimeoutError:
        log.append("timeout")

asyncio.run(main())
print([e for e in log if not (isinstance(e, tuple) and e[0] == "late")])
"""


def test_asyncio_behaves_as_over_the_c_classes() -> None:
    ours, theirs = run_micropython(OURS + STORY), run_micropython(STORY)
    assert "woken" in ours
    assert "timeout" in ours
    assert ours == theirs


@pytest.mark.parametrize(
    "keys", ["(5, 3, 3, 9, 3)", "(2, 2, 2)", "(1073741820, 5, 1073741823, 1)"]
)
def test_the_queue_is_in_the_order_of_ticks_and_fair(keys: str) -> None:
    """Ticks wrap at 2**30 on the board; here at this build's own period, of which half is used."""
    script = OURS + (
        f"queue, keys = names['TaskQueue'](), {keys}\n"
        "class T:\n    pass\n"
        "for n, key in enumerate(keys):\n"
        "    t = T()\n    t.n = n\n    queue.push(t, key)\n"
        "out = []\n"
        "while queue.peek():\n    out.append((queue.peek().ph_key, queue.pop().n))\n"
        "print(out == sorted(out), len(out))\n"
    )
    length = len(keys.split(","))
    assert run_micropython(script) == f"True {length}\n"
