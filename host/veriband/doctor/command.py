"""`veriband doctor`: what is wrong with this computer, and how to mend each."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import click

from veriband.context import (
    configuration_path,
    default_store,
    run_until_stopped,
    utc_ms,
    zone_of,
)
from veriband.doctor import computer
from veriband.doctor.bluetooth import bluetooth, synchronised
from veriband.doctor.finding import Finding, State, wrong
from veriband.doctor.store import store
from veriband.errors import VeribandError
from veriband.link.radio import system_radio
from veriband.terminal import printable
from veriband.web.command import DEFAULT_PORT


@click.command()
@click.option("--json", "in_json", is_flag=True, help="One JSON object.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True,
    help="Where the pages are to be.",
)  # fmt: skip
@click.pass_context
def doctor(ctx: click.Context, in_json: bool, port: int) -> None:
    """Look at all that Veriband needs here, and say how to mend what is wrong.

    The store, the configuration, clock, Bluetooth, the pages' port, terminals' programs, optional
    parts. Nothing is changed. Its status is 1 when something is wrong.
    """
    found: list[Finding] = []

    async def work() -> None:
        async for finding in _findings(ctx, port):
            found.append(finding)
            if not in_json:
                _say(finding)

    run_until_stopped(work(), "Stopped.")
    is_well = all(finding.state is not State.WRONG for finding in found)
    if in_json:
        click.echo(json.dumps({"is_well": is_well, "checks": [_for_programs(f) for f in found]}))
    elif is_well:
        click.echo("Nothing is wrong.")
    if not is_well:
        sys.exit(1)


async def _findings(ctx: click.Context, port: int) -> AsyncGenerator[Finding]:
    named: tuple[Path | None, str | None, Path | None] = ctx.obj
    for finding in await asyncio.to_thread(_store, named[0]):
        yield finding
    its = None
    try:
        path = configuration_path(ctx)
    except VeribandError as error:
        yield wrong("configuration", str(error), "--config FILE")
    else:
        finding, its = computer.settings(path, is_named=named[2] is not None)
        yield finding
    yield computer.clock(utc_ms() // 1000)
    if is_kept := await synchronised():
        yield is_kept
    try:
        yield computer.zone(zone_of(ctx))
    except VeribandError as error:
        yield wrong("time zone", str(error), "--zone Europe/Berlin")
    async for finding in bluetooth(system_radio()):
        yield finding
    yield await asyncio.to_thread(computer.port, port)
    for finding in (*(computer.terminals(its) if its else ()), *computer.extras()):
        yield finding


def _store(named: Path | None) -> list[Finding]:
    try:
        return list(store(named or default_store(), is_named=named is not None))
    except (VeribandError, OSError) as error:
        return [wrong("store", str(error), "name another with --store")]


def _say(finding: Finding) -> None:
    click.echo(printable(f"{finding.state:5}  {finding.check}: {finding.found}"))
    if finding.mend:
        click.echo(printable(f"       -> {finding.mend}"))


def _for_programs(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "state": str(finding.state),
        "found": finding.found,
        "mend": finding.mend,
    }
