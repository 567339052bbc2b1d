"""A strip read from a PC: the band's drivers, the real EasyMCP2221, an MCP2221 by its reports."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from drivers import lsm6dsox
from veriband.bridge import reading
from veriband.bridge.mcp2221 import BridgeBus, BridgeError, bridge
from veriband.cli import main
from veriband_simulator.at24c02 import SIZE, At24c02, labelled
from veriband_simulator.chips import Bus, Chip, Lsm6dsox, Max17048, Nack
from veriband_simulator.max30102 import Max30102
from veriband_simulator.mcp2221 import Mcp2221, UsbPorts

LIBRARY = "EasyMCP2221.MCP2221.hid"  # hidapi, as the library imports it
SKIN, TABLE = (92_000, 101_000), (2_000, 3_000)


class Hub:
    """As much of the MAX32664 as answers."""

    address = 0x55

    def read(self, register: int, size: int) -> bytes:
        raise Nack

    def write(self, register: int, data: bytes) -> None:
        assert (register, data) == (0x02, b"\x00"), "which changes nothing"


class Desk:
    """A computer with a bridge, chips on its bus, and a clock that only `sleep` moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *chips: str) -> None:
        self.us = 0
        self.light = SKIN
        self.bus = Bus()
        self.eeprom = At24c02(lambda: self.us, labelled(0x5EED0007))
        self.pulse = Max30102(lambda: self.us, lambda us: self.light)
        self.steps = Lsm6dsox(lambda: self.us, lambda us: us // 500_000)
        self.kinds: dict[str, Chip] = {
            "eeprom": self.eeprom,
            "pulse": self.pulse,
            "hub": Hub(),
            "steps": self.steps,
            "gauge": Max17048(lambda: self.us, lambda us: 81.0),
        }
        for chip in chips:
            self.plug(chip)
        self.bridge = Mcp2221(self.bus)
        self.ports = UsbPorts(self.bridge)
        self.at: list[Callable[[], None]] = []  # what happens in each sleep of a second or more
        monkeypatch.setattr(LIBRARY, self.ports)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def plug(self, *chips: str) -> None:
        for chip in chips:
            self.bus.add(self.kinds[chip])

    def pull(self, *chips: str) -> None:
        for chip in chips:
            self.bus.remove(self.kinds[chip])

    def sleep(self, seconds: float) -> None:
        self.us += round(seconds * 1e6)
        if seconds >= 1 and self.at:
            self.at.pop(0)()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["strip", "read", *arguments])


def stop() -> None:
    raise KeyboardInterrupt


def nothing() -> None:
    pass


STRIP = ("eeprom", "pulse")


def test_a_strip_is_read_by_the_bands_drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, *STRIP)
    done = run()
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "strip 5EED0007",
        "MAX30102 pulse sensor",
        "infrared 101,000, red 92,000 counts: on skin",
    ]
    assert desk.pulse.is_shut_down
    assert desk.ports.opened == 0


def test_everything_that_may_hang_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, "eeprom", "pulse", "hub", "steps", "gauge")
    desk.light = TABLE
    lines = run().output.splitlines()
    assert lines[2:] == [
        "MAX32664 blood-pressure hub",
        "LSM6DSOX step counter, not counting",
        "MAX17048 battery gauge, 81 %, 4028 mV",
        "infrared 3,000, red 2,000 counts: not on skin",
    ]
    with bridge() as bus:
        lsm6dsox.LSM6DSOX(bus).start()
        desk.us += 10_000_000
        assert reading.look(bus).steps == 20


@pytest.mark.parametrize(
    ("chips", "first"),
    [
        (("pulse",), "no EEPROM answers: strip unknown"),
        (("eeprom",), "strip 5EED0007"),
    ],
)
def test_a_part_of_a_strip_is_told_as_it_is(
    monkeypatch: pytest.MonkeyPatch, chips: tuple[str, ...], first: str
) -> None:
    Desk(monkeypatch, *chips)
    done = run()
    assert done.exit_code == 0
    assert done.output.splitlines()[0] == first


def test_a_strip_whose_label_was_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, "eeprom")
    desk.eeprom.content[:] = b"\xff" * SIZE
    assert run().output.splitlines() == ["strip without a label"]


def test_another_chip_in_the_sensors_place_is_named_and_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch, *STRIP)
    desk.pulse._registers[0xFF] = 0x11  # as a MAX30100 has it
    before = dict(desk.pulse._registers)
    done = run()
    assert done.exit_code == 0
    assert done.output.splitlines()[1:] == [
        "another chip at 57, part 11 where the pulse sensor MAX30102 has 15: it is left alone"
    ]
    assert desk.pulse._registers == before


@pytest.mark.parametrize("silent", [True, False])
def test_nothing_that_answers_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    desk = Desk(monkeypatch, *(STRIP if silent else ()))
    desk.eeprom.silent = desk.pulse.silent = True
    done = run()
    assert done.exit_code == 1
    assert "Nothing answers: plug the strip in, and see that 3V3, GND, SDA and SCL" in done.output


def test_a_line_that_is_held_is_told_from_an_empty_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, *STRIP)
    desk.bus.hold(desk.pulse, 1000)
    done = run()
    assert done.exit_code == 1
    assert "A line of the bus is held low" in done.output


