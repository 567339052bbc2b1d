"""`veriband alerts` and `config`, as their user meets them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.host.minutes import NOON, put
from veriband import status_command
from veriband.alerts import command
from veriband.alerts.attention import Attention
from veriband.alerts.book import Book
from veriband.alerts.machine import MINUTE_MS
from veriband.alerts.words import CAUTION
from veriband.analysis.ranges import SHIPPED
from veriband.civil import zone_named
from veriband.cli import main
from veriband.configuration import Configuration, read
from veriband.configuration_command import COMMENTED
from veriband.store import Store

BERLIN = zone_named("Europe/Berlin")


class Command:
    def __init__(self, folder: Path) -> None:
        self.config = folder / "veriband.toml"
        self.store = folder / "veriband.db"

    def __call__(self, *arguments: str) -> Result:
        place = ["--store", str(self.store), "--config", str(self.config), "--zone", "UTC"]
        return CliRunner().invoke(main, [*place, *arguments])


@pytest.fixture
def veriband(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr(command, "utc_ms", lambda: NOON + 20 * MINUTE_MS)
    its = Command(tmp_path)
    its("config", "init")
    return its


def alarmed(path: Path) -> None:
    """anna, in Berlin, has a fast heart at rest."""
    with closing(Store(path)) as store:
        band = store.add_band("A", None, 0)
        anna = store.add_wearer("anna", zone="Europe/Berlin")
        store.assign(band, anna, 0)
        put(store, band, NOON, [0] * 13, [120, *[None] * 5, 122, *[None] * 5, 125])
        book = Book(store, lambda _: Configuration().ladder())
        Attention(store, book, SHIPPED, BERLIN).to(band).look(NOON + 13 * MINUTE_MS)


def test_open_alerts_are_listed_in_the_wearers_time(veriband: Command) -> None:
    alarmed(veriband.store)
    done = veriband("alerts")
    assert done.output.splitlines() == [
        "1  anna: heart rate 125 bpm, above 100 (3 readings), warning, since 2026-03-02 13:00; "
        "raised",
        CAUTION,
    ]
    (row,) = map(json.loads, veriband("alerts", "--json").output.splitlines())
    assert row["since"] == "2026-03-02T13:00:30+01:00"
    assert (row["wearer"], row["severity"], row["facts"]["worst"]) == ("anna", "warning", 125)


def test_somebody_acknowledges(veriband: Command) -> None:
    alarmed(veriband.store)
    done = veriband("alerts", "ack", "1", "--by", "Ben\x1b[31m", "--note", "fever")
    assert done.output.endswith("; acknowledged by Ben\\x1b[31m (fever)\n")
    lines = veriband("alerts", "show", "1").output.splitlines()
    assert lines[1:3] == [
        "  2026-03-02 13:13  raised", "  2026-03-02 13:20  acknowledged Ben\\x1b[31m (fever)",
    ]  # fmt: skip
    again = veriband("alerts", "ack", "1", "--by", "Carla")
    assert again.exit_code == 1
    assert "Alert 1 was not acknowledged: Ben" in again.output
    assert json.loads(veriband("alerts", "show", "1", "--json").output)["steps"][1]["by"]


def test_nobody_acknowledges_without_a_name(veriband: Command) -> None:
    alarmed(veriband.store)
    assert veriband("alerts", "ack", "1", "--by", " ").exit_code == 2
    assert veriband("alerts", "ack", "1").exit_code == 2
    assert "There is no alert 7" in veriband("alerts", "ack", "7", "--by", "Ben").output


def test_where_there_is_none_that_is_said(veriband: Command) -> None:
    assert veriband("alerts").output == f"No alert is open.\n{CAUTION}\n"
    assert veriband("alerts", "--all").output.startswith("There was no alert for a week.")


def test_a_configuration_is_begun_once_and_means_what_there_is_without_one(
    veriband: Command,
) -> None:
    assert read(veriband.config) == Configuration()
    veriband.config.write_text("[alerts]\n")
    done = veriband("config", "init")
    assert "is there already, and was left as it is" in done.output
    assert veriband.config.read_text() == "[alerts]\n"
    assert veriband("config", "check").output == f"{veriband.config} is well.\n"
    assert json.loads(veriband("config", "check", "--json").output)["alerts"]["a_day"] == 6


def test_everything_in_comments_in_it_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "veriband.toml"
    lines = COMMENTED.splitlines()
    code = [line.removeprefix("# ") for line in lines]
    code = [line for line in code if " = " in line or line.startswith("[")]
    path.write_text("\n".join(code))
    its = read(path)
    assert [rung.terminals for rung in its.alerts.rung] == [("console", "page"), ("phone",)]
    assert its.range[0].critical_high == 140


def test_what_is_wrong_in_it_ends_the_command_with_the_line(veriband: Command) -> None:
    veriband.config.write_text("[alerts]\nruel = 1\n")
    for arguments in (("config", "check"), ("run",), ("alerts",)):
        done = veriband(*arguments)
        assert done.exit_code == 2
        assert f"{veriband.config}, line 2: alerts.ruel: object contains" in done.output
    veriband.config.unlink()
    assert "cannot be read (No such file" in veriband("config", "check").output


def test_the_status_says_how_each_band_is(
    veriband: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert veriband("status").output.startswith("No band is known here yet")
    alarmed(veriband.store)
    with closing(Store(veriband.store)) as store:
        store.add_band("B", None, 0)
    monkeypatch.setattr(status_command, "utc_ms", lambda: NOON + 23 * MINUTE_MS)
    lines = veriband("status").output.splitlines()
    assert lines[:5] == [
        "A  anna",
        "  band   well, data of 10 min ago",
        "  strip  well, data of 10 min ago",
        "B  nobody wears it",
        "  band   silent: nothing has come from band B yet: bring it near, and see that it is "
        "charged and that 'veriband run' reaches it",
    ]
    assert lines[6].startswith("alert 1  anna: heart rate 125 bpm")
    told = json.loads(veriband("status", "--json").output)
    assert [its["is_well"] for its in told["bands"]] == [True, False]
    assert told["bands"][0]["hops"]["band"]["data_of"] == "2026-03-02T13:13:00+01:00"
