"""Say what to do where a store, or the worker's disk, refuses a write or a read."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_betproviders.exceptions import BetProviderError, StoreError

_FULL = "Free space there or raise the quota; for a temporary file, set TMPDIR to a larger disk."
_FORBIDDEN = "Allow the path's connection, or the user that Airflow runs as, to write and delete there."
_READ_ONLY = "The file system is mounted read-only: mount it for writing, or choose another path."
_TOO_LONG = "Choose a shorter path: object stores take keys of 1,024 bytes."
_MISSING = "Create the bucket or the folder, or correct the path."
_ELSE = "Check that the store can be reached and written; the task's next try continues."
_UNREAD = "Check that the store can be reached, and that the path's connection, or the user, may list and read there."
_BY_NUMBER = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOENT: _MISSING,
    errno.ENAMETOOLONG: _TOO_LONG,
}


@contextmanager
def explain_failure(path: str, action: str = "written") -> Iterator[None]:
    """Name the path that is written, and the cure, if a write fails.

    Args:
        path: the path.
        action: what is done to it: ``written`` or ``removed``.

    Raises:
        StoreError: in place of any other error, which stays its cause. Libraries of object stores have errors of their own.
    """
    try:
        yield
    except BetProviderError:
        raise
    except Exception as error:
        raise StoreError(f"{path} cannot be {action}: {_text(error)}. {_cure(error)}") from error


@contextmanager
def explain_read(path: str) -> Iterator[None]:
    """Name the path that is read, and the cure, if a store refuses it or cannot be reached.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no such object or folder.
        StoreError: in place of any other error, which stays its cause. Libraries of object stores have errors of their own.
    """
    try:
        yield
    except (BetProviderError, FileNotFoundError, NotADirectoryError):
        raise
    except Exception as error:
        raise StoreError(f"{path} cannot be read: {_text(error)}. {_UNREAD}") from error


def _text(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def _cure(error: Exception) -> str:
    """Return what to do. The errors of object stores have a class and no number."""
    number = getattr(error, "errno", None)
    if isinstance(error, PermissionError) and number is None:
        return _FORBIDDEN
    if isinstance(error, FileNotFoundError) and number is None:
        return _MISSING
    return _BY_NUMBER.get(number or 0, _ELSE)
