"""Gaps of a lake are extracted again from the simulator, and ranges that it no longer has are named."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG

from airflow_betproviders.declare.interval import Interval, floor, slots
from airflow_betproviders.exceptions import (
    AnswerTooLarge,
    BadRows,
    BetProviderError,
    IncompleteWindow,
    InvalidArgument,
    ProviderAuthError,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderUnavailable,
    QuotaExhausted,
    WindowExpired,
)
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import read_receipt
from airflow_betproviders.lake.survey import stored_objects
from airflow_betproviders.lake.survey.cells import Cell
from airflow_betproviders.lake.survey.coverage import coverage
from airflow_betproviders.operators.extract import ExtractToParquetOperator, stream_asset
from airflow_betproviders.operators.gap_filling.run_limit import RunLimit
from airflow_betproviders.operators.gaps import FillGapsOperator
from airflow_betproviders.providers.gmag.streams import GAME_HISTORY
from airflow_betproviders.simulator import Simulator
from tests.airflow_versions import TaskDeferred
from tests.extraction.stored import put, store
from tests.operator_runs import context, execute
from tests.simulated import hook, no_waiting, now, simulator  # noqa: F401 - fixtures

SETTINGS = {"rate": 30.0, "late_share": 0.0}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def account(hook: Callable[..., BetProviderHook]) -> BetProviderHook:  # noqa: F811
    """GM-Ag, which keeps thirty days less ten minutes."""
    return hook("gmag")


@pytest.fixture
def lake(tmp_path: Path, account: BetProviderHook) -> Lake:
    return Lake(fsspec.filesystem("file"), f"{tmp_path}/lake", "gmag", "game_history", account.account)


@pytest.fixture
def span(now: datetime) -> Interval:  # noqa: F811
    """Six hours of yesterday."""
    start = now.replace(hour=3, minute=0, second=0, microsecond=0) - DAY
    return Interval(start, start + 6 * HOUR)


def run(kind: type[ExtractToParquetOperator], lake: Lake, span: Interval, **options: Any) -> dict[str, Any]:
    given = {"conn_id": "gmag_default", "path": f"file://{lake.root}", "start": span.start, "end": span.end}
    ctx = options.pop("ctx", None) or context()
    return execute(kind(task_id="task", **{**given, **options}), ctx)


def rows(lake: Lake, span: Interval) -> set[str]:
    found = [row["roundId"] for path in lake.stored(span).values() for row in pq.read_table(path).to_pylist()]
    assert len(found) == len(set(found))
    return set(found)


def truth(simulator: Simulator, span: Interval) -> set[str]:  # noqa: F811
    return {row["roundId"] for row in simulator.truth("gmag", "game_history", span.start, span.end)}


def states(lake: Lake, span: Interval, at: datetime) -> list[str]:
    return [cell.state for cell in coverage(lake, GAME_HISTORY, start=span.start, end=span.end, now=at).cells]


def test_what_is_missing_or_damaged_is_read_again_and_nothing_else(
    lake: Lake,
    span: Interval,
    simulator: Simulator,  # noqa: F811
    now: datetime,  # noqa: F811
) -> None:
    run(ExtractToParquetOperator, lake, span)
    expected = rows(lake, span)
    assert expected == truth(simulator, span)
    cut = slots(span, HOUR)
    before = {slot: Path(path).stat().st_mtime_ns for slot, path in lake.stored(span).items()}
    Path(lake.data(cut[1])).unlink()
    Path(lake.data(cut[2])).unlink()
    edited = Path(lake.data(cut[4]))
    pq.write_table(pq.read_table(edited).slice(1), edited)
    put(lake, cut[5], b"no Parquet at all")
    assert states(lake, span, now) == ["complete", "missing", "missing", "complete", "damaged", "damaged"]
    calls = len(simulator.calls)
    ctx = context()
    summary = run(FillGapsOperator, lake, span, ctx=ctx)
    assert rows(lake, span) == expected
    assert states(lake, span, now) == ["complete"] * 6
    assert len(simulator.calls) - calls == summary["calls"]
    after = {slot: Path(path).stat().st_mtime_ns for slot, path in lake.stored(span).items()}
    assert [slot for slot in cut if after[slot] != before[slot]] == [cut[1], cut[2], cut[4], cut[5]]
    selected = {name: summary[name] for name in ("stream", "start", "end", "slots", "missing", "expired", "bad_rows")}
    assert selected == {
        "stream": "game_history", "start": span.start.isoformat(), "end": span.end.isoformat(), "slots": 4, "missing": 0,
        "expired": 0, "bad_rows": 0,
    }  # fmt: skip
    (event,) = ctx["outlet_events"].values()
    assert event.extra["paths"] == [lake.data(cut[number]) for number in (1, 2, 4, 5)]
    json.dumps(summary)
    calls = len(simulator.calls)
    assert run(FillGapsOperator, lake, span)["slots"] == 0
    assert len(simulator.calls) == calls


def test_of_an_empty_lake_everything_is_missing(lake: Lake, span: Interval, simulator: Simulator) -> None:  # noqa: F811
    summary = run(FillGapsOperator, lake, span, slot="30m", start=span.start.isoformat(), end=span.end.isoformat())
    assert (summary["slots"], summary["rows"]) == (12, len(truth(simulator, span)))
    assert rows(lake, span) == truth(simulator, span)


def test_a_slot_is_as_wide_as_its_neighbours_whatever_the_interval(
    lake: Lake,
    span: Interval,
    simulator: Simulator,  # noqa: F811
) -> None:
    run(ExtractToParquetOperator, lake, span, slot="30m")
    gone = Interval(span.start + HOUR, span.start + 1.5 * HOUR)
    Path(lake.data(gone)).unlink()
    inside = Interval(gone.start + HOUR / 6, gone.end - HOUR / 6)
    assert run(FillGapsOperator, lake, inside)["slots"] == 1
    assert rows(lake, span) == truth(simulator, span)


def oldest(now: datetime) -> datetime:  # noqa: F811
    """Return the start of the hour that the provider drops next."""
    assert GAME_HISTORY.retention is not None
    return floor(now - GAME_HISTORY.retention, HOUR) + HOUR


def test_what_is_gone_is_named_after_everything_else_is_stored(
    lake: Lake,
    simulator: Simulator,  # noqa: F811
    now: datetime,  # noqa: F811
) -> None:
    first = oldest(now)
    span = Interval(first - 3 * HOUR, first + 3 * HOUR)
    store(lake, Interval(first - 2 * HOUR, first - HOUR))
    with pytest.raises(WindowExpired) as caught:
        run(FillGapsOperator, lake, span)
    one, other = Interval(first - 3 * HOUR, first - 2 * HOUR), Interval(first - HOUR, first)
    assert f"{one} (1 expired), {other} (1 expired) can no longer be read" in str(caught.value)
    assert states(lake, span, now)[:3] == ["expired", "complete", "expired"]
    left = Interval(first, first + 3 * HOUR)
    assert rows(lake, left) == truth(simulator, left)
    assert set(states(lake, left, now)) == {"complete"}


def test_a_damaged_slot_that_is_gone_is_named_too(lake: Lake, now: datetime) -> None:  # noqa: F811
    span = Interval(oldest(now) - HOUR, oldest(now))
    put(lake, span, b"")
    with pytest.raises(WindowExpired, match="1 damaged"):
        run(FillGapsOperator, lake, span)
    assert run(FillGapsOperator, lake, span, states=["missing"])["slots"] == 0


def test_what_expires_while_older_slots_are_read_does_not_keep_the_others_from_landing(
    lake: Lake,
    simulator: Simulator,  # noqa: F811
    now: datetime,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = oldest(now)
    span = Interval(first, first + 4 * HOUR)
    exchange, clock = BetProviderHook.exchange, [now]

    def slow(self: Any, *arguments: Any, **options: Any) -> bytes:
        clock[0] = now + 1.5 * HOUR  # the first call takes an hour and a half
        return exchange(self, *arguments, **options)

    monkeypatch.setattr(BetProviderHook, "now", lambda _: clock[0])
    monkeypatch.setattr(BetProviderHook, "exchange", slow)
    with pytest.raises(WindowExpired, match="expired"):
        run(FillGapsOperator, lake, span)
    found = states(lake, span, clock[0])
    assert found[0] == "expired"
    assert found[-2:] == ["complete", "complete"]
    left = Interval(first + 2 * HOUR, span.end)
    assert rows(lake, left) == truth(simulator, left)


def test_shrunken_and_quarantined_slots_are_read_again_if_states_name_them(
    lake: Lake,
    span: Interval,
    simulator: Simulator,  # noqa: F811
    now: datetime,  # noqa: F811
) -> None:
    run(ExtractToParquetOperator, lake, span)
    cut = slots(span, HOUR)
    store(lake, cut[0], rows=0, previous_rows=9)
    store(lake, cut[1], rows=0, bad_rows=2)
    assert run(FillGapsOperator, lake, span)["slots"] == 0
    assert run(FillGapsOperator, lake, span, states=["shrunken", "quarantined"])["slots"] == 2
    assert states(lake, span, now) == ["complete"] * 6
    assert rows(lake, span) == truth(simulator, span)


def test_bad_rows_fail_the_task_after_everything_is_stored(
    lake: Lake,
    span: Interval,
    simulator: Simulator,  # noqa: F811
    now: datetime,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchange = BetProviderHook.exchange

    def spoiled(self: Any, *arguments: Any, **options: Any) -> bytes:
        answer = json.loads(exchange(self, *arguments, **options))
        for record in answer["records"][:1]:
            record["endTime"] = "soon"
        return json.dumps(answer).encode()

    monkeypatch.setattr(BetProviderHook, "exchange", spoiled)
    with pytest.raises(BadRows, match="rows do not fit"):
        run(FillGapsOperator, lake, span)
    assert states(lake, span, now) == ["quarantined"] * 6
    assert run(FillGapsOperator, lake, span)["slots"] == 0
    assert run(FillGapsOperator, lake, span, states=["quarantined"], max_bad_rows=99)["slots"] == 6


def test_it_waits_until_the_last_slot_is_due(lake: Lake, now: datetime) -> None:  # noqa: F811
    last = floor(now, HOUR)
    with pytest.raises(TaskDeferred) as deferred:
        run(FillGapsOperator, lake, Interval(last - HOUR, last + HOUR))
    assert deferred.value.trigger.moment == last + HOUR + GAME_HISTORY.lag
    assert lake.stored(Interval(last - HOUR, last)) == {}


@pytest.mark.parametrize("wrong", [["pending"], ["expired"], ["absent"], [], "missing,damaged"])
def test_states_that_cannot_be_read_are_refused(lake: Lake, span: Interval, wrong: Any) -> None:
    with pytest.raises(
        InvalidArgument, match="must be some of complete, empty, shrunken, quarantined, damaged, missing"
    ):
        run(FillGapsOperator, lake, span, states=wrong)


def test_it_may_be_mapped_and_templated(tmp_path: Path) -> None:
    with DAG("gaps", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), schedule=None):
        made = FillGapsOperator(task_id="one", conn_id="gmag_default", path="{{ var.value.lake }}", states="{{ x }}")
        mapped = FillGapsOperator.partial(
            task_id="many", conn_id="gmag_default", path="/lake", outlets=[stream_asset("gmag_default")]
        ).expand(stream=["game_history", "game_transactions"])
    assert set(made.template_fields) == {
        *ExtractToParquetOperator.template_fields,
        "states",
        "max_calls",
        "max_minutes",
    }
    assert made.outlets == mapped.partial_kwargs["outlets"] == [stream_asset("gmag_default")]


# ------------------------------------------------------------------ the extractor's part in it


def test_an_extraction_leaves_a_footer_cache_that_is_up_to_date(
    lake: Lake,
    span: Interval,
    now: datetime,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(ExtractToParquetOperator, lake, span)
    monkeypatch.setattr(stored_objects, "read_footer", lambda *_: pytest.fail("its footer is known"))
    assert states(lake, span, now) == ["complete"] * 6


def test_an_extraction_does_not_fail_because_of_the_footer_cache(
    lake: Lake, span: Interval, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise OSError("no such listing")

    monkeypatch.setattr(stored_objects, "list_stored_objects", broken)
    assert run(ExtractToParquetOperator, lake, span)["slots"] == 6
    assert lake.stored(span)


def test_a_damaged_object_does_not_keep_an_extraction_from_replacing_it(
    lake: Lake,
    span: Interval,
    simulator: Simulator,  # noqa: F811
) -> None:
    for slot, content in zip(slots(span, HOUR), (b"", b"PAR1", b"no Parquet", b"PAR1" * 9), strict=False):
        put(lake, slot, content)
    assert run(ExtractToParquetOperator, lake, span)["slots"] == 6
    assert rows(lake, span) == truth(simulator, span)


# ------------------------------------------------------------------ from the first slot on, within a limit


def test_it_starts_at_the_first_stored_slot(lake: Lake, span: Interval, simulator: Simulator) -> None:  # noqa: F811
    cut = slots(span, HOUR)
    run(ExtractToParquetOperator, lake, Interval(cut[2].start, cut[3].start))
    summary = run(FillGapsOperator, lake, span, start="first")
    assert (summary["start"], summary["end"]) == (cut[2].start.isoformat(), span.end.isoformat())
    assert sorted(lake.stored(span)) == list(cut[2:])


def test_a_stream_of_which_nothing_is_stored_has_no_gap_from_its_first_slot_on(
    lake: Lake,
    span: Interval,
    simulator: Simulator,  # noqa: F811
) -> None:
    calls = len(simulator.calls)
    assert run(FillGapsOperator, lake, span, start="first")["slots"] == 0
    assert len(simulator.calls) == calls


def test_a_limit_of_calls_is_kept_newest_first_and_the_next_run_continues(
    lake: Lake,
    span: Interval,
    simulator: Simulator,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(random, "sample", lambda cells, count: cells[::-1])  # the newest first, too
    cut = slots(span, HOUR)
    run(ExtractToParquetOperator, lake, Interval(span.start, cut[1].start))
    (receipt,) = (read_receipt(lake.fs, path) for path in lake.stored(span).values())
    before = len(simulator.calls)
    summary = run(FillGapsOperator, lake, span, start="first", max_calls=2 * receipt.calls)
    spent = len(simulator.calls) - before
    assert receipt.calls <= spent <= 3 * receipt.calls  # a slot that was begun is finished
    stored = sorted(lake.stored(span))
    assert stored == [cut[0], *cut[6 - summary["slots"] :]]
    assert summary["left"] == 5 - summary["slots"] > 0
    assert summary["left_ranges"] == [[cut[1].start.isoformat(), cut[6 - summary["slots"]].start.isoformat()]]
    for _ in range(5):
        if not (summary := run(FillGapsOperator, lake, span, start="first", max_calls=2 * receipt.calls))["left"]:
            break
    assert summary["left_ranges"] == []
    assert rows(lake, span) == truth(simulator, span)


def test_the_calls_of_slots_that_fail_count_towards_the_limit(
    lake: Lake,
    span: Interval,
    simulator: Simulator,  # noqa: F811
) -> None:
    run(ExtractToParquetOperator, lake, Interval(span.start, span.start + HOUR))
    simulator.faults.set("total_lie")
    spent = []
    try:
        for max_calls in (1, None):
            before = len(simulator.calls)
            with pytest.raises(IncompleteWindow):
                run(FillGapsOperator, lake, span, max_calls=max_calls)
            spent.append(len(simulator.calls) - before)
    finally:
        simulator.faults.clear()
    one, all_five = spent
    assert all_five > 2 * one  # so one slot was tried


def test_newest_slots_that_fail_in_each_run_keep_no_other_out(span: Interval, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "sample", random.Random(0).sample)
    missing = [Cell(slot, "missing", None) for slot in slots(Interval(span.start, span.start + 200 * HOUR), HOUR)]
    failing = {cell.interval for cell in missing[150:]}
    for _ in range(300):
        tried = RunLimit(20, None, lambda: 0).order(missing, span.end)[:8]
        assert tried[0] == missing[-1].interval
        missing = [cell for cell in missing if cell.interval in failing or cell.interval not in tried]
    assert {cell.interval for cell in missing} == failing


def test_a_slot_that_fails_and_takes_up_the_limit_does_not_come_first_in_a_retry(
    lake: Lake, span: Interval, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest, *_, newest = slots(span, HOUR)
    original = FillGapsOperator._store

    def refusing(self: FillGapsOperator, ctx: Any, target: Any, batch: Any) -> Any:
        if newest in batch:
            raise IncompleteWindow("the total moved")
        return original(self, ctx, target, batch)

    monkeypatch.setattr(FillGapsOperator, "_store", refusing)
    monkeypatch.setattr(random, "sample", lambda cells, count: cells)
    with pytest.raises(IncompleteWindow, match="the total moved"):
        run(FillGapsOperator, lake, span, max_minutes=1e-9)
    retry = context()
    retry["ti"].try_number = 2
    assert run(FillGapsOperator, lake, span, max_minutes=1e-9, ctx=retry)["left"] == 5
    assert list(lake.stored(span)) == [oldest]


def test_a_run_fills_a_slot_even_if_looking_for_gaps_takes_the_limit(lake: Lake, span: Interval) -> None:
    assert run(FillGapsOperator, lake, span, max_minutes=1e-9)["slots"] == 1


def test_what_a_run_spent_before_it_deferred_counts_towards_the_limit(
    lake: Lake, span: Interval, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, executions = FillGapsOperator._store, []

    def stored_and_deferred(self: FillGapsOperator, ctx: Any, target: Any, batch: Any) -> Any:
        original(self, ctx, target, batch)
        error = QuotaExhausted("the provider's quota is used up")
        error.retry_at = datetime.now(timezone.utc) + HOUR
        raise error

    monkeypatch.setattr(FillGapsOperator, "_store", stored_and_deferred)
    given = {"conn_id": "gmag_default", "path": f"file://{lake.root}", "start": span.start, "end": span.end}
    kwargs: dict[str, Any] = {}
    while len(executions) < 6:
        task = FillGapsOperator(task_id="task", **given, max_calls=10)
        try:
            summary = FillGapsOperator.execute.__wrapped__(task, context(), **kwargs)  # type: ignore[attr-defined]
        except TaskDeferred as deferred:
            executions.append(deferred)
            kwargs = json.loads(json.dumps(deferred.kwargs))
        else:
            break
    receipts = [read_receipt(lake.fs, path) for path in lake.stored(span).values()]
    calls = sum(receipt.calls for receipt in receipts if receipt)
    assert summary["left"] == 6 - len(receipts) > 0
    assert summary["slots"] == len(receipts) > 1
    assert summary["calls"] == calls <= 10 + max(receipt.calls for receipt in receipts if receipt)


def test_a_retention_that_the_connection_no_longer_states_makes_no_slot_readable(
    lake: Lake,
    now: datetime,  # noqa: F811
) -> None:
    """The newest receipt states sixty days, and the document thirty, which hold for a connection that states none."""
    old = Interval(oldest(now) - 3 * DAY, oldest(now) - 3 * DAY + 2 * HOUR)
    store(lake, Interval(old.start - HOUR, old.start), retention_days=60.0)
    store(lake, Interval(old.end, old.end + HOUR), retention_days=60.0)
    with pytest.raises(WindowExpired, match="2 expired"):
        run(FillGapsOperator, lake, old)


def test_a_slot_that_the_provider_calls_expired_keeps_no_other_out(
    lake: Lake, span: Interval, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider may keep less than its document says."""
    bad, original = slots(span, HOUR)[2], BetProviderHook.request

    def refusing(self: Any, stream: Any, window: Interval, *arguments: Any, **options: Any) -> Any:
        if window.start < bad.end and window.end > bad.start:
            raise WindowExpired("no longer kept")
        return original(self, stream, window, *arguments, **options)

    monkeypatch.setattr(BetProviderHook, "request", refusing)
    with pytest.raises(WindowExpired, match="no longer kept"):
        run(FillGapsOperator, lake, span)
    assert sorted(lake.stored(span)) == [slot for slot in slots(span, HOUR) if slot != bad]


