"""Let SAVEPOINTs on SQLite wait for the write lock: Airflow's local settings, copied to `$AIRFLOW_HOME/config`.

With Python's sqlite3 a SAVEPOINT opens a transaction that begins with a read. If another process writes first, SQLite
refuses this transaction's write at once, whatever the timeout: "database is locked", and a backfill is only partly
created. A transaction that takes the write lock first waits for its turn instead.
"""

import sqlite3
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine


@event.listens_for(Engine, "savepoint")
def _begin_before_savepoint(connection: Connection, _name: str) -> None:
    database: Any = connection.connection.dbapi_connection
    if isinstance(database, sqlite3.Connection) and not database.in_transaction:
        database.execute("BEGIN IMMEDIATE")
