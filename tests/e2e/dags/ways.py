"""Three sets of DAGs over four accounts: two keep the vendors' rates by pools and shared rate limits, one does not keep them."""

from dataclasses import dataclass

# Least seconds between two calls of an account. A shared rate limit counts whole seconds, so its accounts have one second.
# An hour of JDB takes twelve calls: long enough for a busy machine to find a task in the middle of them.
INTERVAL = {"pv": 1.0, "aig": 1.0, "jdb": 1.5, "gmag": 0.5}
SHARED_INTERVAL = 1.0
WIDE = 16  # slots of a pool that does not limit


@dataclass(frozen=True, eq=False)
class Way:
    """One set of DAGs, and how it keeps the vendors' rates.

    Attributes:
        name: the folder in the lake that it stores to.
        dag_ids: its DAGs, by vendor.
        pooled: the vendors whose pool has one slot.
        shared: the vendors whose connection has a shared rate limit.
    """

    name: str
    dag_ids: dict[str, str]
    pooled: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """Return the path that its DAGs store to."""
        return f"s3://lake_s3@lake/{self.name}"

    @property
    def intervals(self) -> dict[str, float]:
        """Return the seconds between two calls, by vendor. They are doubled without a limit, so that calls surely come too early."""
        limited = self.pooled | self.shared
        unlimited = {vendor: 2 * seconds for vendor, seconds in INTERVAL.items() if vendor not in limited}
        return INTERVAL | unlimited | dict.fromkeys(self.shared, SHARED_INTERVAL)

    def conn_id(self, vendor: str) -> str:
        """Return the id of the vendor's connection, which is also the name of its pool."""
        return f"{vendor}_default" if self is SAMPLE else self.dag_ids[vendor]

    def pool_slots(self, vendor: str) -> int:
        """Return the number of slots of the vendor's pool."""
        return 1 if vendor in self.pooled else WIDE


def _own(name: str) -> dict[str, str]:
    return {vendor: f"{vendor}_{name}" for vendor in INTERVAL}


SAMPLE = Way(
    "sample",
    {
        "pv": "pv_history",
        "aig": "aig_transactions",
        "jdb": "jdb_transactions",
        "gmag": "gmag_game_history",
    },
    pooled=frozenset({"jdb", "gmag"}),
    shared=frozenset({"pv", "aig"}),
)
SWAPPED = Way("swapped", _own("swapped"), pooled=frozenset({"pv", "aig"}), shared=frozenset({"jdb", "gmag"}))
UNLIMITED = Way("unlimited", _own("unlimited"))
