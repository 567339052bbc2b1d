"""Asks for the heart rate of each window of light: at 100 Hz instead of 25, as peers want it."""

import sys
from collections.abc import Callable

import numpy as np
from measured import measured
from scipy.interpolate import CubicSpline

RATE_HZ = 100


def ask(rate_of: Callable[[np.ndarray], float]) -> None:
    """Put what `rate_of` says (bpm, NaN where it refuses) of the windows in the file that the
    command line names first into the second."""
    path, result = sys.argv[1:]
    windows = np.load(path)
    at = np.arange(windows.shape[1])
    fine = np.arange(0, windows.shape[1] - 1, 25 / RATE_HZ)
    with measured():
        rates = np.array([rate_of(CubicSpline(at, window)(fine)) for window in windows])
    np.save(result, rates)
