"""The arguments archive= and pii=, and the replay operator."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
from airflow.sdk import BaseHook, Connection
from fsspec.implementations.local import LocalFileSystem

from airflow_betproviders.bets_table.merge import Merge
from airflow_betproviders.bets_table.raw_slots import find_raw_streams
from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.bet_expressions import text
from airflow_betproviders.declare.fields import Field, Integer
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import (
    BadRows,
    InvalidArgument,
    NotArchived,
    ProviderUnavailable,
    StoreError,
)
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.operators.extract import ExtractToParquetOperator, stream_asset
from airflow_betproviders.operators.merge import MergeBetsOperator
from airflow_betproviders.operators.reconcile import ReconcileOperator
from airflow_betproviders.operators.replay import ReplayOperator
from airflow_betproviders.providers.aig import streams as aig
from airflow_betproviders.providers.aig.bets import MAPPING
from airflow_betproviders.providers.aig.hook import AigHook
from airflow_betproviders.task.airflow_exceptions import AirflowException
from tests.airflow_versions import AirflowFailException
from tests.conftest import MakeHook
from tests.operator_runs import DAILY, FIVE, HOUR, HOURLY, bets, context, execute, operator
from tests.recorder import Recorder, Reply, Request
from tests.seaweed import SeaweedFS, seaweed  # noqa: F401 - the fixture

THREE = {"start": FIVE, "end": FIVE + 3 * HOUR}
KEY = "sixteen letters!"


def replay_of(tmp_path: Path, **arguments: Any) -> ReplayOperator:
    given = {"task_id": "replay", "conn_id": "aig_default", "path": f"file://{tmp_path}/lake", **arguments}
    return ReplayOperator(**given)


def objects(tmp_path: Path, kind: str = "") -> list[Path]:
    place = tmp_path / "lake" / ("_betproviders/archive" if kind else "")
    return sorted(place.glob(f"provider=*/stream=*/account=*/slot_date=*/*.{'archive' if kind else 'parquet'}"))


def receipt(path: Path) -> Receipt:
    found = Receipt.from_footer(pq.read_metadata(path).metadata)
    assert found is not None
    return found


def seated(request: Request) -> Reply:
    """Answer as `bets`, with the player and the player's address, and a member that the schema lacks."""
    answer = bets(request).body
    for row in answer["data"]["transactions"]:
        row |= {"user_id": f"player-{row['id'][-7:]}", "table_no": int(row["id"]) % 1000, "currency": "USD"}
    return Reply(answer)


