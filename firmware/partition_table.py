"""The flash's partition table as an ESP32's bootloader reads it, made of ESP-IDF's CSV.

An entry: AA 50, type u8, subtype u8, address u32, size u32, label of 16 bytes, flags u32; behind
the last one EB EB, 14 bytes FF and the MD5 of the entries (ESP-IDF, gen_esp32part.py).
"""

import csv
import hashlib
import struct
from collections.abc import Iterable

SIZE = 0xC00
TYPES = {"app": 0, "data": 1}
SUBTYPES = {"factory": 0, "phy": 1, "nvs": 2, "fat": 0x81, "littlefs": 0x83}


def packed(lines: Iterable[str]) -> bytes:
    """The table of the lines of a CSV file: label, type, subtype, address, size."""
    table = b""
    for row in csv.reader(line for line in lines if not line.startswith("#")):
        label, kind, subtype, address, size = (cell.strip() for cell in row)
        number = SUBTYPES[subtype] if subtype in SUBTYPES else int(subtype, 0)
        table += struct.pack(
            "<2sBBII16sI",
            b"\xaa\x50", TYPES[kind], number, int(address, 0), int(size, 0), label.encode(), 0,
        )  # fmt: skip
    table += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table).digest()
    return table.ljust(SIZE, b"\xff")
