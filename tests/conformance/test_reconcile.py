"""A day of each provider's raw lake against its own report: as it happened, and after somebody changed the files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.interval import Interval, slots
from airflow_betproviders.exceptions import InvalidArgument, ReconciliationFailed
from airflow_betproviders.extraction.decode.columns import EXTRACTED_AT
from airflow_betproviders.extraction.privacy import PiiPolicy
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import FOOTER_KEY, Receipt
from airflow_betproviders.operators.reconcile import ReconcileOperator
from airflow_betproviders.reconciliation.reconcile import Reconciliation
from airflow_betproviders.simulator import Simulator
from airflow_betproviders.simulator.pv.summaries import Summaries
from tests.operator_runs import execute
from tests.seaweed import SeaweedFS, seaweed  # noqa: F401 - the fixture
from tests.simulated import HOUR

SETTINGS = {"rate": 30.0, "late_share": 0.4}
DAY = timedelta(days=1)
STREAMS = {"pv": "history", "aig": "transactions", "jdb": "transactions", "gmag": "game_history"}
MONEY = {"pv": "gain_amount", "aig": "win_amount", "jdb": "total", "gmag": "wins"}

pytestmark = pytest.mark.slow


class Office:
    """One provider's account and its raw lake of one report day."""

    def __init__(self, folder: Path, provider: str, source: BetProviderHook, simulator: Simulator, day: Interval):
        self.folder = folder
        self.provider = provider
        self.source = source
        self.simulator = simulator
        self.day = day
        self.stream = source.stream(STREAMS[provider])
        self.lake = Lake(fsspec.filesystem("file"), str(folder), provider, self.stream.name, source.account)

    @property
    def files(self) -> list[Path]:
        return sorted(Path(self.lake.base).glob("slot_date=*/*.parquet"))

    def extract(self, interval: Interval) -> None:
        Extraction(self.source, self.stream).store(slots(interval, HOUR), self.lake)

    def extract_with_pii(self, policy: PiiPolicy) -> None:
        """Extract the hour after the day."""
        after = Interval(self.day.end, self.day.end + HOUR)
        Extraction(self.source, self.stream, pii_policy=policy).store([after], self.lake)

    def reconcile(self, **arguments: Any) -> dict[str, Any]:
        """Run the operator; return its XCom."""
        self.simulator.journal.reset()
        given = {"conn_id": self.source.conn_id, "path": f"file://{self.folder}", **arguments}
        given = {"start": self.day.start, "end": self.day.end, **given}
        self.context: dict[str, Any] = {
            "ti": SimpleNamespace(dag_id="bets", task_id="reconcile", run_id="scheduled__1", try_number=1),
            "outlet_events": {each: SimpleNamespace() for each in ReconcileOperator(task_id="r", **given).outlets},
        }
        operator = ReconcileOperator(task_id="reconcile", **given)
        return execute(operator, self.context)

    def read(self, stream: str | None = None) -> list[dict[str, Any]]:
        """Return the calls that the last reconciliation made to a stream."""
        return [call for call in self.simulator.calls if call["stream"] == (stream or self.stream.name)]

    @property
    def report(self) -> tuple[pa.Table, str]:
        """Return what it has written."""
        (table,) = (self.folder / "_betproviders/reconciliation").rglob("*.parquet")
        assert table == Path(self.lake.beside("reconciliation")) / f"{self.day.start:%Y-%m-%d}.parquet"
        return pq.ParquetFile(table).read(), table.with_suffix(".md").read_text()

    @property
    def wrong(self) -> list[tuple[str, str, str]]:
        rows = self.report[0].to_pylist()
        assert all(row["difference"] == row["ours"] - row["theirs"] for row in rows)
        return [(row["report"], row["group"], row["measure"]) for row in rows if not row["agrees"]]


def contents(files: Sequence[Path]) -> dict[str, pa.Table]:
    """Return the rows of each slot, without when they were read."""
    return {file.name: pq.ParquetFile(file).read().drop_columns(EXTRACTED_AT) for file in files}


def calls_of(file: Path) -> int:
    """Return the calls that a slot's receipt tells."""
    receipt = Receipt.from_footer(pq.read_metadata(file).metadata)
    assert receipt is not None
    return receipt.calls


