"""What came of a scenario, for people and for programs, and whether the truth came out."""

from __future__ import annotations

from collections.abc import Iterator

from veriband.contest.standings import Standing
from veriband.contest.words import CAUTION, row, table
from veriband.terminal import printable
from veriband_simulator.demo.play import Counted, Outcome
from veriband_simulator.scenario import Expected, Scenario


def faults(scenario: Scenario, outcome: Outcome) -> list[str]:
    """A sentence for all that came out otherwise than it was or than the scenario expects."""
    found: list[str] = []
    for standing in outcome.standings:
        found += _of_steps(standing, outcome.counted[standing.wearer])
        found += [
            f"{printable(standing.wearer)}: {fault}"
            for fault in outcome.seal_faults[standing.wearer]
        ]
        for expected in scenario.expected:
            if expected.wearer == standing.wearer:
                found += _of_verdict(standing, expected)
    return found


def _of_steps(standing: Standing, chip: Counted) -> Iterator[str]:
    if not chip.allows(standing.claimed):
        yield (
            f"{printable(standing.wearer)}: the chip counted {chip.steps:,} steps, claimed are "
            f"{standing.claimed:,}."
        )


def _of_verdict(standing: Standing, expected: Expected) -> Iterator[str]:
    who, verdict = printable(standing.wearer), standing.verdict.word
    if expected.verdict and verdict != expected.verdict:
        yield f"{who}: {verdict}, where {expected.verdict} was expected."
    for name, (low, high) in expected.bounds.items():
        value: float = getattr(standing, name)
        of_claimed = isinstance(low, float)
        if of_claimed:
            value /= max(1, standing.claimed)
        if not low <= value <= high:
            unit, form = ("of the claimed", ".1%") if of_claimed else ("steps", ",")
            yield (
                f"{who}: {value:{form}} {unit} {name}, where {low:{form}} to {high:{form}} "
                "were expected."
            )


def as_json(seed: int, outcome: Outcome) -> dict[str, object]:
    """One object for programs."""
    return {
        "seed": seed,
        "trace_sha256": outcome.trace_sha256,
        "pdus": outcome.pdus,
        "wearers": [row(standing) for standing in outcome.standings],
    }


def as_text(scenario: Scenario, seed: int, outcome: Outcome, seconds: float) -> str:
    """The table, the evidence, and what is true."""
    contest = scenario.contest
    unverified = "counts" if contest.counts_unverified else "does not count"
    people = len(outcome.standings)
    lines = [
        f"{scenario.title}: {people} wearer{'s' * (people != 1)}, "
        f"{scenario.midnight:%A %Y-%m-%d}, simulated. Rule {contest.rule}; what is unverified "
        f"{unverified}.",
        "",
        table(outcome.standings),
        "",
    ]
    told = [item.sentence for standing in outcome.standings for item in standing.evidence]
    told += [f"Came late: {printable(change)}" for change in outcome.late]
    lines += [*told, ""] if told else []
    steps = sum(counted.steps for counted in outcome.counted.values())
    truth = (
        f"The truth came out: all {steps:,} steps that the chips counted were stored under their "
        "bands' seals, and each wearer was judged rightly."
    )
    lines += faults(scenario, outcome) or [truth]
    lines += [
        CAUTION,
        f"Seed {seed}, {outcome.pdus} packets on the air, trace {outcome.trace_sha256[:16]}, "
        f"{seconds:.1f} s.",
    ]
    return "\n".join(lines)
