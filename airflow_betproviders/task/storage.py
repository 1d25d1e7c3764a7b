"""Open the object store of a path."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from airflow_betproviders.exceptions import ConnectionNotFound, InvalidArgument
from airflow_betproviders.task.airflow_exceptions import AirflowException
from airflow_betproviders.task.arguments import require_text

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

# The extra of this package that installs Airflow's provider for a scheme.
_EXTRAS: Mapping[str, str] = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("abfs", "abfss", "adl"), "azure"),
}
LOCAL = frozenset({"", "file", "local"})
"""The schemes of folders of the worker itself."""
_PATTERN = frozenset("*?[")


def open_path(path: str, name: str = "path") -> ObjectStoragePath:
    """Return Airflow's path object, or refuse a path without a bucket, with an unknown connection or without its packages.

    Args:
        path: the path, such as ``s3://aws_default@lake/raw``.
        name: the argument's name, for messages.

    Raises:
        ConnectionNotFound: the path names a connection that does not exist.
        InvalidArgument: names what else is missing.
    """
    require_text(name, path, "s3://aws_default@lake/raw")
    if path != path.strip() or not path.isprintable():
        raise InvalidArgument(f"{name} {path!r} has blanks around it, a line break or a control character. Remove it.")
    parts = split_path(path, name)
    if _PATTERN.intersection(path):  # an expiry of archives would delete those of every lake that matches
        raise InvalidArgument(
            f"{name} {path!r} has a *, ? or [, which stores and readers take for a pattern. Choose a path without them."
        )
    connection, _, bucket = parts.netloc.rpartition("@")
    if parts.scheme in LOCAL:
        _check_folder(path, name, parts)
    else:
        _check_store(path, name, parts.scheme, bucket)
        _check_connection(path, name, connection)
    return _opened(path, name, parts.scheme)


def split_path(path: str, name: str) -> SplitResult:
    """Split a path into its scheme, connection with bucket, and folder.

    Raises:
        InvalidArgument: square brackets stand where the bucket is due.
    """
    try:
        return urlsplit(path)
    except ValueError:
        problem = InvalidArgument(
            f"{name} {path!r} has a bracket in its bucket. Write s3://connection_id@bucket/folder."
        )
    raise problem


def require_delta(table: str) -> None:
    """Refuse a bets table where the extra ``delta`` is not installed.

    Raises:
        InvalidArgument: the message names the table and the extra.
    """
    if find_spec("deltalake") is None:
        raise _not_installed(f"table {table!r}", "delta")


def _check_folder(path: str, name: str, parts: SplitResult) -> None:
    """Refuse a local path that names another folder on each worker."""
    if parts.netloc.rpartition("@")[2] or not parts.path.startswith("/"):
        raise InvalidArgument(
            f"{name} {path!r} is relative, and workers differ in their folder. Give an absolute path."
        )
    if parts.path.startswith("//"):
        raise InvalidArgument(
            f"{name} {path!r} has too many slashes: Airflow takes it for a folder below the worker's own. Write "
            f"file:///{parts.path.lstrip('/')}."
        )


def _check_store(path: str, name: str, scheme: str, bucket: str) -> None:
    from airflow.sdk.io import has_fs

    installed = has_fs(scheme)
    if not installed and scheme not in _EXTRAS:
        raise InvalidArgument(
            f"{name} {path!r}: no installed package can store under {scheme}://. Use {', '.join(_EXTRAS)} or file, or install the "
            "Airflow provider for it."
        )
    if not bucket:
        raise InvalidArgument(f"{name} {path!r} names no bucket. Write {scheme}://connection_id@bucket/folder.")
    if not installed:
        raise _not_installed(f"{name} {path!r}", _EXTRAS[scheme])


def _check_connection(path: str, name: str, connection: str) -> None:
    """Refuse an unknown connection, for which Airflow would access the store anonymously."""
    from airflow.sdk import BaseHook

    if not connection:
        return
    try:
        BaseHook.get_connection(connection)
    except AirflowException:
        raise ConnectionNotFound(
            f"{name} {path!r} names the connection {connection!r}, which does not exist. Create it, or correct the id "
            "before the @."
        ) from None


def _opened(path: str, name: str, scheme: str) -> ObjectStoragePath:
    from airflow.sdk import ObjectStoragePath

    try:
        opened = ObjectStoragePath(path)
        _ = opened.fs
    except ValueError as error:  # a scheme that Airflow's provider names, and its library does not know
        raise InvalidArgument(
            f"{name} {path!r} cannot be opened: {error}. Use {', '.join(_EXTRAS)} or file."
        ) from error
    except ImportError as error:  # Airflow's provider is installed without its library for the store
        raise _not_installed(f"{name} {path!r}", _EXTRAS.get(scheme, "")) from error
    return opened


def _not_installed(what: str, extra: str) -> InvalidArgument:
    if not extra:
        return InvalidArgument(
            f"{what} needs packages that are not installed. Install what the log's ImportError names."
        )
    return InvalidArgument(
        f"{what} needs packages that are not installed: pip install 'airflow-provider-betproviders[{extra}]'."
    )
