"""The service of systemd's: what it is told, its unit, and the commands beside a stand-in of
systemctl."""

import asyncio
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from veriband import run_command
from veriband.alerts import teller
from veriband.cli import main
from veriband.configuration import Configuration
from veriband.link.radio import Radio
from veriband.service import command
from veriband.service.notify import Pulse, teller_of
from veriband.service.unit import MARK, NAME, WATCHDOG_S, quoted, unit
from veriband.store import Store
from veriband_simulator import clock

BAND = "C0:98:E5:00:00:01"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """Where systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as its:
        its.bind(str(tmp_path / "notify"))
        its.setblocking(False)
        yield its


def told(its: socket.socket) -> list[str]:
    found: list[str] = []
    with suppress(BlockingIOError):
        while True:
            found.append(its.recv(100).decode())
    return found


# What systemd is told.


def test_it_is_told_over_its_socket_which_no_program_of_ours_inherits(
    systemd: socket.socket,
) -> None:
    environment = {"NOTIFY_SOCKET": systemd.getsockname(), "HOME": "/"}
    teller_of(environment)("READY=1")
    assert told(systemd) == ["READY=1"]
    assert environment == {"HOME": "/"}


def test_a_socket_without_a_file_is_meant_by_an_at_sign() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as its:
        its.bind(f"\0veriband-{os.getpid()}")
        its.setblocking(False)
        teller_of({"NOTIFY_SOCKET": f"@veriband-{os.getpid()}"})("READY=1")
        assert told(its) == ["READY=1"]


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
def test_where_nobody_listens_nothing_happens(environment: dict[str, str]) -> None:
    teller_of(environment)("READY=1")


def test_who_hangs_is_not_covered_by_who_goes_on() -> None:
    said: list[str] = []
    pulse = Pulse(said.append, ["teller", "look around"])
    for _ in range(3):
        pulse.beat("teller")
    assert said == [], "not ready yet"
    pulse.beat("look around")
    assert said == ["READY=1"]
    for _ in range(3):
        pulse.beat("look around")
    assert said == ["READY=1"], "the teller hangs"
    pulse.beat("teller")
    pulse.stop()
    assert said == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def daemon(tmp_path: Path, for_s: float) -> None:
    """The daemon without bands, for so many seconds of a virtual clock."""

    async def work() -> None:
        with closing(Store(tmp_path / "veriband.db")) as store, suppress(TimeoutError):
            its = run_command.Daemon(store, UTC, Configuration(), 600.0)
            async with asyncio.timeout(for_s):
                await its.run(Radio(), [], [])

    clock.run(work(), limit_s=for_s + 1)


def test_the_daemon_is_ready_feeds_the_watchdog_and_says_when_it_stops(
    tmp_path: Path, systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.getsockname())
    daemon(tmp_path, WATCHDOG_S)
    first, *between, last = told(systemd)
    assert (first, last) == ("READY=1", "STOPPING=1")
    assert set(between) == {"WATCHDOG=1"} and len(between) >= 2
    assert teller.LONGEST_S + 60 <= WATCHDOG_S, "there is room for a store that is locked"


@pytest.mark.parametrize("hung", ["SILENCE_S", "OTHERS_S"])
def test_the_watchdog_is_not_fed_while_a_part_of_the_daemon_hangs(
    hung: str, tmp_path: Path, systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.getsockname())
    if hung == "OTHERS_S":
        monkeypatch.setattr(run_command, "OTHERS_S", 10_000.0)
    else:
        monkeypatch.setattr(run_command, "SILENCE_S", 10_000.0)  # it wakes the teller, too
        monkeypatch.setattr(teller, "LONGEST_S", 10_000.0)
    daemon(tmp_path, 5 * WATCHDOG_S)
    fed = told(systemd)
    assert fed[0] == "READY=1" and fed[-1] == "STOPPING=1"
    assert len(fed) <= 3, "once for what had gone round already, then never"


def test_a_real_process_says_so_and_ends_by_the_signal_of_the_unit(
    tmp_path: Path, systemd: socket.socket
) -> None:
    with closing(Store(tmp_path / "veriband.db")) as store:
        store.add_band(BAND, bytes(20), 0)
    systemd.setblocking(True)
    systemd.settimeout(60)
    environment = {
        **os.environ, "NOTIFY_SOCKET": systemd.getsockname(), "XDG_CONFIG_HOME": str(tmp_path),
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/none",
    }  # fmt: skip
    arguments = [sys.executable, "-m", "veriband", "--store", str(tmp_path / "veriband.db"), "run"]
    with subprocess.Popen(
        arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        assert systemd.recv(100) == b"READY=1"
        process.send_signal(signal.SIGINT)
        while (last := systemd.recv(100)) == b"WATCHDOG=1":
            pass
        assert last == b"STOPPING=1"
        assert process.wait(60) == 130
    assert "KillSignal=SIGINT" in unit([]) and "SuccessExitStatus=130" in unit([])


# The unit.


@pytest.mark.parametrize("argument", ["a b", 'say "x"', "back\\slash", "it's"])
def test_an_argument_is_quoted_as_systemd_reads_it(argument: str) -> None:
    assert shlex.split(quoted(argument)) == [argument]
    assert quoted("50% of $HOME") == '"50%% of $$HOME"'


def test_systemd_takes_the_unit_without_a_word(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs Debian's systemd")
    path = tmp_path / NAME
    path.write_text(unit([sys.executable, "-m", "veriband", "--store", "/a b/50%.db", "run"]))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(path)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


# The commands.


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that notes what it is asked for, and one word of which it refuses."""
    log = tmp_path / "asked"
    programs = tmp_path / "bin"
    programs.mkdir()
    its = programs / "systemctl"
    its.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n'
        'case "$*" in *"$REFUSED"*) echo "Failed to connect to bus" >&2; exit 1;; esac\n'
        'case "$*" in *"show veriband"*) echo ActiveState=active; echo SubState=running; '
        "echo UnitFileState=enabled; echo NRestarts=2;; esac\n"
    )
    its.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/bin")
    monkeypatch.setenv("REFUSED", "none of these")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(command, "_verify", lambda text: None)
    monkeypatch.setattr(command, "LINGER", tmp_path / "linger")
    monkeypatch.setattr(sys, "platform", "linux")
    return log


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def asked(log: Path) -> list[str]:
    return [line.removeprefix("--user --no-pager ") for line in log.read_text().splitlines()]


