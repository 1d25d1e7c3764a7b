"""Wait until an interval of a stream is complete in the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator

from airflow_betproviders.declare.interval import parse_duration
from airflow_betproviders.exceptions import FinalError, WindowExpired
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.operators.stream_operator import hook_of
from airflow_betproviders.task.airflow_exceptions import AirflowSensorTimeout, AirflowSkipException
from airflow_betproviders.task.arguments import ChecksTemplates, mapping
from airflow_betproviders.task.deferral import is_deferrable, wait_until
from airflow_betproviders.task.interval import resolve_interval
from airflow_betproviders.task.links import CoverageLink, DataLink, TaskTarget
from airflow_betproviders.task.storage import open_path

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_betproviders.declare.interval import Interval

_INCOMPLETE = ("missing", "damaged", "pending", "expired")


class BetsCompleteSensor(ChecksTemplates, BaseSensorOperator):
    """Wait until every slot of an interval is stored. Does not call the provider.

    It reads receipts only, so that any DAG, on any Airflow from 3.1, can wait for data that another DAG stores.

    Args:
        conn_id: connection to the provider; its type and login select the stream in the lake.
        path: the lake, as given to ``ExtractToParquetOperator``.
        stream: stream name; default the provider's main bet stream.
        start: explicit start (aware, or ISO 8601 with a zone); default the run's interval.
        end: explicit end, in the same forms.
        filters: the filters that the stream was extracted with.
        partition: width of a partition under a partitioned timetable.
        deferrable: whether to free the worker slot between two checks; default as of ``ExtractToParquetOperator``.

    Raises:
        WindowExpired: slots are missing that the provider no longer has; waiting cannot help.
    """

    template_fields: Sequence[str] = ("conn_id", "path", "stream", "start", "end", "filters")
    template_fields_renderers = {"filters": "json"}  # noqa: RUF012 - Airflow declares a plain dict
    ui_color = "#e8f3ec"
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
        partition: str | timedelta = "1h",
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.path = path
        self.stream = stream
        self.start = start
        self.end = end
        self.filters = filters
        self.partition = partition
        self.deferrable = is_deferrable(deferrable)

    def execute(
        self,
        context: Context,
        event: Any = None,  # noqa: ARG002 - the trigger's event
        began_at: str | None = None,
        checks: int = 1,
    ) -> Any:
        """Check the interval, and defer until the next check while it is incomplete.

        Args:
            context: Airflow's context of the task.
            event: the trigger's event.
            began_at: when the task first checked, ISO 8601.
            checks: how many checks there are with this one.
        """
        if not self.deferrable:
            return super().execute(context)
        began = datetime.fromisoformat(began_at) if began_at else datetime.now(timezone.utc)
        try:
            if self._is_complete(context):
                return None
            checked = datetime.now(timezone.utc)
            self._check_timeout(context, (checked - began).total_seconds())
        except Exception as error:
            if self._skips_after(error):
                raise AirflowSkipException(
                    f"The sensor gives up, and its settings skip the task then: {error}"
                ) from error
            raise
        wait = timedelta(seconds=self._get_next_poke_interval(began, (checked - began).total_seconds, checks))
        wait_until(self, checked + wait, "the next check", began_at=began.isoformat(), checks=checks + 1)
        return None

    def _is_complete(self, context: Context) -> bool:
        """Return what `poke` returns. With ``silent_fail``, a failed check, as of a store that does not answer, counts as incomplete."""
        try:
            return self.poke(context)
        except FinalError:
            raise
        except Exception:
            if not self.silent_fail:
                raise
            self.log.exception("The check failed, and silent_fail is set: the sensor checks again.")
            return False

    def _check_timeout(self, context: Context, waited: float) -> None:
        if waited > self.timeout:
            raise AirflowSensorTimeout(
                f"{self._interval(context)} is still incomplete after {self.timeout:.0f} s. The log lists what is missing; "
                "airflow betproviders gaps prints the command that loads it."
            )

    def _skips_after(self, error: Exception) -> bool:
        """Return whether ``soft_fail`` or ``never_fail`` turns an error into a skipped task, as while the sensor does not defer."""
        if isinstance(error, AirflowSensorTimeout):
            return self.soft_fail
        return self.never_fail or (self.soft_fail and isinstance(error, FinalError))

    def poke(self, context: Context) -> bool:
        """Return whether every slot of the interval is stored."""
        from airflow_betproviders.lake.survey.coverage import coverage

        hook = hook_of(self.conn_id)
        stream = hook.stream(self.stream or None)
        interval = self._interval(context)
        place = open_path(self.path)
        lake = Lake(
            place.fs,
            place.path,
            stream.provider,
            stream.name,
            hook.account,
            stream.check_filters(mapping("filters", self.filters)),
        )
        self.target = TaskTarget(lake, interval)
        stream_coverage = coverage(lake, stream, start=interval.start, end=interval.end, now=hook.now())
        if lost := stream_coverage.gaps({"expired"}):
            raise WindowExpired(
                f"{hook.label}, stream {stream.name}: {lost[0].interval} is not stored, and the provider no longer has "
                "it. Rebuild it with ReplayOperator if it was archived, or leave it out of the interval."
            )
        left = stream_coverage.gaps(_INCOMPLETE)
        for gap in left:
            self.log.info("%s: %d slots are %s", gap.interval, gap.slots, gap.state)
        return not left

    def _interval(self, context: Context) -> Interval:
        return resolve_interval(context, self.start, self.end, parse_duration("partition", self.partition))
