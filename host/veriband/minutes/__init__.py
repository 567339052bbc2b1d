"""Minutes in files: CSV and Parquet tables of what wearers did, read in chunks and checked."""

from datetime import tzinfo
from pathlib import Path

from veriband.errors import BadInput
from veriband.minutes.parquet import ParquetTable
from veriband.minutes.table import Table
from veriband.minutes.text import CsvTable


def open_table(path: Path, zone: tzinfo | None = None, any_order: bool = False) -> Table:
    """The table in a file whose name ends in .csv or .parquet. Raises BadInput.

    Times with an offset are read on the clock of `zone`, where it is given. `any_order`: a CSV
    file's lines need not be in the order of time.
    """
    match path.suffix.lower():
        case ".csv":
            return CsvTable(path, zone, any_order)
        case ".parquet":
            return ParquetTable(path, zone)
        case _:
            raise BadInput(str(path), "", "its name ends neither in .csv nor in .parquet")
