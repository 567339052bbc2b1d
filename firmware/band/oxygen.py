"""Oxygen saturation from red and infrared light: within 31 bits, nothing allocated.

How much more of the red light than of the infrared each beat takes away is the ratio of ratios,
R = (AC red / DC red) / (AC infrared / DC infrared). SpO2 = 110 - 25 R, the usual linear curve
(J. G. Webster, Design of Pulse Oximeters, 1997). NOT CALIBRATED: which curve is right depends on
the LEDs and the housing. Maxim's for its reference design and for the MAX32664 lie up to 5 points
away, and an oximeter is calibrated on people (Maxim application note 6845).
"""

from array import array

from band.beats import WINDOW
from veriband_protocol import items

_CLIPPED = 262000  # counts; the converter ends at 262,143
_DARK = 10000  # mean counts of red; less is no light from the skin
_NARROW = 1  # samples before and after, whose mean is kept
_WIDE = 16  # samples before and after, whose mean is taken away: breath, and what is slower
_TOP = 511  # what is left stays within that
_WEAKEST = 6283  # a pulse is 0.05 % of the light or more, pi times what it moves on average
_LEAST_QUALITY = 60  # less is not the pulse alone
_LEAST, _MOST = 300, 1600  # R in thousandths; beyond 0.4 it is 100 %, 1.6 is 70 %


class Oxygen:
    """The last estimate's `status`, items.STATUS_*; `percent`, 70-100, and `quality`: how much of
    the red light's movement is the infrared's, percent. Both are 0 unless it was OK.
    """

    def __init__(self) -> None:
        self.refuse(items.STATUS_NO_SENSOR)
        self._sums = array("i", bytes(4 * (WINDOW + 1)))

    def refuse(self, status: int) -> None:
        """There is none, for that reason."""
        self.status = status
        self.percent = self.quality = 0

    def estimate(self, red, infrared) -> None:
        """Of WINDOW counts of both, in which a pulse was found while the arm was still. Leaves
        nothing of them but the pulse."""
        self.refuse(items.STATUS_NO_PULSE)
        red_mean, mean = self._filter(red), self._filter(infrared)
        if red_mean < _DARK or mean < _DARK:
            return
        moves = most = 0
        for k in range(WINDOW):
            moves += abs(infrared[k])
            most = max(most, abs(infrared[k]), abs(red[k]))
        if moves // WINDOW < mean // _WEAKEST:
            return
        self.refuse(items.STATUS_FAILED)
        shift = 0
        while most >> shift > _TOP:
            shift += 1
        self._compare(red, infrared, shift, (mean << 10) // red_mean)

    def _compare(self, red, infrared, shift: int, brighter: int) -> None:
        """Red beside infrared, by least squares; infrared is `brighter` / 1024 times as bright."""
        own = both = reds = 0
        for k in range(WINDOW):
            i, r = infrared[k] >> shift, red[k] >> shift
            own += i * i
            both += i * r
            reds += r * r
        while max(own, reds) >> 20:
            own >>= 1
            both >>= 1
            reds >>= 1
        if both <= 0 or own == 0 or reds == 0 or both // own >= 16:
            return
        share = both * 1000 // own
        quality = min(100, share * (both * 1000 // reds) // 10000)
        ratio = (share * brighter) >> 10
        if quality >= _LEAST_QUALITY and _LEAST <= ratio <= _MOST:
            self.status = items.STATUS_OK
            self.percent = min(100, (110500 - 25 * ratio) // 1000)
            self.quality = quality

    def _filter(self, light) -> int:
        """Leave what changes as fast as a pulse; the mean counts, 0 where many are clipped."""
        sums = self._sums
        first, total, clipped = light[0], 0, 0
        for k in range(WINDOW):
            total += light[k] - first
            sums[k + 1] = total
            clipped += light[k] >= _CLIPPED
        for k in range(WINDOW):
            low, high = max(0, k - _NARROW), min(WINDOW, k + _NARROW + 1)
            near = (sums[high] - sums[low]) // (high - low)
            low, high = max(0, k - _WIDE), min(WINDOW, k + _WIDE + 1)
            light[k] = near - (sums[high] - sums[low]) // (high - low)
        return 0 if clipped >= WINDOW // 16 else first + total // WINDOW
