"""A world: one virtual clock over bands, their wearers, the air between, and a computer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from veriband_simulator import clock
from veriband_simulator.air import Air
from veriband_simulator.at24c02 import At24c02, labelled
from veriband_simulator.board import BUTTON_PIN, DETECT_PINS, Board
from veriband_simulator.central import Central
from veriband_simulator.chips import Bus, Chip, Lsm6dsox, Max17048
from veriband_simulator.entropy import seeded_entropy
from veriband_simulator.firmware import Firmware, find_firmware
from veriband_simulator.flash import Flash
from veriband_simulator.max30102 import Max30102
from veriband_simulator.max32664 import Max32664d
from veriband_simulator.meter import Meter
from veriband_simulator.wearers import Walk, Wearer

T = TypeVar("T")

PRESS_S = 3.5  # a press that opens pairing
COMPUTER = "F0:0D:5E:00:00:01"
METER = "C0:FF:EE:00:00:01"
FIRST_IDENTITY = 0x5EED0000  # of strips, plus the band's number


@dataclass
class Strip:
    """The flexible board, which sits in a `socket` ("case" or "cover") or in none; with a `hub`
    or, as most are, without."""

    pulse: Max30102
    eeprom: At24c02
    hub: Max32664d | None = None
    others: list[Chip] = field(default_factory=list[Chip])
    socket: str | None = None
    cell_mv: int = 3000  # of its coin cell

    @property
    def chips(self) -> list[Chip]:
        """All that is on it."""
        return [self.eeprom, self.pulse, *([self.hub] if self.hub else []), *self.others]

    def power_on(self) -> None:
        """Its supply has come."""
        self.eeprom.power_on()
        self.pulse.power_on()
        if self.hub:
            self.hub.power_on()


@dataclass
class SimulatedBand:
    """A band on its wearer: the board, its step chip, the strip (None for a band that has none),
    and the secret written at flashing."""

    board: Board
    chip: Lsm6dsox
    strip: Strip | None
    secret: bytes
    gauge: Max17048

    def cell_uv(self) -> int:
        """What its board's pin CELL has: half of the strip's coin cell."""
        return self.strip.cell_mv * 500 if self.strip and self.strip.socket else 0

    def __post_init__(self) -> None:
        self.board.on_hub_pins = self._move_hub_pins

    @property
    def pulse(self) -> Max30102 | None:
        """The pulse sensor on its strip."""
        return self.strip and self.strip.pulse

    @property
    def address(self) -> str:
        """The radio's address."""
        return self.board.address

    async def press(self, seconds: float = PRESS_S) -> None:
        """Hold the button."""
        self.board.set_pin(BUTTON_PIN, 0)
        await asyncio.sleep(seconds)
        self.board.set_pin(BUTTON_PIN, 1)

    def power_off(self) -> None:
        """Take the power away from the board and its chips."""
        self.board.power_off()
        self.chip.reset()

    async def power_on(self) -> None:
        """Apply power."""
        if self.strip and self.strip.socket:
            self.strip.power_on()
        await self.board.power_on()

    def pull_strip(self) -> None:
        """Pull the strip out: its chips are not on the bus. Nothing happens if it is out."""
        if self.strip and self.strip.socket:
            self.board.set_pin(DETECT_PINS[self.strip.socket], 1)
            self.strip.socket = None
            self.board.usage.level("strip plugged", 0)
            self.strip.pulse.usage.stop()
            for chip in self.strip.chips:
                self.board.bus.remove(chip)

    def plug_strip(self, socket: str = "case") -> None:
        """Plug the strip in, pulled before if it must be: its chips have just got their power."""
        if self.strip:
            self.pull_strip()
            self.strip.power_on()
            self.strip.socket = socket
            self.board.usage.level("strip plugged", 1)
            for chip in self.strip.chips:
                self.board.bus.add(chip)
            self._move_hub_pins()
            self.board.set_pin(DETECT_PINS[socket], 0)

    def _move_hub_pins(self) -> None:
        """The hub on the strip sees what its pins in the socket are driven to."""
        if self.strip and self.strip.hub and self.strip.socket:
            self.strip.hub.pins(**self.board.hub_pins)


