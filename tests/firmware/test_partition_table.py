"""The partition table that is flashed, read back by the format."""

from __future__ import annotations

import hashlib
import struct
from itertools import pairwise
from pathlib import Path

from partition_table import SIZE, packed
from veriband_simulator.firmware import Partition, read_partitions

TABLE = Path(__file__).parents[2] / "firmware" / "boards" / "partitions.csv"
APP_BYTES = 0x210000  # what MicroPython's own table leaves to itself (partitions-4MiBplus.csv)


def test_the_bootloader_reads_what_the_simulator_reads() -> None:
    data = packed(TABLE.read_text().splitlines())
    expected = read_partitions(TABLE)
    found: list[Partition] = []
    for k in range(len(expected)):
        magic, kind, subtype, start, size, label, flags = struct.unpack_from(
            "<HBBII16sI", data, 32 * k
        )
        assert (magic, flags) == (0x50AA, 0)
        found.append(Partition(kind, subtype, start, size, label.rstrip(b"\0").decode()))
    assert tuple(found) == expected
    end = 32 * len(expected)
    assert data[end : end + 16] == b"\xeb\xeb" + b"\xff" * 14
    assert data[end + 16 : end + 32] == hashlib.md5(data[:end]).digest()
    assert data[end + 32 :] == b"\xff" * (SIZE - end - 32)


def test_partitions_do_not_overlap_and_the_interpreter_has_room() -> None:
    rows = read_partitions(TABLE)
    for row, following in pairwise(rows):
        assert row.start + row.size <= following.start
    assert rows[-1].start + rows[-1].size == 4 << 20
    (app,) = (row for row in rows if row.type == 0)
    assert app.size >= APP_BYTES and not app.start % 0x10000
