"""Write the row groups of all slots in one thread: two slots at once would take twice the memory."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

MEMORY = pa.system_memory_pool()
_TRIM = 200_000  # rows after which memory is given back; each time takes a while


class WriterThread:
    """Write in the order of the requests, in a thread that ends with this object."""

    def __init__(self) -> None:
        """Begin without a thread; the first row group starts it."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="betproviders-parquet")
        self._rows = 0

    def submit(self, write: Callable[[pa.Table], None], group: pa.Table) -> Future[None]:
        """Have a row group written."""
        return self._thread.submit(self._write, write, group)

    def _write(self, write: Callable[[pa.Table], None], group: pa.Table) -> None:
        write(group)
        self._rows += group.num_rows
        if self._rows >= _TRIM:
            self._rows = 0
            MEMORY.release_unused()
