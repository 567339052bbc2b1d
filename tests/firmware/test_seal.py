"""A seal in MicroPython is what any HMAC-SHA256 makes, and the key stays."""

from __future__ import annotations

import hashlib
import hmac
import random
import struct
from pathlib import Path

import pytest

from tests.firmware.micropython import run_micropython

SEAL = """
from binascii import hexlify, unhexlify
from band import seal, settings
settings.DIR = {folder!r}
its = seal.Seal()
print(its.key_id, hexlify(its.of(b"nothing yet")).decode())
its.enrol(unhexlify({key!r}))
its = seal.Seal()
print(its.key_id, hexlify(its.of(memoryview(unhexlify({data!r})))).decode())
"""


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 4150])
def test_a_seal_is_a_truncated_hmac_sha256(size: int, tmp_path: Path) -> None:
    rng = random.Random(size)
    key, data = rng.randbytes(32), rng.randbytes(size)
    script = SEAL.format(folder=str(tmp_path), key=key.hex(), data=data.hex())
    without, enrolled = run_micropython(script).splitlines()
    assert without == "0 " + "00" * 8
    (key_id,) = struct.unpack("<I", hashlib.sha256(key).digest()[:4])
    assert enrolled == f"{key_id} {hmac.digest(key, data, 'sha256')[:8].hex()}"
