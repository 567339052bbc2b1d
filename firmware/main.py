"""What the board runs after boot.py: the band, and a restart whatever ends it, which is noted."""

import sys
import time

import machine

_REST_S = 30  # a band that fails again and again must not wear out its flash

try:
    from band.app import run

    run()
except Exception as error:  # a file that is damaged, no memory; Ctrl-C is the developer's
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
