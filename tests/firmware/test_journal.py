"""The journal on its ring: found again after any cut, nothing that was flushed lost."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from band.collect import collect
from band.journal import Journal
from band.ring import Ring
from tests.firmware.partition import CutPartition, PowerCut
from veriband.records import Item, Kind, decode
from veriband_protocol import items

assert Path(items.__file__).name == "items.py"


def read_all(journal: Journal, seq: int = 0, limit: int = 500) -> list[Item]:
    """Everything from number `seq` on, as a host would fetch it."""
    found: list[Item] = []
    while seq < journal.seq:
        at, data = collect(journal, seq, limit)
        assert at.seq >= seq
        batch = list(decode(data, at.seq, at.boot, at.t_ms))
        assert batch, f"nothing from {seq} on, the end is {journal.seq}"
        assert len(data) <= limit
        found += batch
        seq = batch[-1].seq + batch[-1].count
    assert seq == journal.seq
    return found


def fresh(sectors: int = 8) -> tuple[CutPartition, Journal]:
    partition = CutPartition(sectors)
    journal = Journal(Ring(partition))
    journal.boot(1, items.CAUSE_POWER_ON, 0)
    journal.flush()
    return partition, journal


def test_minutes_come_back_as_they_were_put_in() -> None:
    _, journal = fresh()
    steps = [0, 0, 5, 130, 383, 0, 127, 128] * 50
    for n in steps:
        if journal.full():
            journal.flush()
        journal.minute(n)
    found = [i.steps for i in read_all(journal) if i.kind is Kind.MINUTE]
    assert found == steps


@given(st.lists(st.integers(0, 383), max_size=300), st.integers(1, 40), st.integers(60, 400))
@settings(max_examples=50)
def test_any_minutes_flushed_at_any_time(steps: list[int], every: int, limit: int) -> None:
    partition, journal = fresh()
    for k, n in enumerate(steps):
        if k % every == 0 or journal.full():
            journal.flush()
        journal.minute(n)
    assert [i.steps for i in read_all(journal, 0, limit) if i.kind is Kind.MINUTE] == steps
    journal.flush()
    again = Journal(Ring(partition))
    assert again.epoch == journal.epoch
    assert [i.steps for i in read_all(again, 0, limit) if i.kind is Kind.MINUTE] == steps


def test_reading_from_any_number_continues_there() -> None:
    _, journal = fresh()
    for n in [0] * 100 + [7] * 50 + [0] * 100:
        if journal.full():
            journal.flush()
        journal.minute(n)
    whole = read_all(journal)
    for seq in range(journal.seq):
        assert read_all(journal, seq) == [i for i in whole if i.seq >= seq]


def test_a_full_ring_overwrites_the_oldest_and_says_so() -> None:
    partition, journal = fresh(sectors=4)
    for n in range(30_000):
        if journal.full():
            journal.flush()
        journal.minute(1 + n % 383)
    journal.flush()
    assert journal.ring.oldest() > 1000
    found = read_all(journal)
    assert found[0].seq == journal.ring.oldest()
    assert [i.steps for i in found] == [1 + (i.seq - 1) % 383 for i in found]
    again = Journal(Ring(partition))
    assert read_all(again) == found


def test_numbers_that_may_have_been_sent_are_never_used_again() -> None:
    partition, journal = fresh()
    for _ in range(5):
        journal.minute(9)
    sent = read_all(journal)[-1].seq
    again = Journal(Ring(partition))  # power was lost: the five minutes are gone
    lost = again.close_hole()
    assert lost > 0
    again.boot(2, items.CAUSE_POWER_ON, 0)
    assert again.seq - 1 > sent
    found = read_all(again)
    assert [i.kind for i in found] == [Kind.BOOT, Kind.HOLE, Kind.BOOT]
    # a host that had fetched the lost minutes goes on behind them
    rest = read_all(again, sent + 1)
    assert [i.kind for i in rest] == [Kind.HOLE, Kind.BOOT]
    assert rest[0].seq == sent + 1


def test_pending_items_survive_a_reset_without_a_hole() -> None:
    partition, journal = fresh()
    for n in (3, 0, 0, 200):
        journal.minute(n)
    kept = bytes(journal.pending[: journal.used])
    again = Journal(Ring(partition))
    assert again.restore(journal.ring.end.seq, kept)
    assert read_all(again) == read_all(journal)
    assert not Journal(Ring(partition)).restore(journal.ring.end.seq + 1, kept)


def test_a_reset_right_after_a_flush_finds_the_items_on_flash() -> None:
    partition, journal = fresh()
    first = journal.ring.end.seq
    for n in (3, 0, 0, 200):
        journal.minute(n)
    kept = bytes(journal.pending[: journal.used])
    journal.flush()
    again = Journal(Ring(partition))
    assert again.restore(first, kept)
    assert again.used == 0
    assert again.seq == journal.seq
    assert read_all(again) == read_all(journal)


@pytest.mark.parametrize("seed", range(6))
def test_power_cut_at_any_byte(seed: int) -> None:
    """Cuts in writes and erases of a busy ring; the campaign `power` has a whole band."""
    rng = random.Random(seed)
    for _ in range(60):
        partition, journal = fresh(sectors=4)
        truth: dict[int, int] = {}
        flushed = 0
        partition.budget = rng.randrange(20_000)
        partition.rng = rng
        try:
            for _ in range(20_000):
                if journal.full() or rng.random() < 0.02:
                    journal.flush()
                    flushed = journal.seq
                truth[journal.seq] = steps = rng.randrange(384)
                journal.minute(steps)
        except PowerCut:
            pass
        partition.budget = None
        again = Journal(Ring(partition))
        hole = again.close_hole()
        again.boot(2, items.CAUSE_POWER_ON, 0)
        again.minute(11)
        again.flush()
        found = read_all(again)
        minutes = {i.seq: i.steps for i in found if i.kind is Kind.MINUTE}
        assert minutes.pop(again.seq - 1) == 11
        assert all(truth[seq] == steps for seq, steps in minutes.items()), "never anything else"
        oldest = again.ring.oldest()
        missing = [seq for seq in range(max(oldest, 1), flushed) if seq not in minutes]
        assert not missing, f"flushed and lost: {missing[:5]}, hole {hole}"


def test_a_rotten_block_costs_the_rest_of_its_page_as_a_hole() -> None:
    partition, journal = fresh()
    for n in range(9000):
        if journal.full():
            journal.flush()
        journal.minute(1 + n % 100)
    journal.flush()
    partition.flash.image[4096 + 2000] ^= 0x10
    found = read_all(journal)
    holes = [i for i in found if i.kind is Kind.HOLE]
    assert len(holes) == 1
    assert all(i.steps == 1 + (i.seq - 1) % 100 for i in found if i.kind is Kind.MINUTE)
    assert sum(i.kind is Kind.MINUTE for i in found) == 9000 - holes[0].count


def flush_as_the_band(journal: Journal) -> None:
    """What failed to be written is written at the next time."""
    try:
        journal.flush()
    except OSError:
        journal.flush()


@pytest.mark.parametrize("bad", [{3}, {0}, {7}, {2, 3, 4}, {6, 7, 0}])
def test_sectors_that_fail_for_ever_are_passed_over(bad: set[int]) -> None:
    partition, journal = fresh()
    truth: dict[int, int] = {0: 0}

    def fill(minutes: int) -> None:
        for _ in range(minutes):
            if journal.full():
                flush_as_the_band(journal)
            truth[journal.seq] = steps = 1 + journal.seq % 100
            journal.minute(steps)
        flush_as_the_band(journal)

    fill(10_000)  # the page in each of them is an old one, and stays
    partition.bad = bad
    for minutes in (3_000, 30_000, 60_000):
        fill(minutes)
        again = Journal(Ring(partition))
        assert again.ring.oldest() == journal.ring.oldest()
        kept = journal.seq - journal.ring.oldest()
        assert kept > (8 - 1 - len(bad)) * 3_900 or minutes == 3_000
        for its in (journal, again):
            found = read_all(its, its.ring.oldest())
            assert {item.seq: item.steps for item in found} == {
                seq: truth[seq] for seq in range(its.ring.oldest(), its.seq)
            }


def test_a_flash_that_fails_as_a_whole_is_an_error_and_nothing_is_lost() -> None:
    partition, journal = fresh()
    for n in range(200):
        journal.minute(1 + n % 100)
    whole = read_all(journal)
    partition.bad = set(range(8))
    for _ in range(5):
        with pytest.raises(OSError, match="5"):
            journal.flush()
    partition.bad = set()
    journal.flush()
    assert read_all(journal) == whole
    assert read_all(Journal(Ring(partition))) == whole


@pytest.mark.parametrize("bad", [{1}, {1, 2}, {1, 2, 3, 4}])
def test_what_a_sector_fails_to_take_in_mid_page_is_on_flash_at_once(bad: set[int]) -> None:
    partition, journal = fresh()
    for n in range(1_000):
        if journal.full():
            journal.flush()
        journal.minute(1 + n % 100)
    whole = read_all(journal)
    partition.bad = bad
    journal.flush()
    assert journal.used == 0
    assert read_all(journal) == read_all(Journal(Ring(partition))) == whole


def test_a_page_that_fails_after_its_header_is_passed_over_too() -> None:
    partition, journal = fresh()
    journal.minute(7)
    write, writes = partition.writeblocks, [0]

    def failing(block: int, buf: bytes | memoryview, offset: int = 0) -> None:
        writes[0] += 1
        if writes[0] in (1, 3):  # the block in page 1; page 2 takes its header only
            raise OSError(5)
        write(block, buf, offset)

    partition.writeblocks = failing
    whole = read_all(journal)
    with pytest.raises(OSError, match="5"):
        journal.flush()
    journal.flush()
    assert read_all(journal) == read_all(Journal(Ring(partition))) == whole
