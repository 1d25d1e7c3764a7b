"""Compute a digest of rows: two slots with the same digest have the same rows, whenever they were read."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from airflow_betproviders.extraction.decode import arrays


class Digest:
    """Digest tables one after the other. Chunks, and what lies in memory under a null, make no difference."""

    def __init__(self) -> None:
        # It detects changes, not forgeries: anyone who can write the file can write its digest.
        self._hash = xxhash.xxh3_128()

    def add(self, table: pa.Table) -> None:
        """Add the rows of a table."""
        for name in table.column_names:
            self._hash.update(f"{name} {table.num_rows} ".encode())
            self._add(arrays.combined(table[name]))

    def text(self) -> str:
        """Return the digest so far, as 32 hexadecimal digits."""
        return self._hash.hexdigest()

    def _add(self, column: pa.Array) -> None:
        if column.null_count:
            self._add(pc.is_valid(column))
            column = column.drop_null()
        if pa.types.is_struct(column.type):
            for child in column.flatten():
                self._add(child)
        elif pa.types.is_map(column.type):
            offsets = column.offsets
            inside = slice(offsets[0].as_py(), offsets[-1].as_py())
            self._add(pc.pairwise_diff(offsets)[1:])
            self._add(column.keys[inside])
            self._add(column.items[inside])
        elif pa.types.is_list(column.type):
            self._add(pc.list_value_length(column))
            self._add(column.flatten())
        elif pa.types.is_string(column.type):
            self._add(pc.binary_length(column))
            if data := column.buffers()[2]:
                ends = arrays.offsets(column)
                self._hash.update(memoryview(data)[ends[0] : ends[-1]])
        else:
            if pa.types.is_boolean(column.type):
                column = column.cast(pa.uint8())
            width = column.type.bit_width // 8
            if data := column.buffers()[1]:  # without a copy, which takes long for a row group
                self._hash.update(memoryview(data)[column.offset * width : (column.offset + len(column)) * width])
