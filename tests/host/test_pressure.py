"""`veriband measure` and `calibrate` as their user meets them, and the reminder of the month."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from veriband.cli import main
from veriband.link import calibration, reach
from veriband.link.session import BandClock, Calibration
from veriband.records import Anchor, Item, Kind, Sign
from veriband.store import Store
from veriband.vitals import calibrate_command, command
from veriband.vitals.pressure import Reminder, reminder
from veriband.vitals.words import CAUTION, ESTIMATED
from veriband_protocol import items, sockets

BAND = "C0:98:E5:00:00:01"
BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = 1_774_994_400_000  # 2026-04-01 00:00 in Berlin
DAY_MS = 86_400_000
CUFF = ("--cuff", "128/82", "--cuff", "131/84", "--cuff", "127/81")
DONE = Calibration(False, items.STATUS_OK, 0, NOW_MS // 1000)
HUB = sockets.pack_strip(1, sockets.CHIP_PULSE | sockets.CHIP_HUB, 7)
NO_HUB = sockets.pack_strip(1, sockets.CHIP_PULSE, 7)


class Band:
    """A radio and a session in one: its calibrations stand so, one after the other."""

    def __init__(self, *states: Calibration, signs: tuple[Sign, ...] = ()) -> None:
        self.states = list(states)
        self.signs = list(signs)
        self.references = b""

    async def find(self, address: str, seconds: float) -> tuple[None, None]:
        return None, None

    async def clock(self) -> BandClock:
        return BandClock(0, None, 0)

    async def set_clock(self, *_: int) -> None:
        pass

    async def calibration(self, references: bytes = b"") -> Calibration:
        self.references = references or self.references
        if not self.states:
            raise KeyboardInterrupt
        return self.states.pop(0)

    async def measure(self, vital: int) -> list[Sign]:
        assert vital == items.VITAL_BLOOD_PRESSURE
        return self.signs


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A command with a band."""
    path = str(tmp_path / "veriband.db")
    store = Store(Path(path))
    store.add_band(BAND, bytes(20), 0)
    store.close()

    def run(band: Band, *arguments: str) -> Result:
        monkeypatch.setattr(calibration, "LOOK_S", 0)
        for module in (calibrate_command, command):
            monkeypatch.setattr(module, "system_radio", lambda: band)
        monkeypatch.setattr(reach, "connected", lambda *_: nullcontext(band))
        words = ["--store", path, "--zone", "Europe/Berlin", *arguments]
        return CliRunner().invoke(main, words)

    return run


def test_a_calibration_is_looked_on_until_it_is_done(run: Callable[..., Result]) -> None:
    states = [
        Calibration(True, items.STATUS_NOT_WORN, 0, 0),
        Calibration(True, items.STATUS_NOT_WORN, 0, 0),
        Calibration(True, items.STATUS_OK, 40, 0),
        Calibration(True, items.STATUS_NO_PULSE, 41, 0),
        DONE,
    ]
    band = Band(*states)
    result = run(band, "calibrate", BAND, *CUFF)
    assert band.references == bytes((128, 131, 127, 82, 84, 81))
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "0 %: no finger on the hub, lay one on and leave it there",
        "40 %",
        "41 %: a weak pulse, lay the fingertip on flat and warm, without pressing",
    ]
    told = result.stdout.splitlines()
    assert told[0] == "Blood pressure: calibrated 2026-04-01 00:00, holds until 2026-05-01."
    assert told[1:] == [ESTIMATED, CAUTION]


@pytest.mark.parametrize(
    ("cuff", "says"),
    [
        (("--cuff", "128"), "systolic/diastolic in mmHg, as 128/82"),
        (("--cuff", "128/-2"), "systolic/diastolic in mmHg, as 128/82"),
        (("--cuff", "128/82/1"), "systolic/diastolic in mmHg, as 128/82"),
        (("--cuff", "128/82"), "three are needed"),
        ((*CUFF[:4], "--cuff", "160/81"), "too far apart"),
        ((*CUFF[:4], "--cuff", "999/81"), "out of range"),
        ((*CUFF[:4], "--cuff", "999/81"), "from 80 to 180 over 40 to 120 mmHg"),
    ],
)
def test_readings_that_cannot_be_used_are_refused_before_the_band_is_asked(
    run: Callable[..., Result], cuff: tuple[str, ...], says: str
) -> None:
    band = Band()
    result = run(band, "calibrate", BAND, *cuff)
    assert result.exit_code
    assert says in result.stderr
    assert not band.references


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (
            Calibration(False, items.STATUS_NO_SENSOR, 0, 0),
            "plug in a strip with a",
        ),
        (Calibration(True, items.STATUS_BUSY, 3, 0), "ask again in two minutes"),
    ],
)
def test_a_calibration_that_does_not_begin_says_why(
    run: Callable[..., Result], state: Calibration, says: str
) -> None:
    result = run(Band(state), "calibrate", BAND, *CUFF)
    assert result.exit_code == 1
    assert says in result.stderr


