"""Run Airflow's four components, and Celery workers, as children of one process that imports Airflow once.

Each `airflow` command spends some four seconds importing the same modules. Here one process imports them, creates the
database, and forks. Each child then runs the same `airflow` command as by hand, with its output in
`$AIRFLOW_HOME/logs/<component>.log`. The children end with this process, and this process ends with
the parent whose id it is given.
"""

import gc
import os
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

COMPONENTS = {
    # The API server takes longest to be ready, so it goes first.
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


def main(owner: int, *workers: str) -> int:
    """Start everything, and return when a component or `owner`, the parent, has ended.

    A Celery worker that ends stands for a lost machine: the others continue.
    """
    gc.disable()
    _create_database()
    if workers:
        import airflow.providers.celery.cli.celery_command  # noqa: F401 - the children inherit it
    # A fifth of each start is spent on looking for garbage: not at all while importing, and among what is new later.
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()
    home = Path(os.environ["AIRFLOW_HOME"])
    started = COMPONENTS | {name: _worker(name) for name in workers}
    children = {_fork(arguments, home / "logs" / f"{name}.log"): name for name, arguments in started.items()}
    for pid, name in children.items():
        (home / f"{name}.pid").write_text(str(pid))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while os.getppid() == owner:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                name = children.pop(pid)
                print(f"{name} ended with status {os.waitstatus_to_exitcode(status)}", flush=True)
                if name not in workers:
                    return 1
            time.sleep(0.2)
        return 0
    finally:
        _end(children)


def _worker(name: str) -> list[str]:
    return ["celery", "worker", "--celery-hostname", name, "--skip-serve-logs"]


def _create_database() -> None:
    # The children inherit these modules.
    import airflow.api_fastapi.execution_api.routes
    import airflow.api_fastapi.execution_api.versions
    import airflow.cli.cli_parser
    import airflow.dag_processing.manager
    import airflow.jobs.scheduler_job_runner
    import airflow.jobs.triggerer_job_runner  # noqa: F401
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    _warm_up()
    initdb()
    with create_session() as session:
        session.get_bind().engine.dispose()  # a SQLite connection must not cross a fork


def _warm_up() -> None:
    """Import modules that each task would otherwise take a second to import: workers inherit them from the scheduler."""
    import airflow.sdk.execution_time.task_runner  # noqa: F401

    import airflow_betproviders.extraction.slots
    import airflow_betproviders.operators.extract  # noqa: F401

    with suppress(ModuleNotFoundError):  # Airflow before 3.2 has none
        from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

        _ = ProvidersManagerTaskRuntime().asset_uri_handlers


def _fork(arguments: list[str], log: Path) -> int:
    pid = os.fork()
    if not pid:
        with _ending_at_once():
            _command(arguments, log)
    return pid


def _command(arguments: list[str], log: Path) -> None:
    with log.open("ab", buffering=0) as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    sys.argv = ["airflow", *arguments]
    runpy.run_module("airflow", run_name="__main__")


def _end(children: dict[int, str]) -> None:
    """Ask the children to end, and stay to reap them: a container's first process may not."""
    for pid, name in children.items():
        # These two have nothing that the database lacks, and take seconds to end by themselves.
        os.kill(pid, signal.SIGKILL if name in {"triggerer", "dag-processor"} else signal.SIGTERM)
    for pid in children:
        os.waitpid(pid, 0)


@contextmanager
def _ending_at_once() -> Iterator[None]:
    """End this process with the block, and with the block's status.

    The interpreter's own end takes seconds: it waits for threads that only the parent of a fork has, and frees each object.
    """
    status = 1
    try:
        yield
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - a child must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    with _ending_at_once():
        sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
