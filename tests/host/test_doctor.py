"""`veriband doctor`: each check well and wrong; Bluetooth on a D-Bus daemon of its own, with
stand-ins where BlueZ and systemd would be."""

import asyncio
import http.server
import json
import socket
import sqlite3
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from bleak.backends.scanner import BaseBleakScanner
from click.testing import CliRunner, Result
from dbus_fast import DBusError, PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_property

from veriband.civil import LocalTime
from veriband.cli import main
from veriband.configuration import Configuration, Terminal
from veriband.doctor import bluetooth, command, computer
from veriband.doctor.finding import Finding, State
from veriband.doctor.store import store
from veriband.link.radio import Radio
from veriband.store import Store

WELL, NOTE, WRONG = State.WELL, State.NOTE, State.WRONG


def states(found: list[Finding]) -> dict[str, State]:
    return {finding.check: finding.state for finding in found}


def wrongs(found: list[Finding]) -> str:
    assert all(finding.mend for finding in found if finding.state is WRONG), "how to mend it?"
    return "; ".join(f"{its.check}: {its.found}" for its in found if its.state is WRONG)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "veriband.db"
    Store(path).close()
    return path


# The store.


def test_a_store_that_is_well(path: Path) -> None:
    its = states(list(store(path, is_named=True)))
    assert its == dict.fromkeys(("store", "store is whole", "store is private", "room"), WELL)


