"""A run in one file that another reader can check and replay: packing, reading, replaying, exporting."""
