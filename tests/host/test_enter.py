"""Readings that are typed in: refused, kept with their source, listed, taken back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from veriband.cli import main
from veriband.records import STRIP, Anchor, Kind, Sign, Taken, reading
from veriband.store import Store
from veriband.store.entered import REPEAT_MS, TYPED_IN, Entry
from veriband.store.store import LATEST
from veriband.vitals import enter_command, plausible
from veriband.vitals.words import CAUTION
from veriband_protocol.items import (
    STATUS_MOVING,
    STATUS_OK,
    VITAL_BLOOD_PRESSURE,
    VITAL_HEART_RATE,
    VITAL_SPO2,
    pack_sign,
)

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)  # 13:00 in Berlin, 20:00 in Shanghai
NOW_MS = round(NOW.timestamp() * 1000)
BP = plausible.blood_pressure(128, 82)
PULSE = plausible.heart_rate(71)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(enter_command, "utc_ms", lambda: NOW_MS)
    path = tmp_path / "veriband.db"
    with closing(Store(path)) as store:
        store.add_wearer("anna", zone="Europe/Berlin")
    return str(path)


def run(path: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--store", path, "--zone", "UTC", "enter", *arguments])


def kept(path: str, name: str = "anna") -> list[Entry]:
    with closing(Store(Path(path))) as store:
        return [entry for _, entry in store.entered(store.wearer(name), 0, LATEST)]


def when(path: str) -> str:
    (entry,) = kept(path)
    return f"{datetime.fromtimestamp(entry.utc_ms / 1000, UTC):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("arguments", "signs", "says"),
    [
        (("bp", "128/82"), {BP}, "blood pressure 128/82 mmHg, typed in"),
        (
            ("bp", "128/82", "--pulse", "71"),
            {BP, PULSE},
            "blood pressure 128/82 mmHg, heart rate 71 bpm, typed in",
        ),
        (("bp", "128 / 82"), {BP}, "128/82"),
        (("spo2", "97"), {plausible.spo2(97)}, "SpO2 97 %"),
        (("spo2", "97", "--pulse", "71"), {plausible.spo2(97), PULSE}, "SpO2 97 %, heart rate 71"),
        (("heart", "71"), {PULSE}, "heart rate 71 bpm, typed in"),
    ],
)
def test_what_is_typed_in_is_kept_with_its_source(
    path: str, arguments: tuple[str, ...], signs: set[object], says: str
) -> None:
    done = run(path, *arguments)
    assert done.exit_code == 0, done.output
    first, caution = done.output.splitlines()
    assert first.startswith("1: anna, 2026-11-25 13:00: ")
    assert says in first
    assert caution == CAUTION
    (entry,) = kept(path)
    assert (entry.utc_ms, entry.source, set(entry.signs)) == (NOW_MS, TYPED_IN, signs)
    assert run(path, "list").output.splitlines() == [first, CAUTION]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("bp", "82/128"), "the systolic, is the higher one"),
        (("bp", "120/120"), "the systolic, is the higher one"),
        (("bp", "17/11"), "multiply both by 7.5"),
        (("bp", "310/90"), "a systolic pressure of 310 mmHg cannot be: it is from 50 to 300"),
        (("bp", "120/10"), "a diastolic pressure of 10 mmHg cannot be"),
        (("bp", "128/82", "--pulse", "0"), "a heart rate of 0 bpm cannot be"),
        (("bp", "128"), "not a blood pressure like 128/82"),
        (("bp", ""), "not a blood pressure like 128/82"),
        (("bp", "128/82/60"), "not a blood pressure"),
        (("bp", "１２８/82"), "not a blood pressure"),
        (("bp", "9" * 5000 + "/82"), "not a blood pressure"),
        (("bp", "128,5/82"), "not a blood pressure"),
        (("spo2", "101"), "an oxygen saturation of 101 % cannot be: it is from 40 to 100"),
        (("spo2", "0.97"), "not a valid integer"),
        (("spo2", "-97"), "No such option"),
        (("spo2",), "Missing argument"),
        (("heart", "nan"), "not a valid integer"),
        (("heart", str(10**40)), "cannot be"),
        (("heart", "71", "--at", "yesterday"), "is not a time like"),
        (("heart", "71", "--at", "2026-11-25"), "is not a time like"),
        (("heart", "71", "--at", "25:00"), "'25:00' is not a time like"),
        (("heart", "71", "--at", "13:05"), "13:05 is still to come: it is 2026-11-25 13:00"),
        (("heart", "71", "--at", "2026-11-26 07:30"), "is still to come"),
        (("heart", "71", "--at", "9999-12-31T23:59"), "is still to come"),
        (("heart", "71", "--at", "9999-12-31T23:59-12:00"), "is still to come"),
        (("heart", "71", "--at", "0026-11-25 07:30"), "the year with four digits"),
        (("heart", "71", "--at", "2026-03-29 02:30"), "There was no 02:30 on 2026-03-29"),
        (
            ("heart", "71", "--at", "2026-10-25 02:30"),
            "say which, as 2026-10-25T02:30+02:00 or 2026-10-25T02:30+01:00",
        ),
        (("heart", "71", "--wearer", "bob"), "There is no wearer bob (there are: anna)"),
        (("forget", "7"), "There is no entered reading 7: see 'veriband enter list'"),
        (("forget", str(10**30)), "is not in the range"),
        (("undo",), "Nothing of anna was typed in"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_not_kept(
    path: str, arguments: tuple[str, ...], says: str
) -> None:
    done = run(path, *arguments)
    assert done.exit_code != 0
    assert says in done.output
    assert isinstance(done.exception, SystemExit)
    assert kept(path) == []


@pytest.mark.parametrize(
    ("at", "utc"),
    [
        ("07:30", "2026-11-25 06:30"),
        ("13:00", "2026-11-25 12:00"),
        ("2026-11-24 07:30", "2026-11-24 06:30"),
        ("2026-07-01T07:30", "2026-07-01 05:30"),
        ("2026-10-25T02:30+02:00", "2026-10-25 00:30"),
        ("2026-10-25T02:30+01:00", "2026-10-25 01:30"),
        ("2026-11-25T19:30+08:00", "2026-11-25 11:30"),
    ],
)
def test_a_time_is_one_of_the_wearers_clock_or_has_its_offset(
    path: str, at: str, utc: str
) -> None:
    done = run(path, "heart", "71", "--at", at)
    assert done.exit_code == 0, done.output
    assert when(path) == utc


def test_whose_a_reading_is_must_be_said_when_it_is_not_clear(path: str) -> None:
    with closing(Store(Path(path))) as store:
        store.add_wearer("bob")
    done = run(path, "heart", "71")
    assert "There are several wearers (anna, bob): name one with --wearer" in done.output
    assert run(path, "heart", "71", "--wearer", "bob").output.startswith(
        "1: bob, 2026-11-25 12:00"
    )
    assert kept(path) == []
    assert len(kept(path, "bob")) == 1


def test_without_a_wearer_it_says_what_comes_first(tmp_path: Path) -> None:
    done = run(str(tmp_path / "new.db"), "heart", "71")
    assert "add one with 'veriband wearer add'" in done.output


def test_undo_takes_back_what_was_typed_in_last_and_a_number_is_never_given_again(
    path: str,
) -> None:
    run(path, "bp", "128/82", "--pulse", "71")
    run(path, "heart", "62", "--at", "07:30")  # typed in last, though of earlier
    assert "Taken back: anna, 2026-11-25 07:30: heart rate 62 bpm" in run(path, "undo").output
    assert [set(entry.signs) for entry in kept(path)] == [{BP, PULSE}]
    assert run(path, "heart", "63").output.startswith("3: ")
    assert "There is no entered reading 2" in run(path, "forget", "2").output
    assert "128/82" in run(path, "forget", "1").output
    with closing(Store(Path(path))) as store:
        assert store.read("SELECT count(*) FROM entered_sign") == [(1,)], "nothing is left of it"


def test_the_list_shows_the_last_of_many(path: str) -> None:
    for minute in range(25):
        run(path, "heart", "62", "--at", f"07:{minute:02}")
    lines = run(path, "list").output.splitlines()
    assert (lines[0][:26], len(lines)) == ("6: anna, 2026-11-25 07:05:", 21)
    assert len(run(path, "list", "--all").output.splitlines()) == 26


def test_two_who_type_in_at_once_are_both_kept(path: str) -> None:
    def many(bpm: int) -> None:
        with closing(Store(Path(path))) as store:
            for _ in range(20):
                sign = plausible.heart_rate(bpm)
                store.enter(store.wearer("anna"), Entry(NOW_MS, TYPED_IN, (sign,)), NOW_MS)

    threads = [threading.Thread(target=many, args=(bpm,)) for bpm in (60, 70)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rates = [sign.first for entry in kept(path) for sign in entry.signs]
    assert sorted(rates) == [60] * 20 + [70] * 20


@given(st.integers(-10, 400), st.integers(-10, 400))
def test_a_blood_pressure_is_plausible_or_says_why_not(systolic: int, diastolic: int) -> None:
    is_one = 50 <= systolic <= 300 and 20 <= diastolic <= 200 and systolic > diastolic
    if is_one:
        sign = plausible.blood_pressure(systolic, diastolic)
        assert sign == (VITAL_BLOOD_PRESSURE, STATUS_OK, systolic, diastolic)
    else:
        with pytest.raises(ValueError, match=r"is no blood pressure|cannot be"):
            plausible.blood_pressure(systolic, diastolic)


# The store.


@pytest.fixture
def store(path: str) -> Iterator[Store]:
    with closing(Store(Path(path))) as store:
        yield store


def test_vital_signs_of_a_wearer_are_those_of_the_bands_worn_then_and_those_entered(
    store: Store,
) -> None:
    anna, bob = store.wearer("anna"), store.add_wearer("bob")
    band = store.add_band("C0:98:E5:00:00:01", None, 0)
    store.assign(band, anna, 0, 5000)
    store.assign(band, bob, 5000)
    signs = pack_sign(VITAL_HEART_RATE, STATUS_OK, 72, 90) + pack_sign(VITAL_SPO2, STATUS_MOVING)
    items = [Anchor(0, Kind.ANCHOR, 1, 0), *(reading(k, 1, 2000 * k, signs) for k in range(1, 5))]
    store.commit(band, 7, items, 5, 0)
    store.enter(anna, Entry(4500, TYPED_IN, (BP,)), 0)
    store.enter(anna, Entry(3000, TYPED_IN, (BP,)), 0)
    store.enter(anna, Entry(7000, TYPED_IN, (BP,)), 0)

    def rate(ms: int) -> Taken:
        signs = (Sign(VITAL_HEART_RATE, STATUS_OK, 72, 90), Sign(VITAL_SPO2, STATUS_MOVING, 0, 0))
        return Taken(ms, STRIP, signs)

    def typed(ms: int) -> Entry:
        return Entry(ms, TYPED_IN, (BP,))

    assert store.taken(anna, 3000, 7000) == [typed(3000), rate(4000), typed(4500)]
    assert store.taken(bob, 0, LATEST) == [rate(6000), rate(8000)]
    assert store.taken(anna, 5, 5) == []


def test_a_meter_that_sends_a_reading_again_adds_nothing(store: Store) -> None:
    anna = store.wearer("anna")
    one = Entry(1000, "meter A", (BP, PULSE), stamp="2026-11-25T07:30 1")
    assert store.enter(anna, one, 0) == 1
    again = Entry(9000, "meter A", (PULSE, BP), stamp="2026-11-25T07:30 1")
    assert store.enter(anna, again, 10**12) is None, "whenever it comes"
    assert store.enter(anna, Entry(1000, "meter A", (BP,), stamp=one.stamp), 0) == 2, (
        "other values"
    )
    assert store.enter(anna, Entry(1000, "meter A", one.signs, stamp="later"), 0) == 3
    assert store.enter(anna, Entry(1000, "meter B", one.signs, stamp=one.stamp), 0) == 4


def test_a_reading_without_a_time_is_the_same_only_soon_after(store: Store) -> None:
    anna = store.wearer("anna")
    entry = Entry(0, "meter A", (BP,))
    assert store.enter(anna, entry, 0) == 1
    assert store.enter(anna, entry, REPEAT_MS) is None
    assert store.enter(anna, entry, REPEAT_MS + 1) == 2
    typed = Entry(0, TYPED_IN, (BP,))
    assert [store.enter(anna, typed, 0), store.enter(anna, typed, 0)] == [3, 4]


def test_what_was_taken_back_of_a_meter_does_not_come_back(store: Store) -> None:
    anna = store.wearer("anna")
    entry = Entry(0, "meter A", (BP,), stamp="2026-11-25T07:30 1")
    number = store.enter(anna, entry, 0)
    assert number is not None
    assert store.forget(number) == (anna, entry)
    assert store.enter(anna, entry, 0) is None
    assert store.entered(anna, 0, LATEST) == []
    assert store.taken(anna, 0, LATEST) == []


def test_half_a_reading_is_never_stored(store: Store) -> None:
    with pytest.raises(Exception, match="UNIQUE"):
        store.enter(store.wearer("anna"), Entry(0, TYPED_IN, (BP, BP)), 0)
    assert store.read("SELECT count(*) FROM entered") == [(0,)]
