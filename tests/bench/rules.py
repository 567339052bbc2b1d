"""How often each rule is right: honest people as recorded, cheaters as simulated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time

import numpy as np

from tests.bench import rows
from tests.bench.rows import Row
from veriband.analysis import gated, rest
from veriband.analysis.expected import Wearers
from veriband.analysis.judgement import Judgement, Verdict
from veriband.analysis.live import Live
from veriband.analysis.segments import Segments
from veriband.judge.engine import RULES, judge_table
from veriband.minutes import open_table
from veriband_simulator.cheaters import MACHINES, SPEEDS_KMH, CheatersDay, Worn, cheat

DATA = Path(__file__).parents[1] / "data"
HONEST = {"Fitbit minutes": "fitbit_minutes", "runs": "runs"}
CHEATERS = 100  # a cell
EXERCISERS = 1000
EXERCISE_KMH = (4, 5, 5.5, 6, 7, 8, 10, 12)
MEMORY = 256 << 20
LIVE_BANDS, LIVE_MINUTES = 1000, 5
NO_DATA = (
    "Not to be caught with these data: a band worn by another who moves (that heart fits the",
    "steps), a machine without a strip (nobody can tell, all its steps are unverified), and one",
    "worn at rest whose breaks of three minutes and more leave less than 13 minutes of steps.",
)


def honest(name: str, rule: str) -> list[Row]:
    """Suspicions and accusations of people who are taken to be honest."""
    table = open_table(DATA / f"{name}.parquet")
    judged = list(judge_table(table, RULES[rule], MEMORY))
    wearers, hours = len(table.names), sum(len(of.segments) for of in judged)
    days = hours / 24 if name != "runs" else wearers
    suspicions = [int(v) for of in judged for v in of.suspicions.verdict]
    with_rate = sum(
        int(((of.suspicions.heart.readings > 0) | (of.suspicions.heart.mean_bpm == 0)).sum())
        for of in judged
    )
    accused = suspicions.count(Verdict.CHEATING)

    def per_1000(count: int) -> str:
        return f"{1000 * count / days:.1f}"

    found = [
        Row("  wearer-days (each run is one)", f"{days:.0f}"),
        Row(
            "  suspicions per 1,000 wearer-days",
            per_1000(len(suspicions)),
            "40 or less" if (name, rule) == ("fitbit_minutes", "gated") else "",
        ),
        Row("  suspicions that had heart rate, per 1,000", per_1000(with_rate)),
    ]
    if rule == "gated":
        windows = sum(
            len(gated.decisions(of.segments, rest.learn(of.segments, table.wearers())))
            for of in judged
        )
        found.append(Row("  ten-minute windows that had heart rate, per 1,000", per_1000(windows)))
        found.append(Row("    how many", str(windows)))
    found.append(Row("  accusations per 1,000 wearer-days", per_1000(accused), "0"))
    return found


def exercise() -> list[int]:
    """Steps of an honest hour and a half, for the replay: a real run."""
    table = open_table(DATA / "runs.parquet")
    (chunk,) = table.chunks()
    (runner,) = (k for k, name in enumerate(table.names) if "karaul_2020-09-07" in name)
    its = table.strands().wearer[chunk.minutes.strand] == runner
    return chunk.minutes.steps[its].tolist()


def together(days: Sequence[CheatersDay]) -> tuple[Segments, Wearers]:
    """Days of as many wearers, as segments."""
    n = len(days)
    about = np.array([(d.body.female, d.body.age, d.body.height_m) for d in days])
    segments = Segments(
        np.repeat(np.arange(n), 24).astype(np.int32),
        np.tile(np.arange(24) * 60, n),
        np.zeros(24 * n, np.int64),
        np.concatenate([d.steps for d in days]).reshape(-1, 60).astype(np.int16),
        np.concatenate([d.heart_rate for d in days]).reshape(-1, 60).astype(np.float32),
    )
    wearers = Wearers(about[:, 0] == 1, about[:, 1], about[:, 2], np.full(n, np.nan))
    return segments, rest.learn(segments, wearers)


def cheaters(rule: str, worn: Worn, replayed: Sequence[int]) -> Iterator[str]:
    """Lines of the table of cheaters."""
    rng = np.random.default_rng(20)
    yield f"{worn.value:26}" + "".join(f"{f'{kmh} km/h':>18}" for kmh in SPEEDS_KMH)
    for kind in MACHINES:
        cells: list[str] = []
        for kmh in SPEEDS_KMH:
            days = [cheat(rng, kind, worn, kmh, replayed) for _ in range(CHEATERS)]
            cells.append(_cell(RULES[rule](*together(days))))
        yield f"{kind:26}" + "".join(f"{cell:>18}" for cell in cells)


def _cell(of: Judgement) -> str:
    """Cheaters struck; their steps struck, unverified, counted; all in percent."""
    steps, struck, unverified = (
        a.reshape(CHEATERS, -1).sum(axis=1) for a in (of.steps, of.struck, of.unverified)
    )
    shares = [100 * part.sum() / steps.sum() for part in (struck, unverified)]
    shares.append(100 - sum(shares))
    caught = 100 * (struck > 0).mean()
    return f"{caught:.0f} ({'/'.join(f'{share:.0f}' for share in shares)})"


def exercisers(kind: str, replayed: Sequence[int], by_day: bool) -> Row:
    """Accusations of simulated people who truly move; `by_day`: no night teaches their rest."""
    rng = np.random.default_rng(21)
    accused: list[str] = []
    for kmh in EXERCISE_KMH:
        days = [cheat(rng, kind, Worn.HONEST, kmh, replayed) for _ in range(EXERCISERS)]
        for day in days:
            day.heart_rate[: 9 * 60 if by_day else 0] = np.nan
        struck = gated.judge(*together(days)).struck.reshape(EXERCISERS, -1).sum(axis=1)
        accused.append(f"{1000 * (struck > 0).mean():.0f}")
    return Row(f"  {kind}{', worn by day only' if by_day else ''}", " ".join(accused))


def live() -> list[Row]:
    """What an arriving minute costs when each of 1,000 bands sends one."""
    rng = np.random.default_rng(1)
    bands = Live(Wearers.unknown(LIVE_BANDS))
    at = 28_000_000
    for minute in range(at, at + 30, 10):  # something to look back on
        for band in range(LIVE_BANDS):
            bands.arrive(band, minute, int(rng.integers(0, 180)), 100.0)
    begin = process_time()
    for minute in range(at + 30, at + 30 + LIVE_MINUTES):
        for band in range(LIVE_BANDS):
            bands.arrive(band, minute, int(rng.integers(0, 180)), 100.0)
    spent = process_time() - begin
    each = 1000 * spent / (LIVE_MINUTES * LIVE_BANDS)
    return [
        Row("live, 1,000 bands: CPU ms per arriving minute", f"{each:.2f}"),
        Row("  share of one core while all send theirs", f"{each * LIVE_BANDS / 600:.1f} %"),
    ]


def show() -> None:
    """Measure and print."""
    for rule in RULES:
        for title, name in HONEST.items():
            rows.show(f"{rule}: honest people, {title}", honest(name, rule))
    replayed = exercise()
    for rule in RULES:
        print(
            f"\n{rule}: cheaters, simulated, {CHEATERS} a cell: percent of cheaters struck (of "
            "their steps struck/unverified/counted)"
        )
        for worn in (Worn.UNWORN, Worn.AT_REST, Worn.BY_ANOTHER):
            for line in cheaters(rule, worn, replayed):
                print(line, flush=True)
    speeds = " ".join(f"{kmh:g}" for kmh in EXERCISE_KMH)
    title = (
        f"gated: honest people, simulated: accused per 1,000 days of four hours at {speeds} km/h"
    )
    kinds = ("jitter of 5 steps", "jitter of 20 steps", "speeding and slowing")
    found = [exercisers(kind, replayed, by_day=False) for kind in kinds]
    found.append(exercisers(kinds[0], replayed, by_day=True))
    rows.show(title, found)
    print(
        "\nAims for gated: not worn 100; worn at rest 95 from 6 km/h up, below unverified but for "
        "what is as fast as 5.5 km/h for ten minutes."
    )
    print(*NO_DATA, sep="\n")
    rows.show("Live", live())
