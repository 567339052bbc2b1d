"""`veriband web`, or `veriband run`, as a process on a free port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Site:
    """The pages at `url`, which ends in a slash."""

    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        """The port of it."""
        return int(self.url.rstrip("/").rpartition(":")[2])


def start(store: Path, name: str, *arguments: str) -> subprocess.Popen[str]:
    """Start it."""
    command = [sys.executable, "-m", "veriband", "--store", str(store), "--zone", "Europe/Berlin"]
    return subprocess.Popen(
        [*command, name, *arguments],
        env=os.environ | {"BROWSER": "true"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@contextmanager
def site(store: Path, name: str = "web") -> Iterator[Site]:
    """Have it while this lasts, from the moment on when it has told where it is."""
    process = start(store, name, "--port", "0")
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, line + process.communicate()[1]
        yield Site(process, found[0])
    finally:
        process.kill()
        process.communicate()