@pytest.mark.parametrize("pulled_at", range(4, 60, 3))
def test_a_strip_that_is_pulled_in_mid_read_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, pulled_at: int
) -> None:
    """At any transaction of the bus: it ends with what was found, or says that it was pulled."""
    desk = Desk(monkeypatch, *STRIP)

    def meanwhile(_: Chip) -> None:
        if desk.bus.transactions >= pulled_at:
            desk.pull(*STRIP)

    desk.bus.meanwhile = meanwhile
    done = run()
    assert isinstance(done.exception, SystemExit | None)
    found = ("pulled while it was read", "Nothing answers", "left alone", "counts: ")
    is_told = any(words in done.output for words in found)
    assert is_told or done.output.splitlines() == ["strip 5EED0007"]
    assert desk.ports.opened == 0


def test_pulled_between_the_two_looks_at_the_light(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, *STRIP)
    desk.at = [lambda: desk.pull(*STRIP)]
    done = run()
    assert done.exit_code == 1
    assert "Error: The strip was pulled while it was read." in done.output


@pytest.mark.parametrize("which", [1, 5, 20, 60, 90])
def test_a_bridge_that_is_pulled_in_mid_read_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    desk = Desk(monkeypatch, *STRIP)

    def meanwhile() -> None:
        if desk.bridge.reports == which:
            desk.ports.bridge = None

    desk.bridge.meanwhile = meanwhile
    done = run()
    assert done.exit_code == 1
    assert "plug the bridge" in done.output or "cannot be opened" in done.output
    assert isinstance(done.exception, SystemExit)


def test_a_bridge_that_no_longer_answers_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch, *STRIP)
    with bridge() as bus:
        monkeypatch.setattr("veriband_simulator.mcp2221.HidDevice.write", lambda *_: 65)
        with pytest.raises(BridgeError, match="does not answer"):
            bus.readfrom_mem_into(0x57, 0xFF, bytearray(1))
    assert desk.ports.opened == 0


def test_no_bridge_and_one_that_may_not_be_opened_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch, *STRIP)
    desk.ports.bridge = None
    done = run()
    assert done.exit_code == 1
    assert "No MCP2221 is at a USB port (lsusb would show 04d8:00dd)" in done.output
    desk.ports.bridge, desk.ports.locked = desk.bridge, True
    monkeypatch.setattr(sys, "platform", "linux")
    done = run()
    assert done.exit_code == 1
    rule = 'SUBSYSTEM=="usb", ATTR{idVendor}=="04d8", ATTR{idProduct}=="00dd", TAG+="uaccess"'
    assert rule in done.output
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "udev" not in run().output


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "EasyMCP2221", None)
    done = run()
    assert done.exit_code == 1
    assert "pip install '.[strip]'" in done.output


def test_watching_tells_what_comes_and_goes_until_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch, *STRIP)

    def off_skin() -> None:
        desk.light = TABLE

    desk.at = [
        nothing, nothing, off_skin,  # a round: settle, sample, rest
        nothing, nothing, lambda: desk.pull(*STRIP),
        lambda: desk.plug(*STRIP),
        lambda: desk.pull(*STRIP), nothing,  # in mid-read
        stop,
    ]  # fmt: skip
    done = run("--watch")
    assert done.exit_code == 0, done.output
    assert [line.split("  ", 1)[1] for line in done.output.splitlines()] == [
        "strip 5EED0007",
        "MAX30102 pulse sensor",
        "infrared 101,000, red 92,000 counts: on skin",
        "infrared 3,000, red 2,000 counts: not on skin",
        "nothing answers",
        "strip 5EED0007",
        "MAX30102 pulse sensor",
        "the strip was pulled while it was read",
        "nothing answers",
    ]
    assert desk.ports.opened == 0


@given(st.integers(0, 255), st.binary(min_size=1, max_size=200))
def test_the_bridges_bus_is_the_buss(register: int, data: bytes) -> None:
    """Whatever is written and read through the library, its chunks of 60 bytes and the reports."""

    class Memory:
        address = 0x42

        def __init__(self) -> None:
            self.data = bytearray(512)

        def read(self, register: int, size: int) -> bytes:
            return bytes(self.data[register : register + size])

        def write(self, register: int, data: bytes) -> None:
            self.data[register : register + len(data)] = data

    chip, buf = Memory(), bytearray(len(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LIBRARY, UsbPorts(Mcp2221(Bus(chip))))
        with bridge() as bus:
            bus.writeto_mem(0x42, register, data)
            bus.readfrom_mem_into(0x42, register, buf)
            assert chip.data == bytes(register) + data + bytes(512 - register - len(data))
            assert buf == data
            with pytest.raises(OSError, match="no chip answers") as error:
                bus.writeto_mem(0x43, register, data)
            assert error.value.errno == errno.ENODEV
            bus.readfrom_mem_into(0x42, register, buf)  # it goes on after a refusal


def test_what_the_engine_never_does_is_an_error_of_the_bus() -> None:
    class Broken:
        hidhandler = None

        def I2C_write(self, *_: object) -> None:  # noqa: N802
            raise RuntimeError("I2C crashed")

    with pytest.raises(OSError, match="crashed") as error:
        BridgeBus(Broken()).writeto_mem(1, 2, b"")
    assert error.value.errno == errno.ETIMEDOUT
