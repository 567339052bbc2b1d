"""Corrects what micropython-esp32-stubs 1.29.0.post1 has wrong: `patch_stubs.py FOLDER`."""

import re
import sys
from pathlib import Path

# The stubs take GATT and connection handles for memoryviews; they are small integers.
HANDLES = (r"(conn_handle|value_handle|start_handle|end_handle): memoryview", r"\1: int")
BLUETOOTH = (
    HANDLES,
    (r"-> tuple\[tuple\[memoryview, \.\.\.\], \.\.\.\]", "-> tuple[tuple[int, ...], ...]"),
    (r"def gatts_set_buffer\(self, conn_handle", "def gatts_set_buffer(self, value_handle"),
    (
        r"def gatts_notify\(self, value_handle: int, data: bytes, /\)",
        "def gatts_notify(self, conn_handle: int, value_handle: int, data: bytes, /)",
    ),
    (
        r"def gatts_indicate\(self, conn_handle: int, value_handle: int, /\)",
        "def gatts_indicate(self, conn_handle: int, value_handle: int, data: bytes, /)",
    ),
    (  # adv_data can be named, as the documentation does
        r"(adv_data: AnyReadableBuf \| None = None,)\n        /,\n        \*,",
        r"\1\n        *,",
    ),
    (r"class UUID:\n", "class UUID:\n    def __bytes__(self) -> bytes: ...\n"),
    (
        r"Callable\[\[int, tuple\[memoryview, \.\.\.\]\], Any\]",
        "Callable[[int, tuple[Any, ...]], Any]",
    ),
)
ESP32 = (
    (
        r"def __init__\(self, id: str, block_size=4096, /\)",
        "def __init__(self, id, block_size=4096, /)",
    ),
)


def patch(path: Path, changes: tuple[tuple[str, str], ...]) -> None:
    """Apply regular expressions to a fresh stub file; exits when one matches nothing."""
    text = path.read_text()
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text)
        if not count:
            sys.exit(
                f"{path}: nothing matches {pattern!r}; the stubs are not those of this patch."
            )
    path.write_text(text)


if __name__ == "__main__":
    patch(Path(sys.argv[1]) / "bluetooth.pyi", BLUETOOTH)
    patch(Path(sys.argv[1]) / "esp32.pyi", ESP32)
