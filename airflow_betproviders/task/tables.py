"""Open a Delta table: translate its path to a URI of delta-rs, and its connection to delta-rs's storage options."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.task.arguments import require_text
from airflow_betproviders.task.storage import LOCAL, open_path, require_delta, split_path

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_betproviders.bets_table.table import BetsTable


def open_table(path: str) -> BetsTable:
    """Open the bets table at a path such as ``s3://aws_default@lake/bets`` or ``file:///data/bets``.

    Without a connection before the ``@``, delta-rs finds its credentials in the environment.

    Raises:
        InvalidArgument: the ``delta`` extra is not installed, or delta-rs does not know the store.
    """
    require_text("table", path, "s3://aws_default@lake/bets")
    require_delta(path)
    from airflow_betproviders.bets_table.table import BetsTable

    parts = split_path(path, "table")
    local = parts.scheme in LOCAL
    if not local and parts.scheme not in _STORES:
        raise InvalidArgument(
            f"table {path!r}: delta-rs has no store for {parts.scheme}://. Use one of {', '.join(_STORES)}, or file."
        )
    place = open_path(path, "table")
    if local:
        return BetsTable(place.path)
    scheme, storage_options = _STORES[parts.scheme]
    connection, _, bucket = parts.netloc.rpartition("@")
    uri = f"{scheme}://{bucket}{parts.path.rstrip('/')}"
    return BetsTable(uri, storage_options(connection) if connection else {})


def refuse_shared_folder(path: str, table: str) -> None:
    """Refuse a raw lake inside the folder of the bets table, and a table inside the lake's data.

    A vacuum of the table deletes every file in its folder that the table does not use, and readers of the lake's data would
    read the table's files too.

    Args:
        path: the raw lake.
        table: the bets table.

    Raises:
        InvalidArgument: names both.
    """
    raw, bets = open_path(path), open_path(table, "table")
    lake, folder = (PurePosixPath(normpath(f"/{place.path}")) for place in (raw, bets))
    same_store = _store(path) == _store(table)
    inside = folder.relative_to(lake).parts if folder.is_relative_to(lake) else ()
    if same_store and (lake.is_relative_to(folder) or any(part.startswith("provider=") for part in inside)):
        raise InvalidArgument(
            f"table {table!r} and path {path!r} share a folder: optimising the table would delete slots, or readers of the lake would "
            "read the table too. Give the table a folder of its own."
        )


def _store(path: str) -> tuple[str, ...]:
    """Return what names the store of a path, whichever connection leads to it: bucket names are unique within it."""
    parts = split_path(path, "path")
    if parts.scheme not in _STORES:
        return ("file" if parts.scheme in LOCAL else parts.scheme,)
    conn_id = parts.netloc.rpartition("@")[0] or None
    scheme, storage_options = _STORES[parts.scheme]
    if scheme == "s3":
        return scheme, _s3_hook(conn_id).conn_config.get_service_endpoint_url("s3") or ""
    options = storage_options(conn_id) if scheme == "abfs" and conn_id else {}
    return scheme, options.get("AZURE_STORAGE_ACCOUNT_NAME", ""), options.get("AZURE_STORAGE_ENDPOINT", "")


def _s3_hook(conn_id: str | None) -> Any:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook

    return AwsGenericHook(aws_conn_id=conn_id, client_type="s3")


def _aws(conn_id: str) -> dict[str, str]:
    """Return the storage options of an ``aws`` connection, with the credentials of its role or profile."""
    hook = _s3_hook(conn_id)
    credentials = hook.get_credentials(region_name=hook.region_name)
    endpoint = hook.conn_config.get_service_endpoint_url("s3") or ""
    options = {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.token,
        "AWS_REGION": hook.region_name or "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true" if endpoint.startswith("http://") else "",
        "AWS_ALLOW_INVALID_CERTIFICATES": "true" if hook.verify is False else "",
    }
    return _without_empty(options)


def _google(conn_id: str) -> dict[str, str]:
    """Return the storage options of a ``google_cloud_platform`` connection: a key file, a key in the extra, or none.

    Without options, delta-rs uses the worker's own identity.
    """
    extra = _connection(conn_id).extra_dejson
    key = extra.get("keyfile_dict")
    return _without_empty(
        {
            "GOOGLE_SERVICE_ACCOUNT": extra.get("key_path"),
            "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key) if isinstance(key, Mapping) else key,
        }
    )


def _azure(conn_id: str) -> dict[str, str]:
    """Return the storage options of a ``wasb`` or ``adls`` connection.

    It may have an account key, a SAS token, a connection string or a service principal (client id, secret and tenant).
    """
    connection = _connection(conn_id)
    extra = connection.extra_dejson
    settings = dict(part.split("=", 1) for part in extra.get("connection_string", "").split(";") if "=" in part)
    tenant = extra.get("tenant_id")
    host = (connection.host or "").removeprefix("https://").split(".")[0]
    endpoint = settings.get("BlobEndpoint", "").rstrip("/")
    if not endpoint and "EndpointSuffix" in settings and "AccountName" in settings:
        endpoint = f"{settings.get('DefaultEndpointsProtocol', 'https')}://{settings['AccountName']}.blob.{settings['EndpointSuffix']}"
    return _without_empty(
        {
            "AZURE_STORAGE_ACCOUNT_NAME": settings.get("AccountName")
            or extra.get("account_name")
            or host
            or (None if tenant else connection.login),
            "AZURE_STORAGE_ACCOUNT_KEY": settings.get("AccountKey")
            or extra.get("account_key")
            or (None if tenant else connection.password),
            "AZURE_STORAGE_SAS_TOKEN": extra.get("sas_token"),
            "AZURE_STORAGE_CLIENT_ID": connection.login if tenant else None,
            "AZURE_STORAGE_CLIENT_SECRET": connection.password if tenant else None,
            "AZURE_STORAGE_TENANT_ID": tenant,
            "AZURE_STORAGE_ENDPOINT": endpoint,
            "AZURE_ALLOW_HTTP": "true" if endpoint.startswith("http://") else "",
        }
    )


# For each scheme of a path in Airflow: delta-rs's scheme, and the function that returns a connection's storage options.
_STORES: dict[str, tuple[str, Callable[[str], dict[str, str]]]] = {
    "s3": ("s3", _aws),
    "s3a": ("s3", _aws),
    "gs": ("gs", _google),
    "gcs": ("gs", _google),
    "abfs": ("abfs", _azure),
    "abfss": ("abfss", _azure),
    "adl": ("abfs", _azure),
}


def _connection(conn_id: str) -> Connection:
    from airflow.sdk import BaseHook

    return BaseHook.get_connection(conn_id)


def _without_empty(options: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in options.items() if value}
