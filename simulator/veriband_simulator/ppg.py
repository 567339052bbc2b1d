"""`veriband-sim ppg`: a recorded PPG through the chips' registers into the firmware."""

from __future__ import annotations

import asyncio
import errno
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from veriband_protocol.items import STATUSES
from veriband_simulator.board import Board
from veriband_simulator.chips import Bus, Lsm6dsox
from veriband_simulator.ending import told
from veriband_simulator.max30102 import Max30102
from veriband_simulator.recording import LEVEL, MOST, BadRecording, Recording, read_recording
from veriband_simulator.world import World, play

MEASUREMENT_S = 12  # the longest that one takes when nothing goes wrong
LOOK_S = 1.0
FEW_COUNTS = LEVEL // 2
SCRIPT = """
import asyncio, machine, time
from band.pulse import Pulse
from drivers.lsm6dsox import LSM6DSOX
from drivers.max30102 import MAX30102

async def main():
    bus = machine.I2C(0)
    arm = LSM6DSOX(bus)
    arm.start()
    pulse = Pulse(MAX30102(bus), arm)
    start = time.ticks_ms()
    number = 0
    while True:
        number += 1
        status = await pulse.measure(WITH_RED)
        ms = time.ticks_diff(time.ticks_ms(), start)
        its = pulse.oxygen
        print("window", number, ms, pulse.bpm, pulse.quality, status, its.percent, its.status)

"""
RUN = "asyncio.run(main())"
UNCALIBRATED = "SpO2 is uncalibrated: its curve belongs to a housing, and none has been measured."


class _Refused(click.ClickException):
    exit_code = 2


@dataclass(frozen=True)
class Window:
    """A measurement that ended at `time_s` of the recording; SpO2, in percent and uncalibrated,
    and its status are None of a recording without red light."""

    time_s: float
    bpm: int | None
    quality: int
    status: str
    spo2: int | None = None
    spo2_status: str | None = None


async def measure(
    recording: Recording, found: Callable[[Window], None], passed: Callable[[float], None]
) -> None:
    """Play a recording to a band that measures all the time, and tell what it finds."""
    world = World(1, datetime(2026, 1, 1, tzinfo=UTC))
    bus = Bus(
        Max30102(world.now_us, recording.light),
        Lsm6dsox(world.now_us, lambda _: 0, recording.acceleration),
    )
    with_red = recording.red is not None
    board = Board(
        world.firmware, world.air, "C0:98:E5:00:00:01", bus, {}, world.rng("band"),
        script=f"{SCRIPT}WITH_RED = {with_red}\n{RUN}",
    )  # fmt: skip
    try:
        await board.power_on()
        seen = 0
        end_us = int(recording.seconds * 1e6)
        while world.now_us() < end_us:
            await asyncio.sleep(min(LOOK_S, (end_us - world.now_us()) / 1e6))
            passed(world.now_us() / 1e6)
            for line in board.console().splitlines():
                word, *numbers = line.split() or [""]
                if word == "window" and int(numbers[0]) > seen:
                    seen, ms, bpm, quality, status, percent, its = map(int, numbers)
                    window = Window(ms / 1000, bpm or None, quality, STATUSES[status])
                    if with_red:
                        window = replace(window, spo2=percent or None, spo2_status=STATUSES[its])
                    found(window)
    finally:
        board.close()
        world.close()


@click.command()
@click.argument("path", metavar="FILE.csv", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--rate", type=float, metavar="HZ", help="Samples a second of the file.")
@click.option(
    "--scale",
    metavar="FACTOR|auto",
    default="1",
    show_default=True,
    help=f"Multiply ir and red by this; auto brings the mean of ir to {LEVEL:,} counts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def ppg(path: Path, rate: float | None, scale: str, as_json: bool) -> None:
    """Play a recorded PPG through the pulse sensor into the firmware, and print what it finds.

    Columns: time_s, ir and, if there are, red, ax, ay, az; ir and red in counts of 18 bits, the
    acceleration in g. Without time_s, --rate gives the times.
    """
    try:
        recording = read_recording(path, rate, _factor(scale))
        if recording.seconds < MEASUREMENT_S:
            raise BadRecording(
                f"It lasts {recording.seconds:.1f} s: a measurement takes {MEASUREMENT_S} s."
            )
    except OSError as error:
        raise _Refused(f"{path} cannot be read: {error.strerror}.") from error
    except BadRecording as error:
        raise _Refused(f"{path}: {error}") from error
    for note in recording.notes:
        click.echo(note, err=True)
    try:
        with told():
            _play(recording, as_json)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        with suppress(OSError):  # what could not be written is not tried again
            sys.stdout.close()
        raise click.ClickException("No space is left for the output: make room.") from error


def _factor(scale: str) -> float | None:
    if scale == "auto":
        return None
    try:
        factor = float(scale)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= MOST:
        raise _Refused(f"--scale {scale}: give a positive number up to {MOST:g}, or auto.")
    return factor


def _play(recording: Recording, as_json: bool) -> None:
    windows: list[Window] = []
    hidden = not sys.stderr.isatty() or sys.stdout.isatty()  # there the lines show how far it is
    bar = click.progressbar(
        length=int(recording.seconds), label="Playing", file=sys.stderr, width=0, hidden=hidden
    )

    def found(window: Window) -> None:
        windows.append(window)
        click.echo(json.dumps(asdict(window)) if as_json else _line(window))

    if not as_json:
        head = f"{'time_s':>8}  {'bpm':>4}  {'quality':>7}  status"
        click.echo(head if recording.red is None else f"{head:<40}  spo2  status")
    try:
        play(
            1,
            measure(recording, found, lambda s: bar.update(int(s) - bar.pos)),
            limit_s=recording.seconds + 60,
        )
    finally:
        with suppress(OSError):  # the terminal may have gone
            bar.render_finish()
    if recording.red is not None:
        click.echo(UNCALIBRATED, err=True)
    level = recording.infrared.mean(0, recording.seconds)
    if level < FEW_COUNTS and all(window.status == "not worn" for window in windows):
        click.echo(
            f"The mean of ir is {level:.6g}, too little for a worn sensor: are these counts of "
            "18 bits? --scale auto brings them to a usual level.",
            err=True,
        )


def _line(window: Window) -> str:
    bpm = "-" if window.bpm is None else window.bpm
    line = f"{window.time_s:8.1f}  {bpm:>4}  {window.quality:>7}  {window.status}"
    if window.spo2_status is None:
        return line
    spo2 = "-" if window.spo2 is None else window.spo2
    return f"{line:<40}  {spo2:>4}  {window.spo2_status}"
