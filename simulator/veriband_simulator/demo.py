"""`veriband demo`: a recorded day through the whole band, in a minute or watched."""

from __future__ import annotations

import asyncio
import errno
import json
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from veriband.civil import local_day
from veriband.hours import Hour, by_hour, can_show, table
from veriband.link.pairing import pair
from veriband.link.radio import Radio
from veriband.link.supervisor import Supervisor
from veriband.store import Store
from veriband.store.store import Span
from veriband_simulator.agent import SimulatedAgent
from veriband_simulator.backend import bleak_backend
from veriband_simulator.clock import Stopped
from veriband_simulator.firmware import FirmwareMissing
from veriband_simulator.interpreter import FirmwareDied
from veriband_simulator.recordings import packaged
from veriband_simulator.wearers import Walk
from veriband_simulator.world import SimulatedBand, World, play

ZONE = ZoneInfo("America/New_York")
DAY = datetime(2016, 4, 19, tzinfo=ZONE)
WEARER = "6117666160"
LEAD = timedelta(minutes=5)  # the band is put on and paired before the day begins
AFTER = timedelta(minutes=2)  # and synced once more when the day has ended
SYNC_S = 600.0
SPEED = 600


@dataclass(frozen=True)
class Day:
    """What came of the day: hours as stored, the chip's own count of each, the air's trace."""

    wearer: str
    hours: list[Hour]
    chip: list[int]
    trace_sha256: str
    pdus: int

    @property
    def equal(self) -> bool:
        """Whether the store has what the chip counted, hour by hour."""
        return [hour.steps for hour in self.hours] == self.chip


async def live_a_day(seed: int, progress: Progress) -> Day:
    """One wearer's recorded day in a world of its own, with a store that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="veriband-demo-") as folder:
        return await _lived(seed, Path(folder) / "veriband.db", progress)


async def _lived(seed: int, store_path: Path, progress: Progress) -> Day:
    begin, end = local_day(ZONE, DAY)
    world = World(seed, DAY - LEAD)
    walk = Walk(packaged("fitbit_day").steps, round(LEAD.total_seconds() * 1e6))
    band = world.add_band(walk)
    store = Store(store_path)
    try:
        computer = await world.computer()
        client, scanner = bleak_backend(computer)
        radio = Radio(client, scanner, SimulatedAgent(computer))
        await band.board.power_on()
        await band.press()
        await pair(radio, band.address, band.secret)
        known = store.add_band(band.address, band.secret, world.utc_ms())
        supervisor = Supervisor(
            radio, store, known, world.utc_ms, ZONE, every_s=SYNC_S, rng=world.rng("host"),
            on_sync=lambda _: progress.synced(
                DAY + timedelta(milliseconds=world.utc_ms() - begin),
                sum(span.steps for span in store.spans(known, begin, end)),
            ),
            on_trouble=progress.note,
        )  # fmt: skip
        keeping = asyncio.create_task(supervisor.run())
        while world.utc_ms() < end + AFTER.total_seconds() * 1000:
            progress.passed((world.utc_ms() - begin) // 60_000)
            done, _ = await asyncio.wait((keeping,), timeout=60)
            if done:
                await keeping  # it only ends with an error
        while not keeping.done():  # asyncio.wait_for of Python 3.11 may swallow a cancellation
            keeping.cancel()
            await asyncio.wait((keeping,), timeout=60)
        await supervisor.once()
        spans = store.spans(known, begin, end)
        hours = by_hour(spans, ZONE, begin, end)
        return Day(
            WEARER, hours, _by_chip(band, spans, hours), world.air.trace_sha256, world.air.pdus
        )
    finally:
        store.close()
        world.close()


def _by_chip(band: SimulatedBand, spans: list[Span], hours: list[Hour]) -> list[int]:
    """What the chip's register counted in each hour, from the band's first minute in it on."""
    starts = [round(hour.start.timestamp() * 1000) for hour in hours]
    first = [next(s for s in spans if s.utc_ms >= start) for start in starts]
    edges = [band.board.us_of(s.boot, s.t_ms) for s in first]
    last = spans[-1]
    edges.append(band.board.us_of(last.boot, last.t_ms + last.duration_ms))
    counted = [band.chip.counted(us) for us in edges]
    return [after - before for before, after in pairwise(counted)]


class Progress:
    """Shows how far the day is: as a bar, or with `watch` each sync; nothing when `quiet`."""

    def __init__(self, quiet: bool, watch: bool) -> None:
        self._watch = watch and not quiet
        hidden = quiet or watch or not sys.stderr.isatty()
        self._bar = click.progressbar(
            length=24 * 60, label="Simulating a day", file=sys.stderr, width=0, hidden=hidden
        )
        self._steps = 0

    def __enter__(self) -> Progress:
        self._bar.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        with suppress(OSError):  # the terminal may have gone
            self._bar.render_finish()

    def passed(self, minutes: int) -> None:
        """So many minutes of the day have passed."""
        self._bar.update(min(max(0, minutes), 24 * 60) - self._bar.pos)

    def synced(self, now: datetime, steps: int) -> None:
        """The store has `steps` of the day so far."""
        if self._watch:
            new, self._steps = steps - self._steps, steps
            bar = ("▪" if can_show("▪") else "#") * (new // 25)
            click.echo(f"{now:%H:%M}  {steps:6d} steps  +{new:<5d}{bar}".rstrip())

    def note(self, error: Exception) -> None:
        """Something went wrong and will be tried again."""
        click.echo(f"\n{error}", err=True)


@click.command()
@click.option("--seed", default=1, show_default=True, help="Same seed, same world.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--watch", is_flag=True, help="Pace it for the eye.")
@click.option(
    "--speed",
    type=click.IntRange(1, 1_000_000),
    help=f"With --watch: times real time [default: {SPEED}].",
)
def demo(seed: int, as_json: bool, watch: bool, speed: int | None) -> None:
    """Play a real person's recorded day through a whole simulated band."""
    if watch and as_json:
        raise click.UsageError("--watch is for the eye, --json for programs: give one of them.")
    if speed is not None and not watch:
        raise click.UsageError("--speed says how fast --watch goes: give --watch, too.")
    try:
        _play_and_show(seed, as_json, watch, speed or SPEED)
    except (FirmwareDied, FirmwareMissing) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        if number != signal.SIGHUP:  # whose terminal has gone
            click.echo("Stopped.", err=True)
        sys.exit(128 + number)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        with suppress(OSError):  # what could not be written is not tried again
            sys.stdout.close()
        raise click.ClickException(
            "No space is left for the output, or for the store: make room and try again."
        ) from error


