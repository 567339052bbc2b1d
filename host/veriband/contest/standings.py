"""The standings of a contest, from what is stored: the same store gives the same table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import numpy as np

from veriband.analysis.judgement import Judgement, Mark, Verdict
from veriband.contest import seals
from veriband.judge import diary
from veriband.judge.diary import Judged, judged
from veriband.judge.words import Words
from veriband.store import Store
from veriband.store.roster import Contest, Wearer
from veriband.store.store import LATEST
from veriband_protocol.items import MINUTE_MS

LATE_MS = 3_600_000  # what comes later than that after the end, comes late


@dataclass(frozen=True)
class Evidence:
    """What one suspicion rests on: a sentence, and the numbers in it."""

    sentence: str
    numbers: dict[str, Any]

    def row(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {"sentence": self.sentence, **self.numbers}


@dataclass(frozen=True)
class Standing:
    """Where a wearer stands: `claimed` steps, of these `struck` and `unverified`; `counted` are
    the rest, and the unverified where the contest counts them.

    `verdict`: the worst of the suspicions, honest when none is open. `until_utc_ms`: the end of
    the newest minute that came, None where none did.
    """

    wearer: str
    claimed: int
    struck: int
    unverified: int
    counted: int
    verdict: Verdict
    evidence: Sequence[Evidence]
    until_utc_ms: int | None


def standings(
    store: Store, contest: Contest, zone: tzinfo, as_of_utc_ms: int = LATEST
) -> list[Standing]:
    """Everybody in a contest, the first first; what came after `as_of_utc_ms` left out.

    `zone`: of wearers who have none of their own. Raises VeribandError.
    """
    table = [
        _stand(store, contest, wearer, zone, as_of_utc_ms) for wearer in store.entrants(contest)
    ]
    return sorted(table, key=lambda standing: (-standing.counted, standing.wearer))


def places(table: Sequence[Standing]) -> list[tuple[int, Standing]]:
    """Everybody in `standings` with their place, from 1 on; equals share it."""
    first: dict[int, int] = {}
    return [(first.setdefault(its.counted, i), its) for i, its in enumerate(table, 1)]


def judged_in(
    store: Store, contest: Contest, wearer: Wearer, zone: tzinfo, as_of_utc_ms: int = LATEST
) -> Judged:
    """A wearer's minutes in a contest, and the judgement on them. Raises VeribandError."""
    return judged(
        store, wearer, zone, contest.rule, contest.from_utc_ms, contest.to_utc_ms, as_of_utc_ms,
        seals.read if contest.sealed else diary.read,
    )  # fmt: skip


def _stand(
    store: Store, contest: Contest, wearer: Wearer, zone: tzinfo, as_of_utc_ms: int
) -> Standing:
    its = judged_in(store, contest, wearer, zone, as_of_utc_ms)
    minute, steps = its.diary.minute, its.diary.steps
    loose = int(its.diary.loose_steps.sum())
    claimed = int(steps.sum()) + loose
    struck = int(steps[its.marks == Mark.STRUCK].sum())
    unverified = int(steps[its.marks == Mark.UNVERIFIED].sum()) + loose
    counted = claimed - struck - (0 if contest.counts_unverified else unverified)
    evidence = told(
        its.judgement, wearer.name, contest.rule, contest.from_utc_ms, contest.to_utc_ms
    )
    verdicts = {Verdict[item.numbers["verdict"].upper()] for item in evidence}
    open_ones = verdicts & {Verdict.CHEATING, Verdict.SUSPECTED, Verdict.INCONCLUSIVE}
    known = len(minute) or loose
    verdict = max(open_ones, default=Verdict.HONEST if known else Verdict.UNKNOWN)
    until = (int(minute[-1]) + 1) * MINUTE_MS if len(minute) else None
    return Standing(wearer.name, claimed, struck, unverified, counted, verdict, evidence, until)


def told(of: Judgement, name: str, rule: str, from_utc_ms: int, to_utc_ms: int) -> list[Evidence]:
    """What the suspicions rest on that reach into that time."""
    its = of.suspicions
    its = its.take(
        np.flatnonzero((its.begin * MINUTE_MS < to_utc_ms) & (its.end * MINUTE_MS > from_utc_ms))
    )
    exact, clock = Words([name], rule, True), Words([name], rule, False)
    rows = zip(exact.suspicions(its), clock.suspicions(its), strict=True)
    return [Evidence(clock.sentence(naive), row) for row, naive in rows]


def came_late(
    store: Store, contest: Contest, zone: tzinfo, now: Sequence[Standing], now_utc_ms: int
) -> list[str]:
    """What changed the table to `now` more than LATE_MS after the end, in sentences."""
    end_utc_ms = contest.to_utc_ms + LATE_MS
    if now_utc_ms <= end_utc_ms:
        return []
    return late_changes(standings(store, contest, zone, end_utc_ms), now)


def late_changes(before: Sequence[Standing], now: Sequence[Standing]) -> list[str]:
    """A sentence for everybody whose steps, place or verdict differ in two tables of a contest:
    as of LATE_MS after its end and of now."""
    then = {its.wearer: (place, its) for place, its in places(before)}
    changes: list[str] = []
    for place, standing in places(now):
        place_then, was = then[standing.wearer]
        parts = [] if place == place_then else [f"place {place_then} became {place}"]
        if standing.verdict is not was.verdict:
            parts.append(f"{was.verdict.word} became {standing.verdict.word}")
        if (standing.claimed, standing.counted) != (was.claimed, was.counted):
            came = standing.claimed - was.claimed
            parts.insert(0, f"{came} steps came more than an hour after the end")
            parts.insert(1, f"{was.counted} counted became {standing.counted}")
        if parts:
            changes.append(f"{standing.wearer}: {', '.join(parts)}.")
    return changes
