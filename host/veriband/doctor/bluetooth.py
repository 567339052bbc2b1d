"""Checks this computer's Bluetooth: on Linux the bus, BlueZ and its adapters, then a scan."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from veriband.doctor.finding import Finding, note, well, wrong
from veriband.errors import NoRadio
from veriband.link.radio import Radio

RFKILL = Path("/sys/class/rfkill")
LISTEN_S = 0.5
_DENIED = "org.freedesktop.DBus.Error.AccessDenied"
_OBJECTS = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_ADAPTER = "org.bluez.Adapter1"
_TIMEDATE = "org.freedesktop.timedate1"
_CLOCK_CHECK = "clock is synchronised"


async def bluetooth(radio: Radio, rfkill: Path = RFKILL) -> AsyncGenerator[Finding]:
    """What is found; where something is wrong that all else needs, nothing more is looked at."""
    if sys.platform == "linux":
        is_well = True
        async for finding in _linux(rfkill):
            is_well &= not finding.mend
            yield finding
        if not is_well:
            return
    yield await scan(radio)


async def scan(radio: Radio) -> Finding:
    """Whether a scan begins: adapter, service and the right to use them are there then."""
    try:
        heard = await radio.scan(LISTEN_S)
    except NoRadio as error:
        return wrong("scan", str(error).rstrip("."), _scan_advice())
    return well("scan", f"a scan begins ({len(heard)} bands and meters in a moment of it)")


def _scan_advice() -> str:
    if sys.platform == "darwin":
        return "allow your terminal Bluetooth in System Settings, Privacy & Security, Bluetooth"
    if sys.platform == "win32":
        return "switch Bluetooth on in Settings, Bluetooth & devices"
    return "'systemctl restart bluetooth', and if that does not help restart this computer"


async def _linux(rfkill: Path) -> AsyncGenerator[Finding]:
    from dbus_fast import AuthError, DBusError

    from veriband.link import system_bus

    for finding in blocked(rfkill):
        yield finding
    try:
        async with system_bus.connected() as bus, asyncio.timeout(system_bus.ANSWER_S):
            yield well("system D-Bus", "it can be reached")
            try:
                (objects,) = await system_bus.call(
                    bus, "org.bluez", "/", _OBJECTS, "GetManagedObjects"
                )
            except DBusError as error:
                yield _refused(error.type, error.text)
                return
    except (OSError, EOFError, AuthError) as error:
        yield wrong(
            "system D-Bus", f"it cannot be reached ({str(error) or type(error).__name__})",
            "'systemctl status dbus'; in a container, hand /run/dbus/system_bus_socket in",
        )  # fmt: skip
        return
    yield well("BlueZ", "it answers, and lets you use it")
    yield _adapter(objects)


def _refused(kind: str, text: str) -> Finding:
    """What it means when BlueZ does not say what there is."""
    if kind == _DENIED:
        return wrong(
            "BlueZ", f"you may not use it: {text}",
            "'sudo usermod -aG bluetooth $USER' and log in anew; or use a desktop's own session",
        )  # fmt: skip
    return wrong(
        "BlueZ", f"it does not answer: {text}",
        "'sudo systemctl enable --now bluetooth'; where there is none 'sudo apt install bluez'",
    )  # fmt: skip


def _adapter(objects: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Finding:
    adapters = {path: its[_ADAPTER] for path, its in objects.items() if _ADAPTER in its}
    names = [path.rpartition("/")[2] for path in sorted(adapters)]
    if not adapters:
        return wrong("adapter", "BlueZ has none", "plug one in, and see 'dmesg | grep -i blue'")
    on = [path.rpartition("/")[2] for path in sorted(adapters) if adapters[path]["Powered"].value]
    if not on:
        return wrong(
            "adapter", f"{', '.join(names)} is switched off",
            "'bluetoothctl power on', and if it is blocked first 'rfkill unblock bluetooth'",
        )  # fmt: skip
    return well("adapter", f"{', '.join(on)} is on")


def blocked(rfkill: Path) -> list[Finding]:
    """Which Bluetooth devices a switch keeps off, if the kernel knows of switches at all."""
    soft: list[str] = []
    hard: list[str] = []
    seen = 0
    for switch in sorted(rfkill.glob("rfkill*")):
        try:
            kind, name, is_soft, is_hard = (
                (switch / what).read_text().strip() for what in ("type", "name", "soft", "hard")
            )
        except OSError:  # it was unplugged just now
            continue
        if kind == "bluetooth":
            seen += 1
            soft += [name] * (is_soft == "1")
            hard += [name] * (is_hard == "1")
    if hard:
        return [wrong("rfkill", f"a switch of the case keeps {', '.join(hard)} off", "slide it")]
    if soft:
        found = f"{', '.join(soft)} is blocked"
        return [wrong("rfkill", found, "'rfkill unblock bluetooth', or leave flight mode")]
    return [well("rfkill", "nothing is blocked")] if seen else []


async def synchronised() -> Finding | None:
    """Whether systemd sees the clock kept right over the network; None where nobody can say."""
    if sys.platform != "linux":
        return None
    from dbus_fast import AuthError, DBusError

    from veriband.link import system_bus

    try:
        async with system_bus.connected() as bus, asyncio.timeout(system_bus.ANSWER_S):
            (its,) = await system_bus.call(
                bus, _TIMEDATE, "/org/freedesktop/timedate1", _PROPERTIES, "Get", "ss",
                [_TIMEDATE, "NTPSynchronized"],
            )  # fmt: skip
    except (OSError, EOFError, AuthError, DBusError):
        return note(_CLOCK_CHECK, "systemd was not there to say", "compare it with another clock")
    if its.value:
        return well(_CLOCK_CHECK, "over the network")
    return wrong(
        _CLOCK_CHECK, "it is not, so times of bands may drift",
        "'sudo timedatectl set-ntp true', or install chrony",
    )  # fmt: skip
