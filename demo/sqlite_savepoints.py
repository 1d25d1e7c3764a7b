"""Airflow's local settings for SQLite: a copy in `$AIRFLOW_HOME/config` is read by every component.

Python's sqlite3 lets a SAVEPOINT open a transaction that begins by reading. When another process writes before it does,
SQLite refuses its write at once, whatever the timeout: "database is locked", and a backfill is created by half. A
transaction that takes the write lock first waits for its turn instead.
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
