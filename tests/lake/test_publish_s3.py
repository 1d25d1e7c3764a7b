"""All or nothing on a real S3 server."""

from __future__ import annotations

import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.write.slot_writer import SlotWriter
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import publish, read_receipt
from airflow_betproviders.lake.quarantine import RejectedRow
from airflow_betproviders.lake.receipt import Receipt
from tests.airflow_versions import AirflowTaskTimeout
from tests.extraction.vendor import BETS, FIVE, MINUTE, SLOT, bet, table
from tests.seaweed import KEY, SECRET, SeaweedFS, seaweed  # noqa: F401 - the fixture

pytestmark = pytest.mark.s3

SMALL, BIG = 20_000, 25 * 1024 * 1024  # one PUT, and four parts


@pytest.fixture
def lake(seaweed: SeaweedFS, request: pytest.FixtureRequest) -> Lake:  # noqa: F811
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    return Lake(seaweed.filesystem(), f"{seaweed.bucket}/{name}", "toy", "bets", "agent001")


def file(tmp_path: Path, size: int, seed: int = 1) -> Path:
    made = tmp_path / f"{seed}-{size}.parquet"
    made.write_bytes(random.Random(seed).randbytes(size))
    return made


@pytest.mark.parametrize("size", [0, SMALL, BIG])
def test_an_object_appears_complete_and_is_overwritten_in_place(lake: Lake, tmp_path: Path, size: int) -> None:
    for seed in (1, 2):
        made = file(tmp_path, size, seed)
        path = publish(lake, SLOT, made, [])
        assert lake.fs.cat_file(path) == made.read_bytes()
        assert lake.stored(SLOT) == {SLOT: path}
    assert [name.rsplit("/", 1)[-1] for name in lake.fs.find(lake.root)] == [f"{SLOT.name}.parquet"]


@pytest.mark.parametrize(
    ("size", "writes"),
    [
        (SMALL, {"PutObject": 1}),
        (15 * 1024 * 1024, {"PutObject": 1}),
        (BIG, {"CreateMultipartUpload": 1, "UploadPart": 4, "CompleteMultipartUpload": 1}),
    ],
)
def test_a_slot_of_up_to_two_parts_costs_one_put(lake: Lake, tmp_path: Path, size: int, writes: dict[str, int]) -> None:
    """What a bucket's owner pays for."""
    publish(lake, Interval(FIVE - 15 * MINUTE, FIVE), file(tmp_path, SMALL), [])  # the client has connected
    sent: Counter[str] = Counter()
    events = lake.fs.s3.meta.events
    events.register("before-send.s3", count := lambda event_name, **_: sent.update([event_name.rsplit(".", 1)[-1]]))
    try:
        publish(lake, SLOT, file(tmp_path, size), [])
    finally:
        events.unregister("before-send.s3", count)

    looks = {"ListObjectsV2", "DeleteObject"}  # the slots of these days, and bad rows of an earlier read
    assert {name: count for name, count in sent.items() if name not in looks} == writes


def test_quarantine_receipt_and_smaller_objects(lake: Lake, tmp_path: Path) -> None:
    quarter = Interval(FIVE, FIVE + 15 * MINUTE)
    publish(lake, quarter, file(tmp_path, SMALL), [RejectedRow('{"id":1}', "odd")])
    assert lake.fs.cat_file(lake.quarantine(quarter)) == b'{"reason":"odd","row":{"id":1}}\n'
    with SlotWriter(BETS, FIVE) as writer:
        writer.add(table(bet("a")))
        filled = writer.close(Receipt("toy", "bets", "agent001", *SLOT.texts, extracted_at=FIVE.isoformat()))
        path = publish(lake, SLOT, writer.path, [])
    assert read_receipt(lake.fs, path) == filled
    assert lake.stored(SLOT) == {SLOT: path}
    assert not lake.fs.exists(lake.quarantine(quarter))
    with pytest.raises(FileNotFoundError):
        read_receipt(lake.fs, lake.data(quarter))


@pytest.mark.parametrize("size", [SMALL, BIG])
def test_a_reader_who_polls_sees_one_complete_object_or_the_other(
    lake: Lake,
    seaweed: SeaweedFS,  # noqa: F811
    tmp_path: Path,
    size: int,
) -> None:
    one, two = file(tmp_path, size, 1), file(tmp_path, size + 1000, 2)
    path = publish(lake, SLOT, one, [])
    sizes, stop = set(), threading.Event()

    def poll() -> None:
        fs = seaweed.filesystem()
        while not stop.is_set():
            sizes.add(fs.info(path)["size"])
            data = fs.cat_file(path, start=0, end=10)
            sizes.add({one.read_bytes()[:10]: size, two.read_bytes()[:10]: size + 1000}.get(data, data))

    watcher = threading.Thread(target=poll)
    watcher.start()
    try:
        for made in (two, one, two):
            publish(lake, SLOT, made, [])
    finally:
        stop.set()
        watcher.join()
    assert sizes <= {size, size + 1000}
    assert lake.fs.cat_file(path) == two.read_bytes()


