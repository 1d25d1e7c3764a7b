"""Copy an object of the lake to the worker's disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow_betproviders.lake.store.explain import explain_read


@contextmanager
def local_copy(fs: Any, path: str) -> Iterator[Path]:
    """Copy an object to a local file in one read, because it may be replaced at any moment.

    Raises:
        FileNotFoundError: it is gone.
        StoreError: the store refuses it, or cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="betproviders-") as folder:
        local = Path(folder) / "object.parquet"
        with explain_read(path):
            fs.get_file(path, str(local))
        yield local
