"""Shell completion: the command that turns it on, and names out of the store."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from typing import cast

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from veriband import context

VARIABLE = "_VERIBAND_COMPLETE"
SHELLS: dict[str, tuple[type[ShellComplete], str]] = {
    "bash": (BashComplete, 'put  eval "$(veriband completion bash)"  into ~/.bashrc'),
    "zsh": (ZshComplete, 'put  eval "$(veriband completion zsh)"  into ~/.zshrc, after compinit'),
    "fish": (
        FishComplete,
        "veriband completion fish > ~/.config/fish/completions/veriband.fish",
    ),
}
BUSY_S = 0.1  # nobody who presses Tab waits for a locked store
_MOST = 500

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def _of(query: str) -> Complete:
    """The names that a query gives and that go on what was typed; none if anything goes wrong."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        with contextlib.suppress(Exception):  # whatever it is, the command itself will tell
            path = ctx.find_root().params.get("path") or context.default_store()
            uri = f"{path.absolute().as_uri()}?mode=rw"
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S)) as db:
                db.execute("PRAGMA query_only = ON")
                names = [cast(str, name) for (name,) in db.execute(query).fetchmany(_MOST)]
            typed = incomplete.casefold()
            return [name for name in names if name.casefold().startswith(typed)]
        return []

    return complete


wearers = _of("SELECT name FROM wearer ORDER BY name")
bands = _of("SELECT address FROM band ORDER BY address")
meters = _of("SELECT DISTINCT address FROM meter ORDER BY address")
contests = _of("SELECT name FROM contest ORDER BY name")
alerts = _of("SELECT CAST(id AS TEXT) FROM alert WHERE closed_ms IS NULL ORDER BY id")


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what has a shell complete commands, options, and names of wearers, bands and contests.

    \b
    bash: put  eval "$(veriband completion bash)"  into ~/.bashrc
    zsh:  put  eval "$(veriband completion zsh)"  into ~/.zshrc, after compinit
    fish: veriband completion fish > ~/.config/fish/completions/veriband.fish
    """
    its, how = SHELLS[shell]
    click.echo(f"# {how}")
    click.echo(its(ctx.find_root().command, {}, "veriband", VARIABLE).source())
