"""Find the slots of an interval that a run has to fill, and set aside those that cannot be filled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import (
    BetProviderError,
    IncompleteWindow,
    ProviderRequestError,
    ProviderUnavailable,
)

if TYPE_CHECKING:
    from airflow_betproviders.extraction.slots import Stored
    from airflow_betproviders.lake.layout import Lake
    from airflow_betproviders.lake.survey.cells import Cell
    from airflow_betproviders.lake.survey.coverage import Coverage
    from airflow_betproviders.operators.stream_target import StreamTarget

_MOST_IN_A_ROW = 3  # slots refused or not answered in a row, after which the provider itself seems to be at fault


@dataclass
class GapsToFill:
    """The gaps of a stream in an interval.

    Attributes:
        target: the stream and the interval whose gaps are filled.
        slot: width of missing slots; None for the width of the stored slots beside them.
        states: states of the slots to extract.
        failed: slots that could not be extracted in this run, and why.
        errors_in_a_row: errors since the provider last answered for a slot.
    """

    target: StreamTarget
    slot: timedelta | None
    states: set[str]
    failed: dict[Interval, BetProviderError] = field(default_factory=dict)
    errors_in_a_row: int = 0

    def survey(self) -> Coverage:
        """Return the coverage as it is now."""
        from airflow_betproviders.lake.survey.coverage import coverage

        target, span = self.target, self.target.interval
        now = target.hook.now()
        return coverage(target.lake, target.stream, start=span.start, end=span.end, slot=self.slot, now=now)

    def readable(self, coverage: Coverage) -> list[Cell]:
        """Return the slots to extract that the provider still has."""
        now = self.target.hook.now()
        return [cell for cell in coverage.cells if cell.state in self.states and cell.readable(now)]

    def wanted(self) -> set[Interval]:
        """Return the slots that are to be extracted now."""
        return {cell.interval for cell in self.readable(self.survey())}

    def set_aside(
        self, error: BetProviderError, batch: Sequence[Interval], wanted: Collection[Interval]
    ) -> Interval | None:
        """Set aside the slot of a batch that an error concerns, so that the others are tried.

        Args:
            error: the error that ended the batch.
            batch: the slots of the batch, in order of time.
            wanted: the slots that are still to be extracted.

        Returns:
            The slot; None if the error concerns the provider or the account, not one slot.
        """
        stored_none = all(slot in wanted for slot in batch)
        self.errors_in_a_row = self.errors_in_a_row + 1 if stored_none else 1
        if isinstance(error, IncompleteWindow):  # the provider answers
            self.errors_in_a_row = 0
        if not _concerns_one_slot(error, self.errors_in_a_row):
            return None
        failed = next((slot for slot in batch if slot in wanted), batch[0])
        self.failed[failed] = error
        return failed


def stored_between(lake: Lake, before: Coverage, after: Coverage, since: datetime) -> Stored:
    """Return the slots that were stored between two coverages, and those read since an instant: the run may have deferred."""
    from airflow_betproviders.extraction.slots import Stored

    known = {cell.interval: cell.receipt for cell in before.cells}
    stored = Stored(size=None)
    for cell in after.cells:
        if cell.receipt and (cell.receipt != known.get(cell.interval) or cell.receipt.made_at >= since):
            stored.paths[cell.interval] = lake.data(cell.interval)
            stored.receipts.append(cell.receipt)
    return stored


def _concerns_one_slot(error: BetProviderError, in_a_row: int) -> bool:
    """Return whether an error may concern one slot only, so that the others are worth a try."""
    if isinstance(error, IncompleteWindow):
        return True
    refused = isinstance(error, ProviderRequestError | ProviderUnavailable) and not error.rate_limited
    return refused and error.retry_at is None and in_a_row < _MOST_IN_A_ROW
