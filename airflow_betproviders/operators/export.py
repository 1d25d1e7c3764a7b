"""Export a day of bets to one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_betproviders import registry
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import DamagedTable, InvalidArgument, NothingStored
from airflow_betproviders.task.arguments import ChecksTemplates, names, optional_text, require_text
from airflow_betproviders.task.deferral import EndsWhenKilled
from airflow_betproviders.task.interval import resolve_interval
from airflow_betproviders.task.storage import open_path
from airflow_betproviders.task.tables import open_table

if TYPE_CHECKING:
    import pyarrow as pa
    from airflow.sdk import Context
    from deltalake import DeltaTable

_FORMATS = (".csv", ".csv.gz", ".parquet")
_ORDER = ("provider", "account", "placed_at", "bet_id")


class ExportBetsOperator(ChecksTemplates, EndsWhenKilled, BaseOperator):
    """Write the bets of some bet dates to one CSV or Parquet file, for finance or for a tool that reads no Delta.

    The file has every bet whose ``bet_date`` is in the interval, sorted by provider, account, placed_at and bet_id. Open and
    missing bets are included; see ``status`` and ``missing_since``. Amounts keep every digit; in CSV,
    times are ISO 8601 in UTC. The file appears when it is complete, and replaces an older one of its name.

    Args:
        table: folder of the bets table, e.g. ``s3://aws_default@lake/bets``.
        path: the file; its name ends in ``.csv``, ``.csv.gz`` or ``.parquet``.
        provider: only this provider's bets.
        columns: the columns of the file; default all but ``rest``.
        start: first bet date (aware, or ISO 8601 with a zone); default the run's partition, else its interval.
        end: end of the bet dates.

    Returns:
        (XCom) path, rows, bytes, and version, which is the version of the table that was read.
    """

    template_fields: Sequence[str] = ("table", "path", "provider", "start", "end")
    ui_color = "#e6eef9"

    def __init__(
        self,
        *,
        table: str,
        path: str,
        provider: str | None = None,
        columns: Sequence[str] | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.path = path
        self.provider = provider
        self.columns = columns
        self.start = start
        self.end = end

    def execute(self, context: Context) -> dict[str, Any]:
        """Write the file."""
        from airflow_betproviders.lake.store.atomic_put import put

        require_text("path", self.path, "s3://aws_default@lake/export/bets.csv")
        if not self.path.endswith(_FORMATS):
            raise InvalidArgument(f"path {self.path!r} must end in one of {', '.join(_FORMATS)}.")
        columns = self._columns()
        provider = optional_text("provider", self.provider, registry.providers()[0])
        interval = resolve_interval(context, self.start, self.end, timedelta(days=1))
        target = open_path(self.path)
        table = self._open_table()
        with TemporaryDirectory(prefix="betproviders-") as folder:
            rows = self._sorted(table, interval, provider, Path(folder))
            file = Path(folder) / target.name
            written = _write(file, rows, columns)
            size = file.stat().st_size
            put(target.fs, file, target.path)
        summary = {"path": self.path, "rows": written, "bytes": size, "version": table.version()}
        self.log.info("exported the bets of %s: %s", interval, summary)
        return summary

    def _columns(self) -> pa.Schema:
        import pyarrow as pa

        from airflow_betproviders.bets_table.schema import SCHEMA

        chosen = names("columns", self.columns) or [name for name in SCHEMA.names if name != "rest"]
        for name in chosen:
            if name not in SCHEMA.names:
                raise InvalidArgument(f"columns: the table has no column {name!r}. It has: {', '.join(SCHEMA.names)}.")
        return pa.schema([SCHEMA.field(name) for name in dict.fromkeys(chosen)])

    def _open_table(self) -> DeltaTable:
        table = open_table(self.table)
        from deltalake.exceptions import TableNotFoundError  # after `open_table` has found deltalake installed

        try:
            return table.open()
        except TableNotFoundError:
            raise NothingStored(
                f"table {self.table!r} does not exist. Merge bets into it first, or correct table=."
            ) from None

    def _sorted(self, table: DeltaTable, interval: Interval, provider: str | None, folder: Path) -> Iterator[pa.Table]:
        """Yield the bets in order. They are sorted in local files, so that memory does not grow with the day.

        Raises:
            InvalidArgument: there is none, and no installed package provides ``provider``.
            DamagedTable: the table cannot be read.
        """
        import numpy as np
        import pyarrow as pa
        import pyarrow.dataset as ds
        from deltalake.exceptions import DeltaProtocolError

        from airflow_betproviders.bets_table.arrow.sorted_rows import SortedRows
        from airflow_betproviders.bets_table.schema import SCHEMA

        last = (interval.end - timedelta(microseconds=1)).date()
        wanted = (ds.field("bet_date") >= interval.start.date()) & (ds.field("bet_date") <= last)
        if provider:
            wanted &= ds.field("provider") == provider
        sorted_rows = SortedRows(folder, _ORDER, _ORDER)
        try:
            for batch in table.to_pyarrow_dataset().to_batches(filter=wanted, batch_size=20_000, batch_readahead=1):
                sorted_rows.append(pa.Table.from_batches([batch]).select(SCHEMA.names).cast(SCHEMA))
        except (DeltaProtocolError, FileNotFoundError, pa.ArrowInvalid) as error:
            raise DamagedTable(
                f"table {self.table!r} cannot be read: {str(error).splitlines()[0]}. Restore what is missing or damaged from a "
                "backup, turn off features that delta-rs does not know, or delete the table and merge all slots again."
            ) from error
        if not sorted_rows.rows:
            if provider:
                registry.check_installed(provider)
            selection = f"{interval} of provider {provider}" if provider else str(interval)
            self.log.warning("table %s has no bet of %s; the file has no rows", self.table, selection)
            return
        sorted_rows.index()
        yield from sorted_rows.read(np.ones(sorted_rows.rows, bool))


def _write(file: Path, tables: Iterator[pa.Table], schema: pa.Schema) -> int:
    """Write the tables' columns of the schema. Return the number of rows."""
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    rows = 0
    with ExitStack() as stack:
        if file.name.endswith(".parquet"):  # the suffix of a file named only so is empty
            writer = stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
        else:
            sink = stack.enter_context(
                pa.output_stream(str(file), compression="gzip" if file.suffix == ".gz" else None)
            )
            writer = stack.enter_context(pacsv.CSVWriter(sink, schema))
        for table in tables:
            writer.write_table(table.select(schema.names))
            rows += table.num_rows
    return rows
