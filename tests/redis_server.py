"""A real Redis (or Valkey) on loopback, from the system's packages.

Import the fixture where it is needed: ``from tests.redis_server import redis  # noqa: F401``.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.ports import free_ports

SERVERS = ("redis-server", "valkey-server")


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Start a server that keeps nothing, and give its URL, without a database's number."""
    server = next(filter(None, map(shutil.which, SERVERS)), None)
    assert server, "no redis-server on the PATH: run .ci/debian-packages, or install Redis"
    [port] = free_ports(1)
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "Ready to accept connections" in line)
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a database in a Redis of the test's own."""
    with running(tmp_path) as url:
        yield f"{url}/0"
