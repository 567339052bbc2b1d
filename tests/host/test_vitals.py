"""Vital signs by period, as the command shows them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing, nullcontext
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from veriband.analysis.cycles import Stay
from veriband.cli import main
from veriband.errors import NotMeasured
from veriband.link import reach
from veriband.records import Anchor, Kind, Sign, Taken, reading
from veriband.store import Store
from veriband.store.entered import TYPED_IN, Entry
from veriband.store.roster import Wearer
from veriband.vitals import command
from veriband.vitals.readings import by_period
from veriband.vitals.signs import described
from veriband.vitals.table import rows_for_programs, table
from veriband.vitals.words import CAUTION, NOT_CALIBRATED
from veriband_protocol.items import (
    STATUS_BUSY,
    STATUS_FAILED,
    STATUS_MOVING,
    STATUS_NO_SENSOR,
    STATUS_OK,
    VITAL_BLOOD_PRESSURE,
    VITAL_HEART_RATE,
    VITAL_SPO2,
    pack_sign,
)

BAND = "C0:98:E5:00:00:01"
BERLIN = ZoneInfo("Europe/Berlin")
HEART, OXYGEN = Sign(VITAL_HEART_RATE, STATUS_OK, 62, 97), Sign(VITAL_SPO2, STATUS_OK, 96, 91)
STAYS = [Stay(0, BERLIN)]


def at(*when: int) -> int:
    return round(datetime(*when, tzinfo=BERLIN).timestamp() * 1000)  # type: ignore[arg-type]


def stored(folder: Path, taken: Iterable[tuple[int, tuple[Sign, ...]]]) -> str:
    """A store with a band that has measured that."""
    store = Store(folder / "veriband.db")
    band = store.add_band(BAND, bytes(20), 0)
    begin_ms = at(2026, 3, 1)
    items = [Anchor(0, Kind.ANCHOR, 1, 0, utc_ms=begin_ms)]
    raws = [(utc_ms, b"".join(pack_sign(*sign) for sign in signs)) for utc_ms, signs in taken]
    found = [reading(k, 1, ms - begin_ms, raw) for k, (ms, raw) in enumerate(raws, 1)]
    store.commit(band, 7, [*items, *found], 1 + len(found), 0)
    store.close()
    return str(folder / "veriband.db")


def run(path: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--store", path, "--zone", "Europe/Berlin", *arguments])


DAY = [
    (at(2026, 3, 1, 22, 59), (HEART, OXYGEN)),  # of the cycle before
    (at(2026, 3, 1, 23, 0), (HEART, OXYGEN)),
    (at(2026, 3, 2, 9, 2), (HEART, Sign(VITAL_SPO2, STATUS_MOVING, 0, 0))),
    (at(2026, 3, 2, 9, 30), (Sign(VITAL_HEART_RATE, STATUS_OK, 131, 80),)),
    (at(2026, 3, 2, 9, 31), (Sign(VITAL_HEART_RATE, STATUS_MOVING, 0, 0),)),
    (at(2026, 3, 2, 9, 32), (Sign(VITAL_HEART_RATE, STATUS_OK, 118, 80),)),
    (
        at(2026, 3, 2, 12, 59),
        (
            Sign(VITAL_HEART_RATE, STATUS_NO_SENSOR, 0, 0),
            Sign(VITAL_SPO2, STATUS_NO_SENSOR, 0, 0),
        ),
    ),
    (at(2026, 3, 2, 22, 59), (Sign(VITAL_BLOOD_PRESSURE, STATUS_OK, 128, 82),)),
    (at(2026, 3, 2, 23, 0), (HEART, OXYGEN)),  # of the next
]


def test_a_cycle_is_shown_by_period(tmp_path: Path) -> None:
    shown = run(stored(tmp_path, DAY), "vitals", "--day", "2026-03-02")
    assert shown.exit_code == 0, shown.output
    idle = "-      -            -      -               -               -"
    assert shown.output.splitlines() == [
        f"{BAND}  cycle 2026-03-02, until 23:00",
        "period       time   heart rate   SpO2   blood pressure  status          source",
        "23:00-01:00  23:00  62 bpm       96 %*  -               ok              strip",
        *(f"{hour:02}:00-{hour + 2:02}:00  {idle}" for hour in (1, 3, 5, 7)),
        "09:00-11:00  09:02  62 bpm       -      -               SpO2 moving     strip",
        f"{'':11}  09:30  118-131 bpm  -      -               2 ok, 1 moving  strip",
        "11:00-13:00  12:59  -            -      -               no sensor       strip",
        *(f"{hour}:00-{hour + 2}:00  {idle}" for hour in (13, 15, 17, 19)),
        "21:00-23:00  22:59  -            -      128/82 mmHg     ok              strip",
        NOT_CALIBRATED,
        CAUTION,
    ]


def test_programs_get_each_reading_with_its_period_and_source(tmp_path: Path) -> None:
    shown = run(stored(tmp_path, DAY), "vitals", "--day", "2026-03-02", "--json", BAND)
    told = json.loads(shown.output)
    assert (told["band"], told["cycle"], told["caution"]) == (BAND, "2026-03-02", CAUTION)
    rows = told["readings"]
    assert [row["period"] for row in rows] == [0, 5, 5, 5, 5, 6, 11]
    assert rows[0] == {
        "period": 0,
        "at": "2026-03-01T23:00:00+01:00",
        "source": "strip",
        "heart_rate": {"status": "ok", "bpm": 62, "quality_percent": 97},
        "spo2": {"status": "ok", "percent": 96, "quality_percent": 91, "calibrated": False},
    }
    assert rows[1]["spo2"] == {"status": "moving", "calibrated": False}
    assert rows[-1]["blood_pressure"] == {
        "status": "ok", "systolic_mmhg": 128, "diastolic_mmhg": 82,
    }  # fmt: skip


def test_readings_of_any_source_stand_in_one_table() -> None:
    taken = [
        Taken(at(2026, 3, 2, 8), "strip", (HEART, OXYGEN)),
        Taken(at(2026, 3, 2, 7, 30), "typed in", (Sign(VITAL_BLOOD_PRESSURE, 0, 121, 79),)),
        Taken(at(2026, 3, 2, 8, 30), "typed in", (Sign(9, 0, 1, 1), HEART)),
    ]
    periods = by_period(taken, datetime(2026, 3, 2).date(), STAYS)
    assert [[one.source for one in its] for its in periods if its] == [
        ["typed in", "strip", "typed in"]
    ]
    assert "121/79 mmHg     ok      typed in" in table(periods, STAYS)
    assert [row["source"] for row in rows_for_programs(periods, STAYS)] == [
        "typed in", "strip", "typed in",
    ]  # fmt: skip


def test_the_zone_is_the_named_one_or_the_wearers(tmp_path: Path) -> None:
    path = stored(tmp_path, [(at(2026, 3, 2, 23, 30), (HEART, OXYGEN))])
    store = Store(Path(path))
    store.assign(store.bands()[0], store.add_wearer("anna", zone="America/New_York"), 0)
    store.close()

    def period(*arguments: str) -> list[int]:
        shown = CliRunner().invoke(main, ["--store", path, *arguments])
        return [row["period"] for row in json.loads(shown.output)["readings"]]

    day = ("vitals", "--day", "2026-03-02", "--json")
    assert period(*day) == [9], "17:30 in New York"
    assert period("--zone", "Europe/Berlin", *day) == []
    assert period("--zone", "Europe/Berlin", *day[:2], "2026-03-03", "--json") == [0]


def entered(store: Store, wearer: Wearer, *when: int, systolic: int) -> None:
    sign = Sign(VITAL_BLOOD_PRESSURE, STATUS_OK, systolic, 80)
    store.enter(wearer, Entry(at(*when), TYPED_IN, (sign,)), at(*when))


def shown_by(path: str, *arguments: str) -> list[str]:
    """Time and first number of each reading."""
    rows = json.loads(run(path, "vitals", *arguments, "--json").output)["readings"]
    return [
        f"{row['at'][11:16]} {row.get('blood_pressure', {}).get('systolic_mmhg') or 'strip'}"
        for row in rows
    ]


def test_typed_in_readings_beside_a_cycle_are_of_who_wore_the_band_at_its_end(
    tmp_path: Path,
) -> None:
    """Anna wears it from noon, Ben from the next morning, before any zone's cycle is over."""
    path = stored(tmp_path, DAY)
    with closing(Store(Path(path))) as store:
        (band,) = store.bands()
        for name, systolic in (("carl", 111), ("anna", 122), ("ben", 133)):
            entered(store, store.add_wearer(name), 2026, 3, 2, 8, systolic=systolic)
        store.assign(band, store.wearer("carl"), at(2026, 3, 1))
        store.assign(band, store.wearer("anna"), at(2026, 3, 2, 12))
        store.assign(band, store.wearer("ben"), at(2026, 3, 3, 9))
    assert [row for row in shown_by(path, "--day", "2026-03-02") if "strip" not in row] == [
        "08:00 122", "22:59 128",
    ]  # fmt: skip


