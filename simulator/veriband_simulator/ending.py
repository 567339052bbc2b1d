"""How a command over a simulated world ends: in one line, with the status that says why."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager

import click

from veriband_simulator.clock import Stopped
from veriband_simulator.firmware import FirmwareMissing
from veriband_simulator.interpreter import FirmwareDied


@contextmanager
def told() -> Generator[None]:
    """Tell what is wrong with the firmware, and that a signal ended it; 128 + its number then."""
    try:
        yield
    except (FirmwareDied, FirmwareMissing) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        if number != signal.SIGHUP:  # whose terminal has gone
            click.echo("Stopped.", err=True)
        sys.exit(128 + number)
