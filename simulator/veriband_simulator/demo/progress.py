"""How far a day is: a bar, or a line for what happens."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import click

from veriband.hours import can_show
from veriband.terminal import printable

STEPS_A_MARK = 25
MOST_MARKS = 40


class Progress:
    """Shows how far the day is: as a bar, or with `watch` each sync; nothing when `quiet`."""

    def __init__(self, quiet: bool, watch: bool, minutes: int = 24 * 60) -> None:
        self._watch = watch and not quiet
        self._minutes = minutes
        hidden = quiet or watch or not sys.stderr.isatty()
        self._bar = click.progressbar(
            length=minutes, label="Simulating", file=sys.stderr, width=0, hidden=hidden
        )
        self._steps: dict[str, int] = {}
        self._noted: dict[str, str] = {}

    def __enter__(self) -> Progress:
        self._bar.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        with suppress(OSError):  # the terminal may have gone
            self._bar.render_finish()

    def passed(self, minutes: int) -> None:
        """So many minutes of the day have passed."""
        self._bar.update(min(max(0, minutes), self._minutes) - self._bar.pos)

    def synced(self, now: datetime, wearer: str, stored: Callable[[], int]) -> None:
        """The store has `stored()` steps of a wearer's in the contest so far."""
        self._noted.pop(wearer, None)
        if not self._watch:
            return
        steps = stored()
        new = steps - self._steps.get(wearer, 0)
        self._steps[wearer] = steps
        if new:
            bar = ("▪" if can_show("▪") else "#") * min(MOST_MARKS, new // STEPS_A_MARK)
            click.echo(
                f"{now:%H:%M}  {printable(wearer)}: {steps:,} steps (+{new:,})  {bar}".rstrip()
            )

    def suspected(self, now: datetime, sentence: str) -> None:
        """The daemon suspects somebody, or thinks otherwise of it now."""
        if self._watch:
            click.echo(f"{now:%H:%M}  {sentence}")

    def note(self, wearer: str, error: Exception) -> None:
        """Something went wrong and will be tried again; told once until it goes well."""
        if self._noted.get(wearer) != str(error):
            self._noted[wearer] = str(error)
            click.echo(f"\n{printable(wearer)}: {error}", err=True)
