"""Fuzz for long: ``python -m tests.fuzz --seconds 600``.

With atheris (dependency group ``fuzz``) the inputs follow the code that they reach; without it, hypothesis makes them up.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.targets import JSON_LISTS, STREAMS, TARGETS

_SEEDS = Path(__file__).parents[1] / "providers" / "samples"
# Atheris takes over the process, so that each target runs in one of its own.
_ATHERIS = """
import sys, atheris
with atheris.instrument_imports(include=["airflow_betproviders.declare", "airflow_betproviders.extraction", "airflow_betproviders.hooks"]):
    from tests.fuzz.targets import TARGETS
atheris.Setup(sys.argv, TARGETS[{name!r}])
atheris.Fuzz()
"""


def main() -> int:
    """Run each target for its share of the time; 1 where one failed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=600)
    seconds = arguments.parse_args().seconds // len(TARGETS)
    run = _with_atheris if importlib.util.find_spec("atheris") else _with_hypothesis
    failed = [name for name, target in TARGETS.items() if not run(name, target, seconds)]
    sys.stdout.write(f"failed: {', '.join(failed)}\n" if failed else f"{len(TARGETS)} targets, nothing found\n")
    return 1 if failed else 0


def _with_atheris(name: str, _target: Callable[[bytes], None], seconds: int) -> bool:
    with tempfile.TemporaryDirectory() as corpus:
        for number, sample in enumerate(sorted(_SEEDS.glob("*.json"))):
            (Path(corpus) / sample.name).write_bytes(bytes([number % len(STREAMS)]) + sample.read_bytes())
        for number in range(len(JSON_LISTS)):
            (Path(corpus) / f"cell-{number}").write_bytes(bytes([number, number]) + b'"2026-11-20 05:00:00.123456"')
        limits = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=1500", "-max_len=20000"]
        command = [sys.executable, "-c", _ATHERIS.format(name=name), *limits, corpus]
        return subprocess.run(command, check=False).returncode == 0


def _with_hypothesis(name: str, target: Callable[[bytes], None], seconds: int) -> bool:
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    @settings(max_examples=2_000, deadline=None, database=None, suppress_health_check=[*HealthCheck])
    @given(data=st.binary(max_size=2_000))
    def once(data: bytes) -> None:
        target(data)

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            once()
        except Exception as error:  # noqa: BLE001 - whatever it is, it was found
            sys.stdout.write(f"{name}: {type(error).__name__}: {error}\n")
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
