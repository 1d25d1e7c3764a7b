"""Plays a scenario: two workers at once, a moving world, faults everywhere, and a verdict after each act."""

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
from airflow_betproviders.lake.coverage import coverage
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.registry import declared
from airflow_betproviders.simulator import Settings, Simulator
from tests.campaign.flaky_store import FlakyStore
from tests.campaign.scenario import HOUR, STREAMS, Scenario
from tests.campaign.verdict import Record, Tally, check_bets, check_coverage, check_raw, visible, watched
from tests.campaign.worker import STORE, Outcome, Task, Workers
from tests.seaweed import KEY, SECRET, SeaweedFS

MOST_TRIES = 12
LAG = timedelta(minutes=70)  # the longest of the four
# What a try may end in while things go wrong; anything else is a finding.
EXPECTED = {
    "ProviderUnavailable", "ProviderRateLimited", "IncompleteWindow", "OverlappingSlot", "NothingStored", "TableContended",
}  # fmt: skip
STORE_ERRORS = {
    "OSError", "IOError", "ConnectionError", "TimeoutError", "FileNotFoundError", "PermissionError", "DeltaError", "ClientError",
    "EndpointConnectionError", "ConnectionClosedError", "ReadTimeoutError", "ResponseStreamingError", "ServerTimeoutError",
    "ClientOSError", "ServerDisconnectedError", "CommitFailedError", "TableNotFoundError", "IncompleteBody", "AioReadTimeoutError",
}  # fmt: skip


@dataclass
class Stage:
    """Where a scenario is played.

    Attributes:
        workers: start processes.
        folder: of its own, for local stores.
        seaweed: the S3 server, where the scenario wants one.
    """

    workers: Workers
    folder: Path
    seaweed: SeaweedFS | None


