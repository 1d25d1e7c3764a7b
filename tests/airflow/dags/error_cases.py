"""Faults of a vendor and the state of the task after each: one case or more for each error of the package."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Case:
    """A vendor's fault or a user's mistake, and how the task must end. Each case has its own simulator and connection.

    Attributes:
        name: the name of the case, of its simulator and of its connection.
        vendor: the connection type.
        stream: the stream; the main one if None.
        filters: filters of the extraction.
        hours_ago: how long ago the extracted hour was.
        path: the lake, if it is another than that of all cases.
        faults: the simulator's faults.
        refusal: code and text of the answer to every call, if all are refused.
        connection: members of the connection that the user got wrong.
        state: the task's state at its end.
        retries: how often the task may be tried again.
        tries: how often it was tried.
        says: words of the task's log.
    """

    name: str
    vendor: str
    stream: str | None = None
    filters: dict[str, Any] = field(default_factory=dict)
    hours_ago: int = 3
    path: str = ""
    faults: dict[str, Any] = field(default_factory=dict)
    refusal: tuple[str, str] | None = None
    connection: dict[str, Any] = field(default_factory=dict)
    state: str = "failed"
    retries: int = 1
    tries: int = 1
    says: tuple[str, ...] = ()


WRONG_KEY = {"password": "wrong-key-000001"}
TWICE = {"times": 2}

CASES = (
    Case(
        name="pv_wrong_key", vendor="pv", connection=WRONG_KEY, says=("ProviderAuthError", "sign error", "merchant key")
    ),
    Case(name="aig_wrong_key", vendor="aig", connection=WRONG_KEY, says=("ProviderAuthError", "600100", "secret key")),
    Case(name="jdb_wrong_key", vendor="jdb", connection=WRONG_KEY, says=("ProviderAuthError", "9006", "iv_secret")),
    Case(name="gmag_wrong_key", vendor="gmag", connection=WRONG_KEY, says=("ProviderAuthError", "P_02")),
    Case(name="aig_unknown", vendor="aig", connection={"login": "nobody"}, says=("ProviderAuthError", "700101")),
    Case(
        name="aig_not_whitelisted",
        vendor="aig",
        refusal=("408003", "IP Is Not In The Whitelist"),
        says=("ProviderAuthError", "408003", "whitelist"),
    ),
    Case(
        name="jdb_not_whitelisted", vendor="jdb", refusal=("9001", "No authorized"), says=("ProviderAuthError", "9001")
    ),
    Case(name="jdb_refused", vendor="jdb", refusal=("8000", "Wrong parameter"), says=("ProviderRequestError", "8000")),
    Case(name="pv_bad_filter", vendor="pv", filters={"game_id": 2011}, says=("InvalidArgument", "game_ids")),
    Case(name="aig_rate", vendor="aig", faults={"rate": {"times": 1}}, state="success", says=("408004", "attempt 2")),
    Case(name="pv_429", vendor="pv", faults={"http_429": TWICE}, state="success", says=("429", "attempt 3")),
    Case(name="jdb_rate", vendor="jdb", faults={"rate": {"times": 1}}, state="success", says=("attempt 2",)),
    Case(name="pv_html", vendor="pv", faults={"html_200": TWICE}, state="success", says=("attempt 3",)),
    Case(name="aig_cut", vendor="aig", faults={"cut_json": TWICE}, state="success", says=("attempt 3",)),
    Case(name="jdb_busy", vendor="jdb", faults={"busy": TWICE}, state="success", says=("attempt 2",)),
    Case(name="gmag_reset", vendor="gmag", faults={"reset": TWICE}, state="success", says=("attempt 2",)),
    # A call is tried five times; the sixth is made by Airflow's second try. AIG needs one call only.
    # A third is left should a busy Airflow lose one.
    Case(name="aig_down", vendor="aig", faults={"http_500": {"times": 5}}, state="success", retries=2, tries=2),
    Case(
        name="jdb_expired",
        vendor="jdb",
        stream="recent_transactions",
        hours_ago=5,
        says=("WindowExpired", "the provider keeps two hours"),
    ),
    Case(name="gmag_expired", vendor="gmag", hours_ago=24 * 40, says=("WindowExpired", "is gone")),
    Case(
        name="aig_never_agrees", vendor="aig", faults={"total_lie": 1.0}, tries=2, says=("IncompleteWindow", "5 reads")
    ),
    Case(name="pv_bad_row", vendor="pv", faults={"bad_row": {"times": 1}}, says=("BadRows", "max_bad_rows=1")),
    Case(
        name="aig_wrong_storage",
        vendor="aig",
        path="s3://nowhere@lake/raw",
        says=("ConnectionNotFound", "'nowhere'", "does not exist"),
    ),
)
