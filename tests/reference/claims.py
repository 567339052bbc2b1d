"""The rule of CN 108332770 A, claims 2 and 3, again: slow, written from the claims' wording alone.

A day in consecutive segments; the differences of adjacent increments in turn; one largest and one
smallest removed; those left that are within the step threshold counted; more than the count
threshold is suspected. A heart rate of zero: not worn, cheating. Else from the steps to the speed
to its heart-rate range: outside is cheating.
"""

from collections.abc import Callable

Range = Callable[[int], tuple[float, float]]


def segment(minutes: dict[int, int], rates: dict[int, float], hour: int, range_of: Range) -> str:
    """The verdict on the hour that begins at minute 60 * `hour`.

    `minutes`: steps by minute, absent where there is no reading; `rates`: heart rates by minute,
    absent where unknown; `range_of`: from the segment's steps to (low, high).
    """
    increments = []
    for m in range(59):
        if 60 * hour + m not in minutes:
            return "unknown"
        increments.append(minutes[60 * hour + m])
    differences = []
    for i in range(1, len(increments)):
        differences.append(increments[i] - increments[i - 1])
    differences.remove(max(differences))
    differences.remove(min(differences))
    count = 0
    for difference in differences:
        if -3 <= difference <= 3:
            count += 1
    if not count > 49:
        return "honest"
    readings = [rates[60 * hour + m] for m in range(60) if 60 * hour + m in rates]
    if not readings:
        return "suspected"
    worn = [reading for reading in readings if reading != 0]
    if not worn:
        return "cheating"
    mean = sum(worn) / len(worn)
    low, high = range_of(sum(increments))
    return "cheating" if mean < low or mean > high else "cleared"
