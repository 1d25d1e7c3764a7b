"""``python -m tests.mutations``: break a copy of the code in each way, and check that the named tests fail."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutations.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
FAILED = 1  # pytest's exit code for tests that failed, as opposed to tests that could not be run
MOST_MEMORY = 12 << 30  # bytes of address space: some mistakes use memory without end


class NotThere(Exception):
    """The text that a mutation replaces doesn't stand exactly once in its file."""


def broken(mutation: Mutation, root: Path = ROOT) -> str:
    """Return the text of the mutation's file with the mistake in it.

    Raises:
        NotThere: The code has changed; bring the mutation up to date.
    """
    text = (root / "airflow_betproviders" / mutation.file).read_text()
    if text.count(mutation.old) != 1 or mutation.old == mutation.new:
        raise NotThere(f"{mutation.name}: {mutation.file} has {text.count(mutation.old)} times: {mutation.old!r}")
    return text.replace(mutation.old, mutation.new)


def is_caught(mutation: Mutation, copy: Path) -> bool:
    """Run the tests of a mutation on a copy of the project; the copy is as before afterwards."""
    file = copy / "airflow_betproviders" / mutation.file
    text = file.read_text()
    file.write_text(broken(mutation, copy))
    tests = [f"tests/{each}" if (copy / "tests" / each).exists() else each for each in mutation.tests]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=_limit_memory,
        )
    finally:
        file.write_text(text)
    if done.returncode not in {0, FAILED}:
        raise RuntimeError(f"{mutation.name}: pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr}")
    return done.returncode == FAILED


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def main() -> None:
    """Try each mutation, or those whose name has one of the arguments; exit code 1 when one is not caught."""
    chosen = [each for each in MUTATIONS if not sys.argv[1:] or any(word in each.name for word in sys.argv[1:])]
    missed = []
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "dist", "site", "__pycache__"))
        for mutation in chosen:
            caught = is_caught(mutation, copy)
            missed += [] if caught else [mutation.name]
            print(f"{'caught' if caught else 'NOT CAUGHT'}: {mutation.name}", flush=True)  # noqa: T201
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
