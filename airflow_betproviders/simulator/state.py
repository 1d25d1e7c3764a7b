"""Hold the simulated vendors and what they share: time, truth, faults and the call log, without the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from airflow_betproviders.simulator.contract.clock import Clock
from airflow_betproviders.simulator.contract.discovery import find_modules, make_vendor, options_of
from airflow_betproviders.simulator.contract.vendor import Setup, Vendor, VendorModule
from airflow_betproviders.simulator.faults.switches import Faults
from airflow_betproviders.simulator.settings import Settings
from airflow_betproviders.simulator.wire.journal import Journal

_EXACT = json.JSONDecoder(parse_float=Decimal)


class SimulatorState:
    """All vendors, and what they share."""

    def __init__(self, settings: Settings | None = None, modules: Mapping[str, VendorModule] | None = None) -> None:
        """Make every vendor that is installed.

        Args:
            settings: The simulator's settings; default those of `Settings`.
            modules: Vendors beside those that are installed, or instead of them, by name.
        """
        self.settings = settings or Settings()
        self.journal = Journal()
        self.faults = Faults(self.settings.seed, dict.fromkeys(self.settings.fault_kinds, self.settings.fault_rate))
        self.url = ""
        """The base URL, once running."""
        self._clock = Clock(self.settings.now)
        known = {**find_modules(), **(modules or {})}
        for named in (self.settings.options, self.settings.min_interval or {}):
            if unknown := sorted(set(named) - set(known)):
                raise ValueError(
                    f"no simulated vendor {', '.join(unknown)} is installed; there are {', '.join(sorted(known))}"
                )
        vendors = {name: make_vendor(module, self._setup(name, module)) for name, module in known.items()}
        self.providers: dict[str, Vendor] = {name: vendor for name, vendor in vendors.items() if vendor is not None}
        """The vendors by name."""

    def _setup(self, name: str, module: VendorModule) -> Setup:
        settings = self.settings
        begin = self._clock.now - timedelta(days=settings.history_days)
        return Setup(
            name=name,
            clock=self._clock,
            begin=begin.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0),
            seed=settings.seed,
            rate=settings.rate,
            late_share=settings.late_share,
            limits=settings.limited(name),
            cache_rows=settings.cache_rows,
            options=options_of(name, module, settings.options.get(name, {})),
        )

    def interval_of(self, name: str) -> float:
        """Return the seconds that must pass between two calls of a vendor."""
        wanted = self.settings.min_interval
        return (self.providers[name].min_interval or 0.0) if wanted is None else wanted.get(name, 0.0)

    @property
    def credentials(self) -> dict[str, dict[str, Any]]:
        """Return the demo connection of each vendor, in the field names of ``airflow connections add --conn-json``."""
        credentials: dict[str, dict[str, Any]] = {}
        for name, vendor in self.providers.items():
            given = dict(vendor.connection(f"{self.url}/{name}"))
            extra = dict(given.get("extra") or {})
            if vendor.min_interval is not None or not self.settings.limited(name):
                extra["min_interval"] = self.interval_of(name)
            credentials[name] = {"conn_type": name, **given, "extra": extra}
        return credentials

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Return every call so far, oldest first."""
        return self.journal.calls

    @property
    def breaches(self) -> list[dict[str, Any]]:
        """Return every broken rule so far, oldest first."""
        return self.journal.breaches

    @property
    def now(self) -> datetime:
        """Return the simulated time."""
        return self._clock.now

    def set_now(self, now: datetime | None) -> None:
        """Let simulated time stand still at an instant, or follow the machine's clock."""
        self._clock.set(now)

    def advance(self, step: timedelta) -> None:
        """Move simulated time on, if it stands still."""
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
        """Return the records with ``start <= clock < end`` that must be stored at ``as_of`` (default: now).

        Numbers with a point are ``Decimal``. A row with several versions is returned once, in its newest version, in the
        window in which that version's time lies.
        """
        texts = self.truth_texts(provider, stream, start, end, filters, as_of)
        return [*map(_EXACT.decode, texts)]

    def truth_texts(
        self,
        provider: str,
        stream: str,
        start: datetime,
        end: datetime,
        filters: Mapping[str, Any] | None = None,
        as_of: datetime | None = None,
    ) -> list[str]:
        """Return ``truth`` as JSON texts. For a vendor with JSON answers they are exactly as sent."""
        return self.providers[provider].truth(stream, start, end, filters or {}, as_of or self.now)

    def filters(self, provider: str, stream: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """Return filters to read a stream with, ``[{}]`` where it requires none."""
        return [dict(chosen) for chosen in self.providers[provider].filters(stream, start, end)]
