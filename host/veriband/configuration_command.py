"""`veriband config`: begin a configuration, and check it."""

from __future__ import annotations

import contextlib

import click
import msgspec

from veriband.context import configuration_of, configuration_path
from veriband.errors import VeribandError

COMMENTED = """\
# Veriband's configuration. Everything here is as it is without this file; what begins with a
# single # can be uncommented. 'veriband config check' tells what is wrong, with its line.

[alerts]
# rule = "persistent"     # or "claims": each single reading outside of its range
# expire_h = 24           # after the last rung, if it is over and nobody has acknowledged it
# remind_h = 4            # after an acknowledgement, if it goes on
# rest_min = 30           # between two alerts of a wearer about the same
# an_hour = 3             # most of a wearer, but for critical ones; what is held back is counted
# a_day = 6

# The ladder: who is told so many minutes after an alert was raised, if nobody has acknowledged
# it by then. "console" is what 'veriband run' prints, "page" the carer's page in the browser.
[[alerts.rung]]
terminals = ["console", "page"]

# [[alerts.rung]]
# after_min = 5
# terminals = ["phone"]

[silence]
# band_h = 12             # nothing has come from a band for so long
# reading_h = 26          # a strip that is in has measured nothing for so long

# A terminal is a program that gets each alert as JSON at its standard input.
# [[terminal]]
# name = "phone"
# command = ["/home/me/tell-my-phone"]

# Ranges beside the shipped ones: the one for the fewest people goes before. No diagnosis.
# [[range]]
# index = "heart rate"    # or SpO2, systolic pressure, diastolic pressure
# low = 45
# high = 105
# critical_low = 38
# critical_high = 140
# sex = "f"
# from_age = 18
# to_age = 64
# wearer = "anna"
"""


@click.group()
def config() -> None:
    """Begin, check and show the configuration."""


@config.command()
@click.pass_context
def init(ctx: click.Context) -> None:
    """Write a configuration that says what can be configured; one that is there is left alone."""
    path = configuration_path(ctx)
    try:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(COMMENTED)
    except FileExistsError:
        raise VeribandError(f"{path} is there already, and was left as it is.") from None
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise VeribandError(f"{path} cannot be written: {error.strerror}.") from error
    click.echo(f"Wrote {path}.")


@config.command()
@click.option("--json", "in_json", is_flag=True, help="All values, as a JSON object.")
@click.pass_context
def check(ctx: click.Context, in_json: bool) -> None:
    """Say whether the configuration is well, and where it is."""
    path = configuration_path(ctx)
    its = configuration_of(ctx)
    if in_json:
        click.echo(msgspec.json.encode(its).decode())
    elif path.exists():
        click.echo(f"{path} is well.")
    else:
        click.echo(f"There is no {path}: everything is as it is without one.")
