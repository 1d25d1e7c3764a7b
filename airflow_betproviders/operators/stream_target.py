"""Name what a task works on: an interval of one stream of one account, and where it is stored."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_betproviders.task.links import TaskTarget

if TYPE_CHECKING:
    from airflow_betproviders.declare.stream import Stream
    from airflow_betproviders.extraction.slots import Stored
    from airflow_betproviders.hooks.base import BetProviderHook


@dataclass(frozen=True)
class StreamTarget(TaskTarget):
    """An interval of one stream of one account.

    Attributes:
        hook: the account.
        stream: the stream.
    """

    hook: BetProviderHook = field(repr=False)
    stream: Stream = field(repr=False)

    @property
    def label(self) -> str:
        """Return connection and stream, the beginning of a message."""
        return f"{self.hook.label}, stream {self.stream.name}"

    def summarise(self, stored: Stored) -> dict[str, Any]:
        """Return the XCom of a task that stored slots."""
        return {
            "stream": self.stream.name,
            "account": self.hook.account,
            "start": self.interval.start.isoformat(),
            "end": self.interval.end.isoformat(),
            "rows": stored.total("rows"),
            "bytes": stored.total("bytes"),
            "slots": len(stored.receipts),
            "calls": stored.total("calls"),
            "bad_rows": stored.total("bad_rows"),
            "changed": [receipt.start for receipt in stored.receipts if receipt.changed],
            "path": _common_folder(stored) if stored.paths else self.lake.base,
        }


def _common_folder(stored: Stored) -> str:
    return os.path.commonpath([path.rpartition("/")[0] for path in stored.paths.values()])
