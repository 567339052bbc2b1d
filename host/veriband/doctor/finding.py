"""What came of a check: well, or what is wrong and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Whether something is to be done."""

    WELL = "well"
    NOTE = "note"  # nothing is wrong, but something is not there, or not known
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and how to mend or have it (empty: nothing to do)."""

    check: str
    state: State
    found: str
    mend: str = ""


def well(check: str, found: str) -> Finding:
    """Nothing is to be done."""
    return Finding(check, State.WELL, found)


def note(check: str, found: str, mend: str = "") -> Finding:
    """Something to know."""
    return Finding(check, State.NOTE, found, mend)


def wrong(check: str, found: str, mend: str) -> Finding:
    """Something to mend."""
    return Finding(check, State.WRONG, found, mend)
