"""The firmware with a line changed: what a band does in a fault that nothing else brings about."""

from __future__ import annotations

import runpy
import tempfile
from dataclasses import replace
from pathlib import Path

from veriband_simulator.firmware import Firmware, find_firmware

ROOT = Path(__file__).parents[2]
COMPILED = runpy.run_path(str(ROOT / "firmware" / "build.py"))["compiled"]


def altered(module: str, line: str, instead: str) -> Firmware:
    """The built firmware, in whose band/`module`.py `instead` stands for `line`."""
    path = f"band/{module}.py"
    text = (ROOT / "firmware" / path).read_text()
    assert text.count(line) == 1, f"{path} has not once {line!r}"
    with tempfile.TemporaryDirectory(prefix="veriband-altered-") as folder:
        source = Path(folder) / f"{module}.py"
        source.write_text(text.replace(line, instead))
        made = COMPILED(source, "band")
    its = find_firmware()
    return replace(its, files=its.files | {f"{path[:-3]}.mpy": made})
