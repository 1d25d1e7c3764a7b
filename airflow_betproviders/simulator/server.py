"""Run a simulator: the vendors, and a server in a thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from airflow_betproviders.simulator.app import make_app
from airflow_betproviders.simulator.state import SimulatorState


class Simulator(SimulatorState):
    """Gaming vendors on one port.

    >>> with Simulator(Settings(seed=7)).running() as simulator:
    ...     simulator.credentials["pv"]["host"]
    """

    @contextmanager
    def running(self, host: str = "127.0.0.1", port: int = 0) -> Iterator[Simulator]:
        """Serve in a thread for as long as the context lasts."""
        listener = socket.create_server((host, port))
        config = uvicorn.Config(
            make_app(self),
            log_config=None,
            log_level="critical",
            access_log=False,
            date_header=False,  # each vendor sends one by its own clock
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=75,  # longer than the least interval between two calls
        )
        server = uvicorn.Server(config)
        self.url = f"http://{host}:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.005)
            yield self
        finally:
            server.should_exit = True
            thread.join(5)
            listener.close()
