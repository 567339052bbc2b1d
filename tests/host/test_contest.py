"""Contests: what counts, what does not and why, the same from the same store."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.host.minutes import EPOCH, NOON, put, put_gap
from veriband.analysis.judgement import Verdict
from veriband.cli import main
from veriband.contest.standings import Standing, late_changes, places, standings
from veriband.contest.words import table
from veriband.judge import diary
from veriband.records import Kind, reading
from veriband.store import Store
from veriband.store.roster import Band, Contest
from veriband_protocol.items import MINUTE_MS, STATUS_MOVING, STATUS_NOT_WORN, STATUS_OK

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WALK = [100, 112, 95, 118, 104, 90, 121, 99, 108, 115] * 6  # nobody's machine
CRADLE = [150] * 60


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "veriband.db")
    yield store
    store.close()


def wearer(store: Store, name: str) -> Band:
    band = store.add_band(f"C0:{name}", None, 0)
    store.assign(band, store.add_wearer(name, "f", 1990, 1.70, 60.0), 0)
    return band


def contest(
    store: Store, begin: int = NOON, end: int = NOON + 4 * HOUR_MS, **terms: bool
) -> Contest:
    return store.add_contest(
        "spring", begin, end, "gated", terms.get("counts_unverified", False), store.wearers()
    )


def stand(store: Store, its: Contest, name: str = "anna") -> Standing:
    return next(s for s in standings(store, its, UTC) if s.wearer == name)


def test_steps_with_a_heart_count_those_of_a_cradle_do_not(store: Store) -> None:
    put(store, wearer(store, "anna"), NOON, WALK, [118] * 60)
    put(store, wearer(store, "ben"), NOON, CRADLE, [0] * 60)
    its = contest(store)
    first, second = standings(store, its, UTC)
    assert (first.wearer, first.claimed, first.counted) == ("anna", sum(WALK), sum(WALK))
    assert (first.verdict, first.evidence) == (Verdict.HONEST, [])
    assert (second.claimed, second.struck, second.unverified, second.counted) == (9000, 9000, 0, 0)
    assert second.verdict is Verdict.CHEATING
    assert [item.sentence for item in second.evidence] == [
        "ben, 2026-03-02 12:00 to 13:00: suspected. 59 of 59 differences between adjacent minutes "
        "are within 3 steps and the band said that nobody wore it.",
        "ben, 2026-03-02 12:00 to 13:00: cheating. 9000 steps while the band said that nobody "
        "wore it.",
    ]


def test_a_runner_as_regular_as_a_machine_is_cleared_by_the_heart(store: Store) -> None:
    put(store, wearer(store, "anna"), NOON, [172] * 60, [148] * 60)
    its = stand(store, contest(store))
    assert (its.verdict, its.counted, its.struck) == (Verdict.HONEST, 172 * 60, 0)
    (item,) = its.evidence
    assert item.numbers["verdict"] == "cleared"
    assert "the mean heart rate was 148" in item.sentence


def test_what_nobody_can_tell_counts_only_where_the_contest_says_so(store: Store) -> None:
    band = wearer(store, "anna")
    put(store, band, NOON, WALK)
    put_gap(store, band, NOON + HOUR_MS, 700)
    strict = stand(store, contest(store))
    assert (strict.unverified, strict.counted) == (sum(WALK) + 700, 0)
    lenient = store.add_contest("any", NOON, NOON + 4 * HOUR_MS, "gated", True, store.wearers())
    assert stand(store, lenient).counted == sum(WALK) + 700


def test_only_the_contests_own_minutes_count(store: Store) -> None:
    put(store, wearer(store, "anna"), NOON, WALK, [118] * 60)
    its = contest(store, NOON + 10 * MINUTE_MS, NOON + 20 * MINUTE_MS)
    assert stand(store, its).claimed == sum(WALK[10:20])


def test_a_minute_across_the_line_counts_in_one_of_two_contests(store: Store) -> None:
    put(store, wearer(store, "anna"), NOON - 29_000, [100] * 5)
    before = store.add_contest("a", NOON - HOUR_MS, NOON, "gated", False, store.wearers())
    after = store.add_contest("b", NOON, NOON + HOUR_MS, "gated", False, store.wearers())
    assert [stand(store, its).claimed for its in (before, after)] == [0, 500]
    assert before.counts_unverified is False


def test_a_band_that_is_handed_on_counts_for_each(store: Store) -> None:
    band = wearer(store, "anna")
    put(store, band, NOON, WALK, [118] * 60)
    store.assign(band, store.add_wearer("ben"), NOON + 15 * MINUTE_MS)
    its = contest(store)
    assert stand(store, its, "anna").claimed == sum(WALK[:15])
    assert stand(store, its, "ben").claimed == sum(WALK[15:])


def test_equals_share_a_place_and_who_sent_nothing_is_unknown(store: Store) -> None:
    for name in ("anna", "ben", "cleo"):
        wearer(store, name)
    for band in store.bands()[:2]:
        put(store, band, NOON, WALK, [118] * 60)
    found = standings(store, contest(store), UTC)
    assert [place for place, _ in places(found)] == [1, 1, 3]
    assert (found[2].verdict, found[2].until_utc_ms) == (Verdict.UNKNOWN, None)


def test_what_comes_late_changes_the_table_and_says_so(store: Store) -> None:
    anna, ben = wearer(store, "anna"), wearer(store, "ben")
    put(store, ben, NOON, WALK, [118] * 60)
    put(store, anna, NOON, WALK[:30], [118] * 30)
    put(store, anna, NOON + HOUR_MS, WALK, [118] * 60, came_utc_ms=NOON + 6 * HOUR_MS)
    its = contest(store)
    now = standings(store, its, UTC)
    assert [each.wearer for each in now] == ["anna", "ben"]
    early = standings(store, its, UTC, NOON + 5 * HOUR_MS)
    assert [each.wearer for each in early] == ["ben", "anna"]
    assert late_changes(now, now) == []
    assert late_changes(early, now) == [
        f"anna: {sum(WALK)} steps came more than an hour after the end, {sum(WALK[:30])} counted "
        f"became {sum(WALK) + sum(WALK[:30])}, place 2 became 1.",
        "ben: place 1 became 2.",
    ]


def test_a_verdict_that_changes_late_is_said_though_no_step_is(store: Store) -> None:
    anna = wearer(store, "anna")
    put(store, anna, NOON, CRADLE)
    its = contest(store, counts_unverified=True)
    early = standings(store, its, UTC)
    seq = store.cursor(anna, EPOCH) or 0
    rates = [reading(seq + k, 1, k * MINUTE_MS, bytes((0x10, 140, 90))) for k in range(60)]
    store.commit(anna, EPOCH, rates, seq + 60, NOON + 6 * HOUR_MS)
    assert late_changes(early, standings(store, its, UTC)) == ["anna: suspected became honest."]


def test_a_heart_rate_belongs_to_the_minute_in_which_it_was_taken() -> None:
    steps = [(NOON + k * MINUTE_MS, 100, int(Kind.MINUTE)) for k in (0, 1, 3)]
    ok, unworn, moving = STATUS_OK, STATUS_NOT_WORN, STATUS_MOVING
    rates = [
        (-1, ok, 99),  # before
        (0, ok, 70), (59_999, ok, 80),  # two in the first: their mean
        (60_000, unworn, 0), (70_000, moving, 0),
        (120_000, ok, 99),  # in a minute that is missing
        (180_000, ok, 66), (190_000, unworn, 0),  # a pulse was there
        (240_000, ok, 99),  # after all
    ]  # fmt: skip
    its = diary.written(steps, [(NOON + ms, status, bpm) for ms, status, bpm in rates])
    assert its.heart_rate.tolist() == [75, 0, 66]


@pytest.mark.parametrize("bpm", [0, 24, 251])
def test_a_heart_rate_that_nobody_has_is_unknown(bpm: int) -> None:
    its = diary.written([(NOON, 100, int(Kind.MINUTE))], [(NOON, STATUS_OK, bpm)])
    assert np.isnan(its.heart_rate).all()


def test_a_minute_that_two_bands_have_counts_once(store: Store) -> None:
    put(store, wearer(store, "anna"), NOON, [100] * 3)
    second = store.add_band("C0:second", None, 0)
    store.assign(second, store.wearer("anna"), 0)
    put(store, second, NOON, [90] * 3 + [0])
    put(store, store.band("C0:anna"), NOON + 3 * MINUTE_MS, [0])
    its = diary.read(store, store.wearer("anna"), NOON, NOON + HOUR_MS)
    assert its.steps.tolist() == [100] * 3 + [0]
    assert its.loose_steps.tolist() == [90] * 3


@pytest.mark.parametrize(
    ("zone", "begin"),
    [("America/New_York", "2026-03-08T05:00Z"), ("Europe/Berlin", "2026-10-25T00:30Z"),
     ("Asia/Kathmandu", "2026-03-02T12:00Z"), ("Australia/Lord_Howe", "2026-04-04T13:00Z")],
)  # fmt: skip
def test_segments_are_hours_of_the_wearers_clock(store: Store, zone: str, begin: str) -> None:
    start = round(datetime.fromisoformat(begin).timestamp() * 1000)
    put(store, wearer(store, "anna"), start, list(range(300)))
    its = diary.read(store, store.wearer("anna"), start, start + DAY_MS)
    segments = its.segments(ZoneInfo(zone))
    assert sorted(segments.steps[segments.steps >= 0].tolist()) == list(range(300))
    for row in range(len(segments)):
        for column in np.flatnonzero(segments.steps[row] >= 0):
            utc = datetime.fromtimestamp((int(segments.begin[row]) + int(column)) * 60, UTC)
            assert utc == datetime.fromtimestamp(start / 1000, UTC) + timedelta(
                minutes=int(segments.steps[row, column])
            )
            local = utc.astimezone(ZoneInfo(zone))
            assert local.minute == column
            assert local.utcoffset() == timedelta(minutes=int(segments.offset[row]))


@pytest.mark.parametrize("rule", ["gated", "claims"])
def test_it_judges_as_the_command_judges_a_file_of_the_same_minutes(
    store: Store, tmp_path: Path, rule: str
) -> None:
    rng = np.random.default_rng(5)
    band = wearer(store, "anna")
    steps = [*WALK, *CRADLE, *[0] * 60, *(150 + rng.integers(-9, 9, 60)).tolist()]
    bpm = [None if rng.random() < 0.3 else 118 - 50 * (k > 60) for k in range(len(steps))]
    put(store, band, NOON, steps, bpm)
    path = tmp_path / "minutes.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["wearer", "minute", "steps", "heart_rate_bpm", "sex", "age", "height_m", "rest_bpm"]
        )
        for k, (count, rate) in enumerate(zip(steps, bpm, strict=True)):
            when = datetime.fromtimestamp(NOON / 1000 + 60 * k, UTC).isoformat()
            writer.writerow(["anna", when, count, "" if rate is None else rate, "f", 36, 1.70, 60])
    result = CliRunner().invoke(main, ["judge", str(path), "--json", "--rule", rule])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    evidence = [row["evidence"] for row in rows if row["kind"] == "segment"]
    contest = store.add_contest("x", NOON, NOON + DAY_MS, rule, False, store.wearers())
    its = stand(store, contest)
    assert its.struck == sum(e["struck"] for e in evidence)
    assert its.unverified == sum(e["unverified"] for e in evidence)
    assert its.struck > 1000
    suspicions = [row for row in rows if row["kind"] == "suspicion"]
    assert [item.numbers for item in its.evidence] == suspicions


def test_the_table_lines_up_whatever_the_names(store: Store) -> None:
    put(store, wearer(store, "anna \x1b[31m"), NOON, WALK, [118] * 60)
    wearer(store, "b")
    lines = table(standings(store, contest(store), UTC)).splitlines()
    assert lines[1] == "1  anna \\x1b[31m    6,372       0           0    6,372  honest"
    assert lines[0].index("verdict") == lines[1].index("honest") == lines[2].index("unknown")


# The commands.


def run(store: Store, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--store", str(store.path), "--zone", "UTC", *arguments])


def test_a_contest_from_the_command_line(store: Store) -> None:
    band = store.add_band("C0:98:E5:00:00:01", None, 0)
    assert run(store, "wearer", "add", "anna", "--sex", "f", "--rest", "60").exit_code == 0
    told = run(store, "wearer", "wears", "anna", band.address, "--from", "2026-03-02")
    assert told.output == "anna wears C0:98:E5:00:00:01 from 2026-03-02 00:00 on.\n"
    assert "anna  f, rest 60 bpm  C0:98:E5:00:00:01 from" in run(store, "wearer", "list").output
    put(store, band, NOON, CRADLE, [0] * 60)
    days = ("--from", "2026-03-02", "--to", "2026-03-02")
    added = run(store, "contest", "add", "spring", "anna", *days)
    assert "2026-03-02 00:00 to 2026-03-03 00:00, rule gated" in added.output
    assert "spring: 2026-03-02 00:00" in run(store, "contest", "list").output
    shown = run(store, "leaderboard")
    assert "1  anna      9,000   9,000           0        0  cheating" in shown.output
    assert "9000 steps while the band said that nobody wore it." in shown.output
    assert "no diagnosis" in shown.output
    told = json.loads(run(store, "leaderboard", "spring", "--json").output)
    (its,) = told["wearers"]
    assert (its["rank"], its["struck"], its["verdict"]) == (1, 9000, "cheating")
    assert its["evidence"][0]["sentence"].startswith("anna, 2026-03-02 12:00")
    put(store, band, NOON + HOUR_MS, WALK, [118] * 60, came_utc_ms=NOON + 100 * HOUR_MS)
    assert "Came late: anna: 6372 steps" in run(store, "leaderboard").output
    before = json.loads(run(store, "leaderboard", "--json", "--as-of", "2026-03-02T12:30").output)
    assert before["wearers"][0]["claimed"] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("leaderboard",), "There is no contest yet"),
        (("leaderboard", "x"), "There is no contest x (there are: none)"),
        (("wearer", "add", "anna"), "There is a wearer anna already"),
        (("wearer", "add", " "), "a name has 1 to 64 characters"),
        (("wearer", "add", "x\x1b"), "a name has 1 to 64 characters"),
        (("wearer", "add", ".."), "'..' is no name"),
        (("wearer", "add", "ben", "--height", "180"), "0.5<=x<=2.5"),
        (("wearer", "add", "ben", "--rest", "nan"), "nan is not a finite number"),
        (("wearer", "add", "ben", "--band", "C0:later"), "is worn by anna"),
        (("wearer", "add", "ben", "--lives-in", "Mars"), "no time zone 'Mars'"),
        (("wearer", "add", "ben", "--band", "C0"), "run 'veriband pair C0' first"),
        (("wearer", "wears", "anna", "C0:anna", "--from", "soon"), "is not a time like"),
        (("wearer", "wears", "anna", "C0:anna", "--from", "1999-12-31"), "not between 2000 and"),
        (("wearer", "wears", "anna", "C0:anna", "--from", "9999-12-31T23:59-12:00"),
         "not between 2000 and 2099"),
        (("contest", "add", "x", "anna", "--from", "2026-03-02T10:00", "--to", "2026-03-02T10:00"),
         "--to is not after --from"),
        (("contest", "add", "x", "ben", "--from", "2026-03-02", "--to", "2026-03-02"),
         "There is no wearer ben (there are: anna)"),
        (("contest", "add", "x", "--from", "2026-03-02", "--to", "2026-03-02"), "WEARERS"),
    ],
)  # fmt: skip
def test_wrong_use_of_contests_is_one_sentence(
    store: Store, arguments: tuple[str, ...], told: str
) -> None:
    wearer(store, "anna")
    later = store.add_band("C0:later", None, 0)
    store.assign(later, store.wearer("anna"), NOON + 50 * 365 * DAY_MS)
    result = run(store, *arguments)
    assert result.exit_code in (1, 2)
    assert told in result.output
    assert "Traceback" not in result.output
    assert [each.name for each in store.wearers()] == ["anna"], "nothing was half done"