def edit(file: Path, change: Callable[[pa.Table], pa.Table], *, receipt: str = "kept") -> None:
    """Lay hands on a slot; its receipt is kept, lost, or made to fit."""
    read = pq.ParquetFile(file).read()
    changed = change(read)
    footer = pq.read_metadata(file).metadata
    if receipt == "lost":
        changed = changed.replace_schema_metadata(None)
    elif receipt == "forged":
        forged = Receipt.from_footer(footer)
        assert forged is not None
        forged.rows = changed.num_rows
        for name in forged.sums:
            forged.sums[name] = format(sum((row or Decimal(0) for row in changed[name].to_pylist()), Decimal(0)), "f")
        changed = changed.replace_schema_metadata(forged.to_footer())
    else:
        changed = changed.replace_schema_metadata({FOOTER_KEY: footer[FOOTER_KEY.encode()]})
    pq.write_table(changed, file)


def without_a_row(table: pa.Table) -> pa.Table:
    return table.slice(1)


def another_amount(name: str) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        amounts = table[name].to_pylist()
        amounts[-1] += 1 if isinstance(amounts[-1], int) else Decimal("0.0001")
        return table.set_column(table.column_names.index(name), name, pa.array(amounts, table.schema.field(name).type))

    return change


@pytest.fixture(scope="module")
def truth(
    simulator: Simulator, now: datetime, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, BetProviderHook], Office]:
    """Return a provider's lake of a whole day, extracted once."""
    made: dict[str, Path] = {}

    def of(provider: str, source: BetProviderHook) -> Office:
        begin = now.replace(hour=4 if provider == "jdb" else 0, minute=0, second=0, microsecond=0) - 3 * DAY
        day = Interval(begin, begin + DAY)
        if provider not in made:
            made[provider] = tmp_path_factory.mktemp(provider)
            Office(made[provider], provider, source, simulator, day).extract(day)
        return Office(made[provider], provider, source, simulator, day)

    return of


@pytest.fixture
def office(
    truth: Callable[[str, BetProviderHook], Office], hook: Callable[..., BetProviderHook], tmp_path: Path
) -> Callable[[str], Office]:
    """Return a copy of it, to lay hands on."""

    def of(provider: str) -> Office:
        complete = truth(provider, hook(provider))
        shutil.copytree(complete.folder, tmp_path / "lake")
        return Office(tmp_path / "lake", provider, complete.source, complete.simulator, complete.day)

    return of


REPORTS = {
    "pv": {"stage_summary", "stage_summary, grand total", "slots_game_stage_summary"},
    "aig": {"window totals"},
    "jdb": {"daily_by_game_type", "daily_by_game_type, grand total", "daily_by_player"},
    "gmag": {"game_report", "game_report reportBy=gameCode"},
}


@pytest.mark.parametrize("provider", STREAMS)
def test_a_complete_day_agrees_and_is_reported(provider: str, office: Callable[[str], Office]) -> None:
    at = office(provider)
    summary = at.reconcile(repair=True)
    records = at.simulator.truth(provider, at.stream.name, at.day.start, at.day.end)
    (day,) = summary["days"]
    assert (summary["bets"], summary["disagreeing"], summary["repaired"]) == (len(records), 0, 0)
    assert (day["date"], day["agrees"]) == (f"{at.day.start:%Y-%m-%d}", True)
    table, text = at.report
    assert set(table["report"].to_pylist()) == REPORTS[provider] | {"receipts"}
    assert set(table["run_id"].to_pylist()) == {"scheduled__1"}
    assert all(table["agrees"].to_pylist())
    assert table.num_rows == day["lines"]
    assert ": agrees" in text.splitlines()[0]
    assert f"{len(records)} stored bets" in text
    assert [event.extra for event in at.context["outlet_events"].values()] == [
        summary,
        summary,
    ]  # a merge's trigger too
    json.dumps(summary)
    assert not at.simulator.breaches
    assert at.read() == [] or provider == "aig"
    assert all(call["rows"] <= 1 for call in at.read())  # AIG's counts ask for the smallest page
    signs = (call["params"].get("sign") for call in at.simulator.calls)
    for secret in (at.source.key, *filter(None, signs)):
        assert secret not in json.dumps(summary) + text + str(table.to_pylist())


def mend(at: Office, before: dict[str, pa.Table], touched: Path) -> dict[str, Any]:
    """Let it repair: the lake is the truth again, and only so many slots were read."""
    untouched = {file: file.stat().st_mtime_ns for file in at.files if file != touched}
    summary = at.reconcile(repair=True)
    assert contents(at.files) == before
    assert at.wrong == []
    assert set(at.report[0]["repaired"].to_pylist()[0]) == set(summary["days"][0]["repaired"])
    again = {file.stem for file in untouched if file.stat().st_mtime_ns != untouched[file]} | {touched.stem}
    assert again == set(summary["days"][0]["repaired"])
    assert not at.simulator.breaches
    return summary


