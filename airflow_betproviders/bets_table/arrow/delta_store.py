"""Open the folder of a Delta table as an Arrow file system, under delta-rs's own credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake.fs import DeltaStorageHandler


def delta_filesystem(uri: str, options: Mapping[str, str]) -> pafs.FileSystem:
    """Open a folder by delta-rs's URI and storage options."""
    return pafs.PyFileSystem(_Store(uri, options=dict(options)))


class _Sink:
    """Pass bytes to delta-rs, which takes no Arrow buffers."""

    closed = False

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def write(self, data: Any) -> int:
        written: int = self._inner.write(bytes(data))
        return written

    def tell(self) -> int:
        position: int = self._inner.tell()
        return position

    def flush(self) -> None:
        self._inner.flush()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._inner.close()


class _Store(DeltaStorageHandler):
    def open_output_stream(self, path: str, metadata: Mapping[str, str] | None = None) -> pa.PythonFile:
        """Open an object for writing. The object appears when it is closed, complete."""
        return pa.PythonFile(_Sink(self._handler.open_output_stream(path, dict(metadata or {}))), mode="w")
