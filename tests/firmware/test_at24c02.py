"""The strip's label, and the EEPROM's model that it is read from."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.at24c02 import AT24C02
from tests.firmware.i2c import MachineI2C
from veriband_simulator import world as simulated
from veriband_simulator.at24c02 import PAGE, SIZE, WRITE_US, At24c02, labelled
from veriband_simulator.board import Board
from veriband_simulator.chips import Bus, Nack

IDENTITIES = st.integers(1, 2**32 - 1)


class World:
    """An EEPROM on a bus, and the time."""

    def __init__(self, content: bytes = b"\xff" * SIZE) -> None:
        self.us = 0
        self.chip = At24c02(lambda: self.us, content)
        self.driver = AT24C02(MachineI2C(self.chip))


@given(IDENTITIES)
def test_a_label_is_read_as_it_was_written(identity: int) -> None:
    world = World()
    world.driver.label(identity)
    world.us += WRITE_US
    assert world.driver.identity() == identity
    assert world.chip.content == labelled(identity), "as another hand computes it"


@pytest.mark.parametrize("content", [b"\xff" * SIZE, bytes(SIZE), labelled(7)[1:] + b"\xff"])
def test_without_a_label_there_is_no_number(content: bytes) -> None:
    assert World(content).driver.identity() == 0


@pytest.mark.parametrize("bit", range(8 * PAGE))
def test_a_label_with_a_wrong_bit_is_none(bit: int) -> None:
    content = bytearray(labelled(0x5EED0001))
    content[bit // 8] ^= 1 << bit % 8
    assert World(bytes(content)).driver.identity() == 0


def test_the_line_that_the_readme_gives_labels_a_strip() -> None:
    readme = (Path(__file__).parents[2] / "firmware" / "README.md").read_text()
    (line,) = re.findall(r'mpremote exec "(.*AT24C02.*)"', readme)

    async def story() -> int:
        world = simulated.World(1, datetime(2026, 1, 1, tzinfo=UTC))
        chip = At24c02(world.now_us)
        board = Board(
            world.firmware, world.air, "C0:98:E5:00:00:01", Bus(chip), {}, world.rng("board"),
            script=f"import time\n{line}\ntime.sleep(10**6)\n",
        )  # fmt: skip
        await board.power_on()
        await asyncio.sleep(1)
        board.close()
        return AT24C02(MachineI2C(chip)).identity()

    assert simulated.play(1, story(), limit_s=10) == 7


def test_it_does_not_answer_while_it_writes() -> None:
    world = World(labelled(7))
    world.driver.label(8)
    world.us += WRITE_US - 1
    with pytest.raises(OSError, match="19"):
        world.driver.identity()
    with pytest.raises(OSError, match="19"):
        world.driver.label(9)
    world.us += 1
    assert world.driver.identity() == 8


def test_a_loss_of_power_while_it_writes_leaves_no_label() -> None:
    world = World(labelled(7))
    world.driver.label(8)
    world.chip.power_on()
    assert world.driver.identity() == 0


def test_a_loss_of_power_later_leaves_it() -> None:
    world = World(labelled(7))
    world.driver.label(8)
    world.us += WRITE_US
    world.chip.power_on()
    assert world.driver.identity() == 8


def test_the_models_writes_go_round_in_a_page_and_its_reads_in_the_chip() -> None:
    world = World(bytes(SIZE))
    world.chip.write(0x2C, bytes(range(1, 11)))
    world.us += WRITE_US
    assert world.chip.read(0x28, 8) == bytes((5, 6, 7, 8, 9, 10, 3, 4))
    world.chip.write(0xFF, b"\x77")
    with pytest.raises(Nack):
        world.chip.read(0xFF, 2)
    world.us += WRITE_US
    assert world.chip.read(0xFF, 2) == b"\x77\x00"


def test_a_write_of_nothing_starts_no_cycle() -> None:
    world = World()
    world.chip.write(0, b"")
    assert world.chip.read(0, 1) == b"\xff"
