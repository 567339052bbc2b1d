"""Starts the command `veriband`: while it loads, Ctrl-C ends it at once and without a word."""

from __future__ import annotations

import signal


def main() -> None:
    """Load the command, and that of another package if it is the one asked for; run it."""
    heeded = signal.getsignal(signal.SIGINT) == signal.default_int_handler
    if heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    import sys
    from contextlib import suppress
    from importlib.metadata import entry_points

    from veriband.cli import main as command

    for entry in entry_points(group="veriband.commands"):
        if entry.name in sys.argv:
            with suppress(ModuleNotFoundError):  # the command says what to do about it
                entry.load()
    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command()


if __name__ == "__main__":
    main()
