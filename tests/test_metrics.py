"""Metrics arrive where Airflow sends them: at a real StatsD listener, and in OpenTelemetry."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from airflow_betproviders import metrics
from tests.airflow_versions import HAS_PARTITIONS
from tests.conftest import MakeHook
from tests.operator_runs import HOURLY, bets, context, execute, operator
from tests.recorder import Recorder

pytestmark = pytest.mark.skipif(not HAS_PARTITIONS, reason="Airflow's metrics are in another module before 3.3")


class Listener:
    """A StatsD server: it receives datagrams."""

    def __init__(self, heard: socket.socket) -> None:
        self.port = heard.getsockname()[1]
        self._heard = heard

    def until(self, name: str) -> dict[str, str]:
        """Values by name, up to the metric of that name."""
        values: dict[str, str] = {}
        while name not in values:
            for line in self._heard.recv(65_536).decode().splitlines():
                metric, _, rest = line.partition(":")
                values[metric] = rest
        return values


@pytest.fixture
def statsd() -> Iterator[Listener]:
    from airflow.sdk._shared.observability.metrics.statsd_logger import SafeStatsdLogger
    from airflow.sdk.observability import stats

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.settimeout(60)
        listener = Listener(heard)

        from statsd import StatsClient

        with closing(StatsClient("127.0.0.1", listener.port, "airflow")) as client:
            stats.initialize(factory=lambda: SafeStatsdLogger(client), export_legacy_names=False)
            yield listener
        from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger

        stats.initialize(factory=NoStatsLogger, export_legacy_names=False)


def test_a_statsd_server_receives_the_metrics_of_an_extraction(
    make: MakeHook, server: Recorder, tmp_path: Path, quick: None, statsd: Listener
) -> None:
    make("aig")
    server.replies = bets
    execute(operator(tmp_path, "aig", **HOURLY), context())
    values = statsd.until("airflow.betproviders.data_age_seconds")
    assert values["airflow.betproviders.rows"] == "3|c"
    assert values["airflow.betproviders.calls"] == "1|c"
    assert int(values["airflow.betproviders.bytes"].removesuffix("|c")) > 100
    assert "airflow.betproviders.quarantined_rows" not in values  # counters of 0 are left out


def test_opentelemetry_gets_the_same_with_tags() -> None:
    from airflow.sdk._shared.observability.metrics.otel_logger import SafeOtelLogger
    from airflow.sdk.observability import stats
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    stats.initialize(factory=lambda: SafeOtelLogger(provider, "airflow"), export_legacy_names=False)
    try:
        metrics.emit({"rows": 7, "gaps": 2}, {"provider": "aig", "stream": "transactions", "conn_id": "aig_default"})
        data = reader.get_metrics_data()
    finally:
        from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger

        stats.initialize(factory=NoStatsLogger, export_legacy_names=False)
    assert data is not None
    points = {
        metric.name: next(iter(metric.data.data_points))
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert points["airflow.betproviders.rows"].value == 7
    assert points["airflow.betproviders.gaps"].value == 2
    assert points["airflow.betproviders.rows"].attributes["stream"] == "transactions"


def test_every_metric_is_documented() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reference" / "metrics.md").read_text()
    for name in (*metrics.COUNTERS, *metrics.GAUGES):
        assert f"`betproviders.{name}`" in page
