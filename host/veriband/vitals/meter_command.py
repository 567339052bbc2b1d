"""`veriband meter`: standard meters that are known here, and what they have."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import tzinfo

import click

from veriband import completion
from veriband.context import FiniteRange, open_store, utc_ms, zone_of
from veriband.errors import VeribandError
from veriband.link import meter as meters
from veriband.link.meter import Fetched, MeterAway
from veriband.link.radio import Radio, system_radio
from veriband.store import Store
from veriband.store.entered import WHOEVER
from veriband.terminal import printable

_LOOK_S = 5.0  # for meters, when nobody has said that they are there


@click.group()
def meter() -> None:
    """Standard blood-pressure meters and pulse oximeters; 'pair --meter' makes one known."""


@meter.command("list")
@click.option("--json", "in_json", is_flag=True, help="One JSON object each.")
@click.pass_context
def list_meters(ctx: click.Context, in_json: bool) -> None:
    """List the meters that are known, and whose they are."""
    known = open_store(ctx, reading=True).meters()
    if in_json:
        for each in known:
            user = None if each.user == WHOEVER else each.user
            told = {"address": each.address, "kind": meters.KINDS[each.vital], "user": user}
            click.echo(json.dumps(told | {"wearer": each.wearer.name}))
        return
    if not known:
        click.echo("No meter is known here yet: 'veriband pair --meter ADDRESS' makes one known.")
    for each in known:
        user = "" if each.user == WHOEVER else f", its user {each.user}"
        click.echo(
            f"{each.address}  {meters.KINDS[each.vital]} of {printable(each.wearer.name)}{user}"
        )


@meter.command()
@click.argument("address", required=False, shell_complete=completion.meters)
@click.option(
    "--wait", type=FiniteRange(min=1, max=3600), default=120.0, show_default=True,
    help="Seconds to look for it.",
)  # fmt: skip
@click.option("--json", "in_json", is_flag=True, help="A JSON object.")
@click.pass_context
def fetch(ctx: click.Context, address: str | None, wait: float, in_json: bool) -> None:
    """Fetch once what a meter has (the only one, or that at ADDRESS)."""
    store, zone = open_store(ctx), zone_of(ctx)
    chosen = _chosen(store, address)

    async def work() -> None:
        found = await meters.fetch(system_radio(), store, chosen, utc_ms, zone, wait)
        fetched(chosen, found, in_json=in_json)

    try:
        asyncio.run(work())
    except KeyboardInterrupt:
        click.echo("Stopped. Everything that was fetched is stored.", err=True)
        sys.exit(130)


def _chosen(store: Store, address: str | None) -> str:
    known = sorted({each.address for each in store.meters()})
    if address is not None and address.upper() in known:
        return address.upper()
    if not known or address is not None:
        which = address or "ADDRESS"
        raise click.UsageError(
            f"No such meter is known here: run 'veriband pair --meter {which}' first."
        )
    if len(known) > 1:
        raise click.UsageError(f"There are several meters ({', '.join(known)}): name one.")
    return known[0]


@meter.command()
@click.argument("address", shell_complete=completion.meters)
@click.pass_context
def forget(ctx: click.Context, address: str) -> None:
    """Know a meter no more; what it measured stays."""
    open_store(ctx).forget_meter(address)
    click.echo(f"Forgotten: {address.upper()}. The system still has its pairing.")


def fetched(address: str, found: Fetched, *, in_json: bool = False) -> None:
    """Tell what came of a meter."""
    if in_json:
        click.echo(json.dumps({"meter": address, "new": found.new, "refused": found.refused}))
        return
    plural = "" if found.new == 1 else "s"
    click.echo(f"{address}: {found.new} new reading{plural}")
    for sentence in found.refused:
        click.echo(sentence, err=True)


async def near(radio: Radio, store: Store, zone: tzinfo, *, in_json: bool = False) -> bool:
    """Fetch from the known meters that are near, and tell; whether all is well. One that is not
    near sleeps, which is no fault."""

    async def one(address: str) -> bool:
        try:
            found = await meters.fetch(radio, store, address, utc_ms, zone, _LOOK_S)
            fetched(address, found, in_json=in_json)
        except MeterAway:
            pass
        except VeribandError as error:
            if in_json:
                click.echo(json.dumps({"meter": address, "error": str(error)}))
            else:
                click.echo(str(error), err=True)
            return False
        return True

    addresses = sorted({each.address for each in store.meters()})
    return all(await asyncio.gather(*map(one, addresses)))
