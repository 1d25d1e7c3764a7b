"""Buttons on a task: to the data it is about, and to the coverage page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseHook, BaseOperatorLink

from airflow_betproviders.task.airflow_exceptions import AirflowException
from airflow_betproviders.task.page import framed

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_betproviders.declare.interval import Interval
    from airflow_betproviders.lake.layout import Lake


@dataclass(frozen=True)
class About:
    """What a task is about, which its operator keeps as ``about`` once it knows.

    Attributes:
        lake: the stream's.
        interval: what it extracts or holds against something.
    """

    lake: Lake
    interval: Interval

    @property
    def query(self) -> dict[str, str]:
        """What the coverage page opens with."""
        lake = self.lake
        filters = lake.base.rpartition("/account=")[2].partition("/")[2]
        return {
            "provider": lake.provider,
            "stream": lake.stream,
            "account": lake.account,
            **({"filters": filters} if filters else {}),
            "slot": self.interval.start.isoformat(),
        }


class CoverageLink(BaseOperatorLink):
    """The coverage page, at the stream and the first slot that the task is about."""

    name = "Coverage"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        """The page's address, from the host's root; the whole page if the task did not get as far as its stream."""
        about: About | None = getattr(operator, "about", None)
        return framed(**(about.query if about else {}))


class DataLink(BaseOperatorLink):
    """The folder of the task's stream in the console of AWS or Google Cloud, else its slot on the coverage page."""

    name = "Data"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        """The folder's address; empty text if the task did not get as far as its stream."""
        about: About | None = getattr(operator, "about", None)
        if about is None:
            return ""
        return _console(str(getattr(operator, "path", "")), about.lake) or framed(**about.query)


def _console(path: str, lake: Lake) -> str:
    """The folder in the store's own console, or empty text where there is none."""
    parts = urlsplit(path)
    connection, _, bucket = parts.netloc.rpartition("@")
    prefix = lake.base.partition(f"{bucket}/")[2]
    if parts.scheme in {"s3", "s3a"} and not _elsewhere(connection):
        return f"https://console.aws.amazon.com/s3/buckets/{bucket}?prefix={quote(prefix, safe='')}/"
    if parts.scheme in {"gs", "gcs"}:
        return f"https://console.cloud.google.com/storage/browser/{bucket}/{quote(prefix)}"
    return ""


def _elsewhere(connection: str) -> bool:
    """Whether an AWS connection is to another server that speaks S3."""
    try:
        return bool(connection) and "endpoint_url" in str(BaseHook.get_connection(connection).extra)
    except AirflowException:
        return True
