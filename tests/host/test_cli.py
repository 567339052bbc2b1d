"""The command as its user meets it, where no radio is needed."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from click.testing import CliRunner, Result

from veriband import cli, run_command
from veriband.civil import local_day, next_change
from veriband.cli import main
from veriband.context import default_store, local_zone
from veriband.errors import StoreError, VeribandError
from veriband.link.radio import Radio
from veriband.link.session import BandInfo, Calibration, JournalState
from veriband.records import Anchor, Item, Kind
from veriband.store import Store
from veriband.strip import NO_STRIP, Strip, described
from veriband_protocol.battery import CASE, CELL, pack_battery
from veriband_protocol.items import (
    EVENT_FILES_LOST,
    EVENT_HANDED_OVER,
    EVENT_LOW_BATTERY,
    EVENT_STRIP,
)
from veriband_protocol.profile import RESPONSIVE
from veriband_protocol.sockets import CHIP_HUB, CHIP_PULSE, SOCKET_COVER, pack_strip
from veriband_simulator import clock

BAND = "C0:98:E5:00:00:01"
DAY_MS = 1_774_994_400_000  # 2026-04-01 00:00 in Berlin


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "veriband.db"
    store = Store(path)
    band = store.add_band(BAND, bytes(20), 0)
    minutes = [Item(k, Kind.MINUTE, 1, k * 60_000, 60_000, k % 3) for k in range(1, 121)]
    gap = Item(121, Kind.GAP, 1, 121 * 60_000, 90_000, 50)
    anchor = Anchor(0, Kind.ANCHOR, 1, 60_000, utc_ms=DAY_MS, offset_min=120)
    undated = Item(122, Kind.MINUTE, 2, 0, 60_000, 7)
    store.commit(band, 7, [anchor, *minutes, gap, undated], 123, 0)
    store.notice(DAY_MS, band, "BandVanished", "Band X went silent.")
    store.notice(DAY_MS + 60_000, band, "BandVanished", "Band X went silent.")
    store.close()
    return str(path)


def test_what_is_tried_with_the_radio_is_shown_while_it_runs_and_afterwards(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wedged(BaseBleakScanner):
        def __init__(self, callback: Any, service_uuids: Any, mode: str, **_: Any) -> None:
            super().__init__(callback, service_uuids)

        async def start(self) -> None:
            raise ValueError("InProgress")

        async def stop(self) -> None:
            pass

    monkeypatch.setattr(run_command, "system_radio", lambda: Radio(scanner=Wedged))
    monkeypatch.setattr(asyncio, "run", lambda work: clock.run(work, limit_s=600))
    done = run("--store", path, "run", "--no-web")
    assert isinstance(done.exception, clock.Deadlock), "it goes on and on"
    (rescan, advice) = (line for line in done.output.splitlines() if BAND not in line)
    assert rescan == "No scan begins; Bluetooth was made to listen anew: it cannot."
    assert advice.startswith(
        "No scan begins; Veriband itself can do no more about that: end other"
    )
    assert f"{BAND}: This computer's Bluetooth cannot be used (InProgress)" in done.output
    lines = run("--store", path, "steps").output.splitlines()
    assert [line.split("  ", 1)[1] for line in lines[-2:]] == [rescan, advice]


def test_a_day_is_shown_by_the_hour_in_the_wearers_zone(path: str) -> None:
    done = run("--store", path, "--zone", "Europe/Berlin", "steps", "--day", "2026-04-01")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == f"{BAND}  2026-04-01"
    assert lines[2].split()[:3] == ["00:00", "60", "60"]
    assert lines[4].endswith("(50 in gaps)")
    assert lines[26].split() == ["day", "170", "120"]
    assert "7 more steps wait for the band's clock" in done.output
    assert lines[-1] == ("2026-04-01 00:01  Band X went silent. (2 times since 2026-04-01 00:00)")


def test_a_day_is_one_of_where_the_wearer_lives(path: str) -> None:
    with closing(Store(Path(path))) as store:
        anna = store.add_wearer("anna", zone="America/New_York")
        store.assign(store.band(BAND), anna, 0)

    def first(*arguments: str) -> str:
        done = run("--store", path, *arguments, "--day", "2026-04-01", "--json")
        return json.loads(done.output)["hours"][0]["from"]

    assert first("steps") == "2026-04-01T00:00:00-04:00"
    assert first("--zone", "Europe/Berlin", "steps") == "2026-04-01T00:00:00+02:00"


def test_steps_that_never_get_a_date_are_told_from_those_that_wait(path: str) -> None:
    store = Store(Path(path))
    boot = Item(123, Kind.BOOT, 3, 0, steps=2)
    store.commit(store.bands()[0], 7, [boot], 124, 0)
    store.close()
    done = run("--store", path, "steps")
    assert "2 more steps wait for the band's clock to be set." in done.output
    assert "7 more steps have no date: the band started again before" in done.output


def test_a_strip_that_is_out_is_said_to_be_so_by_choice(path: str) -> None:
    def told(day: str) -> bool:
        done = run("--store", path, "--zone", "Europe/Berlin", "steps", "--day", day)
        return "Strip out since 2026-04-01 10:20, off by choice." in done.output

    with closing(Store(path)) as store:
        band = store.band(BAND)
        hours = ((0, 1, pack_strip(1, 3, 5)), (10 + 1 / 3, 2, pack_strip(0, 0, 0)))
        for hour, seq, raw in hours:
            at_ms = round(hour * 3_600_000)
            anchor = Anchor(2 * seq, Kind.ANCHOR, 1, at_ms, utc_ms=DAY_MS + at_ms)
            event = Item(2 * seq + 1, Kind.EVENT, 1, at_ms, detail=EVENT_STRIP, raw=raw)
            store.commit(band, 8, [anchor, event], 2 * seq + 2, 0)
        assert not told("2026-03-31")
        assert told("2026-04-01")
        assert told("2026-04-02")
        anchor = Anchor(6, Kind.ANCHOR, 1, 10**8, utc_ms=DAY_MS + 10**8)
        event = Item(7, Kind.EVENT, 1, 10**8, detail=EVENT_STRIP, raw=pack_strip(2, 3, 5))
        store.commit(band, 8, [anchor, event], 8, 0)
        assert told("2026-04-01")
        assert not told("2026-04-02")


def test_what_a_band_tells_of_itself_is_shown_with_its_day(path: str) -> None:
    told = [
        (EVENT_LOW_BATTERY, pack_battery(CASE, 3480), "its battery was low (3.48 V): charge it."),
        (EVENT_LOW_BATTERY, pack_battery(CELL, 2550), "coin cell was low (2.55 V): change it."),
        (EVENT_FILES_LOST, b"", "it must be paired again."),
        (EVENT_HANDED_OVER, b"", "it was handed on: say who wears it from then on"),
    ]
    with closing(Store(path)) as store:
        anchor = Anchor(1, Kind.ANCHOR, 1, 0, utc_ms=DAY_MS)
        events = [
            Item(2 + k, Kind.EVENT, 1, 60_000 * k, detail=code, raw=raw)
            for k, (code, raw, _) in enumerate(told)
        ]
        store.commit(store.band(BAND), 8, [anchor, *events], 6, 0)

    def shown(day: str) -> list[str]:
        done = run("--store", path, "--zone", "Europe/Berlin", "steps", "--day", day)
        return [line for line in done.output.splitlines() if line.startswith("2026-04-01 00:0")]

    for k, (line, (_, _, words)) in enumerate(zip(shown("2026-04-01"), told, strict=False)):
        assert line.startswith(f"2026-04-01 00:0{k}  ")
        assert words in line
    assert len(shown("2026-04-01")) == len(told) + len(shown("2026-04-02"))


class Neighbour:
    """A radio and a session in one, with a band that writes to terminals."""

    text = "\x1b[2J\nBänd\u202e"

    async def scan(self, seconds: float) -> list[tuple[BLEDevice, AdvertisementData]]:
        advertisement = AdvertisementData(None, {}, {}, [], None, -50, ())
        return [(BLEDevice(BAND, self.text, None), advertisement)]

    async def info(self) -> BandInfo:
        return BandInfo(self.text, self.text, 1, "", 0, 0, 3912, 0)

    async def state(self) -> JournalState:
        return JournalState(0, 0, 0, 1, 0, Strip(SOCKET_COVER, CHIP_PULSE | CHIP_HUB, 0x5EED))

    async def calibration(self) -> Calibration:
        return Calibration(False, 0, 0, DAY_MS // 1000)

    async def file(self, index: int) -> tuple[str, str]:
        return self.text, "00"


@pytest.mark.parametrize(("command", "lines"), [(("scan",), 1), (("info", BAND), 2)])
def test_what_a_neighbour_sends_cannot_act_upon_the_terminal(
    path: str, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], lines: int
) -> None:
    neighbour = Neighbour()
    monkeypatch.setattr(cli, "system_radio", lambda: neighbour)
    monkeypatch.setattr(cli, "reached", lambda *_: nullcontext(neighbour))
    told = run("--store", path, *command).output.splitlines()
    assert sum(r"\x1b[2J\nBänd\u202e" in line for line in told) == lines
    assert all(line.isprintable() for line in told)


def test_info_says_which_strip_sits_where_and_how_the_batteries_are(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "system_radio", Neighbour)
    monkeypatch.setattr(cli, "reached", lambda *_: nullcontext(Neighbour()))
    line = "strip 00005EED in the cover: pulse sensor, blood-pressure hub"
    told = run("--store", path, "--zone", "Europe/Berlin", "info", BAND).output.splitlines()
    assert told[1:3] == ["battery 3.91 V, coin cell on the strip not known", line]
    assert told[3] == "Blood pressure: calibrated 2026-04-01 00:00, holds until 2026-05-01."


class Sleeper(Neighbour):
    """A band with a power profile."""

    now = RESPONSIVE

    async def profile(self) -> int:
        return self.now

    async def choose_profile(self, profile: int) -> int:
        self.now = profile
        return profile


def test_a_bands_profile_is_shown_chosen_and_fetched(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper, fetched = Sleeper(), []

    async def fetch(*arguments: Any) -> None:
        fetched.append(arguments[0])

    monkeypatch.setattr(cli, "system_radio", lambda: sleeper)
    monkeypatch.setattr(cli, "reached", lambda *_: nullcontext(sleeper))
    monkeypatch.setattr(cli, "fetch", fetch)
    assert run("--store", path, "profile", BAND).output == "responsive\n"
    assert run("--store", path, "profile", BAND, "endurance").output == "endurance\n"
    assert run("--store", path, "profile", BAND).output == "endurance\n"
    assert fetched == [sleeper] * 3
    assert run("--store", path, "profile", BAND, "lazy").exit_code == 2


@pytest.mark.parametrize(
    ("strip", "words"),
    [
        (NO_STRIP, "no strip is in: off by choice"),
        (Strip(1, 3, 0xABC), "strip 00000ABC in the case: EEPROM, pulse sensor"),
        (Strip(1, 2, 0), "strip without a label in the case: pulse sensor"),
        (Strip(2, 0, 0), "strip without a label in the cover: nothing on it answers, plug it in"),
        (Strip(3, 0, 0), "a strip is in each socket and none is in use: pull one"),
    ],
)
def test_a_strip_in_words(strip: Strip, words: str) -> None:
    assert described(strip).startswith(words)


def test_json_is_one_object_a_band(path: str) -> None:
    done = run(
        "--store", path, "--zone", "Europe/Berlin", "steps", "--day", "2026-04-01", "--json"
    )
    told = json.loads(done.output)
    assert told["band"] == BAND
    assert len(told["hours"]) == 24
    assert told["hours"][2] == {
        "from": "2026-04-01T02:00:00+02:00", "steps": 50, "gap_steps": 50, "minutes": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_days_when_clocks_change_have_23_and_25_hours(path: str, day: str, hours: int) -> None:
    done = run("--store", path, "--zone", "Europe/Berlin", "steps", "--day", day, "--json")
    assert len(json.loads(done.output)["hours"]) == hours


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--zone", "Nowhere/Land", "steps"), "There is no time zone 'Nowhere/Land'"),
        (("steps", "C0:00:00:00:00:77"), "run 'veriband pair C0:00:00:00:00:77' first"),
        (("steps", "--day", "yesterday"), "does not match the format"),
        (("pair", "C0:00:00:00:00:77"), "give --secret"),
        (("pair", BAND, "--secret", "xyz"), "20 to 128 hexadecimal digits"),
        (("info", "C0:00:00:00:00:77"), "run 'veriband pair"),
        (("--zone", "America", "steps"), "There is no time zone 'America'"),
        (("steps", "--day", "9999-12-31"), "at the end of the calendar"),
        (("run", "--every", "0"), "x>=1"),
        (("run", "--every", "-5"), "x>=1"),
        (("run", "--every", "nan"), "not a finite number"),
    ],
)
def test_wrong_use_is_one_sentence(path: str, arguments: tuple[str, ...], says: str) -> None:
    done = run("--store", path, *arguments)
    assert done.exit_code != 0
    assert says in done.output
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_an_empty_store_says_what_comes_first(tmp_path: Path) -> None:
    done = run("--store", str(tmp_path / "new" / "veriband.db"), "sync")
    assert done.exit_code != 0
    assert "run 'veriband pair' first" in done.output


def test_help_lists_what_other_packages_add() -> None:
    done = run("--help")
    for command in ("demo", "info", "pair", "run", "scan", "steps", "sync"):
        assert f"\n  {command} " in done.output


def test_a_command_whose_packages_are_missing_sends_nobody_to_an_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Missing:
        name = "demo"

        def load(self) -> None:
            raise ModuleNotFoundError(name="bumble")

    monkeypatch.setattr(cli, "entry_points", lambda **_: [Missing()])
    done = run("demo")
    assert done.exit_code == 1
    assert "'demo' needs bumble" in done.output
    assert "in a checkout of Veriband 'make demo'" in done.output
    assert "pip install '.[sim]'" in done.output


@pytest.mark.parametrize("address", ["unix:path={}/none", "foo"])
@pytest.mark.skipif(sys.platform != "linux", reason="takes D-Bus away, which only Linux has")
def test_without_bluetooth_every_command_that_needs_it_says_so(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address.format(tmp_path))
    for command in (
        ("scan",),
        ("sync",),
        ("info", BAND),
        ("pair", BAND),
        ("pair", BAND, "--code"),
    ):
        done = run("--store", path, *command)
        assert done.exit_code == 1
        assert "This computer's Bluetooth cannot be used" in done.output
        assert isinstance(done.exception, SystemExit)


def test_a_store_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("--store", str(tmp_path / "file" / "veriband.db"), "steps")
    assert done.exit_code == 1
    assert "Name another with --store" in done.output


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_the_stores_new_folder_is_its_owners_only(tmp_path: Path) -> None:
    run("--store", str(tmp_path / "new" / "veriband.db"), "steps")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_who_has_no_home_is_told_and_needs_none_for_what_needs_no_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(StoreError, match="name its file with --store"):
        default_store()
    assert run("demo", "--help").exit_code == 0
    done = run("steps")
    assert done.exit_code == 1
    assert "name its file with --store" in done.output


@pytest.fixture
def tz(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    if sys.platform == "win32":
        pytest.skip("Windows has no TZ")

    def put(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("name", ["Asia/Tokyo", ":Asia/Tokyo", ":/usr/share/zoneinfo/Asia/Tokyo"])
def test_the_computers_zone_is_what_tz_names(tz: Callable[[str], None], name: str) -> None:
    tz(name)
    assert str(local_zone()) == "Asia/Tokyo"


def test_a_computers_zone_without_a_name_is_its_local_time(tz: Callable[[str], None]) -> None:
    tz("CET-1CEST,M3.5.0,M10.5.0/3")
    zone, named = local_zone(), ZoneInfo("Europe/Berlin")
    summer_ends_s = 1_792_890_000
    for utc_s in range(summer_ends_s - 7200, summer_ends_s + 7200, 1800):
        local, expected = (datetime.fromtimestamp(utc_s, z) for z in (zone, named))
        assert (local.isoformat(), local.timestamp()) == (expected.isoformat(), utc_s)
    assert next_change(zone, summer_ends_s - 9**7) == next_change(named, summer_ends_s - 9**7)
    assert local_day(zone, datetime(2026, 10, 25)) == local_day(named, datetime(2026, 10, 25))
    with pytest.raises(VeribandError, match="end of the calendar"):
        local_day(zone, datetime(9999, 12, 31))


@pytest.mark.parametrize("arguments", [("meter", "list"), ("wearer", "list"), ("contest", "list")])
def test_an_empty_list_says_what_makes_it_longer(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    shown = CliRunner().invoke(main, ["--store", str(tmp_path / "veriband.db"), *arguments])
    assert shown.exit_code == 0
    assert " yet: " in shown.output and "'veriband " in shown.output


@pytest.mark.parametrize("seconds", ["-1", "0", "nan", "inf"])
def test_nobody_listens_for_no_time_or_for_ever(seconds: str) -> None:
    refused = CliRunner().invoke(main, ["scan", "--seconds", seconds])
    assert refused.exit_code == 2 and "--seconds" in refused.output
