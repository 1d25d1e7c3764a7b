"""Two ways of keeping four accounts within their vendors' rates, and one that does not."""

from dataclasses import dataclass

# Least seconds between two calls. The shared budget counts whole seconds, so it is tried at one second.
INTERVAL = {"pv": 1.0, "aig": 1.0, "jdb": 0.25, "gmag": 0.5}
BUDGET_INTERVAL = 1.0
WIDE = 16


@dataclass(frozen=True, eq=False)
class Way:
    """How the runs of one set of DAGs keep to the vendors' rates: these vendors by this means, the others not at all."""

    name: str
    dag_ids: dict[str, str]
    pooled: frozenset[str] = frozenset()
    budgeted: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """Where it stores."""
        return f"s3://lake_s3@lake/{self.name}"

    @property
    def intervals(self) -> dict[str, float]:
        """Seconds between two calls, by vendor; longer where nothing holds them, so that tasks surely meet."""
        held = self.pooled | self.budgeted
        unheld = {vendor: 2 * seconds for vendor, seconds in INTERVAL.items() if vendor not in held}
        return INTERVAL | unheld | dict.fromkeys(self.budgeted, BUDGET_INTERVAL)

    def conn_id(self, vendor: str) -> str:
        """The connection, and the pool of the same name."""
        return f"{vendor}_default" if self is SAMPLE else self.dag_ids[vendor]

    def slots(self, vendor: str) -> int:
        """The width of the vendor's pool."""
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
    budgeted=frozenset({"pv", "aig"}),
)
SWAPPED = Way("swapped", _own("swapped"), pooled=frozenset({"pv", "aig"}), budgeted=frozenset({"jdb", "gmag"}))
UNHELD = Way("unheld", _own("unheld"))
