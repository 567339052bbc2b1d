"""Checks this computer: its configuration's file, clock, zone, port, programs, and extras."""

from __future__ import annotations

import http.client
import importlib.util
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from veriband import configuration
from veriband.civil import LocalTime
from veriband.configuration import Configuration
from veriband.doctor.finding import Finding, note, well, wrong
from veriband.errors import VeribandError
from veriband.link.sync import LATEST_UTC
from veriband_protocol.control import EARLIEST_UTC

LOOPBACK = "127.0.0.1"
OURS = b"Veriband</title>"
ANSWER_S = 3.0
MOST = 4_096  # bytes of a page that are looked at
EXTRAS = {  # what pyproject.toml calls it: what it is for, the modules that it brings
    "web": ("the pages", ("htpy", "markupsafe", "starlette", "uvicorn")),
    "export": ("Parquet files", ("pyarrow",)),
    "strip": ("a strip read over an MCP2221", ("EasyMCP2221",)),
}


def settings(path: Path, *, is_named: bool) -> tuple[Finding, Configuration | None]:
    """What is found of the configuration at `path`, and what it says, if it can be read."""
    if not path.exists() and not is_named:
        found = note(
            "configuration", f"there is no {path}: everything is as it is without one",
            "'veriband config init' begins one",
        )  # fmt: skip
        return found, Configuration()
    try:
        its = configuration.read(path)
    except VeribandError as error:
        mend = "mend it there; 'veriband config check' looks again"
        return wrong("configuration", str(error).rstrip("."), mend), None
    return well("configuration", str(path)), its


def clock(now_s: int) -> Finding:
    """Whether the computer's clock can be right."""
    told = f"{datetime.fromtimestamp(now_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if EARLIEST_UTC <= now_s <= LATEST_UTC:
        return well("clock", told)
    return wrong("clock", f"{told}, which cannot be", "set it; bands are synced then")


def zone(its: tzinfo) -> Finding:
    """Whether the zone that wearers without one have is known by its name."""
    if isinstance(its, LocalTime):
        return wrong(
            "time zone", "it is not known by name, so days and cycles may be others elsewhere",
            "'timedatectl set-timezone Europe/Berlin' as it is with you, or TZ, or --zone",
        )  # fmt: skip
    return well("time zone", str(its))


def port(number: int) -> Finding:
    """Whether the pages can be served on a port of the loopback, or are already."""
    try:
        socket.create_server((LOOPBACK, number)).close()
    except OSError as error:
        if is_ours(number):
            return well("port", f"{number}: Veriband's pages are there")
        return wrong(
            "port", f"{number} cannot be had: {(error.strerror or str(error)).lower()}",
            "end what has it, or choose another with 'veriband web --port'",
        )  # fmt: skip
    return well("port", f"{number} is free")


def is_ours(number: int) -> bool:
    """Whether Veriband's pages answer there, be it that they have nothing to show."""
    asked = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with asked.open(f"http://{LOOPBACK}:{number}/", timeout=ANSWER_S) as answer:
            return OURS in answer.read(MOST)
    except urllib.error.HTTPError as error:
        with error:
            return OURS in error.read(MOST)
    except (OSError, ValueError, http.client.HTTPException):  # it speaks something else
        return False


def terminals(its: Configuration) -> Iterator[Finding]:
    """Whether the terminals' programs are there."""
    for terminal in its.terminal:
        program = terminal.command[0]
        path = shutil.which(program)
        if path:
            yield well(f"terminal {terminal.name}", path)
        elif Path(program).exists():
            yield wrong(
                f"terminal {terminal.name}", f"{program} cannot be executed", f"chmod +x {program}"
            )
        else:
            yield wrong(
                f"terminal {terminal.name}", f"there is no program {program}",
                f"put it there, or change the command of terminal {terminal.name!r} in the "
                "configuration",
            )  # fmt: skip


def extras() -> Iterator[Finding]:
    """Which optional parts are installed."""
    for extra, (purpose, modules) in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        if missing:
            yield note(
                f"extra {extra}", f"{purpose}: {', '.join(missing)} not installed",
                f"pip install 'veriband[{extra}]'",
            )  # fmt: skip
        else:
            yield well(f"extra {extra}", f"{purpose}: installed")