class Cutter:
    """A proxy in front of the server that cuts connections once so many bytes have gone up through it, or holds them.

    Attributes:
        left: bytes that go up until connections are cut.
        passing: bytes that go up until all that follow are held, until ``released`` is set.
        holds: set once bytes are held.
        released: lets them go on.
    """

    def __init__(self, target: str) -> None:
        host, port = target.removeprefix("http://").split(":")
        self.target = (host, int(port))
        self.left = self.passing = 1 << 62
        self.holds, self.released = threading.Event(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.open: list[socket.socket] = []
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
                self.open += [client, server]
                for source, sink, up in ((client, server, True), (server, client, False)):
                    thread = threading.Thread(target=self._pump, args=(source, sink, up), daemon=True)
                    thread.start()
                    self.threads.append(thread)

    def _pump(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if up:
                    self.left -= len(data)
                    if self.left < 0:
                        break
                    self.passing -= len(data)
                    if self.passing < 0:
                        self.holds.set()
                        self.released.wait(120)
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                # A reset: a socket that is only shut down goes on taking in what the client writes, which then waits for ever.
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RD)
                one.close()

    def close(self) -> None:
        self.released.set()
        for one in (self.listener, *self.open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
        for one in self.open:
            one.close()


@pytest.fixture
def cutter(seaweed: SeaweedFS) -> Iterator[Cutter]:  # noqa: F811
    made = Cutter(seaweed.endpoint)
    yield made
    made.close()


@pytest.mark.parametrize(("size", "cut_after"), [(SMALL, 10_000), (BIG, 4 << 20), (BIG, 20 << 20)])
def test_a_connection_that_breaks_in_an_upload_leaves_the_old_object(
    lake: Lake,
    seaweed: SeaweedFS,  # noqa: F811
    cutter: Cutter,
    tmp_path: Path,
    size: int,
    cut_after: int,
) -> None:
    old = file(tmp_path, SMALL, 1)
    path = publish(lake, SLOT, old, [])
    broken = seaweed.filesystem(
        endpoint_url=cutter.endpoint,
        config_kwargs={"retries": {"total_max_attempts": 1}, "connect_timeout": 2, "read_timeout": 3},
    )
    broken.retries = 1
    cutter.left = cut_after
    with pytest.raises((OSError, BotoCoreError)):
        publish(Lake(broken, lake.root, "toy", "bets", "agent001"), SLOT, file(tmp_path, size, 2), [])
    assert lake.fs.cat_file(path) == old.read_bytes()
    assert lake.stored(SLOT) == {SLOT: path}


KILLED = """
import sys
from pathlib import Path
import s3fs
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import publish

endpoint, key, secret, root, file, slot = sys.argv[1:]
fs = s3fs.S3FileSystem(endpoint_url=endpoint, key=key, secret=secret, client_kwargs={"region_name": "us-east-1"})
fs.exists(root)
print("ready", flush=True)
publish(Lake(fs, root, "toy", "bets", "agent001"), Interval.from_name(slot), Path(file), [])
"""


def test_a_worker_that_is_killed_between_the_parts_of_an_upload_leaves_the_old_object(
    lake: Lake,
    cutter: Cutter,
    tmp_path: Path,
) -> None:
    old = file(tmp_path, SMALL, 1)
    path = publish(lake, SLOT, old, [])
    arguments = [cutter.endpoint, KEY, SECRET, lake.root, str(file(tmp_path, BIG, 2)), SLOT.name]
    command = [sys.executable, "-c", KILLED, *arguments]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(root)}
    ) as one:
        assert one.stdout.readline() == b"ready\n"
        cutter.passing = 12 << 20  # into the second part
        assert cutter.holds.wait(120)
        one.send_signal(signal.SIGKILL)
        assert one.wait(60) == -signal.SIGKILL
    assert lake.fs.cat_file(path) == old.read_bytes()
    assert [name.rsplit("/", 1)[-1] for name in lake.fs.find(lake.root)] == [f"{SLOT.name}.parquet"]


@pytest.fixture
def time_out_at(cutter: Cutter) -> Iterator[Callable[[int], None]]:
    """Ends what the main thread does by an exception, as Airflow's own time-out does, once so many bytes have gone up."""
    main, ended = threading.main_thread().ident, threading.Event()
    threads: list[threading.Thread] = []

    def over(signum: int, frame: object) -> None:
        raise AirflowTaskTimeout("execution_timeout")

    def watch() -> None:
        cutter.holds.wait()
        if not ended.is_set():
            signal.pthread_kill(main, signal.SIGUSR1)

    def start(limit: int) -> None:
        cutter.passing = limit
        threads.append(threading.Thread(target=watch, daemon=True))
        threads[0].start()

    held = signal.signal(signal.SIGUSR1, over)
    yield start
    ended.set()
    cutter.holds.set()
    for thread in threads:
        thread.join(60)
    signal.signal(signal.SIGUSR1, held)


def test_a_task_that_times_out_in_an_upload_publishes_no_half_object(
    lake: Lake,
    seaweed: SeaweedFS,  # noqa: F811
    cutter: Cutter,
    time_out_at: Callable[[int], None],
    tmp_path: Path,
) -> None:
    old, new = file(tmp_path, SMALL, 1), file(tmp_path, BIG, 2)
    path = publish(lake, SLOT, old, [])
    through = Lake(seaweed.filesystem(endpoint_url=cutter.endpoint), lake.root, "toy", "bets", "agent001")
    time_out_at(12 << 20)
    with pytest.raises(AirflowTaskTimeout, match="execution_timeout"):
        publish(through, SLOT, new, [])
    cutter.released.set()
    deadline = time.monotonic() + 1  # the client's own thread may yet finish what it had begun
    while (found := lake.fs.cat_file(path)) == old.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found in (old.read_bytes(), new.read_bytes())


def test_leaving_an_open_handle_by_an_error_would_publish_half_an_object(lake: Lake) -> None:
    """Why `publish` uploads finished files instead."""
    path = lake.data(SLOT)
    with suppress(RuntimeError), lake.fs.open(path, "wb") as handle:
        handle.write(b"half")
        raise RuntimeError
    assert lake.fs.cat_file(path) == b"half"
