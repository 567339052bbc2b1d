"""An alert's life: what happens to it, and when it goes on by itself. No clock, no store.

    raised -> sent -> delivered -> escalated -> acknowledged -> resolved
                                            \\-> expired

A terminal that is told confirms, or does not; while no named person has acknowledged the alert,
it climbs its ladder, rung by rung, and is told to more terminals, even when its cause is over:
somebody is to know of it. Acknowledged it rests until its cause is over, then it is resolved. What
nobody acknowledges expires long after the last rung, if its cause is over. What goes on is raised
anew: so long after the last rung, or after the acknowledgement, or when it gets worse.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


class Severity(IntEnum):
    """How bad it is. What is critical is told to all rungs at once."""

    WARNING = 1
    CRITICAL = 2


class Phase(StrEnum):
    """Where an alert is in its life."""

    RAISED = "raised"  # nobody was told yet
    SENT = "sent"  # to a terminal that has not confirmed
    DELIVERED = "delivered"  # a terminal has confirmed
    ESCALATED = "escalated"  # beyond the first rung, for want of an acknowledgement
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"  # acknowledged, and its cause is over
    EXPIRED = "expired"  # its cause is over, and nobody has acknowledged it


CLOSED = (Phase.RESOLVED, Phase.EXPIRED)


class NotPossible(Exception):
    """The alert is not in a phase in which that can happen; the text says why."""


@dataclass(frozen=True, slots=True)
class Rung:
    """The terminals that are told when nobody has acknowledged `wait_ms` after the rung before."""

    wait_ms: int
    terminals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ladder:
    """At least one rung; how long after the last it expires, or after an acknowledgement it is
    raised anew."""

    rungs: tuple[Rung, ...]
    expire_ms: int = 24 * HOUR_MS
    remind_ms: int = 4 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it stands.

    `rung`: how many rungs were told since it was raised last. `since_ms`: when the newest of them
    was, or the alert raised or acknowledged: what waits is reckoned from then. `version` grows
    with everything that terminals are to know; at `loud` it was raised last. `over_ms`: since
    when its cause is over.
    """

    severity: Severity
    since_ms: int
    phase: Phase = Phase.RAISED
    rung: int = 0
    version: int = 1
    loud: int = 1
    over_ms: int | None = None
    acknowledged_by: str | None = None
    note: str = ""
    closed_ms: int | None = None

    @property
    def is_closed(self) -> bool:
        """Whether its life is over."""
        return self.phase in CLOSED


def _wait_ms(alert: Alert, ladder: Ladder) -> int:
    """How long after `since_ms` an open alert goes on by itself."""
    if alert.phase is Phase.ACKNOWLEDGED:
        return ladder.remind_ms
    if alert.rung < len(ladder.rungs):
        is_urgent = alert.severity is Severity.CRITICAL
        return 0 if is_urgent else ladder.rungs[alert.rung].wait_ms
    return ladder.expire_ms


def due_ms(alert: Alert, ladder: Ladder) -> int | None:
    """When the alert goes on if nothing else happens; None of a closed one, and of no other."""
    return None if alert.is_closed else alert.since_ms + _wait_ms(alert, ladder)


def advanced(alert: Alert, ladder: Ladder, now_ms: int) -> Alert:
    """The alert after all that is due at `now_ms`.

    Each rung's wait begins when the one before was told, not when it should have been: who comes
    back from a night's power cut tells the first, then gives it its time. A clock that was set
    back does not make it wait longer than it should.
    """
    while not alert.is_closed:
        alert = replace(alert, since_ms=min(alert.since_ms, now_ms))
        if now_ms - alert.since_ms < _wait_ms(alert, ladder):
            break
        alert = _gone_on(alert, ladder, now_ms)
    return alert


def _gone_on(alert: Alert, ladder: Ladder, now_ms: int) -> Alert:
    if alert.phase is not Phase.ACKNOWLEDGED and alert.rung < len(ladder.rungs):
        phase = Phase.ESCALATED if alert.rung and _wait_ms(alert, ladder) else alert.phase
        return _told(alert, phase=phase, rung=alert.rung + 1, since_ms=now_ms)
    if alert.over_ms is None:
        return raised_anew(alert, now_ms)
    return _told(alert, phase=Phase.EXPIRED, closed_ms=now_ms)


def _told(alert: Alert, **changes: object) -> Alert:
    return replace(alert, version=alert.version + 1, **changes)  # type: ignore[arg-type]


def raised_anew(alert: Alert, now_ms: int) -> Alert:
    """The alert at the foot of its ladder again, to be acknowledged again."""
    return _told(
        alert, phase=Phase.RAISED, rung=0, since_ms=now_ms, loud=alert.version + 1,
        acknowledged_by=None, note="",
    )  # fmt: skip


def sent(alert: Alert) -> Alert:
    """A terminal was told and has not confirmed yet."""
    return replace(alert, phase=Phase.SENT) if alert.phase is Phase.RAISED else alert


def delivered(alert: Alert) -> Alert:
    """A terminal has confirmed."""
    is_first = alert.phase in (Phase.RAISED, Phase.SENT)
    return replace(alert, phase=Phase.DELIVERED) if is_first else alert


def changed(alert: Alert) -> Alert:
    """There is more to tell of it."""
    return _told(alert)


def worsened(alert: Alert, severity: Severity, now_ms: int) -> Alert:
    """Its cause is of that severity now: what was acknowledged was less, if it was."""
    if alert.is_closed or severity <= alert.severity:
        return alert
    return raised_anew(replace(alert, severity=severity), now_ms)


def over(alert: Alert, now_ms: int) -> Alert:
    """Its cause is over."""
    if alert.is_closed or alert.over_ms is not None:
        return alert
    alert = _told(alert, over_ms=now_ms)
    if alert.phase is Phase.ACKNOWLEDGED:
        return replace(alert, phase=Phase.RESOLVED, closed_ms=now_ms)
    return alert


def resumed(alert: Alert) -> Alert:
    """Its cause, which was over, is there again."""
    if alert.is_closed or alert.over_ms is None:
        return alert
    return _told(alert, over_ms=None)


def acknowledged(alert: Alert, by: str, note: str, now_ms: int) -> Alert:
    """A named person has taken it upon them. Raises NotPossible."""
    if alert.is_closed:
        raise NotPossible(f"it is {alert.phase} already")
    if alert.acknowledged_by is not None:
        raise NotPossible(f"{alert.acknowledged_by} has acknowledged it already")
    alert = _told(
        alert, phase=Phase.ACKNOWLEDGED, acknowledged_by=by, note=note, since_ms=now_ms
    )  # fmt: skip
    if alert.over_ms is None:
        return alert
    return replace(alert, phase=Phase.RESOLVED, closed_ms=now_ms)
