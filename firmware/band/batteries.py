"""The battery in the case and the coin cell on the strip: their voltages, and when one is low."""

from machine import ADC, Pin

from veriband_protocol import battery, items

# mV below which one is low, and above which it is low no more.
_CASE = (3500, 3600)  # lithium polymer: about a tenth is left
_CELL = (2600, 2700)  # a lithium coin cell, 3 V: the last tenth
_DIVIDER = 2  # two equal resistors


class Batteries:
    """The case's by `gauge`, the cell of what is in `strip` at ADC `pin`, told in `record`."""

    def __init__(self, gauge, pin: int, strip, record) -> None:
        self.case_mv = self.cell_mv = 0  # 0: not known
        self.percent = None
        self._gauge = gauge
        self._adc = ADC(Pin(pin), atten=ADC.ATTN_11DB)
        self._strip = strip
        self._record = record
        self._low = {}

    def measure(self) -> None:
        """Measure both."""
        try:
            self.percent = self._gauge.percent()
            self.case_mv = self._gauge.cell_mv()
        except OSError:
            pass  # the last that is known stands
        self.cell_mv = self._adc.read_uv() * _DIVIDER // 1000 if self._strip.is_in() else 0
        self._tell(battery.CASE, self.case_mv, *_CASE)
        self._tell(battery.CELL, self.cell_mv, *_CELL)

    def case_is_low(self) -> bool:
        """Whether the motor would drain what the rest needs."""
        return self._low.get(battery.CASE, False)

    def _tell(self, which: int, mv: int, low_mv: int, good_mv: int) -> None:
        """Journal a battery that has become low, once."""
        was_low = self._low.get(which, False)
        is_low = 0 < mv < (good_mv if was_low else low_mv)
        self._low[which] = is_low or (was_low and not mv)
        if is_low and not was_low:
            self._record.event(items.EVENT_LOW_BATTERY, battery.pack_battery(which, mv))
