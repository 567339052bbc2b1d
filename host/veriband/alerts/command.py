"""`veriband alerts`: what stands in the book, and who takes it upon them."""

from __future__ import annotations

import json
from datetime import tzinfo

import click

from veriband import completion
from veriband.alerts.book import Book, Entry
from veriband.alerts.granted import book_of
from veriband.alerts.words import CAUTION, as_json, sentence
from veriband.civil import clock, iso
from veriband.context import configuration_of, open_store, utc_ms, zone_of
from veriband.store import Store
from veriband.store.roster import Wearer
from veriband.terminal import printable

RECENT_MS = 7 * 24 * 3_600_000


def _whose(store: Store, entry: Entry, zone: tzinfo) -> tuple[str | None, tzinfo]:
    """The name and the zone of whom an alert is about."""
    for wearer in store.wearers():
        if wearer.id == entry.cause.wearer:
            return wearer.name, wearer.zone_or(zone)
    return None, zone


@click.group(invoke_without_command=True)
@click.option("--all", "with_closed", is_flag=True, help="Those of the last week, closed or not.")
@click.option("--json", "in_json", is_flag=True, help="One JSON object an alert.")
@click.pass_context
def alerts(ctx: click.Context, with_closed: bool, in_json: bool) -> None:
    """List the alerts that are open; what is held back is counted behind them.

    An alert climbs its ladder of terminals until somebody acknowledges it ('alerts ack').
    """
    if ctx.invoked_subcommand:
        return
    store, zone = open_store(ctx, reading=True), zone_of(ctx)
    book, since_ms = book_of(store, configuration_of(ctx)), utc_ms() - RECENT_MS
    entries = book.entries(is_open=not with_closed, since_ms=since_ms if with_closed else 0)
    for entry in entries:
        name, its_zone = _whose(store, entry, zone)
        if in_json:
            click.echo(json.dumps(as_json(entry, name, its_zone)))
        else:
            click.echo(f"{entry.number}  {sentence(entry, name, its_zone)}")
    if in_json:
        return
    if not entries:
        click.echo("No alert is open." if not with_closed else "There was no alert for a week.")
    for line in _held_back(book, [None, *store.wearers()], since_ms):
        click.echo(line)
    click.echo(CAUTION)


def _held_back(book: Book, wearers: list[Wearer | None], since_ms: int) -> list[str]:
    told: list[str] = []
    for wearer in wearers:
        found = book.held_back(wearer and wearer.id, since_ms)
        if found:
            whose = f"{printable(wearer.name)}: " if wearer else ""
            reasons = sorted({one.why for one in found})
            told.append(f"{whose}{len(found)} held back this week ({'; '.join(reasons)}).")
    return told


@alerts.command()
@click.argument("number", type=int, shell_complete=completion.alerts)
@click.option("--json", "in_json", is_flag=True, help="A JSON object.")
@click.pass_context
def show(ctx: click.Context, number: int, in_json: bool) -> None:
    """Show an alert, what it was found from, and what happened to it."""
    store = open_store(ctx, reading=True)
    book = book_of(store, configuration_of(ctx))
    entry = book.entry(number)
    name, zone = _whose(store, entry, zone_of(ctx))
    steps = book.steps(number)
    if in_json:
        rows = [
            {"at": iso(step.utc_ms, zone), "what": step.what, "by": step.by, "note": step.note}
            for step in steps
        ]
        click.echo(json.dumps({**as_json(entry, name, zone), "steps": rows}))
        return
    click.echo(f"{entry.number}  {sentence(entry, name, zone)}")
    for step in steps:
        by = f" {printable(step.by)}" if step.by else ""
        note = f" ({printable(step.note)})" if step.note else ""
        click.echo(f"  {clock(step.utc_ms, zone)}  {step.what}{by}{note}")
    click.echo(CAUTION)


@alerts.command("ack")
@click.argument("number", type=int, shell_complete=completion.alerts)
@click.option("--by", required=True, metavar="NAME", help="Who takes it upon them: your name.")
@click.option("--note", default="", help="What you do about it, or why it is nothing.")
@click.option("--json", "in_json", is_flag=True, help="The alert as a JSON object.")
@click.pass_context
def acknowledge(ctx: click.Context, number: int, by: str, note: str, in_json: bool) -> None:
    """Acknowledge an alert: it climbs no further, and all who were told of it learn by whom."""
    if not by.strip():
        raise click.UsageError("--by wants a name, so that others know whom to ask.")
    store = open_store(ctx)
    entry = book_of(store, configuration_of(ctx)).acknowledge(
        number, by.strip(), note.strip(), utc_ms()
    )
    name, zone = _whose(store, entry, zone_of(ctx))
    told = f"{entry.number}  {sentence(entry, name, zone)}"
    click.echo(json.dumps(as_json(entry, name, zone)) if in_json else told)
