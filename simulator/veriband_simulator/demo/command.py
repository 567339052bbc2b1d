"""The command `veriband demo`: plays a scenario and says whether the truth came out."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from textwrap import fill

import click

from veriband.terminal import printable
from veriband_simulator.demo.play import limit_s, play_scenario
from veriband_simulator.demo.progress import Progress
from veriband_simulator.demo.report import as_json, as_text, faults
from veriband_simulator.ending import told
from veriband_simulator.scenario import Scenario, examples, load
from veriband_simulator.tables import BadFile
from veriband_simulator.world import play

SPEED = 600
DEFAULT = "contest_day"


class _BadScenario(click.ClickException):
    exit_code = 2


@click.command(
    epilog=fill(f"Scenarios that come with it: {', '.join(examples())}. simulator/README.md says "
                "how to write another.", 78)
)  # fmt: skip
@click.option(
    "--scenario",
    "name",
    metavar="FILE.toml",
    default=DEFAULT,
    show_default=True,
    help="The world to play: a file, or one that comes with it.",
)
@click.option("--seed", type=int, help="Same seed, same world [default: the scenario's].")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON object.")
@click.option("--watch", is_flag=True, help="Pace it for the eye.")
@click.option(
    "--speed",
    type=click.IntRange(1, 1_000_000),
    help=f"With --watch: times real time [default: {SPEED}].",
)
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the store there, for 'veriband --store FILE web', also while it plays.",
)
def demo(
    name: str, seed: int | None, json_wanted: bool, watch: bool, speed: int | None,
    keep: Path | None,
) -> None:  # fmt: skip
    """Play a contest between simulated wearers through whole bands and the daemon.

    Ends with status 0 if the truth came out: nothing that was counted is missing, and everybody
    is judged as the scenario expects.
    """
    if watch and json_wanted:
        raise click.UsageError("--watch is for the eye, --json for programs: give one of them.")
    if speed is not None and not watch:
        raise click.UsageError("--speed says how fast --watch goes: give --watch, too.")
    if keep is not None and keep.exists():
        raise click.UsageError(f"{keep} is there already: name a new file with --keep.")
    try:
        scenario = load(name)
    except BadFile as error:
        raise _BadScenario(printable(str(error))) from error
    pace = (speed or SPEED) if watch else None
    with told():
        _play_and_show(scenario, scenario.seed if seed is None else seed, json_wanted, pace, keep)


def _play_and_show(
    scenario: Scenario, seed: int, json_wanted: bool, pace: int | None, keep: Path | None
) -> None:
    started = time.monotonic()
    minutes = scenario.end - scenario.begin
    with Progress(json_wanted, pace is not None, minutes) as progress:
        outcome = play(
            seed,
            play_scenario(scenario, seed, progress, keep),
            limit_s=limit_s(scenario),
            speed=pace,
        )
    wrong = faults(scenario, outcome)
    if json_wanted:
        click.echo(json.dumps(as_json(seed, outcome)))
        for fault in wrong:
            click.echo(fault, err=True)
    else:
        click.echo(as_text(scenario, seed, outcome, time.monotonic() - started))
    if wrong:
        sys.exit(1)
