"""`veriband report`: a wearer's days, nothing made up and nothing left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from tests.host.minutes import NOON, put, put_gap
from veriband import report_command
from veriband.alerts.book import Book, Cause
from veriband.alerts.machine import Ladder, Rung
from veriband.analysis.cycles import Stay
from veriband.cli import main
from veriband.records import STRIP, Sign, Taken
from veriband.report import days, vitals_of
from veriband.report_command import CAUTIONS
from veriband.store import Store
from veriband.store.entered import TYPED_IN
from veriband_protocol.items import (
    MINUTE_MS,
    STATUS_MOVING,
    STATUS_OK,
    VITAL_BLOOD_PRESSURE,
    VITAL_HEART_RATE,
    VITAL_SPO2,
)

BAND = "C0:98:E5:00:00:01"
HOUR_MS = 60 * MINUTE_MS
NOW = NOON + 8 * HOUR_MS  # 21:00 in Berlin
SUBJECT = "anomaly/heart rate/high"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(report_command, "utc_ms", lambda: NOW)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with closing(Store(tmp_path / "veriband.db")) as store:
        anna = store.add_wearer("anna", zone="Europe/Berlin")
        store.assign(store.add_band(BAND, bytes(20), 0), anna, 0)
        yield store


def run(store: Store, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--store", str(store.path), "report", *arguments])


def told(store: Store, *arguments: str) -> dict[str, Any]:
    done = run(store, "anna", *arguments, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def test_a_day_with_steps_gaps_and_heart_rates(store: Store) -> None:
    (band,) = store.bands()
    put(store, band, NOON, [100] * 30 + [0] * 30, [110] * 30)
    put_gap(store, band, NOON + HOUR_MS, 50)
    put(store, band, NOON + 2 * HOUR_MS, [0] * 60, [70] * 10)
    done = run(store, "anna", "--from", "2026-03-02", "--to", "2026-03-02")
    lines = done.output.splitlines()
    assert lines[0] == "anna, 2026-03-02 to 2026-03-02, on the clock of Europe/Berlin"
    assert "2026-03-02 Monday" in lines
    assert "  steps: 3000 counted, 50 unverified" in lines
    assert "  nothing came of 19 h 0 min: 00:00-13:00, 14:00-15:00, 16:00-21:00" in lines
    assert "  heart rate: 70 / 110 / 110 bpm (lowest / median / highest of 40 readings)" in lines
    assert tuple(lines[-3:]) == CAUTIONS
    (day,) = told(store, "--from", "2026-03-02", "--to", "2026-03-02")["days"]
    assert day["steps"] == {"counted": 3000, "struck": 0, "unverified": 50, "minutes": 120}
    assert day["gaps"][0] == {
        "from": "2026-03-02T00:00:00+01:00", "to": "2026-03-02T13:00:00+01:00"
    }  # fmt: skip


def test_steps_of_a_band_that_nobody_wore_are_struck(store: Store) -> None:
    (band,) = store.bands()
    put(store, band, NOON, [150] * 60, [0] * 60)
    (day,) = told(store, "--to", "2026-03-02", "--from", "2026-03-02")["days"]
    its = day["steps"]
    assert its == {"counted": 0, "struck": 9000, "unverified": 0, "minutes": 60}
    assert "  steps: 0 counted, 9000 struck\n" in run(store, "anna").output


def test_without_days_it_is_the_last_week_and_an_empty_one_says_so(store: Store) -> None:
    its = told(store)
    assert [day["day"] for day in its["days"]] == [
        f"2026-02-{day}" for day in (24, 25, 26, 27, 28)
    ] + ["2026-03-01", "2026-03-02"]
    assert all(day["vitals"] == [] and day["steps"]["minutes"] == 0 for day in its["days"])
    lines = run(store, "anna").output.splitlines()
    assert lines.count("  no minute of steps has come") == 7
    assert lines.count("  no vital signs") == 7
    assert lines[lines.index("Alerts") + 1] == "  none"


@pytest.mark.parametrize(
    "arguments", [("--from", "2026-03-03"), ("--from", "2020-01-01"), ("--to", "yesterday")]
)
def test_days_that_are_none_or_too_many_are_refused(
    store: Store, arguments: tuple[str, ...]
) -> None:
    assert run(store, "anna", *arguments).exit_code == 2
    assert run(store, "ben").exit_code == 1


def test_days_of_a_change_of_the_clock_have_23_and_25_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spans = days(date(2026, 3, 28), date(2026, 3, 30), berlin)
    assert [(end - begin) // HOUR_MS for _, begin, end in spans] == [24, 23, 24]
    assert all(one[2] == two[1] for one, two in pairwise(spans))


def taken(hour: int, source: str, *signs: Sign) -> Taken:
    return Taken(round(datetime(2026, 3, 2, hour, tzinfo=UTC).timestamp() * 1000), source, signs)


def test_what_is_uncalibrated_stands_apart_and_failures_are_counted() -> None:
    readings = [
        taken(1, STRIP, Sign(VITAL_SPO2, STATUS_OK, 93, 80)),
        taken(3, STRIP, Sign(VITAL_SPO2, STATUS_OK, 96, 80)),
        taken(5, STRIP, Sign(VITAL_SPO2, STATUS_MOVING, 0, 0)),
        taken(6, TYPED_IN, Sign(VITAL_SPO2, STATUS_OK, 99, 0)),
        taken(7, TYPED_IN, Sign(VITAL_BLOOD_PRESSURE, STATUS_OK, 128, 82)),
        taken(8, STRIP, Sign(VITAL_HEART_RATE, STATUS_MOVING, 0, 0)),
        taken(23, STRIP, Sign(VITAL_SPO2, STATUS_OK, 50, 80)),  # of the next cycle
    ]
    found = {
        (its.name, its.by_strip): its
        for its in vitals_of(readings, date(2026, 3, 2), [Stay(0, UTC)])
    }
    band, typed_in = found["SpO2", True], found["SpO2", False]
    assert (band.low, band.median, band.high, band.count) == (93, 94.5, 96, 2)
    assert (band.note, band.failed) == ("uncalibrated", {"moving": 1})
    assert (typed_in.low, typed_in.high, typed_in.count, typed_in.note) == (99, 99, 1, "")
    assert found["systolic pressure", False].median == 128
    assert found["diastolic pressure", False].median == 82
    assert found["heart rate", True].count == 0


def test_alerts_stand_with_who_acknowledged_them_and_others_are_left_out(store: Store) -> None:
    facts = {"text": "heart rate 131 bpm"}
    book = Book(store, lambda _: Ladder((Rung(0, ("console",)),)))
    ben = store.add_wearer("ben")
    for k, wearer in enumerate((1, 1, ben.id, 1)):
        at_ms = NOON - 10 * 24 * HOUR_MS if k == 3 else NOON + k * HOUR_MS
        subject = f"{SUBJECT}{k}"
        over_ms = at_ms if k == 3 else None
        cause = Cause(wearer, subject, at_ms, until_ms=over_ms, facts=facts)
        book.observe(wearer, {subject: [cause]}, at_ms)
    book.acknowledge(1, "Cleo", "rang her", NOON + HOUR_MS)
    book.acknowledge(4, "Cleo", "", NOON - 9 * 24 * HOUR_MS)
    lines = run(store, "anna").output.splitlines()
    alerts = lines[lines.index("Alerts") + 1 : lines.index("", lines.index("Alerts"))]
    assert alerts[0].startswith("  1  anna: heart rate 131 bpm, warning, since 2026-03-02 13:00")
    assert alerts[1] == "     acknowledged by Cleo 2026-03-02 14:00 (rang her)"
    assert alerts[2].startswith("  2  ") and alerts[3] == "     nobody has acknowledged it"
    assert len(alerts) == 4, "neither ben's, nor what was over before"
    first, second = told(store)["alerts"]
    assert first["acknowledgements"] == [
        {"by": "Cleo", "at": "2026-03-02T14:00:00+01:00", "note": "rang her"}
    ]
    assert second["acknowledgements"] == []
