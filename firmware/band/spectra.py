"""The rhythms of the light and of the arm: power spectra within 31 bits, nothing allocated."""

from array import array

BINS = 128  # of 2.93 a minute, the first at 0
FINE = 16  # a rate is in sixteenths of a bin
_SAMPLES = 128  # at 12.5 Hz, in a transform of twice as many
_SIZE = 2 * _SAMPLES
_SLOW = 8  # samples before and after, whose mean is taken away: slower than any pulse
_TOP = 8191  # what goes into the transform stays within that
_SINE = array("h", bytes(2 * (_SIZE + _SIZE // 4)))  # 14 bits, a turn and a quarter
_REVERSED = bytearray(_SIZE)  # where the transform leaves each bin


def _fill() -> None:
    for k in range(len(_SINE)):
        arc = k % _SAMPLES * (_SAMPLES - k % _SAMPLES)
        value = (4 * arc << 14) // (5 * _SAMPLES * _SAMPLES // 4 - arc)  # Bhaskara, good to 0.2 %
        _SINE[k] = -value if k % _SIZE >= _SAMPLES else value
    for k in range(_SIZE):
        _REVERSED[k] = _REVERSED[k >> 1] >> 1 | (k & 1) << 7


_fill()


def sine(turn: int) -> int:
    """14 bits, of 256ths of a turn."""
    return _SINE[turn & 255]


class Spectra:
    """`light` and `arm`: power by bin, each on a scale of its own. `light_moves` and `arm_moves`:
    how far they are from their mean on average, in half counts; of the arm, its liveliest axis.
    """

    def __init__(self) -> None:
        self.light = array("i", bytes(4 * BINS))
        self.arm = array("i", bytes(4 * BINS))
        self.light_moves = 0
        self.arm_moves = 0
        self._re = array("i", bytes(4 * _SIZE))
        self._im = array("i", bytes(4 * _SIZE))
        self._sums = array("i", bytes(4 * (_SAMPLES + 1)))

    def take(self, infrared, x, y, z, moved: int) -> None:
        """Of 256 samples of light and the first `moved` of acceleration over the same time."""
        re, im = self._re, self._im
        self.light_moves = self._load(infrared, 2 * _SAMPLES, re)
        light_most = 3 * self.light_moves
        self.arm_moves = max(
            self._load(x, moved, im), self._load(y, moved, im), self._load(z, moved, im)
        )
        arm_most = 4 * self.arm_moves
        self._load(x, moved, im)
        self._window(re, light_most)
        self._window(im, arm_most)
        self._transform()
        for k in range(BINS):
            i, j = _REVERSED[k], _REVERSED[-k & 255]
            self.light[k] = (re[i] + re[j]) ** 2 + (im[i] - im[j]) ** 2 >> 8
            self.arm[k] = (im[i] + im[j]) ** 2 + (re[i] - re[j]) ** 2 >> 8
        self._load(y, moved, re)
        self._load(z, moved, im)
        self._window(re, arm_most)
        self._window(im, arm_most)
        self._transform()
        for k in range(BINS):
            i, j = _REVERSED[k], _REVERSED[-k & 255]
            self.arm[k] += re[i] ** 2 + im[i] ** 2 + re[j] ** 2 + im[j] ** 2 >> 7

    def _load(self, values, count: int, out) -> int:
        """Twice the means of equal parts of `values`, without what is slow; their mean size."""
        sums = self._sums
        i = at = 0  # `at` in 128ths of a value: parts begin and end within one
        for k in range(_SAMPLES):
            total = 0
            high = at + count
            while at < high:
                to = min(high, (i + 1) * _SAMPLES)
                total += values[i] * (to - at)
                at = to
                i = at // _SAMPLES
            out[k] = 2 * total // count
            sums[k + 1] = sums[k] + out[k]
        size = 0
        for k in range(_SAMPLES):
            low, high = max(0, k - _SLOW), min(_SAMPLES, k + _SLOW)
            out[k] -= (sums[high] - sums[low]) // (high - low)
            size += abs(out[k])
        return size // _SAMPLES

    @staticmethod
    def _window(out, most: int) -> None:
        """Clip to `most`, make that nearly _TOP, and fade both ends in and out (Hann)."""
        shift = 0
        while most >> shift > _TOP:
            shift += 1
        while shift <= 0 < most << -shift <= _TOP // 2:
            shift -= 1
        for k in range(_SAMPLES):
            value = max(-most, min(most, out[k]))
            value = value >> shift if shift > 0 else value << -shift
            fade = (16384 - _SINE[2 * k + 1 + _SIZE // 4]) >> 1
            out[k] = value * fade >> 14
            out[k + _SAMPLES] = 0

    def _transform(self) -> None:
        """In place, decimating in frequency; all but the first two of the stages halve."""
        re, im, sine = self._re, self._im, _SINE
        span, step = _SAMPLES, 1
        while span:
            down = 1 if span < _SAMPLES // 2 else 0
            for j in range(span):
                c, s = sine[j * step + _SIZE // 4], sine[j * step]
                a = j
                while a < _SIZE:  # a range of such steps would be allocated
                    b = a + span
                    u, v = re[a] - re[b], im[a] - im[b]
                    re[a] = (re[a] + re[b]) >> down
                    im[a] = (im[a] + im[b]) >> down
                    re[b] = (u * c + v * s) >> 14 + down
                    im[b] = (v * c - u * s) >> 14 + down
                    a = b + span
            span >>= 1
            step <<= 1
