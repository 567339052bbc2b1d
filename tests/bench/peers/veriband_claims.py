"""The literal rule as `veriband judge --rule claims` computes it."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from measured import measured

from veriband.judge.engine import RULES, judge_table
from veriband.minutes import open_table

path, result = sys.argv[1:]
schema = pa.schema(
    [("wearer", pa.dictionary(pa.int64(), pa.string())), ("hour", pa.timestamp("s"))]
)
with measured(), pq.ParquetWriter(result, schema) as writer:
    table = open_table(Path(path))
    names = pa.array([], pa.string())
    for judged in judge_table(table, RULES["claims"], 256 << 20):
        if len(names) != len(table.names):
            names = pa.array(table.names)
        wearer = pa.DictionaryArray.from_arrays(judged.suspicions.wearer, names)
        hour = (judged.suspicions.begin * 60).view("datetime64[s]")
        writer.write_table(pa.table([wearer, pa.array(hour)], schema=schema))
