"""End every process of one POSIX session, by its id.

Airflow's components start processes of their own, and some outlive their parent. All stay in the session in which they
were started.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def processes_of(session: int) -> list[int]:
    """Return the ids of the session's living processes; a zombie counts as ended."""
    return [pid for pid in _living() if _session_of(pid) == session]


def end_session(session: int, *, grace_seconds: float = 10.0) -> None:
    """Send SIGTERM to the session's processes, and SIGKILL to those that still run after `grace_seconds` seconds.

    Each process is signalled once, as soon as it is seen: a scheduler that ends replaces the workers that ended first.
    """
    for signum, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + seconds
        signalled: set[int] = set()
        while living := set(processes_of(session)):
            for pid in living - signalled:
                with suppress(ProcessLookupError):
                    os.kill(pid, signum)
            signalled |= living
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"processes {processes_of(session)} of session {session} could not be ended")


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _living() -> Iterator[int]:
    if not PROC.is_dir():  # macOS
        rows = subprocess.check_output(["ps", "-A", "-o", "pid=,stat="], text=True).splitlines()
        yield from (int(pid) for pid, state in map(str.split, rows) if not state.startswith("Z"))
        return
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The state comes after the name, which stands in parentheses and may hold anything.
                if (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z":
                    yield int(entry.name)
