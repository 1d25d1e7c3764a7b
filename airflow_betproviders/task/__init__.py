"""The parts of a task that operators share: its arguments, interval, deferral, stores, links, lineage, pool."""