class World:
    """Everything that is simulated, begun at `start` (an aware datetime), random by `seed`."""

    def __init__(self, seed: int, start: datetime, firmware: Firmware | None = None) -> None:
        self.seed = seed
        self.start = start
        self.firmware = firmware or find_firmware()
        self.air = Air(self.rng("air"))
        self.bands: list[SimulatedBand] = []
        self._start_utc_ms = round(start.timestamp() * 1000)

    def rng(self, what: str) -> random.Random:
        """The random source of `what` in this world."""
        return random.Random(f"{self.seed} {what}")

    def now_us(self) -> int:
        """Microseconds since the world began."""
        return round(asyncio.get_running_loop().time() * 1e6)

    def utc_ms(self) -> int:
        """What every right clock in this world shows."""
        return self._start_utc_ms + self.now_us() // 1000

    def us_at(self, utc_ms: int) -> int:
        """The world's time in us at `utc_ms`."""
        return (utc_ms - self._start_utc_ms) * 1000

    def add_band(
        self,
        wearer: Walk | Wearer,
        upload: str = "increments",
        flash: Flash | None = None,
        *,
        hub: bool = False,
    ) -> SimulatedBand:
        """A band on somebody, switched off; it uploads increments or totals.

        It has no strip if no more than a walk is known of its wearer, else one in its case, on
        which there is a `hub` if asked for. With a `flash` that an earlier band left behind it is
        that one.
        """
        number = len(self.bands) + 1
        rng = self.rng(f"band {number}")
        secret = rng.randbytes(20)
        arm = wearer if isinstance(wearer, Wearer) else None
        chip = Lsm6dsox(self.now_us, wearer.total, arm and arm.acceleration)
        strip = arm and Strip(
            Max30102(self.now_us, arm.light),
            At24c02(self.now_us, labelled(FIRST_IDENTITY + number)),
            Max32664d(self.now_us) if hub else None,
        )
        gauge = Max17048(self.now_us, lambda us: max(0.0, 100.0 - us / 5 / 864e6))
        board = Board(
            self.firmware,
            self.air,
            f"C0:98:E5:00:00:{number:02X}",
            Bus(chip, gauge),
            {"board": "esp32s3", "secret": secret.hex(), "upload": upload},
            rng,
            flash=flash,
        )
        band = SimulatedBand(board, chip, strip, secret, gauge)
        board.cell_uv = band.cell_uv
        band.plug_strip()
        self.bands.append(band)
        return band

    async def add_meter(self, address: str = METER, **options: Any) -> Meter:
        """A standard meter, switched on and asleep."""
        meter = Meter(self.air, address, **options)
        await meter.power_on()
        return meter

    async def computer(self, address: str = COMPUTER, **options: Any) -> Central:
        """A computer with a Bluetooth adapter, switched on."""
        central = Central(self.air, address, name="computer", **options)
        await central.start()
        return central

    async def until(self, utc_ms: int) -> None:
        """Wait for a moment of this world."""
        await asyncio.sleep(max(0.0, (self.us_at(utc_ms) - self.now_us()) / 1e6))

    def close(self) -> None:
        """End every process."""
        for band in self.bands:
            band.board.close()


class _Fatal:
    """Turns the first error in a callback into the end of the world, instead of a log line."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.main: asyncio.Task[Any] | None = None

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None:
            loop.default_exception_handler(context)
        elif self.error is None:
            self.error = error
            if self.main is not None:
                self.main.cancel()


def play(
    seed: int, main: Coroutine[Any, Any, T], *, limit_s: float, speed: float | None = None
) -> T:
    """Run `main` in virtual time, at most `limit_s` of it; at `speed` times real time if given.

    An error in the firmware or anywhere in the world ends it and is raised.
    """
    fatal = _Fatal()

    async def guarded() -> T:
        asyncio.get_running_loop().set_exception_handler(fatal)
        fatal.main = asyncio.current_task()
        try:
            return await main
        except asyncio.CancelledError:
            if fatal.error is not None:
                raise fatal.error from None
            raise

    with seeded_entropy(seed):
        return clock.run(guarded(), limit_s=limit_s, speed=speed)