def test_ctrl_c_stops_looking_on_and_nothing_else(run: Callable[..., Result]) -> None:
    result = run(Band(Calibration(True, items.STATUS_OK, 5, 0)), "calibrate", BAND, *CUFF)
    assert result.exit_code == 130
    assert f"The band goes on with what it began: 'veriband calibrate {BAND}'" in result.stderr


def test_without_readings_it_says_how_it_stands(run: Callable[..., Result]) -> None:
    under_way = Calibration(True, items.STATUS_MOVING, 12, 0)
    assert run(Band(under_way), "calibrate", BAND).stdout.splitlines() == [
        "A calibration is under way, 12 %: it moves, keep the hand still.",
        "Blood pressure: not calibrated with a cuff.",
    ]
    assert "holds until 2026-05-01" in run(Band(DONE), "calibrate", BAND).stdout


def test_a_pressure_is_shown_with_what_it_is_worth(run: Callable[..., Result]) -> None:
    signs = (
        Sign(items.VITAL_BLOOD_PRESSURE, 0, 142, 90),
        Sign(items.VITAL_HEART_RATE, 0, 77, 100),
        Sign(items.VITAL_SPO2, 0, 96, 100),
    )
    told = run(Band(signs=signs), "measure", BAND, "pressure").stdout.splitlines()
    assert told[:3] == [
        "blood pressure: 142/90 mmHg",
        "heart rate: 77 bpm, quality 100 %",
        "SpO2: 96 % (uncalibrated), quality 100 %",
    ]
    assert told[3:] == [ESTIMATED, CAUTION]


@pytest.mark.parametrize(
    ("status", "says"), [(7, "(not calibrated): it needs three"), (9, "(status 9): see that")]
)
def test_a_pressure_that_is_none_says_what_to_do(
    run: Callable[..., Result], status: int, says: str
) -> None:
    sign = Sign(items.VITAL_BLOOD_PRESSURE, status, 0, 0)
    result = run(Band(signs=(sign,)), "measure", BAND, "pressure")
    assert result.exit_code == 1
    assert f"Band {BAND} has no blood pressure {says}" in result.stderr


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([(-2, items.EVENT_STRIP, HUB)], "is not calibrated"),
        ([(-2, items.EVENT_STRIP, NO_HUB)], None),
        ([], None),
        ([(-40, items.EVENT_STRIP, HUB), (-29.9, items.EVENT_CALIBRATED, b"\0")], None),
        (
            [(-40, items.EVENT_STRIP, HUB), (-30.1, items.EVENT_CALIBRATED, b"\0")],
            "was calibrated on 2026-03-01",
        ),
        (
            [
                (-40, items.EVENT_STRIP, HUB),
                (-30.5, items.EVENT_CALIBRATED, b"\0"),
                (-1, items.EVENT_CALIBRATED, b"\1"),
            ],
            "was calibrated on 2026-03-01",
        ),
        ([(-3, items.EVENT_STRIP, HUB), (-2, items.EVENT_STRIP, NO_HUB)], None),
    ],
)
def test_who_has_a_hub_is_reminded_each_month(
    tmp_path: Path, events: list[tuple[float, int, bytes]], says: str | None
) -> None:
    store = Store(tmp_path / "veriband.db")
    band = store.add_band(BAND, bytes(20), 0)
    begun_ms = NOW_MS - 50 * DAY_MS
    found = [
        Item(k, Kind.EVENT, 1, round((50 + days) * DAY_MS), detail=code, raw=raw)
        for k, (days, code, raw) in enumerate(events, 1)
    ]
    anchor = Anchor(0, Kind.ANCHOR, 1, 0, utc_ms=begun_ms, offset_min=60)
    store.commit(band, 7, [anchor, *found], 9, 0)
    told = reminder(store, band, NOW_MS, BERLIN)
    daily = Reminder(store, band, BERLIN)
    assert [daily.due(NOW_MS + k * DAY_MS // 2) for k in range(2)] == [told, None]
    assert told is None if says is None else told and says in told
    another = Anchor(0, Kind.ANCHOR, 1, 0, utc_ms=NOW_MS - 1000, offset_min=60)
    store.commit(band, 8, [another], 1, 0)
    assert reminder(store, band, NOW_MS, BERLIN) is None, "another wearer's band, another log"
    store.close()
