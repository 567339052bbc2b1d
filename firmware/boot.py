"""What the board runs first: the motor is off, and there is room for the radio."""

import gc

from band import wiring

wiring.motor_off()
gc.collect()
gc.threshold(16384)
