#!/usr/bin/env python3
"""Run the commands of docs/tutorial.md as a new user would: a fresh folder, a fresh HOME, the wheel, two terminals.

The page's blocks are run as written. Only what a machine that runs other things needs is set from outside: free ports, where pip
finds the wheel, the lock's versions. Between blocks the script waits for the line that the page says to wait for.

    .ci/tutorial.py dist/            # the folder of the wheel
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from doc_pages import BLOCK, ROOT, user_environment

TIMEOUT = 900.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Terminal:
    """A shell that stays open from block to block."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True, bufsize=1,
        )  # fmt: skip

    def type(self, command: str) -> None:
        """Type a command without waiting for it."""
        assert self.process.stdin  # noqa: S101 - a pipe
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def run(self, command: str) -> tuple[int, str]:
        """Type a command, and return its exit code and output."""
        print(f"$ {command}", flush=True)
        self.type(f'{command}\necho "[ended $?]"' if command.endswith("&") else f'{command}; echo "[ended $?]"')
        output: list[str] = []
        assert self.process.stdout  # noqa: S101 - a pipe
        for line in self.process.stdout:
            if ended := re.search(r"\[ended (\d+)\]$", line.strip()):
                rest = line[: line.rindex("[ended")]
                output.append(rest)
                print(rest, end="", flush=True)
                return int(ended[1]), "".join(output)
            output.append(line)
            print(f"  {line}", end="", flush=True)
        raise SystemExit("the terminal has closed")

    def close(self) -> None:
        """End everything that was started in it."""
        os.killpg(self.process.pid, signal.SIGTERM)
        for _ in range(50):
            time.sleep(0.1)
            if self.process.poll() is not None:
                break
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def wait_for(what: str, met: Callable[[], bool]) -> None:
    """Wait for a condition, with a bound that a slow machine meets."""
    print(f"  (waiting until {what})", flush=True)
    end = time.monotonic() + TIMEOUT
    while not met():
        if time.monotonic() > end:
            raise SystemExit(f"not within {TIMEOUT:.0f} s: {what}")
        time.sleep(2)


def answers(url: str) -> bool:
    """Return whether a server answers there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def main(dist: Path) -> None:
    """Run the page against the wheel in a folder."""
    with tempfile.TemporaryDirectory(prefix="tutorial-") as home:
        vendor_port, ui_port = free_port(), free_port()
        constraints = Path(home) / "constraints.txt"
        lock = (ROOT / "requirements.lock").read_text()
        constraints.write_text("\n".join(re.findall(r"^[a-z0-9].*==[^\\\n]*", lock, re.MULTILINE)))
        environment = user_environment(Path(home)) | {
            "PIP_FIND_LINKS": str(dist.resolve()),
            "PIP_CONSTRAINT": str(constraints),
            "PIP_QUIET": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "AIRFLOW__API__PORT": str(ui_port),
            "AIRFLOW__API__BASE_URL": f"http://localhost:{ui_port}",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{ui_port}/execution/",
        }
        page = (ROOT / "docs" / "tutorial.md").read_text().replace("8400", str(vendor_port))
        betting = Path(home) / "betting"
        first, second = Terminal(Path(home), environment), None
        try:
            for language, title, text in BLOCK.findall(page):
                if language == "python":
                    (betting / title).write_text(text)
                    continue
                commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
                if title:
                    second = Terminal(betting, environment)
                    for command in commands:
                        print(f"second terminal $ {command}", flush=True)
                        second.type(command if "standalone" not in command else f"{command} > standalone.log 2>&1")
                    wait_for("Airflow answers", lambda: answers(f"http://127.0.0.1:{ui_port}/api/v2/monitor/health"))
                    continue
                for command in commands:
                    run(first, command)
        except BaseException:
            log = betting / "standalone.log"
            if log.exists():
                print(log.read_text()[-5000:], flush=True)
            raise
        finally:
            first.close()
            if second:
                second.close()
    print("tutorial: every command did what the page says")


def run(terminal: Terminal, command: str) -> None:
    """Run a command of the page; wait first for what the page says to wait for, and check what it promises."""
    if "betproviders coverage" in command:

        def six_complete() -> bool:
            code, output = terminal.run(f"{command} --output plain 2>/dev/null || {command}")
            row = next((line.split() for line in output.splitlines() if "transactions" in line), [])
            return code == 0 and any(int(word) >= 6 for word in row if word.isdigit())

        wait_for("six slots are stored", six_complete)
    if "reprocess-behavior" in command:
        wait_for("Airflow accepts the second backfill", lambda: terminal.run(command)[0] == 0)
        return
    code, output = terminal.run(command)
    if code:
        raise SystemExit(f"exit code {code}: {command}\n{output}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
