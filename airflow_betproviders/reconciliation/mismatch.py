"""Raise the error for days on which the stored bets differ from the provider's reports."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_betproviders.exceptions import ReconciliationFailed
from airflow_betproviders.reconciliation.results import ReconciliationResult


def raise_for_mismatch(results: Sequence[ReconciliationResult], *, repair: bool) -> None:
    """Raise for days that do not agree.

    Raises:
        ReconciliationFailed: names the greatest differences and the cure.
    """
    wrong = [result for result in results if not result.agrees]
    if not wrong:
        return
    parts = []
    for result in wrong:
        figures = "; ".join(map(str, result.wrong[:3]))
        parts.append(
            f"{result.day}: {len(result.wrong)} of {len(result.figures)} figures differ: {figures}. All of them are in "
            f"{result.path}."
        )
        if result.bad_rows:
            parts.append(f"{result.bad_rows} rows are in quarantine; no sum includes them.")
        parts += result.notes
    if not repair:
        cure = "Use repair=True in a task, or --repair on the command line, to extract the slots that differ again."
    elif any(result.repaired for result in wrong):
        slots = sum(len(result.repaired) for result in wrong)
        cure = (
            f"{slots} slots were extracted again just now, and the provider's totals still differ from its own records. Wait for "
            "the next try, or send the provider this report."
        )
    else:
        cure = "No slot could be extracted again to repair it. Send the provider this report."
    first = wrong[0]
    raise ReconciliationFailed(f"{first.label}, {first.provider} {first.stream}: {' '.join(parts)} {cure}")
