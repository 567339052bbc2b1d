"""The configuration: what is wrong in it is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from veriband.alerts.machine import HOUR_MS, MINUTE_MS, Ladder, Rung
from veriband.analysis.ranges import HEART_RATE, SHIPPED, Range, ranges_for
from veriband.configuration import Configuration, read
from veriband.errors import BadInput

WHOLE = """\
[alerts]
rule = "persistent"
expire_h = 12

[[alerts.rung]]
terminals = ["console"]

[[alerts.rung]]
after_min = 2
terminals = [
    "console",
    "phone",
]

[[alerts.rung]]
after_min = 7
terminals = ["phone"]

[[terminal]]
name = "phone"
command = ["notify-send", "Veriband"]

[[range]]
index = "heart rate"
low = 45
high = 105
wearer = "anna"
"""


def test_a_whole_one_is_read(tmp_path: Path):
    path = tmp_path / "veriband.toml"
    path.write_text(WHOLE)
    its = read(path)
    assert its.ladder() == Ladder(
        (
            Rung(0, ("console",)),
            Rung(2 * MINUTE_MS, ("console", "phone")),
            Rung(5 * MINUTE_MS, ("phone",)),
        ),
        12 * HOUR_MS,
    )
    assert ranges_for(its.ranges(), "anna", "f", 30)[HEART_RATE] == Range(
        HEART_RATE, 45, 105, wearer="anna"
    )
    assert ranges_for(its.ranges(), "ben", "m", 30)[HEART_RATE] == SHIPPED[1]


def test_an_empty_one_is_what_there_is_without_one(tmp_path: Path):
    path = tmp_path / "veriband.toml"
    path.write_text("")
    assert read(path) == Configuration()
    assert Configuration().ladder() == Ladder((Rung(0, ("console", "page")),))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"persistent"', '"strict"', "line 2: alerts.rule: 'strict' is none of persistent, cl"),
        ("expire_h = 12", "expire_h = 0", "line 3: alerts.expire_h: expected `float` > 0.0"),
        ("expire_h = 12", "expire_h = nan", "line 3: alerts.expire_h"),
        ("expire_h = 12", "expires_h = 12", "line 3: alerts.expires_h: object contains unknown"),
        ("after_min = 2", 'after_min = "2"', "line 9: alerts.rung[2].after_min: expected `float`"),
        ('    "phone",\n', '    "fax",\n', "line 13: alerts.rung[2].terminals: 'fax' is none of"),
        ("after_min = 7", "after_min = 1", "line 16: alerts.rung[3].after_min: comes before"),
        (
            'name = "phone"',
            'name = "console"',
            "line 20: terminal[1].name: 'console' is there alrea",
        ),
        ('name = "phone"', 'name = "page"', "line 20: terminal[1].name: 'page' is there already"),
        ('["notify-send", "Veriband"]', "[]", "line 21: terminal[1].command: expected `array` of"),
        ('"heart rate"', '"heart"', "line 24: range[1].index: 'heart' is none of heart rate, S"),
        ("low = 45", "low = 145", "line 25: range[1].low: 145 is above high 105"),
        ("low = 45", "low = 4500", "line 25: range[1].low: expected `float` <= 300"),
        ('index = "heart rate"\n', "", "line 23: range[1]: object missing required field `index`"),
        ("[alerts]", "[alerts", "it is no TOML"),
        ("[alerts]", "a" * 5 + " = " + "[" * 5000, "it is no TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, old: str, new: str, told: str):
    path = tmp_path / "veriband.toml"
    assert old in WHOLE
    path.write_text(WHOLE.replace(old, new, 1))
    with pytest.raises(BadInput) as error:
        read(path)
    assert told in str(error.value).replace(f"{path}, ", "").replace(f"{path}: ", "")


def test_what_cannot_be_read_is_said(tmp_path: Path):
    with pytest.raises(BadInput, match="cannot be read"):
        read(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="not UTF-8"):
        read(tmp_path / "binary.toml")
