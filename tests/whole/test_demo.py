"""`veriband demo` as its user meets it: what it prints, what it refuses, what it leaves behind."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner

from veriband.cli import main
from veriband_simulator.demo.play import limit_s, play_scenario
from veriband_simulator.demo.progress import Progress
from veriband_simulator.scenario import examples, read_scenario
from veriband_simulator.world import play

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "veriband", "demo"]


def start(
    *arguments: str, stdout: int | IO[str] = subprocess.PIPE, **environment: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*DEMO, *arguments],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


SHORT = """
title = "Twenty minutes"

[day]
date = 2026-03-02
zone = "Europe/Berlin"
from = "09:00"
to = "09:20"

[contest]
from = "09:00"
to = "09:20"
rule = "gated"
counts_unverified = true

[[wearers]]
name = "Ann"
sex = "f"
age = 40
height_m = 1.7

[[wearers.minutes]]
from = "09:02"
to = "09:15"
kind = "walk"

[[expected]]
wearer = "Ann"
verdict = "honest"
counted = [1000, 2000]
"""


@pytest.fixture
def short(tmp_path: Path) -> str:
    """The path of a scenario that is soon over."""
    path = tmp_path / "short.toml"
    path.write_text(SHORT)
    return str(path)


def test_the_truth_of_the_contest_day_comes_out() -> None:
    process = start("--seed", "3", "--json")
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    told = json.loads(output)
    assert set(told) == {"seed", "trace_sha256", "pdus", "wearers"}
    assert told["seed"] == 3
    wearers = {row["wearer"]: row for row in told["wearers"]}
    assert {name: row["claimed"] for name, row in wearers.items() if "synth" not in name} == {
        "office day": 11_135, "evening run": 18_156,
    }  # fmt: skip
    cheats = [name for name, row in wearers.items() if row["verdict"] == "cheating"]
    assert sorted(cheats) == ["fixed cradle (synthetic)", "worn shaker (synthetic)"]
    for name, row in wearers.items():
        assert set(row) == {
            "wearer", "claimed", "struck", "unverified", "counted", "verdict", "evidence",
        }  # fmt: skip
        assert row["counted"] == row["claimed"] - row["struck"]
        assert bool(row["struck"]) == (name in cheats)
    for name in ("evening run", "treadmill hour (synthetic)"):  # as regular as a machine
        assert {its["verdict"] for its in wearers[name]["evidence"]} == {"cleared"}
    shaker = next(
        its for its in wearers["worn shaker (synthetic)"]["evidence"]
        if its["verdict"] == "cheating"
    )["evidence"]  # fmt: skip
    assert 62 < shaker["mean_bpm"] < 74 < shaker["low_bpm"]


@pytest.mark.parametrize("name", [name for name in examples() if name != "contest_day"])
def test_each_example_ends_as_it_expects(name: str) -> None:
    process = start("--scenario", name)
    output, errors = process.communicate()
    assert process.returncode == 0, output + errors
    assert "The truth came out" in output


def test_a_file_is_played_and_told(short: str) -> None:
    process = start("--scenario", short)
    output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    lines = output.splitlines()
    assert lines[0].startswith("Twenty minutes: 1 wearer, Monday 2026-03-02, simulated. Rule ga")
    assert lines[2].split() == [
        "wearer", "claimed", "struck", "unverified", "counted", "verdict",
    ]  # fmt: skip
    assert lines[3].split()[:2] == ["1", "Ann"]
    assert "no diagnosis" in lines[-2]
    assert lines[-1].startswith("Seed 1, ")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"honest"', '"cheating"', "Ann: honest, where cheating was expected."),
        ("[1000, 2000]", "[0, 7]", "steps counted, where 0 to 7 were expected."),
        (
            "counted = [1000, 2000]",
            "struck = [0.5, 1.0]",
            "Ann: 0.0% of the claimed struck, ",
        ),
    ],
)
def test_what_comes_out_otherwise_than_expected_is_told_with_status_1(
    short: str, old: str, new: str, told: str
) -> None:
    Path(short).write_text(SHORT.replace(old, new))
    process = start("--scenario", short)
    output, _ = process.communicate()
    assert process.returncode == 1
    assert told in output


def test_programs_are_told_beside_the_object(short: str) -> None:
    Path(short).write_text(SHORT.replace('"honest"', '"cheating"'))
    process = start("--scenario", short, "--json")
    output, errors = process.communicate()
    assert process.returncode == 1
    assert errors == "Ann: honest, where cheating was expected.\n"
    assert json.loads(output)["wearers"][0]["verdict"] == "honest"


def test_a_band_that_never_comes_home_is_missed(short: str) -> None:
    away = '[[events]]\nat = "09:08"\nband = "Ann"\nwhat = "out_of_range"\n[[expected]]'
    Path(short).write_text(SHORT.replace("[[expected]]", away))
    process = start("--scenario", short)
    output, errors = process.communicate()
    assert process.returncode == 1
    assert "Ann: the chip counted 1," in output
    assert errors.count("was not found") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--scenario", "{folder}/none.toml"), "none.toml cannot be read: No such file"),
        (("--scenario", "holiday"), "'holiday' is neither a file nor one of the examples another"),
        (("--speed", "60"), "--speed says how fast --watch goes"),
        (("--watch", "--json"), "--watch is for the eye, --json for programs"),
    ],
)
def test_what_is_asked_wrongly_is_refused_with_status_2(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    process = start(*(argument.format(folder=tmp_path) for argument in arguments))
    output, errors = process.communicate()
    assert process.returncode == 2
    assert output == ""
    assert told in errors


def test_a_bad_file_is_refused_with_the_key(short: str) -> None:
    Path(short).write_text(SHORT.replace("age = 40", "age = 400"))
    process = start("--scenario", short)
    _, errors = process.communicate()
    assert process.returncode == 2
    assert errors == (
        f"Error: {short}: wearers[1].age: 400 is not a whole number from 10 to 110.\n"
    )


def test_the_store_is_kept_where_it_is_asked_for(short: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    process = start("--scenario", short, "--keep", str(kept), "--json")
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    board = CliRunner().invoke(main, ["--store", str(kept), "leaderboard", "--json"])
    for shown, told in zip(
        json.loads(board.output)["wearers"], json.loads(output)["wearers"], strict=True
    ):
        assert shown.pop("rank")
        assert shown == told
    process = start("--scenario", short, "--keep", str(kept))
    _, errors = process.communicate()
    assert process.returncode == 2
    assert "is there already" in errors


def test_help_lists_the_scenarios_that_come_with_it() -> None:
    output, _ = start("--help").communicate()
    for name in examples():
        assert name in output


def children(pid: int) -> list[int]:
    """The processes that `pid` started, and those that they started."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            child = int(stat.parent.name)
            found += [child, *children(child)]
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_whatever_ends_it_no_process_stays_behind(how: signal.Signals, tmp_path: Path) -> None:
    process = start("--watch", "--speed", "1", TMPDIR=str(tmp_path))
    deadline = time.monotonic() + 30
    band: list[int] = []
    while not band and time.monotonic() < deadline:
        band = children(process.pid)
    assert band, "the firmware's process never started"
    process.send_signal(how)
    output, errors = process.communicate(timeout=30)
    if how is not signal.SIGKILL:
        assert process.returncode == 128 + how, output + errors
        assert errors == ("" if how is signal.SIGHUP else "Stopped.\n")
        assert list(tmp_path.iterdir()) == []
    while any(Path(f"/proc/{pid}").exists() for pid in band):
        assert time.monotonic() < deadline, "the firmware's process is still there"


