"""The operator that rebuilds slots from their archives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_betproviders.exceptions import InvalidArgument, NotArchived
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.operators.extract import ExtractToParquetOperator, hook_of, stamp_of, summarise
from airflow_betproviders.task.links import About
from airflow_betproviders.task.pii import pii_policy_of
from airflow_betproviders.task.storage import open_path

if TYPE_CHECKING:
    from airflow.sdk import Context


class ReplayOperator(ExtractToParquetOperator):
    """Rebuild the slots of an interval from what ``ExtractToParquetOperator(archive=...)`` kept, without the provider.

    The replies are decoded under today's schema, by the same checks, into the same objects: equal to the last byte but
    for the receipt's run, or better where the schema is. It works once the provider no longer keeps the data, cannot be
    reached, or has closed the account; of the connection only its type and its login are used, and the account's UTC
    offset is the one that the archive was made with. The update of the stream's asset lets a merge follow.

    Args:
        conn_id: connection that the slots were extracted with.
        path: the raw lake, as given to ``ExtractToParquetOperator``.
        stream: stream name; default the hook's main bet stream.
        start: explicit start (aware, or ISO 8601 with a zone); default the run's interval.
        end: explicit end, likewise.
        filters: the filters that the stream was extracted with.
        max_bad_rows: rows that may go to quarantine without failing the task.
        pii: columns to drop or to hash in what is rebuilt; the archive itself stays as it is.
        pii_conn_id: connection whose password is the key of the hashes.
        force: rebuild a slot also where it was read again since, without an archive, or conceals what would come back.
        partition: width of a partition under a partitioned timetable; default the stream's own slot.

    Returns:
        (XCom) as `ExtractToParquetOperator`; calls and bytes are those of the extraction.
    """

    template_fields: Sequence[str] = (
        *("conn_id", "stream", "path", "start", "end", "filters", "max_bad_rows"),
        *("pii", "pii_conn_id"),
    )
    ui_color = "#f3efe4"

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
        pii: Mapping[str, str] | None = None,
        pii_conn_id: str | None = None,
        force: bool = False,
        partition: str | timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            conn_id=conn_id,
            path=path,
            stream=stream,
            start=start,
            end=end,
            filters=filters,
            max_bad_rows=max_bad_rows,
            pii=pii,
            pii_conn_id=pii_conn_id,
            partition=partition,
            **kwargs,
        )
        self.force = force

    def execute(self, context: Context, event: Any = None) -> dict[str, Any]:  # noqa: ARG002 - as its base
        """Rebuild what is archived of the interval; then say what is not."""
        from airflow_betproviders.extraction.replay import Replay

        hook = hook_of(self.conn_id)
        stream = hook.stream(self.stream or None)
        filters = self._filters(stream)
        self._most_bad_rows()
        pii_policy = pii_policy_of(self.pii, self.pii_conn_id, stream, filters)
        interval = self._interval(context, stream.slot)
        if not hook.connection.login:
            raise InvalidArgument(f"{hook.label}: login is empty; it holds the account, which the archive lies under.")
        target = open_path(self.path)
        lake = Lake(target.fs, target.path, stream.provider, stream.name, hook.account, filters)
        self.about = About(lake, interval)
        replay = Replay(hook, stream, lake, stamp=stamp_of(context), pii_policy=pii_policy, force=self.force)
        found = replay.slots(interval)
        missing = ", ".join(map(str, interval.without(found)))
        if not found:
            raise _not_archived(f"{hook.label}, stream {stream.name}: {missing}", lake)
        stored = replay.store(found, lake)
        summary = summarise(hook, stream, lake, interval, stored)
        self._tell_assets(context, summary, stored)
        self._tell_lineage(stream, lake, stored)
        self._judge(hook, stream, interval, stored)
        if missing:
            raise _not_archived(
                f"{hook.label}, stream {stream.name}: the archived slots are rebuilt, but {missing}", lake
            )
        return summary


def _not_archived(what: str, lake: Lake) -> NotArchived:
    return NotArchived(
        f"{what} has no archive under {lake.base}. Extract it with archive=True while the provider still has it, or give "
        "the interval that is archived."
    )
