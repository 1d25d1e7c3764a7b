"""Base of the operators of one stream: arguments, interval, assets, lineage, metrics and summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator

from airflow_betproviders import __version__, metrics
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import BadRows, InvalidArgument
from airflow_betproviders.lake.layout import QUARANTINE
from airflow_betproviders.lake.receipt import sum_amounts
from airflow_betproviders.registry import hook_class, is_main_stream, providers
from airflow_betproviders.task.arguments import (
    ChecksTemplates,
    is_template,
    mapping,
    optional_duration,
    require_text,
    whole_number,
)
from airflow_betproviders.task.deferral import EndsWhenKilled
from airflow_betproviders.task.interval import resolve_interval
from airflow_betproviders.task.lineage import LineageMixin, dataset
from airflow_betproviders.task.links import CoverageLink, DataLink, TaskTarget

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_betproviders.declare.stream import Stream
    from airflow_betproviders.extraction.slots import Stored
    from airflow_betproviders.hooks.base import BetProviderHook
    from airflow_betproviders.operators.stream_target import StreamTarget

# An asset event with thousands of paths would be too large.
_MOST_PATHS = 100


def stream_asset(conn_id: str, stream: str | None = None) -> Asset:
    """Return the asset that an extraction updates: schedule a DAG on it to run when new slots are stored.

    The main stream has one asset, whether it is named or not.
    """
    name = f"{conn_id}/{'main' if stream is None or is_main_stream(stream) else stream}"
    return Asset(name=f"betproviders/{name}", uri=f"betproviders://{name}")


def refuse_templates(cure: str, **named: Any) -> None:
    """Refuse templates among the arguments that name an asset.

    Args:
        cure: the argument to give instead, as Python.
        **named: the arguments by name; each must be text or, except ``conn_id``, None.

    Raises:
        InvalidArgument: an argument is a template, or is not text.
    """
    for name, value in named.items():
        if is_template(value):
            raise InvalidArgument(
                f"{name}={value!r} is a template, which Airflow renders too late to name the asset. Give {cure}, or outlets=[]."
            )
        if name == "conn_id" or value is not None:
            require_text(name, value, "aig_default" if name == "conn_id" else "transactions")


def hook_of(conn_id: str) -> BetProviderHook:
    """Return the hook for a connection, by its type.

    Raises:
        ConnectionNotFound: there is no such connection.
        InvalidArgument: no installed provider serves its type.
    """
    from airflow_betproviders.hooks.account import find_connection

    require_text("conn_id", conn_id, "aig_default")
    conn_type = str(find_connection(conn_id).conn_type)
    if conn_type not in providers():
        raise InvalidArgument(
            f"connection {conn_id} is of type {conn_type!r}, which no installed provider serves. "
            f"Use a connection of type {', '.join(providers())}."
        )
    return hook_class(conn_type)(conn_id)


def run_metadata(context: Context) -> dict[str, Any]:
    """Return the members of a receipt that identify the task."""
    names = ("dag_id", "task_id", "run_id", "try_number")
    return {**{name: getattr(context["ti"], name) for name in names}, "version": __version__}


class StreamOperator(ChecksTemplates, EndsWhenKilled, LineageMixin, BaseOperator):
    """Base of the operators that store slots of one stream.

    Args:
        conn_id: connection to the provider; its type selects the hook. A template needs ``outlets=``.
        path: folder in any store that Airflow knows, e.g. ``s3://aws_default@lake/raw``.
        stream: stream name; default the provider's main bet stream.
        start: explicit start (aware, or ISO 8601 with a zone); default the run's interval.
        end: explicit end, in the same forms.
        filters: the provider's own filters, e.g. ``{"game_id": 2011}``.
        max_bad_rows: rows that may go to quarantine without failing the task.
        partition: width of a partition under a partitioned timetable; default the slot.
        pii: columns that identify a player, each with ``"drop"`` or ``"hash"``.
        pii_conn_id: connection whose password, 16 characters or more, is the key of the hashes.
    """

    template_fields: Sequence[str] = (
        *("conn_id", "stream", "path", "start", "end", "filters", "max_bad_rows", "pii", "pii_conn_id"),
    )
    template_fields_renderers = {"filters": "json", "pii": "json"}  # noqa: RUF012 - Airflow declares a plain dict
    operator_extra_links = (CoverageLink(), DataLink())
    target: TaskTarget | None = None

    def __init__(
        self,
        *,
        conn_id: str,
        path: str,
        stream: str | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        filters: Mapping[str, Any] | None = None,
        max_bad_rows: int = 0,
        partition: str | timedelta | None = None,
        pii: Mapping[str, str] | None = None,
        pii_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        if "outlets" not in kwargs:
            refuse_templates("outlets=[stream_asset(conn_id, stream)]", conn_id=conn_id, stream=stream)
            kwargs["outlets"] = [stream_asset(conn_id, stream)]
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.path = path
        self.stream = stream
        self.start = start
        self.end = end
        self.filters = filters
        self.max_bad_rows = max_bad_rows
        self.partition = partition
        self.pii = pii
        self.pii_conn_id = pii_conn_id

    def _interval(self, context: Context, width: timedelta) -> Interval:
        return resolve_interval(context, self.start, self.end, optional_duration("partition", self.partition) or width)

    def _filters(self, stream: Stream) -> dict[str, Any]:
        return stream.check_filters(mapping("filters", self.filters))

    def _max_bad_rows(self) -> int:
        return whole_number("max_bad_rows", self.max_bad_rows, minimum=0)

    def _update_assets(self, context: Context, summary: dict[str, Any], stored: Stored) -> None:
        extra = {
            **summary,
            "sums": {name: format(value, "f") for name, value in sum_amounts(stored.receipts).items()},
            "paths": list(stored.paths.values())[:_MOST_PATHS],
            "shrunken": sum(receipt.shrunken for receipt in stored.receipts),
        }
        for asset in self.outlets:
            if isinstance(asset, Asset):
                context["outlet_events"][asset].extra = extra

    def _emit_metrics(self, target: StreamTarget, stored: Stored, **more: float) -> None:
        from airflow_betproviders.extraction.fetch.rate_limiter import RateLimiter

        values = {**metrics.receipt_counters(stored.receipts), **more}
        values["rate_wait_ms"] = 1000 * RateLimiter.of(target.hook, target.stream).waited
        if ends := [datetime.fromisoformat(receipt.end) for receipt in stored.receipts]:
            values["data_age_seconds"] = (target.hook.now() - max(ends)).total_seconds()
        stream = target.stream
        metrics.emit(values, {"provider": stream.provider, "stream": stream.name, "conn_id": self.conn_id})

    def _set_lineage(self, target: StreamTarget, stored: Stored) -> None:
        from airflow_betproviders.extraction.decode import columns

        counts = {"rows": stored.total("rows"), "size": stored.size, "files": len(stored.paths)}
        lake = target.lake
        self.writes = [dataset(lake.fs, lake.base, columns.schema(target.stream.fields), **counts)]

    def _raise_for_bad_rows(self, target: StreamTarget, stored: Stored) -> None:
        bad = stored.total("bad_rows")
        if bad > self._max_bad_rows():
            raise BadRows(
                f"{target.label}, {target.interval}: {bad} rows do not fit the schema and are in quarantine "
                f"under {target.lake.beside(QUARANTINE)}; the other {stored.total('rows')} are stored. Read the reasons there, and set "
                f"max_bad_rows={bad} if the task may succeed without them."
            )
