"""Scenario files: what they say is what is played; whatever else they say is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from veriband_simulator.recorded_minutes import PACKAGED, packaged
from veriband_simulator.scenario import (
    EVENTS,
    KINDS,
    RULES,
    STEADY,
    UPLOADS,
    VERDICTS,
    Scenario,
    examples,
    load,
    read_scenario,
)
from veriband_simulator.staging import wearer
from veriband_simulator.tables import BadFile
from veriband_simulator.wearers import MINUTE_US, Wearer

GOOD = """
title = "A day"
seed = 3

[day]
date = 2026-03-02
zone = "Europe/Berlin"
from = "08:00"
to = "12:00"

[contest]
from = "09:00"
to = "11:00"
rule = "gated"
counts_unverified = true

[[wearers]]
name = "Ann"
sex = "f"
age = 40
height_m = 1.7

[[wearers.minutes]]
recording = "ann.csv"
at = "08:30"

[[wearers.minutes]]
from = "09:00"
to = "09:30"
kind = "run"
steps_per_minute = 160
heart_rate_bpm = 150

[[wearers]]
name = "Bob"
sex = "m"
age = 50
height_m = 1.8
rest_bpm = 55

[[wearers.minutes]]
from = "09:00"
to = "10:00"
kind = "machine"
machine = "jitter of 5 steps"
steps_per_minute = 140
worn = false

[[bands]]
wearer = "Ann"

[[bands.lent]]
from = "09:20"
to = "09:40"
to_wearer = "Bob"

[[events]]
at = "09:10"
band = "Ann"
what = "strip_out"

[[events]]
at = "09:15:30"
band = "Ann"
what = "strip_in"

[[events]]
at = "09:45"
band = "Ann"
what = "not_worn"

[[events]]
at = "10:00"
what = "computer_clock"
ahead_s = -30

