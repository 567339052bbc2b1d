"""What programs read: `--json` is everywhere that they would want it."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from click.testing import CliRunner

from tests.host.commands import commands
from veriband import cli
from veriband.alerts.book import Book, Cause
from veriband.alerts.machine import Ladder, Rung
from veriband.bridge import command as strip_command
from veriband.bridge.reading import Chips, Light, as_json
from veriband.cli import main
from veriband.contest import seal_commands
from veriband.errors import BandNotFound
from veriband.link.meter import Fetched
from veriband.link.session import BandInfo, Calibration, JournalState
from veriband.link.sync import Synced
from veriband.records import Sign
from veriband.store import Store
from veriband.strip import Strip
from veriband.vitals import calibrate_command, meter_command
from veriband.vitals import command as vitals_command
from veriband_protocol import uuids
from veriband_protocol.items import STATUS_OK, VITAL_HEART_RATE, VITAL_SPO2
from veriband_protocol.sockets import CHIP_HUB, SOCKET_COVER

BAND = "C0:98:E5:00:00:01"
METER = "C0:98:E5:00:00:02"
MADE_S = 1_775_000_000

ONE_THING = "it does one thing, and its status says whether it did"
WITHOUT = {
    "completion": "a shell reads it",
    "run": "it goes on and on; programs are told alerts as terminals, in JSON",
    "web": "it goes on and on; browsers read it",
    "contest hand-in": "its file is for 'contest take' to read",
    "wearer export": "its file is JSON",
    **dict.fromkeys(
        (
            "config init", "contest add", "enter forget", "enter undo", "meter forget", "pair",
            "service install", "service remove", "wearer add", "wearer change", "wearer erase",
            "wearer grant", "wearer revoke", "wearer scrub", "wearer wears",
        ),
        ONE_THING,
    ),
}  # fmt: skip


def test_each_command_has_json_or_a_reason_why_not() -> None:
    without = {
        name
        for name, command in commands(main)
        if not isinstance(command, click.Group) or command.invoke_without_command
        if not any("--json" in param.opts for param in command.params)
    }
    assert without == set(WITHOUT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "veriband.db"
    with closing(Store(path)) as store:
        store.add_band(BAND, bytes(20), 0)
    return path


def told(path: Path, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    """The JSON objects that a command prints, one a line, and nothing else."""
    base = ["--store", str(path), "--zone", "Europe/Berlin"]
    done = CliRunner().invoke(main, [*base, *arguments, "--json"])
    assert done.exit_code == status, (done.output, done.exception)
    return [json.loads(line) for line in done.stdout.splitlines()]


def did(path: Path, *arguments: str) -> None:
    done = CliRunner().invoke(main, ["--store", str(path), *arguments])
    assert done.exit_code == 0, done.output


def test_wearers_and_contests(path: Path) -> None:
    assert told(path, "wearer", "list") == told(path, "contest", "list") == []
    did(path, "wearer", "add", "anna", "--sex", "f", "--height", "1.7", "--band", BAND)
    (anna,) = told(path, "wearer", "list")
    assert (anna["wearer"], anna["sex"], anna["height_m"], anna["birth_year"]) == (
        "anna", "f", 1.7, None
    )  # fmt: skip
    assert anna["bands"][0]["band"] == BAND and anna["bands"][0]["to"] is None
    assert anna["bands"][0]["from"].endswith(("+01:00", "+02:00"))
    did(path, "contest", "add", "spring", "anna", "--from", "2026-03-01", "--to", "2026-03-31")
    (spring,) = told(path, "contest", "list")
    assert spring["contest"] == "spring" and spring["wearers"] == ["anna"]
    (board,) = told(path, "leaderboard")
    assert {key: board[key] for key in spring if key != "wearers"} == {
        key: spring[key] for key in spring if key != "wearers"
    }


def test_entered_readings(path: Path) -> None:
    did(path, "wearer", "add", "anna")
    assert told(path, "enter", "list") == []
    (pressure,) = told(path, "enter", "bp", "128/82", "--pulse", "71")
    assert pressure["blood_pressure"]["systolic_mmhg"] == 128
    assert pressure["heart_rate"]["bpm"] == 71 and "no medical device" in pressure["caution"]
    (spo2,), (heart,) = told(path, "enter", "spo2", "97"), told(path, "enter", "heart", "62")
    assert told(path, "enter", "list") == [pressure, spo2, heart]
    did(path, "enter", "forget", str(spo2["number"]))
    assert told(path, "enter", "list") == [pressure, heart]


def test_an_alert_that_is_acknowledged(path: Path) -> None:
    with closing(Store(path)) as store:
        book = Book(store, lambda _: Ladder((Rung(0, ("console",)),)))
        cause = Cause(None, "hop/band", 0, facts={"text": "Band X is silent"})
        book.observe(None, {"hop/band": [cause]}, 0)
    (its,) = told(path, "alerts", "ack", "1", "--by", "Ben")
    assert (its["alert"], its["phase"], its["acknowledged_by"]) == (1, "acknowledged", "Ben")
    (its,) = told(path, "alerts", "show", "1")
    assert its["acknowledged_by"] == "Ben"


def advertising(address: str, *services: str, is_open: bool = False) -> Any:
    data = {uuids.COMPANY: b""} if is_open else {}
    told = AdvertisementData("it", data, {}, list(services), None, -50, ())
    return BLEDevice(address, "it", None), told


class Near:
    """A radio and a session with a band in one."""

    async def scan(self, seconds: float) -> list[Any]:
        return [
            advertising(BAND, uuids.JOURNAL_SERVICE, is_open=True),
            advertising(METER, uuids.standard(0x1810)),
        ]

    async def info(self) -> BandInfo:
        return BandInfo("micropython", "0.1", 1, "", 1000, 2000, 3910, 0)

    async def state(self) -> JournalState:
        return JournalState(1, 0, 0, 1, 0, Strip(SOCKET_COVER, CHIP_HUB, 0x5EED))

    async def calibration(self) -> Calibration:
        return Calibration(False, STATUS_OK, 100, MADE_S)

    async def file(self, index: int) -> tuple[str, str]:
        return "main.py", "ab" * 32

    async def profile(self) -> int:
        return 0

    async def measure(self, vital: int) -> list[Sign]:
        return [Sign(VITAL_HEART_RATE, STATUS_OK, 61, 90), Sign(VITAL_SPO2, STATUS_OK, 97, 80)]


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetch(*_: Any) -> None:
        pass

    for module in (cli, vitals_command, calibrate_command, seal_commands):
        monkeypatch.setattr(module, "system_radio", Near)
        monkeypatch.setattr(module, "reached", lambda *_: nullcontext(Near()))
    monkeypatch.setattr(cli, "fetch", fetch)


@pytest.mark.usefixtures("near")
def test_what_is_near(path: Path) -> None:
    band, meter = told(path, "scan")
    assert band == {
        "address": BAND, "name": "it", "rssi_dbm": -50, "kind": "band", "pairing_open": True
    }  # fmt: skip
    assert (meter["address"], meter["kind"]) == (METER, "blood-pressure meter")


@pytest.mark.usefixtures("near")
def test_what_a_band_says_of_itself(path: Path) -> None:
    (its,) = told(path, "info", BAND)
    assert its["files"] == {"main.py": "ab" * 32} and its["heap_free_bytes"] == 2000
    assert (its["case_mv"], its["cell_mv"]) == (3910, None)
    assert its["strip"] == {
        "sockets": ["cover"], "chips": ["blood-pressure hub"], "label": "00005EED"
    }  # fmt: skip
    assert its["calibrated"] == "2026-04-01T01:33:20+02:00"
    (its,) = told(path, "calibrate", BAND)
    assert its["calibrated"] == "2026-04-01T01:33:20+02:00" and not its["is_running"]
    assert its["holds_until"] == "2026-05-01T01:33:20+02:00"
    assert told(path, "profile", BAND) == [{"band": BAND, "profile": "responsive"}]


@pytest.mark.usefixtures("near")
def test_what_is_measured_now(path: Path) -> None:
    (its,) = told(path, "heart", BAND)
    assert its["heart_rate"]["bpm"] == 61 and "spo2" not in its
    (its,) = told(path, "measure", BAND, "spo2")
    assert its["spo2"] == {
        "status": "ok", "percent": 97, "quality_percent": 80, "calibrated": False
    }  # fmt: skip
    assert "no medical device" in its["caution"] and its["band"] == BAND


class Syncing:
    """A supervisor; the second band is not there."""

    def __init__(self, radio: Any, store: Store, band: Any, *_: Any) -> None:
        self._address = band.address

    async def once(self) -> Synced:
        await asyncio.sleep(0)
        if self._address != BAND:
            raise BandNotFound(self._address)
        return Synced(12, True)


def test_a_sync_is_told_band_by_band(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "Supervisor", Syncing)
    assert told(path, "sync") == [{"band": BAND, "items": 12, "clock_set": True}]
    with closing(Store(path)) as store:
        store.add_band(METER, bytes(20), 0)
    well, absent = told(path, "sync", status=1)
    assert "error" not in well and "was not found" in absent["error"]


@pytest.mark.usefixtures("near")
def test_meters(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(path, "meter", "list") == []
    known = SimpleNamespace(address=METER, user=2, vital=4, wearer=SimpleNamespace(name="anna"))
    monkeypatch.setattr(Store, "meters", lambda _: [known])
    monkeypatch.setattr(meter_command.meters, "KINDS", {4: "blood-pressure meter"})
    assert told(path, "meter", "list") == [
        {"address": METER, "kind": "blood-pressure meter", "user": 2, "wearer": "anna"}
    ]

    async def fetch(*_: Any) -> Fetched:
        return Fetched(3, ("One was refused.",))

    monkeypatch.setattr(meter_command.meters, "fetch", fetch)
    assert told(path, "meter", "fetch") == [
        {"meter": METER, "new": 3, "refused": ["One was refused."]}
    ]


@pytest.mark.usefixtures("near")
def test_bands_that_are_enrolled(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def enrol_band(*_: Any, **__: Any) -> bool:
        return True

    monkeypatch.setattr(seal_commands, "enrol_band", enrol_band)
    did(path, "wearer", "add", "anna")
    did(path, "wearer", "wears", "anna", BAND, "--from", "2026-03-01")
    did(path, "contest", "add", "spring", "anna", "--from", "2026-03-01", "--to", "2026-03-31")
    assert told(path, "contest", "enrol", "spring") == [{"band": BAND, "is_new": True}]


def test_a_strip_in_the_hand(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chips, seen = Chips(0x5EED, 0x15, False, -1, (80, 3900), False), Light(60_000, 50_000)
    monkeypatch.setattr(strip_command, "bridge", lambda: nullcontext(None))
    monkeypatch.setattr(strip_command, "look", lambda _: chips)
    monkeypatch.setattr(strip_command, "light", lambda *_: seen)
    (its,) = told(path, "strip", "read")
    assert its == as_json(chips, seen)
    assert (its["label"], its["steps"], its["battery_percent"]) == ("00005EED", None, 80)
    assert its["is_worn"] is True and its["other_part"] is None
    told(path, "strip", "read", "--watch", status=2)
