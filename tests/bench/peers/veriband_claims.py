"""The literal rule as `veriband judge --rule claims` computes it."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measured import measured

from veriband.judge.engine import RULES, judge_table
from veriband.minutes import open_table

path, result = sys.argv[1:]
with measured():
    table = open_table(Path(path))
    found = [of.suspicions for of in judge_table(table, RULES["claims"])]
    wearer = np.concatenate([of.wearer for of in found])
    minute = np.concatenate([of.begin for of in found])
    columns = {
        "wearer": pa.DictionaryArray.from_arrays(wearer, pa.array(table.names)),
        "hour": minute.astype("datetime64[m]").astype("datetime64[us]"),
    }
    pq.write_table(pa.table(columns), result)