[[expected]]
wearer = "Ann"
verdict = "honest"
struck = [0.0, 0.5]
"""
RECORDING = "minute,steps,heart_rate_bpm\n0,100,90\n1,0,\n3,7,0\n"


def write(folder: Path, text: str) -> Path:
    (folder / "ann.csv").write_text(RECORDING)
    path = folder / "scenario.toml"
    path.write_text(text)
    return path


def scenario(folder: Path, text: str = GOOD) -> Scenario:
    return read_scenario(write(folder, text))


def steps(of: Wearer, begin: int, end: int) -> list[int]:
    """The steps of each minute of the day, which begins with the world."""
    return np.diff([of.total(m * MINUTE_US) for m in range(begin, end + 1)]).tolist()


def test_a_file_says_who_does_what_when(tmp_path: Path) -> None:
    its = scenario(tmp_path)
    assert (its.seed, its.begin, its.end) == (3, 480, 720)
    assert its.midnight.isoformat() == "2026-03-02T00:00:00+01:00"
    assert [band.wearer for band in its.bands] == ["Ann"]
    assert [(e.second, e.what, e.band) for e in its.events] == [
        (9 * 3600 + 600, "strip_out", "Ann"),
        (9 * 3600 + 930, "strip_in", "Ann"),
        (9 * 3600 + 2700, "not_worn", "Ann"),
        (36_000, "computer_clock", None),
    ]
    ann = wearer(its, 3, its.bands[0], 0)
    assert steps(ann, 509, 515) == [0, 100, 0, 0, 0, 0]  # 7 that nobody wore are not counted
    run = steps(ann, 540, 560)
    assert np.mean(run) == pytest.approx(160, abs=3) and len(set(run)) > 3
    assert ann.heart_rate_bpm((540 + 10) * MINUTE_US) == pytest.approx(150, abs=6)
    lent = steps(ann, 560, 580)
    assert np.mean(lent) == pytest.approx(140, abs=5)
    assert steps(ann, 580, 590) == [0] * 10
    assert ann.light(570 * MINUTE_US)[1] < 10_000 < ann.light(582 * MINUTE_US)[1]
    assert ann.light(590 * MINUTE_US)[1] < 10_000, "taken off"


def test_the_reference_names_everything_that_is_allowed() -> None:
    text = (Path(__file__).parents[2] / "simulator" / "README.md").read_text()
    for word in (*EVENTS, *KINDS, *RULES, *VERDICTS, *UPLOADS, *PACKAGED, STEADY):
        assert f'"{word}"' in text
    for name in examples():
        assert f"`{name}`" in text


def test_another_seed_is_another_day_of_the_same_people(tmp_path: Path) -> None:
    its = scenario(tmp_path)
    one, other = (wearer(its, seed, its.bands[0], 0) for seed in (1, 2))
    assert steps(one, 540, 560) != steps(other, 540, 560)
    assert steps(one, 509, 515) == steps(other, 509, 515)


def test_recorded_heart_rates_are_kept_and_the_missing_ones_modelled() -> None:
    its = load("contest_day")
    day = packaged("fitbit_day")
    office = wearer(its, 1, its.bands[0], 0)
    for minute in (0, 500, 977, 1439):
        assert office.heart_rate_bpm(minute * MINUTE_US + MINUTE_US // 2) == pytest.approx(
            day.heart_rate[minute] or 0
        )
    assert steps(office, 0, 1440) == list(day.steps)
    runner = wearer(its, 1, its.bands[1], 0)
    at_noon, running = (runner.heart_rate_bpm(m * MINUTE_US) for m in (720, 1051 + 40))
    assert at_noon == pytest.approx(58, abs=6)
    assert running == pytest.approx(146, abs=5)
    pause = 1051 + 57
    assert steps(runner, pause, pause + 1) == [0]


def test_the_examples_can_be_read() -> None:
    assert len(examples()) == 5 and "contest_day" in examples()
    assert len({load(name).title for name in examples()}) == 5


REFUSED = [
    ('title = "A day"', "", "title: is missing: text in one line."),
    ('title = "A day"', "title = 7", "title: 7 is not text in one line."),
    ("seed = 3", "seed = -1", "seed: -1 is not a whole number from 0 to "),
    ("seed = 3", "seed = true", "seed: True is not a whole number from 0 to "),
    ("seed = 3", "sead = 3", "sead: is unknown; known are title, seed, "),
    ("2026-03-02", "2026-03-29", "day.date: the clock changes on 2026-03-29 in Europe/Berlin"),
    ("2026-03-02", '"2026-03-02"', "day.date: '2026-03-02' is not a date as 2016-04-19"),
    ("2026-03-02", "1970-01-01", "day.date: 1970-01-01 is not in the years 2001 to 2099."),
    ("Europe/Berlin", "Berlin", "day.zone: is not the name of a time zone, as Europe/Berlin."),
    ('from = "08:00"', 'from = "24:00"', "day.from: is not from 00:00 to before 24:00."),
    ('to = "12:00"', 'to = "07:00"', "day.to: is not after 08:00 and at the latest 24:00."),
    ('to = "12:00"', 'to = "25:00"', "day.to: '25:00' is not a time of the day from "),
    ('to = "12:00"', 'to = "9:00"', "day.to: '9:00' is not a time of the day from "),
    ('to = "12:00"', "to = 12", "day.to: 12 is not a time of the day from "),
    ('to = "12:00"', 'to = "12:00:30"', "day.to: must be a whole minute."),
    ('to = "11:00"', 'to = "12:30"', "contest.to: is not after 09:00 and at the latest 12:00."),
    ('from = "09:00"\nto = "11:00"', 'from = "07:00"\nto = "11:00"', "contest.from: is not from"),
    ('"gated"', '"guess"', "contest.rule: 'guess' is not one of gated, claims."),
    ("unverified = true", "unverified = 1", "contest.counts_unverified: 1 is not true or false."),
    ('[contest]\nfrom = "09:00"', '[contest]\nform = "09:00"', "contest.from: is missing: a time"),
    ('name = "Bob"', 'name = "Ann"', "wearers[1].name: 'Ann' is the name of another one, too."),
    ('name = "Bob"', 'name = "B\\nob"', "wearers[2].name: 'B\\nob' is not text in one line."),
    ('sex = "m"', 'sex = "x"', "wearers[2].sex: 'x' is not one of f, m."),
    ("age = 50", "age = 50.5", "wearers[2].age: 50.5 is not a whole number from 10 to 110."),
    ("height_m = 1.8", "height_m = 180", "wearers[2].height_m: 180 is not a number from 1 to"),
    ("rest_bpm = 55", "rest_bpm = nan", "wearers[2].rest_bpm: nan is not a number from 30 to 110"),
    ("rest_bpm = 55", "weight = 80", "wearers[2].weight: is unknown; known are name, sex, age, "),
    ("ann.csv", "none.csv", "wearers[1].minutes[1].recording: {folder}/none.csv cannot be read"),
    ("ann.csv", "ann", "minutes[1].recording: 'ann' is neither one of fitbit_day, evening_ru"),
    ('at = "08:30"', 'at = "23:58"', "wearers[1].minutes[1].at: its 4 minutes would end after mi"),
    ('at = "08:30"', 'at = "08:30"\nkind = "run"', "minutes[1].kind: is unknown; known are recor"),
    ('kind = "run"', 'kind = "jog"', "minutes[2].kind: 'jog' is not one of rest, walk, run, mach"),
    ('kind = "run"', 'kind = "rest"', "minutes[2].steps_per_minute: is unknown; known are "),
    ("minute = 160", "minute = 400", "steps_per_minute: 400 is not a number from 10 to 250."),
    ('to = "09:30"\nkind', 'to = "09:00"\nkind', "wearers[1].minutes[2].to: is not after 09:00"),
    ("bpm = 150", "bpm = 5", "minutes[2].heart_rate_bpm: 5 is not a number from 30 to 220."),
    ("jitter of 5 steps", "magic", "machine: 'magic' is not one of steady, fixed cradle, jitter"),
    ("jitter of 5 steps", "pulled strip", "machine: 'pulled strip' is not one of steady, fixed"),
    ("worn = false", "", "wearers[2].minutes[1].worn: is missing: true or false."),
    ("worn = false", "worn = false\nheart_rate_bpm = 70", "minutes[1].heart_rate_bpm: is unknown"),
    ("steps_per_minute = 140\n", "", "wearers[2].minutes[1].steps_per_minute: is missing: a numb"),
    ('[[bands]]\nwearer = "Ann"', '[[bands]]\nwearer = "Cat"', "bands[1].wearer: 'Cat' is not "),
    ("[[bands]]\n", '[[bands]]\nwearer = "Ann"\n[[bands]]\n', "bands[1].wearer: 'Ann' has ano"),
    ('to_wearer = "Bob"', 'to_wearer = "Cat"', "bands[1].lent[1].to_wearer: 'Cat' is not one of"),
    ('to_wearer = "Bob"', 'to = "Bob"', "Cannot overwrite a value"),
    ('at = "09:10"', 'at = "07:10"', "events[1].at: is not from 08:00 to before 12:00."),
    ('at = "09:45"', 'at = "09:45:10"', "events[3].at: must be a whole minute for this."),
    ('band = "Ann"\nwhat = "strip_out"', 'what = "strip_out"', "events[1].band: is missing: one"),
    ('band = "Ann"\nwhat = "strip_out"', 'band = "Bob"\nwhat = "strip_out"', "events[1].band: 'B"),
    ('what = "strip_out"', 'what = "explode"', "events[1].what: 'explode' is not one of strip"),
    ('what = "strip_out"', 'what = "reset"', "events[2].what: 'strip_in' without 'strip_out' bef"),
    ('what = "strip_in"', 'what = "strip_out"', "events[2].what: 'strip_out' was before, without"),
    ("ahead_s = -30", "", "events[4].ahead_s: is missing: a number from -86400 to 86400."),
    ('what = "not_worn"', 'what = "not_worn"\nahead_s = 1', "events[3].ahead_s: is unknown; "),
    ('verdict = "honest"', 'verdict = "good"', "expected[1].verdict: 'good' is not one of unknow"),
    ("[0.0, 0.5]", "[0, 0.5]", "expected[1].struck: [0, 0.5] is not two shares as [0.9, 1.0] or"),
    ("[0.0, 0.5]", "[0.5, 0.0]", "expected[1].struck: [0.5, 0.0] is not two shares"),
    ("[0.0, 0.5]", "[0, 5, 9]", "expected[1].struck: [0, 5, 9] is not two shares"),
    ("[0.0, 0.5]", "0.5", "expected[1].struck: 0.5 is not two shares"),
    ('verdict = "honest"\nstruck = [0.0, 0.5]', "", "expected[1].verdict: is missing: it, struck"),
    ("[day]", "[[day]]", "day: [{{'date': "),
    ("[[expected]]", "[expected]", "expected: {{'wearer': 'Ann', "),
    ("[contest]", "[contest", "scenario.toml is no TOML: "),
    ("seed = 3", f"seed = {'3' * 5000}", "scenario.toml is no TOML: Exceeds the limit"),
    ("seed = 3", f"seed = {'[' * 5000}", "scenario.toml is no TOML: maximum recursion depth"),
    ("seed = 3", f"seed = 0x{'F' * 5000}", "seed: a number of thousands of digits is not a whole"),
    ("seed = 3", f"seed = '{'s' * 5000}'", f"seed: '{'s' * 79}... is not a whole number from 0"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), REFUSED)
def test_what_a_file_may_not_say_is_refused_with_what_it_may(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert old in GOOD
    with pytest.raises(BadFile) as refused:
        scenario(tmp_path, GOOD.replace(old, new, 1))
    message = str(refused.value)
    assert str(tmp_path / "scenario.toml") in message
    assert told.format(folder=tmp_path) in message
    assert "\n" not in message


def test_there_must_be_wearers_and_expectations_and_not_too_many(tmp_path: Path) -> None:
    head, _, rest = GOOD.partition("[[wearers]]")
    for many in (0, 101):
        with pytest.raises(BadFile, match=f"wearers: there are {many} .*, not 1 to 100"):
            scenario(tmp_path, head + "[[wearers]]\n" * many)
    with pytest.raises(BadFile, match=r"expected: is missing"):
        scenario(tmp_path, head + "[[wearers]]" + rest.partition("[[expected]]")[0])


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="'contest_dya' is neither a file nor one of the examples"):
        load("contest_dya")
    with pytest.raises(BadFile, match=r"'xx*' is neither a file nor one of the examples"):
        load("x" * 5000)
    with pytest.raises(BadFile, match=r"none\.toml cannot be read: No such file"):
        load(str(tmp_path / "none.toml"))
    path = tmp_path / "scenario.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadFile, match="cannot be read: it is not UTF-8"):
        read_scenario(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("minute,steps,pulse\n0,1,2\n", "the columns are 'minute,steps,pulse', not"),
        ("minute,steps\n", "has no minutes."),
        ("minute,steps\n0,1,2\n", "row 1: 3 cells, not 2."),
        ("minute,steps\n0,1\n0,2\n", "minute 0 of it does not come after 0."),
        ("minute,steps\nnoon,1\n", "row 1: minute 'noon' is neither a number nor a time as"),
        ("minute,steps\n2000,1\n", "row 1: it is more than a day after the first."),
        (f"minute,steps\n{'9' * 5000},1\n", f"row 1: minute '{'9' * 40}' is neither a number"),
        (f"minute,steps\n0,{'9' * 5000}\n", f"row 1: '{'9' * 40}' is not 0 to 300 steps."),
        (f"minute,steps\n0,{'9' * 200_000}\n", "cannot be read: field larger than field limit"),
        ("minute,steps\n0,301\n", "row 1: '301' is not 0 to 300 steps."),
        ("minute,steps\n0,-1\n", "row 1: '-1' is not 0 to 300 steps."),
        ("minute,steps,heart_rate_bpm\n0,1,nan\n", "row 1: 'nan' is not 20 to 250 bpm, 0"),
        ("minute,steps,heart_rate_bpm\n0,1,fast\n", "row 1: 'fast' is not 20 to 250 bpm, 0"),
    ],
)
def test_a_bad_recording_is_told_with_its_row(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, GOOD)
    (tmp_path / "ann.csv").write_text(text)
    with pytest.raises(BadFile) as refused:
        read_scenario(path)
    assert "wearers[1].minutes[1].recording: " in str(refused.value)
    assert told in str(refused.value)


def test_a_recording_may_count_its_minutes_or_name_them(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    (tmp_path / "ann.csv").write_text("minute,steps\n2026-03-01 07:00,50\n2026-03-01 07:02,60\n")
    its = read_scenario(path)
    assert steps(wearer(its, 1, its.bands[0], 0), 510, 514) == [50, 0, 60, 0]
