"""Links on a task: to its data and to the coverage page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseHook, BaseOperatorLink

from airflow_betproviders.task.airflow_exceptions import AirflowException
from airflow_betproviders.task.page import page_url

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_betproviders.declare.interval import Interval
    from airflow_betproviders.lake.layout import Lake


@dataclass(frozen=True)
class TaskTarget:
    """The stream and interval that a task works on; operators keep it as ``target``.

    Attributes:
        lake: where the stream is stored.
        interval: the interval of the task.
    """

    lake: Lake
    interval: Interval

    @property
    def query(self) -> dict[str, str]:
        """Return the query that opens the coverage page at this stream and slot."""
        lake = self.lake
        filters = "/".join(lake.filter_texts)
        return {
            "provider": lake.provider,
            "stream": lake.stream,
            "account": lake.account,
            **({"filters": filters} if filters else {}),
            "slot": self.interval.start.isoformat(),
        }


class CoverageLink(BaseOperatorLink):
    """Link to the coverage page, at the task's stream and first slot."""

    name = "Coverage"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        """Return the page's path from the host's root; without a stream if the task failed before it knew one."""
        target: TaskTarget | None = getattr(operator, "target", None)
        return page_url(**(target.query if target else {}))


class DataLink(BaseOperatorLink):
    """Link to the stream's folder in the console of AWS or Google Cloud, else to its slot on the coverage page."""

    name = "Data"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        """Return the folder's address, or empty text if the task failed before it knew its stream."""
        target: TaskTarget | None = getattr(operator, "target", None)
        if target is None:
            return ""
        return _console(str(getattr(operator, "path", "")), target.lake) or page_url(**target.query)


def _console(path: str, lake: Lake) -> str:
    """Return the folder in the store's own console, or empty text if it has none."""
    parts = urlsplit(path)
    connection, _, bucket = parts.netloc.rpartition("@")
    prefix = lake.base.partition(f"{bucket}/")[2]
    if parts.scheme in {"s3", "s3a"} and not _is_other_server(connection):
        return f"https://console.aws.amazon.com/s3/buckets/{bucket}?prefix={quote(prefix, safe='')}/"
    if parts.scheme in {"gs", "gcs"}:
        return f"https://console.cloud.google.com/storage/browser/{bucket}/{quote(prefix)}"
    return ""


def _is_other_server(connection: str) -> bool:
    """Return whether an AWS connection is to another S3 server."""
    try:
        return bool(connection) and "endpoint_url" in str(BaseHook.get_connection(connection).extra)
    except AirflowException:
        return True
