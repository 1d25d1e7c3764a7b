"""Put an object in one step: a reader sees it complete or not at all.

An object store shows an object only when its upload is complete, so one PUT (or one multipart upload) of a finished local
file is enough. On other file systems a hidden file is written beside the object and then renamed. `with fs.open(..., "wb")` is
not used: when an exception leaves it, it publishes the part that was written so far.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow_betproviders.declare.interval import DAY
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.lake.store.explain import explain_failure

_MEGABYTE = 1024 * 1024
_UPLOADS: dict[str, dict[str, int]] = {
    # Bounded parts keep the memory of an upload from growing with the slot.
    "s3": {"chunksize": 8 * _MEGABYTE, "max_concurrency": 2},
    "gs": {"chunksize": 8 * _MEGABYTE},
    "abfs": {},
    "adl": {},
}


def put_bytes(fs: Any, target: str, content: bytes) -> None:
    """Put a small object in one step.

    Raises:
        InvalidArgument: a folder has its name.
        StoreError: the store refuses it.
    """
    _atomically(fs, target, lambda path: fs.pipe_file(path, content))


def put(fs: Any, file: Path, target: str) -> None:
    """Put a finished local file in one step, under any path of the store.

    Raises:
        InvalidArgument: a folder has its name.
        StoreError: the store refuses it.
    """
    options = next((_UPLOADS[name] for name in protocols(fs) if name in _UPLOADS), {})
    _atomically(fs, target, lambda path: fs.put_file(str(file), path, **options))


def is_object_store(fs: Any) -> bool:
    """Return whether uploads become visible only when complete, and one listing covers all folders."""
    return any(name in _UPLOADS for name in protocols(fs))


def _atomically(fs: Any, target: str, write: Callable[[str], None]) -> None:
    with explain_failure(target):
        if is_object_store(fs):
            write(target)
        else:
            _renamed(fs, target, write)


def _renamed(fs: Any, target: str, write: Callable[[str], None]) -> None:
    """Write a hidden file beside the target, and rename it."""
    folder, name = target.rsplit("/", 1)
    fs.makedirs(folder, exist_ok=True)
    _sweep(fs, folder, f".{name}.")
    hidden = f"{folder}/.{name}.{uuid.uuid4().hex}.tmp"
    try:
        write(hidden)
        if "file" in protocols(fs):
            Path(fs._strip_protocol(hidden)).replace(fs._strip_protocol(target))  # noqa: SLF001 - fsspec's own spelling
        else:
            fs.mv(hidden, target)
    except IsADirectoryError as error:
        raise InvalidArgument(
            f"{target} is a folder, so no object of this name can be stored. Move the folder elsewhere, and run the task again."
        ) from error
    finally:
        remove(fs, hidden)


def _sweep(fs: Any, folder: str, prefix: str) -> None:
    """Remove the hidden files of this object that a killed worker left more than a day ago."""
    for entry in fs.ls(folder, detail=True):
        name = entry["name"].rsplit("/", 1)[-1]
        age = time.time() - float(entry.get("mtime") or time.time())
        if name.startswith(prefix) and name.endswith(".tmp") and age > DAY.total_seconds():
            remove(fs, entry["name"])


def remove(fs: Any, path: str) -> None:
    """Remove an object, if it is there. Nothing is removed where it is not, so a store that allows no deletion is fine then.

    Raises:
        StoreError: the store refuses it.
    """
    with explain_failure(path, "removed"), contextlib.suppress(FileNotFoundError):
        try:
            fs.rm_file(path)
        except Exception:
            fs.info(path, refresh=True)  # raises FileNotFoundError where the object is not there
            raise


def protocols(fs: Any) -> tuple[str, ...]:
    """Return the names by which fsspec knows the file system, such as ``("s3", "s3a")``."""
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