def test_a_wearers_readings_are_those_of_all_their_bands_while_they_wore_them(
    tmp_path: Path,
) -> None:
    path = stored(tmp_path, DAY)
    with closing(Store(Path(path))) as store:
        anna, ben = (store.add_wearer(name) for name in ("anna", "ben"))
        (band,) = store.bands()
        store.assign(band, anna, at(2026, 3, 2, 9, 30), at(2026, 3, 2, 12))
        store.assign(band, ben, at(2026, 3, 2, 12))
        other = store.add_band("C0:98:E5:00:00:02", None, 0)
        anchor = Anchor(0, Kind.ANCHOR, 1, 0, utc_ms=at(2026, 3, 2, 14))
        raw = pack_sign(*OXYGEN)
        store.commit(other, 7, [anchor, reading(1, 1, 0, raw)], 2, 0)
        store.assign(other, anna, at(2026, 3, 2))
        entered(store, anna, 2026, 3, 2, 8, systolic=122)
        entered(store, ben, 2026, 3, 2, 8, systolic=133)
    day = ("--day", "2026-03-02")
    assert shown_by(path, *day, "--wearer", "anna") == [
        "08:00 122", "09:30 strip", "09:31 strip", "09:32 strip", "14:00 strip",
    ]  # fmt: skip
    told = run(path, "vitals", *day, "--wearer", "ben").output
    assert told.startswith("ben  cycle 2026-03-02, until 23:00\n")
    assert "133/80 mmHg" in told and "128/82 mmHg" in told and "122/80" not in told
    assert NOT_CALIBRATED not in told, "none has the mark"
    assert told.endswith(f"{CAUTION}\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--wearer", "ben"), "There is no wearer ben (there are: anna)"),
        (("--wearer", "anna", BAND), "not both"),
        ((), "name a wearer with --wearer"),
    ],
)
def test_without_a_band_there_are_wearers(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    path = str(tmp_path / "veriband.db")
    with closing(Store(Path(path))) as store:
        entered(store, store.add_wearer("anna"), 2026, 3, 2, 8, systolic=122)
    refused = run(path, "vitals", *arguments)
    assert refused.exit_code and says in refused.output
    assert shown_by(path, "--wearer", "anna", "--day", "2026-03-02") == ["08:00 122"]


def test_who_has_travelled_has_older_readings_in_the_zone_of_that_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The band's clock was Berlin's; now it is New York's, and so is this computer's."""
    path = str(tmp_path / "veriband.db")
    night, flight = at(2026, 3, 1, 23, 30), at(2026, 3, 2, 12)
    with closing(Store(Path(path))) as store:
        band = store.add_band(BAND, None, 0)
        raw = pack_sign(*OXYGEN)
        items = [
            Anchor(0, Kind.ANCHOR, 1, 0, utc_ms=night, offset_min=60),
            reading(1, 1, 0, raw),
            Anchor(2, Kind.ANCHOR, 1, flight - night, utc_ms=flight, offset_min=-300),
            reading(3, 1, flight - night, raw),
        ]
        store.commit(band, 7, items, 4, 0)
        anna = store.add_wearer("anna")
        store.assign(band, anna, 0)
    monkeypatch.setenv("TZ", "America/New_York")
    for whose in ((), ("--wearer", "anna")):
        done = CliRunner().invoke(
            main, ["--store", path, "vitals", "--day", "2026-03-02", "--json", *whose]
        )
        rows = json.loads(done.output)["readings"]
        assert [(row["period"], row["at"]) for row in rows] == [
            (0, "2026-03-01T23:30:00+01:00"), (3, "2026-03-02T06:00:00-05:00"),
        ]  # fmt: skip
    assert shown_by(path, "--day", "2026-03-02") == ["23:30 strip", "12:00 strip"], "--zone rules"


def test_without_a_day_it_is_the_cycle_under_way(tmp_path: Path) -> None:
    shown = run(stored(tmp_path, []), "vitals", "--json")
    today = datetime.now(BERLIN).date()
    cycle = datetime.fromisoformat(json.loads(shown.output)["cycle"]).date()
    assert 0 <= (cycle - today).days <= 1


def test_what_is_uncalibrated_is_called_so_wherever_it_is_told() -> None:
    assert described(OXYGEN) == "96 % (uncalibrated), quality 91 %"
    assert described(HEART) == "62 bpm, quality 97 %"
    assert described(Sign(VITAL_BLOOD_PRESSURE, 0, 128, 82)) == "128/82 mmHg"


@pytest.mark.parametrize("status", range(1, 16))
def test_what_was_not_measured_is_said_with_advice(status: int) -> None:
    text = str(NotMeasured(BAND, "SpO2", status))
    assert text.startswith(f"Band {BAND} has no SpO2 (")
    assert text.endswith(".")
    for known, words in ((STATUS_BUSY, "busy"), (STATUS_FAILED, "failed"), (15, "status 15")):
        assert (words in text) == (status == known)


class Measuring:
    """A radio and a session in one, with a band that measures these."""

    def __init__(self, signs: list[Sign]) -> None:
        self.signs = signs
        self.asked: list[int] = []

    async def find(self, address: str, seconds: float) -> tuple[None, None]:
        return None, None

    async def measure(self, vital: int) -> list[Sign]:
        self.asked.append(vital)
        return self.signs


@pytest.mark.parametrize(
    ("arguments", "signs", "status", "lines"),
    [
        (("heart",), [HEART, OXYGEN], 0, ["62 bpm, quality 97 %"]),
        (("measure", "heart"), [HEART], 0, ["heart rate: 62 bpm, quality 97 %", CAUTION]),
        (
            ("measure", "spo2"),
            [HEART, OXYGEN, Sign(9, STATUS_OK, 1, 1)],
            0,
            [
                "heart rate: 62 bpm, quality 97 %",
                "SpO2: 96 % (uncalibrated), quality 91 %",
                CAUTION,
            ],
        ),
        (
            ("measure", "spo2"),
            [HEART, Sign(VITAL_SPO2, STATUS_MOVING, 0, 0)],
            1,
            [
                "heart rate: 62 bpm, quality 97 %",
                f"Error: Band {BAND} has no SpO2 (moving): keep the arm still.",
            ],
        ),
    ],
)
def test_what_is_measured_now_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    signs: list[Sign],
    status: int,
    lines: list[str],
) -> None:
    radio = Measuring(signs)
    monkeypatch.setattr(command, "system_radio", lambda: radio)
    monkeypatch.setattr(reach, "connected", lambda *_: nullcontext(radio))
    done = run(stored(tmp_path, []), arguments[0], BAND, *arguments[1:])
    assert (done.exit_code, done.output.splitlines()) == (status, lines)
    assert radio.asked == [VITAL_SPO2 if "spo2" in arguments else VITAL_HEART_RATE]


def test_an_answer_to_something_else_is_no_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    radio = Measuring([HEART])
    monkeypatch.setattr(command, "system_radio", lambda: radio)
    monkeypatch.setattr(reach, "connected", lambda *_: nullcontext(radio))
    done = run(stored(tmp_path, []), "measure", BAND, "spo2")
    assert done.exit_code == 1
    assert "an answer without SpO2" in done.output
