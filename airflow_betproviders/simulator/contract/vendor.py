"""Define the contract between the simulator and a vendor's module, which imports nothing of the simulator.

A package registers its module in the entry point group ``airflow_betproviders.simulators``. The name of the entry point
is the connection type and the path prefix on the simulator's port. The module satisfies ``VendorModule`` by its shape
alone; it needs no import from this package::

    OPTIONS = {"window": ("[)", "[]")}


    class Nova:
        name, amount_field, key_field = "nova", "stake", "betId"
        min_interval, rate_reply, busy_replies, empty_replies = 0.0, None, (), {}

        def handle(self, call):
            call.read("bets", {"from": call.query["from"]})
            page = call.page(self.rows(...), size=200, number=1)
            return 200, {}, f'{{"total": {page.total}, "bets": [{page.joined}]}}'


    def make_vendor(setup):
        return Nova(setup)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from airflow_betproviders.simulator.contract.call import Call, Reply
from airflow_betproviders.simulator.contract.clock import Clock, to_ms


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The settings that a vendor is made from. Every record must follow from ``seed`` and time alone.

    Attributes:
        name: Entry point name, connection type and path prefix.
        clock: The simulated clock; ask ``now()``.
        begin: Start of the first UTC day with bets.
        seed: Of all that is random.
        rate: Bets an hour.
        late_share: Share of bets that appear late or are corrected afterwards.
        limits: Whether to enforce the rate limits of the vendor's document.
        cache_rows: Rows that the vendor may keep in memory.
        options: Every option that the module's ``OPTIONS`` declares, given or by default.
    """

    name: str
    clock: Clock
    begin: datetime
    seed: int = 7
    rate: float = 600.0
    late_share: float = 0.05
    limits: bool = True
    cache_rows: int = 120_000
    options: Mapping[str, Any] = field(default_factory=dict)

    def now(self) -> datetime:
        """Return the simulated time, in UTC."""
        return self.clock.now

    @property
    def begin_ms(self) -> int:
        """Return ``begin`` in epoch milliseconds."""
        return to_ms(self.begin)


class Vendor(Protocol):
    """A simulated vendor, written from the vendor's document alone."""

    name: str
    """As the entry point."""
    amount_field: str
    """The money field that faults change, as a regular expression over field names."""
    key_field: str
    """The key field that faults remove, as a regular expression over field names."""
    min_interval: float | None
    """Documented seconds between two calls, enforced by the simulator; 0 for none. ``None``: the vendor enforces
    limits of its own in ``handle``, if ``Setup.limits`` is set, by the simulated clock."""
    rate_reply: Reply | None
    """The documented answer to calls that come too fast; ``None`` is HTTP 429."""
    busy_replies: Sequence[Reply]
    """The documented answers that mean `try later`."""
    empty_replies: Mapping[str, Reply]
    """Successful answers without rows, by shape: ``list`` (``[]``), ``object`` (``{}``), ``null``, ``absent``."""

    def handle(self, call: Call) -> Reply:
        """Answer a call with HTTP status, headers and body.

        Check the signature first, then call ``call.read`` with the stream's name and the parameters without secrets,
        take rows from ``call.page``, so that faults can be worked in, and report each broken rule to ``call.breach``.
        An exception is answered with HTTP 500, and reported as a breach of the rule ``simulator``.
        """
        ...

    def truth(
        self, stream: str, start: datetime, end: datetime, filters: Mapping[str, Any], as_of: datetime
    ) -> list[str]:
        """Return the records with ``start <= clock < end`` that must be stored, as JSON objects.

        Each record is there once, in the newest version that the vendor shows at ``as_of``. A record of a CSV answer
        is an object of texts and nulls. Raise ``ValueError`` for an unknown stream or filter.
        """
        ...

    def filters(self, stream: str, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:
        """Return filters to read a stream with: of a stream that requires some, those that find rows; else ``[{}]``."""
        ...

    def connection(self, base_url: str) -> Mapping[str, Any]:
        """Return ``host``, ``login``, ``password`` and ``extra`` of a demo connection to ``base_url``."""
        ...


class VendorModule(Protocol):
    """The module that an entry point of ``airflow_betproviders.simulators`` names."""

    OPTIONS: Mapping[str, Any]
    """Options by name. A tuple lists the allowed values, the default first; anything else is the default. Where the
    vendor's document leaves a question open, each reading is a value of an option."""

    def make_vendor(self, setup: Setup) -> Vendor:
        """Make the vendor."""
        ...