def test_a_store_that_is_not_there_is_wrong_only_if_it_was_named(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "veriband.db"
    assert states(list(store(path, is_named=False))) == {"store": NOTE}
    assert states(list(store(path, is_named=True))) == {"store": WRONG}
    assert not path.parent.exists(), "nothing is made"


def test_a_store_that_others_may_read(path: Path) -> None:
    path.chmod(0o644)
    (found,) = (its for its in store(path, is_named=True) if its.state is WRONG)
    assert (found.check, found.mend) == ("store is private", f"chmod 600 {path}")


def test_a_damaged_store(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
    data = bytearray(path.read_bytes())
    data[3 * size : 6 * size] = b"x" * (3 * size)
    path.write_bytes(data)
    assert "store is whole" in wrongs(list(store(path, is_named=True)))


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be one" * 30])
def test_a_file_that_is_no_store(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert wrongs(list(store(path, is_named=True)))
    assert path.read_bytes() == content, "it was left as it is"


@pytest.mark.parametrize(("by", "state"), [(1, WRONG), (-1, NOTE)])
def test_a_store_of_another_version_is_left_as_it_is(path: Path, by: int, state: State) -> None:
    with closing(sqlite3.connect(path)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0] + by
        db.execute(f"PRAGMA user_version = {version}")
    assert states(list(store(path, is_named=True)))["store"] is state
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == version


def test_a_disk_without_room_for_a_second_copy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": path.stat().st_size - 1})
    monkeypatch.setattr("veriband.doctor.store.shutil.disk_usage", lambda _: usage)
    assert "room: the store takes 0." in wrongs(list(store(path, is_named=True)))


def test_a_store_that_a_daemon_writes_into_can_be_examined(path: Path) -> None:
    with closing(Store(path)) as other, other.transaction():
        assert wrongs(list(store(path, is_named=True))) == ""


# This computer.


def test_a_configuration_is_named_with_what_is_wrong_and_where(tmp_path: Path) -> None:
    path = tmp_path / "veriband.toml"
    assert computer.settings(path, is_named=False)[0].state is NOTE
    assert computer.settings(path, is_named=True)[0].state is WRONG
    path.write_text("[silence]\nband_h = 3\n")
    found, its = computer.settings(path, is_named=False)
    assert found.state is WELL and its and its.silence.band_h == 3
    path.write_text("[silence]\nband_h = -3\n")
    found, its = computer.settings(path, is_named=False)
    assert found.state is WRONG and "line 2" in found.found and its is None


@pytest.mark.parametrize(("now_s", "state"), [(0, WRONG), (1_795_600_000, WELL), (2**33, WRONG)])
def test_a_clock_that_cannot_be_right(now_s: int, state: State) -> None:
    assert computer.clock(now_s).state is state


def test_a_zone_without_a_name() -> None:
    assert computer.zone(UTC).state is WELL
    assert computer.zone(LocalTime()).state is WRONG


@contextmanager
def served(page: bytes, status: int) -> Iterator[int]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize(
    ("page", "state"), [(b"<title>Anna \xc2\xb7 Veriband</title>", WELL), (b"hello", WRONG)]
)
def test_a_port_may_be_free_ours_or_anothers(page: bytes, status: int, state: State) -> None:
    with served(page, status) as number:
        assert computer.port(number).state is state
    assert "is free" in computer.port(number).found


def test_the_pages_are_known_by_their_title() -> None:
    document = pytest.importorskip("veriband.web.document")
    from veriband.web.english import ENGLISH

    page = document.page("Anna")
    text = document.shell(page, ENGLISH, [ENGLISH], "/?", "", document.datetime.now(UTC))
    assert computer.OURS in str(text).encode()[: computer.MOST]


def test_a_port_where_something_else_is_spoken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as its:

        def answer() -> None:
            other, _ = its.accept()
            with other:
                other.recv(10_000)
                other.sendall(b"220 mail\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert computer.port(its.getsockname()[1]).state is WRONG
        thread.join()


def test_terminals_whose_program_is_missing_or_cannot_be_executed(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    commands = {"a": sys.executable, "b": str(plain), "c": "/nowhere/tell"}
    its = Configuration(terminal=tuple(Terminal(n, (c,)) for n, c in commands.items()))
    found = list(computer.terminals(its))
    assert [finding.state for finding in found] == [WELL, WRONG, WRONG]
    assert found[1].mend == f"chmod +x {plain}"


def test_an_extra_that_is_not_installed_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computer, "EXTRAS", {"web": ("the pages", ("json", "no_such_module"))})
    (found,) = computer.extras()
    assert found.state is NOTE and "no_such_module" in found.found and "json" not in found.found
    assert found.mend == "pip install 'veriband[web]'"


# Bluetooth.


class Heard(BaseBleakScanner):
    """A scan that begins, or does not, as `trouble` says."""

    trouble = ""

    def __init__(self, callback: Any, service_uuids: Any, mode: str, **_: Any) -> None:
        super().__init__(callback, service_uuids)

    async def start(self) -> None:
        if self.trouble:
            raise OSError(self.trouble)

    async def stop(self) -> None:
        pass


class Adapter(ServiceInterface):
    """org.bluez.Adapter1."""

    def __init__(self, powered: bool) -> None:
        super().__init__("org.bluez.Adapter1")
        self.powered = powered

    @dbus_property(access=PropertyAccess.READ)
    def Powered(self) -> "b":  # noqa: F821, N802
        return self.powered


class TimeDate(ServiceInterface):
    """org.freedesktop.timedate1."""

    def __init__(self, is_synchronised: bool) -> None:
        super().__init__("org.freedesktop.timedate1")
        self.is_synchronised = is_synchronised

    @dbus_property(access=PropertyAccess.READ)
    def NTPSynchronized(self) -> "b":  # noqa: F821, N802
        return self.is_synchronised


@asynccontextmanager
async def offered(bus_address: str, name: str, **its: ServiceInterface) -> AsyncGenerator[None]:
    bus = await MessageBus(bus_address=bus_address).connect()
    for path, interface in its.items():
        bus.export("/" + path.replace("_", "/"), interface)
    await bus.request_name(name)
    try:
        yield
    finally:
        bus.disconnect()


async def looked(tmp_path: Path, radio: Radio | None = None) -> list[Finding]:
    radio = radio or Radio(scanner=Heard)
    return [finding async for finding in bluetooth.bluetooth(radio, tmp_path / "rfkill")]


@pytest.fixture(autouse=True)
def _linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bluetooth, "LISTEN_S", 0.01)
    monkeypatch.setattr(sys, "platform", "linux")


def test_bluetooth_that_is_well(bus_address: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with offered(bus_address, "org.bluez", org_bluez_hci0=Adapter(True)):
            found = await looked(tmp_path)
        assert states(found) == dict.fromkeys(("system D-Bus", "BlueZ", "adapter", "scan"), WELL)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("its", "why"),
    [({}, "BlueZ has none"), ({"org_bluez_hci0": False}, "hci0 is switched off")],
)
def test_an_adapter_that_is_missing_or_off(
    bus_address: str, tmp_path: Path, its: dict[str, bool], why: str
) -> None:
    async def story() -> None:
        adapters = {path: Adapter(powered) for path, powered in its.items()}
        async with offered(bus_address, "org.bluez", **adapters):
            found = await looked(tmp_path)
        assert wrongs(found) == f"adapter: {why}"
        assert "scan" not in states(found), "there is nothing to scan with"

    asyncio.run(story())


def test_without_bluez_or_a_bus(
    bus_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asyncio.run(looked(tmp_path))
    assert wrongs(found).startswith("BlueZ: it does not answer")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    found = asyncio.run(looked(tmp_path))
    assert wrongs(found).startswith("system D-Bus: it cannot be reached")


def test_who_may_not_use_bluez_is_told_of_the_group(
    bus_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def denied(*_: object) -> list[Any]:
        raise DBusError("org.freedesktop.DBus.Error.AccessDenied", "Rejected send message")

    monkeypatch.setattr("veriband.link.system_bus.call", denied)
    found = asyncio.run(looked(tmp_path))
    assert wrongs(found) == "BlueZ: you may not use it: Rejected send message"
    assert "usermod -aG bluetooth" in found[-1].mend


def test_a_scan_that_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Heard, "trouble", "no right to")
    for platform in ("linux", "darwin", "win32"):
        monkeypatch.setattr(sys, "platform", platform)
        found = asyncio.run(bluetooth.scan(Radio(scanner=Heard)))
        assert found.state is WRONG and "no right to" in found.found and found.mend


def test_elsewhere_only_a_scan_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert states(asyncio.run(looked(tmp_path))) == {"scan": WELL}
    assert asyncio.run(bluetooth.synchronised()) is None


@pytest.mark.parametrize(
    ("soft", "hard", "state"), [(0, 0, WELL), (1, 0, WRONG), (0, 1, WRONG), (1, 1, WRONG)]
)
def test_switches_that_keep_bluetooth_off(
    tmp_path: Path, soft: int, hard: int, state: State
) -> None:
    for name, kind, is_soft in (("rfkill0", "bluetooth", soft), ("rfkill1", "wlan", 1)):
        switch = tmp_path / name
        switch.mkdir()
        its = {"type": kind, "name": "hci0", "soft": is_soft, "hard": hard}
        for what, value in its.items():
            (switch / what).write_text(f"{value}\n")
    (found,) = bluetooth.blocked(tmp_path)
    assert found.state is state
    assert ("rfkill unblock" in found.mend) == (soft > hard)


@pytest.mark.parametrize(("is_so", "state"), [(True, WELL), (False, WRONG)])
def test_a_clock_that_nothing_keeps_right(bus_address: str, is_so: bool, state: State) -> None:
    async def story() -> None:
        its = {"org_freedesktop_timedate1": TimeDate(is_so)}
        async with offered(bus_address, "org.freedesktop.timedate1", **its):
            found = await bluetooth.synchronised()
        assert found and found.state is state

    asyncio.run(story())


def test_where_no_systemd_can_say_it_is_noted(bus_address: str) -> None:
    found = asyncio.run(bluetooth.synchronised())
    assert found and found.state is NOTE


# The command.


def run(path: Path, *arguments: str) -> Result:
    base = ["--store", str(path), "--zone", "Europe/Berlin", "doctor", "--port", "1"]
    return CliRunner().invoke(main, [*base, *arguments])


@pytest.fixture
def radio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(command, "system_radio", lambda: Radio(scanner=Heard))
    monkeypatch.setattr(computer, "port", lambda number: computer.well("port", f"{number}"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.usefixtures("radio")
def test_the_command_says_what_is_well_and_what_is_not_by_its_status_too(path: Path) -> None:
    done = run(path)
    assert done.exit_code == 0, done.output
    assert "well   store: " in done.output and done.output.endswith("Nothing is wrong.\n")
    path.chmod(0o644)
    done = run(path)
    assert done.exit_code == 1
    assert (
        f"wrong  store is private: others may read it: {path}\n       -> chmod 600" in done.output
    )
    done = run(path, "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 1 and told["is_well"] is False
    by_check = {its["check"]: its for its in told["checks"]}
    assert by_check["store is private"]["state"] == "wrong"
    assert by_check["time zone"]["found"] == "Europe/Berlin"


@pytest.mark.usefixtures("radio")
def test_a_broken_configuration_or_zone_does_not_end_it(path: Path, tmp_path: Path) -> None:
    (tmp_path / "veriband").mkdir()
    (tmp_path / "veriband" / "veriband.toml").write_text("[nonsense")
    base = ["--store", str(path), "--zone", "Middle/Earth", "doctor", "--json"]
    told = json.loads(CliRunner().invoke(main, base).stdout)
    wrong = {its["check"] for its in told["checks"] if its["state"] == "wrong"}
    assert wrong == {"configuration", "time zone"}
    assert told["checks"][-1]["check"].startswith("extra"), "it went on to the end"
