"""Run a scenario: two workers at once, bets that arrive late and change, faults everywhere, and a verdict after each phase."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fsspec

from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import read_receipt
from airflow_betproviders.lake.survey.coverage import coverage
from airflow_betproviders.registry import declared
from airflow_betproviders.simulator import Settings, Simulator
from tests.campaign.flaky_store import FlakyStore
from tests.campaign.kinds import MUST_FAIL, ODD_KINDS, SLOW
from tests.campaign.odd_values import OddValues
from tests.campaign.scenario import HOUR, Faults, Scenario
from tests.campaign.vendors import Record
from tests.campaign.verdict import (
    Tally,
    check_bets,
    check_coverage,
    check_raw,
    quarantine,
    read,
    stored_versions,
    visible,
    watched,
)
from tests.campaign.worker import STORE, Outcome, Task, Workers
from tests.seaweed import KEY, SECRET, SeaweedFS

MOST_ATTEMPTS = 12
DAY_SECONDS = 86_400
MOST_MIB = 600  # of a worker's process
MOST_CALLS = 1000  # of a task that a provider lies to, for an hour or a few
ENOUGH_ROWS = 10  # for a fault of lists to show
LAG = timedelta(minutes=70)  # the longest of the four
# What an attempt may end in while things go wrong; anything else is a finding.
EXPECTED = {
    "ProviderUnavailable", "ProviderRateLimited", "ProviderOverloaded", "AnswerTooLarge", "IncompleteWindow",
    "OverlappingSlot", "NothingStored", "TableContended",
}  # fmt: skip
# What a task may end in when the provider lies all the time.
REFUSED = {"ProviderAuthError", "ProviderRequestError", "ProviderRateLimited", "TaskDeferred"}
STORE_ERRORS = {
    "StoreError", "OSError", "IOError", "ConnectionError", "TimeoutError", "FileNotFoundError", "PermissionError", "DeltaError", "ClientError",
    "EndpointConnectionError", "ConnectionClosedError", "ReadTimeoutError", "ResponseStreamingError", "ServerTimeoutError",
    "ClientOSError", "ServerDisconnectedError", "CommitFailedError", "TableNotFoundError", "IncompleteBody", "AioReadTimeoutError",
}  # fmt: skip


@dataclass
class Environment:
    """Where a scenario runs.

    Attributes:
        workers: start processes.
        folder: of its own, for local stores.
        seaweed: the S3 server, where the scenario wants one.
    """

    workers: Workers
    folder: Path
    seaweed: SeaweedFS | None


class ScenarioRun:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, environment: Environment) -> None:
        self.scenario = scenario
        self.tally = Tally()
        self._environment = environment
        self._rng = random.Random(f"run/{scenario.seed}")
        self._guard = threading.Lock()
        self._phases: list[tuple[datetime, datetime]] = []  # when a phase began, and the simulated time in it
        self._unread: set[Interval] = set()  # what tasks that kept failing should have read
        self._stack = ExitStack()

    def run(self) -> Tally:
        """Run all phases."""
        s = self.scenario
        with self._stack:
            self._simulator = self._stack.enter_context(
                Simulator(Settings(now=s.end, history_days=4, **s.settings)).running()
            )
            filters = self._simulator.filters(s.provider, s.stream, s.begin, s.end)
            self._filters: dict[str, Any] = self._rng.choice(filters)
            self._open_store()
            self._stack.enter_context(watched(self.lake, self.tally))
            self._simulator.faults.replace(s.faults)
            if s.wrong_zone_or_unit:
                self._wrong_zone_or_unit()
            else:
                for phase in (
                    self._as_it_happens,
                    self._backfill,
                    self._lies,
                    self._by_hand,
                    self._replay,
                    self._settle,
                ):
                    phase()
                    self._check(phase.__name__)
                if s.vendor.bet:
                    self._finish()
        self._sum_up()
        return self.tally

    def _sum_up(self) -> None:
        calls = self._simulator.calls
        self.tally.counts["scenarios"] += 1
        self.tally.counts["provider calls"] += len(calls)
        self.tally.counts["provider faults"] += sum(bool(call["faults"]) for call in calls)
        self.tally.faults.update(kind for call in calls for kind in call["faults"])
        for kind in (
            "foreign errors",
            "hangs",
            "too many calls",
            "lies believed",
            "lies that changed the lake",
            "tasks that kept failing",
        ):
            self.tally.find(kind, [])
        breaches = [breach for breach in self._simulator.breaches if not self._expected(breach)]
        self.tally.find("rules broken", [f"{self.scenario}: {breach}" for breach in breaches])

    def _expected(self, breach: Record) -> bool:
        """Return whether only this call could find out that PV's windows must end before midnight."""
        refused = breach["rule"] == "same_day" and self.scenario.settings["options"]["pv"]["midnight"] == "refuse"
        return refused and int(breach["params"].get("time_end", 1)) % DAY_SECONDS == 0

    # ------------------------------------------------------------------ phases

    def _as_it_happens(self) -> None:
        """Hourly loads, two hours at a time, in any order, merges among them; some go to both workers."""
        first, second = self.scenario.hours[:2], self.scenario.hours[2:]
        for hours in (first, second):
            self._set_time(hours[-1].end + LAG)
            tasks = [self._extract(hour) for hour in hours]
            merge = self._merge(Interval(hours[0].start, hours[-1].end))
            self._run([*tasks, self._rng.choice(tasks), *merge], attempts=2)

    def _backfill(self) -> None:
        """Run a backfill at another grain beside a re-read by the hour."""
        self._set_time(self.scenario.end + 2 * HOUR)
        backfill = self._extract(self.scenario.backfill(self._rng), self.scenario.grain)
        self._run([backfill, self._extract(self._rng.choice(self.scenario.hours)), *self._merge()], attempts=2)

    def _wrong_zone_or_unit(self) -> None:
        """Let the provider answer for other hours than it was asked for: every task must fail, and nothing may be stored."""
        self._simulator.faults.clear()
        self._set_time(self.scenario.end + LAG)
        for hour in self.scenario.hours:
            self._must_fail(self._extract(hour), "another zone or unit", hour)

    def _lies(self) -> None:
        """Give every answer of one task the same fault: it must store the truth, or fail and leave what is stored."""
        for kind, options in self.scenario.lies.items():
            stored = sorted(visible(self.lake))
            slot = self._rng.choice(stored) if stored else self.scenario.hours[0]
            faults = self._simulator.faults
            faults.replace({**self._odd_faults, kind: options})
            task = self._extract(slot, slot.width)
            if kind in SLOW:
                task.connections["vendor"]["extra"]["timeout"] = 1.5
            self._must_fail(task, kind, slot)
            faults.replace(self.scenario.faults)

    def _must_fail(self, task: Task, kind: str, slot: Interval) -> None:
        before, calls = stored_versions(self.lake), len(self._simulator.calls)
        outcome = self._environment.workers.run(task)
        self._count(task, outcome, lies=True)
        about = f"{self.scenario}: {kind}: {slot}: {outcome}"
        changed = stored_versions(self.lake) != before
        self.tally.counts["tasks lied to"] += 1
        call_count = len(self._simulator.calls) - calls
        self.tally.find("too many calls", [f"{about}: {call_count} calls"] if call_count > MOST_CALLS else [])
        if outcome.state != "succeeded":
            after_all = outcome.error in STORE_ERRORS  # the store did it, and lost its answer
            self.tally.find("lies that changed the lake", [about] if changed and not after_all else [])
            return
        self._note(task, outcome)
        faulty = [
            call for call in self._simulator.calls[calls:] if self.scenario.wrong_zone_or_unit or kind in call["faults"]
        ]
        rows = len(self._truth_now(slot))
        believed = faulty and rows >= ENOUGH_ROWS and (self.scenario.wrong_zone_or_unit or kind in MUST_FAIL)
        self.tally.find("lies believed", [about] if believed else [])

    def _by_hand(self) -> None:
        """Somebody deletes an object, and the gaps are filled."""
        stored = visible(self.lake)
        if stored:
            self.lake.fs.rm_file(stored[self._rng.choice(sorted(stored))])
            self.tally.counts["objects deleted"] += 1
            # A row on the next slot's start whose time can't be read was in the quarantine of this one.
            self._check_coverage("_by_hand, deleted")
        self._run([self._task("gaps", **self._whole, **self._archived)], attempts=MOST_ATTEMPTS, until_success=True)
        left = coverage(self.lake, self._stream, start=self.scenario.begin, end=self.scenario.end).gaps()
        self.tally.find("gaps that stayed", [f"{self.scenario}: {gap}" for gap in left])

    def _replay(self) -> None:
        """Rebuild all slots from their archives, without a call: they must hold the same rows as before.

        A worker that is killed after it has stored a slot's archive, before the slot itself, leaves an archive that is newer.
        """
        if not self.scenario.archive:
            return
        before, calls = self._rows(), len(self._simulator.calls)
        newer = [slot for slot in before if self._has_newer_archive(slot)]
        self.tally.counts["archives newer than their slot"] += len(newer)
        # A gap beside no stored slot is filled with slots of the stream's own width, which may reach beyond the four hours.
        ends = {"start": min(slot.start for slot in before), "end": max(slot.end for slot in before)} if before else {}
        self._run([self._task("replay", **{**self._whole, **ends})], attempts=MOST_ATTEMPTS, until_success=True)
        after = self._rows()
        wrong = [f"{slot}" for slot in {*before, *after}.difference(newer) if before.get(slot) != after.get(slot)]
        call_count = len(self._simulator.calls) - calls
        self.tally.counts["slots replayed"] += len(after)
        self.tally.find("slots that a replay changed", [f"{self.scenario}: {slot}" for slot in wrong])
        self.tally.find("calls of a replay", [f"{self.scenario}: {call_count}"] if call_count else [])

    def _has_newer_archive(self, slot: Interval) -> bool:
        try:
            archived = read_receipt(self.lake.fs, self.lake.archive(slot))
        except FileNotFoundError:
            return False
        stored = read_receipt(self.lake.fs, self.lake.data(slot))
        return bool(archived and stored and archived.made_at > stored.made_at)

    def _rows(self) -> dict[Interval, tuple[list[Record], list[str]]]:
        """Return the rows of each stored slot, and its quarantine."""
        paths = visible(self.lake)
        return {
            slot: (read(self.lake, path)[1].to_pylist(), quarantine(self.lake, slot)) for slot, path in paths.items()
        }

    def _settle(self) -> None:
        """Everything is read again, as often as it takes."""
        self._set_time(self.scenario.end + 6 * HOUR)
        wide = [slot for slot in visible(self.lake) if slot.width > HOUR]
        hours = [hour for hour in self.scenario.hours if not any(slot.overlaps(hour) for slot in wide)]
        tasks = [self._extract(slot, slot.width) for slot in (*wide, *hours)]
        self._run([*tasks, self._rng.choice(tasks), *self._merge()], attempts=MOST_ATTEMPTS, until_success=True)

    def _finish(self) -> None:
        """Merge a last time, and check the bets table."""
        self._run(self._merge(), attempts=MOST_ATTEMPTS, until_success=True)
        about = f"{self.scenario}"
        check_bets(self.table, self.lake, self._truth_now, self._odd_values(), self.tally, about)

    # ------------------------------------------------------------------ tasks

    def _extract(self, interval: Interval, slot: timedelta = HOUR) -> Task:
        slots = {"start": interval.start, "end": interval.end, "slot": slot}
        return self._task("extract", **{**self._whole, **self._archived, **slots})

    @property
    def _archived(self) -> dict[str, Any]:
        return {"archive": True} if self.scenario.archive else {}

    @property
    def _whole(self) -> dict[str, Any]:
        times = {"start": self.scenario.begin, "end": self.scenario.end}
        of = {"stream": self.scenario.stream, "filters": self._filters}
        return {"conn_id": "vendor", "path": f"{self._root}/raw", "max_bad_rows": 1_000_000, **of, **times}

    @property
    def _odd_faults(self) -> Faults:
        return {kind: how for kind, how in self.scenario.faults.items() if kind in ODD_KINDS}

    @property
    def _stream(self) -> Stream:
        return declared(self.scenario.provider, self.scenario.stream)

    def _merge(self, interval: Interval | None = None) -> list[Task]:
        if not self.scenario.vendor.bet:
            return []
        merged = interval or Interval(self.scenario.begin, self.scenario.end)
        paths = {"path": f"{self._root}/raw", "table": f"{self._root}/bets"}
        narrowed = {"stream": self.scenario.stream, "filters": self._filters} if self._filters else {}
        of = {"provider": self.scenario.provider, **narrowed}
        return [self._task("merge", start=merged.start, end=merged.end, **of, **paths)]

    def _task(self, kind: str, **arguments: Any) -> Task:
        vendor = self._simulator.credentials[self.scenario.provider]
        vendor["extra"] = {**vendor["extra"], **self.scenario.extra}
        return Task(kind, arguments, {"vendor": vendor, **self._store})

    def _run(self, tasks: Sequence[Task], *, attempts: int, until_success: bool = False) -> None:
        """Let two workers take the tasks in any order, with a bounded number of attempts each."""
        waiting = list(tasks)
        self._rng.shuffle(waiting)
        lanes = [threading.Thread(target=self._lane, args=(waiting, attempts, until_success)) for _ in range(2)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()

    def _lane(self, waiting: list[Task], attempts: int, until_success: bool) -> None:
        while True:
            with self._guard:
                if not waiting:
                    return
                task = waiting.pop()
                killed = [self._kill() for _ in range(min(attempts, 3))]
            outcome = Outcome("failed")
            for number in range(attempts):
                outcome = self._environment.workers.run(task, killed[number] if number < len(killed) else None)
                self._count(task, outcome)
                if outcome.state == "succeeded":
                    break
            with self._guard:
                self._note(task, outcome)
                if until_success and outcome.state != "succeeded":
                    self.tally.find("tasks that kept failing", [f"{self.scenario}: {task.kind}: {outcome}"])

    def _note(self, task: Task, outcome: Outcome) -> None:
        """Note what a task that kept failing should have read, until another has read it."""
        if task.kind == "merge":
            return
        interval = Interval(task.arguments["start"], task.arguments["end"])
        if outcome.state == "succeeded":
            self._unread = {each for each in self._unread if not interval.contains(each)}
        else:
            self._unread.add(interval)

    def _kill(self) -> float | None:
        return self._rng.uniform(0, 0.8) if self._rng.random() < self.scenario.killed else None

    def _count(self, task: Task, outcome: Outcome, *, lies: bool = False) -> None:
        with self._guard:
            self.tally.counts["attempts"] += 1
            self.tally.counts[f"attempts {outcome.state}"] += 1
            large = outcome.peak_mib > MOST_MIB
            self.tally.find("processes over 600 MiB", [f"{self.scenario}: {task.kind}: {outcome}"] if large else [])
            if outcome.state == "failed":
                known = (
                    EXPECTED | (STORE_ERRORS if self.scenario.store_faults else set()) | (REFUSED if lies else set())
                )
                self.tally.counts[f"failed: {outcome.error}"] += 1
                if outcome.error not in known:
                    kind = "hangs" if outcome.error == "Hung" else "foreign errors"
                    self.tally.find(kind, [f"{self.scenario}: {task.kind}: {outcome}"])

    # ------------------------------------------------------------------ the provider and the store

    def _set_time(self, now: datetime) -> None:
        self._simulator.set_now(now)
        self._phases.append((datetime.now(timezone.utc), now))

    def _truth(self, slot: Interval, extracted_at: datetime) -> list[Record]:
        """Return what the provider had when the slot was read: simulated time stands still during a phase."""
        then = [simulated for began, simulated in self._phases if began <= extracted_at + timedelta(milliseconds=1)][-1]
        s = self.scenario
        return [*self._simulator.truth(s.provider, s.stream, slot.start, slot.end, self._filters, as_of=then)]

    def _truth_now(self, slot: Interval) -> list[Record]:
        s = self.scenario
        return [*self._simulator.truth(s.provider, s.stream, slot.start, slot.end, self._filters)]

    def _odd_values(self) -> OddValues:
        return OddValues.from_calls(self.scenario.vendor, self._simulator.calls)

    def _check(self, phase: str) -> None:
        about = f"{self.scenario}{phase}"
        check_raw(self.lake, self._truth, self._unread, self._odd_values(), self.tally, about)
        self._check_coverage(phase)

    def _check_coverage(self, phase: str) -> None:
        s = self.scenario
        check_coverage(self.lake, self._stream, Interval(s.begin, s.end), self.tally, f"{s}{phase}")

    def _open_store(self) -> None:
        provider = self.scenario.provider
        login = self._simulator.credentials[provider]["login"]
        if not self.scenario.remote or self._environment.seaweed is None:
            folder = self._environment.folder / f"{self.scenario.seed}"
            self._root, self._store = f"file://{folder}", {}
            self.lake = Lake(
                fsspec.filesystem("file"), f"{folder}/raw", provider, self.scenario.stream, login, self._filters
            )
            self.table = BetsTable(f"{folder}/bets")
            return
        seaweed = self._environment.seaweed
        flaky = FlakyStore(seaweed.endpoint, self.scenario.store_faults, self.scenario.seed)
        proxy = self._stack.enter_context(flaky.running())
        self._stack.callback(lambda: self.tally.counts.update({f"store: {k}": n for k, n in proxy.faults.items()}))
        folder_name = f"{seaweed.bucket}/{self.scenario.seed}"
        timeouts = {"config_kwargs": {"connect_timeout": 5, "read_timeout": 10}}
        extra = {"endpoint_url": proxy.endpoint, "region_name": "us-east-1", **timeouts}
        self._store = {STORE: {"conn_type": "aws", "login": KEY, "password": SECRET, "extra": extra}}
        self._root = f"s3://{STORE}@{folder_name}"
        self.lake = Lake(
            seaweed.filesystem(), f"{folder_name}/raw", provider, self.scenario.stream, login, self._filters
        )
        options = {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": seaweed.endpoint,
            "AWS_ALLOW_HTTP": "true",
        }
        self.table = BetsTable(f"s3://{folder_name}/bets", options)
