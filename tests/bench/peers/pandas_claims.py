"""The literal rule in pandas, without a Python function per group."""

import sys

import pandas as pd
from measured import measured

path, result = sys.argv[1:]
with measured():
    table = pd.read_parquet(path)
    table = table[table["minute"].dt.minute < 59].sort_values(["wearer", "minute"])
    table["hour"] = table["minute"].dt.floor("h")
    key = ["wearer", "hour"]
    first = (table["wearer"] != table["wearer"].shift()) | (table["hour"] != table["hour"].shift())
    table["d"] = table["steps"].astype("float32").diff().mask(first)
    table["near"] = table["d"].abs() <= 3
    hours = table.groupby(key, observed=True, sort=False).agg(
        n=("steps", "size"), near=("near", "sum"), largest=("d", "max"), smallest=("d", "min")
    )
    within = (
        hours["near"]
        - (hours["largest"].abs() <= 3).astype(int)
        - (hours["smallest"].abs() <= 3).astype(int)
    )
    hours[(hours["n"] == 59) & (within > 49)].reset_index()[key].to_parquet(result)
