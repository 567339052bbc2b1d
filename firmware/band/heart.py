"""Heart rate from light and the arm's motion: within 31 bits, nothing allocated."""

from array import array

from band.beats import WINDOW, Beats
from band.spectra import BINS, FINE, Spectra
from veriband_protocol import items

LEAST_BPM, MOST_BPM = 40, 220
WORN = 50000  # mean counts at 7.2 mA and 4,096 nA; what comes back without skin is far less
_CLIPPED = 262000  # counts; the converter ends at 262,143
_MOVING = 328  # 0.02 g, in half counts of 16 bits for +-4 g
_LIGHT_MOVES = 16  # half counts; less is the converter's noise
_LEAST_QUALITY = 53  # less is no pulse
_WEAKEST = 16  # in motion a pulse has at least the strongest rhythm's power divided by this
_SLOWEST = 8  # bin; what is below is breath
_ARM_FASTEST = 113  # bin; the double of a fast runner's steps lies above and may be a mirror image
_STEADY = 600  # so much, divided by the rate, may the beats be off the peak: slow hearts vary more
_LOW, _HIGH = 218, 1202  # rates of 40 and 220 a minute
_STEP = 32  # the rate of one step in a window


class Heart:
    """The last estimate's `bpm`, 40-220, and `quality`: how much of the light's rhythm the pulse
    explains, percent. Both are 0 unless it was OK. `moving`: the arm moved.
    """

    def __init__(self) -> None:
        self.bpm = 0
        self.quality = 0
        self.moving = False
        self._spectra = Spectra()
        self.beats = Beats()
        self._power = array("i", bytes(4 * BINS))  # of the light, without the arm's
        self._guards = array("i", bytes(4 * 16))  # rates of the arm
        self._guarded = 0

    def estimate(self, infrared, x, y, z, moved: int, steps: int) -> int:
        """The status that WINDOW samples of infrared counts give, with the first `moved` (128 to
        512) of acceleration over the same time, 16 bits for +-4 g, and the steps made meanwhile.
        """
        self.bpm = self.quality = 0
        total = clipped = 0
        for k in range(WINDOW):
            total += infrared[k]
            clipped += infrared[k] >= _CLIPPED
        if total < WORN * WINDOW:
            return items.STATUS_NOT_WORN
        spectra = self._spectra
        spectra.take(infrared, x, y, z, moved)
        self.moving = spectra.arm_moves >= _MOVING
        self._guarded = 0
        if self.moving:
            self._guard(_STEP * steps)
        if spectra.light_moves >= _LIGHT_MOVES and clipped < WINDOW // 16:
            rate = self._find()
            if self.quality >= _LEAST_QUALITY:
                self.bpm = self._refine(infrared, rate)
            if self.bpm:
                return items.STATUS_OK
            self.quality = 0
        return items.STATUS_MOVING if self.moving else items.STATUS_NO_PULSE

    def _guard(self, counted: int) -> None:
        """Note the rates that the arm may give the light; `counted` is the rate of the steps.

        An arm swings once in two steps. Acceleration shows the swing, the step and the double, and
        any of them may be its strongest rhythm: which one, tell the steps. If they do not, all
        from a quarter to four times that is guarded. What else it shows with a sixteenth of that
        power is, too.
        """
        arm = self._spectra.arm
        top = _SLOWEST
        for k in range(_SLOWEST, _ARM_FASTEST):
            if arm[k - 1] < arm[k] >= arm[k + 1] and arm[k] > arm[top]:
                top = k
        slowest, fastest = _refined(arm, top) // 4, 4 * _refined(arm, top)
        step = fastest // 2
        while step > slowest:
            if abs(step - counted) * 5 <= counted:  # ten seconds of steps count to a tenth or so
                slowest, fastest = step // 2, 2 * step
                break
            step //= 2
        while fastest >= slowest:
            self._add(fastest)
            fastest //= 2
        for k in range(_SLOWEST // 2, BINS - 2):
            if arm[k - 1] < arm[k] >= arm[k + 1] and arm[k] > arm[top] >> 4:
                self._add(_refined(arm, k))

    def _add(self, rate: int) -> None:
        if self._guarded < len(self._guards):
            self._guards[self._guarded] = rate
            self._guarded += 1

    def _is_guarded(self, rate: int) -> bool:
        """Within 8 % of a guarded rate, and 2 % for what both may be wrong."""
        for k in range(self._guarded):
            if abs(rate - self._guards[k]) * 10 <= self._guards[k]:
                return True
        return False

    def _find(self) -> int:
        """The rate that explains most of the light's rhythm, 0 if none does; sets quality."""
        light, power = self._spectra.light, self._power
        total = top = 0
        for k in range(_SLOWEST, BINS):
            power[k] = 0 if self._is_guarded(k * FINE) else light[k]
            total += power[k]
            top = max(top, light[k])
        least = top // _WEAKEST if self._guarded else 0
        best = found = 0
        for k in range(_LOW // FINE, _HIGH // FINE + 2):
            if light[k - 1] < light[k] >= light[k + 1] and light[k] >= least:
                rate = _refined(light, k)
                explained = self._explained(rate)
                if explained > best:
                    best, found = explained, rate
        self.quality = min(100, best // (total // 100 + 1))
        return found

    def _explained(self, rate: int) -> int:
        """The power of a pulse of `rate` and its harmonics; 0 if it may be none.

        A harmonic counts for twice the rhythm itself at most, or half the pulse's rate would
        explain as much. A harmonic of a pulse that the arm hides is no pulse.
        """
        if not _LOW <= rate <= _HIGH or self._is_guarded(rate):
            return 0
        for harmonic in (2, 3):
            if rate > harmonic * _LOW and self._is_guarded(rate // harmonic):
                return 0
        explained = own = self._around(rate)
        for harmonic in (2, 3):
            explained += min(2 * own, self._around(harmonic * rate))
        return explained

    def _refine(self, infrared, rate: int) -> int:
        """The beats a minute at about `rate`; 0 when they turn out to be the arm's."""
        bpm = (3000 * rate + 8192) // 16384
        counted = self.beats.bpm(infrared, rate, self._guards, self._guarded)
        if abs(counted - bpm) * bpm > _STEADY or not LEAST_BPM <= counted <= MOST_BPM:
            return bpm
        return 0 if self._is_guarded(counted * 16384 // 3000) else counted

    def _around(self, rate: int) -> int:
        """The power within two bins of `rate`."""
        middle = (rate + FINE // 2) // FINE
        total = 0
        for k in range(middle - 2, min(middle + 3, BINS)):
            total += self._power[k]
        return total


def _refined(power, k: int) -> int:
    """The rate of the peak at bin k: a parabola's through its three bins."""
    left, right = power[k - 1], power[k + 1]
    bend = 2 * power[k] - left - right
    return k * FINE + (FINE // 2 * (right - left) // bend if bend > 0 else 0)
