"""`veriband strip`: a strip read from this computer, over an MCP2221."""

from __future__ import annotations

import json
import time
from datetime import datetime

import click

from veriband.bridge.mcp2221 import BridgeBus, bridge
from veriband.bridge.reading import Chips, Light, as_json, described, light, look
from veriband.context import FiniteRange
from veriband.errors import VeribandError


class StripSilent(VeribandError):
    """There is nothing on the bus that could be read."""


@click.group()
def strip() -> None:
    """A strip in the hand, plugged into this computer."""


@strip.command()
@click.option("--watch", is_flag=True, help="Go on, and say what changes, until Ctrl-C.")
@click.option(
    "--every", type=FiniteRange(min=0.1, max=3600), default=2.0, show_default=True,
    help="Seconds between looks, with --watch.",
)  # fmt: skip
@click.option("--json", "in_json", is_flag=True, help="A JSON object; goes without --watch.")
def read(watch: bool, every: float, in_json: bool) -> None:
    """Show what is on a strip: its label, its chips, what the pulse sensor sees.

    It hangs at an MCP2221, a USB bridge, by 3V3, GND, SDA and SCL. The drivers are those of the
    band.
    """
    if watch and in_json:
        raise click.UsageError("--json does not go with --watch.")
    with bridge() as bus:
        if watch:
            try:
                _watch(bus, every)
            except KeyboardInterrupt:
                return
        else:
            _once(bus, in_json)


def _once(bus: BridgeBus, in_json: bool) -> None:
    chips = look(bus)
    if chips.is_held:
        raise StripSilent(
            "A line of the bus is held low, so nothing can answer: pull the strip and plug it in "
            "again, and see that SDA and SCL have pull-up resistors and touch nothing else."
        )
    if chips.is_nothing:
        raise StripSilent(
            "Nothing answers: plug the strip in, and see that 3V3, GND, SDA and SCL of the bridge "
            "reach it."
        )
    if not in_json:
        for line in described(chips):
            click.echo(line)
    seen = None
    if chips.has_pulse:
        try:
            seen = light(bus, time.sleep)
        except OSError as error:
            raise StripSilent("The strip was pulled while it was read.") from error
    if in_json:
        click.echo(json.dumps(as_json(chips, seen)))
    elif seen:
        click.echo(_seen(seen))


def _seen(found: Light) -> str:
    skin = "on skin" if found.is_worn else "not on skin"
    return f"infrared {found.infrared:,}, red {found.red:,} counts: {skin}"


def _watch(bus: BridgeBus, every_s: float) -> None:
    before: tuple[str, ...] = ()
    while True:
        chips = look(bus)
        now = _lines(chips)
        new = [line for line in now if line not in before]
        if now != before:
            for line in new or now:
                _note(line)
        before = now
        if chips.has_pulse:
            try:
                _note(_seen(light(bus, time.sleep)))
            except OSError:
                _note("the strip was pulled while it was read")
                before = ()
        time.sleep(every_s)


def _lines(chips: Chips) -> tuple[str, ...]:
    if chips.is_held:
        return ("a line of the bus is held low",)
    return ("nothing answers",) if chips.is_nothing else tuple(described(chips))


def _note(line: str) -> None:
    click.echo(f"{datetime.now():%H:%M:%S}  {line}")
