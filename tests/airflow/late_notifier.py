"""A notifier that Airflow's triggerer can call, and whose messages a test can read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import BaseNotifier


class FileNotifier(BaseNotifier):
    """Write the message to a file of a folder.

    Args:
        folder: the folder.
        text: the message.
        **kwargs: Airflow's context.
    """

    def __init__(self, folder: str, text: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = folder
        self.text = text

    async def async_notify(self, context: Any) -> None:
        """Write the message."""
        Path(self.folder, "alert.txt").write_text(self.text)  # noqa: ASYNC240 - a few bytes