def test_without_an_interpreter_one_sentence_says_what_to_do() -> None:
    process = start(MICROPYTHON="no-such-micropython")
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors == "Error: MICROPYTHON names 'no-such-micropython', which cannot be run.\n"


def test_an_interpreter_that_is_something_else_is_an_error_not_a_hang() -> None:
    process = start(MICROPYTHON="true")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Error: The firmware ended by itself" in errors
    assert "Traceback" not in errors


def test_an_interpreter_that_is_no_program_is_told_in_one_sentence(tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.write_text("no program")
    junk.chmod(0o755)
    process = start(MICROPYTHON=str(junk))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith(f"Error: {junk} cannot be run (Exec format error): let MICROPYTHON")
    assert errors.count("\n") == 1


class Unshown(Progress):
    """A terminal that has gone."""

    def synced(self, now: object, wearer: str, stored: object) -> None:
        raise BrokenPipeError


def test_what_cannot_be_shown_ends_the_day(short: str) -> None:
    scenario = read_scenario(Path(short))
    with pytest.raises(BrokenPipeError), Unshown(quiet=True, watch=True) as progress:
        play(1, play_scenario(scenario, 1, progress), limit_s=limit_s(scenario))


def test_who_stops_reading_ends_it_without_a_word(short: str) -> None:
    with start("--scenario", short, "--watch", "--speed", "2000") as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [(), ("--json",), ("--watch",)])
def test_a_full_disk_is_told_in_one_sentence(short: str, arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        process = start("--scenario", short, *arguments, stdout=full)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.startswith("Error: No space is left")
    assert errors.count("\n") == 1


def test_an_output_without_block_characters_gets_plain_bars(short: str) -> None:
    process = start(
        "--scenario", short, "--watch", "--speed", "100000", PYTHONIOENCODING="latin-1"
    )
    output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert "####" in output


class Terminal(io.StringIO):
    """A terminal's standard error."""

    def isatty(self) -> bool:
        return True


def test_the_bar_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("COLUMNS", "60")
    with Progress(quiet=False, watch=False) as progress:
        for minute in range(0, 24 * 60, 60):
            progress.passed(minute)
    lines = shown.getvalue().replace("\x1b[?25l", "").replace("\x1b[?25h", "").split("\r")
    assert max(len(line.rstrip("\n")) for line in lines) == 60


INTERRUPTED = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
from veriband.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["veriband.cli", "veriband_simulator.demo.command"])
def test_ctrl_c_while_it_loads_ends_it_without_a_word(module: str) -> None:
    process = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, module, "demo"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == -signal.SIGINT
    assert process.stdout + process.stderr == ""
