"""Beats of a pulse whose rate is about known: integers of 31 bits, nothing allocated."""

from array import array

from band.spectra import sine

WINDOW = 256  # infrared samples at 25 Hz: 10.24 s
_SLOW = 16  # samples before and after, whose mean is taken away
_TOP = 2047  # what is left stays within that
_SLOWEST = 147  # a rate, 27 a minute; what is slower went with the mean
_PASSES = 2  # as rhythms are not quite independent of each other within a window
_LEAST_BEATS = 3
_MOST_BEATS = 60  # more are none


class Beats:
    """Counts beats in the light. A rate is in sixteenths of a bin of Spectra."""

    def __init__(self) -> None:
        self._light = array("i", bytes(4 * WINDOW))
        self._sums = array("i", bytes(4 * (WINDOW + 1)))
        self._fall = 0  # of the light, at the last beat that was looked at
        self.at = array("h", bytes(2 * _MOST_BEATS))  # beats, in 32nds of a sample

    def bpm(self, infrared, rate: int, others, count: int) -> int:
        """The mean of the beats a minute in WINDOW counts, when `rate` is about right; 0 when they
        are too few. Before that the rhythms of the first `count` of `others` are taken away.
        """
        self._load(infrared)
        for _ in range(_PASSES):
            for k in range(count):
                if others[k] > _SLOWEST:
                    self._remove(others[k])
        return self._count(rate)

    def _add_up(self, values, less: int) -> None:
        total = 0
        for k in range(WINDOW):
            total += values[k] - less
            self._sums[k + 1] = total

    def _load(self, infrared) -> None:
        light, sums = self._light, self._sums
        self._add_up(infrared, infrared[0])
        most = shift = 0
        for k in range(WINDOW):
            low, high = max(0, k - _SLOW), min(WINDOW, k + _SLOW)
            light[k] = infrared[k] - infrared[0] - (sums[high] - sums[low]) // (high - low)
            most = max(most, abs(light[k]))
        while most >> shift > _TOP:
            shift += 1
        for k in range(WINDOW):
            light[k] >>= shift

    def _remove(self, rate: int) -> None:
        """Take away the wave of that rate, by its least squares."""
        light = self._light
        c = s = 0
        for k in range(WINDOW):
            turn = rate * k + 16 >> 5
            c += light[k] * sine(turn + 64) >> 14
            s += light[k] * sine(turn) >> 14
        c >>= 7
        s >>= 7
        for k in range(WINDOW):
            turn = rate * k + 16 >> 5
            light[k] -= c * sine(turn + 64) + s * sine(turn) >> 14

    def _count(self, rate: int) -> int:
        """A beat is where the light's mean over half a period rises through that over one and a
        half. To the next it is a period or several; an interval that is neither does not count.
        """
        self._add_up(self._light, 0)
        period = 262144 // rate  # in 32nds of a sample, as are the times of beats
        narrow, wide = (period + 64) // 128, (3 * period + 64) // 128
        before = latest = beats = spent = 0
        for k in range(wide, WINDOW - wide):
            now = self._above(k, narrow, wide)
            if before < 0 <= now:
                beat = k * 32 - 32 * now // (now - before)
                periods = max(1, (beat - latest + period // 2) // period)
                if latest and abs(beat - latest - periods * period) * 10 < 3 * period:
                    beats += periods
                    spent += beat - latest
                latest = beat
            before = now
        return (48000 * beats + spent // 2) // spent if beats >= _LEAST_BEATS else 0

    def _above(self, k: int, narrow: int, wide: int) -> int:
        """How far the mean over the near lies above that over the far, times their lengths."""
        sums = self._sums
        near = (sums[k + narrow + 1] - sums[k - narrow]) * (2 * wide + 1)
        return near - (sums[k + wide + 1] - sums[k - wide]) * (2 * narrow + 1)

    def find(self, bpm: int) -> int:
        """Put the beats of the window that `bpm` has counted into `at`; how many.

        A beat is where the light falls most steeply. 0 unless each is a period behind the one
        before, give or take 30 %, and the weakest falls a third as steeply as the strongest: else
        one is missing, or one is none.
        """
        most = 0
        least = _TOP * 2
        period = 48000 // bpm
        narrow, wide = (period + 64) // 128, (3 * period + 64) // 128
        before = count = 0
        for k in range(wide, WINDOW - wide):
            now = self._above(k, narrow, wide)
            if before > 0 >= now:
                beat = self._steepest(k - 1, max(2, period // 128))
                if count and abs(beat - self.at[count - 1] - period) * 10 >= 3 * period:
                    return 0
                self.at[count] = beat
                count += 1
                most, least = max(most, self._fall), min(least, self._fall)
            before = now
        return count if 3 * least >= most else 0

    def _steepest(self, k: int, around: int) -> int:
        """Where between k - around and k + around the light falls most, over three samples."""
        light = self._light
        last = min(WINDOW - 3, k + around)
        k = best = max(3, k - around)
        while k < last:
            k += 1
            if light[k + 1] - light[k - 2] < light[best + 1] - light[best - 2]:
                best = k
        middle = light[best + 1] - light[best - 2]
        left, right = light[best] - light[best - 3], light[best + 2] - light[best - 1]
        self._fall = -middle
        bend = left + right - 2 * middle
        return 32 * best - 16 + (16 * (left - right) // bend if bend > 0 else 0)
