"""What is on a strip, by the drivers that run on the band, over any bus."""

# pyright: reportUnknownMemberType=false
# Drivers are written for MicroPython, which knows no protocols: a bus has no type there.

from __future__ import annotations

import errno
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from drivers import at24c02, lsm6dsox, max17048, max30102

T = TypeVar("T")

HUB_ADDRESS = 0x55
INFRARED, RED = 36, 36  # LED currents in 0.2 mA, as the band has its infrared one
WORN = 50_000  # counts of infrared at that current (firmware/README.md)
SETTLING_S = 1.0
SAMPLED_S = 1.0
_READ_MODE = 0x02  # a whole request of the hub, so that it stays as it is
_TRIES = 3
_PROBES = 5
_SAMPLES = 64


class Bus(Protocol):
    """As machine.I2C. Both raise OSError."""

    def readfrom_mem_into(self, address: int, register: int, buf: bytearray | memoryview) -> None:
        """Fill `buf` from `register` on."""
        ...

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Write `data` from `register` on."""
        ...


@dataclass(frozen=True, slots=True)
class Chips:
    """What answers: the label's number (0: none is written), the part number at the pulse
    sensor's address, whether the hub does, steps (lsm6dsox.LOST when it does not count),
    (percent, mV) of a battery; each None where nothing answers. `is_held`: nothing can answer, as
    a line of the bus is held low."""

    identity: int | None
    part_id: int | None
    has_hub: bool
    steps: int | None
    battery: tuple[int, int] | None
    is_held: bool

    @property
    def has_pulse(self) -> bool:
        """Whether the pulse sensor is the one that the driver is for."""
        return self.part_id == max30102.PART_ID

    @property
    def is_nothing(self) -> bool:
        """Whether nothing answers at all."""
        found = (self.identity, self.part_id, self.steps, self.battery)
        return not self.has_hub and all(each is None for each in found)


@dataclass(frozen=True, slots=True)
class Light:
    """Mean counts of 18 bits that come back, at INFRARED and RED."""

    infrared: int
    red: int

    @property
    def is_worn(self) -> bool:
        """Whether that is skin, as the band decides."""
        return self.infrared >= WORN


def look(bus: Bus) -> Chips:
    """Which chips answer."""
    step_chip, gauge = lsm6dsox.LSM6DSOX(bus), max17048.MAX17048(bus)
    held: list[OSError] = []

    def tried(probe: Callable[[], T]) -> T | None:
        for _ in range(_TRIES):
            try:
                return probe()
            except OSError as error:
                if error.errno == errno.ETIMEDOUT:  # the bridge has tried to free the bus
                    held.append(error)
                    break
        return None

    def hub() -> bool:
        bus.writeto_mem(HUB_ADDRESS, _READ_MODE, b"\x00")
        return True

    identity = tried(at24c02.AT24C02(bus).identity)
    part_id = tried(max30102.MAX30102(bus).part_id)
    has_hub = bool(tried(hub))
    steps = tried(step_chip.steps)
    battery = tried(lambda: (gauge.percent(), gauge.cell_mv()))
    return Chips(identity, part_id, has_hub, steps, battery, len(held) == _PROBES)


def light(bus: Bus, sleep: Callable[[float], None]) -> Light:
    """What the pulse sensor sees; its LEDs are dark afterwards. Raises OSError when it goes."""
    chip = max30102.MAX30102(bus)
    red, infrared = array("i", [0] * _SAMPLES), array("i", [0] * _SAMPLES)
    try:
        chip.begin(RED, INFRARED)
        sleep(SETTLING_S)
        chip.read(red, infrared, 0)
        sleep(SAMPLED_S)
        count = chip.read(red, infrared, 0)
    finally:
        _darken(chip)
    if count == 0:
        raise OSError(errno.ENODEV, "the pulse sensor gives no samples")
    return Light(sum(infrared[:count]) // count, sum(red[:count]) // count)


def _darken(chip: max30102.MAX30102) -> None:
    for _ in range(_TRIES):
        try:
            chip.stop()
        except OSError:
            continue  # it may have been pulled, and then it is dark
        return


def described(chips: Chips) -> list[str]:
    """Lines about them."""
    lines = {0: "strip without a label", None: "no EEPROM answers: strip unknown"}
    found = [lines.get(chips.identity, f"strip {chips.identity or 0:08X}")]
    if chips.has_pulse:
        found.append("MAX30102 pulse sensor")
    elif chips.part_id is not None:
        found.append(
            f"another chip at {max30102.ADDRESS:02X}, part {chips.part_id:02X} where the pulse "
            f"sensor MAX30102 has {max30102.PART_ID:02X}: it is left alone"
        )
    if chips.has_hub:
        found.append("MAX32664 blood-pressure hub")
    if chips.steps is not None:
        counting = "not counting" if chips.steps == lsm6dsox.LOST else f"{chips.steps} steps"
        found.append(f"LSM6DSOX step counter, {counting}")
    if chips.battery is not None:
        percent, millivolts = chips.battery
        found.append(f"MAX17048 battery gauge, {percent} %, {millivolts} mV")
    return found


def as_json(chips: Chips, seen: Light | None) -> dict[str, object]:
    """The same, and what its pulse sensor saw, for programs; what is None does not answer."""
    return {
        "label": f"{chips.identity:08X}" if chips.identity else None,
        "has_eeprom": chips.identity is not None,
        "has_pulse_sensor": chips.has_pulse,
        "other_part": None if chips.has_pulse else chips.part_id,
        "has_hub": chips.has_hub,
        "has_step_counter": chips.steps is not None,
        "steps": None if chips.steps == lsm6dsox.LOST else chips.steps,
        "battery_percent": chips.battery and chips.battery[0],
        "battery_mv": chips.battery and chips.battery[1],
        "infrared_counts": seen and seen.infrared,
        "red_counts": seen and seen.red,
        "is_worn": seen and seen.is_worn,
    }