HANDS: dict[str, tuple[Callable[[Office, Path], object], str]] = {
    "a row removed": (lambda at, file: edit(file, without_a_row), "rows"),
    "a slot deleted": (lambda at, file: file.unlink(), "stored objects"),
    "an amount changed": (lambda at, file: edit(file, another_amount(MONEY[at.provider])), "{money}"),
    "an amount changed, receipt lost": (
        lambda at, file: edit(file, another_amount(MONEY[at.provider]), receipt="lost"),
        "receipts",
    ),
    "cut off": (lambda at, file: file.write_bytes(file.read_bytes()[:-40]), "readable objects"),
}


# What a hand has done is found alike at all providers; what is extracted again, and how, is a matter of each.
@pytest.mark.parametrize(
    ("provider", "hand"),
    [
        *(("pv", hand) for hand in HANDS),
        ("aig", "an amount changed, receipt lost"),
        ("jdb", "a row removed"),
        ("gmag", "an amount changed"),
    ],
)
def test_a_manual_change_of_an_object_is_found_and_repaired(
    provider: str, hand: str, office: Callable[[str], Office]
) -> None:
    change, found = HANDS[hand]
    at = office(provider)
    before = contents(at.files)
    touched = at.files[13]
    change(at, touched)
    left = {file: file.read_bytes() for file in at.files}
    with pytest.raises(ReconciliationFailed, match=r"figures differ.*repair=True") as caught:
        at.reconcile()
    assert touched.stem in str(caught.value)
    assert ("receipts", f"slot={touched.stem}", found.format(money=MONEY[provider])) in at.wrong
    assert "DOES NOT AGREE" in at.report[1].splitlines()[0]
    assert {file: file.read_bytes() for file in at.files} == left
    summary = mend(at, before, touched)
    assert summary["days"][0]["repaired"] == [touched.stem]
    bet_calls = [call for call in at.read() if provider != "aig" or call["params"]["page_size"] != "1"]
    assert len(bet_calls) == calls_of(touched)
    # The fewest that each document allows for an hour, and for some counts of rows a call that proves a window.
    assert len(bet_calls) in {"pv": (1, 2), "aig": (1,), "jdb": (12, 13, 14), "gmag": (3, 4)}[provider]


FORGED = {
    "pv": (another_amount("gain_amount"), 1),
    "aig": (without_a_row, 1),
    "jdb": (another_amount("total"), 24),  # its reports are of whole days
    "gmag": (another_amount("wins"), 1),
}


@pytest.mark.parametrize("provider", FORGED)
def test_what_no_receipt_shows_is_found_by_the_provider_and_narrowed(
    provider: str, office: Callable[[str], Office]
) -> None:
    at = office(provider)
    before = contents(at.files)
    change, again = FORGED[provider]
    touched = at.files[7]
    edit(touched, change, receipt="forged")
    with pytest.raises(ReconciliationFailed):
        at.reconcile()
    assert {report for report, _, _ in at.wrong} & REPORTS[provider]
    assert not [line for line in at.wrong if line[0] == "receipts"]
    summary = mend(at, before, touched)
    assert len(summary["days"][0]["repaired"]) == again
    asked = {"pv": 1 + 2 * 5 + 2, "gmag": 2 + 2 * 5 + 2, "aig": 24 + 24, "jdb": 10_000}[provider]
    assert len(at.simulator.calls) - len(at.read()) <= asked


