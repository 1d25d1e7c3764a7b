"""Build the PII policy of an operator from ``pii=`` and ``pii_conn_id=``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ConnectionNotFound, InvalidArgument
from airflow_betproviders.task.airflow_exceptions import AirflowException
from airflow_betproviders.task.arguments import mapping

if TYPE_CHECKING:
    from airflow_betproviders.extraction.privacy import PiiPolicy

_SHORTEST_KEY = 16


def pii_policy_of(pii: Any, conn_id: str | None, stream: Stream, filters: Mapping[str, Any]) -> PiiPolicy | None:
    """Build the policy for the columns that identify a player; None if ``pii`` is empty.

    Args:
        pii: the operator's ``pii=``, rendered: column to ``"drop"`` or ``"hash"``.
        conn_id: the connection whose password is the key of the hashes.
        stream: the stream that has the columns.
        filters: the filters of the extraction.

    Raises:
        InvalidArgument: a rule cannot work, or the key is missing or too short.
    """
    pii = mapping("pii", pii)
    if not pii:
        return None
    from airflow_betproviders.extraction.privacy import HASH, PiiPolicy

    if HASH in pii.values() and not conn_id:
        raise InvalidArgument(
            "pii= with hash needs pii_conn_id=, a connection of any type whose password is the key of the hashes."
        )
    return PiiPolicy(stream, pii, _key(conn_id) if conn_id else b"", filters)


def _key(conn_id: str) -> bytes:
    from airflow.sdk import BaseHook
    from airflow.sdk.log import mask_secret

    try:
        key = str(BaseHook.get_connection(conn_id).password or "")
    except AirflowException:
        raise ConnectionNotFound(
            f"pii_conn_id names the connection {conn_id!r}, which does not exist. Create it, or correct the id."
        ) from None
    mask_secret(key)
    if len(key) < _SHORTEST_KEY:
        raise InvalidArgument(
            f"connection {conn_id}: the password is the key of the hashes, and a short one can be guessed. "
            f"Give it {_SHORTEST_KEY} random characters or more."
        )
    return key.encode()
