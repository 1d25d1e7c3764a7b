"""What is missing reaches people: the message, a mail, and a deadline for fresh data."""

from __future__ import annotations

import email
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import BaseNotifier, Connection
from airflow.sdk.definitions.deadline import SyncCallback
from packaging.version import Version

from airflow_betproviders.dags import incremental_dag
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.notifications.messages import missing_data
from airflow_betproviders.notifications.notifier import BetProvidersNotifier
from tests.airflow_versions import AIRFLOW
from tests.notifications.conftest import Connect
from tests.operator_runs import FIVE, HOUR, context


class Smtp:
    """Mails that a real SMTP server on loopback received."""

    def __init__(self) -> None:
        self.mails: list[email.message.Message] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(email.message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def smtp(connect: Connect) -> Iterator[Smtp]:
    from aiosmtpd.controller import Controller

    from demo.ports import free_ports

    received = Smtp()
    [port] = free_ports(1)
    running = Controller(received, hostname="127.0.0.1", port=port)
    running.start()
    extra = '{"disable_ssl": true, "disable_tls": true}'
    connect(Connection(conn_id="smtp_default", conn_type="smtp", host="127.0.0.1", port=port, extra=extra))
    yield received
    running.stop()


def test_the_message_names_the_gap_its_end_and_the_command(lake: str) -> None:
    message = missing_data(lake, now=FIVE + 3 * HOUR)
    assert "aig transactions, account agent001: [2026-11-20T06:00:00Z, 2026-11-20T07:00:00Z), 1 slot missing" in message
    assert "The provider has them until 2027-02-17 06:00 UTC" in message  # 89 days
    assert "airflow backfill create --dag-id bets --from-date 2026-11-20T06:00:00+00:00" in message


def test_what_the_provider_no_longer_has_gets_another_advice(lake: str) -> None:
    message = missing_data(lake, now=FIVE + timedelta(days=120))
    assert "expired. The provider no longer has them; rebuild them from an archive with ReplayOperator" in message


def test_no_gap_no_message(lake: str) -> None:
    assert missing_data(lake, provider="pv", now=FIVE + 3 * HOUR) == ""


@pytest.mark.usefixtures("days_later")
def test_a_mail_says_what_is_missing(lake: str, smtp: Smtp) -> None:
    mail = SmtpNotifier(
        from_email="airflow@example.com",
        to="team@example.com",
        subject="Bets",
        html_content="",
        smtp_conn_id="smtp_default",
    )
    BetProvidersNotifier(path=lake, via=mail)(context())
    [received] = smtp.mails
    text = "".join(str(part.get_payload(decode=True), "utf-8") for part in received.walk() if not part.is_multipart())
    assert "1 slot missing" in text
    assert "airflow betproviders" in text or "airflow backfill create" in text


class Late(BaseNotifier):
    """A notifier that the triggerer can call."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    async def async_notify(self, context: Any) -> None:
        """Notify nobody."""


class OnlySync(BaseNotifier):
    """A notifier that the triggerer cannot call, without a text."""


def late(text: str) -> None:
    """Notify nobody."""


@pytest.mark.parametrize(
    "alert",
    [
        pytest.param(Late("late"), id="notifier"),
        pytest.param(
            SyncCallback(late, kwargs={"text": "late"}),
            id="callback",
            marks=pytest.mark.skipif(Version("3.2") > AIRFLOW, reason="Airflow 3.1 runs no SyncCallback"),
        ),
    ],
)
def test_a_dag_alerts_when_its_data_is_late(alert: Any) -> None:
    dag = incremental_dag("fresh", conn_id="aig_default", path="file:///lake", fresh_within="3h", alert=alert)
    [deadline] = dag.deadline if isinstance(dag.deadline, list) else [dag.deadline]
    assert deadline.interval == timedelta(hours=3)
    assert deadline.callback.kwargs == {"text": "late"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fresh_within": "3h"}, "belong together"),
        ({"fresh_within": "3h", "alert": "mail"}, "neither a notifier nor"),
        ({"fresh_within": "3h", "alert": OnlySync()}, "cannot notify from the triggerer"),
    ],
)
def test_an_alert_that_cannot_work_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        incremental_dag("fresh", conn_id="aig_default", path="file:///lake", **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": 5}, "path=5 is not text"),
        ({"via": "https://hooks.example/secret"}, "via is of type str, not a notifier"),
        ({"via": {}}, "via is of type dict, not a notifier"),
        ({"text": 5}, "text=5 is not text"),
        *(({name: 5}, f"{name}=5 is not text") for name in ("provider", "stream", "account")),
    ],
)
def test_a_notifier_with_arguments_of_another_type_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as refused:
        BetProvidersNotifier(**{"path": "file:///lake", "via": OnlySync(), **arguments})
    assert "secret" not in str(refused.value)


def test_a_notifier_without_a_text_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="has no attribute"):
        BetProvidersNotifier(path="file:///lake", via=OnlySync())
