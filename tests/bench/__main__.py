"""`make bench`: measures, and prints tables. `make bench ONLY="skeleton rules"`: parts of it."""

from __future__ import annotations

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while it loads: no traceback

import sys
import time

from tests.bench import bytes as a_minute
from tests.bench import daemon, power, pulse, rules, skeleton, speed

PARTS = {
    "skeleton": skeleton.show, "rules": rules.show, "pulse": pulse.show, "speed": speed.show,
    "scale": speed.scale, "bytes": a_minute.show, "power": power.show,
    "daemon": daemon.show,
}  # fmt: skip


def main(names: list[str]) -> int:
    """Measure the parts that are named, or all."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"There is no part {unknown[0]!r}: name some of {', '.join(PARTS)}.")
        return 2
    started = time.monotonic()
    for name in names or PARTS:
        PARTS[name]()
    print(f"\n({time.monotonic() - started:.0f} s; times vary with the machine's load)")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
