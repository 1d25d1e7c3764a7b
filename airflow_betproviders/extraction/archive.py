"""Archive every raw answer of a slot, refused ones included, and read such archives.

One Parquet object per slot, one row per reply, in the order of arrival. Its footer holds the slot's receipt, the account's UTC
offset, and the calls of each window. So a replay does not plan windows: a later version of this package may plan others.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode.columns import INSTANT
from airflow_betproviders.extraction.decode.decoder import Page, without_signatures
from airflow_betproviders.extraction.fetch.calls import Reply
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.store.atomic_put import put
from airflow_betproviders.lake.store.explain import explain_failure
from airflow_betproviders.lake.store.local_copy import local_copy

log = logging.getLogger(__name__)

FOOTER_KEY = b"betproviders.archive"
SCHEMA = pa.schema(
    [
        ("call", pa.int64()),  # number of the call, in the order of the requests
        ("part", pa.int64()),  # number of this piece of a long body
        ("asked_at", INSTANT),
        ("window_start", INSTANT),
        ("window_end", INSTANT),
        ("params", pa.string()),  # JSON, before they are signed
        ("usable", pa.bool_()),
        ("error", pa.string()),
        ("body", pa.binary()),
    ]
)
_PIECE = 4 * 1024 * 1024  # bytes of bodies that are buffered before they are written


class _Window(msgspec.Struct):
    window: tuple[datetime, datetime] | None
    calls: list[int]


class _Footer(msgspec.Struct):
    utc_offset: float
    windows: list[_Window]


class ArchiveWriter:
    """Collect the answers of one slot in a local file. A context manager, which removes the file at the end.

    A refused reply may echo the request, so texts that look like a signature are removed from it.

    Attributes:
        path: the file.
        replies: number of replies in it.
        closed: whether it is finished.
    """

    def __init__(self, utc_offset: timedelta) -> None:
        """Create an empty archive in a temporary folder, for an account whose local times have this offset."""
        self._utc_offset = utc_offset
        self._folder = tempfile.TemporaryDirectory(prefix="betproviders-")
        self.path = Path(self._folder.name) / "archive.parquet"
        self._writer = pq.ParquetWriter(
            self.path,
            SCHEMA,
            compression="zstd",
            use_dictionary=["params", "error"],
            write_statistics=False,
            write_page_checksum=True,
        )
        self._lock = threading.Lock()
        self._rows: list[dict[str, Any]] = []
        self._buffered = 0
        self._windows: list[dict[str, Any]] = []
        self.replies = 0
        self.closed = False

    def add(self, reply: Reply, page: Page | None) -> None:
        """Add a reply; any thread may call it.

        Args:
            reply: the reply.
            page: the rows decoded from it, which get the number of its call; None if the reply was refused.
        """
        body = reply.body
        if page is not None:
            page.call = reply.call
        elif body is not None:
            body = without_signatures(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        row = {
            "call": reply.call,
            "asked_at": reply.asked_at,
            "window_start": reply.window and reply.window.start,
            "window_end": reply.window and reply.window.end,
            "params": json.dumps(reply.params, sort_keys=True, default=str),
            "usable": page is not None,
            "error": reply.error,
        }
        with self._lock:
            if self.closed:  # a prefetched call of a slot that has ended
                return
            self.replies += 1
            for part, begin in enumerate(range(0, max(1, len(body or b"")), _PIECE)):
                piece = body and body[begin : begin + _PIECE]
                self._rows.append({**row, "part": part, "body": piece})
                self._buffered += len(piece or b"")
                if self._buffered >= _PIECE:
                    self._flush()

    def clear_windows(self) -> None:
        """Drop the windows, because the slot is read again. The replies stay."""
        self._windows = []

    def add_window(self, rows: WindowRows) -> None:
        """Record which calls returned the rows of a window."""
        ends = [rows.window.start.isoformat(), rows.window.end.isoformat()] if rows.window else None
        self._windows.append({"window": ends, "calls": rows.calls})

    def close(self, receipt: Receipt) -> None:
        """Finish the file with its footer: the receipt, the UTC offset and the windows."""
        with self._lock:
            self.closed = True
            self._flush()
            members = {"utc_offset": self._utc_offset.total_seconds(), "windows": self._windows}
            self._writer.add_key_value_metadata({**receipt.to_footer(), FOOTER_KEY.decode(): json.dumps(members)})
            self._writer.close()

    def store_failed(self, slot: Interval, lake: Lake, receipt: Receipt) -> None:
        """Store the replies of a slot that failed, for inspection. A failure to do so is only logged: the slot's own matters."""
        if self.closed:
            return
        self.close(receipt)
        path = lake.failed(slot)
        try:
            put(lake.fs, self.path, path)
        except Exception:
            log.exception("the replies of the failed slot %s could not be stored", slot)
        else:
            log.info("the replies of the failed slot %s are in %s", slot, path)

    def __enter__(self) -> ArchiveWriter:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the file."""
        with self._lock:
            self.closed = True
            self._writer.close()
            self._folder.cleanup()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._rows, SCHEMA))
        self._rows, self._buffered = [], 0


class ArchiveReader:
    """An archive opened for reading.

    Attributes:
        receipt: the slot's receipt, as it was first stored.
        utc_offset: the offset of the account's local times when the replies were requested.
        windows: the windows of the slot, in order, each with the numbers of its calls.
    """

    def __init__(self, file: pq.ParquetFile, lake: Lake, slot: Interval) -> None:
        """Read the footer.

        Raises:
            InvalidArgument: the file is not an archive of this package, or not of this slot.
        """
        path = lake.archive(slot)
        receipt, text = Receipt.from_footer(file.metadata.metadata), (file.metadata.metadata or {}).get(FOOTER_KEY)
        if text is None:
            raise InvalidArgument(f"{path} is not an archive of this package. Remove it.")
        if receipt is None:
            raise _damaged(path, "its receipt cannot be read")
        if misplaced := receipt.misplaced(lake, slot):
            raise InvalidArgument(f"{path} {misplaced}. Remove it, or move it where it belongs.")
        self.receipt = receipt
        try:
            footer = msgspec.json.decode(text, type=_Footer)
            self.utc_offset = timedelta(seconds=footer.utc_offset)
            self.windows = [(entry.window and Interval(*entry.window), entry.calls) for entry in footer.windows]
        except (msgspec.MsgspecError, OverflowError, InvalidArgument) as error:
            raise _damaged(path, error) from error
        self._file, self._path = file, path
        self._groups: dict[int, list[int]] = {}
        for group in range(file.num_row_groups):
            for call in set(self._read([group], ["call"])["call"].to_pylist()):
                self._groups.setdefault(call, []).append(group)
        self._last: tuple[list[int], pa.Table] = ([], SCHEMA.empty_table())

    @classmethod
    @contextmanager
    def opened(cls, lake: Lake, slot: Interval) -> Iterator[ArchiveReader]:
        """Open the archive of a slot from a local copy.

        Raises:
            FileNotFoundError: the slot has no archive.
            StoreError: the store refuses it, or cannot be reached.
            InvalidArgument: it is not an archive of this package, not of this slot, or damaged.
        """
        with local_copy(lake.fs, lake.archive(slot)) as local:
            try:
                file = pq.ParquetFile(local, page_checksum_verification=True)
            except (pa.ArrowException, OSError) as error:
                raise _damaged(lake.archive(slot), error) from error
            with file:
                yield cls(file, lake, slot)

    def body(self, call: int) -> bytes:
        """Return the answer to a call, as received."""
        groups = self._groups.get(call)
        if groups is None:
            raise InvalidArgument(f"{self._path} lacks the answer to call {call}. Extract its slot again.")
        if self._last[0] != groups:
            self._last = (groups, self._read(groups, ["call", "part", "body"]))
        parts = self._last[1].filter(pc.equal(self._last[1]["call"], call))
        return b"".join(parts["body"].to_pylist())

    def _read(self, groups: list[int], names: list[str]) -> pa.Table:
        try:
            return self._file.read_row_groups(groups, names).select(names)
        except (pa.ArrowException, OSError, KeyError) as error:
            raise _damaged(self._path, error) from error


def _damaged(path: str, error: object) -> InvalidArgument:
    return InvalidArgument(f"{path} is damaged: {error}. Extract its slot again.")


def expire(lake: Lake, before: datetime) -> None:
    """Delete the archives of the days that ended before an instant."""
    for day, folder in sorted(lake.archive_days().items()):
        if day + DAY <= before.date():
            log.info("the archives of %s are older than archive= keeps them; deleting %s", day, folder)
            with explain_failure(folder, "removed"), suppress(FileNotFoundError):
                lake.fs.rm(folder, recursive=True)
