"""The strip in words: where it sits, what is on it."""

from __future__ import annotations

from dataclasses import dataclass

from veriband_protocol.sockets import (
    CHIP_EEPROM,
    CHIP_HUB,
    CHIP_PULSE,
    SOCKET_CASE,
    SOCKET_COVER,
)

_SOCKETS = {SOCKET_CASE: "case", SOCKET_COVER: "cover"}
_CHIPS = {CHIP_EEPROM: "EEPROM", CHIP_PULSE: "pulse sensor", CHIP_HUB: "blood-pressure hub"}


@dataclass(frozen=True, slots=True)
class Strip:
    """What is plugged in: SOCKET_* (0: nothing), its CHIP_*, the number on its label (0: none)."""

    sockets: int
    chips: int
    identity: int


NO_STRIP = Strip(0, 0, 0)


def described(strip: Strip) -> str:
    """A line about it."""
    if not strip.sockets:
        return "no strip is in: off by choice"
    socket = _SOCKETS.get(strip.sockets)
    if socket is None:
        return "a strip is in each socket and none is in use: pull one"
    name = f"strip {strip.identity:08X}" if strip.identity else "strip without a label"
    chips = ", ".join(name for bit, name in _CHIPS.items() if strip.chips & bit)
    return f"{name} in the {socket}: {chips or 'nothing on it answers, plug it in again'}"


def as_json(strip: Strip) -> dict[str, object]:
    """The same for programs; `sockets` is empty when no strip is in."""
    return {
        "sockets": [name for bit, name in _SOCKETS.items() if strip.sockets & bit],
        "chips": [name for bit, name in _CHIPS.items() if strip.chips & bit],
        "label": f"{strip.identity:08X}" if strip.identity else None,
    }
