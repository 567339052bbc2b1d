"""What the build makes of the sources on their way to bytecode."""

from __future__ import annotations

from pathlib import Path

import pytest

from build import compiled, inlined, names_used, only_called

ROOT = Path(__file__).parents[2]


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


def test_the_band_has_the_protocols_functions_that_it_calls_and_no_others() -> None:
    called = names_used(ROOT)
    assert {"pack_batch", "unpack_read", "tail", "put_varint"} <= called
    assert not {"unpack_batch", "unpack_info", "unpack_state"} & called


def test_what_is_left_out_moves_no_line(tmp_path: Path) -> None:
    source = tmp_path / "wire.py"
    source.write_text("A = 1\ndef pack():\n    return A\ndef unpack():\n    return A\nB = 2\n")
    text = only_called(source, {"unpack", "A"})
    assert text == "A = 1\n\n\ndef unpack():\n    return A\n\n"
