"""The ring over years: bounded mount, even wear, a year of real people's minutes in a mebibyte."""

from __future__ import annotations

from itertools import chain, islice, pairwise, repeat
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from band.collect import collect
from band.page import HEADER_BYTES
from band.ring import MAX_ITEMS, PAGE, Ring
from tests.firmware.backlog import backlog, is_measured
from tests.firmware.partition import CutPartition
from veriband.records import Item, Kind, decode
from veriband_protocol.control import EARLIEST_UTC
from veriband_simulator.flash import SECTOR, Flash

MEBIBYTE = 1 << 20
YEAR_MIN = 365 * 1440
BUFFER = MAX_ITEMS + 5  # the most that one read of a mount takes
SHORTEST = 5  # bytes of a block with one item
STILL = bytes((0x89,))  # ten minutes without a step


def most_reads(sectors: int) -> int:
    """Reads of flash that a mount may need: each header twice, the blocks of one page and what is
    behind them, and whether the rest of that page is erased."""
    body = PAGE - HEADER_BYTES
    return 2 * sectors + body // SHORTEST + 1 + -(-body // BUFFER)


class CountedPartition(CutPartition):
    """Counts the reads, and the erases of each sector."""

    def __init__(self, sectors: int) -> None:
        super().__init__(sectors)
        self.reads: list[int] = []  # bytes of each
        self.erases = [0] * sectors

    def ioctl(self, op: int, arg: int) -> int:
        if op == 6:
            self.erases[arg] += 1
        return super().ioctl(op, arg)

    def readblocks(self, block: int, buf: memoryview, offset: int = 0) -> None:
        self.reads.append(len(buf))
        super().readblocks(block, buf, offset)


def worn(sectors: int, rounds: int, block: bytes) -> CountedPartition:
    """A partition whose ring has been round so often, and is in the middle of its next round."""
    partition = CountedPartition(sectors)
    ring = Ring(partition)
    fill(ring, int(rounds * sectors + sectors / 2), block)
    return partition


def fill(ring: Ring, pages: int, block: bytes) -> None:
    """Write until so many pages have been begun from now on."""
    while pages:
        before = ring._page
        ring.write(block)
        pages -= ring._page is not before


def filled_page(ring: Ring, block: bytes) -> None:
    """Write blocks until the next one would begin a page."""
    while ring._write_at + len(block) + 4 <= PAGE:
        ring.write(block)


@pytest.mark.parametrize(
    ("sectors", "rounds"), [(4, 0), (4, 1), (4, 50), (256, 0), (256, 1), (256, 9)]
)
@pytest.mark.parametrize("block", [STILL, bytes(MAX_ITEMS)], ids=["short", "long"])
def test_a_mount_reads_a_bounded_number_of_times(sectors: int, rounds: int, block: bytes) -> None:
    partition = worn(sectors, rounds, bytes(MAX_ITEMS))
    ring = Ring(partition)
    fill(ring, 1, block)
    filled_page(ring, block)
    partition.reads.clear()
    again = Ring(partition)
    assert again.end.seq == ring.end.seq
    assert len(partition.reads) <= most_reads(sectors)
    assert max(partition.reads) <= BUFFER
    if block == STILL and rounds:  # the bound is no looser than it must be
        assert len(partition.reads) > most_reads(sectors) - 20


@pytest.mark.parametrize("bad", [set[int](), {3}, {7, 8, 9}], ids=["sound", "one bad", "three"])
def test_sectors_wear_evenly(bad: set[int]) -> None:
    partition = CountedPartition(64)
    partition.bad = bad
    ring = Ring(partition)
    for pages in (30, 500, 1_000):  # 24 rounds, with starts in between
        fill(ring, pages, bytes(MAX_ITEMS))
        ring = Ring(partition)
    counts = [count for sector, count in enumerate(partition.erases) if sector not in bad]
    assert sum(counts) == 1_530
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("seed", range(3))
def test_losses_of_power_wear_no_sector_more_than_others(seed: int) -> None:
    """A start goes on in a new page when the last write was torn: still the next one."""
    partition = CountedPartition(16)
    rng = np.random.default_rng(seed)
    for _ in range(300):
        ring = Ring(partition)
        fill(ring, int(rng.integers(0, 3)), bytes(MAX_ITEMS))
        ring.write(STILL)
        at = (ring._page.number % 16) * SECTOR + ring._write_at
        if at % SECTOR:
            partition.flash.program(at, b"\x05")
    assert sum(partition.erases) > 300
    assert max(partition.erases) - min(partition.erases) <= 1


def real_minutes() -> list[int]:
    """Steps of a year's minutes, one volunteer's days after the other's."""
    data = Path(__file__).parents[1] / "data" / "fitbit_minutes.parquet"
    return pq.read_table(data)["steps"].to_pylist()[:YEAR_MIN]


def test_a_year_of_real_minutes_fits_into_a_mebibyte_and_is_read_whole() -> None:
    minutes = real_minutes()
    assert len(minutes) == YEAR_MIN
    flash = Flash(MEBIBYTE)
    journal = backlog(flash, range(MEBIBYTE), minutes, EARLIEST_UTC * 1000)
    assert flash.erases < 160, "of 256 sectors"
    found: list[Item] = []
    while not found or found[-1].seq + found[-1].count < journal.seq:
        seq = found[-1].seq + found[-1].count if found else 0
        at, data = collect(journal, seq, SECTOR)
        assert at.seq == seq
        found += decode(data, at.seq, at.boot, at.t_ms)
    assert all(a.seq + a.count == b.seq for a, b in pairwise(found))
    steps = chain.from_iterable(repeat(i.steps, i.count) for i in found if i.kind is Kind.MINUTE)
    assert list(islice(steps, YEAR_MIN + 1)) == minutes
    measured = sum(i.kind is Kind.READING for i in found)
    assert measured == sum(is_measured(k, n) for k, n in enumerate(minutes))
