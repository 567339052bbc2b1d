"""Runs the cases of a campaign in two processes, shows how far it is, says what came of it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

WORKERS = 2
MOST_SHOWN = 5


@dataclass(frozen=True)
class Campaign:
    """A long test of `cases` numbered cases, each the same for the same seed, wherever it runs.

    `prepare(seed)` gives what all cases share; it goes to other processes. `case(shared, seed,
    number)` plays one, raises when something is wrong, and gives how many of `what` it was.
    """

    name: str
    what: str
    cases: int
    prepare: Callable[[int], Any]
    case: Callable[[Any, int, int], int]


@dataclass(frozen=True)
class Failure:
    """A case in which something was wrong."""

    number: int
    text: str


Outcome = tuple[int, int, str]  # number of the case, how many it was, what is wrong

_at_work: tuple[Campaign, Any, int] | None = None  # of this process


def run(campaign: Campaign, seed: int, numbers: Sequence[int], workers: int = WORKERS) -> bool:
    """Play those cases and print a line; whether all was well."""
    started = time.monotonic()
    shared = campaign.prepare(seed)
    failures: list[Failure] = []
    done = 0
    hidden = not sys.stderr.isatty()
    with (
        outcomes(campaign, shared, seed, numbers, workers) as played,
        click.progressbar(
            length=len(numbers), label=campaign.name, file=sys.stderr, hidden=hidden
        ) as bar,
    ):
        for number, count, wrong in played:
            done += count
            bar.update(1)
            if wrong:
                failures.append(Failure(number, wrong))
    verdict = f"{len(failures)} of {len(numbers)} cases FAILED" if failures else "all well"
    print(
        f"{campaign.name:9} {done:>9,} {campaign.what}: {verdict} "
        f"({time.monotonic() - started:.0f} s, seed {seed})",
        flush=True,
    )
    for failure in sorted(failures, key=lambda failure: failure.number)[:MOST_SHOWN]:
        print(f"  case {failure.number}: {failure.text}")
        print(
            f"  again: make campaign ONLY='{campaign.name} --case {failure.number}{_seed(seed)}'"
        )
    return not failures


def _seed(seed: int) -> str:
    return "" if seed == 1 else f" --seed {seed}"


@contextmanager
def outcomes(
    campaign: Campaign, shared: Any, seed: int, numbers: Sequence[int], workers: int
) -> Iterator[Iterator[Outcome]]:
    """What comes of the cases, in any order; here if one worker is enough.

    Raises BrokenProcessPool when a worker is killed.
    """
    if workers < 2 or len(numbers) < 2:
        yield (played(campaign, shared, seed, number) for number in numbers)
        return
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _begin, (campaign, shared, seed)
    )
    try:
        futures = [pool.submit(_play, number) for number in numbers]
        yield (future.result() for future in as_completed(futures))
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def played(campaign: Campaign, shared: Any, seed: int, number: int) -> Outcome:
    """Play a case."""
    logging.disable()  # Bumble tells on stderr what it refuses
    try:
        return number, campaign.case(shared, seed, number), ""
    except Exception as error:
        return number, 0, f"{type(error).__name__}: {error}"


def _begin(campaign: Campaign, shared: Any, seed: int) -> None:
    global _at_work
    _at_work = campaign, shared, seed
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # without a traceback


def _play(number: int) -> Outcome:
    assert _at_work is not None
    try:
        return played(*_at_work, number)
    except KeyboardInterrupt:  # its world was asked to end
        os._exit(1)