class Play:
    """One scenario being played."""

    def __init__(self, scenario: Scenario, stage: Stage) -> None:
        self.scenario = scenario
        self.tally = Tally()
        self._stage = stage
        self._dice = random.Random(f"play/{scenario.seed}")
        self._guard = threading.Lock()
        self._acts: list[tuple[datetime, datetime]] = []  # when an act began, and the world's time in it
        self._torn: set[Interval] = set()  # what tasks that stayed red should have read
        self._stack = ExitStack()

    def run(self) -> Tally:
        """Play all acts."""
        s = self.scenario
        with self._stack:
            self._simulator = self._stack.enter_context(
                Simulator(Settings(now=s.end, history_days=4, **s.settings)).running()
            )
            self._open_store()
            self._stack.enter_context(watched(self.lake, self.tally))
            for kind, probability in s.faults.items():
                self._simulator.faults.set(kind, probability)
            for act in (self._as_it_happens, self._backfill, self._by_hand, self._settle):
                act()
                self._check(act.__name__)
            self._finish()
        self.tally.counts["scenarios"] += 1
        self.tally.counts["provider calls"] += len(self._simulator.calls)
        self.tally.counts["provider faults"] += sum(bool(call.get("faults")) for call in self._simulator.calls)
        self.tally.find("rules broken", [f"{s}: {breach}" for breach in self._simulator.breaches])
        return self.tally

    # ------------------------------------------------------------------ acts

    def _as_it_happens(self) -> None:
        """Hourly loads, two hours at a time, in any order, merges among them; some go to both workers."""
        first, second = self.scenario.hours[:2], self.scenario.hours[2:]
        for hours in (first, second):
            self._world(hours[-1].end + LAG)
            tasks = [self._extract(hour) for hour in hours]
            self._play(
                [*tasks, self._dice.choice(tasks), self._merge(Interval(hours[0].start, hours[-1].end))], tries=2
            )

    def _backfill(self) -> None:
        """A backfill at another grain beside a re-read by the hour."""
        self._world(self.scenario.end + 2 * HOUR)
        backfill = self._extract(self.scenario.backfill(self._dice), self.scenario.grain)
        self._play([backfill, self._extract(self._dice.choice(self.scenario.hours)), self._merge()], tries=2)

    def _by_hand(self) -> None:
        """Somebody deletes an object, and the gaps are filled."""
        stored = visible(self.lake)
        if stored:
            self.lake.fs.rm_file(stored[self._dice.choice(sorted(stored))])
            self.tally.counts["objects deleted by hand"] += 1
            self._check("_by_hand, deleted")
        self._play([self._task("gaps", **self._whole)], tries=MOST_TRIES, until_green=True)
        left = coverage(self.lake, self._stream, start=self.scenario.begin, end=self.scenario.end).gaps()
        self.tally.find("gaps that stayed", [f"{self.scenario}: {gap}" for gap in left])

    def _settle(self) -> None:
        """Everything is read again, as often as it takes."""
        self._world(self.scenario.end + 6 * HOUR)
        wide = [slot for slot in visible(self.lake) if slot.width > HOUR]
        hours = [hour for hour in self.scenario.hours if not any(slot.overlaps(hour) for slot in wide)]
        tasks = [self._extract(slot, slot.width) for slot in (*wide, *hours)]
        self._play([*tasks, self._dice.choice(tasks), self._merge()], tries=MOST_TRIES, until_green=True)

    def _finish(self) -> None:
        """A last merge, and the verdict on the bets table."""
        self._play([self._merge()], tries=MOST_TRIES, until_green=True)
        s = self.scenario
        truth = self._simulator.truth(s.provider, STREAMS[s.provider], s.begin, s.end)
        check_bets(self.table, s.provider, truth, self.tally, f"seed {s.seed}")

    # ------------------------------------------------------------------ tasks

    def _extract(self, interval: Interval, slot: timedelta = HOUR) -> Task:
        return self._task("extract", **{**self._whole, "start": interval.start, "end": interval.end, "slot": slot})

    @property
    def _whole(self) -> dict[str, Any]:
        times = {"start": self.scenario.begin, "end": self.scenario.end}
        return {"conn_id": "vendor", "path": f"{self._root}/raw", **times}

    @property
    def _stream(self) -> Stream:
        return declared(self.scenario.provider, STREAMS[self.scenario.provider])

    def _merge(self, interval: Interval | None = None) -> Task:
        whole = interval or Interval(self.scenario.begin, self.scenario.end)
        paths = {"path": f"{self._root}/raw", "table": f"{self._root}/bets"}
        return self._task("merge", start=whole.start, end=whole.end, provider=self.scenario.provider, **paths)

    def _task(self, kind: str, **arguments: Any) -> Task:
        vendor = self._simulator.credentials[self.scenario.provider]
        return Task(kind, arguments, {"vendor": vendor, **self._store})

    def _play(self, tasks: Sequence[Task], *, tries: int, until_green: bool = False) -> None:
        """Two workers take the tasks in any order, each as often as it takes, but not for ever."""
        waiting = list(tasks)
        self._dice.shuffle(waiting)
        lanes = [threading.Thread(target=self._lane, args=(waiting, tries, until_green)) for _ in range(2)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()

    def _lane(self, waiting: list[Task], tries: int, until_green: bool) -> None:
        while True:
            with self._guard:
                if not waiting:
                    return
                task = waiting.pop()
                killed = [self._kill() for _ in range(min(tries, 3))]
            outcome = Outcome("red")
            for number in range(tries):
                outcome = self._stage.workers.run(task, killed[number] if number < len(killed) else None)
                self._count(task, outcome)
                if outcome.state == "green":
                    break
            with self._guard:
                self._note(task, outcome)
                if until_green and outcome.state != "green":
                    self.tally.find("tasks that stayed red", [f"{self.scenario}: {task.kind}: {outcome}"])

    def _note(self, task: Task, outcome: Outcome) -> None:
        """Keep in mind what a task that stayed red should have read, until another has read it."""
        if task.kind == "merge":
            return
        interval = Interval(task.arguments["start"], task.arguments["end"])
        if outcome.state == "green":
            self._torn = {each for each in self._torn if not interval.contains(each)}
        else:
            self._torn.add(interval)

    def _kill(self) -> float | None:
        return self._dice.uniform(0, 0.8) if self._dice.random() < self.scenario.killed else None

    def _count(self, task: Task, outcome: Outcome) -> None:
        with self._guard:
            self.tally.counts["tries"] += 1
            self.tally.counts[f"tries {outcome.state}"] += 1
            if outcome.state == "red":
                known = EXPECTED | (STORE_ERRORS if self.scenario.store_faults else set())
                self.tally.counts[f"red: {outcome.error}"] += 1
                if outcome.error not in known:
                    self.tally.find("unexpected errors", [f"{self.scenario}: {task.kind}: {outcome}"])

    # ------------------------------------------------------------------ the world and the store

    def _world(self, now: datetime) -> None:
        self._simulator.set_now(now)
        self._acts.append((datetime.now(timezone.utc), now))

    def _truth(self, slot: Interval, extracted_at: datetime) -> list[Record]:
        """What the provider had when the slot was read: the world stands still during an act."""
        then = [world for began, world in self._acts if began <= extracted_at + timedelta(milliseconds=1)][-1]
        provider = self.scenario.provider
        return self._simulator.truth(provider, STREAMS[provider], slot.start, slot.end, as_of=then)

    def _check(self, act: str) -> None:
        about, s = f"seed {self.scenario.seed}{act}", self.scenario
        check_raw(self.lake, self._truth, self._torn, self.tally, about)
        check_coverage(self.lake, self._stream, Interval(s.begin, s.end), self.tally, about)

    def _open_store(self) -> None:
        provider = self.scenario.provider
        login = self._simulator.credentials[provider]["login"]
        if not self.scenario.remote or self._stage.seaweed is None:
            folder = self._stage.folder / f"{self.scenario.seed}"
            self._root, self._store = f"file://{folder}", {}
            self.lake = Lake(fsspec.filesystem("file"), f"{folder}/raw", provider, STREAMS[provider], login)
            self.table = BetsTable(f"{folder}/bets")
            return
        seaweed = self._stage.seaweed
        flaky = FlakyStore(seaweed.endpoint, self.scenario.store_faults, self.scenario.seed)
        proxy = self._stack.enter_context(flaky.running())
        self._stack.callback(lambda: self.tally.counts.update({f"store: {k}": n for k, n in proxy.struck.items()}))
        folder_name = f"{seaweed.bucket}/{self.scenario.seed}"
        patience = {"config_kwargs": {"connect_timeout": 5, "read_timeout": 10}}
        extra = {"endpoint_url": proxy.endpoint, "region_name": "us-east-1", **patience}
        self._store = {STORE: {"conn_type": "aws", "login": KEY, "password": SECRET, "extra": extra}}
        self._root = f"s3://{STORE}@{folder_name}"
        self.lake = Lake(seaweed.filesystem(), f"{folder_name}/raw", provider, STREAMS[provider], login)
        options = {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": seaweed.endpoint,
            "AWS_ALLOW_HTTP": "true",
        }
        self.table = BetsTable(f"s3://{folder_name}/bets", options)
