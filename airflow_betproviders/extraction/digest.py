"""A digest of rows: two slots with the same one hold the same rows, whenever they were read."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.extraction import arrays


class Digest:
    """Takes tables in turn; what lies in memory under a missing value makes no difference, nor how columns are chunked."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()  # which processors have instructions for

    def add(self, table: pa.Table) -> None:
        """Add the rows of a table."""
        for name in table.column_names:
            self._hash.update(f"{name} {table.num_rows} ".encode())
            self._add(arrays.whole(table[name]))

    def text(self) -> str:
        """The digest so far, as 32 hexadecimal digits."""
        return self._hash.hexdigest()[:32]

    def _add(self, column: pa.Array) -> None:
        if column.null_count:
            self._add(pc.is_valid(column))
            column = column.drop_null()
        if pa.types.is_struct(column.type):
            for child in column.flatten():
                self._add(child)
        elif pa.types.is_list(column.type):
            self._add(pc.list_value_length(column))
            self._add(column.flatten())
        else:
            if pa.types.is_boolean(column.type):
                column = column.cast(pa.uint8())
            self._hash.update(pa.record_batch([column], [""]).serialize())
