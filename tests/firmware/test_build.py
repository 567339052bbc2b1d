"""What the build makes of the sources on their way to bytecode."""

from __future__ import annotations

from pathlib import Path

import pytest

from build import compiled, inlined


@pytest.mark.parametrize(
    "text", ["_DEPTH = 0x20", "_BOTH = 0x08 | 0x1000  # flags", "_MS = 60000"]
)
def test_a_private_number_is_inlined(text: str) -> None:
    name, value = text.split("  #")[0].split(" = ")
    assert inlined(f"{text}\n").startswith(f"{name} = const({value})")


@pytest.mark.parametrize(
    "text",
    ["DEPTH = 32", "_TWICE = 2 * DEPTH", "_READ = b'1'", "_A, _B = 1, 2", "    _n = 5", "_x = 5"],
)
def test_anything_else_stays(text: str) -> None:
    assert inlined(f"{text}\n") == f"{text}\n"


def test_what_is_inlined_leaves_no_name(tmp_path: Path) -> None:
    source = tmp_path / "chip.py"
    source.write_text("_REGISTER = 0x62\nADDRESS = 0x6A\n\ndef at():\n    return _REGISTER\n")
    code = compiled(source, "drivers")
    assert b"ADDRESS" in code
    assert b"_REGISTER" not in code
