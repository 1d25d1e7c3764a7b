"""Run a simulator: the vendors, and a server in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn

from airflow_betproviders.simulator.app import make_app
from airflow_betproviders.simulator.state import SimulatorState

GRACE_SECONDS = 1
"""For answers that are still being sent when the server stops."""


class PromptServer(uvicorn.Server):
    """A server that stops at once. Uvicorn's own sleeps for some tenths of a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Stop. Call it from another thread, after the start."""
        self._loop.call_soon_threadsafe(self._stopped.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """Serve until `stop` is called."""
        await self.on_tick(0)  # sets the headers of all answers
        await self._stopped.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - the base class's
        """Close the connections, and wait a moment for answers that are still being sent."""
        for server in self.servers:
            server.close()
        for connection in [*self.server_state.connections]:
            connection.shutdown()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._answered(), GRACE_SECONDS)

    async def _answered(self) -> None:
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)


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
            timeout_keep_alive=75,  # longer than the least interval between two calls
        )
        server = PromptServer(config)
        self.url = f"http://{host}:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.005)
            yield self
        finally:
            if server.started:
                server.stop()
            thread.join(5)
            listener.close()
