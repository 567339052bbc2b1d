"""Alerts: none is lost, stuck or told twice, whatever happens in whatever order."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from veriband.alerts import machine
from veriband.alerts.book import LATE_MS, Book, Cause, NoSuchAlert
from veriband.alerts.limits import Limits, why_held_back
from veriband.alerts.machine import (
    HOUR_MS,
    MINUTE_MS,
    Alert,
    Ladder,
    NotPossible,
    Phase,
    Rung,
    Severity,
)
from veriband.store import Store

NOW = 1_795_600_000_000
LADDER = Ladder(
    (Rung(0, ("page",)), Rung(2 * MINUTE_MS, ("daughter",)), Rung(5 * MINUTE_MS, ("neighbour",)))
)
HIGH = "heart rate high"


def ladder_of(_: Cause) -> Ladder:
    return LADDER


@pytest.fixture
def store(tmp_path: Path):
    with closing(Store(tmp_path / "veriband.db")) as store:
        store.add_wearer("anna")
        yield store


@pytest.fixture
def book(store: Store) -> Book:
    return Book(store, ladder_of)


def high(since_ms: int = NOW, **its) -> Cause:
    return Cause(1, HIGH, since_ms, **its)


def told(book: Book, now_ms: int) -> list[tuple[str, int, bool]]:
    """(terminal, version, is loud) of what is owed, which is then confirmed."""
    found = []
    for owed in book.owed(now_ms):
        version = owed.entry.alert.version
        found.append((owed.terminal, version, owed.is_loud))
        book.delivered(owed.entry.number, owed.terminal, version, now_ms)
    return found


# The machine.


def test_an_alert_climbs_its_ladder_until_somebody_acknowledges_it():
    alert = machine.advanced(Alert(Severity.WARNING, NOW), LADDER, NOW)
    assert (alert.phase, alert.rung) == (Phase.RAISED, 1)
    alert = machine.delivered(machine.sent(alert))
    assert alert.phase is Phase.DELIVERED
    assert machine.advanced(alert, LADDER, NOW + 2 * MINUTE_MS - 1) == alert
    alert = machine.advanced(alert, LADDER, NOW + 2 * MINUTE_MS)
    assert (alert.phase, alert.rung) == (Phase.ESCALATED, 2)
    alert = machine.acknowledged(alert, "Ben", "I go there", NOW + 3 * MINUTE_MS)
    assert machine.advanced(alert, LADDER, NOW + HOUR_MS) == alert
    assert machine.over(alert, NOW + HOUR_MS).phase is Phase.RESOLVED


def test_what_is_critical_is_told_to_all_rungs_at_once():
    assert machine.advanced(Alert(Severity.CRITICAL, NOW), LADDER, NOW).rung == 3


def test_what_got_worse_is_to_be_acknowledged_again():
    alert = machine.advanced(Alert(Severity.WARNING, NOW), LADDER, NOW)
    alert = machine.acknowledged(alert, "Ben", "", NOW)
    worse = machine.worsened(alert, Severity.CRITICAL, NOW + 1)
    assert (worse.phase, worse.rung, worse.acknowledged_by) == (Phase.RAISED, 0, None)
    assert worse.loud == worse.version > alert.version
    assert machine.worsened(worse, Severity.WARNING, NOW + 2) == worse


def test_what_nobody_acknowledges_expires_when_its_cause_is_over_and_is_raised_anew_when_not():
    alert = machine.advanced(Alert(Severity.CRITICAL, NOW), LADDER, NOW)
    end = NOW + LADDER.expire_ms
    assert machine.advanced(alert, LADDER, end - 1) == alert
    assert machine.advanced(machine.over(alert, NOW), LADDER, end).phase is Phase.EXPIRED
    anew = machine.advanced(alert, LADDER, end)
    assert (anew.phase, anew.rung, anew.is_closed) == (Phase.RAISED, 3, False)
    assert anew.loud > alert.loud


def test_what_goes_on_after_it_was_acknowledged_is_raised_anew():
    alert = machine.acknowledged(Alert(Severity.WARNING, NOW), "Ben", "", NOW)
    assert machine.advanced(alert, LADDER, NOW + LADDER.remind_ms - 1) == alert
    anew = machine.advanced(alert, LADDER, NOW + LADDER.remind_ms)
    assert (anew.phase, anew.rung, anew.acknowledged_by) == (Phase.RAISED, 1, None)


def test_each_rung_has_its_time_also_after_a_night_without_power():
    alert = machine.advanced(Alert(Severity.WARNING, NOW), LADDER, NOW)
    alert = machine.advanced(alert, LADDER, NOW + 8 * HOUR_MS)
    assert alert.rung == 2
    assert machine.due_ms(alert, LADDER) == NOW + 8 * HOUR_MS + 5 * MINUTE_MS


def test_a_clock_that_was_set_back_makes_nobody_wait_longer_than_the_rung_says():
    alert = machine.advanced(Alert(Severity.WARNING, NOW), LADDER, NOW)
    then = NOW - 1000 * HOUR_MS
    alert = machine.advanced(alert, LADDER, then)
    assert machine.due_ms(alert, LADDER) == then + 2 * MINUTE_MS


def test_the_first_to_acknowledge_is_the_one():
    alert = machine.acknowledged(Alert(Severity.WARNING, NOW), "Ben", "", NOW)
    with pytest.raises(NotPossible, match="Ben has"):
        machine.acknowledged(alert, "Carla", "", NOW)
    with pytest.raises(NotPossible, match="resolved already"):
        machine.acknowledged(machine.over(alert, NOW), "Carla", "", NOW)


# Limits.


@pytest.mark.parametrize(
    ("raised", "closed", "why"),
    [
        ([], None, None),
        ([], NOW - 30 * MINUTE_MS, None),
        ([], NOW - 30 * MINUTE_MS + 1, "so soon"),
        ([], NOW + HOUR_MS, "so soon"),
        ([NOW - HOUR_MS] * 3, None, None),
        ([NOW - HOUR_MS + 1] * 3, None, "3 in an hour"),
        ([NOW - 2 * HOUR_MS] * 6, None, "6 in a day"),
        ([NOW - 24 * HOUR_MS] * 6, None, None),
    ],
)
def test_too_many_alerts_are_held_back_but_none_that_is_critical(raised, closed, why):
    found = why_held_back(Severity.WARNING, NOW, raised, closed, Limits())
    assert (found is None) if why is None else (found or "").startswith(why)
    assert why_held_back(Severity.CRITICAL, NOW, raised, closed, Limits()) is None


# The book.


def test_a_cause_is_one_alert_however_often_it_is_observed(book: Book, store: Store):
    assert book.observe(1, {HIGH: [high()]}, NOW) == [1]
    before = store.db.total_changes
    for later in range(3):
        assert book.observe(1, {HIGH: [high()]}, NOW + later) == []
    assert store.db.total_changes == before


def test_terminals_are_told_once_each_the_newest_and_loudly_what_is_new(book: Book):
    book.observe(1, {HIGH: [high()]}, NOW)
    assert told(book, NOW) == []
    book.advance(NOW)
    assert told(book, NOW) == [("page", 2, True)]
    assert told(book, NOW) == []
    book.observe(1, {HIGH: [high(facts={"bpm": 140})]}, NOW + 1)
    book.advance(NOW + 2 * MINUTE_MS)
    assert told(book, NOW + 2 * MINUTE_MS) == [("page", 4, False), ("daughter", 4, True)]


def test_what_was_not_confirmed_is_told_again_later_and_later(book: Book, store: Store):
    book.observe(1, {HIGH: [high()]}, NOW)
    book.advance(NOW)
    (owed,) = book.owed(NOW)
    book.failed(owed, NOW, "no such program")
    assert book.owed(NOW + 4_999) == []
    (owed,) = Book(Store(store.path), ladder_of).owed(NOW + 5_000)
    book.sent(owed, NOW + 5_000)
    assert book.entry(1).alert.phase is Phase.SENT
    assert book.owed(NOW + 14_999) == []
    assert [owed.tries for owed in book.owed(NOW + 15_000)] == [2]
    told = [(step.what, step.by, step.note) for step in book.steps(1)]
    assert told == [
        ("raised", "", ""), ("not told", "page", "no such program"), ("sent", "", ""),
    ]  # fmt: skip


def test_a_telling_that_nobody_asked_for_is_refused(book: Book):
    book.observe(1, {HIGH: [high()]}, NOW)
    book.advance(NOW)
    for terminal, version in (("page", 3), ("daughter", 1)):
        with pytest.raises(NoSuchAlert):
            book.delivered(1, terminal, version, NOW)


def test_acknowledged_by_whom_and_why_stands_in_the_book(book: Book):
    book.observe(1, {HIGH: [high()]}, NOW)
    book.acknowledge(1, "Ben", "he climbs stairs", NOW + 1)
    with pytest.raises(NoSuchAlert, match="Ben has acknowledged it already"):
        book.acknowledge(1, "Carla", "", NOW + 2)
    with pytest.raises(NoSuchAlert, match="no alert 7"):
        book.acknowledge(7, "Carla", "", NOW + 2)
    book.observe(1, {HIGH: [high(until_ms=NOW + 3)]}, NOW + 3)
    steps = [(step.what, step.by, step.note) for step in book.steps(1)]
    assert steps == [
        ("raised", "", ""), ("acknowledged", "Ben", "he climbs stairs"), ("over", "", ""),
        ("resolved", "", ""),
    ]  # fmt: skip


def test_the_same_again_while_the_alert_is_open_is_the_same_alert(book: Book):
    book.observe(1, {HIGH: [high(until_ms=NOW + 1)]}, NOW + 1)
    again = [high(until_ms=NOW + 1), high(NOW + 2)]
    assert book.observe(1, {HIGH: again}, NOW + 2) == []
    assert book.entry(1).alert.over_ms is None
    assert book.entry(1).cause.since_ms == NOW + 2


def test_what_is_held_back_is_counted_and_raised_when_it_goes_on(book: Book):
    for at, subject in enumerate(("a", "b", "c", "d")):
        book.observe(1, {subject: [Cause(1, subject, NOW + at)]}, NOW + at)
    assert [one.subject for one in book.held_back(1, NOW)] == ["d"]
    assert book.observe(1, {"d": [Cause(1, "d", NOW + 3)]}, NOW + HOUR_MS + 3) == [4]
    assert book.held_back(1, NOW) == []
    over = Cause(1, "e", NOW, until_ms=NOW + 1)
    assert book.observe(1, {"e": [over]}, NOW + LATE_MS + 1) == []
    assert "a day after" in book.held_back(1, NOW)[0].why


def test_a_cause_that_never_was_after_all_is_over(book: Book):
    book.observe(1, {HIGH: [high()]}, NOW)
    book.observe(1, {HIGH: []}, NOW + 5)
    assert book.entry(1).alert.over_ms == NOW + 5
    book.acknowledge(1, "Ben", "", NOW + 6)
    assert book.entry(1).alert.phase is Phase.RESOLVED


def test_what_goes_on_after_all_after_its_alert_was_resolved_is_raised_again(book: Book):
    book.observe(1, {HIGH: [high(until_ms=NOW + 1)]}, NOW + 1)
    book.acknowledge(1, "Ben", "", NOW + 2)
    assert book.observe(1, {HIGH: [high()]}, NOW + 3) == []  # so soon
    assert book.observe(1, {HIGH: [high()]}, NOW + HOUR_MS) == [2]


SUBJECTS = ("heart rate high", "SpO2 low")


class AnyOrder(RuleBasedStateMachine):
    """Anything, in any order: observed, told, confirmed, not confirmed, acknowledged, killed."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory(prefix="veriband-alerts-")
        self.path = Path(self.folder.name) / "veriband.db"
        self.now = NOW
        self.causes = {subject: [] for subject in SUBJECTS}
        self.confirmed = {}
        self.open_store()
        self.store.add_wearer("anna")

    def open_store(self):
        self.store = Store(self.path)
        self.store.db.execute("PRAGMA synchronous = OFF")
        self.book = Book(self.store, ladder_of)

    def teardown(self):
        if not hasattr(self, "store"):
            return
        self.settle()
        self.store.close()
        self.folder.cleanup()

    @rule()
    def killed_and_started_again(self):
        self.store.close()
        self.open_store()

    @rule(ms=st.sampled_from([1, 5_000, MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, 30 * HOUR_MS]))
    def time_goes_by(self, ms: int):
        self.now += ms
        self.book.advance(self.now)

    @rule(ms=st.sampled_from([MINUTE_MS, 100 * HOUR_MS]))
    def the_clock_is_set_back(self, ms: int):
        self.now -= ms

    @rule(subject=st.sampled_from(SUBJECTS), severity=st.sampled_from(Severity))
    def something_begins_or_goes_on(self, subject: str, severity: Severity):
        its = self.causes[subject]
        if its and its[-1].until_ms is None:
            its[-1] = replace(its[-1], severity=severity, facts={"n": self.now})
        elif not its or its[-1].since_ms < self.now:
            its.append(Cause(1, subject, self.now, severity))

    @rule(subject=st.sampled_from(SUBJECTS))
    def something_is_over(self, subject: str):
        if self.causes[subject]:
            its = self.causes[subject]
            its[-1] = replace(its[-1], until_ms=its[-1].until_ms or self.now)

    @rule()
    def observed(self):
        self.book.observe(1, self.causes, self.now)

    @rule(data=st.data(), how=st.sampled_from(["delivered", "sent", "failed"]))
    def a_terminal_is_told(self, data: st.DataObject, how: str):
        owed = self.book.owed(self.now)
        if not owed:
            return
        one = data.draw(st.sampled_from(owed))
        others = self.outbox(but=(one.entry.number, one.terminal))
        key, version = (one.entry.number, one.terminal), one.entry.alert.version
        if how == "delivered":
            assert version > self.confirmed.get(key, 0)
            self.book.delivered(*key, version, self.now)
            self.confirmed[key] = version
        elif how == "sent":
            self.book.sent(one, self.now)
        else:
            self.book.failed(one, self.now, "why")
        assert self.outbox(but=key) == others  # nobody silences another

    @rule(by=st.sampled_from(["Ben", "Carla"]), data=st.data())
    def somebody_acknowledges(self, by: str, data: st.DataObject):
        entries = self.book.entries()
        if not entries:
            return
        entry = data.draw(st.sampled_from(entries))
        if entry.alert.is_closed or entry.alert.acknowledged_by:
            with pytest.raises(NoSuchAlert):
                self.book.acknowledge(entry.number, by, "", self.now)
        else:
            self.book.acknowledge(entry.number, by, "", self.now)

    def outbox(self, but: tuple[int, str] | None = None):
        rows = self.store.read("SELECT alert, terminal, wanted, has, due_ms FROM outbox")
        return [row for row in rows if row[:2] != but]

    @invariant()
    def every_open_alert_goes_on_some_time(self):
        if hasattr(self, "store"):
            for entry in self.book.entries(is_open=True):
                assert machine.due_ms(entry.alert, LADDER) is not None

    @invariant()
    def who_is_to_know_knows_or_is_still_owed(self):
        if not hasattr(self, "store"):
            return
        box = {row[:2]: row[2:] for row in self.outbox()}
        for entry in self.book.entries():
            for rung in LADDER.rungs[: entry.alert.rung]:
                for terminal in rung.terminals:
                    wanted, has, _ = box[entry.number, terminal]
                    assert wanted == entry.alert.version
                    assert has == self.confirmed.get((entry.number, terminal), 0)

    def settle(self):
        """When all is over, and terminals confirm, everything is closed, and nothing owed."""
        self.now = max(self.now, *(its[-1].since_ms for its in self.causes.values() if its), NOW)
        for its in self.causes.values():
            if its:
                its[-1] = replace(its[-1], until_ms=its[-1].until_ms or self.now)
        self.book.observe(1, self.causes, self.now)
        for _ in range(8):
            self.now += LADDER.expire_ms
            self.book.advance(self.now)
        for owed in self.book.owed(self.now):
            self.book.delivered(
                owed.entry.number, owed.terminal, owed.entry.alert.version, self.now
            )
        assert self.book.entries(is_open=True) == []
        assert self.book.owed(1 << 60) == []
        rows = self.store.read("SELECT subject, since_ms, alert IS NULL, why IS NULL FROM cause")
        assert {row[:2] for row in rows} >= {
            (subject, its[-1].since_ms) for subject, its in self.causes.items() if its
        }
        assert all(held != unexplained for _, _, held, unexplained in rows)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAnyOrder = AnyOrder.TestCase
