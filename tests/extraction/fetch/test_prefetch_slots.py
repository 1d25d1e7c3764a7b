"""Slots are prefetched, and the calls of each are counted separately all the same."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import fsspec
import pytest

from airflow_betproviders.declare.interval import Interval, slots
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ProviderRequestError
from airflow_betproviders.extraction import publishing
from airflow_betproviders.extraction.archive import ArchiveReader
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from tests.extraction.vendor import BETS, MINUTE, SLOT, Vendor, bet

QUARTERS = slots(SLOT, 15 * MINUTE)
ROWS = [bet(f"{i:03}", at=60 * i) for i in range(60)]


@dataclass
class Watched(Vendor):
    """A vendor that notes when it is asked, and how much it answers, by the window's start."""

    at: dict[datetime, list[datetime]] = field(default_factory=dict)
    sent: Counter[datetime] = field(default_factory=Counter)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def request(self, stream: Stream, window: Interval | None, params: Mapping[str, Any], *rest: Any) -> bytes:
        assert window
        now = datetime.now(timezone.utc)
        with self.guard:
            self.at.setdefault(window.start, []).append(now)
        time.sleep(0.005)
        with self.guard:
            answer = super().request(stream, window, params, *rest)
            self.sent[window.start] += len(answer)
        return answer


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(fsspec.filesystem("file"), str(tmp_path), "toy", "bets", "agent001")


def test_a_slot_is_requested_before_the_one_before_it_has_arrived(lake: Lake) -> None:
    begun = threading.Event()

    class Waits(Watched):
        def request(self, stream: Stream, window: Interval | None, params: Mapping[str, Any], *rest: Any) -> bytes:
            assert window
            if window.start >= QUARTERS[2].start:
                begun.set()
            last = window.start == QUARTERS[1].start and params["page"] == 5
            assert not last or begun.wait(60), "the third slot waits for the end of the second"
            return super().request(stream, window, params, *rest)

    stored = Extraction(Waits(ROWS), BETS).store(QUARTERS, lake)

    assert [receipt.rows for receipt in stored.receipts] == [15] * 4


def test_each_receipt_has_its_own_calls_and_bytes_and_a_time_before_them(lake: Lake) -> None:
    vendor, began = Watched(ROWS), datetime.now(timezone.utc).replace(microsecond=0)
    stored = Extraction(vendor, BETS).store(QUARTERS, lake)

    assert sum(receipt.calls for receipt in stored.receipts) == len(vendor.asked)
    for slot, receipt in zip(QUARTERS, stored.receipts, strict=True):
        assert (receipt.calls, receipt.bytes) == (len(vendor.at[slot.start]), vendor.sent[slot.start])
        assert began <= datetime.fromisoformat(receipt.extracted_at) <= min(vendor.at[slot.start])


def test_each_archive_has_the_replies_of_its_slot(lake: Lake) -> None:
    Extraction(Watched(ROWS), BETS, archive=True).store(QUARTERS, lake)

    for slot in QUARTERS:
        with ArchiveReader.opened(lake, slot) as archived:
            assert [window for window, _ in archived.windows] == [slot]
            assert [len(calls) for _, calls in archived.windows] == [archived.receipt.calls]


def test_of_a_slot_that_fails_the_replies_are_kept_and_of_those_after_it_nothing(lake: Lake) -> None:
    def breaks(n: int, answer: dict[str, Any]) -> dict[str, Any]:
        late = any(row["at"] >= QUARTERS[2].start.timestamp() * 1000 for row in answer["rows"])
        return {**answer, "code": 500} if late else answer

    with pytest.raises(ProviderRequestError, match="05:30"):
        Extraction(Watched(ROWS, spoil=breaks), BETS, archive=True).store(QUARTERS, lake)

    assert set(lake.stored(SLOT)) == set(QUARTERS[:2])
    assert [slot for slot in QUARTERS if Path(lake.failed(slot)).exists()] == [QUARTERS[2]]


class OutOfTime(BaseException):
    """As Airflow ends a task that takes too long."""


def test_a_slot_that_is_being_published_when_the_task_is_ended_is_still_published_with_its_archive(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(n: int, answer: dict[str, Any]) -> dict[str, Any]:
        if any(row["at"] >= QUARTERS[1].start.timestamp() * 1000 for row in answer["rows"]):
            raise OutOfTime
        return answer

    publish = publishing.publish

    def slowly(*given: Any, **named: Any) -> str:
        time.sleep(0.5)
        return publish(*given, **named)

    monkeypatch.setattr(publishing, "publish", slowly)
    with pytest.raises(OutOfTime):
        Extraction(Watched(ROWS, spoil=ends), BETS, archive=True).store(QUARTERS, lake)

    assert set(lake.stored(SLOT)) == {QUARTERS[0]}
    assert set(lake.archived(SLOT)) == {QUARTERS[0]}
