"""Tables of minutes: what is read, what is refused by line and column, what is set aside."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from veriband.errors import BadInput, VeribandError
from veriband.minutes import Table, open_table, text
from veriband.minutes.text import BACKWARDS

HEAD = "wearer,minute,steps,heart_rate_bpm,sex,age,height_m,rest_bpm"
Held = list[tuple[str, int, str, int, float | None]]  # wearer, offset, local minute, steps, rate


def csv(folder: Path, *lines: str, head: str = "wearer,minute,steps") -> Path:
    path = folder / "minutes.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def parquet(folder: Path, **columns: Any) -> Path:
    path = folder / "minutes.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def held(table: Table) -> Held:
    """Everything in a table, as it was read."""
    result: Held = []
    for chunk in table.chunks():
        strands, of = table.strands(), chunk.minutes
        for i in range(len(of)):
            strand = of.strand[i]
            when = str(np.datetime64(int(of.minute[i]), "m"))
            rate = None if of.heart_rate is None else float(of.heart_rate[i])
            rate = None if rate is None or np.isnan(rate) else rate
            name = table.names[strands.wearer[strand]]
            result.append((name, int(strands.offset[strand]), when, int(of.steps[i]), rate))
    return result


def read(path: Path, zone: tzinfo | None = None, any_order: bool = False) -> Held:
    return held(open_table(path, zone, any_order))


def aside(table: Table) -> dict[str, tuple[int, str]]:
    for _ in table.chunks():
        pass
    return {why: (reason.count, reason.first) for why, reason in table.set_aside.items()}


def test_a_csv_file_is_read(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        "anna,2016-04-19T10:00,100,80,f,52,1.62,58",
        "",
        '"bo, jr",2016-04-19 10:00:00,0,,,,,',
        "anna,2016-04-19T10:01,,0,,,,",
        head=HEAD,
    )
    table = open_table(path)
    assert held(table) == [
        ("anna", 0, "2016-04-19T10:00", 100, 80.0),
        ("bo, jr", 0, "2016-04-19T10:00", 0, None),
        ("anna", 0, "2016-04-19T10:01", -2, 0.0),
    ]
    who = table.wearers()
    assert who.female.tolist() == [True, False]
    assert who.age[0] == 52
    assert who.height_m[0] == 1.62
    assert who.rest_bpm[0] == 58
    assert np.isnan(who.age[1])
    assert not table.aware
    assert table.done == 1
    assert not table.set_aside


def test_a_byte_order_mark_and_crlf_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "minutes.CSV"
    path.write_bytes(b"\xef\xbb\xbfwearer, minute ,steps\r\na,2016-04-19T10:00,5\r\n")
    assert read(path) == [("a", 0, "2016-04-19T10:00", 5, None)]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a,2016-04-19T10:01,abc,,,,,", "line 3, column steps: 'abc' is not a whole number"),
        ("a,2016-04-19T10:01,-4,,,,,", "line 3, column steps: '-4'"),
        ("a,2016-04-19T10:01,1_0,,,,,", "line 3, column steps: '1_0'"),
        ("a,2016-04-19T10:01,1.5,,,,,", "line 3, column steps: '1.5'"),
        ("a,2016-04-19T10:01,nan,,,,,", "line 3, column steps: 'nan'"),
        (
            "a,4/19/2016 10:01,5,,,,,",
            "line 3, column minute: '4/19/2016 10:01' is not a time like",
        ),
        ("a,2016-04-19,5,,,,,", "line 3, column minute: '2016-04-19' is not a time like"),
        ("a,,5,,,,,", "line 3, column minute: '' is not a time like"),
        (
            "a,2016-04-19T10:01:30,5,,,,,",
            "line 3, column minute: '2016-04-19T10:01:30' is not the",
        ),
        ("a,0016-04-19T10:01,5,,,,,", "line 3, column minute: '0016-04-19T10:01' is not between"),
        ("a,2016-04-19T10:01Z,5,,,,,", "line 3, column minute: times with an offset from UTC and"),
        ("a,2016-04-19T10:01,5,-3,,,,", "line 3, column heart_rate_bpm: '-3' is not a heart rate"),
        ("a,2016-04-19T10:01,5,inf,,,,", "line 3, column heart_rate_bpm: 'inf'"),
        ("a,2016-04-19T10:01,5,x,,,,", "line 3, column heart_rate_bpm: 'x'"),
        ("a,2016-04-19T10:01,5,,x,,,", "line 3: sex 'x' is neither m nor f"),
        ("a,2016-04-19T10:01,5,,,200,,", "line 3: age '200' is not a number from 1 to 120"),
        ("a,2016-04-19T10:01,5,,,,175,", "line 3: height_m '175' is not a number from 0.5 to 2.5"),
        ("a,2016-04-19T10:01,5,,,,,9", "line 3: rest_bpm '9' is not a number from 25 to 120"),
        ("a,2016-04-19T10:01,5,,m,,,", "line 3: wearer a has two values of sex"),
        (" ,2016-04-19T10:01,5,,,,,", "line 3, column wearer: a wearer without a name"),
        ("a,2016-04-19T10:01,5", "line 3: 3 cells, where the first line names 8 columns"),
        ('a,"2016,5,,,,,', "line 3: "),
    ],
)
def test_a_bad_row_is_named_by_line_and_column(tmp_path: Path, line: str, says: str) -> None:
    path = csv(tmp_path, "a,2016-04-19T10:00,5,60,f,30,1.7,60", line, head=HEAD)
    with pytest.raises(BadInput) as error:
        read(path)
    assert f"minutes.csv, {says}" in str(error.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no column 'wearer' (its columns are: none)"),
        (b"wearer,steps\n", "no column 'minute' (its columns are: wearer, steps)"),
        (b"wearer,minute,steps,steps\n", "two columns are called 'steps'"),
        (b"wearer,minute,steps\n\xff\xfe", "it is no UTF-8 text"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "minutes.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput) as error:
        read(path)
    assert says in str(error.value)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"ends neither in \.csv nor in \.parquet"):
        open_table(tmp_path / "minutes.xlsx")


def test_impossible_values_are_set_aside_with_their_reason(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        "a,2016-04-19T10:00,400,80",
        "a,2016-04-19T10:01,1e300,80",
        "a,2016-04-19T10:02,300,900",
        head="wearer,minute,steps,heart_rate_bpm",
    )
    table = open_table(path)
    assert [row[3:] for row in held(table)] == [(-2, 80.0), (-2, 80.0), (300, None)]
    assert aside(table) == {
        "more than 300 steps in a minute": (2, "line 2"),
        "a heart rate outside 25 to 250 bpm, taken as unknown": (1, "line 4"),
    }, "noted once, however often it is read"


def test_time_that_goes_backwards_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "a,2016-04-19T10:00,1", "b,2016-04-19T09:00,2", "a,2016-04-19T10:05,3",
        "a,2016-04-19T10:04,4", "b,2016-04-19T09:01,5", "a,2016-04-19T09:59,6",
        "a,2016-04-19T10:05,7", "a,2016-04-19T10:06,8",
    ]  # fmt: skip
    path = csv(tmp_path, *lines)
    for at_once in (1, 3, 100):
        monkeypatch.setattr(text, "LINES_AT_ONCE", at_once)
        table = open_table(path)
        assert [row[3] for row in held(table)] == [1, 2, 3, 5, 7, 8]
        assert table.set_aside[BACKWARDS].count == 2
        assert table.set_aside[BACKWARDS].first == "line 5"
    assert [row[3] for row in read(path, any_order=True)] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_offsets_are_the_clock_unless_a_zone_is_named(tmp_path: Path) -> None:
    path = csv(tmp_path, "a,2024-03-31T00:59Z,1", "a,2024-03-31T03:00+02:00,2")
    assert read(path) == [
        ("a", 0, "2024-03-31T00:59", 1, None),
        ("a", 120, "2024-03-31T03:00", 2, None),
    ]
    assert read(path, ZoneInfo("Asia/Kolkata")) == [
        ("a", 330, "2024-03-31T06:29", 1, None),
        ("a", 330, "2024-03-31T06:30", 2, None),
    ]


def test_the_hour_that_comes_twice_in_autumn_does_not_go_backwards(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        *(f"a,2024-10-27T02:{m:02d}+02:00,5" for m in range(60)),
        *(f"a,2024-10-27T02:{m:02d}+01:00,6" for m in range(60)),
    )
    table = open_table(path)
    assert len(held(table)) == 120
    assert not table.set_aside


def test_a_line_without_an_end_and_columns_without_number_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "LONGEST", 100)
    with pytest.raises(BadInput, match="a line of 100 characters or more"):
        read(csv(tmp_path, "a,2016-04-19T10:00," + "5" * 200))
    kept = csv(tmp_path, "x,a,2016-04-19T10:00,y,5,z", head="1,wearer,minute,2,steps,3")
    assert read(kept) == [("a", 0, "2016-04-19T10:00", 5, None)]


def test_a_file_that_changes_between_two_readings_is_refused(tmp_path: Path) -> None:
    table = open_table(csv(tmp_path, "a,2016-04-19T10:00,5"))
    held(table)
    held(table)
    csv(tmp_path, "a,2016-04-19T10:00,5", "a,2016-04-19T10:01,5")
    with pytest.raises(BadInput, match="it changed while it was read"):
        held(table)


# Parquet.


def stamps(*words: str, unit: str = "us", zone: str | None = None) -> pa.Array:
    return pa.array(
        np.array(words, "datetime64[s]").astype(f"datetime64[{unit}]"), pa.timestamp(unit, zone)
    )


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(
    "names",
    [lambda n: pa.array(n), lambda n: pa.array(n).dictionary_encode(),
     lambda n: pa.array(n, pa.large_string())],
)  # fmt: skip
def test_a_parquet_file_is_read(
    tmp_path: Path, unit: str, names: Callable[[list[str]], pa.Array]
) -> None:
    path = parquet(
        tmp_path,
        wearer=names(["a", "b", "a"]),
        minute=stamps("2016-04-19T10:05", "2016-04-19T10:00", "2016-04-19T10:01", unit=unit),
        steps=pa.array([100, None, 400], pa.int16()),
        heart_rate_bpm=pa.array([80.0, None, float("nan")]),
        age=pa.array([52, None, 52]),
        other=pa.array(["x", "y", "z"]),
    )
    table = open_table(path)
    assert held(table) == [
        ("a", 0, "2016-04-19T10:05", 100, 80.0),
        ("b", 0, "2016-04-19T10:00", -2, None),
        ("a", 0, "2016-04-19T10:01", -2, None),
    ]
    assert table.wearers().age.tolist()[:1] == [52]
    assert aside(table) == {"more than 300 steps in a minute": (1, "row 3")}


@pytest.mark.parametrize("kind", [f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)])
def test_steps_may_be_any_integers(tmp_path: Path, kind: str) -> None:
    most = min(400, np.iinfo(kind).max)
    path = parquet(
        tmp_path,
        wearer=pa.array(["a", "a"]),
        minute=stamps("2016-04-19T10:00", "2016-04-19T10:01"),
        steps=pa.array([7, most], kind),
    )
    assert [row[3] for row in read(path)] == [7, most if most <= 300 else -2]


def test_numbers_and_words_will_do_where_they_are_plain(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        wearer=pa.array([7, 8]),
        minute=pa.array(["2016-04-19T10:00", "2016-04-19T10:01"]),
        steps=pa.array([3.0, None]),
    )
    assert read(path) == [
        ("7", 0, "2016-04-19T10:00", 3, None),
        ("8", 0, "2016-04-19T10:01", -2, None),
    ]


@pytest.mark.parametrize(
    ("zone", "named", "expected"),
    [
        ("Europe/Berlin", None, [(60, "01:59"), (120, "03:00")]),
        ("UTC", None, [(0, "00:59"), (0, "01:00")]),
        ("+05:30", None, [(330, "06:29"), (330, "06:30")]),
        ("UTC", "America/New_York", [(-240, "20:59"), (-240, "21:00")]),
    ],
)
def test_zoned_timestamps_are_read_on_the_wearers_clock(
    tmp_path: Path, zone: str, named: str | None, expected: list[tuple[int, str]]
) -> None:
    path = parquet(
        tmp_path,
        wearer=pa.array(["a", "a"]),
        minute=stamps("2024-03-31T00:59", "2024-03-31T01:00", zone=zone),
        steps=pa.array([1, 2]),
    )
    got = read(path, ZoneInfo(named) if named else None)
    assert [(offset, when[11:]) for _, offset, when, _, _ in got] == expected


def test_years_of_a_zone_have_the_offsets_that_the_zone_had(tmp_path: Path) -> None:
    hours = np.arange(0, 3 * 365 * 24, 7)
    utc = np.datetime64("2021-01-01T00:00", "s") + hours * np.timedelta64(3600, "s")
    path = parquet(
        tmp_path, wearer=pa.array(["a"] * len(hours)), steps=pa.array([1] * len(hours)),
        minute=pa.array(utc, pa.timestamp("s", "Australia/Lord_Howe")),
    )  # fmt: skip
    zone = ZoneInfo("Australia/Lord_Howe")
    expected = [
        int(datetime.fromtimestamp(int(s), UTC).astimezone(zone).utcoffset().total_seconds()) // 60  # pyright: ignore
        for s in utc.astype(np.int64)
    ]
    assert [row[1] for row in read(path)] == expected
    assert set(expected) == {630, 660}


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("steps", pa.array([1, -1]), "row 2, column steps: -1 is not a whole number of steps"),
        ("steps", pa.array([1.0, 1.5]), "row 2, column steps: 1.5 is not"),
        ("steps", pa.array(["1", "x"]), "row 1, column steps: '1' is not a number"),
        ("wearer", pa.array(["a", None]), "row 2, column wearer: None is not a wearer's name"),
        ("minute", stamps("2016-04-19T10:00:30", "2016-04-19T10:01"), "row 1, column minute: "),
        ("minute", stamps("2016-04-19T10:00", "NaT"), "row 2, column minute: NaT"),
        ("minute", stamps("1016-04-19T10:00", "2016-04-19T10:01"), "row 1, column minute: "),
        ("minute", pa.array([1, 2]), "column minute: its type int64 is none for it"),
        ("minute", pa.array([1, 2], pa.time32("s")), "column minute: its type time32["),
        ("minute", pa.array(["10:00", "x"]), "row 1, column minute: '10:00' is not a time like"),
        ("minute", stamps("2016-04-19T10:00", "2016-04-19T10:01", zone="Mars/Phobos"), "--zone"),
        ("minute", stamps("2016-04-19T10:00", "2016-04-19T10:01", zone="UTC+1"), "--zone"),
        ("steps", pa.array([1.0, np.inf]), "row 2, column steps: inf is not a whole number"),
        ("wearer", pa.array([1.5, 2.5]), "column wearer: its type double is none for it"),
        ("wearer", pa.array([["a"], ["b"]]), "column wearer: its type list"),
        ("age", pa.array([[1], [2]]), "column age: its type list"),
        ("heart_rate_bpm", pa.array([60.0, -1.0]), "row 2, column heart_rate_bpm: -1.0 is not"),
        ("heart_rate_bpm", pa.array(["x", "y"]), "row 1, column heart_rate_bpm: 'x' is not"),
        ("age", pa.array([10, 200]), "wearer b: age '200' is not a number from 1 to 120"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column(
    tmp_path: Path, column: str, values: pa.Array, says: str
) -> None:
    columns = {
        "wearer": pa.array(["a", "b"]),
        "minute": stamps("2016-04-19T10:00", "2016-04-19T10:01"),
        "steps": pa.array([1, 2]),
    }
    with pytest.raises(BadInput) as error:
        read(parquet(tmp_path, **columns | {column: values}))
    assert says in str(error.value)


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "minutes.parquet"
    for content in (b"", b"PAR1 nonsense PAR1", b"wearer,minute,steps\n"):
        path.write_bytes(content)
        with pytest.raises(BadInput, match="cannot be read"):
            read(path)


def test_an_empty_parquet_file_has_no_minutes(tmp_path: Path) -> None:
    columns = {"wearer": pa.string(), "minute": pa.timestamp("us"), "steps": pa.int16()}
    assert read(parquet(tmp_path, **{n: pa.array([], kind) for n, kind in columns.items()})) == []


def test_without_pyarrow_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    (tmp_path / "minutes.parquet").touch()
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(VeribandError, match=r"pip install '\.\[export\]'"):
        read(tmp_path / "minutes.parquet")