def test_what_the_provider_drops_within_a_day_comes_before_the_newest(lake: Lake, now: datetime) -> None:  # noqa: F811
    first = oldest(now)
    for number in (-1, 3):
        store(lake, Interval(first + number * HOUR, first + (number + 1) * HOUR))
    span = Interval(first, first + 3 * HOUR)
    summary = run(FillGapsOperator, lake, span, max_calls=1)
    assert (summary["slots"], summary["left"]) == (1, 2)
    assert span.start in {slot.start for slot in lake.stored(span)}


def test_what_was_gone_before_the_runs_interval_fails_no_run_again(lake: Lake, now: datetime) -> None:  # noqa: F811
    first = oldest(now)
    for number in (-5, -3, 1):
        store(lake, Interval(first + number * HOUR, first + (number + 1) * HOUR))
    end = first + 2 * HOUR
    ctx = context(data_interval_start=now - HOUR, data_interval_end=now)
    with pytest.raises(WindowExpired):  # the second hole was dropped within the interval
        run(FillGapsOperator, lake, Interval(first - 5 * HOUR, end), start="first", ctx=ctx)
    later = context(data_interval_start=now + HOUR, data_interval_end=now + 2 * HOUR)
    summary = run(FillGapsOperator, lake, Interval(first - 5 * HOUR, end), start="first", ctx=later)
    assert summary["expired"] == 3


