"""The step path in MicroPython: from the chip's register to the pending block, heap-free."""

from tests.firmware.micropython import STEP_PATH, run_micropython


def test_a_minute_allocates_nothing() -> None:
    """Under heap_lock any allocation is a MemoryError; wraps of the counter included."""
    script = (
        STEP_PATH
        + """
for k in range(3000):
    assert minute((0, 0, 7, 127, 128, 383)[k % 6], True)
    if journal.full():
        journal.flush()
print(journal.seq, bus.count)
"""
    )
    assert run_micropython(script).split() == ["3000", str(3000 // 6 * 645 % 65536)]


def test_the_proof_can_fail() -> None:
    """A minute that needs a gap record allocates: heap_lock sees it."""
    script = (
        STEP_PATH
        + """
try:
    minute(5000, True)
except MemoryError:
    print("seen")
"""
    )
    assert run_micropython(script) == "seen\n"
