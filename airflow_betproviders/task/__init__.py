"""What a task needs from Airflow: its interval, deferral, stores, links, lineage, pool."""
