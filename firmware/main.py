"""What the board runs after boot.py: the band, and a restart whatever ends it, which is noted."""

import gc
import sys
import time
from asyncio import core  # pyright: ignore[reportAttributeAccessIssue]

import machine

_REST_S = 30  # a band that fails again and again must not wear out its flash

error = None  # a name that is new takes memory, of which there may be none
try:
    from band.app import run

    run()
# A file that is damaged, no memory; Ctrl-C is the developer's.
except Exception as error:  # noqa: F811
    core._task_queue = core._io_queue = core.cur_task = None  # what the tasks hold is free
    gc.collect()
    sys.print_exception(error)
    try:
        from band.notes import Notes
        from band.wiring import motor_off

        motor_off()
        Notes(motor_off).keep_fault(error)
    except Exception as second:
        sys.print_exception(second)
    time.sleep(_REST_S)
machine.reset()