@pytest.mark.parametrize("wrong", [{"max_calls": 0}, {"max_minutes": "soon"}, {"max_calls": -1}])
def test_a_limit_that_is_no_positive_number_is_refused(lake: Lake, span: Interval, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=next(iter(wrong))):
        run(FillGapsOperator, lake, span, **wrong)


@pytest.mark.parametrize("error", [IncompleteWindow, ProviderRequestError, ProviderUnavailable, AnswerTooLarge])
def test_a_slot_that_cannot_be_read_keeps_no_other_out(
    lake: Lake,
    span: Interval,
    simulator: Simulator,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    error: type[BetProviderError],
) -> None:
    bad = slots(span, HOUR)[2]
    original = FillGapsOperator._store

    def refusing(self: FillGapsOperator, ctx: Any, target: Any, batch: Any) -> Any:
        before = [slot for slot in batch if slot < bad]
        if bad not in batch:
            return original(self, ctx, target, batch)
        if before:
            original(self, ctx, target, before)
        raise error(f"{bad}: the total moved")

    monkeypatch.setattr(FillGapsOperator, "_store", refusing)
    with pytest.raises(error, match="the total moved"):
        run(FillGapsOperator, lake, span)
    assert sorted(lake.stored(span)) == [slot for slot in slots(span, HOUR) if slot != bad]


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (ProviderAuthError, 1), (ProviderRateLimited, 1), (ProviderRequestError, 3), (ProviderUnavailable, 3),
        (IncompleteWindow, 6),  # the provider answers, so each slot may be another matter
    ],
)  # fmt: skip
def test_where_no_slot_can_be_read_few_are_tried(
    lake: Lake,
    span: Interval,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BetProviderError],
    tries: int,
) -> None:
    tried = []

    def refusing(self: FillGapsOperator, ctx: Any, target: Any, batch: Any) -> Any:
        tried.append(batch[0])
        raise error("refused")

    monkeypatch.setattr(FillGapsOperator, "_store", refusing)
    with pytest.raises(error, match="refused"):
        run(FillGapsOperator, lake, span)
    assert tried == [*slots(span, HOUR)[:tries]]


def test_slots_that_the_provider_answers_for_end_a_row_of_errors(
    lake: Lake, span: Interval, monkeypatch: pytest.MonkeyPatch
) -> None:
    unanswered = ProviderUnavailable("no answer")
    errors = [unanswered, unanswered, IncompleteWindow("the total moved"), unanswered, unanswered, unanswered]
    tried = []

    def refusing(self: FillGapsOperator, ctx: Any, target: Any, batch: Any) -> Any:
        tried.append(batch[0])
        raise errors[len(tried) - 1]

    monkeypatch.setattr(FillGapsOperator, "_store", refusing)
    with pytest.raises(ProviderUnavailable, match="no answer"):
        run(FillGapsOperator, lake, span)
    assert tried == [*slots(span, HOUR)]
