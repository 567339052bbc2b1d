"""The unit of systemd's that runs `veriband run`, as a text."""

from __future__ import annotations

from collections.abc import Sequence

NAME = "veriband.service"
MARK = "# Written by 'veriband service install', and written anew by it: change it by"
WATCHDOG_S = 180  # the teller goes round once a minute at least, and a locked store takes 10 s

_UNIT = """\
{mark}
# 'systemctl --user edit veriband'. Programs of terminals run under the same restrictions.
[Unit]
Description=Veriband: syncs bands and tells alerts
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command}
KillSignal=SIGINT
KillMode=mixed
SuccessExitStatus=130
Restart=on-failure
RestartSec=10
RestartPreventExitStatus=2
WatchdogSec={watchdog_s}
TimeoutStartSec=600
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""


def unit(command: Sequence[str]) -> str:
    """The unit that runs `command`.

    What systemd cannot undo by beginning anew (status 2: something that was given is wrong) is not
    begun anew. BlueZ is reached over the system bus, a socket: no device, no capability.
    """
    text = " ".join(quoted(argument) for argument in command)
    return _UNIT.format(mark=MARK, command=text, watchdog_s=WATCHDOG_S)


def quoted(argument: str) -> str:
    """An argument as ExecStart= takes it literally. Source: systemd.service(5), command lines."""
    for mark, doubled in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$"), ("\n", "\\n")):
        argument = argument.replace(mark, doubled)
    return f'"{argument}"'
