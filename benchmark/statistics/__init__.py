"""The statistics of the benchmark: pure functions on arrays, called by the metrics and the comparisons."""
