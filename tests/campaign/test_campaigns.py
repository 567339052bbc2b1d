"""Each campaign small, and what it prints."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.campaign import alerts, broken, daemon, hostile, lies, power, radio, telling, week
from tests.campaign.runner import Campaign, run
from veriband.alerts.book import Book, Cause
from veriband.store import Store
from veriband_simulator.firmware import find_firmware


def test_a_band_goes_on_after_any_cut_and_what_was_flushed_is_there() -> None:
    day = power.record(1, power.small_journal(find_firmware()), broken.HOURS * 3600.0)
    turns = [n for n, op in enumerate(day.cuts) if day.cuts.count(op) > 1]
    for number in (*range(0, len(day.cuts), 7), *turns[::5]):
        power.case(day, 1, number)


@pytest.mark.parametrize("breakage", broken.BREAKAGES[:3], ids=lambda breakage: breakage.what)
def test_the_cuts_notice_a_broken_journal(breakage: broken.Breakage) -> None:
    assert broken.noticed(breakage, 1)


def test_two_stores_are_true_after_hours_of_a_bad_radio() -> None:
    assert radio.case(None, 1, 8) == 1


@pytest.mark.parametrize("number", [0, 1], ids=["bonded", "a stranger"])
def test_a_band_outlives_malformed_writes(number: int) -> None:
    assert hostile.play_case(1, number, 300) == 300


def test_a_daemon_refuses_lies_and_says_why() -> None:
    assert lies.play_case(1, 0, len(lies.LIES)) > 30


def test_nothing_is_missed_while_nobody_looks() -> None:
    assert week.play_days(1, "increments", 2, 2 * 3600.0) == 2


def test_a_daemon_that_is_killed_loses_nothing() -> None:
    shared = daemon.prepare(1)
    assert daemon.case(shared, 1, 2) == 1


@pytest.mark.parametrize("trouble", [500, 502], ids=["a full disk", "a clock set back"])
def test_a_daemon_outlives_other_troubles(trouble: int) -> None:
    assert daemon.case(None, 1, trouble) == 1


def test_no_alert_is_lost_or_stuck_when_a_daemon_is_killed() -> None:
    assert alerts.case({"statements": 1500, "bytes": 0}, 1, 0) > 0


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        ("UPDATE outbox SET has = wanted", "phone has 0 and confirmed 2"),
        ("DELETE FROM outbox", "phone is owed None/2"),
        ("UPDATE cause SET alert = NULL", "lost"),
    ],
)
def test_the_campaign_of_alerts_notices_what_is_lost(harm: str, why: str, tmp_path: Path) -> None:
    with closing(Store(tmp_path / telling.STORE)) as store:
        book = Book(store, lambda _: telling.LADDER)
        book.observe(None, {"it": [Cause(None, "it", 0, facts={"text": "it"})]}, 0)
        book.advance(0)
        (tmp_path / telling.OBSERVED).write_text("it\n")
        alerts.check_owed(tmp_path)
        store.db.execute(harm)
    with pytest.raises(AssertionError, match=why):
        alerts.check_owed(tmp_path)


def odd(_: None, seed: int, number: int) -> int:
    if number % 2:
        raise AssertionError(f"{number} is odd")
    return 10


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_case_is_told_with_the_command_that_repeats_it(
    workers: int, capfd: pytest.CaptureFixture[str]
) -> None:
    campaign = Campaign("numbers", "numbers", 4, broken.prepare, odd)
    assert not run(campaign, 3, range(4), workers)
    printed = capfd.readouterr().out
    assert "20 numbers: 2 of 4 cases FAILED" in printed
    assert "case 1: AssertionError: 1 is odd" in printed
    assert "make campaign ONLY='numbers --case 3 --seed 3'" in printed
    assert run(campaign, 3, range(2, 3), workers)
    assert "10 numbers: all well" in capfd.readouterr().out
