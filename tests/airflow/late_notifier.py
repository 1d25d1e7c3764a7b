"""A notifier that Airflow's triggerer can call, and whose messages a test can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow.sdk import BaseNotifier


class FileNotifier(BaseNotifier):
    """Write each message to a file of a folder, named after the DAG.

    Args:
        folder: the folder.
        text: the message.
        **kwargs: Airflow's context.
    """

    def __init__(self, folder: str, text: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = folder
        self.text = text

    async def async_notify(self, context: Any) -> None:
        """Write the message, and which run it is about if Airflow says so."""
        run = context.get("dag_run") or {}
        message = {"text": self.text, "run_id": run.get("dag_run_id")}
        Path(self.folder, "alert.json").write_text(json.dumps(message))  # noqa: ASYNC240 - a few bytes
