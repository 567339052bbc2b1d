"""Reads the journal, on flash and in RAM, from any number on."""

from band.journal import Journal
from veriband_protocol import items
from veriband_protocol.items import Position


def collect(journal: Journal, seq: int, limit: int):
    """(where they begin, items) from number `seq` on, at most `limit` bytes, of one page.

    Never numbers that are not reserved; from the oldest on when `seq` is overwritten. Where a
    page's end cannot be read, a hole stands for it. Raises OSError when flash fails.
    """
    ring = journal.ring
    seq = max(seq, ring.oldest())
    out = bytearray()
    start = Position(seq)
    if journal.seq > ring.reserved:
        journal.reserve()
    if seq < ring.end.seq:
        for at, block in ring.blocks(seq):
            if not _take(out, start, at, block, seq, limit):
                return start, out
        if not out:  # unreadable from here to the next page
            return _lost(ring, seq)
        if ring.walked < ring.end.seq:
            return start, out
    pending = memoryview(journal.pending)[: journal.used]
    _take(out, start, ring.end.copy(), pending, seq, limit)
    return start, out


def _take(out, start, at, block, seq: int, limit: int) -> bool:
    """Move the items of `block`, which stands `at`, from `seq` on into `out`; False when only
    some of them fitted."""
    rest = block if at.seq >= seq else items.tail(block, at, seq)
    if not out:
        start.seq, start.boot, start.t_ms = at.seq, at.boot, at.t_ms
    if len(out) + len(rest) <= limit:
        out.extend(rest)
        return True
    i = 0
    after = at.step(rest, i)
    while len(out) + after - i <= limit:
        out.extend(rest[i:after])
        i = after
        after = at.step(rest, i)
    return False


def _lost(ring, seq: int):
    upto = ring.next_page(seq)
    body = bytearray(7)
    n = items.put_varint(body, 0, upto - seq)
    return Position(seq), bytes((items.HOLE, n)) + bytes(body[:n])
