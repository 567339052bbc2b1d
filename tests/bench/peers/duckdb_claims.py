"""The literal rule in DuckDB's SQL: the faster of a form with lists and one with lag()."""

import sys

import duckdb
from measured import measured

path, result = sys.argv[1:]
with measured():
    duckdb.sql(f"""
        COPY (
            WITH hours AS (
                SELECT wearer, date_trunc('hour', minute) AS hour, list(steps ORDER BY minute) AS s
                FROM read_parquet('{path}')
                WHERE minute(minute) < 59
                GROUP BY ALL
                HAVING count(*) = 59
            ), differences AS (
                SELECT wearer, hour, [s[i + 1] - s[i] FOR i IN range(1, 59)] AS d FROM hours
            )
            SELECT wearer, hour
            FROM differences
            WHERE len([x FOR x IN d IF abs(x) <= 3])
                - (abs(list_max(d)) <= 3)::INT - (abs(list_min(d)) <= 3)::INT > 49
        ) TO '{result}' (FORMAT parquet)
    """)
