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

from veriband_simulator.demo import Progress, live_a_day
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


def test_a_recorded_day_arrives_whole() -> None:
    process = start("--seed", "3", "--json")
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    told = json.loads(output)
    assert set(told) == {"seed", "trace_sha256", "pdus", "wearers"}
    assert told["seed"] == 3
    (wearer,) = told["wearers"]
    assert wearer["chip_steps"] == wearer["store_steps"] == 11_135
    assert wearer["equal"] is True
    assert len(wearer["hours"]) == 24
    assert all(h["chip"] == h["store"] and h["minutes"] == 60 for h in wearer["hours"])


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

    def synced(self, now: object, steps: int) -> None:
        raise BrokenPipeError


def test_what_cannot_be_shown_ends_the_day() -> None:
    with pytest.raises(BrokenPipeError), Unshown(quiet=True, watch=True) as progress:
        play(1, live_a_day(1, progress), limit_s=90_000)


def test_who_stops_reading_ends_it_without_a_word() -> None:
    with start("--watch", "--speed", "20000") as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [(), ("--json",), ("--watch",)])
def test_a_full_disk_is_told_in_one_sentence(arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        process = start(*arguments, stdout=full)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.startswith("Error: No space is left")
    assert errors.count("\n") == 1


def test_an_output_without_block_characters_gets_plain_bars() -> None:
    process = start(PYTHONIOENCODING="latin-1")
    output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert "equal" in output
    assert "#" * 40 in output


@pytest.mark.parametrize("arguments", [("--speed", "60"), ("--watch", "--json")])
def test_options_that_do_not_go_together_are_refused(arguments: tuple[str, ...]) -> None:
    process = start(*arguments)
    _, errors = process.communicate()
    assert process.returncode == 2
    assert "Error: --" in errors


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


@pytest.mark.parametrize("module", ["veriband.cli", "veriband_simulator.demo"])
def test_ctrl_c_while_it_loads_ends_it_without_a_word(module: str) -> None:
    process = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, module, "demo"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == -signal.SIGINT
    assert process.stdout + process.stderr == ""
