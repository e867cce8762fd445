"""What a run leaves on disk: shard files, Parquet tables, the run folder, and replay from it."""
