"""From a Parquet file of minutes to the hours that the literal rule suspects, side by side.

What users would write with pandas, Polars or DuckDB instead; each a process of its own, in turns.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.bench import rows
from tests.bench.rows import Row

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "build" / "bench"
PEERS = ROOT / ".venv-bench" / "bin" / "python"
YEARS, MANY_YEARS = 200, 2000
ROUNDS = {"veriband": 3, "polars": 3, "duckdb": 3, "pandas": 1}
DAYS = 365
ROW_GROUP = 1 << 20


def recorded_days(column: str = "steps") -> np.ndarray:
    """(n, 1440) steps, or what else the minutes have (0: unknown), of real people's days in which
    they moved."""
    table = pq.read_table(HERE.parent / "data" / "fitbit_minutes.parquet")
    minute = table["minute"].to_numpy().astype("datetime64[m]").astype(np.int64)
    wearer = table["wearer"].combine_chunks().indices.to_numpy()
    day, row = np.unique(wearer * 100_000 + minute // 1440, return_inverse=True)

    def of_days(its: str) -> np.ndarray:
        days = np.zeros((len(day), 1440), np.int16)
        days[row, minute % 1440] = table[its].fill_null(0).to_numpy()
        return days

    return of_days(column)[of_days("steps").sum(axis=1) > 0]


def minutes_file(years: int) -> Path:
    """A file of so many wearer-years of real days, 4 % of the hours missing, in no order."""
    path = FOLDER / f"{years}-wearer-years.parquet"
    if path.exists():
        return path
    print(f"Making {path.relative_to(ROOT)} ...", file=sys.stderr, flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    days = recorded_days()
    which = rng.integers(0, len(days), (years, DAYS))
    off = rng.random(years * DAYS * 24) < 0.04
    count = years * DAYS * 1440
    stride = int(count * 0.618) | 1  # visits every minute once, each far from the one before
    while math.gcd(stride, count) != 1:
        stride += 2
    names = pa.array([f"wearer-{k:05d}" for k in range(years)])
    start = np.datetime64("2024-01-01T00:00", "us").astype(np.int64)
    part = path.with_suffix(".part")
    schema = pa.schema(
        [("wearer", pa.dictionary(pa.int32(), pa.string())), ("minute", pa.timestamp("us")),
         ("steps", pa.int16())]
    )  # fmt: skip
    with pq.ParquetWriter(part, schema) as writer:
        for low in range(0, count, ROW_GROUP):
            at = rng.permutation(np.arange(low, min(count, low + ROW_GROUP))) * stride % count
            at = at[~off[at // 60]]
            wearer, minute = at // (DAYS * 1440), at % (DAYS * 1440)
            steps = days[which[wearer, minute // 1440], minute % 1440]
            columns = [
                pa.DictionaryArray.from_arrays(pa.array(wearer.astype(np.int32)), names),
                pa.array(start + minute * 60_000_000, pa.timestamp("us")),
                pa.array(steps),
            ]
            writer.write_table(pa.table(columns, schema=schema))
    part.rename(path)
    return path


def run(peer: str, path: Path) -> tuple[dict[str, float], Path]:
    """What a peer's process says of itself (`wall_s`, `cpu_s`, `peak_mb`), and its result."""
    result = FOLDER / f"{peer}.parquet"
    python = sys.executable if peer == "veriband" else str(PEERS)
    script = HERE / "peers" / f"{peer}_claims.py"
    done = subprocess.run(
        [python, str(script), str(path), str(result)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1]), result


def suspected(path: Path) -> pa.Table:
    """A result in one order and form."""
    table = pq.read_table(path)
    hour = table["hour"].cast(pa.timestamp("us"))
    wearer = table["wearer"].cast(pa.string())
    return pa.table({"wearer": wearer, "hour": hour}).sort_by(
        [("wearer", "ascending"), ("hour", "ascending")]
    )


def show() -> None:
    """Measure 200 wearer-years side by side, and print."""
    path = minutes_file(YEARS)
    figures: dict[str, list[dict[str, float]]] = {peer: [] for peer in ROUNDS}
    results: dict[str, Path] = {}
    for turn in range(max(ROUNDS.values())):
        for peer, times in ROUNDS.items():
            if turn < times:
                print(f"  {peer}, round {turn + 1} of {times}", file=sys.stderr, flush=True)
                figure, results[peer] = run(peer, path)
                figures[peer].append(figure)
    ours = suspected(results["veriband"])
    found: list[Row] = []
    best = min(median(f["wall_s"] for f in figures[peer]) for peer in ROUNDS if peer != "veriband")
    for peer, its in figures.items():
        equal = suspected(results[peer]).equals(ours)
        its_wall = median(f["wall_s"] for f in its)
        found.append(Row(f"{peer}: wall s (median of {len(its)})", f"{its_wall:.1f}"))
        found.append(Row("  CPU s", f"{median(f['cpu_s'] for f in its):.1f}"))
        found.append(Row("  peak memory, MB", f"{max(f['peak_mb'] for f in its):.0f}"))
        if peer != "veriband":
            found.append(Row("  the same suspicions", "yes" if equal else "NO", "yes"))
    our_wall = median(f["wall_s"] for f in figures["veriband"])
    found.append(Row("times as fast as the best of them", f"{best / our_wall:.1f}", "2 or more"))
    minutes = pq.ParquetFile(path).metadata.num_rows
    rows.show(f"{YEARS} wearer-years ({minutes:,} minutes), {len(ours):,} suspected hours", found)


def scale() -> None:
    """Measure our memory at 200 and at 2,000 wearer-years, and print."""
    peaks: list[float] = []
    found: list[Row] = []
    for years in (YEARS, MANY_YEARS):
        path = minutes_file(years)
        print(f"  veriband, {years} wearer-years", file=sys.stderr, flush=True)
        figure, _ = run("veriband", path)
        peaks.append(figure["peak_mb"])
        found.append(Row(f"{years} wearer-years: wall s", f"{figure['wall_s']:.1f}"))
        found.append(Row("  peak memory, MB", f"{figure['peak_mb']:.0f}"))
    found.append(Row("memory at ten times the minutes", f"{peaks[1] / peaks[0]:.2f} x", "flat"))
    rows.show("Scale", found)
