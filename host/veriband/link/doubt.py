"""Why a batch cannot be true: it must go on where what is stored ends, within the journal."""

from __future__ import annotations

from collections.abc import Sequence

from veriband.link.session import Batch, JournalState
from veriband.records import End, Item, Kind
from veriband_protocol.items import BOOT, HOLE


def contradiction(
    batch: Batch, items: Sequence[Item], cursor: int, upto: int, end: End | None
) -> str:
    """What in a batch contradicts what came before; nothing when nothing does.

    `items` are its own, at least one. Before it numbers below `cursor` came, which end at `end`
    (None: nothing came), of a journal that ended at `upto`.
    """
    if batch.upto < upto:
        return f"a journal that ends at {batch.upto} and ended at {upto} before"
    last = items[-1].seq + items[-1].count - 1
    if last >= batch.upto:
        return f"item {last} beyond its own end {batch.upto}"
    boot = batch.boot
    for item in items:
        if item.kind is Kind.BOOT and item.boot <= boot:
            return f"boot {item.boot} after boot {boot}"
        boot = item.boot
    if end is None or batch.items[0] in (BOOT, HOLE):  # a loss of power took what lay before
        return ""
    begin, known = (batch.boot, batch.t_ms), (end.boot, end.t_ms)
    if begin < known or (begin > known and end.is_exact and batch.seq == cursor):
        return f"{_time(*begin)}, where {_time(*known)} comes next"
    return ""


def beyond(batch: Batch, items: Sequence[Item], cursor: int, state: JournalState) -> str:
    """What a batch claims to have lost or to have that the journal cannot; nothing if nothing."""
    if batch.seq > max(cursor, state.oldest) or batch.upto > state.upto:
        return (
            f"numbers {batch.seq} to {batch.upto} of {state.oldest} to {state.upto}, "
            f"asked from {cursor}"
        )
    latest = max((item.boot, item.t_ms + item.duration_ms) for item in items)
    if latest > (state.boot, state.t_ms):
        return f"an item at {_time(*latest)}, now is {_time(state.boot, state.t_ms)}"
    return ""


def _time(boot: int, t_ms: int) -> str:
    return f"{t_ms / 1000:.3f} s of boot {boot}"
