"""What every command begins with: the store, the wearer's zone, the computer's clock."""

from __future__ import annotations

import asyncio
import math
import os
import sys
import time
from collections.abc import Coroutine, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any

import click

from veriband import configuration
from veriband.civil import LocalTime, zone_named
from veriband.configuration import Configuration
from veriband.errors import StoreError, VeribandError
from veriband.store import Store
from veriband.store.roster import Band


class FiniteRange(click.FloatRange):
    """A finite number in a range; click takes "nan" for one in any."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """As in ParamType."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


def utc_ms() -> int:
    """The computer's clock."""
    return time.time_ns() // 1_000_000


def default_store() -> Path:
    """Where the store lies unless it is named. Raises StoreError where nobody has a home."""
    try:
        home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    except RuntimeError as error:
        raise StoreError(
            "There is no home folder for the store: name its file with --store."
        ) from error
    return Path(home) / "veriband" / "veriband.db"


def local_zone(name: str | None = None) -> tzinfo:
    """The zone called `name`, or this computer's. Raises VeribandError for an unknown name."""
    if name is not None:
        return zone_named(name)
    own = os.environ.get("TZ", "").removeprefix(":") or "/etc/localtime"
    if own.startswith("/"):
        own = os.path.realpath(own).partition("/zoneinfo/")[2]
    try:
        return zone_named(own)
    except VeribandError:  # TZ may be a rule, as CET-1CEST
        return LocalTime()


def open_store(ctx: click.Context, *, reading: bool = False) -> Store:
    """The store that --store names, closed with the command; `reading` as in Store."""
    path: Path = ctx.obj[0] or default_store()
    try:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder of the store {path} cannot be made: {error}. Name another with --store."
        ) from error
    store = Store(path, reading=reading)
    ctx.call_on_close(store.close)
    return store


def zone_of(ctx: click.Context) -> tzinfo:
    """The zone that --zone names, or the computer's."""
    return local_zone(ctx.obj[1])


def configuration_path(ctx: click.Context) -> Path:
    """Where the configuration is, or would be. Raises VeribandError."""
    return ctx.obj[2] or configuration.default_path()


def configuration_of(ctx: click.Context) -> Configuration:
    """The configuration that --config names, or that there is. Raises VeribandError."""
    path = configuration_path(ctx)
    is_there = path.exists() or ctx.obj[2] is not None
    return configuration.read(path) if is_there else Configuration()


def chosen_bands(store: Store, addresses: Sequence[str]) -> list[Band]:
    """The bands with these addresses, or all that are known when none is named."""
    bands = [store.band(a) for a in addresses] if addresses else store.bands()
    if not bands:
        raise click.UsageError("No band is known here yet: run 'veriband pair' first.")
    return bands


def run_until_stopped(
    work: Coroutine[Any, Any, None],
    stopped: str = "Stopped. Everything that was fetched is stored.",
) -> None:
    """Do what needs an event loop; Ctrl-C ends the command with status 130, and says `stopped`."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        click.echo(stopped, err=True)
        sys.exit(130)
