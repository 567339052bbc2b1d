"""Seeded entropy: pairing keys, nonces and addresses that are the same for the same seed."""

# pyright: reportPrivateImportUsage=false
# Bumble has its keys from one of two modules.

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from types import ModuleType

import bumble.controller
import bumble.crypto
import bumble.crypto.builtin
import bumble.device
import bumble.hci
import bumble.pairing

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

# Every module of Bumble 0.0.236 that takes the standard library's `secrets`; a test keeps it.
SECRETIVE_MODULES: tuple[ModuleType, ...] = (
    bumble.controller,
    bumble.crypto,
    bumble.crypto.builtin,
    bumble.device,
    bumble.hci,
    bumble.pairing,
)


class _Secrets:
    """What Bumble uses of the module `secrets`, from a seeded generator."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def token_bytes(self, nbytes: int = 32) -> bytes:
        return self._rng.randbytes(nbytes)

    def randbelow(self, exclusive_upper_bound: int) -> int:
        return self._rng.randrange(exclusive_upper_bound)


@contextmanager
def _replaced(owner: object, name: str, value: object) -> Generator[None, None, None]:
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def seeded_entropy(seed: int) -> Generator[None, None, None]:
    """Within the block Bumble draws all its randomness from `seed`, in the order of the draws.

    It holds for the whole process: one world at a time.
    """
    rng = random.Random(seed)
    secrets = _Secrets(rng)

    def generate(cls: type[bumble.crypto.EccKey]) -> bumble.crypto.EccKey:
        return cls.from_private_key_bytes(rng.randrange(1, _P256_ORDER).to_bytes(32, "big"))

    with ExitStack() as stack:
        for module in SECRETIVE_MODULES:
            stack.enter_context(_replaced(module, "secrets", secrets))
        stack.enter_context(_replaced(bumble.controller, "random", rng))
        stack.enter_context(_replaced(bumble.crypto.EccKey, "generate", classmethod(generate)))
        yield
