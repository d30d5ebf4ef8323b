"""The door to Dagster: operations as assets, chunks as partitions, runs that drive the engine."""
