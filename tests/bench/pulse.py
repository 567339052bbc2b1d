"""How right heart rates are, at rest and with an arm that swings, beside HeartPy and NeuroKit2."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.ppg import Floats, Window, answers, shaken, windows

HERE = Path(__file__).parent
PEERS = HERE.parents[1] / ".venv-bench-pulse" / "bin" / "python"
OURS, OTHERS = "veriband", ("heartpy", "neurokit2")
ARMS = 3  # that shake each window
SEED = 2026
REST_MAE_BPM, MOTION_WITHIN, MOTION_REFUSED = 2.0, 95, 60
CLOSE_BPM = 5
KINDS = {
    "any step rate, 60-180 a minute": (),
    "within 8 % of the pulse": (1.0,),
    "within 8 % of its half or double": (0.5, 2.0),
    "8 to 18 % beside it, its half or double": (0.5, 1.0, 2.0),
}


def step_rate(rng: np.random.Generator, kind: str, bpm: float) -> float:
    """Steps a second, 1 to 3, of an arm of that kind."""
    if KINDS[kind]:
        for _ in range(100):
            aside = rng.uniform(0.08, 0.18) if "beside" in kind else rng.uniform(0, 0.08)
            hz = bpm / 60 * rng.choice(KINDS[kind]) * (1 + rng.choice((-1, 1)) * aside)
            if 1 <= hz <= 3:
                return hz
    return rng.uniform(1, 3)


def theirs(peer: str, asked: Sequence[Window]) -> tuple[Floats, float]:
    """A peer's heart rates, NaN where it refuses, and its CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "windows.npy", Path(folder) / "rates.npy"
        np.save(given, np.array([window.infrared for window in asked]))
        done = subprocess.run(
            [str(PEERS), str(HERE / "peers" / f"{peer}_rates.py"), str(given), str(result)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return np.load(result), json.loads(done.stdout.splitlines()[-1])["cpu_s"]


def ours(asked: Sequence[Window]) -> tuple[Floats, float]:
    """The firmware's heart rates, NaN where it refuses, and its CPU seconds."""
    said = answers(asked)
    return np.where(said.bpm > 0, said.bpm, np.nan), said.cpu_s


def _line(name: str, rates: Floats, truth: Floats, cpu_s: float) -> str:
    wrong = np.abs(rates - truth)
    said = ~np.isnan(rates)
    close = (wrong <= CLOSE_BPM) & said
    cells = [
        f"{wrong[said].mean():.2f}" if said.any() else "-",
        f"{100 * close.sum() / said.sum():.1f} %" if said.any() else "-",
        f"{100 * (1 - said.mean()):.1f} %",
        f"{100 * (said & ~close).mean():.1f} %",
        f"{1000 * cpu_s / len(rates):.2f}",
    ]
    return f"  {name:34}" + "".join(f"{cell:>14}" for cell in cells)


def compare(title: str, asked: Sequence[Window]) -> None:
    """Print how right each of the three is on the same windows."""
    truth = np.array([window.bpm for window in asked])
    tuned = np.array([window.recording % 2 == 1 for window in asked])
    found = {OURS: ours(asked)} | {peer: theirs(peer, asked) for peer in OTHERS}
    heads = ("MAE, bpm", "within 5", "refused", "wrong of all", "CPU ms each")
    print(f"\n{title}: {len(asked)} windows\n{'':36}" + "".join(f"{head:>14}" for head in heads))
    for name, (rates, cpu_s) in found.items():
        print(_line(name, rates, truth, cpu_s), flush=True)
    rates, cpu_s = found[OURS]
    for half, which in (
        ("tuned on (odd recordings)", tuned),
        ("unseen (even recordings)", ~tuned),
    ):
        print(_line(f"  {half}", rates[which], truth[which], cpu_s * which.mean()))
    both = np.all([~np.isnan(rates) for rates, _ in found.values()], axis=0)
    print(f"  where all three answer ({both.sum()}): MAE " + ", ".join(
        f"{name} {np.abs(rates - truth)[both].mean():.2f}" for name, (rates, _) in found.items()
    ))  # fmt: skip
    ratios = [f"{found[peer][1] / cpu_s:.1f} x ({peer})" for peer in OTHERS]
    print(f"  CPU beside ours: {', '.join(ratios)}")


def show() -> None:
    """Measure and print."""
    rest = list(windows())
    compare("At rest", rest)
    print(f"  aim: MAE {REST_MAE_BPM:g} or less, and no worse than either")
    for kind in KINDS:
        rng = np.random.default_rng(SEED)
        asked = [
            shaken(rng, window, step_rate(rng, kind, window.bpm))
            for window in rest
            for _ in range(ARMS)
        ]
        compare(f"In motion: {kind}", asked)
        if not KINDS[kind]:
            print(f"  aim: {MOTION_WITHIN} % within 5, at most {MOTION_REFUSED} % refused")
    print(
        "\nRecordings are of fingers on a camera at rest, 54 to 98 beats a minute; the motion is "
        "simulated.\nA window without an answer is refused. The peers are not told the motion. "
        "Our CPU time is MicroPython's."
    )
