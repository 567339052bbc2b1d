"""An ESP32: flash, RTC, pins, bus, watchdog and radio, and the firmware running on it."""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable

from veriband_simulator.air import Air
from veriband_simulator.chips import ENODEV, ETIMEDOUT, Bus, Held, Nack, Unmodelled
from veriband_simulator.firmware import Firmware
from veriband_simulator.flash import Flash, FlashFailed
from veriband_simulator.interpreter import Interpreter, Value
from veriband_simulator.nimble import Nimble, RadioError
from veriband_simulator.usage import Usage

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
BOOT_S = 0.8  # from reset to the first line of boot.py
RESET_LOOP, RESET_LOOP_US = 5, 600_000_000  # so many starts in so long: it gets nowhere
TICKS_AT_BOOT_US = (2**30 - 3 * 3600 * 1000) * 1000  # ticks_ms wraps three hours later
BUTTON_PIN = 0
DETECT_PINS = {"case": 11, "cover": 12}  # of the sockets; low when a strip sits in one
LINES = {8: "sda", 9: "scl"}  # of the bus, by pin
HUB_PINS = {13: "rstn", 14: "mfio"}  # of the sockets, by pin: high unless they are driven low
MOTOR_PIN = 15
CELL_PIN = 1
EIO = 5

_flashed: dict[Firmware, bytes] = {}  # flash images that hold just the program, by firmware


