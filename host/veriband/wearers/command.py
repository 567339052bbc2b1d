"""`veriband wearer`: who wears the bands, and all that is theirs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, TypeVar

import click

from veriband import completion
from veriband.alerts.granted import book_of
from veriband.civil import clock, iso
from veriband.context import FiniteRange, configuration_of, open_store, utc_ms, zone_of
from veriband.errors import VeribandError
from veriband.minutes.table import ABOUT_RANGES
from veriband.parameters import Moment, Name, Zone, ms
from veriband.store import erasure
from veriband.store.database import PRIVATE
from veriband.store.roster import Wearer, Worn
from veriband.terminal import printable
from veriband.wearers import consent_commands
from veriband.wearers.export import rows

_OLDEST = 1900
F = TypeVar("F", bound=Callable[..., Any])


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)


def _about_wearers(command: F) -> F:
    """The options with what is known of a wearer."""
    for option in reversed(
        (
            click.option("--sex", type=click.Choice(["m", "f"])),
            click.option(
                "--birth-year",
                type=click.IntRange(_OLDEST, datetime.now(UTC).year),
                metavar="YEAR",
            ),
            click.option(
                "--height",
                "height_m",
                type=FiniteRange(*ABOUT_RANGES["height_m"]),
                metavar="METRES",
            ),
            click.option(
                "--rest",
                "rest_bpm",
                type=FiniteRange(*ABOUT_RANGES["rest_bpm"]),
                metavar="BPM",
                help="The resting heart rate [default: learned from nights].",
            ),
            click.option(
                "--lives-in", type=Zone(), metavar="ZONE", help="[default: the computer's zone]"
            ),
        )
    ):
        command = option(command)
    return command


@click.group()
def wearer() -> None:
    """Who wears the bands: add and list wearers, hand a band on."""


@wearer.command("add")
@click.argument("name", type=Name())
@_about_wearers
@click.option(
    "--band",
    "address",
    shell_complete=completion.bands,
    help="The band that they wear from now on.",
)
@click.pass_context
def add_wearer(
    ctx: click.Context, name: str, sex: str | None, birth_year: int | None,
    height_m: float | None, rest_bpm: float | None, lives_in: str | None, address: str | None,
) -> None:  # fmt: skip
    """Add a wearer: a pseudonym, and what is known of them. All of it stays in the store."""
    store = open_store(ctx)
    band = store.band(address) if address else None
    with store.transaction():
        new = store.add_wearer(name, sex, birth_year, height_m, rest_bpm, lives_in)
        if band:
            store.assign(band, new, utc_ms())
    click.echo(f"{name} was added" + (f" and wears {band.address}." if band else "."))


@wearer.command("change")
@click.argument("name", shell_complete=completion.wearers)
@click.option("--name", "new_name", type=Name(), help="Another pseudonym.")
@_about_wearers
@click.pass_context
def change(
    ctx: click.Context, name: str, new_name: str | None, sex: str | None, birth_year: int | None,
    height_m: float | None, rest_bpm: float | None, lives_in: str | None,
) -> None:  # fmt: skip
    """Change what is known of a wearer. A new --lives-in holds from now on: older readings stay in
    the zone of their time."""
    known = {
        "name": new_name, "sex": sex, "birth_year": birth_year, "height_m": height_m,
        "rest_bpm": rest_bpm, "zone": lives_in,
    }  # fmt: skip
    changes = {key: value for key, value in known.items() if value is not None}
    if not changes:
        raise click.UsageError("Name what is to change: see 'veriband wearer change --help'.")
    store = open_store(ctx)
    its = replace(store.wearer(name), **changes)
    store.change_wearer(its, utc_ms())
    click.echo(f"{printable(its.name)}  {_about(its)}")


@wearer.command("wears")
@click.argument("name", shell_complete=completion.wearers)
@click.argument("address", shell_complete=completion.bands)
@click.option("--from", "begin", type=Moment(), help="[default: now]")
@click.option("--to", "end", type=Moment(last=True), help="[default: until it is handed on]")
@click.pass_context
def wears(
    ctx: click.Context, name: str, address: str, begin: datetime | None, end: datetime | None
) -> None:
    """Say that a wearer has a band, from now on or from another time to another."""
    store = open_store(ctx)
    from_ms, to_ms = ms(begin) if begin else utc_ms(), ms(end) if end else None
    if to_ms is not None and to_ms <= from_ms:
        raise click.UsageError("--to is not after --from.")
    band = store.band(address)
    store.assign(band, store.wearer(name), from_ms, to_ms)
    click.echo(f"{name} wears {band.address} from {clock(from_ms, zone_of(ctx))} on.")


@wearer.command("list")
@click.option("--json", "in_json", is_flag=True, help="One JSON object each.")
@click.pass_context
def list_wearers(ctx: click.Context, in_json: bool) -> None:
    """List wearers and their bands."""
    store, zone = open_store(ctx, reading=True), zone_of(ctx)
    wearers = store.wearers()
    if in_json:
        for each in wearers:
            click.echo(json.dumps(_row(each, store.worn(each), each.zone_or(zone))))
        return
    if not wearers:
        click.echo("There is no wearer yet: add one with 'veriband wearer add'.")
    for each in wearers:
        bands = ", ".join(_worn(worn, zone) for worn in store.worn(each)) or "no band"
        click.echo(f"{printable(each.name)}  {_about(each)}  {bands}")


def _row(of: Wearer, bands: Sequence[Worn], zone: tzinfo) -> dict[str, Any]:
    """A wearer for programs; what is None is not known."""
    return {
        "wearer": of.name,
        "sex": of.sex,
        "birth_year": of.birth_year,
        "height_m": of.height_m,
        "rest_bpm": of.rest_bpm,
        "lives_in": of.zone,
        "bands": [
            {
                "band": worn.band.address,
                "from": iso(worn.from_utc_ms, zone),
                "to": None if worn.to_utc_ms is None else iso(worn.to_utc_ms, zone),
            }
            for worn in bands
        ],
    }


def _about(of: Wearer) -> str:
    known = (
        of.sex,
        f"born {of.birth_year}" if of.birth_year else None,
        f"{of.height_m:g} m" if of.height_m else None,
        f"rest {of.rest_bpm:g} bpm" if of.rest_bpm else None,
        of.zone,
    )
    return ", ".join(part for part in known if part) or "nothing known"


def _worn(worn: Worn, zone: tzinfo) -> str:
    until = "" if worn.to_utc_ms is None else f" to {clock(worn.to_utc_ms, zone)}"
    return f"{worn.band.address} from {clock(worn.from_utc_ms, zone)}{until}"


@wearer.command()
@click.argument("name", shell_complete=completion.wearers)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export(ctx: click.Context, name: str, file: Path) -> None:
    """Write everything that the store has of a wearer to FILE, one JSON object a line."""
    store = open_store(ctx, reading=True)
    book, its, count = book_of(store, configuration_of(ctx)), store.wearer(name), 0
    try:
        with open(file, "x", encoding="utf-8", opener=_private) as output:
            for row in rows(store, book, its):
                output.write(f"{json.dumps(row, ensure_ascii=False)}\n")
                count += 1
    except FileExistsError:
        raise VeribandError(f"{file} is there already, and was left as it is.") from None
    except OSError as error:
        raise VeribandError(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"{count} rows of {printable(name)} are in {file}. It holds health: keep it safe.")


@wearer.command()
@click.argument("name", shell_complete=completion.wearers)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def erase(ctx: click.Context, name: str, yes: bool) -> None:
    """Erase a wearer: who they are, all that was measured of them, alerts, older copies of the
    store. Nothing brings it back; 'wearer export' keeps it elsewhere before."""
    store = open_store(ctx)
    its = store.wearer(name)
    if not yes:
        click.confirm(
            f"Erase {printable(name)}, and everything that was measured of them, for ever?",
            abort=True,
        )
    done = erasure.erase(store, its)
    copies = f", {len(done.copies)} older copies of the store" if done.copies else ""
    click.echo(
        f"{printable(name)} was erased: {done.items} items of bands, {done.entered} entered "
        f"readings, {done.alerts} alerts{copies}."
    )


@wearer.command()
@click.pass_context
def scrub(ctx: click.Context) -> None:
    """Write the store anew without the bytes of what was erased, if 'erase' could not."""
    erasure.scrub(open_store(ctx))
    click.echo("What was erased has left no bytes in the store.")


for command in consent_commands.COMMANDS:
    wearer.add_command(command)
