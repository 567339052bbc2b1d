"""Reads a journal's partition by the format that band/ring.py and page.py tell, without them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from zlib import crc32

from veriband.records import Item, decode

SECTOR = 4096
_HEAD = struct.Struct("<HBBIIIIIHII")
_MAGIC, _VERSION = 0x4256, 1

Facts = tuple[object, ...]  # what an item says, its number included


@dataclass(frozen=True)
class Page:
    """A page: its number, the number of its first item, and all that it holds, by number."""

    number: int
    epoch: int
    first: int
    end: int
    reserved: int
    items: dict[int, Facts]


@dataclass(frozen=True)
class Journal:
    """All pages that hold, oldest first. Numbers below `reserved` may have been given out."""

    pages: tuple[Page, ...]
    items: dict[int, Facts]
    end: int
    reserved: int


def facts(item: Item) -> Facts:
    """What an item says, the same from a store and from a journal."""
    return (
        item.seq, item.kind, item.boot, item.t_ms, item.duration_ms, item.steps, item.count,
        item.detail, item.raw,
    )  # fmt: skip


def read(partition: bytes) -> Journal:
    """The journal on a partition. Raises AssertionError when its pages do not follow each other,
    ValueError when a block that is whole holds what is no item."""
    sectors = [partition[at : at + SECTOR] for at in range(0, len(partition), SECTOR)]
    found = [page for n, data in enumerate(sectors) if (page := _page(data, n, len(sectors)))]
    newest = max((page.number for page in found), default=0)
    pages = sorted(
        (page for page in found if page.number > newest - len(sectors)), key=lambda p: p.number
    )
    assert len({page.epoch for page in pages}) <= 1, "pages of two journals"
    items: dict[int, Facts] = {}
    for before, page in zip([None, *pages], pages, strict=False):
        assert before is None or page.first == before.end, (
            f"page {page.number} begins at {page.first}, the one before ends at {before.end}"
        )
        items |= page.items
    last = pages[-1] if pages else None
    return Journal(tuple(pages), items, last.end if last else 0, last.reserved if last else 0)


def _page(data: bytes, sector: int, sectors: int) -> Page | None:
    magic, version, _, number, epoch, first, boot, t_min, t_ms, reserved, crc = _HEAD.unpack_from(
        data
    )
    its_own = crc == crc32(data[: _HEAD.size - 4]) and number % sectors == sector
    if not its_own or (magic, version) != (_MAGIC, _VERSION):
        return None
    body = b""
    at = _HEAD.size
    while at < SECTOR:
        length = data[at]
        size = length + 4 if length else 8
        block = data[at : at + size]
        if length > 247 or len(block) < size:
            break
        if crc32(block[:-3], crc ^ at) & 0xFFFFFF != int.from_bytes(block[-3:], "little"):
            break
        if length:
            body += block[1:-3]
        else:
            reserved = int.from_bytes(block[1:5], "little")
        at += size
    items = list(decode(body, first, boot, t_min * 60_000 + t_ms))
    end = items[-1].seq + items[-1].count if items else first
    return Page(number, epoch, first, end, reserved, {item.seq: facts(item) for item in items})
