"""A simulator as an object: four worlds, their providers, and a server in a thread."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import uvicorn

from airflow_betproviders.simulator.aig.api import Aig
from airflow_betproviders.simulator.aig.bets import AigBets
from airflow_betproviders.simulator.app import make_app
from airflow_betproviders.simulator.clock import Clock, to_ms
from airflow_betproviders.simulator.exchange import Journal, Provider
from airflow_betproviders.simulator.faults import Faults
from airflow_betproviders.simulator.gmag.api import GmAg
from airflow_betproviders.simulator.gmag.rounds import GmAgRounds
from airflow_betproviders.simulator.jdb.api import Jdb
from airflow_betproviders.simulator.jdb.bets import JdbBets
from airflow_betproviders.simulator.pv.api import Pv
from airflow_betproviders.simulator.pv.bets import PvBets
from airflow_betproviders.simulator.settings import ACCOUNTS, Settings, connections
from airflow_betproviders.simulator.world import DAY, Source, World


class Simulator:
    """Four gaming vendors on one port.

    >>> with Simulator(Settings(seed=7)).running() as simulator:
    ...     simulator.credentials["pv"]["host"]
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.journal = Journal()
        self.faults = Faults(self.settings.seed, dict.fromkeys(self.settings.fault_kinds, self.settings.fault_rate))
        self.url = ""
        """The base URL, once running."""
        self._clock = Clock(self.settings.now)
        begin = self._clock.now_ms - int(self.settings.history_days * DAY)
        self._begin = begin - begin % DAY
        self.providers: dict[str, Provider] = {
            "pv": Pv(self._world("pv", PvBets()), self._clock, self.settings, ACCOUNTS["pv"]),
            "aig": Aig(self._world("aig", AigBets(self.settings)), self._clock, ACCOUNTS["aig"]),
            "jdb": Jdb(self._world("jdb", JdbBets(self.settings)), self._clock, self.settings, ACCOUNTS["jdb"]),
            "gmag": GmAg(self._world("gmag", GmAgRounds()), self._clock, self.settings, ACCOUNTS["gmag"]),
        }

    def _world(self, name: str, source: Source) -> World:
        return World(
            name,
            source,
            seed=self.settings.seed,
            rate=self.settings.rate,
            begin=self._begin,
            late_share=self.settings.late_share,
            cache_rows=self.settings.cache_rows,
        )

    @property
    def credentials(self) -> dict[str, dict[str, Any]]:
        """The demo connection of each provider, in Airflow's field names."""
        return connections(self.url, self.settings)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call so far, oldest first."""
        return self.journal.calls

    @property
    def breaches(self) -> list[dict[str, Any]]:
        """Every broken rule so far, oldest first."""
        return self.journal.breaches

    @property
    def now(self) -> datetime:
        """The world's time."""
        return self._clock.now

    def set_now(self, now: datetime | None) -> None:
        """Freeze the world at an instant, or let it follow the machine's clock."""
        self._clock.set(now)

    def advance(self, step: timedelta) -> None:
        """Move a frozen world on."""
        self._clock.advance(step)

    def truth(
        self,
        provider: str,
        stream: str,
        start: datetime,
        end: datetime,
        filters: Mapping[str, Any] | None = None,
        as_of: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """The records with ``start <= clock < end`` that a whole read would give at ``as_of`` (default: now).

        Numbers with a point are ``Decimal``. A row that has been superseded is there once, in its newest version, in
        the window that its newest clock falls into.
        """
        texts = self.truth_texts(provider, stream, start, end, filters, as_of)
        return [json.loads(text, parse_float=Decimal) for text in texts]

    def truth_texts(
        self,
        provider: str,
        stream: str,
        start: datetime,
        end: datetime,
        filters: Mapping[str, Any] | None = None,
        as_of: datetime | None = None,
    ) -> list[str]:
        """As ``truth``, but each record as the JSON text that the wire carries."""
        now = self._clock.now_ms if as_of is None else to_ms(as_of)
        return self.providers[provider].truth(stream, to_ms(start), to_ms(end), filters or {}, now)

    @contextmanager
    def running(self, host: str = "127.0.0.1", port: int = 0) -> Iterator[Simulator]:
        """Serve in a thread for as long as the context lasts."""
        listener = socket.create_server((host, port))
        config = uvicorn.Config(
            make_app(self),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=75,  # longer than AIG's five seconds between calls
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
