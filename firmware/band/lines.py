"""Lines to ground, pulled up: an edge calls, and a low one can wake the band from light sleep."""

import esp32
import machine
from machine import Pin

_EDGES = Pin.IRQ_FALLING | Pin.IRQ_RISING

_lines = []  # [pin, what an edge calls, its level before the last sleep]
_wakers = []  # pins


def watch(number: int, on_edge, wakes: bool = False) -> Pin:
    """The pin, whose edges call `on_edge(pin)` from now on; if it `wakes`, its low level does."""
    pin = Pin(number, Pin.IN, Pin.PULL_UP)
    pin.irq(on_edge, _EDGES)
    _lines.append([pin, on_edge, 1])
    if wakes:
        _wakers.append(pin)
        esp32.wake_on_gpio(_wakers, esp32.WAKEUP_ALL_LOW)
    return pin


def light_sleep(ms: int) -> None:
    """Sleep for `ms`, or until a line that wakes goes low; the radio must be off.

    Edges are not seen meanwhile: a line whose level has changed calls afterwards.
    """
    for line in _lines:
        line[2] = line[0].value()
    # The port has a line that wakes interrupt as long as it is low, for good.
    state = machine.disable_irq()
    try:
        machine.lightsleep(ms)
        for pin, on_edge, _ in _lines:
            pin.irq(on_edge, _EDGES)
    finally:
        machine.enable_irq(state)
    for pin, on_edge, level in _lines:
        if pin.value() != level:
            on_edge(pin)


def may_sleep() -> bool:
    """Whether nobody presses, which would wake the band at once."""
    for pin in _wakers:
        if not pin.value():
            return False
    return True
