"""What of a batch is believed, beside what is stored and what the band says of its journal."""

from dataclasses import replace

import pytest

from veriband.link.doubt import beyond, contradiction
from veriband.link.session import Batch, JournalState
from veriband.records import End, decode
from veriband_protocol import items
from veriband_protocol.wire import NO_SEAL

EXACT = End(2, 600_000, True)
HOLE = bytes((items.HOLE, 1, 4))
BOOT_3, BOOT_2 = bytes((items.BOOT, 3, 3, 1, 0)), bytes((items.BOOT, 3, 2, 1, 0))
MINUTES = Batch(10, 2, 600_000, bytes((1, 2, 3)), 20, 0, NO_SEAL, NO_SEAL, b"")


def doubt(batch: Batch, end: End | None, cursor: int = 10) -> str:
    found = list(decode(batch.items, batch.seq, batch.boot, batch.t_ms))
    return contradiction(batch, found, cursor, 15, end)


@pytest.mark.parametrize(
    ("batch", "end"),
    [
        (MINUTES, EXACT),
        (MINUTES, None),
        (MINUTES, End(2, 300_000, False)),
        (replace(MINUTES, seq=12), EXACT._replace(t_ms=480_000)),
        (replace(MINUTES, t_ms=60_000, items=HOLE + BOOT_3), EXACT),
        (replace(MINUTES, boot=1, items=BOOT_2), EXACT),
    ],
    ids=["goes on", "first", "behind a hole", "overwritten", "hole", "boot after a hole"],
)
def test_what_goes_on_where_the_last_ended_is_believed(batch: Batch, end: End | None) -> None:
    assert doubt(batch, end) == ""


@pytest.mark.parametrize(
    ("batch", "end", "why"),
    [
        (MINUTES, EXACT._replace(t_ms=660_000), "600.000 s of boot 2, where 660.000 s of boot 2"),
        (MINUTES, EXACT._replace(t_ms=540_000), "where 540.000 s of boot 2 comes next"),
        (MINUTES, End(3, 0, True), "where 0.000 s of boot 3 comes next"),
        (MINUTES, End(2, 660_000, False), "comes next"),
        (replace(MINUTES, items=b"\1" + BOOT_2), EXACT, "boot 2 after boot 2"),
        (replace(MINUTES, upto=14), EXACT, "ends at 14 and ended at 15 before"),
        (replace(MINUTES, items=bytes(11)), EXACT, "item 20 beyond its own end 20"),
    ],
)
def test_what_contradicts_what_came_before_is_doubted(batch: Batch, end: End, why: str) -> None:
    assert why in doubt(batch, end)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (JournalState(7, 0, 20, 2, 780_000), ""),
        (JournalState(7, 0, 20, 2, 779_999), "an item at 780.000 s of boot 2, now is 779.999 s"),
        (JournalState(7, 0, 20, 1, 10**9), "now is"),
        (JournalState(7, 0, 19, 2, 780_000), "numbers 10 to 20 of 0 to 19"),
        (JournalState(7, 9, 20, 2, 780_000), "numbers 10 to 20 of 9 to 20, asked from 8"),
    ],
)
def test_what_the_journal_cannot_have_is_doubted(state: JournalState, why: str) -> None:
    found = list(decode(MINUTES.items, 10, 2, 600_000))
    told = beyond(MINUTES, found, 8 if "asked" in why else 10, state)
    assert why in told
    assert bool(told) == bool(why)
