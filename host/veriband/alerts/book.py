"""The alerts in the store: raised once each, and what is owed to which terminal.

Each change is one transaction, with what is owed because of it: an alert is never sent before it
is written, and what was written and not confirmed is still owed after any end of the process. A
terminal is always told how an alert stands, with its version: what it missed meanwhile is in it,
and a version that it has already is the same telling again, not another alert.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from veriband.alerts import machine
from veriband.alerts.limits import DAY_MS, Limits, why_held_back
from veriband.alerts.machine import Alert, Ladder, NotPossible, Phase, Severity
from veriband.errors import VeribandError
from veriband.store import Store

LATE_MS = DAY_MS  # what was over for so long when it came to light is no alert any more
FIRST_RETRY_MS = 5_000
LAST_RETRY_MS = 300_000


class NoSuchAlert(VeribandError):
    """There is none of that number, or it is not in a phase in which that can be done."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why there is to be an alert: something about a `subject` since `since_ms`, of the wearer of
    that number (None: of this host). These three are its identity.

    `until_ms`: when it was over, if it is. `cycle`: the date of the detection cycle in which it
    began. `facts`: what it was found from, for people and programs, as JSON has it.
    """

    wearer: int | None
    subject: str
    since_ms: int
    severity: Severity = Severity.WARNING
    until_ms: int | None = None
    cycle: str | None = None
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Entry:
    """An alert in the book: its number, its newest cause, when it was raised first."""

    number: int
    cause: Cause
    alert: Alert
    raised_ms: int


@dataclass(frozen=True, slots=True)
class Owed:
    """`terminal` is to be told how an alert stands. `is_loud`: it is new to it, or was raised
    anew since it was told; else it is more about what it knows. `tries` failed up to now."""

    terminal: str
    entry: Entry
    is_loud: bool
    tries: int


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A cause that the limits kept from being an alert."""

    subject: str
    since_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to an alert; `by` a person or a terminal, if by any."""

    utc_ms: int
    what: str
    by: str
    note: str


_ENTRY = (
    "id, wearer, subject, cause_ms, severity, until_ms, cycle, facts, raised_ms, since_ms, phase, "
    "rung, version, loud, over_ms, acknowledged_by, note, closed_ms"
)


def _entry(row: tuple[Any, ...]) -> Entry:
    number, wearer, subject, cause_ms, severity, until_ms, cycle, facts, raised_ms, *rest = row
    cause = Cause(
        wearer, subject, cause_ms, Severity(severity), until_ms, cycle, json.loads(facts)
    )
    since_ms, phase, *others = rest
    return Entry(number, cause, Alert(cause.severity, since_ms, Phase(phase), *others), raised_ms)


class Book:
    """All alerts of a store. `ladder_of` a cause says whom to tell about it, and when."""

    def __init__(
        self, store: Store, ladder_of: Callable[[Cause], Ladder], limits: Limits | None = None
    ) -> None:
        self._store = store
        self._ladder_of = ladder_of
        self._limits = limits or Limits()

    # What is found out.

    def observe(
        self, wearer: int | None, causes: Mapping[str, Sequence[Cause]], now_ms: int
    ) -> list[int]:
        """Note how it stands about subjects of a wearer; the numbers of the alerts raised for it.

        `causes`, of each subject, are all that are known from some time on, the newest last; none:
        it is well, also where there was a cause once. The same again changes nothing, whenever
        that is: who does not know what was observed before, as after a restart, observes it again.
        """
        raised: list[int] = []
        for subject, its in causes.items():
            with self._store.transaction():
                number = self._open_about(wearer, subject)
                for cause in its:
                    number = self._filed(cause, now_ms, raised)
                if number is not None:
                    self._follow(number, its[-1] if its else None, now_ms)
        return raised

    def _filed(self, cause: Cause, now_ms: int, raised: list[int]) -> int | None:
        """The alert that a cause belongs to, one that is raised for it if there is none; None of
        what is held back."""
        key = (cause.wearer, cause.subject, cause.since_ms)
        known = self._store.read(
            "SELECT cause.alert, alert.id IS NOT NULL AND alert.closed_ms IS NULL FROM cause "
            "LEFT JOIN alert ON alert.id = cause.alert WHERE cause.wearer IS ? "
            "AND cause.subject = ? AND cause.since_ms = ?",
            key,
        )
        if known and (known[0][1] or cause.until_ms is not None):
            return known[0][0]
        number = self._open_about(cause.wearer, cause.subject)
        why = None
        if number is None:
            why = self._why_held_back(cause, now_ms)
            if why is None:
                number = self._raise(cause, now_ms)
                raised.append(number)
        self._store.db.execute(
            "INSERT INTO cause (wearer, subject, since_ms, alert, why) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET alert = excluded.alert, why = excluded.why",
            (*key, number, why),
        )
        return number

    def _open_about(self, wearer: int | None, subject: str) -> int | None:
        rows = self._store.read(
            "SELECT id FROM alert WHERE wearer IS ? AND subject = ? AND closed_ms IS NULL",
            (wearer, subject),
        )
        return rows[0][0] if rows else None

    def _why_held_back(self, cause: Cause, now_ms: int) -> str | None:
        if cause.until_ms is not None and now_ms - cause.until_ms >= LATE_MS:
            return "came to light a day after it was over"
        closed = self._store.read(
            "SELECT max(closed_ms) FROM alert WHERE wearer IS ? AND subject = ?",
            (cause.wearer, cause.subject),
        )[0][0]
        raised = self._store.read(
            "SELECT raised_ms FROM alert WHERE wearer IS ? AND raised_ms > ?",
            (cause.wearer, now_ms - DAY_MS),
        )
        return why_held_back(
            cause.severity, now_ms, [at_ms for (at_ms,) in raised], closed, self._limits
        )

    def _raise(self, cause: Cause, now_ms: int) -> int:
        alert = Alert(cause.severity, now_ms)
        number = self._store.db.execute(
            "INSERT INTO alert (wearer, subject, cause_ms, severity, cycle, facts, raised_ms, "
            "since_ms, phase, rung, version, loud, note) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')",
            (
                cause.wearer, cause.subject, cause.since_ms, cause.severity, cause.cycle,
                json.dumps(cause.facts), now_ms, now_ms, alert.phase, alert.rung, alert.version,
                alert.loud,
            ),
        ).lastrowid  # fmt: skip
        assert number is not None
        self._log(number, now_ms, alert.phase)
        self._put(Entry(number, cause, alert, now_ms), alert, now_ms)
        return number

    def _follow(self, number: int, cause: Cause | None, now_ms: int) -> None:
        """The alert as the newest cause that belongs to it stands; None: there never was any."""
        entry = self.entry(number)
        cause = cause or replace(entry.cause, until_ms=entry.cause.until_ms or now_ms)
        alert = machine.worsened(entry.alert, cause.severity, now_ms)
        if alert.is_closed:
            return
        is_over = cause.until_ms is not None
        alert = machine.over(alert, now_ms) if is_over else machine.resumed(alert)
        if cause.facts != entry.cause.facts:
            alert = machine.changed(alert)
        self._put(replace(entry, cause=cause), alert, now_ms)

    # What goes on by itself, and what people do.

    def advance(self, now_ms: int) -> int | None:
        """Let all open alerts go on as far as they are due; when the next is, None if none is."""
        due: list[int] = []
        for entry in self.entries(is_open=True):
            ladder = self._ladder_of(entry.cause)
            with self._store.transaction():
                entry = self.entry(entry.number)
                alert = machine.advanced(entry.alert, ladder, now_ms)
                self._owe(self._put(entry, alert, now_ms), now_ms)  # also to who may know it now
            next_ms = machine.due_ms(alert, ladder)
            due += [] if next_ms is None else [next_ms]
        return min(due, default=None)

    def acknowledge(self, number: int, by: str, note: str, now_ms: int) -> Entry:
        """A person who may has taken it upon them. Raises NoSuchAlert."""
        with self._store.transaction():
            entry = self.entry(number)
            try:
                alert = machine.acknowledged(entry.alert, by, note, now_ms)
            except NotPossible as error:
                raise NoSuchAlert(f"Alert {number} was not acknowledged: {error}.") from error
            return self._put(entry, alert, now_ms, by, note)

    # What is owed.

    def owed(self, now_ms: int) -> list[Owed]:
        """What terminals are to be told now, the longest due first."""
        rows = self._store.read(
            f"SELECT {', '.join(f'alert.{name.strip()}' for name in _ENTRY.split(','))}, "
            "terminal, has < loud, tries FROM outbox JOIN alert ON alert.id = outbox.alert "
            "WHERE has < wanted AND due_ms <= ? ORDER BY due_ms, alert.id, terminal",
            (now_ms,),
        )
        return [Owed(row[-3], _entry(row[:-3]), bool(row[-2]), row[-1]) for row in rows]

    def next_owed_ms(self, now_ms: int) -> int | None:
        """When something is owed next, after now."""
        return self._store.read(
            "SELECT min(due_ms) FROM outbox WHERE has < wanted AND due_ms > ?", (now_ms,)
        )[0][0]

    def sent(self, owed: Owed, now_ms: int) -> None:
        """A terminal was told and has not confirmed yet; if it does not, it is told again."""
        self._try_again(owed, now_ms, machine.sent)

    def failed(self, owed: Owed, now_ms: int, why: str) -> None:
        """A terminal could not be told; it is tried again, later and later."""
        self._try_again(owed, now_ms, lambda alert: alert)
        if not owed.tries:
            self._log(owed.entry.number, now_ms, "not told", owed.terminal, why)

    def _try_again(self, owed: Owed, now_ms: int, change: Callable[[Alert], Alert]) -> None:
        retry_ms = min(FIRST_RETRY_MS << min(owed.tries, 16), LAST_RETRY_MS)
        with self._store.transaction():
            entry = self.entry(owed.entry.number)
            self._store.db.execute(
                "UPDATE outbox SET tries = tries + 1, due_ms = ? WHERE alert = ? AND terminal = ?",
                (now_ms + retry_ms, entry.number, owed.terminal),
            )
            self._put(entry, change(entry.alert), now_ms)

    def delivered(self, number: int, terminal: str, version: int, now_ms: int) -> None:
        """A terminal has confirmed that it was told that version, be it once more.

        Raises NoSuchAlert when it was not to be told, or not that.
        """
        with self._store.transaction():
            entry = self.entry(number)
            changed = self._store.db.execute(
                "UPDATE outbox SET has = max(has, ?1), tries = 0, due_ms = ?2 "
                "WHERE alert = ?3 AND terminal = ?4 AND wanted >= ?1",
                (version, now_ms, number, terminal),
            )
            if not changed.rowcount:
                raise NoSuchAlert(f"Alert {number} was never told to {terminal} as {version}.")
            self._put(entry, machine.delivered(entry.alert), now_ms)
            self._log(number, now_ms, "told", terminal)

    def overdue(self, before_ms: int) -> dict[str, int]:
        """The terminals that are owed something since before then, and since when."""
        return dict(
            self._store.read(
                "SELECT terminal, min(since_ms) FROM outbox WHERE has < wanted AND since_ms < ? "
                "GROUP BY terminal ORDER BY terminal",
                (before_ms,),
            )
        )

    def drop(self, now_ms: int) -> None:
        """Owe nothing to terminals that are not, or no more, on the ladder."""
        with self._store.transaction():
            for number, name in self._store.read(
                "SELECT alert, terminal FROM outbox WHERE has < wanted"
            ):
                rungs = self._ladder_of(self.entry(number).cause).rungs
                if not any(name in rung.terminals for rung in rungs):
                    self._store.db.execute(
                        "DELETE FROM outbox WHERE alert = ? AND terminal = ?", (number, name)
                    )
                    self._log(number, now_ms, "not told", name, "it is not to know of it any more")

    # What stands in it.

    def entry(self, number: int) -> Entry:
        """The alert of that number. Raises NoSuchAlert."""
        rows = self._store.read(f"SELECT {_ENTRY} FROM alert WHERE id = ?", (number,))
        if not rows:
            raise NoSuchAlert(f"There is no alert {number}: see 'veriband alerts'.")
        return _entry(rows[0])

    def entries(self, *, is_open: bool = False, since_ms: int = 0) -> list[Entry]:
        """The alerts that were raised since then, those that are open only, the oldest first."""
        rows = self._store.read(
            f"SELECT {_ENTRY} FROM alert WHERE raised_ms >= ? AND (closed_ms IS NULL OR NOT ?) "
            "ORDER BY id",
            (since_ms, is_open),
        )
        return [_entry(row) for row in rows]

    def open_since(self, wearer: int | None, kind: str) -> dict[str, int]:
        """The subjects of a wearer, with `kind` as their first word, about which an alert is open,
        and since when the newest cause of each goes on."""
        return dict(
            self._store.read(
                "SELECT subject, cause_ms FROM alert WHERE wearer IS ? AND closed_ms IS NULL "
                "AND substr(subject, 1, ?) = ?",
                (wearer, len(kind) + 1, f"{kind}/"),
            )
        )

    def steps(self, number: int) -> list[Step]:
        """What happened to an alert, in its order."""
        rows = self._store.read(
            "SELECT utc_ms, what, by, note FROM alert_step WHERE alert = ? ORDER BY id", (number,)
        )
        return [Step(*row) for row in rows]

    def held_back(self, wearer: int | None, since_ms: int) -> list[HeldBack]:
        """What began since then and was held back, in its order."""
        rows = self._store.read(
            "SELECT subject, since_ms, why FROM cause WHERE wearer IS ? AND since_ms >= ? "
            "AND why IS NOT NULL ORDER BY since_ms",
            (wearer, since_ms),
        )
        return [HeldBack(*row) for row in rows]

    def _put(self, entry: Entry, alert: Alert, now_ms: int, by: str = "", note: str = "") -> Entry:
        """Write how an alert stands now, what happened to it, and what is owed because of it."""
        cause, before = entry.cause, self.entry(entry.number)
        new = replace(entry, alert=alert, cause=replace(cause, severity=alert.severity))
        if new == before:
            return new
        self._store.db.execute(
            "UPDATE alert SET cause_ms = ?, severity = ?, until_ms = ?, facts = ?, since_ms = ?, "
            "phase = ?, rung = ?, version = ?, loud = ?, over_ms = ?, acknowledged_by = ?, "
            "note = ?, closed_ms = ? WHERE id = ?",
            (
                cause.since_ms, alert.severity, cause.until_ms, json.dumps(cause.facts),
                alert.since_ms, alert.phase, alert.rung, alert.version, alert.loud, alert.over_ms,
                alert.acknowledged_by, alert.note, alert.closed_ms, entry.number,
            ),
        )  # fmt: skip
        for what in _happened(before.alert, alert):
            self._log(entry.number, now_ms, what, by, note)
        self._owe(new, now_ms)
        return new

    def _owe(self, entry: Entry, now_ms: int) -> None:
        """Owe how it stands to all terminals that were told before, and to those of all rungs up
        to now."""
        version = entry.alert.version
        self._store.db.execute(
            "UPDATE outbox SET wanted = ?1, due_ms = min(due_ms, ?2), "
            "since_ms = CASE WHEN has < wanted THEN since_ms ELSE ?2 END "
            "WHERE alert = ?3 AND wanted < ?1",
            (version, now_ms, entry.number),
        )
        for rung in self._ladder_of(entry.cause).rungs[: entry.alert.rung]:
            self._store.db.executemany(
                "INSERT INTO outbox VALUES (?, ?, ?, 0, ?, 0, ?) ON CONFLICT DO NOTHING",
                [(entry.number, name, version, now_ms, now_ms) for name in rung.terminals],
            )

    def _log(self, number: int, utc_ms: int, what: str, by: str = "", note: str = "") -> None:
        self._store.db.execute(
            "INSERT INTO alert_step (alert, utc_ms, what, by, note) VALUES (?, ?, ?, ?, ?)",
            (number, utc_ms, what, by, note),
        )


def _happened(before: Alert, now: Alert) -> list[str]:
    """What the way from the one to the other is called."""
    told: list[str] = []
    if now.severity > before.severity:
        told.append("worse")
    if before.over_ms is None and now.over_ms is not None:
        told.append("over")
    if before.over_ms is not None and now.over_ms is None:
        told.append("resumed")
    if now.phase is Phase.RESOLVED and before.phase is not Phase.ACKNOWLEDGED:
        told.append(Phase.ACKNOWLEDGED)
    if now.phase is not before.phase or now.rung > before.rung > 0:
        told.append(now.phase)
    return told
