"""Define the receipt in the footer of a slot's Parquet file: how the slot was extracted, and its sums.

Coverage, reconciliation and a later extraction of the same slot need nothing else.
"""

from __future__ import annotations

import decimal
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from airflow_betproviders.declare.interval import Interval
    from airflow_betproviders.lake.layout import Lake

FOOTER_KEY = "betproviders.receipt"
# What a receipt of ours may hold; a run that started from more would not end, or fail with an error of Python's.
_YEARS = range(1970, 9999)
_MOST, _MOST_DAYS = 1e9, 1e5  # rows or seconds; days
_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=10**9)]
_Bytes: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]
EXACT = decimal.Context(prec=100)  # for sums of money: Python's own context rounds to 28 digits


class Receipt(msgspec.Struct, gc=False):  # a survey of a large lake makes a million of them
    """The record of a slot's extraction, with its counts and sums.

    Attributes:
        provider: connection type.
        stream: stream name.
        account: the account's login at the provider.
        filters: the provider's own filters, if any.
        start: the start of the slot, ISO 8601, UTC.
        end: the end of the slot, ISO 8601, UTC.
        rows: rows in the object, each key once.
        total: the provider's own count where it gives one (boundary rows that belong to the next slot included).
        windows: windows into which the slot was split.
        calls: calls made, with refused and repeated ones.
        retries: calls without a usable answer, which were made again.
        bytes: bytes of answers, decompressed.
        reread: windows read again because the provider's total moved between pages.
        duplicates: rows that the provider returned more than once.
        outside: rows whose time is outside the slot for which they were returned.
        proof: the number of windows by what proves them complete: the provider's total, a short answer, an empty page, a second
            read, ... Empty if the object was written by a version without this member.
        proven_rows: rows of the greatest answer without a total that was proven not to be cut off.
        proven_bytes: bytes of the largest such answer.
        asked_for_less: ``rows`` of a page and ``seconds`` of a window, where the provider gave less than documented or did not
            answer in time, so that less was requested; empty otherwise.
        starts_held_at: ISO 8601, UTC: the start of the last slot whose rows showed that windows hold their start, or None.
        ends_held_at: the same for the ends of windows.
        slow_pages: answers that were decoded row by row; for objects with free names it may depend on earlier answers.
        bad_rows: rows in quarantine.
        odd_values: by column, values that did not fit it: null there, and their JSON text in ``_extra``.
        rounded: by column, values with more digits than it has: rounded there, and their JSON text in ``_extra``.
        sums: exact sums of the money columns, as decimal text.
        units: by column, the unit of a sum that is not in its currency: ``{"bet_amount": "li"}``.
        previous_rows: rows of the object, or of the smaller ones, that this one replaced, or None.
        digest: digest of the rows without their extraction time: two extractions of the same rows have the same digest.
        changed_by: DAG and run that first stored these rows; a later extraction of the same rows keeps it.
        dag_id: the Airflow DAG that wrote the object; None if no DAG did.
        task_id: the task of that DAG.
        run_id: the Airflow run.
        try_number: the number of the task's try.
        extracted_at: ISO 8601, UTC: when the extraction began.
        replayed_at: ISO 8601, UTC: when the slot was rebuilt from the archive of that extraction, or None.
        retention_days: the connection's ``retention_days``; None if the retention of the provider's document holds.
        pii: columns that identify a player, each with ``drop`` or ``hash``.
        pii_key: fingerprint of the key of the hashes; empty without hashes, or from a version without this member.
        version: the version of this package.
    """

    provider: str
    stream: str
    account: str
    start: str
    end: str
    filters: dict[str, Any] = msgspec.field(default_factory=dict)
    rows: _Count = 0
    total: _Count | None = None
    windows: _Count = 0
    calls: _Count = 0
    retries: _Count = 0
    bytes: _Bytes = 0
    reread: _Count = 0
    duplicates: _Count = 0
    outside: _Count = 0
    slow_pages: _Count = 0
    proof: dict[str, _Count] = msgspec.field(default_factory=dict)
    proven_rows: _Count = 0
    proven_bytes: _Bytes = 0
    asked_for_less: dict[str, float] = msgspec.field(default_factory=dict)
    starts_held_at: str | None = None
    ends_held_at: str | None = None
    bad_rows: _Count = 0
    odd_values: dict[str, _Count] = msgspec.field(default_factory=dict)
    rounded: dict[str, _Count] = msgspec.field(default_factory=dict)
    sums: dict[str, str] = msgspec.field(default_factory=dict)
    units: dict[str, str] = msgspec.field(default_factory=dict)
    previous_rows: _Count | None = None
    digest: str = ""
    changed_by: str | None = None
    dag_id: str | None = None
    task_id: str | None = None
    run_id: str | None = None
    try_number: int | None = None
    extracted_at: str = ""
    replayed_at: str | None = None
    retention_days: float | None = None
    pii: dict[str, str] = msgspec.field(default_factory=dict)
    pii_key: str = ""
    version: str = ""

    @property
    def shrunken(self) -> bool:
        """Return whether the slot had more rows before."""
        return self.previous_rows is not None and self.rows < self.previous_rows

    @property
    def changed(self) -> bool:
        """Return whether the run that wrote this slot stored other rows than before, in this try or an earlier one."""
        return self.changed_by == self._read_by

    def set_changed_by(self, previous: Receipt | None) -> None:
        """Set ``changed_by`` from the receipt that this one replaces: it stays if both have the same rows."""
        same = previous is not None and previous.digest == self.digest
        self.changed_by = previous.changed_by if previous and same else self._read_by

    @property
    def _read_by(self) -> str:
        return f"{self.dag_id}/{self.run_id}"

    @property
    def made_at(self) -> datetime:
        """Return when the slot was extracted or last rebuilt. Each version of a slot has another time."""
        return datetime.fromisoformat(max(self.extracted_at, self.replayed_at or ""))

    def misplaced(self, lake: Lake, slot: Interval) -> str | None:
        """Return how it contradicts its object's place in the lake, as the end of a sentence; None if it does not."""
        mine = (self.provider, self.stream, self.account, self.start, self.end)
        if mine == (lake.provider, lake.stream, lake.account, *slot.texts):
            return None
        return "is in the wrong place: its receipt is of {} {}, account {}, {} to {}".format(*mine)

    def to_footer(self) -> dict[str, str]:
        """Return key and value for a Parquet footer."""
        return {FOOTER_KEY: json.dumps(self.to_members(), sort_keys=True)}

    def to_members(self) -> dict[str, Any]:
        """Return the members by name."""
        return msgspec.structs.asdict(self)

    @property
    def _is_usable(self) -> bool:
        """Return whether a later run can start from it: its times have a zone, its limits and sums are possible.

        Raises:
            ArithmeticError: a sum is no number.
            ValueError: a time is not ISO 8601.
        """
        given = filter(None, (self.replayed_at, self.starts_held_at, self.ends_held_at))
        instants = map(datetime.fromisoformat, (self.start, self.end, self.extracted_at, *given))
        return (
            all(instant.tzinfo and instant.year in _YEARS for instant in instants)
            and all(0 < limit < _MOST for limit in self.asked_for_less.values())
            and (self.retention_days is None or 0 < self.retention_days < _MOST_DAYS)
            and all(amount.is_finite() for amount in sum_amounts([self]).values())
        )

    @classmethod
    def from_footer(cls, metadata: Mapping[Any, Any] | None) -> Receipt | None:
        """Return the receipt in a footer, or None where there is none, or a damaged one."""
        text = (metadata or {}).get(FOOTER_KEY.encode())
        if text is None:
            return None
        try:
            receipt = msgspec.json.decode(text, type=cls)
            usable = receipt._is_usable  # noqa: SLF001 - its own
        except (msgspec.MsgspecError, ValueError, ArithmeticError):
            return None
        return receipt if usable else None


def sum_counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up counts by column, such as ``odd_values``, over receipts."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)


def sum_amounts(receipts: Collection[Receipt]) -> dict[str, Decimal]:
    """Add up the sums of the money columns over receipts, exactly."""
    sums = [receipt.sums for receipt in receipts]
    names = dict.fromkeys(chain.from_iterable(sums))
    with decimal.localcontext(EXACT):
        return {
            name: sum(map(Decimal, [columns[name] for columns in sums if name in columns]), Decimal(0))
            for name in names
        }
