"""Report missing data of the lake through any other notifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier
from asgiref.sync import sync_to_async

from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.notifications.messages import missed_deadline, missing_data
from airflow_betproviders.notifications.stored_notifier import restore
from airflow_betproviders.task.arguments import optional_text, require_text

if TYPE_CHECKING:
    from airflow.sdk import Context

# Attributes in which Airflow's notifiers keep their text.
_TEXTS = ("html_content", "text", "body", "message", "content")


class BetProvidersNotifier(BaseNotifier):
    """Send what is missing in a lake through another notifier.

    As the callback of a task or DAG, it sends nothing if nothing is missing. As the alert of a deadline, it always sends:
    which run is late, then what is missing.

    Args:
        path: the lake, as given to ``ExtractToParquetOperator``.
        via: any Airflow notifier, e.g. ``SmtpNotifier``, ``SlackWebhookNotifier`` or ``AppriseNotifier``; or its class and
            arguments, as a deadline stores them.
        text: attribute of ``via`` that holds its text; default the first that it has of html_content, text, body, message
            and content.
        provider: only streams of this provider.
        stream: only this stream.
        account: only this account.

    Raises:
        InvalidArgument: ``via`` is no notifier, it has no such attribute, or an argument is of another type.
    """

    template_fields: Sequence[str] = ("path", "provider", "stream", "account")

    def __init__(
        self,
        *,
        path: str,
        via: BaseNotifier | Mapping[str, Any],
        text: str | None = None,
        provider: str | None = None,
        stream: str | None = None,
        account: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_text("path", path, "s3://aws_default@lake/raw")
        text = optional_text("text", text, "body")
        self.path = path
        self.via = via if isinstance(via, BaseNotifier) else restore(via)
        self.provider = optional_text("provider", provider, "name")
        self.stream = optional_text("stream", stream, "name")
        self.account = optional_text("account", account, "name")
        attribute = next((name for name in _TEXTS if hasattr(self.via, name)), None) if text is None else text
        if attribute is None or not hasattr(self.via, attribute):
            raise InvalidArgument(
                f"{type(self.via).__name__} has no attribute {text or ' or '.join(_TEXTS)}. Name the one that holds its "
                "text: text=."
            )
        self.text = attribute

    def notify(self, context: Context) -> None:
        """Send the message, unless nothing is missing or late."""
        if self._write(context):
            self.via(context)

    async def async_notify(self, context: Context) -> None:
        """Send the message from Airflow's triggerer. A thread reads the lake, so that other triggers keep running."""
        if not await sync_to_async(self._write)(context):
            return
        if type(self.via).async_notify is BaseNotifier.async_notify:
            await sync_to_async(self.via)(context)
        else:
            self.via.context = context
            await self.via

    def _write(self, context: Context) -> bool:
        """Write the message into ``via``, and return whether there is one."""
        late = missed_deadline(context)
        missing = missing_data(self.path, provider=self.provider, stream=self.stream, account=self.account)
        if not late and not missing:
            self.log.info("nothing is missing in %s", self.path)
            return False
        message = "\n".join(filter(None, [late, missing or f"No bets are missing in {self.path}."]))
        setattr(self.via, self.text, f"<pre>{_escaped(message)}</pre>" if self.text == "html_content" else message)
        return True


def _escaped(message: str) -> str:
    from html import escape

    return escape(message)
