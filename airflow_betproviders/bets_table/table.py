"""Open the bets table in Delta Lake, list its files, and commit to the version that a change was planned on.

A commit puts the next version in one step, if no other commit has. Delta-rs does not rebase it: a merge that comes second plans again.
So merges are serialisable, whatever they read, and readers never see a table between two states.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from airflow_betproviders.bets_table.arrow.data_files import DataFile
from airflow_betproviders.bets_table.arrow.delta_store import delta_filesystem
from airflow_betproviders.bets_table.schema import PARTITIONS, SCHEMA
from airflow_betproviders.exceptions import DamagedTable, InvalidArgument

if TYPE_CHECKING:
    from deltalake.transaction import AddAction, RemoveAction

_CONFIGURATION = {"delta.checkpointInterval": "20"}
# Columns whose bounds `Snapshot.all_files` reads from the log.
_MIN_MAX = ("bet_id", "placed_at", "slot_start", "slot_end", "extracted_at", "player_id")
# Features that a writer may ignore until a property or a column uses them.
_FEATURES = frozenset(["appendOnly", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns"])
# Prefixes of properties that a commit of this package would ignore. Delta-rs itself refuses some of them.
_PROPERTIES = (
    *("delta.appendOnly", "delta.constraints.", "delta.enableChangeDataFeed", "delta.columnMapping.mode"),
    *("delta.enableDeletionVectors", "delta.enableRowTracking", "delta.enableInCommitTimestamps"),
)


class CommitConflict(Exception):
    """Another commit came first. Plan the change again on a new snapshot."""


class Snapshot:
    """One version of the table, to which a commit applies."""

    def __init__(self, delta: DeltaTable, fs: pafs.FileSystem) -> None:
        self._delta = delta
        self.fs = fs
        self.version = delta.version()

    def files(self, provider: str) -> list[DataFile]:
        """Return the provider's files."""
        return [file for file in self.all_files() if file.provider == provider]

    def all_files(self) -> list[DataFile]:
        """Return the files of all providers, with the bounds of a few columns where the log has them."""
        listed = pa.table(self._delta.get_add_actions(flatten=True))
        min_max = {name: (f"min.{name}", f"max.{name}") for name in _MIN_MAX}
        wanted = ["path", *(f"partition.{name}" for name in PARTITIONS), "size_bytes"]
        wanted += [name for pair in min_max.values() for name in pair if name in listed.column_names]
        return [
            DataFile(
                row["path"],
                row["partition.provider"],
                row["partition.bet_date"],
                row["size_bytes"],
                {
                    name: (row[low], row[high])
                    for name, (low, high) in min_max.items()
                    if row.get(low) is not None and row.get(high) is not None
                },
            )
            for row in listed.select(wanted).to_pylist()
        ]

    def pointer(self, app: str) -> int | None:
        """Return the number that was last committed under an application id, or None; see `merge_state`."""
        version: int | None = self._delta.transaction_version(app)
        return version

    def commit(
        self,
        added: list[AddAction],
        removed: list[RemoveAction],
        pointers: Mapping[str, int],
        summary: Mapping[str, Any],
    ) -> None:
        """Add the next version.

        Raises:
            CommitConflict: the table has moved on since this snapshot.
        """
        properties = CommitProperties(
            max_commit_retries=0,
            app_transactions=[Transaction(app, number) for app, number in pointers.items()],
            custom_metadata={"betproviders": dict(summary)},
        )
        try:
            self._delta.create_write_transaction(
                [*removed, *added],
                mode="append",
                schema=self._delta.schema(),
                partition_by=list(PARTITIONS),
                commit_properties=properties,
            )
        except CommitFailedError as error:
            raise CommitConflict(str(error)) from error


