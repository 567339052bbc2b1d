"""Shell completion, as a shell asks for it; it never fails, whatever the store is."""

import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from tests.host.commands import commands
from veriband.cli import main
from veriband.completion import SHELLS, VARIABLE
from veriband.contest.command import add_contest
from veriband.store import Store

BAND = "C0:98:E5:00:00:01"
OF_A_NAME = {"address", "addresses", "--band", "--wearer", "--contest", "wearers"}
NEW = {"wearer add: name", "wearer change: --name"}  # it is not there yet


def completed(store: Path, *words: str) -> list[str]:
    """What a shell offers where the last word begins so."""
    *before, incomplete = words
    its = BashComplete(main, {}, "veriband", VARIABLE)
    found = its.get_completions(["--store", str(store), *before], incomplete)
    return [item.value for item in found]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "veriband.db"
    with closing(Store(path)) as store:
        store.add_band(BAND, bytes(20), 0)
        for name in ("anna", "Änne", "ben"):
            store.add_wearer(name)
    arguments = ["--store", str(path), "contest", "add", "spring", "anna", "--from", "2026-03-01"]
    assert CliRunner().invoke(main, [*arguments, "--to", "2026-03-31"]).exit_code == 0
    return path


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["wearer", "change", "a"], ["anna"]),
        (["wearer", "change", "Ä"], ["Änne"]),
        (["wearer", "export", "x"], []),
        (["vitals", "--wearer", ""], ["anna", "ben", "Änne"]),
        (["contest", "add", "summer", "be"], ["ben"]),
        (["sync", "c0"], [BAND]),
        (["wearer", "wears", "anna", ""], [BAND]),
        (["leaderboard", ""], ["spring"]),
        (["contest", "verify", "s"], ["spring"]),
        (["alerts", "ack", ""], []),
        (["wearer", "grant", "anna", "--contest", ""], ["spring"]),
        (["doc"], ["doctor"]),
        (["doctor", "--js"], ["--json"]),
    ],
)
def test_names_come_from_the_store(path: Path, words: list[str], offered: list[str]) -> None:
    assert completed(path, *words) == offered
    assert [its.name for its in path.parent.iterdir()] == [path.name], "nothing is left beside it"


def test_whatever_the_store_is_completion_only_offers_nothing(path: Path, tmp_path: Path) -> None:
    words = ("vitals", "--wearer", "")
    assert completed(tmp_path / "none" / "veriband.db", *words) == []
    assert completed(tmp_path, *words) == []
    (tmp_path / "other.db").write_bytes(b"no database" * 1000)
    assert completed(tmp_path / "other.db", *words) == []
    with closing(Store(path)) as store:
        store.db.execute("PRAGMA locking_mode = EXCLUSIVE")
        with store.transaction():
            store.db.execute("DELETE FROM entry")
            assert completed(path, *words) == []
    assert not (tmp_path / "none").exists()


def test_each_name_that_is_asked_for_is_completed() -> None:
    bare = [
        f"{name}: {param.opts[0]}"
        for name, command in commands(main)
        for param in command.params
        if OF_A_NAME & {*param.opts} or (param.name == "name" and name.startswith("wearer"))
        if param._custom_shell_complete is None
        if f"{name}: {param.opts[0]}" not in NEW
    ]
    assert bare == []
    assert any(its._custom_shell_complete for its in add_contest.params)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_command_prints_what_the_shell_is_to_read(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0 and VARIABLE in done.stdout
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=done.stdout, text=True, check=False)
        assert checked.returncode == 0