def test_install_show_and_remove(systemctl: Path, tmp_path: Path) -> None:
    path = tmp_path / "config" / "systemd" / "user" / NAME
    assert f"'veriband service install --user' would write {path}" in run("service", "show").output
    done = run("--store", str(tmp_path / "a b.db"), "service", "install", "--user")
    assert done.exit_code == 0, done.output
    assert f'"--store" "{tmp_path}/a b.db" "run"' in path.read_text()
    assert "loginctl enable-linger" in done.output
    assert asked(systemctl) == [
        "show-environment", "daemon-reload", f"enable {NAME}", f"restart {NAME}"
    ]  # fmt: skip
    shown = json.loads(run("service", "show", "--json").stdout)
    assert shown["is_installed"] and shown["is_active"] and not shown["lingers"]
    assert shown["unit"] == path.read_text() and shown["systemd"]["NRestarts"] == "2"
    assert "active (running), enabled, started again 2 times" in run("service", "show").output
    done = run("service", "remove")
    assert done.exit_code == 0 and not path.exists()
    assert asked(systemctl)[-2:] == [f"disable --now {NAME}", "daemon-reload"]
    assert "nothing to remove" in run("service", "remove").output


def test_lingering_that_is_on_needs_no_advice(systemctl: Path, tmp_path: Path) -> None:
    (tmp_path / "linger").mkdir()
    (tmp_path / "linger" / command.getpass.getuser()).touch()
    assert "enable-linger" not in run("service", "install", "--user").output


@pytest.mark.usefixtures("systemctl")
def test_a_unit_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config" / "systemd" / "user" / NAME
    path.parent.mkdir(parents=True)
    path.write_text("[Service]\nExecStart=/bin/true\n")
    for arguments in (["install", "--user"], ["remove"]):
        done = run("service", *arguments)
        assert done.exit_code == 1 and "not written by Veriband" in done.output
    assert MARK not in path.read_text()


def test_without_a_session_of_systemd_nothing_is_written(
    systemctl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFUSED", "show-environment")
    done = run("service", "install", "--user")
    assert done.exit_code == 1 and "Failed to connect to bus" in done.output
    assert "run 'veriband run'" in done.output
    assert not (tmp_path / "config").exists()


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize(
    ("platform", "what"),
    [("darwin", "launchd"), ("win32", "Task Scheduler"), ("linux", "systemd")],
)
def test_what_cannot_be_done_without_systemd_is_refused_with_what_to_do(
    platform: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("PATH", "/nowhere")
    done = run("service", "install", "--user")
    assert done.exit_code == 1 and what in done.output and "veriband run" in done.output


def test_for_the_whole_computer_there_is_none() -> None:
    done = run("service", "install")
    assert done.exit_code == 2 and "Say --user" in done.output
