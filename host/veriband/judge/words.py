"""A judgement as rows for programs, and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isnan
from typing import Any

import numpy as np

from veriband.analysis.claims import COUNT_THRESHOLD
from veriband.analysis.judgement import Ground, Judgement, Suspicions, Verdict
from veriband.analysis.segments import HOUR, Ints
from veriband.minutes.table import Reason
from veriband.terminal import printable

Row = dict[str, Any]
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Words:
    """What indices stand for: wearers' names; the rule; whether clocks' offsets are known."""

    names: Sequence[str]
    rule: str
    aware: bool

    def _row(
        self, kind: str, wearer: int, begin: str, end: str, verdict: int, evidence: Row
    ) -> Row:
        return {
            "kind": kind,
            "wearer": self.names[wearer],
            "from": begin,
            "to": end,
            "rule": self.rule,
            "verdict": Verdict(verdict).word,
            "evidence": evidence,
        }

    def _clock(self, minute: int, offset: int) -> str:
        """A minute since 1970 on the wearer's clock in ISO 8601, its offset where it is known."""
        text = (_EPOCH + timedelta(minutes=int(minute + offset))).isoformat(timespec="minutes")
        if not self.aware:
            return text
        hours, minutes = divmod(abs(int(offset)), 60)
        return f"{text}{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"

    def segments(self, of: Judgement) -> Iterator[Row]:
        """A row a segment."""
        its = of.segments
        for i in range(len(its)):
            evidence = {
                name: int(getattr(of, name)[i])
                for name in ("steps", "struck", "unverified", "differences", "within")
            }
            begin = self._clock(its.begin[i], its.offset[i])
            end = self._clock(its.begin[i] + HOUR, its.offset[i])
            yield self._row("segment", its.wearer[i], begin, end, of.verdict[i], evidence)

    def suspicions(self, its: Suspicions) -> Iterator[Row]:
        """A row a suspicion."""
        heart = its.heart
        for i in range(len(its)):
            evidence: Row = {"ground": Ground(its.ground[i]).word}
            for name in ("steps", "differences", "within"):
                evidence[name] = int(getattr(its, name)[i])
            evidence["readings"] = int(heart.readings[i])
            for name in ("mean_bpm", "low_bpm", "high_bpm", "low_kmh", "high_kmh", "rest_bpm"):
                value = float(getattr(heart, name)[i])
                evidence[name] = None if isnan(value) else round(value, 1)
            begin = self._clock(its.begin[i], its.offset[i])
            end = self._clock(its.end[i], its.end_offset[i])
            yield self._row("suspicion", its.wearer[i], begin, end, its.verdict[i], evidence)

    def sentence(self, row: Row) -> str:
        """What a row of `suspicions` says."""
        when = f"{row['from'].replace('T', ' ')} to {row['to'][11:]}"
        who = printable(row["wearer"])
        return f"{who}, {when}: {row['verdict']}. {self._why(row['evidence'])}"

    def _why(self, its: Row) -> str:
        speed = f"{its['low_kmh']:.0f}-{its['high_kmh']:.0f} km/h"
        if its["ground"] == Ground.NOT_WORN.word:
            return f"{its['steps']} steps while the band said that nobody wore it."
        if its["ground"] == Ground.EFFORT.word:
            return (
                f"{its['steps']} steps as at {speed}, but the heart rate fell to "
                f"{its['mean_bpm']:.0f} bpm over ten of these minutes, where at least "
                f"{its['low_bpm']:.0f} are needed (rest: {its['rest_bpm']:.0f})."
            )
        alike = f"{its['within']} of {its['differences']} differences between adjacent minutes"
        more = f", more than {COUNT_THRESHOLD}," if self.rule == "claims" else ""
        return f"{alike} are within 3 steps{more} and {self._heart(its, speed)}."

    def _heart(self, its: Row, speed: str) -> str:
        if its["mean_bpm"] is None:
            return "no heart rate of that time is known"
        if not its["readings"]:
            return "the band said that nobody wore it"
        return (
            f"{its['steps']} steps, as at {speed}, go with {its['low_bpm']:.0f}-"
            f"{its['high_bpm']:.0f} bpm; the mean heart rate was {its['mean_bpm']:.0f}"
        )


class Totals:
    """Hours by verdict and steps, struck and unverified, of each wearer."""

    def __init__(self) -> None:
        self._rows: dict[int, Ints] = {}

    def add(self, of: Judgement) -> None:
        """Count a judgement in."""
        wearers, row = np.unique(of.segments.wearer, return_inverse=True)
        sums = np.zeros((len(wearers), len(Verdict) + 3), np.int64)
        np.add.at(sums, (row, of.verdict.astype(np.int64)), 1)
        for k, steps in enumerate((of.steps, of.struck, of.unverified)):
            np.add.at(sums[:, len(Verdict) + k], row, steps)
        self._rows.update(zip(wearers.tolist(), sums, strict=True))

    def table(self, names: Sequence[str]) -> str:
        """A line a wearer."""
        verdicts = [verdict for verdict in Verdict if any(r[verdict] for r in self._rows.values())]
        head = ["wearer", *(v.word for v in verdicts), "steps", "struck", "unverified", "counted"]
        lines = [head]
        for wearer, row in self._rows.items():
            steps, struck, unverified = row[len(Verdict) :]
            counted = steps - struck - unverified
            numbers = (*(row[v] for v in verdicts), steps, struck, unverified, counted)
            lines.append([printable(names[wearer]), *map(str, numbers)])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
            for line in lines
        )


def set_aside(why: str, reason: Reason) -> str:
    """A sentence about minutes that were set aside."""
    minutes = "1 minute was" if reason.count == 1 else f"{reason.count} minutes were"
    first = f" (first: {reason.first})" if reason.first else ""
    return f"{minutes} set aside: {why}{first}."
