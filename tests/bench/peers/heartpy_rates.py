"""Heart rates by HeartPy, as its guide has it: scaled, band-passed."""

import warnings

warnings.simplefilter("ignore")

import heartpy  # noqa: E402
import numpy as np  # noqa: E402
from rates import RATE_HZ, ask  # noqa: E402


def rate_of(window: np.ndarray) -> float:
    """The rate in bpm, NaN where it refuses."""
    light = heartpy.scale_data(window)
    try:
        light = heartpy.filter_signal(light, [0.7, 3.5], RATE_HZ, 3, "bandpass")
        return heartpy.process(light, RATE_HZ)[1]["bpm"]
    except (heartpy.exceptions.BadSignalWarning, ValueError, IndexError):
        return np.nan


ask(rate_of)
