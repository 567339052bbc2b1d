"""Our pairing agent against a D-Bus daemon of its own, with a stand-in where BlueZ would be."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method

from veriband.errors import PairingFailed
from veriband.link.bluez import BlueZAgent

BAND = "C0:98:E5:00:00:01"
DEVICE = "/org/bluez/hci0/dev_C0_98_E5_00_00_01"
LIST_NAMES = Message(
    destination="org.freedesktop.DBus",
    path="/org/freedesktop/DBus",
    interface="org.freedesktop.DBus",
    member="ListNames",
)


class Manager(ServiceInterface):
    """org.bluez.AgentManager1: remembers who registered."""

    def __init__(self) -> None:
        super().__init__("org.bluez.AgentManager1")
        self.agents: list[tuple[str, str]] = []
        self.default = ""

    @dbus_method()
    def RegisterAgent(self, path: "o", capability: "s") -> None:  # noqa: F821, N802
        self.agents.append((path, capability))

    @dbus_method()
    def RequestDefaultAgent(self, path: "o") -> None:  # noqa: F821, N802
        self.default = path

    @dbus_method()
    def UnregisterAgent(self, path: "o") -> None:  # noqa: F821, N802
        self.agents = [agent for agent in self.agents if agent[0] != path]


@pytest.fixture
def bus_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("needs Debian's dbus-daemon")
    config = tmp_path / "bus.conf"
    config.write_text(
        f"<busconfig><listen>unix:path={tmp_path}/bus</listen><auth>EXTERNAL</auth>"
        '<policy context="default"><allow send_destination="*"/><allow own="*"/>'
        '<allow receive_sender="*"/></policy></busconfig>'
    )
    daemon = subprocess.Popen(
        ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert daemon.stdout is not None
    address = daemon.stdout.readline().strip()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    yield address
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()


async def ask(bus: MessageBus, agent: str, member: str, types: str, body: list[object]) -> Message:
    reply = await bus.call(
        Message(
            destination=agent,
            path="/org/veriband/agent",
            interface="org.bluez.Agent1",
            member=member,
            signature=types,
            body=body,
        )
    )
    assert reply is not None
    return reply


def test_the_agent_tells_the_passkey_of_its_band_and_nothing_else(bus_address: str) -> None:
    async def story() -> None:
        bluez = await MessageBus(bus_address=bus_address).connect()
        manager = Manager()
        bluez.export("/org/bluez", manager)
        await bluez.request_name("org.bluez")
        async with BlueZAgent().answering(BAND, 123456):
            assert manager.agents == [("/org/veriband/agent", "KeyboardOnly")]
            assert manager.default == "/org/veriband/agent"
            names = await bluez.call(
                Message(
                    destination="org.freedesktop.DBus",
                    path="/org/freedesktop/DBus",
                    interface="org.freedesktop.DBus",
                    member="ListNames",
                )
            )
            assert names is not None
            agent = next(n for n in names.body[0] if n.startswith(":") and n != bluez.unique_name)
            assert (await ask(bluez, agent, "RequestPasskey", "o", [DEVICE])).body == [123456]
            other = await ask(bluez, agent, "RequestPasskey", "o", [DEVICE[:-1] + "2"])
            assert other.message_type is MessageType.ERROR
            just_works = await ask(bluez, agent, "RequestAuthorization", "o", [DEVICE])
            assert just_works.message_type is MessageType.ERROR
        assert manager.agents == []
        bluez.disconnect()

    asyncio.run(story())


def test_without_bluez_the_error_says_so(bus_address: str) -> None:
    async def story() -> None:
        with pytest.raises(PairingFailed, match="BlueZ did not take our pairing agent"):
            async with BlueZAgent().answering(BAND, 1):
                pass

    asyncio.run(story())


def test_without_a_bus_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")

    async def story() -> None:
        with pytest.raises(PairingFailed, match="D-Bus cannot be reached"):
            async with BlueZAgent().answering(BAND, 1):
                pass

    asyncio.run(story())
