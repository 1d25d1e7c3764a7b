"""Open the object store of a path."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.task.airflow_exceptions import AirflowException

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath


def open_path(path: str) -> ObjectStoragePath:
    """Return Airflow's path object, or refuse a path without a bucket or with an unknown connection.

    Airflow itself would access the store anonymously if the connection is unknown.

    Raises:
        InvalidArgument: names what is missing.
    """
    from airflow.sdk import BaseHook, ObjectStoragePath

    parts = urlsplit(path)
    if not path.strip():
        raise InvalidArgument("path is empty. Give a folder such as s3://aws_default@lake/raw or file:///data/lake.")
    connection, _, bucket = parts.netloc.rpartition("@")
    if parts.scheme not in {"", "file", "local"}:
        if not bucket:
            raise InvalidArgument(f"path {path!r} names no bucket. Write {parts.scheme}://connection_id@bucket/folder.")
        if connection:
            try:
                BaseHook.get_connection(connection)
            except AirflowException:
                raise InvalidArgument(
                    f"path {path!r} names the connection {connection!r}, which does not exist. Create it, or correct "
                    "the id before the @."
                ) from None
    elif bucket or not parts.path.startswith("/"):
        raise InvalidArgument(f"path {path!r} is relative, and workers differ in their folder. Give an absolute path.")
    return ObjectStoragePath(path)
