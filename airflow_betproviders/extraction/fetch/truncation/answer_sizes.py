"""Find the answers without a total that may have been cut off."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_betproviders.declare.pagination import (
    FEW_BYTES,
    FEW_ROWS,
    LAST_PAGE,
    ONE_ANSWER,
    REACHES,
    SHORT_ANSWER,
    is_likely_cap,
)
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged
from airflow_betproviders.extraction.fetch.truncation.answer_cap import AnswerCap
from airflow_betproviders.extraction.fetch.truncation.answer_proof import AnswerProof, ReadPiece, unprovable
from airflow_betproviders.extraction.fetch.truncation.slot_sizes import CALLED_A_CAP, SlotSizes
from airflow_betproviders.extraction.fetch.truncation.sparse_answers import SparseAnswers
from airflow_betproviders.extraction.fetch.truncation.suspected_answer import SuspectedAnswer

# So many answers of the greatest size are proven, where it is not round.
_PROOFS_OF_A_SIZE = 2
# Smaller answers often have the same number of rows by chance.
_FEWEST_ROWS = 3


class AnswerSizes:
    """Find the answers without a total that look cut off, by their sizes, and prove them.

    A server's cap is a constant, so an answer that is smaller than another was not cut off.

    At the end of each slot, the answers that look cut off are proven by requesting pieces of them:

    | answer | looks cut off when |
    |---|---|
    | the greatest of the run by rows | it is greater than any that was proven, or servers often cut off at that number of rows |
    | the greatest of the run by rows, or any other | more answers than chance allows have exactly this many rows |
    | any | the answers before and after it have more than three times as many rows for the length of its window |
    | one of the largest by bytes | one more row would make it larger than any of this run and any that was proven |
    | more than half as great as the greatest | it leaves a part of the window empty, at its start or end, that chance would not |

    The lines of the greatest by rows and of the largest by bytes find a cap that stays the same. The others find a cap that
    has come down since.

    Attributes:
        most_rows: rows of the greatest answer of this run.
        most_bytes: bytes of the largest answer of this run.
        row_bytes: bytes of the largest row of this run, about.
        proven_rows: rows of the greatest answer that this run or an earlier one proved.
        proven_bytes: bytes of the largest answer that this run or an earlier one proved.
    """

    def __init__(self, stream: Stream, proven: int = 0, proven_bytes: int = 0) -> None:
        """Begin with the sizes, in rows and bytes, that earlier runs have proven."""
        self._stream = stream
        self._proof = AnswerProof(stream)
        self.most_rows = self.most_bytes = self.row_bytes = 0
        self.proven_rows = proven
        self.proven_bytes = proven_bytes
        self._proven_in_this_run = 0
        self._slot = SlotSizes()
        self._sparse: SparseAnswers[SuspectedAnswer | None] = SparseAnswers()

    def note_answer(self, page: Page) -> None:
        """Note the size of any answer."""
        self.most_rows = max(self.most_rows, page.rows)
        self.most_bytes = max(self.most_bytes, page.bytes)
        self.row_bytes = max(self.row_bytes, page.row_bytes)

    def suspects(self, rows: int) -> bool:
        """Return whether an answer may have been cut off, by its number of rows alone."""
        if rows < max(FEW_ROWS, self.most_rows) or rows <= self._proven_in_this_run:
            return False
        return rows > self.proven_rows or is_likely_cap(rows)

    def suspects_bytes(self, size: int) -> bool:
        """Return whether an answer may have been cut off, by its bytes alone: one more row would make it the largest known."""
        return size >= FEW_BYTES and size + self.row_bytes > max(self.most_bytes, self.proven_bytes)

    def check(self, rows: WindowRows, answers: Sequence[PageAnswer]) -> None:
        """Keep an answer without a total that may have been cut off, to be proven at the end of the slot.

        Raises:
            Unprovable: its number of rows is round as a server's cap is, and no part of its window can be requested.
        """
        for answer in answers:
            self.note_answer(answer.page)
        # A cap counts rows that come twice, and those outside the window.
        count = answers[0].page.rows if len(answers) == 1 else rows.distinct
        size = answers[-1].page.bytes
        single = rows.proof in {SHORT_ANSWER, REACHES}
        suspected = self._proof.suspected(rows, count, size) if single or size >= FEW_BYTES else None
        if single and rows.window is not None:
            self._sparse.add(suspected, rows.distinct, rows.window.width.total_seconds())
        if count < _FEWEST_ROWS and size < FEW_BYTES:
            return
        by_rows = single and count >= _FEWEST_ROWS and count > self._proven_in_this_run // 2
        by_bytes = (single or rows.proof == LAST_PAGE) and self.suspects_bytes(size)
        if not (by_rows or by_bytes):
            return
        if suspected:
            if by_rows:
                self._slot.add_rows(count, suspected)
            if by_bytes:
                self._slot.add_bytes(suspected)
        elif by_bytes or self.suspects(count):
            rule = self._stream.windows
            splits = rule and rule.splits and self._stream.time_column
            if splits and by_rows and count > self.proven_rows and self.suspects(count) and is_likely_cap(count):
                raise unprovable(count, rows.window)
            rows.proof = ONE_ANSWER

    def forget_slot(self) -> None:
        """Forget the answers of a slot that is read again."""
        self._slot = SlotSizes()
        self._sparse.forget_slot()

    def probe_slot(self, read_piece: ReadPiece) -> AnswerCap | None:
        """Request pieces of the slot's answers that look cut off; return the cap of one that was, or None.

        Raises:
            Unprovable: as `check` does.
            SlotChanged: an answer with far fewer rows than its neighbours lacked rows that pieces of its window brought.
        """
        slot, self._slot = self._slot, SlotSizes()
        sparse_answers, proven = self._sparse.end_slot(), list[SuspectedAnswer]()
        cap = self._greatest_cut_off(slot, read_piece, proven) or self._heaviest_cut_off(slot, read_piece, proven)
        if cap:
            return cap
        for answer in slot.improbable_others:
            if problem := self._proof.probe(answer, read_piece):
                return self._cap(answer, problem, counts_bytes=False)
            proven.append(answer)
        for sparse in sparse_answers:
            if sparse and sparse not in proven and (problem := self._proof.probe_end(sparse, read_piece)):
                raise SlotChanged(f"an answer had far fewer rows than those around it: {problem}")
        gap = slot.least_likely
        if gap and gap not in proven and gap.rows > max(self._proven_in_this_run, self.most_rows) // 2:
            problem = self._proof.probe(gap, read_piece)
            return self._cap(gap, problem) if problem else None
        return None

    def _greatest_cut_off(
        self, slot: SlotSizes, read_piece: ReadPiece, proven: list[SuspectedAnswer]
    ) -> AnswerCap | None:
        """Return the cap if the greatest answer by rows was cut off; else add the answers of its size to ``proven``."""
        size = slot.size
        rule = self._stream.windows
        # Windows that can't be split fail by a cap, so it is proven there.
        if self.suspects(size) and is_likely_cap(size) and slot.count >= CALLED_A_CAP and rule and rule.splits:
            return self._cap(slot.greatest[0], f"{slot.count} answers have this many rows", counts_bytes=False)
        if not (
            self.suspects(size) or (size >= self.most_rows and size > self._proven_in_this_run and slot.improbable)
        ):
            return None
        for answer in slot.greatest if is_likely_cap(size) else slot.greatest[:_PROOFS_OF_A_SIZE]:
            prove = self._proof.probe_end if proven or size <= self.proven_rows else self._proof.probe
            if problem := prove(answer, read_piece, 0 if slot.improbable else self.proven_rows):
                return self._cap(answer, problem, counts_bytes=slot.count == 1 and not is_likely_cap(size))
            proven.append(answer)
            self.proven_bytes = max(self.proven_bytes, answer.bytes)
        self.proven_rows, self._proven_in_this_run = max(self.proven_rows, size), max(self._proven_in_this_run, size)
        return None

    def _heaviest_cut_off(
        self, slot: SlotSizes, read_piece: ReadPiece, proven: list[SuspectedAnswer]
    ) -> AnswerCap | None:
        """Return the cap if one of the largest answers by bytes was cut off; else add them to ``proven``."""
        for answer in slot.heaviest:
            if answer in proven or not self.suspects_bytes(answer.bytes):
                continue
            if problem := self._proof.probe_end(answer, read_piece):
                return self._cap(answer, problem, counts_rows=False)
            proven.append(answer)
            self.proven_bytes = max(self.proven_bytes, answer.bytes)
        return None

    def _cap(
        self, answer: SuspectedAnswer, reason: str, *, counts_rows: bool = True, counts_bytes: bool = True
    ) -> AnswerCap:
        return AnswerCap(answer.rows, answer.bytes, self.row_bytes, counts_rows, counts_bytes, reason)
