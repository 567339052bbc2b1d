"""`veriband-sim ppg` as its user meets it: from a file through the sensor and the firmware."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "veriband_simulator", "ppg"]
Row = tuple[float, ...]


def start(
    *arguments: str | Path, stdout: int | IO[str] = subprocess.PIPE
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def heard(*arguments: str | Path) -> list[dict[str, float | str | None]]:
    """The windows that it told of."""
    process = start(*arguments, "--json")
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return [json.loads(line) for line in output.splitlines()]


def beat(s: float, bpm: float) -> float:
    turns = 2 * math.pi * bpm / 60 * s
    return math.sin(turns) + 0.4 * math.sin(2 * turns + 1)


def written(
    folder: Path, columns: str, row: Callable[[float], Row], seconds: float = 36, hz: float = 25
) -> Path:
    path = folder / "recording.csv"
    lines = [columns]
    for k in range(round(seconds * hz)):
        lines.append(",".join(f"{value:.6g}" for value in (k / hz, *row(k / hz))))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_recorded_finger_has_the_heart_rate_of_its_chest_strap(tmp_path: Path) -> None:
    table = pq.read_table(ROOT / "tests" / "data" / "ppg_welltory.parquet")
    recording = table.to_pylist()[8]
    infrared: Sequence[int] = recording["ir"]
    path = written(tmp_path, "time_s,ir", lambda s: (infrared[round(s * 25)],), len(infrared) / 25)
    windows = heard(path, "--rate", "25")
    strap = 60_000 / (sum(recording["rr_ms"]) / len(recording["rr_ms"]))
    rates = [w["bpm"] for w in windows if isinstance(w["bpm"], int)]
    assert len(windows) == 7
    assert len(rates) >= 6
    assert sum(rates) / len(rates) == pytest.approx(strap, abs=1.5)
    assert [w["time_s"] for w in windows] == pytest.approx([11.28 * k for k in range(1, 8)], abs=1)


def test_the_pulse_is_in_the_infrared_light(tmp_path: Path) -> None:
    """Red is flat: who takes it for infrared, or lights the wrong LED, finds nothing."""
    path = written(tmp_path, "time_s,ir,red", lambda s: (100_000 - 300 * beat(s, 66), 90_000))
    assert [(w["status"], w["bpm"]) for w in heard(path)] == [("ok", 66)] * 3


def test_the_infrared_light_has_no_pulse_that_only_red_has(tmp_path: Path) -> None:
    path = written(tmp_path, "time_s,ir,red", lambda s: (100_000, 90_000 - 300 * beat(s, 66)))
    assert [(w["status"], w["bpm"]) for w in heard(path)] == [("no pulse", None)] * 3


def test_with_red_light_the_saturation_is_told_and_called_uncalibrated(tmp_path: Path) -> None:
    """R is (0.18 % of red) / (0.3 % of infrared) = 0.6."""
    path = written(
        tmp_path,
        "time_s,ir,red",
        lambda s: (100_000 - 300 * beat(s, 66), 50_000 - 90 * beat(s, 66)),
    )
    assert [(w["bpm"], w["spo2"], w["spo2_status"]) for w in heard(path)] == [(66, 95, "ok")] * 3
    process = start(path)
    output, errors = process.communicate()
    head, *lines = [line.split() for line in output.splitlines()]
    assert head == ["time_s", "bpm", "quality", "status", "spo2", "status"]
    assert [line[-2:] for line in lines] == [["95", "ok"]] * 3
    assert "uncalibrated" in errors


@pytest.mark.parametrize(("share", "shown"), [(1, 0.5), (0.5, 1), (2, 1), (1, 2)])
def test_the_arms_rhythm_is_not_taken_for_the_pulse(
    share: float, shown: float, tmp_path: Path
) -> None:
    """An arm at 130 steps a minute gives the light three times the pulse's amplitude, at its step
    rate, half or double; its acceleration shows the same or another of these."""

    def row(s: float) -> Row:
        light = 100_000 - 300 * beat(s, 88) + 900 * math.sin(2 * math.pi * 130 * share / 60 * s)
        swing = 0.3 * math.sin(2 * math.pi * 130 * shown / 60 * s)
        return light, swing, 0.3 * swing, 1.0

    windows = heard(written(tmp_path, "time_s,ir,ax,ay,az", row, 24))
    assert len(windows) == 2
    for window in windows:
        assert window["status"] == "moving" or window["bpm"] == pytest.approx(88, abs=4)


def test_a_pulse_that_beats_with_the_arm_is_not_told(tmp_path: Path) -> None:
    def row(s: float) -> Row:
        swing = math.sin(2 * math.pi * 2 * s)
        return 100_000 - 300 * beat(s, 124) + 600 * swing, 0.3 * swing, 0.0, 1.0

    windows = heard(written(tmp_path, "time_s,ir,ax,ay,az", row, 24))
    assert [(w["status"], w["bpm"]) for w in windows] == [("moving", None)] * 2


def test_it_ends_with_the_recording_wherever_that_ends(tmp_path: Path) -> None:
    """At 16.12 s, which is a bit more than 16,120,000 us in floating point."""
    assert 403 / 25 * 1e6 > 16_120_000
    path = written(tmp_path, "time_s,ir", lambda s: (100_000 - 300 * beat(s, 66),), 404 / 25)
    assert [w["bpm"] for w in heard(path)] == [66]


def test_a_table_for_the_eye(tmp_path: Path) -> None:
    process = start(written(tmp_path, "time_s,ir", lambda s: (100_000 - 300 * beat(s, 66),)))
    output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    head, *lines = [line.split() for line in output.splitlines()]
    assert head == ["time_s", "bpm", "quality", "status"]
    assert [line[1] for line in lines] == ["66"] * 3


def test_values_that_are_no_counts_get_a_hint(tmp_path: Path) -> None:
    path = written(tmp_path, "time_s,ir", lambda s: (0.5 - 0.003 * beat(s, 66),))
    process = start(path)
    output, errors = process.communicate()
    assert process.returncode == 0
    assert output.count("not worn") > 10
    assert " ok" not in output
    assert "--scale auto" in errors
    assert errors.count("\n") == 1
    assert [w["bpm"] for w in heard(path, "--scale", "auto")] == [66] * 3


def test_acceleration_in_metres_is_understood_and_told(tmp_path: Path) -> None:
    path = written(
        tmp_path, "time_s,ir,ax,ay,az", lambda s: (100_000 - 300 * beat(s, 66), 0, 0, 9.8)
    )
    process = start(path)
    output, errors = process.communicate()
    assert process.returncode == 0
    assert output.count(" ok") == 3
    assert "m/s2" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        ("", (), "The file is empty"),
        ("time_s,ir\n0,1\n0.04,x\n", (), "Line 3, column ir: 'x' is no number"),
        ("ir\n" + "100000\n" * 250, ("--rate", "25"), "It lasts 10.0 s"),
        ("ir\n" + "100000\n" * 250, ("--scale", "0"), "--scale 0"),
        ("ir\n" + "100000\n" * 250, ("--scale", "1e308"), "--scale 1e308"),
        ("ir\n" + "1e308\n" * 250, (), "Line 2, column ir: 1e308 is no number to play."),
        (None, (), "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_sentence(
    content: str | None, arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "recording.csv"
    if content is not None:
        path.write_text(content)
    process = start(path, *arguments)
    output, errors = process.communicate()
    assert (process.returncode, output) == (2, "")
    assert said in errors
    assert errors.count("\n") == 1


def test_ctrl_c_ends_it_and_the_firmware_with_it(tmp_path: Path) -> None:
    path = written(tmp_path, "time_s,ir", lambda s: (100_000 - 300 * beat(s, 66),), 4000, 10)
    process = start(path)
    assert process.stdout
    process.stdout.readline()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (128 + signal.SIGINT, "Stopped.\n")


def test_who_stops_reading_ends_it_without_a_word(tmp_path: Path) -> None:
    path = written(tmp_path, "time_s,ir", lambda s: (100_000 - 300 * beat(s, 66),), 1000, 10)
    with start(path) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
