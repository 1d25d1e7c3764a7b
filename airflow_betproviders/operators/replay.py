"""Rebuild slots from their archives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_betproviders.exceptions import BetProviderError, InvalidArgument, NotArchived
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.operators.pii import pii_policy_of
from airflow_betproviders.operators.stream_operator import StreamOperator, hook_of, run_metadata
from airflow_betproviders.operators.stream_target import StreamTarget
from airflow_betproviders.task.arguments import flag
from airflow_betproviders.task.storage import open_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from airflow_betproviders.declare.interval import Interval
    from airflow_betproviders.declare.stream import Stream
    from airflow_betproviders.extraction.publishing import Stored
    from airflow_betproviders.extraction.replay import Replay
    from airflow_betproviders.hooks.base import BetProviderHook


class ReplayOperator(StreamOperator):
    """Rebuild the slots of an interval from their archives, without calling the provider.

    The raw answers that ``ExtractToParquetOperator(archive=...)`` kept are decoded with today's schema and the same
    checks, into the same files. It works when the provider no longer has the data, cannot be reached, or has closed the
    account. Of the connection, only type and login are used. The stream's asset is updated, so that a merge follows.

    Args:
        conn_id: connection that the slots were extracted with.
        path: the raw lake, as given to ``ExtractToParquetOperator``.
        stream: stream name; default the hook's main bet stream.
        start: explicit start (aware, or ISO 8601 with a zone); default the run's interval.
        end: explicit end, in the same forms.
        filters: the filters that the stream was extracted with.
        max_bad_rows: rows that may go to quarantine without failing the task.
        pii: columns to drop or to hash in what is rebuilt; the archive itself stays as it is.
        pii_conn_id: connection whose password is the key of the hashes.
        force: rebuild a slot even if it was extracted later without an archive, or with ``pii`` that this task does not have.
        partition: width of a partition under a partitioned timetable; default the stream's own slot.

    Returns:
        (XCom) as `ExtractToParquetOperator`; calls and bytes are those of the extraction.
    """

    ui_color = "#f3efe4"

    def __init__(self, *, force: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.force = force

    def execute(self, context: Context, event: Any = None) -> dict[str, Any]:  # noqa: ARG002 - as its base
        """Rebuild the archived slots of the interval, then fail if some have no archive, or one that is damaged."""
        from airflow_betproviders.extraction.replay import Replay

        hook = hook_of(self.conn_id)
        stream = hook.stream(self.stream or None)
        filters = self._filters(stream)
        self._max_bad_rows()
        pii_policy = pii_policy_of(self.pii, self.pii_conn_id, stream, filters)
        interval = self._interval(context, stream.slot)
        lake = self._lake(hook, stream, filters)
        self.target = target = StreamTarget(lake, interval, hook, stream)
        replay = Replay(
            hook,
            stream,
            lake,
            run_metadata=run_metadata(context),
            pii_policy=pii_policy,
            force=flag("force", self.force),
        )
        slots = replay.slots(interval)
        missing = ", ".join(map(str, interval.without(slots)))
        if not slots:
            raise _not_archived(f"{target.label}: {missing}", lake)
        stored, failure = self._rebuild(replay, slots, target)
        summary = target.summarise(stored)
        self._update_assets(context, summary, stored)
        self._set_lineage(target, stored)
        if failure:
            also = f" Also, {missing} has no archive." if missing else ""
            raise type(failure)(
                f"{failure} The other {len(stored.receipts)} archived slots are rebuilt.{also}"
            ) from failure
        self._raise_for_bad_rows(target, stored)
        if missing:
            raise _not_archived(f"{target.label}: the archived slots are rebuilt, but {missing}", lake)
        return summary

    @staticmethod
    def _rebuild(
        replay: Replay, slots: Sequence[Interval], target: StreamTarget
    ) -> tuple[Stored, BetProviderError | None]:
        """Rebuild slots. Return those that are stored, and the error of the others if some of both exist."""
        from airflow_betproviders.extraction.publishing import Stored

        stored = Stored()
        try:
            replay.store(slots, target.lake, stored)
        except FileNotFoundError as error:
            raise _not_archived(
                f"{target.label}: a slot of {target.interval} has lost its archive meanwhile and", target.lake
            ) from error
        except BetProviderError as error:
            if not stored.receipts:
                raise
            return stored, error
        return stored, None

    def _lake(self, hook: BetProviderHook, stream: Stream, filters: Mapping[str, Any]) -> Lake:
        """Return where the archives are stored. Refuse a path or a connection that cannot work."""
        if not hook.connection.login:
            raise InvalidArgument(f"{hook.label}: login is empty. Enter the account: the archive is stored under it.")
        target = open_path(self.path)
        return Lake(target.fs, target.path, stream.provider, stream.name, hook.account, filters)


def _not_archived(what: str, lake: Lake) -> NotArchived:
    return NotArchived(
        f"{what} has no archive under {lake.base}. Extract it with archive=True while the provider still has it, or give "
        "the interval that is archived."
    )
