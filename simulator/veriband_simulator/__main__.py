"""The command `veriband-sim`: while it loads, Ctrl-C ends it at once and without a word."""

from __future__ import annotations

import signal


def main() -> None:
    """Load the command and run it."""
    heeded = signal.getsignal(signal.SIGINT) == signal.default_int_handler
    if heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    import click

    from veriband_simulator.ppg import ppg

    command = click.Group(
        commands=[ppg],
        help="Parts of Veriband's simulated world, one at a time.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command(prog_name="veriband-sim")


if __name__ == "__main__":
    main()
