"""The built firmware and the MicroPython interpreter that runs it: where they are."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HEAP_BYTES = 208 * 1024  # holds in 64 bits what 145 KiB hold in the board's 32
SHIM_HEAP_BYTES = 45 * 1024  # what the shims and asyncio take besides


class FirmwareMissing(Exception):
    """There is no built firmware, or no interpreter to run it; the text says what to do."""


@dataclass(frozen=True)
class Partition:
    """A flash partition: ESP-IDF type and subtype, address and size in bytes, label."""

    type: int
    subtype: int
    start: int
    size: int
    label: str


@dataclass(frozen=True, eq=False)
class Firmware:
    """What `make firmware` made: files by their path on the band, the shims, partitions."""

    files: dict[str, bytes]
    shims: Path
    partitions: tuple[Partition, ...]
    interpreter: str

    @property
    def flash_bytes(self) -> int:
        """The size of the flash that the partitions need."""
        return max(p.start + p.size for p in self.partitions)


@cache
def find_firmware(root: Path | None = None) -> Firmware:
    """The firmware built in the checkout at `root` (None: the one this package lies in).

    Raises FirmwareMissing when it is not built or no MicroPython is found.
    """
    root = root or Path(__file__).resolve().parents[2]
    built, shims = root / "build" / "firmware", root / "build" / "shims"
    if not (built / "main.py").is_file() or not (shims / "simrun.mpy").is_file():
        raise FirmwareMissing(f"No built firmware under {built}: run 'make firmware' first.")
    files = {
        path.relative_to(built).as_posix(): path.read_bytes()
        for path in sorted(built.rglob("*"))
        if path.is_file()
    }
    table = root / "firmware" / "boards" / "partitions.csv"
    return Firmware(files, shims, read_partitions(table), find_interpreter())


def find_interpreter() -> str:
    """The MicroPython to run: $MICROPYTHON, or the one installed beside this Python."""
    named = os.environ.get("MICROPYTHON")
    if named:
        found = shutil.which(named)
        if found is None:
            raise FirmwareMissing(f"MICROPYTHON names {named!r}, which cannot be run.")
        return found
    beside = Path(sys.executable).parent / "micropython"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("micropython")
    if found is None:
        raise FirmwareMissing(
            "No MicroPython interpreter: run 'make firmware', which installs one, or let "
            "MICROPYTHON name a unix MicroPython 1.25 or newer."
        )
    return found


def read_partitions(path: Path) -> tuple[Partition, ...]:
    """The partition table of an ESP-IDF CSV file."""
    types = {"app": 0, "data": 1}
    subtypes = {"factory": 0, "phy": 1, "nvs": 2, "fat": 0x81, "littlefs": 0x83}
    rows: list[Partition] = []
    with path.open(newline="") as file:
        for row in csv.reader(line for line in file if not line.startswith("#")):
            label, kind, subtype, start, size = (cell.strip() for cell in row[:5])
            number = subtypes.get(subtype)
            rows.append(
                Partition(
                    types[kind],
                    int(subtype, 0) if number is None else number,
                    int(start, 0),
                    int(size, 0),
                    label,
                )
            )
    return tuple(rows)
