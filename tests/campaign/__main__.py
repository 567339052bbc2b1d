"""`make campaign`: the long tests. `make campaign ONLY=power`: one of them."""

from __future__ import annotations

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while it loads: no traceback

import argparse
import sys
from concurrent.futures.process import BrokenProcessPool

from tests.campaign import alerts, broken, daemon, hostile, power, radio, week
from tests.campaign.runner import Campaign, run

CAMPAIGNS = (
    Campaign("power", "power cuts", 10_000, power.prepare, power.case),
    Campaign(
        "broken", "broken journals noticed", len(broken.BREAKAGES), broken.prepare, broken.case
    ),
    Campaign("radio", "worlds with a bad radio", 1_000, radio.prepare, radio.case),
    Campaign(
        "hostile", "malformed writes and lies", hostile.WRITERS + hostile.LIARS, hostile.prepare,
        hostile.case,
    ),
    Campaign("week", "days unattended", len(week.UPLOADS), week.prepare, week.case),
    Campaign(
        "daemon", "kills and other troubles", daemon.KILLS + len(daemon.TROUBLES), daemon.prepare,
        daemon.case,
    ),
    Campaign("alerts", "alerts in trouble", alerts.RUNS, alerts.prepare, alerts.case),
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Play the campaigns that are named, or all; 1 when something was wrong."""
    names = [campaign.name for campaign in CAMPAIGNS]
    parser = argparse.ArgumentParser(prog="python -m tests.campaign")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(names)}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, help="how many cases of each, instead of all")
    parser.add_argument("--case", type=int, help="that case only")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in names]
    if unknown:
        parser.error(f"there is no campaign {unknown[0]!r}: name some of {', '.join(names)}")
    all_well = True
    for campaign in CAMPAIGNS:
        if options.names and campaign.name not in options.names:
            continue
        numbers = range(options.cases or campaign.cases)
        if options.case is not None:
            numbers = range(options.case, options.case + 1)
        all_well &= run(campaign, options.seed, numbers)
    return 0 if all_well else 1


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenProcessPool:
        print("A process of the campaign was killed: start it again.", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt as stop:
        print("\nStopped.", file=sys.stderr)
        sys.exit(128 + getattr(stop, "number", signal.SIGINT))