class Board:
    """A band's board. `address` is its MAC, `settings` what flashing writes beside the program.

    `flash`: one that was flashed before, with all that is on it.
    """

    def __init__(
        self,
        firmware: Firmware,
        air: Air,
        address: str,
        bus: Bus,
        settings: dict[str, str],
        rng: random.Random,
        *,
        script: str | None = None,
        flash: Flash | None = None,
    ) -> None:
        self._firmware = firmware
        self._air = air
        self.address = address
        self.bus = bus
        self._rng = rng
        self._script = script
        self.flash = flash or Flash(firmware.flash_bytes)
        self._is_flashed = flash is not None
        self._image_known = firmware in _flashed
        if self._image_known and not self._is_flashed:
            self.flash.image[:] = _flashed[firmware]
        self._settings = {"settings.json": json.dumps(settings).encode()}
        self._rtc_memory = b""
        self.rtc_bytes = b""  # all that lies in it, behind the end of what was set last, too
        self._system_us = 0  # the system clock (2000) minus the world's time
        self._cause = PWRON_RESET
        self._pins: dict[int, int] = {}
        self.hub_pins = dict.fromkeys(HUB_PINS.values(), 1)
        self.on_hub_pins: Callable[[], None] = lambda: None  # called when one is driven
        self._interpreter: Interpreter | None = None
        self._nimble: Nimble | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._starting: asyncio.Task[None] | None = None
        self._parked = False
        self._events: deque[tuple[str, int, Value]] = deque()
        self._reset_asked = False
        self.started_us: list[int] = []  # when each boot began
        self.motor: list[tuple[int, int]] = []  # when its power changed (us), to what of 65,535
        self.cell_uv: Callable[[], int] = lambda: 0  # at the pin that measures the coin cell
        self.usage = Usage(self._now_us)
        self.wakes = 0
        self.cpu_s = 0.0  # of the interpreters that have ended
        self._calls: dict[str, Callable[..., Value]] = {
            "clock": lambda: (self._now_us(), self._system_us),
            "ticks0": lambda: TICKS_AT_BOOT_US - self.started_us[-1],
            "set_clock": self._set_clock,
            "random": self._rng.randbytes,
            "partitions": self._partitions,
            "flash_read": self.flash.read,
            "flash_write": self.flash.program,
            "flash_erase": self.flash.erase,
            "unique_id": lambda: bytes.fromhex(address.replace(":", "")),
            "reset_cause": lambda: self._cause,
            "reset": self._ask_reset,
            "pin": self._pin,
            "drive": self._drive,
            "pwm": self._pwm,
            "adc": self._adc,
            "i2c_begin": self.bus.begin,
            "i2c_scan": self.bus.scan,
            "i2c_read": self.bus.read,
            "i2c_write": self.bus.write,
            "i2c_receive": self.bus.receive,
            "i2c_transmit": self.bus.transmit,
            "rtc_memory": lambda: self._rtc_memory,
            "set_rtc_memory": self._set_rtc_memory,
            "feed": self._feed,
            "sleep_begins": self._sleep_begins,
            "sleep_ends": self._sleep_ends,
            "files_to_flash": self._files_to_flash,
            "script": lambda: self._script,
        }

    # The world's hand on the board.

    async def power_on(self) -> None:
        """Apply power."""
        self._rtc_memory, self.rtc_bytes, self._system_us = b"", b"", -self._now_us()
        await self._start(PWRON_RESET)

    def power_off(self) -> None:
        """Take power away: RTC memory is lost, flash is not."""
        self._stop()

    def reset(self, cause: int = HARD_RESET) -> None:
        """Pull the reset line: the board starts again, RTC memory kept."""
        self._stop()
        self._starting = asyncio.get_running_loop().create_task(self._start_after_boot(cause))

    def set_pin(self, pin: int, level: int) -> None:
        """Drive an input."""
        self._pins[pin] = level
        self._event("pin", pin, level)

    def us_of(self, boot: int, t_ms: int) -> int:
        """The world's time in us at `t_ms` of a boot, as the firmware counts them from 1."""
        return self.started_us[boot - 1] // 1000 * 1000 + t_ms * 1000

    @property
    def running(self) -> bool:
        """Whether the firmware runs."""
        return self._interpreter is not None

    def console(self) -> str:
        """What the firmware printed since it started."""
        return self._interpreter.console() if self._interpreter else ""

    def total_cpu_s(self) -> float:
        """CPU seconds of all its interpreters."""
        return self.cpu_s + (self._interpreter.cpu_s() if self._interpreter else 0.0)

    def octets(self) -> int:
        """What its radio has sent in data PDUs."""
        return self._air.octets[self.address]

    # Starting and stopping.

    async def _start_after_boot(self, cause: int) -> None:
        await asyncio.sleep(BOOT_S)
        await self._start(cause)

    async def _start(self, cause: int) -> None:
        self._cause = cause
        self._nimble = Nimble(
            self._air,
            self.address,
            lambda event, data: self._event("ble", event, data),
            self.usage,
        )
        await self._nimble.power_on()
        for name in (
            "active", "config", "advertise", "services", "read", "write", "buffer", "notify",
            "indicate", "disconnect", "pair", "passkey",
        ):  # fmt: skip
            self._calls[f"ble_{name}"] = getattr(self._nimble, f"ble_{name}")
        self._interpreter = Interpreter(self._firmware)
        self.usage.level("powered", 1)
        self.started_us.append(self._now_us())
        self._pump()

    def _stop(self) -> None:
        for handle in (self._timer, self._watchdog, self._starting):
            if handle is not None:
                handle.cancel()
        self._timer = self._watchdog = self._starting = None
        if self.motor_duty:  # a pin that is reset drives nothing; a resistor pulls it down
            self.motor.append((self._now_us(), 0))
        if self._interpreter is not None:
            self.cpu_s += self._interpreter.cpu_s()
            self._interpreter.kill()
            self._interpreter = None
        if self._nimble is not None:
            self._nimble.power_off()
            self._nimble = None
        for what in ("powered", "asleep"):
            self.usage.level(what, 0)
        self._events.clear()
        self._parked = self._reset_asked = False
        self.hub_pins = dict.fromkeys(HUB_PINS.values(), 1)  # nobody drives them
        self.on_hub_pins()

    def close(self) -> None:
        """End the firmware's process."""
        self._stop()

    # The lock step.

    @staticmethod
    def _now_us() -> int:
        return round(asyncio.get_running_loop().time() * 1e6)

    def _event(self, source: str, kind: int, data: Value) -> Value:
        """Deliver an event to the firmware; what its handler returned, None if that must wait."""
        if self._interpreter is None:
            return None
        if not self._parked:
            self._events.append((source, kind, data))
            return None
        self._interpreter.send("ev", self._now_us(), source, kind, data)
        return self._pump()

    def _wake(self) -> None:
        assert self._interpreter is not None
        self.wakes += 1
        self._interpreter.send("wake", self._now_us())
        self._pump()

    def _pump(self) -> Value:
        """Let the firmware run until it sleeps; what its event handler returned, if one ran."""
        interpreter = self._interpreter
        assert interpreter is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._parked = False
        returned: Value = None
        while True:
            message = interpreter.receive()
            if message is None:
                self._ended(interpreter)
                return returned
            if message[0] == "evret":
                returned = message[1]
            elif message[0] != "sleep":
                self._answer(interpreter, message)
            elif self._events:
                interpreter.send("ev", self._now_us(), *self._events.popleft())
            else:
                self._park(message[1])
                return returned

    def _park(self, until_us: Value) -> None:
        self._parked = True
        if isinstance(until_us, int) and until_us >= 0:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(until_us, self._now_us()) / 1e6, self._wake)

    def _answer(self, interpreter: Interpreter, message: tuple[Value, ...]) -> None:
        call = self._calls[str(message[0])]
        try:
            value = call(*message[1:])
        except Nack:
            interpreter.send("x", ENODEV)
        except Held:
            interpreter.send("x", ETIMEDOUT)
        except FlashFailed:
            interpreter.send("x", EIO)
        except RadioError as error:
            interpreter.send("x", error.errno)
        else:
            interpreter.send("r", value)

    def _ended(self, interpreter: Interpreter) -> None:
        recent = [us for us in self.started_us if us > self._now_us() - RESET_LOOP_US]
        if not self._reset_asked or len(recent) >= RESET_LOOP:
            raise interpreter.died()
        self.reset(SOFT_RESET)

    # What the firmware calls.

    def _sleep_begins(self) -> None:
        assert self._nimble is not None
        if self._nimble.is_active:
            raise Unmodelled("light sleep while the radio is on, which loses its connections")
        if self.motor_duty:
            raise Unmodelled("light sleep while the motor has power, whose PWM stands still then")
        self.usage.level("asleep", 1)

    def _sleep_ends(self) -> None:
        self.usage.level("asleep", 0)

    def _pin(self, pin: int) -> int:
        return self.bus.sda if LINES.get(pin) == "sda" else self._pins.get(pin, 1)

    def _drive(self, pin: int, level: int) -> None:
        if pin in HUB_PINS:
            self.hub_pins[HUB_PINS[pin]] = level
            self.on_hub_pins()
            return
        if pin == MOTOR_PIN:
            self._pwm(pin, 65_535 * level)
            return
        if pin not in LINES:
            raise Unmodelled(f"output at pin {pin}")
        self.bus.drive(LINES[pin], level)

    def _pwm(self, pin: int, duty: int) -> None:
        if pin != MOTOR_PIN:
            raise Unmodelled(f"PWM at pin {pin}")
        if duty != self.motor_duty:
            self.motor.append((self._now_us(), duty))

    @property
    def motor_duty(self) -> int:
        """The motor's power, of 65,535."""
        return self.motor[-1][1] if self.motor else 0

    def _adc(self, pin: int) -> int:
        if pin != CELL_PIN:
            raise Unmodelled(f"ADC at pin {pin}")
        return self.cell_uv()

    def _ask_reset(self) -> None:
        self._reset_asked = True

    def _set_clock(self, system_us: int) -> None:
        self._system_us = system_us

    def _set_rtc_memory(self, data: bytes) -> None:
        self._rtc_memory = data
        self.rtc_bytes = data + self.rtc_bytes[len(data) :]

    def _partitions(self) -> Value:
        return tuple(
            (p.type, p.subtype, p.start, p.size, p.label) for p in self._firmware.partitions
        )

    def _feed(self, timeout_ms: int) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = asyncio.get_running_loop().call_later(
            timeout_ms / 1000, self.reset, WDT_RESET
        )

    def _files_to_flash(self, part: str) -> Value:
        """The program and then the settings, once in the board's life. Writing the program takes
        half a second, so an image that holds it is kept for the next board."""
        if self._is_flashed:
            return ()
        if part == "program":
            return () if self._image_known else tuple(self._firmware.files.items())
        if not self._image_known:
            _flashed[self._firmware] = bytes(self.flash.image)
        self._is_flashed = True
        return tuple(self._settings.items())
