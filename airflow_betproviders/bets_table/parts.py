"""Read the slots that a merge is due, in parts of bounded size: one part becomes one commit."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.bets_table.arrow.threads import ThreadedReader
from airflow_betproviders.bets_table.batch import StagedRows
from airflow_betproviders.bets_table.mapping import without_payout
from airflow_betproviders.bets_table.raw_slots import RawSlot, RawStream
from airflow_betproviders.exceptions import UnmergeableSlot

log = logging.getLogger(__name__)

_READERS = 1  # threads that read and map slots ahead of the merge; each takes memory


@dataclass
class MergePart:
    """Rows for one commit, their slots, the slots that are complete with them, and slots that no longer exist."""

    staged: StagedRows
    touched: dict[RawSlot, set[date]] = field(default_factory=dict)
    ended: list[RawSlot] = field(default_factory=list)
    gone: list[RawSlot] = field(default_factory=list)

    def append(self, slot: RawSlot, bets: pa.Table | None) -> None:
        """Add bets of a slot; None ends the slot."""
        dates = self.touched.setdefault(slot, set())
        if bets is None:
            self.ended.append(slot)
        else:
            self.staged.append(slot, bets)
            dates.update(pc.unique(bets["bet_date"]).to_pylist())


class PartReader:
    """Read slots in parts, without regard to where slots end.

    Args:
        stream: the stream of the slots.
        slots: the slots.
        rows: the number of rows at which a part ends.

    Attributes:
        unmergeable: why some slots cannot become bets.
        without_payout: rows read that are settled, cancelled or void and have no payout.
    """

    def __init__(self, stream: RawStream, slots: Sequence[RawSlot], rows: int) -> None:
        self.unmergeable: list[str] = []
        self.without_payout = 0
        self._stream = stream
        self._slots = slots
        self._rows = rows

    def read(self) -> Generator[MergePart, None, None]:
        """Yield the parts. A part's rows are gone when the next one is requested."""
        with closing(self._pieces()) as pieces:
            following = next(pieces, None)
            while following is not None:
                with TemporaryDirectory(prefix="betproviders-") as folder:
                    part = MergePart(StagedRows(self._stream, Path(folder)))
                    while following is not None and (part.staged.rows < self._rows or following[1] is None):
                        part.append(*following)
                        following = next(pieces, None)
                    yield part

    def _pieces(self) -> Generator[tuple[RawSlot, pa.Table | None], None, None]:
        """Yield the bets of all slots, and None after the last ones of each."""
        with closing(ThreadedReader(map(self._bets, self._slots), _READERS).read()) as pieces:
            for slot, bets in pieces:
                if bets is not None:
                    self._note_payouts(slot, bets)
                yield slot, bets

    def _bets(self, slot: RawSlot) -> Iterator[tuple[RawSlot, pa.Table | None]]:
        """Yield the bets of a slot. Note it if it cannot become bets."""
        try:
            yield from self._stream.bets(slot)
        except UnmergeableSlot as error:
            self.unmergeable.append(str(error))
        except FileNotFoundError:
            return  # a larger slot has replaced it, and its own run merges that

    def _note_payouts(self, slot: RawSlot, bets: pa.Table) -> None:
        if count := without_payout(bets):
            self.without_payout += count
            log.warning(
                "%s: %d bets are settled, cancelled or void and have no payout: payout and net are null",
                slot.path,
                count,
            )