def _play_and_show(seed: int, as_json: bool, watch: bool, speed: int) -> None:
    started = time.monotonic()
    with Progress(quiet=as_json, watch=watch) as progress:
        day = play(
            seed, live_a_day(seed, progress), limit_s=90_000, speed=speed if watch else None
        )
    if as_json:
        click.echo(json.dumps(_json(seed, day)))
    else:
        _print(seed, day, time.monotonic() - started)
    if not day.equal:
        sys.exit(1)


def _json(seed: int, day: Day) -> dict[str, object]:
    return {
        "seed": seed,
        "trace_sha256": day.trace_sha256,
        "pdus": day.pdus,
        "wearers": [
            {
                "wearer": day.wearer,
                "chip_steps": sum(day.chip),
                "store_steps": sum(hour.steps for hour in day.hours),
                "equal": day.equal,
                "hours": [
                    {
                        "from": hour.start.isoformat(),
                        "chip": chip,
                        "store": hour.steps,
                        "minutes": hour.minutes,
                    }
                    for hour, chip in zip(day.hours, day.chip, strict=True)
                ],
            }
        ],
    }  # fmt: skip


def _print(seed: int, day: Day, seconds: float) -> None:
    click.echo(
        f"Wearer {day.wearer}, {day.hours[0].start:%A %Y-%m-%d}: a recorded day, simulated.\n"
    )
    click.echo(table(day.hours, day.chip))
    steps = sum(hour.steps for hour in day.hours)
    if day.equal:
        click.echo(f"\nSteps by the chip {sum(day.chip)}, steps in the store {steps}: equal.")
    else:
        click.echo(f"\nSteps by the chip {sum(day.chip)}, in the store {steps}: NOT EQUAL.")
    click.echo(
        f"Seed {seed}, {day.pdus} packets on the air, trace {day.trace_sha256[:16]}, "
        f"{seconds:.1f} s."
    )
