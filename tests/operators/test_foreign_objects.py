"""What others put in the place of a slot harms neither the slots around it nor a later extraction."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import InvalidArgument, ReconciliationFailed
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.operators.gaps import FillGapsOperator
from airflow_betproviders.operators.reconcile import ReconcileOperator
from airflow_betproviders.sensors.complete import BetsCompleteSensor
from tests.conftest import MakeHook
from tests.lake.sample import LOCAL
from tests.operator_runs import FIVE, HOUR, bets, context, execute, operator
from tests.operators.test_replay import replay_of
from tests.recorder import Recorder, Reply, Request

SLOT = Interval(FIVE, FIVE + HOUR)
SOME = {"start": FIVE - HOUR, "end": FIVE + 3 * HOUR}
FOREIGN = {
    "folder": lambda path: path.mkdir(),
    "folder with a file": lambda path: (path.mkdir(), (path / "part-0.parquet").write_bytes(b"PAR1")),
    "link to nowhere": lambda path: path.symlink_to("/nowhere/slot.parquet"),
    "no bytes": lambda path: path.write_bytes(b""),
    "half an upload": lambda path: path.write_bytes(b"PAR1\x15\x04\x15"),
}


@pytest.fixture(params=FOREIGN)
def lake(make: MakeHook, server: Recorder, tmp_path: Path, quick: None, request: pytest.FixtureRequest) -> Lake:
    """Four archived hours, of which the second's object was replaced by somebody else."""
    made = make("aig")
    server.replies = bets
    execute(operator(tmp_path, "aig", **SOME, archive=True), context())
    server.requests.clear()
    lake = Lake(LOCAL, f"{tmp_path}/lake", "aig", "transactions", made.account)
    path = Path(lake.data(SLOT))
    path.unlink()
    FOREIGN[request.param](path)
    return lake


@pytest.mark.usefixtures("days_later")
@pytest.mark.parametrize("task", ["extract", "replay", "gaps"])
def test_it_is_stored_again_or_the_folder_in_its_place_is_named(lake: Lake, tmp_path: Path, task: str) -> None:
    place = {"conn_id": "aig_default", "path": f"file://{lake.root}"}
    interval = {"start": SLOT.start, "end": SLOT.end}
    run = {
        "extract": operator(tmp_path, "aig", **interval),
        "replay": replay_of(tmp_path, **interval),
        "gaps": FillGapsOperator(task_id="gaps", **place, **SOME),
    }[task]
    sensor = BetsCompleteSensor(task_id="wait", **place, **SOME)
    assert not sensor.poke(context())
    if Path(lake.data(SLOT)).is_dir():
        with pytest.raises(InvalidArgument, match=f"{lake.data(SLOT)} is a folder.* Move the folder elsewhere"):
            execute(run, context())
        assert not sensor.poke(context())
    else:
        assert execute(run, context())["rows"] == 3
        assert sensor.poke(context())
    assert not list(Path(lake.base).rglob(".*"))


def test_a_reconciliation_counts_the_slots_around_it(
    lake: Lake, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AIG has three bets in each of four hours."""

    def reply(request: Request) -> Reply:
        start = int(request.query["start_time"]) / 1000
        total = 3 * (SOME["start"].timestamp() <= start < SOME["end"].timestamp())
        return Reply({"code": 200, "message": "", "data": {"total": total, "transactions": []}})

    server.replies = reply
    day = FIVE - 5 * HOUR
    monkeypatch.setattr(BetProviderHook, "now", lambda self: day + 30 * HOUR)
    task = ReconcileOperator(
        task_id="reconcile", conn_id="aig_default", path=f"file://{lake.root}", start=day, end=day + 24 * HOUR
    )
    with pytest.raises(ReconciliationFailed) as caught:
        type(task).execute.__wrapped__(task, context())
    assert "slots: 3 here, 24 there" in str(caught.value)
