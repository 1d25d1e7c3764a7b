"""What a task needs from Airflow: its arguments, interval, deferral, stores, links, lineage, pool."""
