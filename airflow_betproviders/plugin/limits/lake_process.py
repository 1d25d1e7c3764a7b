"""Read the lake in a child process of low priority, so that other requests of the API server do not wait for it."""

from __future__ import annotations

import logging
import os
import signal
import traceback
from collections.abc import Callable
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any, TypeVar

from airflow_betproviders.plugin.limits.refusals import request_failed, retry_later

log = logging.getLogger(__name__)

T = TypeVar("T")

_NICENESS = 5  # how much lower the priority of the child is than that of the API server
_SPAWN = get_context("spawn")  # a fork would copy locks that Airflow's threads hold at that moment


class LakeProcess:
    """Run functions in one child process, one at a time.

    The child starts with the first call, which takes some seconds. It ends after a while without
    calls, after a call that takes too long, and with its parent. The next call starts another one.

    Args:
        seconds: how long a call may take. A child that takes longer to start goes on starting.
        idle_seconds: after how many seconds without a call the child ends.
    """

    def __init__(self, seconds: float = 45, idle_seconds: float = 600) -> None:
        self._seconds, self._idle_seconds = seconds, idle_seconds
        self._lock = Lock()
        self._child: Any = None
        self._ready = False
        self._connection: Connection | None = None

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Run ``function(*args)`` in the child and return its result.

        Args:
            function: a function of a module, which the child imports.
            *args: arguments that can be pickled.

        Raises:
            HTTPException: 503, the function failed or took too long. The log has the reason: a store's message may hold an
                address with a key in it.
        """
        with self._lock:
            try:
                return self._call(function, args)
            except (EOFError, OSError):  # the child was idle for long, or was killed
                self._end()
            try:
                return self._call(function, args)
            except (EOFError, OSError) as problem:
                self._end()
                log.exception("the process that reads the lake for the coverage page ended")
                raise request_failed(type(problem).__name__) from problem

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    @property
    def pid(self) -> int | None:
        """Return the child's process id; None while there is none."""
        return self._child.pid if self._child else None

    def _call(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        connection = self._connection or self._start()
        if not self._ready:
            if not connection.poll(self._seconds):
                raise retry_later(503, "The page is still starting.")
            self._ready = connection.recv()
        connection.send((function, args))
        if not connection.poll(self._seconds):
            self._end()
            raise retry_later(503, "Reading the lake takes too long. Choose fewer days.")
        result, problem, details = connection.recv()
        if problem:
            log.error("a request of the coverage page failed:\n%s", details)
            raise request_failed(problem)
        return result  # type: ignore[no-any-return]

    def _start(self) -> Connection:
        ours, theirs = _SPAWN.Pipe()
        self._child = _SPAWN.Process(
            target=_serve, args=(theirs, self._idle_seconds), name="betproviders-page", daemon=True
        )
        self._child.start()
        theirs.close()  # else the parent does not notice the end of the child
        self._connection = ours
        return ours

    def _end(self) -> None:
        if self._connection:
            self._connection.close()
        if self._child:
            self._child.kill()
            self._child.join()
        self._child = self._connection = None
        self._ready = False


def _serve(connection: Connection, idle_seconds: float) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent; the child ends with it
    import_module("airflow.sdk")  # takes most of the start
    os.nice(_NICENESS)
    connection.send(True)
    while connection.poll(idle_seconds):
        try:
            function, args = connection.recv()
        except EOFError:
            return
        try:
            connection.send((function(*args), "", ""))
        except Exception as problem:  # noqa: BLE001 - the parent logs it
            connection.send((None, type(problem).__name__, traceback.format_exc()))
