"""The rule `gated` again: slow, minute by minute, from the wording of its docstring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

Expected = Callable[[float], tuple[float, float]]


@dataclass(frozen=True)
class Wearer:
    """`expected`: from a cadence to (speed in km/h, lowest heart rate that it needs)."""

    expected: Expected
    rest_bpm: float
    rest_known: bool


@dataclass(frozen=True)
class Found:
    """A suspicion: from minute `begin` to before `end`."""

    begin: int
    end: int
    ground: str
    verdict: str


def verdict_of(steps: list[int], rates: list[float], wearer: Wearer) -> str:
    """What heart rates that tell something say of minutes with these steps."""
    if len(rates) < 3:
        return "suspected"
    mean, cadence = fmean(rates), fmean(steps)
    kmh, low = wearer.expected(cadence)
    if kmh >= 5.5 and wearer.rest_known:
        low = max(low, wearer.rest_bpm + 19)
    if kmh >= 5.5 and mean < low:
        return "cheating"
    if mean <= wearer.rest_bpm + 19:
        return "inconclusive"
    return "cleared"


def judge(
    steps: dict[int, int], rates: dict[int, float], wearer: Wearer
) -> tuple[list[Found], set[int], set[int]]:
    """(suspicions, struck minutes, unverified minutes) of one wearer's minutes.

    `steps` and `rates` by minute, absent where unknown.
    """
    active = {m for m, s in steps.items() if s >= 40}
    exercise = with_breaks(active, set(steps), 2)
    before = {m: minutes_before(m, exercise) for m in exercise}
    warm = {m for m in exercise if before[m] >= 3}
    telling = {m: r for m, r in rates.items() if r > 0 and m in warm}
    found: list[Found] = []
    struck: set[int] = set()
    doubtful: set[int] = set()

    def verdict(minutes: range) -> str:
        return verdict_of(
            [steps[m] for m in minutes], [telling[m] for m in minutes if m in telling], wearer
        )

    def take(begin: int, end: int, ground: str, its: str) -> None:
        found.append(Found(begin, end, ground, its))
        if its == "cheating":
            struck.update(range(begin, end))
        if its in ("suspected", "inconclusive"):
            doubtful.update(range(begin, end))

    for begin, end in stretches(regular_pairs(steps, active)):
        take(begin, end + 1, "regular", verdict(range(begin, end + 1)))
    for its in ("cheating", "inconclusive"):
        among = warm - struck - (doubtful if its == "inconclusive" else set())
        windows = [range(m, m + 10) for m in among if among.issuperset(range(m, m + 10))]
        minutes = {m for w in windows if verdict(w) == its for m in w}
        for begin, end in stretches(minutes):
            take(begin - 3 if before[begin] == 3 else begin, end, "effort", its)
    nobody = {m for m in steps if steps[m] > 0 and rates.get(m) == 0} - struck
    unknown = {m for m in steps if m not in rates}
    together = with_breaks(nobody, set(steps), 5) & (nobody | unknown)
    for begin, end in stretches(together):
        if nobody.intersection(range(begin, end)):
            found.append(Found(begin, end, "not worn", "cheating"))
    struck |= nobody
    unverified = {m for m in active - struck if m in doubtful or m not in rates}
    return sorted(found, key=lambda f: f.begin), struck, unverified


def with_breaks(minutes: set[int], known: set[int], most: int) -> set[int]:
    """`minutes`, and at most `most` known ones in a row between two of them."""
    result = set(minutes)
    for m in minutes:
        for length in range(1, most + 1):
            between = set(range(m + 1, m + 1 + length))
            if m + 1 + length in minutes and between <= known - minutes:
                result |= between
    return result


def regular_pairs(steps: dict[int, int], active: set[int]) -> set[int]:
    """The first minutes of all pairs in windows of 20 pairs of which 18 are within 3 steps."""
    pairs: set[int] = set()
    for m in active:
        window = range(m, m + 20)
        if all(k in active and k + 1 in active for k in window):
            near = sum(abs(steps[k + 1] - steps[k]) <= 3 for k in window)
            if near >= 18:
                pairs.update(window)
    return pairs


def minutes_before(minute: int, exercise: set[int]) -> int:
    """How many minutes of exercise lie right before one."""
    before = 0
    while minute - before - 1 in exercise:
        before += 1
    return before


def stretches(minutes: set[int]) -> list[tuple[int, int]]:
    """(begin, end) of the longest runs of consecutive minutes."""
    return [
        (m, next(k for k in range(m, m + len(minutes) + 1) if k not in minutes))
        for m in sorted(minutes)
        if m - 1 not in minutes
    ]
