"""Run `airflow` commands, each in a fork of one process that has imported Airflow: four CPU seconds less a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@contextmanager
def running(home: Path) -> Iterator[Command]:
    """Yield a function that runs `airflow <arguments>` with more environment, as `subprocess.run` does."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    env |= {"AIRFLOW_HOME": str(home)}
    server = subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin
    assert server.stdout
    wanted, answers = server.stdin, server.stdout

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as folder:
            out, err = (Path(folder, name) for name in ("out", "err"))
            asked = {"arguments": arguments, "env": {**env, **more}, "out": str(out), "err": str(err)}
            wanted.write(json.dumps(asked) + "\n")
            wanted.flush()
            code = int(answers.readline())
            return subprocess.CompletedProcess(["airflow", *arguments], code, out.read_text(), err.read_text())

    with server:
        yield run
        wanted.close()


def main() -> None:
    """Answer each line of standard input, which names a command, with its exit code."""
    import airflow.__main__  # noqa: F401
    from airflow.cli.cli_parser import get_parser

    import airflow_betproviders.cli.coverage
    import airflow_betproviders.cli.plan
    import airflow_betproviders.cli.reconcile  # noqa: F401

    get_parser()
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            _run(asked["arguments"], asked["env"], asked["out"], asked["err"])
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


def _run(arguments: list[str], env: Mapping[str, str], out: str, err: str) -> None:
    """Be the command, and end."""
    import airflow.__main__

    code: Any = 1
    try:
        for descriptor, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
        os.environ.clear()
        os.environ.update(env)
        sys.argv = ["airflow", *arguments]
        airflow.__main__.main()
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
        if not isinstance(code, int):
            sys.stderr.write(f"{code}\n")
            code = 1
    except BaseException:  # noqa: BLE001 - what Python would print
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
