"""Alerts while daemons are killed, the disk is full, the store locked, terminals are slow."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.campaign import telling
from veriband.store import Store

RUNS = 200
TROUBLES = ("statements", "bytes", "full", "locked", "two", "slow")
LONGEST_S = 120.0  # for a daemon, on a machine that is busy
FIRST_BYTE = 200_000  # there is a store by then
KILLED = (-signal.SIGKILL, -signal.SIGXFSZ)
Told = dict[tuple[str, int], list[tuple[int, bool]]]  # terminal, alert: version, loud


def prepare(seed: int) -> dict[str, int]:
    """How many statements a daemon makes, and bytes, that nothing happens to."""
    with tempfile.TemporaryDirectory(prefix="veriband-alerts-") as folder:
        return json.loads(_finished(_daemon(Path(folder), f"{seed}", "none"), (0,)))


def case(most: dict[str, int], seed: int, number: int) -> int:
    """A daemon's life with a trouble, and another's on what is left; how many alerts it had."""
    trouble = TROUBLES[number % len(TROUBLES)]
    rng = random.Random(f"{seed} alerts {number}")
    with tempfile.TemporaryDirectory(prefix="veriband-alerts-") as name:
        folder = Path(name)
        try:
            _lived(folder, f"{seed} {number}", trouble, most, rng)
            check_owed(folder)
            _finished(_daemon(folder, f"{seed} {number}", ""), (0,))
            return check_told(folder)
        except AssertionError as error:
            raise AssertionError(f"{trouble}: {error}") from error


def _lived(
    folder: Path, seed: str, trouble: str, most: dict[str, int], rng: random.Random
) -> None:
    at = rng.randrange(1, most["statements"])
    if trouble == "bytes":
        at = rng.randrange(FIRST_BYTE, most["bytes"])
    if trouble in ("full", "locked"):
        at = 0
    lives = [_daemon(folder, seed, trouble, at)]
    if trouble == "two":
        lives.append(_daemon(folder, f"{seed} second", trouble))
    for life in lives:
        _finished(life, (0, *KILLED) if at else (0,))


def _daemon(folder: Path, seed: str, trouble: str, number: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.campaign.telling", str(folder), seed, trouble, str(number)],
        cwd=Path(__file__).parents[2], env=os.environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _finished(life: subprocess.Popen[str], allowed: tuple[int, ...]) -> str:
    try:
        said, complaint = life.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired as error:
        life.kill()
        raise AssertionError(f"a daemon has not ended within {LONGEST_S:g} s") from error
    assert life.returncode in allowed, f"status {life.returncode}: {complaint[-1000:]}"
    return said


def told_to(folder: Path) -> Told:
    """What terminals were told, in its order; what a program was cut off in writing is nothing."""
    found: Told = {}
    for terminal in telling.TERMINALS:
        path = folder / terminal
        text = path.read_text() if path.exists() else ""
        for its in _objects(text):
            found.setdefault((terminal, its["alert"]), []).append((its["version"], its["loud"]))
    return found


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find('{"loud"', at)) >= 0:
        try:
            its, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            at += 1
            continue
        yield its


def check_owed(folder: Path) -> None:
    """Whatever has happened: what was observed is there, and each terminal of it has confirmed
    what it was really told, or is owed the rest."""
    told = told_to(folder)
    path = folder / telling.OBSERVED
    lines = path.read_text().splitlines() if path.exists() else []
    with closing(Store(folder / telling.STORE)) as store:
        assert store.read("PRAGMA integrity_check") == [("ok",)]
        causes = store.read("SELECT subject FROM cause WHERE alert IS NOT NULL")
        lost = set(lines) - {subject for (subject,) in causes}
        assert not lost, f"lost: {lost}"
        open_twice = store.read(
            "SELECT subject FROM alert WHERE closed_ms IS NULL "
            "GROUP BY subject HAVING count(*) > 1"
        )
        assert not open_twice, f"open twice: {open_twice}"
        outbox = store.read("SELECT alert, terminal, wanted, has FROM outbox")
        for alert, terminal, wanted, has in outbox:
            newest = max((version for version, _ in told.get((terminal, alert), ())), default=0)
            assert has <= newest, f"alert {alert}: {terminal} has {newest} and confirmed {has}"
            assert newest <= wanted, f"alert {alert}: {terminal} has {newest} of {wanted}"
        rows = {(alert, terminal): wanted for alert, terminal, wanted, _ in outbox}
        for alert, version, rung in store.read("SELECT id, version, rung FROM alert"):
            for terminal in telling.TERMINALS[:rung]:
                wanted = rows.get((alert, terminal))
                assert wanted == version, f"alert {alert}: {terminal} is owed {wanted}/{version}"


def check_told(folder: Path) -> int:
    """When all is over: each alert is closed, and each of its terminals knows how it ended, and
    was called once for each time that it was raised. How many alerts there were."""
    told = told_to(folder)
    check_owed(folder)
    with closing(Store(folder / telling.STORE)) as store:
        alerts = dict(store.read("SELECT id, closed_ms FROM alert"))
        stuck = [number for number, closed_ms in alerts.items() if closed_ms is None]
        assert not stuck, f"stuck: {stuck}"
        for alert, terminal, wanted, has in store.read(
            "SELECT alert, terminal, wanted, has FROM outbox"
        ):
            its = told.get((terminal, alert), [])
            assert has == wanted, f"alert {alert}: {terminal} has {has} of {wanted}"
            assert wanted in {version for version, _ in its}, (
                f"alert {alert}: {terminal} missed it"
            )
            calls = Counter(version for version, is_loud in set(its) if is_loud)
            quiet = {version for version, is_loud in its if not is_loud}
            assert not quiet & calls.keys(), f"alert {alert}: one version loud and quiet"
            assert calls, f"alert {alert}: {terminal} was never called"
        unknown = {alert for _, alert in told} - alerts.keys()
        assert not unknown, f"told, and not in the store: {unknown}"
    return len(alerts)
