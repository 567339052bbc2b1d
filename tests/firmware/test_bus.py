"""The bus in MicroPython: what frees it, and what its drivers see of that."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from veriband_simulator.board import Board
from veriband_simulator.chips import Bus, Chip, Held, Max17048, Nack, Unmodelled
from veriband_simulator.world import World, play

SCRIPT = """
import time
from band.bus import Bus
from boards import esp32s3

bus = Bus(esp32s3)
word = bytearray(2)

def read(address=0x36):
    try:
        bus.readfrom_mem_into(address, 0x08, word)
        print(bytes(word).hex())
    except OSError as error:
        print(error.errno)
"""


class Register:
    """A chip with one register, which is as long as what is written."""

    address = 0x36
    value = b"\x00\x12"

    def read(self, register: int, size: int) -> bytes:
        return self.value[:size]

    def write(self, register: int, data: bytes) -> None:
        self.value = data


def printed(bus: Bus, script: str) -> list[str]:
    """What a script on a board with that bus printed."""

    async def story() -> list[str]:
        world = World(1, datetime(2026, 1, 1, tzinfo=UTC))
        board = Board(
            world.firmware, world.air, "C0:98:E5:00:00:01", bus, {}, world.rng("board"),
            script=SCRIPT + script + "\ntime.sleep(10**6)\n",
        )  # fmt: skip
        try:
            await board.power_on()
            await asyncio.sleep(60)
            return board.console().split()
        finally:
            board.close()

    return play(1, story(), limit_s=100)


class Parrot(Register):
    """A chip without registers, which says what it was told."""

    address = 0x55

    def receive(self, size: int) -> bytes:
        return self.value[:size]

    def write(self, register: int, data: bytes) -> None:
        self.value = bytes((register,)) + data


@pytest.mark.parametrize("clocks", [1, 9])
def test_a_bus_that_is_held_fails_once_and_is_free_then(clocks: int) -> None:
    chip = Register()
    bus = Bus(chip)
    bus.hold(chip, clocks)
    assert printed(bus, "read(); read(); read()") == ["116", "0012", "0012"]


def test_a_write_frees_it_too() -> None:
    chip = Register()
    bus = Bus(chip)
    bus.hold(chip)
    script = "try:\n bus.writeto_mem(0x36, 8, b'ab')\nexcept OSError:\n print('failed')\n"
    assert printed(bus, script + "bus.writeto_mem(0x36, 8, b'cd'); read()") == ["failed", "6364"]


def test_chips_without_registers_are_written_to_and_read() -> None:
    chip = Parrot()
    bus = Bus(chip, Register())
    script = """
def ask(address, text):
    try:
        bus.writeto(address, text)
        bus.readfrom_into(address, word)
        print(bytes(word).hex())
    except OSError as error:
        print(error.errno)

ask(0x55, b"ab"); ask(0x54, b"ab"); ask(0x55, b"cd")
"""
    assert printed(bus, script) == ["6162", "19", "6364"]
    bus.hold(chip)
    assert printed(bus, script) == ["116", "19", "6364"]
    with pytest.raises(Unmodelled, match="0x36"):
        bus.receive(0x36, 2)

    def goes(its: Chip) -> None:
        bus.remove(its)

    bus.meanwhile = goes
    assert bus.receive(0x55, 2) == b"c\xff"


def test_who_holds_on_for_longer_is_clocked_again() -> None:
    chip = Register()
    bus = Bus(chip)
    bus.hold(chip, 20)
    assert printed(bus, "read(); read(); read(); read()") == ["116", "116", "116", "0012"]


def test_a_chip_that_is_not_there_costs_no_clocks() -> None:
    bus = Bus(Register())
    driven: list[tuple[str, int]] = []
    bus.drive = lambda line, level: driven.append((line, level))
    assert printed(bus, "read(0x55); read()") == ["19", "0012"]
    assert driven == []


def test_it_is_freed_by_nine_clocks_and_a_stop() -> None:
    bus = Bus(Register())
    driven: list[tuple[str, int]] = []
    bus.drive = lambda line, level: driven.append((line, level))
    printed(bus, "bus.free()")
    lines = {"scl": 1, "sda": 1}
    clocks, stops = 0, 0
    for line, level in driven:
        clocks += line == "scl" and level > lines["scl"] and lines["sda"]
        assert line != "sda" or not lines["scl"] or level >= lines["sda"], "a START"
        stops += line == "sda" and level > lines["sda"] and lines["scl"]
        lines[line] = level
    assert (clocks, stops, lines) == (9, 1, {"scl": 1, "sda": 1})


def test_a_line_that_is_a_plain_pin_is_no_bus() -> None:
    """The model's side: without I2C made anew nothing goes over it."""
    bus = Bus(Max17048(lambda: 0, lambda _: 50.0))
    bus.drive("scl", 1)
    with pytest.raises(Held):
        bus.read(0x36, 0x08, 2)
    bus.begin()
    assert bus.read(0x36, 0x08, 2) == b"\x00\x12"


def test_of_a_chip_that_goes_in_mid_transfer_the_rest_is_ones() -> None:
    chip = Register()
    bus = Bus(chip)

    def goes(its: Chip) -> None:
        bus.remove(its)

    bus.meanwhile = goes
    assert bus.read(0x36, 0x08, 2) == b"\x00\xff"
    bus.add(chip)
    with pytest.raises(Nack):
        bus.write(0x36, 0x08, b"ab")
    assert chip.value == b"\x00\x12"
