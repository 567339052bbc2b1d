"""The command as its user meets it, where no radio is needed."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from veriband.cli import main
from veriband.records import Anchor, Item, Kind
from veriband.store import Store

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
    store.commit(band, 7, [anchor, *minutes, gap, undated], 123)
    store.notice(DAY_MS, band, "BandVanished", "Band X went silent.")
    store.close()
    return str(path)


def test_a_day_is_shown_by_the_hour_in_the_wearers_zone(path: str) -> None:
    done = run("--store", path, "--zone", "Europe/Berlin", "steps", "--day", "2026-04-01")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == f"{BAND}  2026-04-01"
    assert lines[2].split()[:3] == ["00:00", "60", "60"]
    assert lines[4].endswith("(50 in gaps)")
    assert lines[26].split() == ["day", "170", "120"]
    assert "7 more steps wait for the band's clock" in done.output
    assert lines[-1].endswith("Band X went silent.")


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


@pytest.mark.skipif(sys.platform != "linux", reason="takes D-Bus away, which only Linux has")
def test_without_bluetooth_every_command_that_needs_it_says_so(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
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
