"""The wire format as protocol/README.md has it, compared with the code: the same, and no more."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from veriband_protocol import uuids

ROOT = Path(__file__).parents[2]
README = ROOT / "protocol" / "README.md"
TABLE = ROOT / "firmware" / "band" / "table.py"
PROTOCOL = ROOT / "protocol" / "veriband_protocol"
BASES = {"hex": 16, "code": 10}  # of the first column, by its heading
NAME = re.compile(r"`([A-Z][A-Z0-9_]+)`")
# Numbers that are no codes: limits, lengths, units, bits of a frame's head or of an opcode.
LIMITS = {
    "VERSION", "MINUTE_MS", "MAX_MINUTE_STEPS", "MAX_RUN", "KEY_BYTES", "EARLIEST_UTC",
    "MOST_OFFSET", "FIRST", "LAST", "INDEX", "MAX_FRAMES", "SEAL_BYTES", "REPLY", "NAN",
    "CUFF_READINGS", "LATEST_UTC", "LEAST_PULSE", "PERIOD_S",
}  # fmt: skip
PROPERTIES = {0x02: "read", 0x08: "write", 0x10: "notify", 0x20: "indicate"}
SAFE = {0x02: 0x600, 0x08: 0x3000, 0x10: 0x8000, 0x20: 0x8000}  # what each needs beside it

Rows = list[list[str]]


def tables(text: str) -> Iterator[Rows]:
    """The tables, each with its heading, as stripped cells."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]
        yield [[cell.strip() for cell in line] for line in lines if set(line[0]) != {"-"}]


def documented(text: str) -> dict[str, int]:
    """The codes that the tables name, by constant."""
    found: dict[str, int] = {}
    for heading, *rows in tables(text):
        base = BASES.get(heading[0])
        for row in rows:
            if base and (name := NAME.fullmatch(row[1])):
                assert name[1] not in found, f"{name[1]} stands there twice"
                found[name[1]] = int(row[0].split()[0], base)
    return found


def declared(folder: Path) -> dict[str, int]:
    """The codes of the modules in `folder`, which are their public whole numbers, by name. Those
    of `uuids` are the table's of services."""
    found: dict[str, int] = {}
    for path in sorted(folder.glob("*.py")):
        if path.stem == "uuids":
            continue
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
                continue
            name = node.targets[0].id
            if name.startswith("_") or name in LIMITS:
                continue
            if isinstance(node.value, ast.Constant) and type(node.value.value) is int:
                assert name not in found, f"{name} in two modules"
                found[name] = node.value.value
    return found


def characteristics(text: str) -> set[tuple[str, str, str, str]]:
    """(service, characteristic, properties, for whom) of each row of the table of services."""
    (rows,) = [table for table in tables(text) if table[0][0] == "service"]
    found: set[tuple[str, str, str, str]] = set()
    service = ""
    for first, second, properties, who, _ in rows[1:]:
        service = first.split()[0].strip("`") if first else service
        short = second.split()[0].strip("`")
        whole = short.replace("-…", service[8:]) if "…" in short else short
        assert (service, whole) not in {row[:2] for row in found}, f"{whole} stands there twice"
        found.add((service, whole, properties, who))
    return found


def registered(source: str) -> set[tuple[str, str, str, str]]:
    """The same, of the table that the firmware registers."""
    names: dict[str, object] = {"uuids": uuids}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            expression = compile(ast.Expression(node.value), "table", "eval")
            names[node.targets[0].id] = eval(expression, names)
    found: set[tuple[str, str, str, str]] = set()
    table = names["_TABLE"]
    assert isinstance(table, tuple)
    for service, its in table:
        for uuid, flags in its:
            kinds = [bit for bit in PROPERTIES if flags & bit]
            is_safe = all(flags & SAFE[bit] == SAFE[bit] for bit in kinds)
            found.add(
                (
                    _written(service), _written(uuid), ", ".join(PROPERTIES[k] for k in kinds),
                    "trusted" if is_safe else "trusted; anybody in a broadcast",
                )
            )  # fmt: skip
    return found


def _written(uuid: int | str) -> str:
    return f"{uuid:04X}" if isinstance(uuid, int) else uuid


def test_every_code_is_documented_with_its_number_and_nothing_else() -> None:
    assert documented(README.read_text()) == declared(PROTOCOL)


def test_every_characteristic_is_documented_with_its_properties_and_nothing_else() -> None:
    assert characteristics(README.read_text()) == registered(TABLE.read_text())


@pytest.mark.parametrize(
    ("row", "other"),
    [
        ("| 5 | `EVENT_FAULT` |", "| 6 | `EVENT_FAULT` |"),
        ("| 5 | `EVENT_FAULT` |", "| 5 | `EVENT_FAILURE` |"),
        ("| C1 len … | `GAP` |", "| C2 len … | `GAP` |"),
    ],
)
def test_a_code_that_is_wrong_is_seen(row: str, other: str) -> None:
    text = README.read_text()
    assert text.count(row) == 1
    assert documented(text.replace(row, other)) != declared(PROTOCOL)


@pytest.mark.parametrize(
    ("row", "other"),
    [
        ("2A38 sensor location | read |", "2A38 sensor location | read, notify |"),
        ("2A37 measurement | notify | trusted; anybody in a broadcast |",
         "2A37 measurement | notify | trusted |"),
        ("`5a7b0102-…` request", "`5a7b0104-…` request"),
    ],
)  # fmt: skip
def test_a_characteristic_that_is_wrong_is_seen(row: str, other: str) -> None:
    text = README.read_text()
    assert text.count(row) == 1
    assert characteristics(text.replace(row, other)) != registered(TABLE.read_text())