@pytest.fixture
def archived(make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three hours of bets and their archives; afterwards the provider does not answer."""
    made = make("aig")
    server.replies = seated
    with monkeypatch.context() as patch:
        patch.setattr(BetProviderHook, "ready", lambda self, stream, interval: True)
        patch.setattr(BetProviderHook, "check_time", lambda self, stream, interval: None)
        execute(operator(tmp_path, "aig", **THREE, archive=True), context())
    server.requests.clear()
    made.connection.host = made.connection.password = None
    return tmp_path


def test_a_replay_needs_no_provider(archived: Path, monkeypatch: pytest.MonkeyPatch, server: Recorder) -> None:
    """The data are years old, and the connection has lost its host and key; only its type and login are used."""
    monkeypatch.setattr(BetProviderHook, "now", lambda self: FIVE + timedelta(days=1000))
    before = {path: pq.read_table(path, partitioning=None) for path in objects(archived)}
    for path in before:
        path.unlink()
    ctx = context()
    summary = execute(replay_of(archived, **THREE), ctx)
    assert {path: pq.read_table(path, partitioning=None) for path in objects(archived)} == before
    assert server.requests == []
    assert summary == {
        "stream": "transactions", "account": "agent001", "start": FIVE.isoformat(), "end": (FIVE + 3 * HOUR).isoformat(),
        "rows": 9, "bytes": summary["bytes"], "slots": 3, "calls": 3, "bad_rows": 0,
        "changed": [(FIVE + i * HOUR).isoformat() for i in range(3)],
        "path": f"{archived}/lake/provider=aig/stream=transactions/account=agent001/slot_date=2026-11-20",
    }  # fmt: skip
    assert ctx["outlet_events"][stream_asset("aig_default")].extra["start"] == FIVE.isoformat()
    assert [receipt(path).run_id for path in objects(archived)] == ["manual__1"] * 3
    with pytest.raises((ProviderUnavailable, InvalidArgument)):
        execute(operator(archived, "aig", **THREE), context())


class Unreachable(Exception):
    """An error of a store's own library, which is no `OSError`, as those of botocore."""


@pytest.mark.usefixtures("days_later")
@pytest.mark.parametrize("error", [PermissionError("Access Denied"), Unreachable("Read timeout")], ids=repr)
@pytest.mark.parametrize("task", ["replay", "merge", "reconcile"])
def test_an_object_that_the_store_does_not_give_is_named_with_the_cure(
    archived: Path, monkeypatch: pytest.MonkeyPatch, make: MakeHook, server: Recorder, task: str, error: Exception
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise error

    make("aig")
    server.answer({"code": 200, "message": "success", "data": {}})
    lake = {"path": f"file://{archived}/lake", **THREE}
    made = {
        "replay": lambda: replay_of(archived, **THREE),
        "merge": lambda: MergeBetsOperator(task_id="merge", provider="aig", table=f"file://{archived}/bets", **lake),
        "reconcile": lambda: ReconcileOperator(task_id="reconcile", conn_id="aig_default", **{**lake, **DAILY}),
    }[task]()
    monkeypatch.setattr(LocalFileSystem, "get_file", refuse)
    with pytest.raises(StoreError, match=rf"20261120T050000Z-.* cannot be read: {error}\. Check that the store"):
        execute(made, context())


def test_the_default_interval_is_that_of_the_run(archived: Path) -> None:
    run = context(data_interval_start=FIVE + HOUR, data_interval_end=FIVE + 2 * HOUR)
    assert execute(replay_of(archived), run)["slots"] == 1
    assert [receipt(path).replayed_at is None for path in objects(archived)] == [True, False, True]


def test_slots_without_an_archive_are_named_after_the_others_are_rebuilt(archived: Path) -> None:
    objects(archived, "/archive/")[1].unlink()
    with pytest.raises(NotArchived) as caught:
        execute(replay_of(archived, start=FIVE, end=FIVE + 4 * HOUR), context())
    assert "[2026-11-20T06:00:00Z, 2026-11-20T07:00:00Z), [2026-11-20T08:00:00Z, 2026-11-20T09:00:00Z)" in str(
        caught.value
    )
    assert isinstance(caught.value, AirflowFailException)
    assert [receipt(path).replayed_at is None for path in objects(archived)] == [False, True, False]
    with pytest.raises(NotArchived, match="has no archive under"):
        execute(replay_of(archived, start=FIVE - HOUR, end=FIVE), context())


@pytest.mark.parametrize("damaged", [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]])
def test_damaged_archives_are_named_after_the_others_are_rebuilt(archived: Path, damaged: list[int]) -> None:
    for number in damaged:
        objects(archived, "/archive/")[number].write_bytes(b"no Parquet")
    ctx = context()
    with pytest.raises(InvalidArgument) as caught:
        execute(replay_of(archived, **THREE), ctx)
    for number, path in enumerate(objects(archived, "/archive/")):
        assert (f"{path} is damaged" in str(caught.value)) == (number in damaged)
    assert [receipt(path).replayed_at is None for path in objects(archived)] == [n in damaged for n in range(3)]
    if len(damaged) < 3:
        assert f"The other {3 - len(damaged)} archived slots are rebuilt." in str(caught.value)
        assert ctx["outlet_events"][stream_asset("aig_default")].extra["slots"] == 3 - len(damaged)


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        ({"start": FIVE, "end": FIVE + HOUR / 2}, "reaches beyond"),
        ({**THREE, "stream": "bets"}, "has no stream 'bets'"),
        ({**THREE, "filters": {"user_id": "1"}}, "has no filter"),
        ({**THREE, "max_bad_rows": "few"}, "max_bad_rows"),
        ({**THREE, "pii": {"user_ID": "drop"}}, "Did you mean 'user_id'?"),
        ({}, "trigger it with a logical date"),
    ],
)
def test_bad_input_is_refused(archived: Path, arguments: dict[str, Any], cure: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        execute(replay_of(archived, **arguments), context())
    assert cure in str(caught.value)


def test_a_login_is_needed(archived: Path) -> None:
    BaseHook.get_connection("aig_default").login = None
    with pytest.raises(InvalidArgument, match=r"login is empty\. Enter the account: the archive is stored under it"):
        execute(replay_of(archived, **THREE), context())


def test_bad_rows_fail_the_replay_after_all_is_stored(archived: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = replace(aig.TRANSACTIONS, fields=(*aig.TRANSACTIONS.fields, Field("shoe", Integer(), required=True)))
    monkeypatch.setattr(AigHook, "streams", (strict,))
    with pytest.raises(BadRows, match="9 rows do not fit"):
        execute(replay_of(archived, **THREE), context())
    assert execute(replay_of(archived, **THREE, max_bad_rows=9), context())["bad_rows"] == 9


def test_a_slot_extracted_again_without_an_archive_is_not_replaced_by_an_older_one(
    archived: Path, make: MakeHook, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("aig")
    monkeypatch.setattr(BetProviderHook, "check_time", lambda self, stream, interval: None)
    monkeypatch.setattr(BetProviderHook, "ready", lambda self, stream, interval: True)
    execute(operator(archived, "aig", **HOURLY), context())
    with pytest.raises(InvalidArgument, match="force=True"):
        execute(replay_of(archived, **THREE), context())
    assert execute(replay_of(archived, **THREE, force=True), context())["slots"] == 3


# ------------------------------------------------------------------ after a fix of the schema


def merged(tmp_path: Path) -> tuple[Any, dict[str, dict[str, Any]]]:
    table = BetsTable(str(tmp_path / "bets"))
    (stream,) = find_raw_streams(fsspec.filesystem("file"), str(tmp_path / "lake"), provider="aig")
    tally = Merge(table).run(stream, [Interval(FIVE, FIVE + 3 * HOUR)])
    return tally, {row["bet_id"]: row for row in table.open().to_pyarrow_table().to_pylist()}


def test_a_field_that_is_declared_later_reaches_files_and_bets_table(
    archived: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, before = merged(archived)
    assert (first.slots, first.added) == (3, 9)
    assert {row["game_type"] for row in before.values()} == {None}
    assert all("table_no" in json.loads(row["rest"]) for row in before.values())

    fixed = replace(aig.TRANSACTIONS, fields=(*aig.TRANSACTIONS.fields, Field("table_no", Integer())))
    monkeypatch.setattr(AigHook, "streams", (fixed, aig.LATEST))
    monkeypatch.setattr(aig, "STREAMS", (fixed, aig.LATEST))
    mapping = replace(MAPPING, columns={**MAPPING.columns, "game_type": text("table_no")})
    monkeypatch.setattr("airflow_betproviders.providers.aig.bets.MAPPING", mapping)
    assert merged(archived)[0].slots == 0  # nothing is due yet
    stamps = [pq.read_table(path, partitioning=None)["_extracted_at"] for path in objects(archived)]
    execute(replay_of(archived, **THREE), context())

    for path, stamp in zip(objects(archived), stamps, strict=True):
        table = pq.read_table(path, partitioning=None)
        assert table["table_no"].to_pylist() == [int(id_) % 1000 for id_ in table["id"].to_pylist()]
        assert set(table["_extra"].to_pylist()) == {None}
        assert table["_extracted_at"] == stamp
    again, after = merged(archived)
    assert (again.slots, again.replaced, again.added, again.missing) == (3, 9, 0, 0)
    assert {name: row["game_type"] for name, row in after.items()} == {n: str(int(n) % 1000) for n in before}
    assert {row["missing_since"] for row in after.values()} == {None}
    same = set(next(iter(after.values()))) - {"game_type", "rest", "extracted_at"}
    assert [{c: row[c] for c in same} for row in after.values()] == [{c: before[n][c] for c in same} for n in after]
    assert merged(archived)[0].slots == 0


def test_a_bet_that_a_replay_no_longer_brings_is_missing(archived: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that today's schema puts in quarantine is no longer in its slot."""
    merged(archived)
    kinds = {f.name: f for f in aig.TRANSACTIONS.fields} | {"user_id": Field("user_id", Integer(), required=True)}
    monkeypatch.setattr(AigHook, "streams", (replace(aig.TRANSACTIONS, fields=tuple(kinds.values())),))
    execute(replay_of(archived, **HOURLY, max_bad_rows=3), context())
    tally, rows = merged(archived)
    assert (tally.slots, tally.missing) == (1, 3)
    assert sum(row["missing_since"] is not None for row in rows.values()) == 3


# ------------------------------------------------------------------ archive=


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("archive", "kept"), [("90d", [2]), (timedelta(days=90), [2]), ("True", [0, 2]), (True, [0, 2])]
)
def test_archives_are_kept_for_the_given_time(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: Any, kept: list[int]
) -> None:
    make("aig")
    server.replies = bets
    execute(operator(tmp_path, "aig", **HOURLY, archive=True), context())
    later = FIVE + timedelta(days=92)
    monkeypatch.setattr(BetProviderHook, "now", lambda self: later + HOUR)
    execute(operator(tmp_path, "aig", start=later, end=later + HOUR, archive=archive), context())
    assert [path.parent.name for path in objects(tmp_path, "/archive/")] == [
        f"slot_date={day:%Y-%m-%d}" for day in ([FIVE, later] if 0 in kept else [later])
    ]
    assert len(objects(tmp_path)) == 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        ({"archive": "for ever"}, "is not a duration"),
        ({"archive": "1h"}, "less than a day"),
        ({"archive": True, "pii": {"user_id": "drop"}}, "Give only one of them"),
        ({"archive": "90d", "pii": {"user_id": "hash"}, "pii_conn_id": "pii"}, "Give only one of them"),
        ({"pii": {"user_id": "hash"}}, "needs pii_conn_id="),
        ({"pii": {"user_id": "hash"}, "pii_conn_id": "gone"}, "the connection 'gone', which does not exist"),
        ({"pii": {"user_id": "hash"}, "pii_conn_id": "short"}, "Give it 16 random characters or more"),
        ({"pii": "{'user_id': 'hash'}"}, "render_template_as_native_obj"),
        ({"pii": {"id": "drop"}}, "hash it instead"),
        ({"pii": {"user": "drop"}}, "Did you mean 'user_id'?"),
    ],
)
def test_bad_archive_and_pii_are_refused_before_the_first_call(
    make: MakeHook,
    server: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: dict[str, Any],
    cure: str,
) -> None:
    make("aig")
    keys(monkeypatch)
    with pytest.raises(InvalidArgument) as caught:
        execute(operator(tmp_path, "aig", **HOURLY, **arguments), context())
    assert cure in str(caught.value)
    assert "a short key" not in str(caught.value)
    assert server.requests == []


def test_a_filter_on_a_column_with_a_pii_rule_is_refused(make: MakeHook, server: Recorder, tmp_path: Path) -> None:
    make("gmag")
    arguments = {"filters": {"playerId": "p1"}, "pii": {"playerId": "drop"}}
    with pytest.raises(
        InvalidArgument, match="playerId: it is a filter too, and its plain value would become a folder"
    ):
        execute(operator(tmp_path, "gmag", **HOURLY, **arguments), context())
    assert not (tmp_path / "lake").exists()


# ------------------------------------------------------------------ pii=


def keys(monkeypatch: pytest.MonkeyPatch, key: str = KEY) -> None:
    """Connections beside the provider's."""
    provider = BaseHook.get_connection("aig_default")
    passwords = {"pii": key, "short": "a short key"}

    def get(cls: type, conn_id: str) -> Connection:
        if conn_id == "gone":
            raise AirflowException("The conn_id `gone` isn't defined")
        if conn_id in passwords:
            return Connection(conn_id=conn_id, conn_type="generic", password=passwords[conn_id])
        return provider

    monkeypatch.setattr(BaseHook, "get_connection", classmethod(get))


PII = {"pii": {"user_id": "hash", "currency": "drop"}, "pii_conn_id": "pii"}


@pytest.mark.usefixtures("quick")
def test_a_run_with_pii_rules_records_them_and_reveals_no_player(
    make: MakeHook,
    server: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    masked: list[str] = []
    monkeypatch.setattr("airflow.sdk.log.mask_secret", masked.append)
    make("aig")
    keys(monkeypatch)
    server.replies = seated
    ctx = context()
    made = operator(tmp_path, "aig", **HOURLY, **PII)
    summary = execute(made, ctx)
    (path,) = objects(tmp_path)
    table = pq.read_table(path, partitioning=None)
    assert receipt(path).pii == PII["pii"]
    assert table["currency"].null_count == table.num_rows == 3
    assert all(len(user) == 32 for user in table["user_id"].to_pylist())
    text = repr((summary, dict(ctx["outlet_events"]), caplog.text, receipt(path)))
    assert "player-" not in text
    assert KEY not in text
    assert KEY in masked
    assert {"archive", "pii", "pii_conn_id"} <= set(made.template_fields)


def test_a_replay_applies_pii_rules_and_never_drops_them(archived: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys(monkeypatch)
    plain = {path: pq.read_table(path, partitioning=None) for path in objects(archived)}
    execute(replay_of(archived, **THREE, **PII), context())
    for path, table in plain.items():
        hashed = pq.read_table(path, partitioning=None)
        assert set(hashed["user_id"].to_pylist()).isdisjoint(table["user_id"].to_pylist())
        assert hashed["id"] == table["id"]
    with pytest.raises(
        InvalidArgument, match=r"is stored with pii=.* plain values of currency, user_id. Give the same"
    ):
        execute(replay_of(archived, **THREE), context())
    execute(replay_of(archived, **THREE, **PII), context())
    execute(replay_of(archived, **THREE, force=True), context())
    assert {path: pq.read_table(path, partitioning=None) for path in objects(archived)} == plain


@pytest.mark.usefixtures("quick")
def test_a_slot_with_pii_rules_is_not_extracted_again_without_them(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by an extraction, by a larger slot, by filling gaps or by a repair."""
    make("aig")
    keys(monkeypatch)
    server.replies = seated
    execute(operator(tmp_path, "aig", **HOURLY, **PII), context())
    before = {path: path.read_bytes() for path in objects(tmp_path)}
    calls = len(server.requests)
    midnight = FIVE - 5 * HOUR
    day = {"start": midnight, "end": midnight + 24 * HOUR, "slot": "1d"}
    less = {"pii": {"currency": "drop"}}
    for again in ({**HOURLY}, {**HOURLY, "archive": True}, day, {**HOURLY, **less}):
        with pytest.raises(
            InvalidArgument, match=r"\[2026-11-20T05:00:00Z.* plain values of .*user_id\. Give the same pii"
        ):
            execute(operator(tmp_path, "aig", **again), context())
    assert {path: path.read_bytes() for path in objects(tmp_path)} == before
    assert len(server.requests) == calls
    more = {**PII, "pii": {**PII["pii"], "inst_id": "drop"}}
    execute(operator(tmp_path, "aig", **HOURLY, **more), context())
    assert [receipt(path).pii for path in objects(tmp_path)] == [more["pii"]]


@pytest.mark.usefixtures("quick")
def test_a_slot_with_hashes_is_not_extracted_again_with_another_key(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("aig")
    server.replies = seated
    keys(monkeypatch)
    execute(operator(tmp_path, "aig", **HOURLY, **PII), context())
    before = {path: path.read_bytes() for path in objects(tmp_path)}
    fingerprints = {receipt(path).pii_key for path in before}
    assert len(fingerprints) == 1
    keys(monkeypatch, KEY + "1")
    with pytest.raises(
        InvalidArgument, match=r"with hashes of another key .* Give the connection its former"
    ) as caught:
        execute(operator(tmp_path, "aig", **HOURLY, **PII), context())
    assert KEY not in str(caught.value)
    assert fingerprints.pop() in str(caught.value)
    assert {path: path.read_bytes() for path in objects(tmp_path)} == before
    drop = {"pii": dict.fromkeys(PII["pii"], "drop")}
    execute(operator(tmp_path, "aig", **HOURLY, **drop), context())
    assert {receipt(path).pii_key for path in objects(tmp_path)} == {""}
    execute(operator(tmp_path, "aig", **HOURLY, **PII), context())


# ------------------------------------------------------------------ S3


@pytest.mark.s3
@pytest.mark.usefixtures("quick")
def test_archive_replay_retention_and_pii_on_s3(
    make: MakeHook,
    server: Recorder,
    seaweed: SeaweedFS,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    make("aig")
    keys(monkeypatch)
    server.replies = seated
    place = f"{seaweed.bucket}/replay"
    fs = seaweed.filesystem()

    class Place:
        path = place

        def __init__(self) -> None:
            self.fs = fs

    for module in ("extract", "replay"):
        monkeypatch.setattr(f"airflow_betproviders.operators.{module}.open_path", lambda path: Place())
    given: dict[str, Any] = {"task_id": "t", "conn_id": "aig_default", "path": "s3://lake/replay"}
    execute(ExtractToParquetOperator(**given, **THREE, archive=True), context())
    base = f"{place}/provider=aig/stream=transactions/account=agent001"
    paths = sorted(fs.find(f"{base}/slot_date=2026-11-20"))
    before = {path: pq.read_table(path, filesystem=fs, partitioning=None) for path in paths}
    fs.rm(paths)
    execute(ReplayOperator(**given, **THREE), context())
    assert {path: pq.read_table(path, filesystem=fs, partitioning=None) for path in paths} == before
    later = FIVE + timedelta(days=92)
    monkeypatch.setattr(BetProviderHook, "now", lambda self: later + HOUR)
    execute(ExtractToParquetOperator(**given, start=later, end=later + HOUR, archive="90d"), context())
    assert [path.split("/")[-2] for path in fs.find(base.replace("/provider", "/_betproviders/archive/provider"))] == [
        f"slot_date={later:%Y-%m-%d}"
    ]
    given["path"] = Place.path = f"{seaweed.bucket}/hashed"
    execute(ExtractToParquetOperator(**given, **HOURLY, **PII), context())
    found = fs.find(Place.path)
    assert not [path for path in found if b"player-" in fs.cat_file(path)]
    (path,) = (path for path in found if path.endswith(".parquet"))
    assert "player-" not in repr(pq.read_table(path, filesystem=fs, partitioning=None).to_pylist())
