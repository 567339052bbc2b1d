"""`veriband judge` over files: honest people, simulated cheaters, what is wrong with a file."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from veriband.cli import main
from veriband_simulator.cheaters import MACHINES, CheatersDay, Worn, cheat

DATA = Path(__file__).parents[1] / "data"
RUN = [150, 168, 171, 165, 173, 170, 162, 175, 168, 158, 171, 166] * 5
CAUGHT_AT_REST = [kind for kind in MACHINES if kind not in ("pulled strip", "9 on and 3 off")]


def judge(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["judge", str(path), *options])


def rows(path: Path, *options: str) -> list[dict[str, Any]]:
    result = judge(path, "--json", *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def write(path: Path, days: Sequence[CheatersDay]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["wearer", "minute", "steps", "heart_rate_bpm", "sex", "age", "height_m"])
        for k, day in enumerate(days):
            about = ["mf"[day.body.female], round(day.body.age), round(day.body.height_m, 2)]
            for m in range(24 * 60):
                rate = "" if np.isnan(day.heart_rate[m]) else int(day.heart_rate[m])
                when = f"2026-03-02T{m // 60:02d}:{m % 60:02d}"
                writer.writerow([f"cheater {k}", when, day.steps[m], rate, *about])
    return path


def struck(found: list[dict[str, Any]]) -> Counter[str]:
    """Struck steps of each wearer."""
    steps: Counter[str] = Counter()
    for row in found:
        if row["kind"] == "segment":
            steps[row["wearer"]] += row["evidence"]["struck"]
    return steps


@pytest.mark.parametrize("name", ["fitbit_minutes", "runs"])
def test_honest_people_are_not_accused_and_seldom_suspected(name: str) -> None:
    found = rows(DATA / f"{name}.parquet")
    hours = sum(row["kind"] == "segment" for row in found)
    suspicions = [row for row in found if row["kind"] == "suspicion"]
    assert not [row for row in suspicions if row["verdict"] == "cheating"]
    if name == "fitbit_minutes":
        assert hours > 14_000
        assert 1 <= len(suspicions) <= 40 * (hours / 24) / 1000
    else:  # real runners are as regular as a machine
        assert len(suspicions) > 5
        assert {row["verdict"] for row in suspicions} == {"cleared"}


def test_the_letter_suspects_more_than_half_of_all_hours_of_honest_people() -> None:
    found = rows(DATA / "fitbit_minutes.parquet", "--rule", "claims")
    verdicts = Counter(row["verdict"] for row in found if row["kind"] == "segment")
    assert verdicts["suspected"] + verdicts["cleared"] > sum(verdicts.values()) / 2
    assert verdicts["cheating"] == 0


def test_the_letter_wants_more_than_49_of_56_within_3_steps(tmp_path: Path) -> None:
    """Hours with some differences of 4 (and -4), else of 0, and one of -3."""
    path, lines = tmp_path / "minutes.csv", ["wearer,minute,steps"]
    for hour, far in enumerate(([4, -4] * 4, [4, -4] * 4 + [4], [4] * 7 + [-3], [4] * 8 + [-3])):
        differences = far + [0] * (59 - len(far))
        for m, steps in enumerate(np.cumsum([100, *differences])):
            lines.append(f"a,2026-03-02T{hour:02d}:{m:02d},{steps}")
    path.write_text("\n".join(lines))
    segments = [r for r in rows(path, "--rule", "claims") if r["kind"] == "segment"]
    assert [r["evidence"]["within"] for r in segments] == [50, 49, 50, 49]
    assert [r["verdict"] for r in segments] == ["suspected", "honest"] * 2


def test_a_few_steps_that_nobody_wore_are_struck_too(tmp_path: Path) -> None:
    path = tmp_path / "minutes.csv"
    lines = (f"a,2026-03-02T10:{m:02d},{30 if m < 5 else 0},0" for m in range(60))
    path.write_text("\n".join(["wearer,minute,steps,heart_rate_bpm", *lines]))
    segment, suspicion = rows(path)
    assert segment["verdict"] == suspicion["verdict"] == "cheating"
    assert segment["evidence"]["struck"] == 150
    assert suspicion["evidence"]["ground"] == "not worn"


@pytest.mark.parametrize("kind", list(MACHINES))
@pytest.mark.parametrize("worn", [Worn.UNWORN, Worn.AT_REST])
def test_cheaters_are_struck(tmp_path: Path, kind: str, worn: Worn) -> None:
    rng = np.random.default_rng(7)
    days = [cheat(rng, kind, worn, kmh, RUN) for kmh in (8, 10, 12)]
    steps = struck(rows(write(tmp_path / "minutes.csv", days)))
    for k, day in enumerate(days):
        share = steps[f"cheater {k}"] / day.steps.sum()
        # Of irregular steps that nobody wore, minutes of unknown heart rate are unverified.
        missed = kind not in CAUGHT_AT_REST and (worn is Worn.AT_REST or kind == "pulled strip")
        assert share == 0 if missed else share > 0.55


def test_slow_cheaters_at_rest_are_inconclusive_not_accused(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    days = [cheat(rng, kind, Worn.AT_REST, 4, RUN) for kind in CAUGHT_AT_REST]
    found = rows(write(tmp_path / "minutes.csv", days))
    assert not struck(found).total()
    doubted = {row["wearer"] for row in found if row["verdict"] == "inconclusive"}
    assert len(doubted) == len(days)


def test_both_rules_give_lines_of_one_form(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    path = write(tmp_path / "minutes.csv", [cheat(rng, "fixed cradle", Worn.AT_REST, 10, RUN)])
    for rule in ("gated", "claims"):
        found = rows(path, "--rule", rule)
        segments = [row for row in found if row["kind"] == "segment"]
        assert [row["from"] for row in segments] == [f"2026-03-02T{h:02d}:00" for h in range(24)]
        assert segments[23]["to"] == "2026-03-03T00:00"
        for row in found:
            assert list(row) == [
                "kind", "wearer", "from", "to", "rule", "verdict", "evidence",
            ]  # fmt: skip
            assert row["rule"] == rule
        cheating = [r for r in found if (r["kind"], r["verdict"]) == ("suspicion", "cheating")]
        assert cheating
        for row in cheating:
            its = row["evidence"]
            assert its["mean_bpm"] < its["low_bpm"] < its["high_bpm"]


def test_without_json_there_is_a_sentence_a_suspicion_and_a_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    days = [
        cheat(rng, kind, Worn.AT_REST, 10, RUN) for kind in ("fixed cradle", "jitter of 20 steps")
    ]
    days.append(cheat(rng, "fixed cradle", Worn.UNWORN, 10, RUN))
    *sentences, head, first, second, third = judge(
        write(tmp_path / "minutes.csv", days)
    ).stdout.splitlines()
    assert any(
        "cheater 0, 2026-03-02 " in s
        and "cheating. 239 of 239 differences between adjacent minutes are within 3 steps" in s
        and "bpm; the mean heart rate was" in s
        for s in sentences
    )
    assert any("the heart rate fell to" in s for s in sentences)
    assert any("the band said that nobody wore it." in s for s in sentences)
    assert head.split()[0] == "wearer"
    assert head.split()[-4:] == ["steps", "struck", "unverified", "counted"]
    for k, line in enumerate((first, second, third)):
        steps, struck_steps, _, counted = map(int, line.split()[-4:])
        assert steps == days[k].steps.sum()
        assert struck_steps > (0.55 if k == 2 else 0.9) * steps  # unknown ones are unverified
        assert counted < 0.1 * steps


def test_a_bad_file_ends_with_status_2_and_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "minutes.csv"
    path.write_text("wearer,minute,steps\na,2026-03-02T10:00,ten\n")
    result = judge(path, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        f"Error: {path}, line 2, column steps: 'ten' is not a whole number of steps.\n"
    )
    assert judge(tmp_path / "none.csv").exit_code == 2
    assert judge(path, "--rule", "guess").exit_code == 2


def test_what_nobody_can_have_walked_is_set_aside_aloud(tmp_path: Path) -> None:
    minutes = [f"a,2026-03-02T10:{m:02d},{100 if m != 40 else 400}" for m in range(60)]
    minutes[20:20] = ["a,2026-03-02T10:19,7", "a,2026-03-02T10:05,100"]
    path = tmp_path / "minutes.csv"
    path.write_text("\n".join(["wearer,minute,steps", *minutes]))
    result = judge(path, "--json")
    (segment,) = map(json.loads, result.stdout.splitlines())  # too short, all three, to suspect
    assert segment["evidence"]["steps"] == 58 * 100
    assert result.stderr.splitlines() == [
        "1 minute was set aside: more than 300 steps in a minute (first: line 44).",
        "1 minute was set aside: time goes backwards there (if the lines are merely not sorted: "
        "--any-order) (first: line 23).",
        "1 minute was set aside: given twice, and differently (first: line 21).",
    ]


def test_a_file_that_does_not_fit_is_judged_all_the_same() -> None:
    path = DATA / "fitbit_minutes.parquet"
    whole, in_parts = rows(path), rows(path, "--memory", "1")  # an eighth of what it needs
    assert sorted(map(json.dumps, in_parts)) == sorted(map(json.dumps, whole))


def test_the_clock_of_the_wearer_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "minutes.csv"
    lines = (f"a,2024-03-31T{m // 60:02d}:{m % 60:02d}Z,100" for m in range(0, 180))
    path.write_text("\n".join(["wearer,minute,steps", *lines]))
    (suspicion,) = (r for r in rows(path) if r["kind"] == "suspicion")
    assert (suspicion["from"], suspicion["to"]) == (
        "2024-03-31T00:00+00:00",
        "2024-03-31T03:00+00:00",
    )
    result = CliRunner().invoke(main, ["--zone", "Europe/Berlin", "judge", str(path), "--json"])
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["from"] for row in found if row["kind"] == "segment"] == [
        "2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00", "2024-03-31T04:00+02:00",
    ]  # fmt: skip
    (suspicion,) = (row for row in found if row["kind"] == "suspicion")
    assert (suspicion["from"], suspicion["to"]) == (
        "2024-03-31T01:00+01:00",
        "2024-03-31T05:00+02:00",
    )
    assert suspicion["evidence"]["steps"] == 18_000


def test_a_minute_given_twice_the_same_is_judged_once_and_said(tmp_path: Path) -> None:
    path = tmp_path / "minutes.csv"
    lines = [f"a,2026-03-02T10:{m:02d},100" for m in range(60)]
    path.write_text("\n".join(["wearer,minute,steps", *lines, lines[-1]]))
    result = judge(path)
    assert result.stdout.splitlines()[-1].split()[-4:] == ["6000", "0", "6000", "0"]
    assert result.stderr == (
        "1 minute was set aside: given twice, and the same; each was judged once.\n"
    )


def test_a_table_without_minutes_says_so(tmp_path: Path) -> None:
    path = tmp_path / "minutes.csv"
    path.write_text("wearer,minute,steps\n")
    result = judge(path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{path} has no minutes.\n"
