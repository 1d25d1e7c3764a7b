"""List the entries of a store, with the identity that tells versions of an object apart."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from stat import S_ISDIR
from typing import Any, TypeAlias

from airflow_betproviders.lake.store.explain import explain_read

Entry: TypeAlias = tuple[str, str, str | None, int | None]
"""Folder, name, identity and size in bytes. The identity is None if a listing does not distinguish versions, the size is None
if the entry is not an object. A tuple, since a survey makes a million of them."""

# Members of a listing that identify a version of an object. Each of the strong ones changes with every write.
_STRONG = ("ETag", "etag", "generation", "ino")
_IDENTITY = (*_STRONG, "LastModified", "last_modified", "updated", "mtime", "created", "size")


def folder_entries(fs: Any, folder: str, *, detail: bool) -> list[Any]:
    """Return the paths in a folder, or the store's details of each; nothing where there is no folder.

    Raises:
        StoreError: the store refuses it, or cannot be reached.
    """
    fs.invalidate_cache(folder)
    try:
        with explain_read(folder):
            entries: list[Any] = fs.ls(folder, detail=detail)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return entries


def last_part(path: str) -> str:
    """Return the name at the end of a path."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def find_entries(fs: Any, folder: str, prefix: str) -> Iterable[Entry]:
    """List the objects of an object store below a folder whose further path begins with a prefix, in one listing."""
    fs.invalidate_cache(folder)
    with explain_read(folder):
        return map(_entry, fs.find(folder, prefix=prefix, detail=True).values())


def scan_entries(fs: Any, folder: str) -> Iterable[Entry]:
    """List a folder of a file system. For local files this takes a sixth of the time of fsspec's own listing."""
    if type(fs).__name__ != "LocalFileSystem":
        return map(_entry, folder_entries(fs, folder, detail=True))
    try:
        with explain_read(folder), os.scandir(folder) as entries:
            return [local_entry for entry in entries if (local_entry := _local_entry(folder, entry))]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _local_entry(folder: str, entry: os.DirEntry[str]) -> Entry | None:
    """Return an entry of a local folder; None if it is gone by now, for instance an upload that was just renamed."""
    try:
        stat = entry.stat()
    except FileNotFoundError:
        return (folder, entry.name, None, None) if entry.is_symlink() else None
    size = None if S_ISDIR(stat.st_mode) else stat.st_size
    return folder, entry.name, f"{stat.st_ino}|{stat.st_mtime_ns}|{stat.st_ctime_ns}|{stat.st_size}", size


def _entry(details: Mapping[str, Any]) -> Entry:
    folder, _, name = str(details["name"]).rpartition("/")
    return folder, name, _identity(details), details["size"] if details.get("type") != "directory" else None


def _identity(details: Mapping[str, Any]) -> str | None:
    """Return a text that differs between the versions of an object; None if the listing does not distinguish them."""
    for name in _STRONG:
        if details.get(name):
            return "|".join([f"{member}={details[member]}" for member in _IDENTITY if details.get(member) is not None])
    return None