class BetsTable:
    """The bets table at a URI.

    Args:
        uri: the URI, in delta-rs's form.
        options: delta-rs's storage options: credentials, endpoint.
    """

    def __init__(self, uri: str, options: Mapping[str, str] | None = None) -> None:
        self.uri = uri
        self.options = dict(options or {})
        self._fs: pafs.FileSystem | None = None

    def open(self) -> DeltaTable:
        """Open the newest version of the table.

        Raises:
            TableNotFoundError: nothing has been merged yet.
            DamagedTable: its log cannot be read.
            InvalidArgument: it has other columns than a bets table.
        """
        try:
            delta = DeltaTable(self.uri, storage_options=self.options)
        except TableNotFoundError:
            raise
        except DeltaError as error:
            raise DamagedTable(
                f"{self.uri} cannot be opened as a Delta table: {_first_line(error)} If its _delta_log is damaged, restore it from "
                "a backup, or delete the table and merge all slots again. If another tool has given it a newer protocol, name "
                "another folder."
            ) from error
        columns = [field.name for field in delta.schema().fields]
        if columns != SCHEMA.names:
            raise InvalidArgument(
                f"{self.uri} is a Delta table, but not one of bets: its columns are {', '.join(columns)}. Name another folder."
            )
        return delta

    def snapshot(self) -> Snapshot:
        """Return the newest version. Create the table if it does not exist.

        Raises:
            DamagedTable: its log cannot be read.
            InvalidArgument: the table is not one of bets, or another tool has given it columns, partitions, properties or
                features that a commit would ignore.
        """
        try:
            delta = self.open()
        except TableNotFoundError:
            self._create()
            delta = self.open()
        if unfit := list(_unfit(delta)):
            raise InvalidArgument(
                f"{self.uri} is not as the merge makes it: {'; '.join(unfit)}. Undo that, or name another folder and merge all "
                "slots again."
            )
        return Snapshot(delta, self.fs)

    @property
    def fs(self) -> pafs.FileSystem:
        """Return the table's folder as a file system."""
        if self._fs is None:
            self._fs = delta_filesystem(self.uri, self.options)
        return self._fs

    def write_json(self, path: str, document: Any) -> None:
        """Put a small object beside the data."""
        with self.fs.open_output_stream(path) as stream:
            stream.write(json.dumps(document, sort_keys=True).encode())

    def read_json(self, path: str) -> Any:
        """Read an object of `write_json`; None where there is none."""
        try:
            with self.fs.open_input_file(path) as file:
                return json.loads(file.read())
        except FileNotFoundError:
            return None

    def remove(self, path: str) -> None:
        """Delete an object, if it is there."""
        try:
            self.fs.delete_file(path)
        except FileNotFoundError:
            return

    def _create(self) -> None:
        try:
            DeltaTable.create(
                self.uri,
                SCHEMA,
                mode="ignore",
                partition_by=list(PARTITIONS),
                name="bets",
                configuration=_CONFIGURATION,
                storage_options=self.options,
            )
        except DeltaError as error:
            if not DeltaTable.is_deltatable(self.uri, storage_options=self.options):  # else another task made it first
                raise InvalidArgument(
                    f"{self.uri} cannot be created: {_first_line(error)} Name a folder that does not exist or is empty."
                ) from error


def _unfit(delta: DeltaTable) -> Iterator[str]:
    """Yield each difference from a table that `BetsTable` creates, if a commit would ignore it or fail."""
    for ours, field in zip(Schema.from_arrow(SCHEMA).fields, delta.schema().fields, strict=True):
        expected, actual = json.loads(ours.to_json()), json.loads(field.to_json())
        if actual["type"] != expected["type"]:
            yield f"column {field.name} is {actual['type']}, not {expected['type']}"
        if not actual["nullable"]:
            yield f"column {field.name} is not nullable"
        yield from (f"column {field.name} has {name}" for name in actual["metadata"] if name.startswith("delta."))
    metadata, protocol = delta.metadata(), delta.protocol()
    if sorted(metadata.partition_columns) != sorted(PARTITIONS):
        yield f"it is partitioned by {', '.join(metadata.partition_columns) or 'nothing'}, not by {', '.join(PARTITIONS)}"
    for name, value in metadata.configuration.items():
        if name.startswith(_PROPERTIES) and value not in {"false", "none"}:
            yield f"it has the property {name}={value}"
    if features := {*(protocol.reader_features or ()), *(protocol.writer_features or ())} - _FEATURES:
        yield f"it has the Delta features {', '.join(sorted(features))}"


def _first_line(error: DeltaError) -> str:
    """Return the message without delta-rs's own stack trace."""
    return f"{str(error).splitlines()[0].rstrip('.')}."
