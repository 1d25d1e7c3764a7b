"""A DAG that returns its interval: what the harness needs to show that intervals arrive."""

import pendulum
from airflow.sdk import DAG, task
from airflow.timetables.interval import CronDataIntervalTimetable

with DAG(
    "hourly_window",
    schedule=CronDataIntervalTimetable("@hourly", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1),
    catchup=False,
):

    @task
    def window(data_interval_start: pendulum.DateTime, data_interval_end: pendulum.DateTime) -> list[str]:
        print("the window's log line")  # noqa: T201
        return [data_interval_start.isoformat(), data_interval_end.isoformat()]

    window()  # type: ignore[call-arg, misc]  # Airflow gives them from the context