def test_a_task_whose_providers_report_is_wrong_keeps_failing_and_says_so(
    office: Callable[[str], Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = office("pv")
    before = contents(at.files)
    real = Summaries.days

    def days(self: Summaries, start: int, end: int, now: int) -> list[dict[str, Any]]:
        found = real(self, start, end, now)
        if end - start == 86_400_000:
            found[0]["bet_count"] += 1
        return found

    monkeypatch.setattr(Summaries, "days", days)
    with pytest.raises(ReconciliationFailed, match=r"No slot was found.*No slot could be extracted again"):
        at.reconcile(repair=True)
    assert at.wrong == [("stage_summary", "all", "bet_count"), ("stage_summary, grand total", "all", "bet_count")]
    assert at.read() == []

    five = int((at.day.start + 5 * HOUR).timestamp() * 1000)

    def always(self: Summaries, start: int, end: int, now: int) -> list[dict[str, Any]]:
        found = real(self, start, end, now)
        found[0]["gain_amount"] += start <= five < end
        return found

    monkeypatch.setattr(Summaries, "days", always)
    with pytest.raises(
        ReconciliationFailed, match=r"1 slots were extracted again just now, and the provider's totals still"
    ):
        at.reconcile(repair=True)
    assert contents(at.files) == before
    assert [slot[9:13] for slot in at.report[0]["repaired"].to_pylist()[0]] == ["0500"]
    assert len(at.read()) == 1
    summary = at.reconcile(repair=True, tolerance="1")
    assert summary["disagreeing"] == 0


def test_after_a_repair_the_report_is_requested_again(
    office: Callable[[str], Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its report lagged when it was asked first."""
    at = office("pv")
    edit(at.files[7], without_a_row, receipt="forged")
    real = Summaries.days

    def days(self: Summaries, start: int, end: int, now: int) -> list[dict[str, Any]]:
        found = real(self, start, end, now)
        found[0]["bet_count"] -= 5 * (not at.read())
        return found

    monkeypatch.setattr(Summaries, "days", days)
    summary = at.reconcile(repair=True)
    assert summary["disagreeing"] == 0
    assert summary["repaired"] > 0
    assert len(at.read("stage_summary")) > 2


def test_a_tolerance_is_of_money_and_never_of_counts(office: Callable[[str], Office]) -> None:
    at = office("gmag")
    edit(at.files[3], another_amount("wins"), receipt="forged")
    with pytest.raises(ReconciliationFailed, match=r"ggr: .* \(-0.0001\)"):
        at.reconcile(tolerance="0.00009")
    assert at.reconcile(tolerance=Decimal("0.0001"))["disagreeing"] == 0
    edit(at.files[3], without_a_row, receipt="forged")
    with pytest.raises(ReconciliationFailed):
        at.reconcile(tolerance="1000000000000000")
    assert {measure for _, _, measure in at.wrong} <= {"games", "players"}


@pytest.mark.parametrize("provider", STREAMS)
def test_a_day_that_was_loaded_as_it_happened(
    provider: str,
    hook: Callable[..., BetProviderHook],
    simulator: Simulator,
    now: datetime,
    tmp_path: Path,
) -> None:
    """Hour by hour, just after each; then late rows, corrections and moves are in the report, but not in the lake."""
    begin = now.replace(hour=4 if provider == "jdb" else 0, minute=0, second=0, microsecond=0) - 3 * DAY
    at = Office(tmp_path, provider, hook(provider), simulator, Interval(begin, begin + DAY))
    try:
        for hour in range(24):
            simulator.set_now(begin + (hour + 1) * HOUR + timedelta(minutes=70))
            at.extract(Interval(begin + hour * HOUR, begin + (hour + 1) * HOUR))
        simulator.set_now(begin + DAY + 6 * HOUR)
        if provider in {"jdb", "gmag"}:
            with pytest.raises(ReconciliationFailed):
                at.reconcile()
        summary = at.reconcile(repair=True)
        records = simulator.truth(provider, at.stream.name, begin, begin + DAY)
        assert summary["bets"] == len(records)
        assert (summary["moved"] > 0) == (provider == "aig")
        assert (summary["repaired"] > 0) == (provider in {"jdb", "gmag"})
        assert not simulator.breaches
        if provider == "aig":
            text = at.report[1]
            assert f"{summary['moved']} rows have moved to later windows" in text
            assert at.wrong == []
    finally:
        simulator.set_now(now)


def test_days_of_jdb_run_from_noon_to_noon_whatever_the_slots(
    hook: Callable[..., BetProviderHook], simulator: Simulator, now: datetime, tmp_path: Path
) -> None:
    """Slots of six hours cut across the border of the day; rows count by their gameDate, and a missing one is found."""
    begin = now.replace(hour=4, minute=0, second=0, microsecond=0) - 3 * DAY
    at = Office(tmp_path, "jdb", hook("jdb"), simulator, Interval(begin, begin + DAY))
    wide = Interval(begin - 4 * HOUR, begin + DAY + 2 * HOUR)
    Extraction(at.source, at.stream).store(slots(wide, 6 * HOUR), at.lake)
    assert at.reconcile()["bets"] == len(simulator.truth("jdb", "transactions", begin, begin + DAY))
    before = contents(at.files)
    at.files[-1].unlink()
    with pytest.raises(ReconciliationFailed, match=r"stored objects: 0 here, 1 there"):
        at.reconcile()
    assert at.reconcile(repair=True)["repaired"] == 1
    assert contents(at.files) == before


def test_two_days_of_which_one_was_never_loaded(office: Callable[[str], Office]) -> None:
    at = office("pv")
    with pytest.raises(ReconciliationFailed, match=r"0 here, "):
        at.reconcile(end=at.day.end + DAY)
    assert len(list((at.folder / "_betproviders/reconciliation").rglob("*.md"))) == 2
    summary = at.reconcile(end=at.day.end + DAY, repair="True", slot="30m")
    assert [day["agrees"] for day in summary["days"]] == [True, True]
    assert [len(day["repaired"]) for day in summary["days"]] == [0, 48]
    assert len(at.files) == 24 + 48


def test_columns_that_the_lake_drops_or_hashes_are_neither_compared_nor_shown_nor_stored(
    hook: Callable[..., BetProviderHook], simulator: Simulator, now: datetime, tmp_path: Path
) -> None:
    begin = now.replace(hour=4, minute=0, second=0, microsecond=0) - 3 * DAY
    at = Office(tmp_path, "jdb", hook("jdb"), simulator, Interval(begin, begin + DAY))
    policy = PiiPolicy(at.stream, {"playerId": "hash"}, b"0123456789abcdef", {})
    Extraction(at.source, at.stream, pii_policy=policy).store(slots(at.day, HOUR), at.lake)
    players = {row["playerId"] for row in simulator.truth("jdb", "transactions", begin, begin + DAY)}
    assert at.reconcile()["disagreeing"] == 0
    table, text = at.report
    assert "daily_by_player is left out: the lake drops or hashes playerId" in text
    assert set(table["report"].to_pylist()) == {"receipts", "daily_by_game_type", "daily_by_game_type, grand total"}
    assert at.read("daily_by_player") == []
    before = contents(at.files)
    at.files[3].unlink()
    for _ in range(2):
        with pytest.raises(InvalidArgument, match=r"the stored slots drop or hash playerId.*extraction's own pii="):
            at.reconcile(repair=True)
        assert at.read() == []
        for file in at.files:
            file.rename(file.with_suffix(".away"))  # then nothing of a day is left: the next day has the rules
        at.extract_with_pii(policy)
    for file in tmp_path.rglob("*.away"):
        file.rename(file.with_suffix(".parquet"))
    reconciliation = Reconciliation(hook=at.source, fs=at.lake.fs, root=at.lake.root, repair=True, pii_policy=policy)
    assert reconciliation.run(at.day).repaired == [slots(at.day, HOUR)[3]]
    assert {name: rows for name, rows in contents(at.files).items() if name in before} == before
    written = at.report[1] + str(at.report[0].to_pylist())
    assert not any(f"'{player}'" in written or f"={player}" in written for player in players)


def test_a_slot_of_an_archived_lake_is_archived_when_it_is_read_again(office: Callable[[str], Office]) -> None:
    at = office("pv")
    slot = slots(at.day, HOUR)[4]
    Extraction(at.source, at.stream, archive=True).store([slot], at.lake)
    archive = Path(at.lake.archive(slot))
    archive.write_bytes(b"of an older read")
    edit(Path(at.lake.data(slot)), without_a_row)
    assert at.reconcile(repair=True)["repaired"] == 1
    assert pq.read_metadata(archive).num_rows == calls_of(Path(at.lake.data(slot)))


@pytest.mark.s3
def test_in_an_object_store(
    hook: Callable[..., BetProviderHook],
    simulator: Simulator,
    now: datetime,
    seaweed: SeaweedFS,  # noqa: F811
) -> None:
    begin = now.replace(hour=0, minute=0, second=0, microsecond=0) - 3 * DAY
    day, source, fs = Interval(begin, begin + DAY), hook("pv"), seaweed.filesystem()
    lake = Lake(fs, f"{seaweed.bucket}/raw", "pv", "history", source.account)
    Extraction(source, source.stream()).store(slots(day, 6 * HOUR), lake)
    fs.rm_file(lake.data(slots(day, 6 * HOUR)[2]))
    reconciliation = Reconciliation(hook=source, fs=fs, root=lake.root)
    assert not reconciliation.run(day).agrees
    mended = replace(reconciliation, repair=True).run(day)
    assert mended.agrees
    assert mended.repaired == [slots(day, 6 * HOUR)[2]]
    fs.invalidate_cache()
    folder = lake.beside("reconciliation")
    names = sorted(path.rsplit("/", 1)[-1] for path in fs.ls(folder, detail=False))
    assert names == [f"{begin:%Y-%m-%d}.md", f"{begin:%Y-%m-%d}.parquet"]
    assert ": agrees" in fs.cat_file(mended.path).decode()
