"""`veriband judge`: both anti-cheating rules over a file, no band needed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from veriband.civil import zone_named
from veriband.judge.engine import RULES, judge_table
from veriband.judge.words import Totals, Words, set_aside
from veriband.minutes import open_table


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--rule",
    type=click.Choice(list(RULES)),
    default="gated",
    show_default=True,
    help="gated: active minutes in rolling windows, and any that nobody wore. claims: the source "
    "patent, to the letter.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a segment and suspicion.")
@click.option("--any-order", is_flag=True, help="The CSV file's lines are not sorted by time.")
@click.option(
    "--memory",
    type=click.IntRange(1, 1 << 20),
    default=256,
    show_default=True,
    help="MB for minutes. A file that needs more is read again, for each part of the wearers.",
)
@click.pass_context
def judge(
    ctx: click.Context, file: Path, rule: str, as_json: bool, any_order: bool, memory: int
) -> None:
    """Judge the steps of wearers in FILE, a CSV or Parquet table of minutes.

    Columns: wearer, minute (2016-04-19T10:00), steps; heart_rate_bpm (0: not worn, empty:
    unknown), sex (m or f), age, height_m, rest_bpm, where they are known. Minutes without an
    offset from UTC are the wearer's clock. What nobody can have walked is set aside, aloud; a
    cell that cannot be read ends it with status 2.

    A suspicion is not a verdict, and no verdict is a diagnosis: the heart rates that are expected
    come from an illustrative model.
    """
    name: str | None = ctx.obj[1] if ctx.obj else None
    table = open_table(file, zone_named(name) if name else None, any_order)
    totals = Totals()
    suspicions = 0
    with click.progressbar(
        length=1000,
        label="Judging",
        file=sys.stderr,
        width=0,
        hidden=as_json or not sys.stderr.isatty(),
    ) as bar:
        for judgement in judge_table(
            table, RULES[rule], memory << 20, lambda: bar.update(int(table.done * 1000) - bar.pos)
        ):
            words = Words(table.names, rule, bool(table.aware))
            totals.add(judgement)
            suspicions += len(judgement.suspicions)
            if as_json:
                for row in words.segments(judgement):
                    click.echo(json.dumps(row))
            for row in words.suspicions(judgement.suspicions):
                click.echo(json.dumps(row) if as_json else words.sentence(row))
    for why, reason in table.set_aside.items():
        click.echo(set_aside(why, reason), err=True)
    if not table.names:
        click.echo(f"{file} has no minutes.", err=True)
    elif not as_json:
        click.echo(totals.table(table.names))
