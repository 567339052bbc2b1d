"""Same seed, same world, to the byte; another seed, another one."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def trace(seed: int, hash_seed: int) -> str:
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.whole.trace", str(seed)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_trace_depends_on_the_seed_and_on_nothing_else() -> None:
    first = trace(7, hash_seed=0)
    assert len(first.split()[0]) == 64
    assert int(first.split()[1]) > 300
    assert trace(7, hash_seed=1) == first
    assert trace(7, hash_seed=987654321) == first
    assert trace(8, hash_seed=0) != first
