"""Heart rates by NeuroKit2's default for light (elgendi)."""

import warnings

warnings.simplefilter("ignore")

import neurokit2 as nk  # noqa: E402
import numpy as np  # noqa: E402
from rates import RATE_HZ, ask  # noqa: E402


def rate_of(window: np.ndarray) -> float:
    """The rate in bpm, NaN where it refuses."""
    try:
        light = nk.ppg_clean(window, sampling_rate=RATE_HZ)
        beats = nk.ppg_findpeaks(light, sampling_rate=RATE_HZ)["PPG_Peaks"]
    except (ValueError, IndexError, ZeroDivisionError):
        return np.nan
    return 60 * RATE_HZ / np.diff(beats).mean() if len(beats) >= 3 else np.nan


ask(rate_of)
