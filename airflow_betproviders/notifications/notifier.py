"""A notifier that reports what is missing in the lake, through any other notifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.notifications.messages import missing_data

if TYPE_CHECKING:
    from airflow.sdk import Context

# Attributes in which Airflow's notifiers keep their text.
_TEXTS = ("html_content", "text", "body", "message", "content")


class BetProvidersNotifier(BaseNotifier):
    """Send what is missing in a lake through another notifier. Sends nothing if nothing is missing.

    Args:
        path: the lake, as given to ``ExtractToParquetOperator``.
        via: any Airflow notifier, e.g. ``SmtpNotifier``, ``SlackWebhookNotifier`` or ``AppriseNotifier``.
        text: attribute of ``via`` that holds its text; default the first that it has of html_content, text, body, message
            and content.
        provider: only this one.
        stream: only this one.
        account: only this one.

    Raises:
        InvalidArgument: ``via`` has no such attribute.
    """

    template_fields: Sequence[str] = ("path", "provider", "stream", "account")

    def __init__(
        self,
        *,
        path: str,
        via: BaseNotifier,
        text: str | None = None,
        provider: str | None = None,
        stream: str | None = None,
        account: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.via = via
        self.provider = provider
        self.stream = stream
        self.account = account
        found = next((name for name in _TEXTS if hasattr(via, name)), None) if text is None else text
        if found is None or not hasattr(via, found):
            raise InvalidArgument(
                f"{type(via).__name__} has no attribute {text or ' or '.join(_TEXTS)}. Name the one that holds its text: text=."
            )
        self.text = found

    def notify(self, context: Context) -> None:
        """Send the message, if there is anything to say."""
        message = missing_data(self.path, provider=self.provider, stream=self.stream, account=self.account)
        if not message:
            self.log.info("nothing is missing in %s", self.path)
            return
        setattr(self.via, self.text, f"<pre>{_escaped(message)}</pre>" if self.text == "html_content" else message)
        self.via(context)


def _escaped(message: str) -> str:
    from html import escape

    return escape(message)
