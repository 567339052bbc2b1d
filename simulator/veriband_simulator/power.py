"""The power model: the chips' currents times what a simulated band actually did.

Beside each current stands where it was read; what nobody has read anywhere is "from memory".

Currents are at 3.3 V behind a linear regulator, which takes from the battery what it gives. Not
counted are the flash's writes (a page every few hours), the bus's pull-ups and the motor.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from veriband_simulator.world import SimulatedBand

BATTERY_MAH = 200.0
ADVERT_S = 3 * 0.000_376  # on three channels, 47 octets on the 1M PHY
OCTET_S = 8e-6


@dataclass(frozen=True)
class Guess:
    """A number that nobody has measured: the likely one, and one that is as bad as it may be."""

    likely: float
    worst: float


SLOWER = Guess(100, 300)  # an ESP32 at 80 MHz than the interpreter here
START_S = Guess(0.15, 0.3)  # from ble.active(True) to the first advert: controller, host
# How much longer a connection lasts than here, where neither the band's CPU nor the computer takes
# time to answer: some twenty requests, one after the other.
WAIT_S = Guess(1.5, 4.0)


@dataclass(frozen=True)
class Current:
    """A current in mA: as it is most likely, and as it may be at worst; where both were read."""

    ma: float
    worst_ma: float
    source: str


@dataclass(frozen=True)
class Chip:
    """What an ESP32 takes, at 80 MHz while it is awake.

    asleep: light sleep; idle: it waits for an interrupt; running: Python on one core; listening:
    the radio is on between its events, as the controller leaves the receiver on without "modem
    sleep", which stock MicroPython does not switch on; sending: above listening, at +9 dBm, which
    is ESP-IDF's default (BT_CTRL_DFT_TX_POWER_LEVEL); saving: advertising or connected in a build
    of one's own, below.
    """

    name: str
    asleep: Current
    idle: Current
    running: Current
    listening: Current
    sending: Current
    saving: Current


_S3 = "ESP32-S3 series data sheet v2.2"
_C3 = "ESP32-C3 series data sheet v2.4"
_MINI = "ESP32-C3-MINI-1 data sheet v2.2, table 6-5"
_MODEM = "modem sleep, 80 MHz"
_SAVE = "ESP-IDF, examples/bluetooth/nimble/power_save, light sleep with a 32 kHz crystal"
CHIPS = (
    Chip(
        "ESP32-S3",
        # The data sheet's 0.24 (table 5-10) is with the flash powered down, which stock
        # MicroPython does not do.
        Current(
            1.3, 1.9,
            "measured in MicroPython on a FeatherS3, micropython#12104; worst: in ESP-IDF, the "
            "flash left on, esp32.com t=41048",
        ),
        Current(22.0, 36.1, f"{_S3}, table 5-9, {_MODEM}, WAITI; worst: all peripherals clocked"),
        Current(28.4, 42.6, f"{_S3}, table 5-9, {_MODEM}, one core running; worst: as above"),
        Current(93.0, 110.0, f"{_S3}, table 5-8, RX; worst: advertising, esp32.com t=33330"),
        Current(100.0, 100.0, f"{_S3}, table 5-8, 193 mA of TX at 9 dBm less RX"),
        Current(0.230, 3.3, f"{_SAVE}; worst: without the crystal"),
    ),
    Chip(
        "ESP32-C3",
        Current(
            0.130, 0.350,
            f"{_C3}, table 5-9; 0.132 measured with the flash left on, esp-idf#12453; worst: "
            "robdobson.com, 2023-11",
        ),
        Current(13.0, 18.0, f"{_C3}, table 5-8, {_MODEM}, idle; worst: all peripherals clocked"),
        Current(17.0, 22.0, f"{_C3}, table 5-8, {_MODEM}, running; worst: as above"),
        Current(77.0, 86.0, f"measured at 80 MHz, arduino-esp32#5909; worst: {_MINI}, RX"),
        Current(104.0, 104.0, f"{_MINI}, 190 mA of TX at 9 dBm less RX"),
        Current(0.140, 2.3, f"{_SAVE}; worst: without the crystal"),
    ),
)  # fmt: skip

# The parts beside it.
STEPS_LOW = Current(
    0.026, 0.026,
    "LSM6DSO32 data sheet, table 4, of the same family: low power at 52 Hz; here 26 Hz",
)  # fmt: skip
STEPS_HIGH = Current(0.170, 0.170, "as above, high performance")
PULSE_ON = Current(0.600, 1.200, "MAX30102 19-7740, supply current, typical and most")
PULSE_OFF = Current(0.0007, 0.010, "MAX30102 19-7740, in shutdown, typical and most")
LED = Current(1.0, 1.0, "MAX30102 19-7740, tables 8 and 9: LED current times pulse times rate")
GAUGE = Current(0.003, 0.023, "MAX17048 19-6171, hibernating by itself; worst: active")
LABEL = Current(0.001, 0.006, "AT24C02C data sheet, standby, the most at 1.7 V and at 5.5 V")
CONTACT = Current(0.073, 0.073, f"the pull-up inside, to ground on the strip: 45 kOhm, {_S3}")
REGULATOR = Current(
    0.002, 0.055, "RT9080 DS9080-00, own; worst: from memory, an AP2112 as on many boards"
)


@dataclass(frozen=True)
class Use:
    """What a band has done so far: seconds, how often, and mA times seconds of its LEDs."""

    powered_s: float
    asleep_s: float
    radio_s: float
    radio_starts: float
    connections: float
    adverts: float
    octets: float
    cpu_s: float  # of the interpreter here
    steps_low_s: float
    steps_high_s: float
    plugged_s: float
    sampling_s: float
    led_mas: float

    def __sub__(self, before: Use) -> Use:
        return Use(*(getattr(self, f.name) - getattr(before, f.name) for f in fields(self)))


def use(band: SimulatedBand) -> Use:
    """What `band` has done since it exists."""
    board, steps = band.board.usage, band.chip.usage
    pulse = band.strip.pulse.usage if band.strip else None
    return Use(
        board.total("powered"),
        board.total("asleep"),
        board.total("radio on"),
        board.rises["radio on"],
        board.rises["connected"],
        board.total("advertising"),
        band.board.octets(),
        band.board.total_cpu_s(),
        steps.total("low power"),
        steps.total("high performance"),
        board.total("strip plugged"),
        pulse.total("sampling") if pulse else 0.0,
        pulse.total("LED mA") if pulse else 0.0,
    )


@dataclass(frozen=True)
class Shares:
    """Charge in mAh, by what took it."""

    sleep: float
    cpu: float
    radio: float
    leds: float
    sensors: float
    rest: float

    @property
    def mah(self) -> float:
        """All of it."""
        return sum(getattr(self, field.name) for field in fields(self))


def shares(chip: Chip, used: Use, *, worst: bool = False, saving: bool = False) -> Shares:
    """The charge that a board with that chip takes for what was `used`.

    `worst`: with the worst currents and guesses. `saving`: with a build that sleeps by itself
    between the radio's events, its connections kept.
    """

    def ma(current: Current) -> float:
        return current.worst_ma if worst else current.ma

    def taken(guess: Guess) -> float:
        return guess.worst if worst else guess.likely

    running_s = min(used.cpu_s * taken(SLOWER), used.powered_s)
    starting_s = used.radio_starts * taken(START_S)
    idle_s = max(0.0, used.powered_s - used.asleep_s - used.radio_s)
    # The simulated CPU takes no time and no host is slow: what that takes in truth is taken off
    # sleep. A radio that is on all day is on for it already.
    share_asleep = used.asleep_s / used.powered_s if used.powered_s else 0.0
    waiting_s = used.connections * taken(WAIT_S) * share_asleep
    asleep_s = max(0.0, used.asleep_s - starting_s - waiting_s - running_s * share_asleep)
    radio = ma(chip.saving if saving else chip.listening) * used.radio_s
    radio += ma(chip.listening) * (starting_s + waiting_s)
    radio += ma(chip.sending) * (used.adverts * ADVERT_S + used.octets * OCTET_S)
    mas = Shares(
        sleep=ma(chip.asleep) * asleep_s,
        cpu=ma(chip.running) * running_s + ma(chip.idle) * idle_s,
        radio=radio,
        leds=ma(LED) * used.led_mas,
        sensors=(
            ma(STEPS_LOW) * used.steps_low_s
            + ma(STEPS_HIGH) * used.steps_high_s
            + ma(PULSE_ON) * used.sampling_s
            + (ma(PULSE_OFF) + ma(LABEL)) * used.plugged_s
            + ma(GAUGE) * used.powered_s
        ),
        rest=ma(CONTACT) * used.plugged_s + ma(REGULATOR) * used.powered_s,
    )
    return Shares(*(getattr(mas, field.name) / 3600 for field in fields(mas)))
