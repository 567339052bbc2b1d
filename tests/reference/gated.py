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
    """What heart rates that tell something (0: not worn) say of minutes with these steps."""
    worn = [rate for rate in rates if rate > 0]
    if not worn and sum(rate == 0 for rate in rates) >= 3:
        return "cheating"
    if len(worn) < 3:
        return "suspected"
    mean, cadence = fmean(worn), fmean(steps)
    kmh, low = wearer.expected(cadence)
    if kmh >= 5.5 and wearer.rest_known:
        low = max(low, wearer.rest_bpm + 19)
    if kmh >= 5.5 and mean < low:
        return "cheating"
    if mean <= wearer.rest_bpm + 19 and cadence >= 80:
        return "inconclusive"
    return "cleared"


def judge(
    steps: dict[int, int], rates: dict[int, float], wearer: Wearer
) -> tuple[list[Found], set[int], set[int]]:
    """(suspicions, struck minutes, unverified minutes) of one wearer's minutes.

    `steps` and `rates` by minute, absent where unknown.
    """
    active = {m for m, s in steps.items() if s >= 40}
    exercise = {m: exercise_before(m, active) for m in active}
    telling = {m: r for m, r in rates.items() if r == 0 or exercise.get(m, 0) >= 3}
    found: list[Found] = []
    struck: set[int] = set()
    doubtful: set[int] = set()

    def verdict(begin: int, end: int) -> str:
        minutes = range(begin, end)
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
        take(begin, end + 1, "regular", verdict(begin, end + 1))
    for its in ("cheating", "inconclusive"):
        among = {m for m in active if exercise[m] >= 3} - struck - doubtful
        windows = [range(m, m + 10) for m in among if among.issuperset(range(m, m + 10))]
        windows = [w for w in windows if sum(telling.get(m, 0) > 0 for m in w) >= 3]
        minutes = {m for w in windows if verdict(w.start, w.stop) == its for m in w}
        for begin, end in stretches(minutes):
            take(begin - 3 if exercise[begin] == 3 else begin, end, "effort", its)
    nobody = {m for m in steps if steps[m] > 0 and rates.get(m) == 0} - struck
    for begin, end in stretches(nobody):
        take(begin, end, "not worn", "cheating")
    unverified = {m for m in active - struck if m in doubtful or m not in rates}
    return sorted(found, key=lambda f: f.begin), struck, unverified


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


def exercise_before(minute: int, active: set[int]) -> int:
    """How many active minutes lie before one without a break."""
    before = 0
    while minute - before - 1 in active:
        before += 1
    return before


def stretches(minutes: set[int]) -> list[tuple[int, int]]:
    """(begin, end) of the longest runs of consecutive minutes."""
    return [
        (m, next(k for k in range(m, m + len(minutes) + 1) if k not in minutes))
        for m in sorted(minutes)
        if m - 1 not in minutes
    ]
